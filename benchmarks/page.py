"""A slider driven in Chromium, and the moments at which faces were painted: shared by the benchmarks of all tabs."""

import json
import statistics
from pathlib import Path

from playwright.sync_api import Browser, Page

from benchmarks.serving import serving

# Both pages are driven by the same two functions; `paints()` is the list of moments (performance.now()) at which a new
# face was drawn. Both are taken in the frame that shows it: our canvas draws inside requestAnimationFrame and notes
# when; the stock page's <img> is watched for its loads, and the next frame counts.
DRIVER = """
(() => {
    const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
    const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
    const frame = () => new Promise(requestAnimationFrame);
    const move = (slider, share) => {
        const low = Number(slider.min), high = Number(slider.max);
        set.call(slider, String(low + share * (high - low)));
        slider.dispatchEvent(new Event('input', {bubbles: true}));
        return performance.now();
    };
    const triangle = (t) => 0.1 + 0.8 * Math.abs(2 * (t - Math.floor(t)) - 1);
    const after = (moments, moment) => moments.filter((one) => one > moment);
    window.bench = {
        // one move at a time: milliseconds from the input event to the first face drawn after it
        async latency(slider, {paints, idle}, count) {
            const measured = [];
            for (let i = 0; i < count; i++) {
                // the settled view that follows a move is over before the next one
                while (!idle() || performance.now() - (paints().at(-1) ?? 0) < 350) await sleep(50);
                const moved = move(slider, triangle(i * 0.381966));
                while (!after(paints(), moved).length) {
                    if (performance.now() - moved > 10000) throw new Error('no face was drawn within 10 s');
                    await sleep(1);
                }
                measured.push(after(paints(), moved)[0] - moved);
                slider.dispatchEvent(new Event('change', {bubbles: true}));
            }
            return measured;
        },
        // a hand that never rests: one move per frame; how many faces were drawn in a second
        async dragging(slider, {paints}, seconds) {
            const began = performance.now(), end = began + 1000 * seconds;
            let drawn = 0, seen = began;
            while (performance.now() < end) {
                move(slider, triangle((performance.now() - began) / 1500));
                await frame();
                const fresh = after(paints(), seen);  // counted at once: the list keeps only the last ones
                drawn += fresh.length;
                seen = fresh.at(-1) ?? seen;
            }
            slider.dispatchEvent(new Event('change', {bubbles: true}));
            await sleep(1000);
            return drawn / seconds;
        },
    };
})()
"""
STOCK = {"slider": "#stock-0 input[type=range]", "page": "{paints: () => window.stockPaints, idle: () => true}"}
WATCH_STOCK = """
(() => {
    window.stockPaints = [];
    const seen = new WeakSet();
    const watch = () => document.querySelectorAll('#stock-face img').forEach((image) => {
        if (seen.has(image)) return;
        seen.add(image);
        image.addEventListener('load', () => requestAnimationFrame(() => window.stockPaints.push(performance.now())));
        if (image.complete && image.naturalWidth) window.stockPaints.push(performance.now());
    });
    // the whole page: gradio mounts an output when it comes to it, and may mount it anew
    new MutationObserver(watch).observe(document.body, {childList: true, subtree: true});
    watch();
})()
"""


def ours(tab: str) -> dict[str, str]:
    """Where a tab's first slider is, and how its large face tells of its paints."""
    return {
        "slider": f"#{tab}-rail input[type=range]:not([disabled])",
        "page": f"{{paints: () => playground.paints['{tab}-face'], idle: () => !playground.current().busy}}",
    }


def drive(page: Page, what: str, slider: str, paints: str, amount: float) -> float | list[float]:
    """Call ``bench.latency`` or ``bench.dragging`` of the driver with a selector and a page's `paints` object."""
    return page.evaluate(f"bench.{what}(document.querySelector({json.dumps(slider)}), {paints}, {amount})")


def measure(page: Page, where: dict[str, str], moves: int, seconds: float) -> dict[str, float]:
    """Latencies in milliseconds (median, 90th percentile) and paints per second while dragging, of one open page."""
    page.evaluate(DRIVER)
    drive(page, "latency", where["slider"], where["page"], 3)  # the first ones warm caches and threads
    latencies = drive(page, "latency", where["slider"], where["page"], moves)
    paints = drive(page, "dragging", where["slider"], where["page"], seconds)
    return {
        "median_ms": round(statistics.median(latencies), 1),
        "p90_ms": round(statistics.quantiles(latencies, n=10)[8], 1),
        "paints_per_second": round(paints, 1),
    }


def wait_for_answer(page: Page) -> None:
    """Until the visible tab shows what the live model answered."""
    page.wait_for_function("window.playground?.current?.()?.answers > 0", timeout=120_000)


def open_face(browser: Browser, url: str, tab: str) -> Page:
    """A tab's first view in a new page, live, with its large face painted and at rest."""
    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    page.goto(f"{url}/?tab={tab}")
    wait_for_answer(page)
    page.wait_for_function(f"window.playground.paints?.['{tab}-face']?.length > 0")
    page.wait_for_timeout(1500)
    return page


def stock_page(
    browser: Browser, module: str, folder: Path, moves: int, seconds: float, environment: dict[str, str] | None = None
) -> dict[str, float]:
    """The same model behind the stock wiring of ``benchmarks/MODULE.py``, measured; the first face painted counts."""
    with serving(["-m", f"benchmarks.{module}"], folder, environment) as url:
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(url)
        slider = page.locator(STOCK["slider"])
        slider.wait_for()
        page.evaluate(WATCH_STOCK)
        slider.press("ArrowRight")
        page.wait_for_function("window.stockPaints.length > 0")
        page.wait_for_timeout(1500)
        measured = measure(page, STOCK, moves, seconds)
        page.close()
    return measured
