"""Part "What goes wrong": four failures, each computed here, with the number that shows it and the reason."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demos import follow
from demos.autoregressive_parts import asked, drafts, inside_tokens
from demos.autoregressive_parts import wrong_cases as cases
from demos.autoregressive_parts.drafts import Draft
from demos.autoregressive_parts.scene import Scene
from demos.common import LIVE, number, seed_item, source
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice
from demos.widgets.curves import Curves
from demos.widgets.merge_ladder import MergeLadder
from demos.widgets.meter import Meter
from demos.widgets.pair_bars import PairBars
from demos.widgets.token_text import TokenText
from models import language_decoding, sampling
from models.language import LanguageModel
from models.language_tokens import Vocabulary

PART = Part("wrong", "What goes wrong", more=True)
Measured = tuple[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Failure:
    """A failure whose texts are written: their titles, who writes them, and what is measured then."""

    label: str
    titles: tuple[str, str]
    drafts: Callable[[str, LanguageModel, int], tuple[Draft, ...]]
    measure: Callable[[LanguageModel, cases.Written], Measured]
    prompt: str
    code: tuple[Callable, ...]


WRITTEN = {
    "loop": Failure(
        "Loop",
        ("Always the most probable", "With a repetition penalty of 1.3"),
        cases.loop_drafts,
        cases.loop_words,
        cases.LOOPING,
        (language_decoding.find_loop, sampling.penalise),
    ),
    "heat": Failure(
        "Too hot",
        (f"Temperature {cases.MILD:g}", f"Temperature {cases.HOT:g}"),
        cases.heat_drafts,
        cases.heat_words,
        cases.BURNING,
        (sampling.heat, sampling.softmax),
    ),
}
LABELS = {name: one.label for name, one in WRITTEN.items()} | {"false": "Untrue", "letters": "Letters"}
PARAMS = (
    Choice("wrong_case", tuple(LABELS)),
    Choice("wrong_claim", tuple(cases.CLAIMS)),
    follow.Progress("wrong_seen"),
)
SEEN = PARAMS[-1].name


# ---- actions


def asked_for(scene: Scene) -> tuple[Draft, ...]:
    """The texts of the failure that is shown; none where only probabilities are."""
    failure = WRITTEN.get(scene.state["wrong_case"])
    return failure.drafts(scene.name, scene.model, scene.seed) if failure else ()


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``wrong-follow``, ``wrong-stop`` and ``wrong-go-on``."""
    return follow.act(state, PART.name, SEEN, lambda: asked_for(Scene(state)), name, value)


# ---- the view


