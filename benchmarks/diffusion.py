"""How fast the diffusion tab is: a recorded run against the bare loop of diffusers, and the page on top of it."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from playwright.sync_api import Browser

from benchmarks import floors
from benchmarks.page import wait_for_answer
from benchmarks.serving import serving
from models import conditions, diffusion, seeding, zoo

FLOORS = {  # what is promised: (at least or at most, number)
    "run_s": ("<=", 1.5),
    "times_bare": ("<=", 1.1),
    "first_frame_ms": ("<=", 200.0),
    "scrub_per_second": (">=", 50.0),
}
WISH = {"hair_color": "blond", "mouth": "smile"}
STEPS, GUIDANCE = 25, 3.0
PICTURES = (3, 64, 64)


def recorded() -> None:
    """25 guided DDIM steps of one toon with everything that the panes show."""
    noise = seeding.normal(7, 1, PICTURES)
    for _ in diffusion.denoise(zoo.denoiser("toons"), noise, STEPS, "ddim", GUIDANCE, WISH):
        pass


@torch.inference_mode()
def bare() -> None:
    """The same picture by the plain loop of diffusers: the same network, scheduler and guidance, nothing recorded."""
    denoiser = zoo.denoiser("toons")
    plan = diffusion.make_scheduler("ddim", STEPS)
    vectors = denoiser.encoder(conditions.positions(denoiser.conditions, [WISH, {}]))
    x = F.pixel_unshuffle(seeding.normal(7, 1, PICTURES), diffusion.FOLD)
    for t in plan.timesteps:
        seen = torch.cat([x, x]).contiguous(memory_format=torch.channels_last)
        asked, free = denoiser.unet(seen, t, class_labels=vectors).sample.chunk(2)
        x = plan.step(free + GUIDANCE * (asked - free), t, x).prev_sample


def lanes(together: bool) -> None:
    """Four DDIM runs of 25 steps, as one batch or one after another."""
    walks = [diffusion.walk(seeding.normal(seed, 1, PICTURES), STEPS, labels=WISH) for seed in range(4)]
    groups = [walks] if together else [[one] for one in walks]
    for group in groups:
        for _ in diffusion.denoise_together(zoo.denoiser("toons"), group):
            pass


def _seconds(task: Callable[[], object]) -> float:
    began = time.perf_counter()
    task()
    return time.perf_counter() - began


def networks(times: int = 5) -> dict[str, float]:
    """Medians of runs that take turns, so that a slow moment of the machine meets both."""
    recorded()
    pairs = [(_seconds(recorded), _seconds(bare)) for _ in range(times)]
    four = _seconds(lambda: lanes(True)), _seconds(lambda: lanes(False))
    return {
        "run_s": round(statistics.median(a for a, _ in pairs), 2),
        "bare_s": round(statistics.median(b for _, b in pairs), 2),
        "times_bare": round(statistics.median(a / b for a, b in pairs), 2),
        "lanes_together_s": round(four[0], 2),
        "lanes_apart_s": round(four[1], 2),
    }


def our_page(browser: Browser, folder: Path) -> dict[str, float]:
    """The tab: a click on Denoise to the first painted frame, and paints while the finished run is scrubbed."""
    with serving(["app.py"], folder) as url:
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(f"{url}/?tab=diffusion")
        wait_for_answer(page)
        strip = page.locator("#diffusion-run-strip input[type=range]")
        strip.wait_for()
        button = page.get_by_role("button", name="Denoise", exact=True)
        firsts = []
        for _ in range(3):
            page.wait_for_function("!playground.current().busy", timeout=60_000)
            page.wait_for_timeout(2500)
            page.evaluate("""() => {
                window.began = null;
                const note = () => { window.began = performance.now(); };
                document.addEventListener('click', note, {capture: true, once: true});
            }""")
            button.click()
            page.wait_for_function("playground.paints['diffusion-run-strip'].at(-1) > (window.began ?? Infinity)")
            firsts.append(
                page.evaluate("playground.paints['diffusion-run-strip'].find((t) => t > window.began) - window.began")
            )
        page.wait_for_timeout(4000)
        per_second = page.evaluate("""async () => {
            const range = document.querySelector('#diffusion-run-strip input[type=range]');
            const began = performance.now();
            let k = 0;
            while (performance.now() - began < 3000) {
                range.value = k++ % (Number(range.max) + 1);
                range.dispatchEvent(new Event('input', {bubbles: true}));
                await new Promise(requestAnimationFrame);
            }
            return playground.paints['diffusion-run-strip'].filter((t) => t > began).length / 3;
        }""")
        page.close()
    return {"first_frame_ms": round(statistics.median(firsts), 1), "scrub_per_second": round(per_second, 1)}


def compare(browser: Browser, home: Callable[[str], Path]) -> dict:
    """All numbers of this tab; ``home`` makes an empty folder of a name."""
    return networks() | our_page(browser, home("diffusion"))


def table(results: dict) -> str:
    """The results as Markdown."""
    rows = ["| Diffusion | measured | promised |", "|---|---|---|"]
    labels = {
        "run_s": "25 guided DDIM steps of one face, everything recorded, s",
        "times_bare": f"against the bare loop of diffusers ({results['bare_s']} s), times",
        "first_frame_ms": "click to first painted frame, ms",
        "scrub_per_second": "paints/s while scrubbing",
    }
    rows += floors.rows(FLOORS, labels, results)
    rows.append(
        f"| four lanes as one batch, s ({results['lanes_apart_s']} s apart) | {results['lanes_together_s']} | |"
    )
    return "\n".join(rows)


def below_floors(results: dict) -> list[str]:
    """One sentence per promise that was not kept."""
    return floors.missed("diffusion", FLOORS, results)
