"""Part "Strategies": seven ways to choose the next token, on one prompt and one seed, side by side."""

import math
from typing import Any

import gradio as gr

from demos import follow
from demos.autoregressive_parts import asked, roads, words
from demos.autoregressive_parts.scene import Scene
from demos.autoregressive_parts.strategies_run import NAMES, ORDER, SEEDS, Column, Contest, Found, contest, found
from demos.autoregressive_parts.write_text import looped
from demos.common import LIVE, number, seed_item, source
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Integer, Number
from demos.widgets.table import Table
from demos.widgets.token_text import TokenText
from models import bleu, language_decoding, language_together
from models.language import LanguageModel, TextScore

PART = Part("strategies", "Strategies")
SEEN, COLOUR = "strategies_seen", "strategies_colour"
PARAMS = (
    Integer("strategies_tokens", 8, 80, 40),
    Number("strategies_temperature", 0.05, 3.0, 1.0, 0.05),
    Integer("strategies_top_k", 1, 200, 40),
    Number("strategies_top_p", 0.01, 1.0, 0.9, 0.01),
    Number("strategies_min_p", 0.0, 1.0, 0.1, 0.01),
    Number("strategies_typical", 0.01, 1.0, 0.9, 0.01),
    Integer("strategies_beams", 2, 5, 4),
    Choice(COLOUR, ("surprisal", "rank")),
    follow.Progress(SEEN),
)
KNOBS = {
    "temperature": "Temperature",
    "top_k": "Top-k",
    "top_p": "Top-p",
    "min_p": "Min-p",
    "typical": "Typical",
    "beams": "Beams",
}
MOST_BITS = 8.0  # a perplexity of 2^8 fills its bar


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``strategies-follow``, ``-stop``, ``-go-on``; ``-take`` goes on with a text of theirs in "Write"."""
    if name == "strategies-take":
        return _take(state, contest(Scene(state)), value)
    return follow.act(state, PART.name, SEEN, lambda: [contest(Scene(state))], name, value)


def _take(state: dict[str, Any], request: Contest, value: Any) -> dict[str, Any]:
    """The state in "Write" with the text of column k up to its token i. Raises ValueError where there is none."""
    run = request.engine.known(request)
    columns = found(Scene(state).model, run.records if run else []).columns
    pair = isinstance(value, list) and len(value) == 2 and all(type(one) is int for one in value)
    if not pair or not 0 <= value[0] < len(columns) or not 0 <= value[1] < len(columns[value[0]].ids):
        raise ValueError("That token is not there any more.")
    return roads.turn(state, columns[value[0]].ids[: value[1] + 1]) | {"part": "write"}


# ---- the view


def stage() -> None:
    """The seven texts, and under them what was measured of each."""
    with gr.Column(elem_classes=["pg-stack"]):
        TokenText("strategies-texts", "autoregressive")
        Table("strategies-table", "autoregressive", elem_classes=["pg-fit", "pg-later"])


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The texts as far as they have come."""
    request = contest(scene)
    watch = follow.look(scene.state, SEEN, [request], live)
    view = {"rail": {"items": _rail(scene, watch)}} | watch.again("strategies-follow")
    stopped = watch.stopped and not watch.complete
    if watch.following or stopped:
        view["play"] = {"name": "strategies-go-on" if stopped else "strategies-stop", "value": None}
    if live and not watch.following:
        return view
    so_far = found(scene.model, watch.records[0] if watch.runs else [])
    return view | {
        "strategies-texts": _texts(scene, request, so_far, watch),
        "strategies-table": _table(scene.model, request, so_far, watch),
        "see": see(scene.model, request, so_far, watch),
        "formula": _formula(so_far, request),
    }


def label(request: Contest, name: str) -> str:
    """A strategy with its knob: "Top-p 0.9"."""
    if name == "greedy":
        return "Greedy"
    if name == "beam":
        return f"Beam {request.beams}"
    return f"{KNOBS[name]} {getattr(request, name):g}"


RULES = {
    "greedy": "the likeliest, always",
    "temperature": "a dart on all",
    "top_k": "a dart on the k best",
    "top_p": "a dart on the best that hold p",
    "min_p": "a dart on all near the best",
    "typical": "a dart on the expected",
    "beam": "the likeliest text found",
}


def _texts(scene: Scene, request: Contest, so_far: Found, watch: follow.Watch) -> dict[str, Any]:
    model = scene.model
    texts = []
    for name, column in zip(NAMES, so_far.columns, strict=True):
        growing = watch.following and len(column.ids) < request.count and not column.ended
        badge = looped(column.loop) if column.loop else "it ended here" if column.ended else ""
        about = {"title": label(request, name), "note": RULES[name], "badge": badge, "open": growing}
        texts.append({"tokens": _tokens(model, name, column), **about})
    dropped = len(scene.prompt) - len(request.ids)
    left = f" The first {dropped:,} tokens of the prompt do not fit and were left out." if dropped else ""
    return {
        "texts": texts,
        "colour": scene.state[COLOUR],
        "action": "strategies-take",
        "streaming": watch.following,
        "caption": f"Click a token to go on from there in Write.{left}",
        "source": f"{model.name} · {LIVE}",
    }


def _tokens(model: LanguageModel, name: str, column: Column) -> list[dict[str, Any]]:
    """The tokens that stand for text, with how the model met them; of beam search only the surprisal at first."""
    if column.scores:
        kept = TextScore(tuple(column.scores[: len(column.ids)]), 0)
        return words.met(model, kept, ["new"] * len(kept.tokens))
    tokens = words.spelt(model, column.ids)
    for token, bits in zip(tokens, column.bits, strict=True):
        token |= {"s": round(bits, 3)}
        token.setdefault("kind", "new")
    return tokens