def stage() -> None:
    """Texts that are written over what was measured of them; or how probable words are, under how one is spelt."""
    with gr.Column(elem_classes=["pg-stack"]):
        TokenText("wrong-texts", "autoregressive")
        MergeLadder("wrong-ladder", "autoregressive")
        with gr.Row():
            Curves("wrong-curve", "autoregressive", elem_classes="pg-wide")
            Meter("wrong-meter", "autoregressive")
        PairBars("wrong-bars", "autoregressive")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The failure that is chosen: its texts as far as they have come, and once they are there what they show."""
    case = scene.state["wrong_case"]
    if case in WRITTEN:
        return _written(scene, WRITTEN[case], live)
    away = {name: {"hidden": True} for name in ("wrong-texts", "wrong-ladder", "wrong-curve", "wrong-meter")}
    measure = _false if case == "false" else _letters
    return away | {"rail": {"items": _rail(scene, [])}} | measure(scene)


def _written(scene: Scene, failure: Failure, live: Haste) -> dict[str, Any]:
    requests = asked_for(scene)
    watch = follow.look(scene.state, SEEN, requests, live)
    view = {"rail": {"items": _rail(scene, watch.button(PART.name))}} | watch.again("wrong-follow")
    view |= {"wrong-ladder": {"hidden": True}, "wrong-bars": {"hidden": True}}
    if watch.following:
        view["play"] = {"name": "wrong-stop", "value": None}
    if not watch.runs and live:
        return view
    records = [*watch.records, [], []][: len(requests)]
    texts = [
        drafts.shown(scene.model, list(request.ids), list(written), title=title)
        for request, written, title in zip(requests, records, failure.titles, strict=True)
    ]
    view |= {
        "wrong-texts": _texts(texts, "surprisal", streaming=watch.following, source=f"{LIVE}, {scene.model.name}"),
        "wrong-curve": _curve(failure, records),
    }
    if not watch.complete:
        return view | {"see": watch.words or "It begins.", "wrong-meter": {"hidden": True}}
    see, items = failure.measure(scene.model, records)
    return view | {"wrong-meter": {"items": items}, "see": see, "formula": _formula(scene, failure, records)}


def _false(scene: Scene) -> dict[str, Any]:
    claim = cases.CLAIMS[scene.state["wrong_claim"]]
    see, rows = cases.claim_words(scene.model, claim)
    best = rows[0]["b"]
    return {
        "wrong-bars": _bars(scene, claim.prompt, rows),
        "see": _needs(scene) + see,
        "formula": {
            "title": "How sure it is",
            "lines": [
                ["p = exp(l) / Σ exp(l) = ", number(best, 3)],
                ["surprisal = ", number(-math.log2(best) + 0.0, 2), " bits"],
            ],
            "code": source(sampling.softmax),
        },
    }


def _letters(scene: Scene) -> dict[str, Any]:
    model = scene.model
    see, rows = cases.count_words(model)
    ids = model.encode(f" {cases.COUNTED}")
    (word,) = model.vocabulary.words(f" {cases.COUNTED}")
    steps = model.vocabulary.merges(word)
    ladder = inside_tokens.ladder(model, steps, len(steps) - 1)
    ladder["rows"] = [ladder["rows"][0], *ladder["rows"][1:][-1:]]
    ladder["caption"] = "What you see, and what the model is given."
    return {
        "wrong-ladder": ladder,
        "wrong-bars": _bars(scene, cases.COUNTING.replace("\n", " "), rows),
        "see": _needs(scene) + see,
        "formula": {
            "title": "Letters and tokens",
            "lines": [
                ["letters: ", number(len(cases.COUNTED), 0), ",  tokens: ", number(len(ids), 0)],
                [f"the model's input: {', '.join(map(str, ids))}"],
            ],
            "code": source(Vocabulary.encode),
        },
    }


def _bars(scene: Scene, prompt: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "a": None,
        "b": f"{prompt} …",
        "rows": rows,
        "max": max(row["b"] for row in rows),
        "caption": "Probability that the text goes on like this.",
        "source": f"{LIVE}, {scene.model.name}",
    }


def _needs(scene: Scene) -> str:
    """What must be said where tiny answers a question about the world."""
    if scene.name != "tiny":
        return ""
    return "tiny has read Shakespeare and nothing else: this failure is SmolLM2's, and here is what tiny makes of it. "


def _texts(texts: list[dict[str, Any]], colour: str, **about: Any) -> dict[str, Any]:
    return {"texts": texts, "colour": colour, "at": None, "action": None, **about}


def _curve(failure: Failure, records: list[Any]) -> dict[str, Any]:
    size = max([len(written) for written in records] + [1])
    series = []
    for title, written in zip(failure.titles, records, strict=True):
        known = [round(token.surprisal_bits, 3) for token in written]
        series.append({"label": title, "y": known + [None] * (size - len(known)), "dash": False})
    return {
        "title": "Surprise of each token",
        "x": list(range(1, size + 1)),
        "x_label": "token",
        "y_label": "bits",
        "series": series,
        "source": LIVE,
    }


def _rail(scene: Scene, press: list[dict[str, Any]]) -> list[dict[str, Any]]:
    state = scene.state
    items = [asked.choice("wrong_case", "What goes wrong", LABELS, state["wrong_case"]), *asked.model(scene)]
    if state["wrong_case"] == "false":
        claims = {name: claim.label for name, claim in cases.CLAIMS.items()}
        items.append(asked.choice("wrong_claim", "The claim", claims, state["wrong_claim"]))
    if state["wrong_case"] == "heat":
        items.append(seed_item(state["seed"]))
    return [*items, *press]


def _formula(scene: Scene, failure: Failure, records: list[Any]) -> dict[str, Any]:
    lines: list[list[Any]] = []
    for title, written in zip(failure.titles, records, strict=True):
        value = drafts.perplexity(list(written))
        if value is not None:
            lines.append([f"{title}: perplexity = ", number(value, 1 if value < 100 else 0)])
    return {"title": "exp of the mean of − ln p", "lines": lines, "code": source(*failure.code)}
