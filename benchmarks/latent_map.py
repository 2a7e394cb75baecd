"""How fast the map tab is: opening with all points, hover, pan, click, glide; and the same points in stock plots."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser, Page

from benchmarks import floors
from benchmarks.page import wait_for_answer
from benchmarks.serving import serving
from demos.uploads import example_atlas, to_tensor
from models import zoo
from models.latent_map_warmth import WARMTH

FLOORS = {  # what is promised: (at least or at most, number)
    "open_s": ("<=", 1.5),
    "hover_per_second": (">=", 50.0),
    "pan_per_second": (">=", 50.0),
    "click_ms": ("<=", 100.0),
    "glide_per_second": (">=", 30.0),
    "project_ms": ("<=", 300.0),
}
BOARD = "#map-board canvas.points"
# A hand that moves at every frame: the canvas under it, which paints count, whether a button is held, for how long.
# Answers with paints (or, where nobody counts them, frames) per second.
HAND = """async ([selector, paints, held, ms]) => {
    const node = document.querySelector(selector);
    const box = node.getBoundingClientRect();
    node.setPointerCapture = () => {};
    const send = (kind, t) => node.dispatchEvent(new PointerEvent(kind, {
        clientX: box.x + box.width * (0.5 + 0.3 * Math.sin(t / 400)),
        clientY: box.y + box.height * (0.5 + 0.3 * Math.cos(t / 530)),
        pointerId: 1, pointerType: 'mouse', button: 0, bubbles: true,
    }));
    if (held) send('pointerdown', 0);
    const began = performance.now();
    let [seen, drawn] = [began, 0];
    while (performance.now() - began < ms) {
        send('pointermove', performance.now() - began);
        await new Promise(requestAnimationFrame);
        const fresh = paints ? (playground.paints[paints] ?? []).filter((t) => t > seen) : [performance.now()];
        drawn += fresh.length;
        seen = fresh.at(-1) ?? seen;
    }
    if (held) send('pointerup', ms);
    return drawn / (ms / 1000);
}"""
OPEN = """async (board) => {
    const began = performance.now();
    playground.select('map');
    const complete = () => {
        const canvas = document.querySelector(board);
        const shown = playground.tab('map').view.board;
        return shown && Number(canvas?.dataset.pictures) > 0 && Number(canvas.dataset.atlases) === shown.thumbs.length;
    };
    while (!complete()) await new Promise(requestAnimationFrame);
    return (performance.now() - began) / 1000;
}"""
CLICK = """async ([board, share]) => {
    const node = document.querySelector(board);
    const box = node.getBoundingClientRect();
    node.setPointerCapture = () => {};
    const at = { clientX: box.x + box.width * share, clientY: box.y + box.height * (1 - share), pointerId: 1,
        pointerType: 'mouse', button: 0, bubbles: true };
    const began = performance.now();
    for (const kind of ['pointerdown', 'pointerup']) node.dispatchEvent(new PointerEvent(kind, at));
    const face = () => (playground.paints['map-face'] ?? []).find((t) => t > began);
    while (!face()) {
        if (performance.now() - began > 10000) throw new Error('no face was drawn within 10 s');
        await new Promise((done) => setTimeout(done, 1));
    }
    return face() - began;
}"""
GLIDE = """async ([board, method]) => {
    const node = document.querySelector(board);
    const radios = [...document.querySelectorAll('#map-rail input[type=radio]')];
    const radio = radios.find((one) => one.value === JSON.stringify(method));
    radio.click();
    while (!node.dataset.gliding) await new Promise(requestAnimationFrame);
    const began = performance.now();
    while (node.dataset.gliding) await new Promise(requestAnimationFrame);
    const ended = performance.now();
    return playground.paints['map-board'].filter((t) => t > began && t <= ended).length / ((ended - began) / 1000);
}"""
MARKS = {"scatter": ".mark-symbol path", "plotly": ".scatterlayer .point"}  # what each stock plot draws for a point
STOCK = """async (mark) => {
    const plot = document.querySelector('#stock-plot');
    const began = performance.now();
    document.querySelector('#stock-show').click();
    const marks = () => plot.querySelectorAll(mark).length;
    while (marks() < 1000) {
        if (performance.now() - began > 120000) throw new Error('no points were drawn within 120 s');
        await new Promise((done) => setTimeout(done, 10));
    }
    await new Promise(requestAnimationFrame);
    return [(performance.now() - began) / 1000, marks()];
}"""


def projection() -> float:
    """Milliseconds that a drawing takes to be put on the map, once umap-learn is warm: the median of ten."""
    if not WARMTH.wait():
        raise RuntimeError(f"umap-learn did not start: {WARMTH.reason}")
    atlas, vae, reader = zoo.latent_map("toons"), zoo.vae("toons"), zoo.attributes("toons")
    spent = []
    for i in range(12):
        picture = to_tensor(example_atlas()[i])[0]
        began = time.perf_counter()
        atlas.project(picture, vae, reader)
        spent.append(1000 * (time.perf_counter() - began))
    return round(statistics.median(spent[2:]), 1)


def _rest(page: Page) -> None:
    page.wait_for_function("playground.current().answers > 0 && !playground.current().busy", timeout=60_000)
    page.wait_for_timeout(1200)


def our_page(browser: Browser, folder: Path, seconds: float) -> dict[str, float]:
    """The tab: from its opening to all points with their pictures; then a hand that hovers, drags, clicks."""
    with serving(["app.py"], folder) as url:
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(f"{url}/?tab=gan")
        wait_for_answer(page)
        _rest(page)
        measured = {"open_s": round(page.evaluate(OPEN, BOARD), 2)}
        _rest(page)
        measured["points"] = page.evaluate("playground.current().view.board.points.count")
        measured["pictures"] = int(page.locator(BOARD).get_attribute("data-pictures"))
        milliseconds = 1000 * seconds
        measured["hover_per_second"] = round(page.evaluate(HAND, [BOARD, None, False, milliseconds]), 1)
        _rest(page)
        measured["pan_per_second"] = round(page.evaluate(HAND, [BOARD, "map-board", True, milliseconds]), 1)
        _rest(page)
        clicks = []
        for i in range(12):
            clicks.append(page.evaluate(CLICK, [BOARD, 0.3 + 0.033 * i]))
            _rest(page)
        measured["click_ms"] = round(statistics.median(clicks[2:]), 1)
        glides = []
        for method in ("tsne", "pca", "umap", "pca", "umap"):
            glides.append(page.evaluate(GLIDE, [BOARD, method]))
            _rest(page)
        measured["glide_per_second"] = round(statistics.median(glides), 1)
        page.close()
    return measured


def stock_page(browser: Browser, folder: Path, kind: str, seconds: float) -> dict[str, float]:
    """The same points in a stock plot (a key of MARKS): from the click to its marks, and frames while a hand hovers."""
    with serving(["-m", "benchmarks.stock_map", kind], folder) as url:
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(url)
        page.locator("#stock-show").wait_for()
        page.wait_for_timeout(1500)
        opened, marks = page.evaluate(STOCK, MARKS[kind])
        page.wait_for_timeout(2000)
        hover = page.evaluate(HAND, ["#stock-plot svg", None, False, 1000 * seconds])
        page.close()
    return {"open_s": round(opened, 2), "points": marks, "hover_per_second": round(hover, 1)}


def compare(browser: Browser, home: Callable[[str], Path], seconds: float) -> dict:
    """All numbers of this tab; ``home`` makes an empty folder of a name."""
    ours = our_page(browser, home("map"), seconds)
    stock = {kind: stock_page(browser, home(f"stock-map-{kind}"), kind, seconds) for kind in MARKS}
    return ours | {"project_ms": projection(), "stock": stock}


def table(results: dict) -> str:
    """The results as Markdown."""
    rows = ["| Map | measured | promised |", "|---|---|---|"]
    labels = {
        "open_s": f"the tab is chosen to {results['points']:,} points with their thumbnails, s",
        "hover_per_second": "a hand hovers, frames/s",
        "pan_per_second": "a hand drags the map, paints/s",
        "click_ms": "click to the decoded face, ms",
        "glide_per_second": "from layout to layout, paints/s",
        "project_ms": "a picture is put on the map, once warm, ms",
    }
    rows += floors.rows(FLOORS, labels, results)
    for kind, name in (("scatter", "gr.ScatterPlot"), ("plotly", "gr.Plot with plotly")):
        stock = results["stock"][kind]
        rows.append(f"| {stock['points']:,} of the same points in {name}, without pictures, s | {stock['open_s']} | |")
        rows.append(f"| a hand hovers over that, frames/s | {stock['hover_per_second']} | |")
    return "\n".join(rows)


def below_floors(results: dict) -> list[str]:
    """One sentence per promise that was not kept."""
    return floors.missed("map", FLOORS, results)
