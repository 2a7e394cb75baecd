"""The language models on this machine: a step with the probabilities of the whole vocabulary against the bare step of
transformers, tokens of tiny, and how long the page takes to follow a knob."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import Browser

from benchmarks import floors
from benchmarks.page import wait_for_answer
from benchmarks.serving import serving
from models import fetch, language_decoding, zoo
from models.language import LanguageModel
from models.sampling import Rules

PROMPT = "It was a bright cold day in April, and the clocks were striking thirteen. "
TOKENS = 32
ROUNDS = 3
FLOORS = {  # what is promised: (at least or at most, number)
    "tiny_ours_ms": ("<=", 15.0),
    "tiny_ratio": ("<=", 1.15),
    "smollm2_ratio": ("<=", 1.15),
    "smollm2_resident_gb": ("<=", 1.3),
    "knob_ms": ("<=", 16.0),
    "knob_requests": ("<=", 0.0),
}
BOARD = "autoregressive-write-board"
STORE = "window.playground.current()"
RULES = Rules(temperature=0.8, top_k=50, top_p=0.95, min_p=0.02, repetition_penalty=1.1)
# A process of its own that loads SmolLM2, reads a long text and writes on; it prints what it then holds, in GB.
RESIDENT = """
from models import language_decoding, zoo
from models.sampling import Rules
model = zoo.language("smollm2")
ids = model.encode(%r * 100)[:900]
for index in range(16):
    ids.append(language_decoding.choose(model, ids, Rules(), 7, index).chosen)
status = open("/proc/self/status").read()
print(int(status.split("VmRSS:")[1].split()[0]) / 1e6)
"""
KNOB_MS = """(count) => {
    const board = document.querySelector("#autoregressive-write-board .pg-next");
    const input = document.querySelector("#autoregressive-rail [data-name=temperature] input");
    const spent = [];
    for (let i = 0; i < count; i += 1) {
        const started = performance.now();
        const detail = { name: "temperature", value: 0.5 + i / count, held: true };
        input.dispatchEvent(new CustomEvent("local", { bubbles: true, detail }));
        board.getBoundingClientRect(); // what was written is laid out, too
        spent.push(performance.now() - started);
    }
    return spent;
}"""


def bare(model: LanguageModel, ids: list[int]) -> list[float]:
    """Milliseconds of each greedy step of transformers alone, with its own cache, after the prompt was read."""
    with torch.inference_mode():
        answer = model.network(input_ids=torch.tensor([ids]), use_cache=True, logits_to_keep=1)
        spent = []
        for _ in range(TOKENS):
            token = answer.logits[0, -1].argmax()
            started = time.perf_counter()
            answer = model.network(
                input_ids=token[None, None], past_key_values=answer.past_key_values, use_cache=True, logits_to_keep=1
            )
            spent.append(1000 * (time.perf_counter() - started))
    return spent


def whole(model: LanguageModel, ids: list[int], rules: Rules) -> list[float]:
    """Milliseconds of each step of ours: logits, probabilities, entropy, rank, the rules and the dart."""
    spent, known = [], list(ids)
    model = model.alone()
    model.step(known)
    known.append(int(np.argmax(model.step(known))))
    for index in range(TOKENS):
        started = time.perf_counter()
        step = language_decoding.choose(model, known, rules, 7, index)
        spent.append(1000 * (time.perf_counter() - started))
        known.append(step.chosen)
    return spent


def steps(name: str) -> dict[str, float]:
    """Median milliseconds of a token: bare, ours, and ours with five rules; in turns, so that all meet one load.

    ratio: ours against the bare step.
    """
    model = zoo.language(name)
    ids = model.encode(PROMPT)
    told: dict[str, list[float]] = {"bare": [], "ours": [], "rules": []}
    for _ in range(ROUNDS):
        told["bare"] += bare(model, ids)
        told["ours"] += whole(model, ids, Rules())
        told["rules"] += whole(model, ids, RULES)
    median = {f"{what}_ms": round(statistics.median(spent), 2) for what, spent in told.items()}
    return median | {"ratio": round(median["ours_ms"] / median["bare_ms"], 3)}


def resident() -> float:
    """Gigabytes in memory of a process that has loaded SmolLM2 and wrote with it, Python and torch included (Linux)."""
    answer = subprocess.run([sys.executable, "-c", RESIDENT % PROMPT], check=True, capture_output=True, text=True)
    return round(float(answer.stdout), 2)


def knob(browser: Browser, folder: Path, moves: int = 60) -> dict[str, float]:
    """Milliseconds from a move of the temperature's knob to the laid-out bars, and the requests that it made."""
    cache = {"PLAYGROUND_CACHE": str(fetch.cache_dir())} if zoo.language_here("smollm2") else {}
    with serving(["-m", "demos.autoregressive"], folder, cache) as url:
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(f"{url}/?tab=autoregressive&part=write")
        wait_for_answer(page)
        page.wait_for_function(f"() => !{STORE}.busy && playground.paints['{BOARD}']?.length", timeout=60_000)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        spent = sorted(page.evaluate(KNOB_MS, moves))
        tokens = page.evaluate(f"() => {STORE}.view['write-board'].caption")
        page.close()
    return {
        "knob_ms": round(statistics.median(spent), 1),
        "knob_requests": len(asked),
        "knob_tokens": int(tokens.split()[0].replace(",", "")),
    }


def compare(browser: Browser, home: Callable[[str], Path]) -> dict:
    """All numbers of this tab; ``home`` makes an empty folder of a name."""
    told = {}
    for name in filter(zoo.language_here, zoo.LANGUAGE_MODELS):
        told |= {f"{name}_{what}": value for what, value in steps(name).items()}
    if zoo.language_here("smollm2") and sys.platform == "linux":
        told["smollm2_resident_gb"] = resident()
    return told | knob(browser, home("autoregressive"))


def _promised(results: dict) -> dict[str, tuple[str, float]]:
    """The floors of the models that are here."""
    return {name: floor for name, floor in FLOORS.items() if name in results}


def table(results: dict) -> str:
    """The results as Markdown."""
    rows = ["| Language models | measured | promised |", "|---|---|---|"]
    labels = {
        "tiny_ours_ms": "a token of tiny, with all probabilities, ms",
        "tiny_ratio": "… of the bare step of transformers",
        "smollm2_ratio": "a token of SmolLM2, with all probabilities, of the bare step",
        "smollm2_resident_gb": "a process with SmolLM2, in memory, GB",
        "knob_ms": f"a knob moves to bars of {results['knob_tokens']:,} tokens laid out, ms",
        "knob_requests": "… requests to the server",
    }
    rows += floors.rows(FLOORS, {name: words for name, words in labels.items() if name in results}, results)
    for name in filter(lambda name: f"{name}_bare_ms" in results, zoo.LANGUAGE_MODELS):
        told = [results[f"{name}_{what}_ms"] for what in ("bare", "ours", "rules")]
        rows.append(f"| {name}: bare, ours, ours with five rules, ms | {', '.join(map(str, told))} | |")
    return "\n".join(rows)


def below_floors(results: dict) -> list[str]:
    """One sentence per promise that was not kept."""
    return floors.missed("autoregressive", _promised(results), results)
