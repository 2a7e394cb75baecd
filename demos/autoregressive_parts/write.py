"""Part "Write": a text, the true probabilities of what comes next, and every rule between them and the next token.

The page computes with the logits itself: a knob moves the bars without asking. What a visitor can do is in
`write_moves`, the text in `write_text`, the board in `write_board`.
"""

from typing import Any

import gradio as gr
import numpy as np

from demos.autoregressive_parts import asked, readings, roads
from demos.autoregressive_parts.scene import WAITING, Scene
from demos.autoregressive_parts.words import said
from demos.autoregressive_parts.write_board import board, preview
from demos.autoregressive_parts.write_moves import PARAMS as MOVES
from demos.autoregressive_parts.write_moves import act as move
from demos.autoregressive_parts.write_moves import cured, left, remembered
from demos.autoregressive_parts.write_text import MOST, Written, compared, looped
from demos.common import LIVE, number, seed_item, source
from demos.stage.frame import Haste, Part
from demos.widgets.controls import Controls
from demos.widgets.sampling_board import SamplingBoard
from demos.widgets.token_text import TokenText
from models import language_decoding, sampling

__all__ = ["PARAMS", "PART", "act", "draw", "left", "remembered", "stage"]

PART = Part("write", "Write")
PARAMS = (*MOVES, *roads.PARAMS)
EXAMPLES = (
    "The capital of France is",
    "Once upon a time there was a little",
    "To be, or not to be, that is",
    "1, 2, 3, 1, 2, 3, 1, 2, 3,",
)
LOOK_AGAIN = 1500  # milliseconds between two looks whether the model has come


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """What a visitor does with the text, or on the roads that were left."""
    answer = move(state, name, value)
    return roads.act(state, name, value) if answer is None else answer


def stage() -> None:
    """The field and the text as tokens on the left, the next token on the right."""
    with gr.Column(elem_classes=["pg-stack", "write-left"]):
        Controls("write-field", "autoregressive", elem_classes="pg-fit")
        TokenText("write-tokens", "autoregressive", elem_classes=["pg-fit", "pg-half"])
        Controls("write-moves", "autoregressive", elem_classes=["pg-fit", "pg-row"])
    SamplingBoard("write-board", "autoregressive", elem_classes="pg-wide")
    roads.stage()


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """At rest everything; during a run what was added, and how it was chosen."""
    if live:
        return _following(scene)
    written = Written(scene)
    view = {
        "write-field": {"items": [_field(written)]},
        "write-tokens": _tokens(scene, written),
        "write-moves": {"items": _buttons(scene, written)},
        "write-board": board(scene, written),
        "rail": {"items": _rail(scene, written)},
        "see": _see(scene, written),
        "formula": _formula(scene, written),
    }
    return view | _onwards(scene, written) | roads.draw(scene)


def _onwards(scene: Scene, written: Written) -> dict[str, Any]:
    """What the page asks next by itself, and what the space bar does."""
    running = scene.state["running"]
    view: dict[str, Any] = {} if written.over and not running else {"play": {"name": "write-go", "value": None}}
    if running:
        have = len(scene.state["write_cure" if scene.state["write_curing"] else "taken"])
        view["again"] = {"action": {"name": "write-run", "value": have}, "after": 0}
        view["play"] = {"name": "write-stop", "value": None}
    elif scene.missing and WAITING.running:
        view["again"] = {"action": {"name": "write-wait", "value": None}, "after": LOOK_AGAIN}
    return view


def _following(scene: Scene) -> dict[str, Any]:
    """The new tokens of a run, and the bars that the last of them was chosen from."""
    written = Written(scene)
    view = {"rail": {"items": _rail(scene, written)}} | _onwards(scene, written)
    curing = scene.state["write_curing"]
    road = scene.state["write_cure"] if curing else written.taken
    have = int(scene.state["write_have"] or 0)
    if have >= len(road):
        return view
    ids, dropped = written.model.cut([*written.prompt, *road])
    first = len(written.prompt) + have
    if written.model.cut([*written.prompt, *road[:have]])[1] != dropped or curing and not have:
        view["write-tokens"] = _tokens(scene, written)
    else:
        tokens = compared(written.model, written.prompt, road) if curing else written.tokens()
        append = {"text": int(curing), "from": first - dropped, "tokens": tokens[first - dropped :]}
        view["write-tokens"] = {"append": append, "at": None, "streaming": True, "caption": _length(scene, written)}
    rules = cured(scene.rules) if curing else scene.rules
    return view | {"write-board": preview(scene, road, rules)}


# ---- the text


def _field(written: Written) -> dict[str, Any]:
    return {
        "kind": "writing",
        "name": "prompt",
        "label": "Your text",
        "value": written.text,
        "limit": 2000,
        "placeholder": "Type a text, or choose one below",
        "examples": list(EXAMPLES),
    }


def _tokens(scene: Scene, written: Written) -> dict[str, Any]:
    state = scene.state
    tokens = written.tokens()
    changed = any("up" in token for token in tokens)
    curing, loop = state["write_curing"] and state["running"], written.loop
    texts = [{"tokens": tokens, "open": not written.over, "badge": looped(loop) if loop else ""}]
    if state["write_cure"] or curing:
        penalty = cured(scene.rules).repetition_penalty
        other = {"tokens": compared(written.model, written.prompt, state["write_cure"])}
        texts[0]["title"] = "Yours"
        texts.append(other | {"title": f"Repetition penalty {penalty:g}", "badge": _verdict(state, curing)})
    return {
        "texts": texts,
        "colour": "change" if changed else state["write_colour"],
        "at": [0, written.place - written.dropped],
        "action": "write-open",
        "streaming": state["running"],
        "empty": "No text yet: the bars show what a text begins with.",
        "caption": _length(scene, written),
        "source": LIVE,
    }


