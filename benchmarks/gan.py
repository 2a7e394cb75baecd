"""How fast the GAN tab is: the networks alone, the page on top of them, and the same generator in the stock wiring.

"Wiring" is what the page adds: milliseconds from a slider's input event to the painted face, less the network's own
time for what had to be drawn (one face here, sixteen in the stock gallery).
"""

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from playwright.sync_api import Browser

from benchmarks import floors
from benchmarks.page import drive, measure, open_face, ours, stock_page, wait_for_answer
from benchmarks.serving import serving
from models import paths, seeding, threads, zoo

FLOORS = {  # what is promised: (at least or at most, number)
    "sixteen_ms": ("<=", 150.0),
    "one_ms": ("<=", 15.0),
    "sixty_frames_s": ("<=", 1.0),
    "paints_per_second": (">=", 25.0),
    "sheets_per_second": (">=", 5.0),
    "game_updates_per_second": (">=", 20.0),
    "wiring_times_shorter": (">=", 5.0),
}
OURS = ours("gan")


def _median_ms(task: Callable[[], object], times: int = 15) -> float:
    spent = []
    for _ in range(times + 2):
        began = time.perf_counter()
        task()
        spent.append(1000 * (time.perf_counter() - began))
    return statistics.median(spent[2:])


@torch.inference_mode()
def networks() -> dict[str, float]:
    """The generator alone: sixteen faces and one (ms, psi 0.7), and sixty frames between two faces (s)."""
    generator = zoo.generator("toons")
    z = seeding.normal(7, 16, (generator.config.latent_size,))

    def one() -> torch.Tensor:
        with threads.for_batch(1):
            return generator(z[:1], 0.7)

    def walk() -> torch.Tensor:
        return generator.synthesis(generator.truncate(paths.walk(generator, z[0], z[1], 60, "slerp"), 0.7))

    return {
        "sixteen_ms": round(_median_ms(lambda: generator(z, 0.7)), 1),
        "one_ms": round(_median_ms(one), 1),
        "sixty_frames_s": round(_median_ms(walk, 3) / 1000, 2),
    }


def our_page(browser: Browser, folder: Path, moves: int, seconds: float) -> dict[str, float]:
    """The tab: the psi slider to the large face, how often the sheet follows, and updates of the game on points."""
    with serving(["app.py"], folder) as url:
        page = open_face(browser, url, "gan")
        measured = measure(page, OURS, moves, seconds)
        sheet = OURS["page"].replace("gan-face", "gan-sheet")
        measured["sheets_per_second"] = round(drive(page, "dragging", OURS["slider"], sheet, seconds), 1)
        page.goto(f"{url}/?tab=gan&part=game")
        wait_for_answer(page)
        page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_timeout(1500)
        painted = """async (ms) => {
            const from = performance.now();
            let drawn = 0, seen = from;
            while (performance.now() - from < ms) {
                await new Promise(requestAnimationFrame);
                const fresh = playground.paints['gan-game-board'].filter((moment) => moment > seen);
                drawn += fresh.length;
                seen = fresh.at(-1) ?? seen;
            }
            return drawn;
        }"""
        measured["game_updates_per_second"] = round(page.evaluate(painted, 1000 * seconds) / seconds, 1)
        page.close()
    return measured


def compare(browser: Browser, home: Callable[[str], Path], moves: int, seconds: float) -> dict:
    """All numbers of this tab; ``home`` makes an empty folder of a name."""
    alone = networks()
    ours = our_page(browser, home("gan"), moves, seconds)
    stock = stock_page(browser, "stock_gan", home("stock-gan"), moves, seconds)
    wiring = ours["median_ms"] - alone["one_ms"], stock["median_ms"] - alone["sixteen_ms"]
    return alone | {
        "ours": ours,
        "stock": stock,
        "paints_per_second": ours["paints_per_second"],
        "sheets_per_second": ours["sheets_per_second"],
        "game_updates_per_second": ours["game_updates_per_second"],
        "wiring_ms": round(wiring[0], 1),
        "stock_wiring_ms": round(wiring[1], 1),
        "wiring_times_shorter": round(wiring[1] / max(wiring[0], 0.1), 1),
    }


def table(results: dict) -> str:
    """The results as Markdown."""
    rows = ["| GAN | measured | promised |", "|---|---|---|"]
    labels = {
        "sixteen_ms": "sixteen faces, the network alone, ms",
        "one_ms": "one face, the network alone, ms",
        "sixty_frames_s": "sixty frames between two faces, s",
        "paints_per_second": "large face while ψ is dragged, paints/s",
        "sheets_per_second": "sheet of sixteen meanwhile, paints/s",
        "game_updates_per_second": "game on points, drawn updates/s",
        "wiring_times_shorter": f"wiring: {results['wiring_ms']} ms, stock {results['stock_wiring_ms']} ms; shorter by",
    }
    rows += floors.rows(FLOORS, labels, results)
    return "\n".join(rows)


def below_floors(results: dict) -> list[str]:
    """One sentence per promise that was not kept."""
    return floors.missed("GAN", FLOORS, results)