def _table(model: LanguageModel, request: Contest, so_far: Found, watch: follow.Watch) -> dict[str, Any]:
    columns = so_far.columns
    alike = [so_far.self_bleu(model, k) if watch.complete else None for k in range(len(NAMES))]
    return {
        "corner": "measured",
        "columns": [label(request, name) for name in NAMES],
        "rows": [
            _row("perplexity", [_cell(c.perplexity, 1, _bits(c.perplexity) / MOST_BITS) for c in columns]),
            _row(f"distinct-{ORDER}", [_cell(c.distinct, 2, c.distinct) for c in columns]),
            _row(f"self-BLEU-{ORDER}", [_cell(value, 2, value) for value in alike]),
        ],
        "caption": progress(request, so_far, watch),
        "source": f"self-BLEU: seeds {', '.join(map(str, request.seeds))}",
    }


def _row(name: str, cells: list[dict[str, Any]]) -> dict[str, Any]:
    return {"label": name, "cells": cells}


def _cell(value: float | None, digits: int, share: float | None) -> dict[str, Any]:
    return {"text": "–" if value is None else f"{value:,.{digits}f}", "share": None if value is None else share}


def _bits(value: float | None) -> float:
    """Bits per token of a perplexity."""
    return math.log2(value) if value else 0.0


def progress(request: Contest, so_far: Found, watch: follow.Watch) -> str:
    """How far it is, in words."""
    if watch.complete or not watch.runs:
        return "Perplexity: of the text, by the model’s own probabilities, before any rule." if watch.complete else ""
    if watch.failed:
        return watch.failed
    state = "Stopped at" if watch.stopped else "Writing"
    if so_far.further or so_far.ticks > request.count:
        return (
            f"{state} the same with {SEEDS - 1} more seeds, for self-BLEU: token {so_far.further} of {request.count}."
        )
    return f"{state} token {so_far.ticks} of {request.count}, all seven at the same time."


def _rail(scene: Scene, watch: follow.Watch) -> list[dict[str, Any]]:
    state = scene.state
    knobs = [
        _slider(state, "strategies_temperature", "Temperature", 0.05, 3, 0.05),
        _slider(state, "strategies_top_k", "Top-k", 1, 200, 1),
        _slider(state, "strategies_top_p", "Top-p", 0.01, 1, 0.01),
        _slider(state, "strategies_min_p", "Min-p", 0, 1, 0.01),
        _slider(state, "strategies_typical", "Typical", 0.01, 1, 0.01),
        _slider(state, "strategies_beams", "Beams", 2, 5, 1),
    ]
    return [
        asked.text("prompt", "Prompt", state["prompt"], 2000, "What all seven go on from"),
        *asked.model(scene),
        seed_item(scene.seed, "Seed of the darts"),
        _slider(state, "strategies_tokens", "Tokens", 8, 80, 1),
        asked.choice("strategies_colour", "Colour", {"surprisal": "Surprisal", "rank": "Rank"}, state[COLOUR]),
        *watch.button(PART.name),
        {"kind": "drawer", "name": "strategies-knobs", "label": "The knob of each strategy", "items": knobs},
    ]


def _slider(state: dict[str, Any], name: str, words: str, low: float, high: float, step: float) -> dict[str, Any]:
    slider = {"kind": "slider", "name": name, "label": words, "min": low, "max": high, "step": step}
    return slider | {"value": state[name], "text": f"{state[name]:g}"}


# ---- the cells


def see(model: LanguageModel, request: Contest, so_far: Found, watch: follow.Watch) -> str:
    """What the numbers say, once there are some."""
    known = [(c.perplexity, name) for c, name in zip(so_far.columns, NAMES, strict=True) if c.perplexity]
    if not known:
        return progress(request, so_far, watch) or "Nothing is written yet."
    (low, least), (high, most) = min(known), max(known)
    loops = [label(request, name) for c, name in zip(so_far.columns, NAMES, strict=True) if c.loop]
    said = "One model, one prompt, one seed. "
    if f"{low:.1f}" == f"{high:.1f}":
        said += f"So far all seven wrote what it finds equally likely (perplexity {low:.1f})."
    else:
        said += (
            f"{label(request, least)} wrote what the model finds most likely (perplexity {low:.1f}), "
            f"{label(request, most)} what surprises it most ({high:.1f})."
        )
    if loops:
        said += f" {' and '.join(loops)} ended in a loop: likely is not the same as good."
    if not watch.complete:
        return said
    alike = {name: so_far.self_bleu(model, k) or 0.0 for k, name in enumerate(NAMES)}
    darts = {name: value for name, value in alike.items() if name not in ("greedy", "beam")}
    varied = min(darts, key=darts.get)
    return f"{said} Greedy and beam write the same at every seed; {label(request, varied)} varies most."


def _formula(so_far: Found, request: Contest) -> dict[str, Any]:
    first, top_p = so_far.columns[0], so_far.columns[NAMES.index("top_p")]
    lines: list[list[Any]] = [["perplexity = 2^(1/T Σ −log₂ p(token))"]]
    for column, name in ((first, "greedy"), (top_p, "top_p")):
        if column.perplexity:
            bits = sum(column.bits)
            text = f"{label(request, name)}: 2^("
            lines.append([text, number(bits), " / ", number(len(column.bits), 0), ") = ", number(column.perplexity)])
    if top_p.distinct is not None:
        pairs = len(top_p.ids) - 1
        lines.append(
            [f"Top-p: distinct-{ORDER} = ", number(top_p.distinct * pairs, 0), " / ", number(pairs, 0), " pairs"]
        )
    return {
        "title": "Perplexity of a text",
        "lines": lines,
        "code": source(language_together.write_together, language_decoding.distinct, bleu.bleu, bleu.self_bleu),
    }