def _verdict(state: dict[str, Any], curing: bool) -> str:
    if curing:
        return f"{len(state['write_cure'])} of {len(state['taken'])} tokens"
    loop = language_decoding.find_loop(state["write_cure"])
    return looped(loop) if loop else f"no loop in {len(state['write_cure'])} tokens"


def _length(scene: Scene, written: Written) -> str:
    words = f"{len(written.ids):,} tokens · {scene.model.name}"
    if written.ids and not scene.state["running"]:
        words += " · click a token to put another in its place"
    if written.dropped:
        words += f" · the first {written.dropped:,} do not fit into the {written.model.window:,} that are read"
    return words


def _buttons(scene: Scene, written: Written) -> list[dict[str, Any]]:
    if scene.state["running"]:
        return []
    items = [{"kind": "button", "name": "write-back", "label": "Back"}] if written.ids else []
    if written.taken:
        items.append({"kind": "button", "name": "write-over", "label": "Start over"})
    if written.loop and not scene.state["write_cure"]:
        label = f"Same seed, penalty {cured(scene.rules).repetition_penalty:g}"
        items.append({"kind": "button", "name": "write-cure", "label": label})
    if scene.state["write_cure"]:
        items.append({"kind": "button", "name": "write-keep", "label": "Keep the second text"})
    return [*items, *roads.buttons(scene.state)]


# ---- the rail


def _knob(state: dict[str, Any], name: str, label: str, low: float, high: float, step: float, off: float):
    slider = {"kind": "slider", "local": True, "name": name, "label": label, "min": low, "max": high, "step": step}
    return slider | {"value": state[name], "names": {f"{off:g}": "off" if name != "temperature" else f"{off:.2f}"}}


def _rail(scene: Scene, written: Written) -> list[dict[str, Any]]:
    state = scene.state
    go = {"kind": "button", "name": "write-go", "label": "Go on", "primary": True}
    if state["running"]:
        go = {"kind": "button", "name": "write-stop", "label": "Stop", "primary": True}
    items = [
        go,
        *asked.model(scene),
        _knob(state, "temperature", "Temperature", 0.05, 3, 0.05, 1),
        _knob(state, "top_k", "Top-k", 0, 200, 1, 0),
        _knob(state, "top_p", "Top-p", 0.01, 1, 0.01, 1),
        _knob(state, "min_p", "Min-p", 0, 1, 0.01, 0),
    ]
    more = [
        _knob(state, "typical", "Typical", 0.01, 1, 0.01, 1),
        _knob(state, "repetition_penalty", "Repetition penalty", 0.5, 3, 0.05, 1),
        seed_item(scene.seed, "Seed of the darts"),
        asked.choice("write_colour", "Colour", {"surprisal": "Surprisal", "rank": "Rank"}, state["write_colour"]),
    ]
    return [*items, {"kind": "drawer", "name": "write-more", "label": "More rules, seed, colour", "items": more}]


# ---- the cells


def _see(scene: Scene, written: Written) -> str:
    logits = readings.answer(written.model, written.context)
    p = sampling.softmax(logits)
    best = int(np.argmax(p))
    bits = sampling.entropy_bits(p)
    words = (
        f"{scene.model.name} has read the text and gives each of its {len(p):,} tokens a probability. Its favourite "
        f"is {said(written.model, best)} with {100 * p[best]:.1f} %; on the "
        f"whole it is as unsure as among {2**bits:,.1f} equally likely ones. "
    )
    changes = written.changes()
    if changes:
        up = sum(changes.values())
        return (
            f"An earlier token is another one now, and everything after it was met anew: in all {abs(up):.1f} bits "
            f"{'more' if up > 0 else 'less'} surprising. Nothing was written anew: the tokens are the same."
        )
    if written.loop:
        return words + "What it wrote goes round in a loop: each round makes the next one more likely."
    if len(written.taken) >= MOST:
        return words + f"It has written {MOST} tokens, as many as one run does."
    return words + "The rules bend this; then the seed’s dart chooses. Click a bar to choose yourself."


def _formula(scene: Scene, written: Written) -> dict[str, Any]:
    logits = readings.answer(written.model, written.context).astype(np.float64)
    temperature = scene.state["temperature"]
    best = int(np.argmax(logits))
    heated = sampling.heat(logits, temperature)
    total = float(np.exp(heated - heated[best]).sum())
    return {
        "title": "Softmax with a temperature",
        "lines": [
            ["pᵢ = exp(ℓᵢ / T) / Σⱼ exp(ℓⱼ / T),  T = ", number(temperature, 2)],
            [f"{said(written.model, best)}: ℓ = ", number(logits[best], 2)]
            + [", Σⱼ exp((ℓⱼ − ℓ) / T) = ", number(total, 2)],
            ["p = 1 / ", number(total, 2), " = ", number(1 / total, 4), " before any token is cut"],
        ],
        "code": source(sampling.softmax, sampling.heat, sampling.bend, sampling.throw, language_decoding.choose),
    }
