"""How fast the page is: slider input to painted face against the stock wiring, and process start to first page.

`python -m benchmarks.bench` prints a table and writes benchmarks/results.json; `--check` exits 1 below the floors.
Both pages show the same model, in the same run, in the same Chromium, with nothing reachable but the loopback.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from benchmarks import autoregressive, diffusion, gan, latent_map
from benchmarks.page import measure, open_face, ours, stock_page, wait_for_answer
from benchmarks.serving import CHROMIUM, CHROMIUM_ARGUMENTS, serving

RESULTS = Path(__file__).with_name("results.json")
FASTER, PAINTS_PER_SECOND, START_SECONDS = 3.0, 25.0, 8.0  # the floors


def our_page(browser: Browser, folder: Path, moves: int, seconds: float) -> dict[str, float]:
    """The VAE tab."""
    with serving(["app.py"], folder) as url:
        page = open_face(browser, url, "vae")
        measured = measure(page, ours("vae"), moves, seconds)
        page.close()
    return measured


def start_times(browser: Browser, folder: Path) -> dict[str, float]:
    """Seconds from the process's start to a face and a slider that can be moved, and to the live model's answer."""
    page = browser.new_page(viewport={"width": 1920, "height": 1080})
    began = time.perf_counter()
    with serving(["app.py"], folder) as url:
        served = time.perf_counter() - began
        page.goto(url)
        page.locator(gan.OURS["slider"]).first.wait_for(timeout=120_000)
        page.wait_for_function("window.playground?.paints?.['gan-face']?.length > 0", timeout=120_000)
        interactive = time.perf_counter() - began
        wait_for_answer(page)
        live = time.perf_counter() - began
        page.close()
    return {"served_s": round(served, 2), "interactive_s": round(interactive, 2), "live_s": round(live, 2)}


def table(results: dict) -> str:
    """The results as Markdown."""
    rows = ["| page | input to face, median | 90 % | paints/s while dragging |", "|---|---|---|---|"]
    for name, label in (
        ("ours", "this app"),
        ("stock", "stock wiring, Gradio's defaults"),
        ("stock_without_history", "stock wiring, run_history=False"),
    ):
        row = results[name]
        rows.append(f"| {label} | {row['median_ms']} ms | {row['p90_ms']} ms | {row['paints_per_second']} |")
    start = results["start"]
    return "\n".join(
        [
            *rows,
            "",
            f"{results['times_faster']} times faster than the stock wiring at the median "
            f"({results['times_faster_without_history']} times with its run history off).",
            f"Process start to a page that answers: first face and sliders {start['interactive_s']} s, "
            f"live model {start['live_s']} s.",
            "",
            gan.table(results["gan"]),
            "",
            diffusion.table(results["diffusion"]),
            "",
            autoregressive.table(results["autoregressive"]),
            "",
            latent_map.table(results["map"]),
        ]
    )


def below_floors(results: dict) -> list[str]:
    """One sentence per floor that was missed."""
    missed = []
    if results["times_faster"] < FASTER:
        missed.append(f"{results['times_faster']} times faster than stock, at least {FASTER} is promised")
    if results["ours"]["paints_per_second"] < PAINTS_PER_SECOND:
        missed.append(f"{results['ours']['paints_per_second']} paints/s, at least {PAINTS_PER_SECOND} are promised")
    if results["start"]["interactive_s"] > START_SECONDS:
        missed.append(f"{results['start']['interactive_s']} s to the first page, at most {START_SECONDS} are promised")
    tabs = (("gan", gan), ("diffusion", diffusion), ("autoregressive", autoregressive), ("map", latent_map))
    return [*missed, *(sentence for name, tab in tabs for sentence in tab.below_floors(results[name]))]


def main() -> int:
    """Measure everything, print the table, write results.json; 1 when `--check` is given and a floor is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when a promised number is missed")
    parser.add_argument("--moves", type=int, default=40, help="slider moves per page")
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds of dragging per page")
    options = parser.parse_args()
    if not CHROMIUM.exists():
        print(f"There is no {CHROMIUM}: install Chromium or name one in CHROMIUM.", file=sys.stderr)
        return 1
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        # the pages themselves are not intercepted: Chromium resolves no name but the loopback's
        block = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=[*CHROMIUM_ARGUMENTS, block])

        def home(name: str) -> Path:
            (made := Path(folder) / name).mkdir()
            return made

        start_times(browser, home("warm"))  # warms the disk
        starts = [start_times(browser, home(f"start{i}")) for i in range(3)]
        size = (options.moves, options.seconds)
        ours = our_page(browser, home("ours"), *size)
        stock = stock_page(browser, "stock_vae", home("stock"), *size)
        without_history = stock_page(
            browser, "stock_vae", home("stock-without-history"), *size, environment={"STOCK_RUN_HISTORY": "off"}
        )
        tabs = {
            "gan": gan.compare(browser, home, *size),
            "diffusion": diffusion.compare(browser, home),
            "autoregressive": autoregressive.compare(browser, home),
            "map": latent_map.compare(browser, home, options.seconds),
        }
        browser.close()
    results = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "ours": ours,
        "stock": stock,
        "stock_without_history": without_history,
        "times_faster": round(stock["median_ms"] / ours["median_ms"], 1),
        "times_faster_without_history": round(without_history["median_ms"] / ours["median_ms"], 1),
        **tabs,
        "start": sorted(starts, key=lambda start: start["interactive_s"])[1],
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(table(results))
    missed = below_floors(results)
    print("\n".join(f"missed: {sentence}" for sentence in missed), file=sys.stderr)
    return 1 if missed and options.check else 0


if __name__ == "__main__":
    sys.exit(main())
