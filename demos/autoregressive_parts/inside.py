"""Part "Inside": what a text is cut into, where the heads look, and what each layer would say."""

import zlib
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np

from demos.autoregressive_parts import asked, inside_tokens, inside_words
from demos.autoregressive_parts.params import Held
from demos.autoregressive_parts.scene import Scene
from demos.common import LIVE, number, source
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Integer
from demos.widgets.curves import Curves
from demos.widgets.head_grid import HeadGrid
from demos.widgets.layer_table import LayerTable
from demos.widgets.merge_ladder import MergeLadder
from demos.widgets.meter import Meter
from demos.widgets.token_text import TokenText
from models import language_inside, sampling
from models.language import LanguageModel

PART = Part("inside", "Inside", more=True)
VIEWS = {"tokens": "Tokens", "attention": "Attention", "lens": "Layers"}
BEST = 4  # tokens of each layer that the lens shows


PARAMS = (
    Choice("inside_view", tuple(VIEWS), "attention"),
    Integer("inside_merge", 0, inside_tokens.MOST_MERGES, inside_tokens.MOST_MERGES),
    Integer("inside_word", 0, inside_tokens.LONGEST, 0),  # from 1; 0: the one with most merges
    Integer("inside_layer", 0, 200, 0),  # from 1; 0: the layer and head that tell most
    Integer("inside_head", 0, 200, 0),
    Integer("inside_token", 0, language_inside.MOST, 0),  # from 1; 0: the last one
    Held("inside_held"),
)
WIDGETS = ("inside-tokens", "inside-ladder", "inside-numbers", "inside-heads", "inside-lens", "inside-curve")


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``look`` (layer, head, token, from 0), ``look-again``, ``inside-word`` and ``inside-strawberry``."""
    if name == "look-again":
        return state | {"inside_held": ""}
    if name == "look":
        if not isinstance(value, list | tuple) or len(value) != 3:
            raise ValueError("A look is a layer, a head and a token.")
        layer, head, token = (Integer("look", 0, 199, 0).check(one) for one in value)
        weights = Looked(Scene(state)).mark
        return state | {
            "inside_layer": layer + 1,
            "inside_head": head + 1,
            "inside_token": min(token + 1, language_inside.MOST),
            "inside_held": weights,
        }
    if name == "inside-word":
        if not isinstance(value, list | tuple) or len(value) != 2:
            raise ValueError("A piece is a text and a place.")
        words = inside_tokens.words_of(Scene(state))
        place = Integer("inside-word", 0, 10_000, 0).check(value[1])
        return state | {"inside_word": 1 + inside_tokens.word_at(words, state["inside_merge"], place)}
    if name == "inside-strawberry":
        return state | {"prompt": "strawberry", "taken": [], "inside_view": "tokens", "inside_word": 0}
    return None


# ---- the numbers


@lru_cache(maxsize=8)
def attention(model: LanguageModel, ids: tuple[int, ...]) -> tuple[np.ndarray, str]:
    """The weights of a text, and the same packed for the page."""
    weights = language_inside.attention(model, ids)
    return weights, HeadGrid.pack(weights)


@lru_cache(maxsize=16)
def lens(model: LanguageModel, ids: tuple[int, ...]) -> np.ndarray:
    """Probabilities (layers + 1, V) of the next token, layer by layer."""
    return np.stack([sampling.softmax(row) for row in language_inside.logit_lens(model, ids)])


class Looked:
    """What of the text is looked at: its end, as far as it can be shown."""

    def __init__(self, scene: Scene) -> None:
        whole = scene.ids or [scene.model.start]
        most = min(language_inside.MOST, scene.model.window)
        self.model = scene.model
        self.ids = tuple(whole[-most:])
        self.dropped = len(whole) - len(self.ids)

    @property
    def mark(self) -> str:
        """Eight letters that tell texts and models apart."""
        return f"{zlib.crc32(f'{self.model.name}:{self.ids}'.encode()):08x}"

    @property
    def labels(self) -> list[str]:
        """The tokens as they stand beside a map."""
        return [inside_words.label(self.model.vocabulary.raw(id)) for id in self.ids]

    @property
    def note(self) -> str:
        """What was left out, or "" for nothing."""
        return f"The first {self.dropped} tokens are left out. " if self.dropped else ""


# ---- the view


def stage() -> None:
    """One of three views: a text cut into tokens, the maps of all heads, or the table of layers with its curve."""
    with gr.Column(elem_classes=["pg-stack", "pg-wide"]):
        TokenText("inside-tokens", "autoregressive", elem_classes="pg-fit")
        MergeLadder("inside-ladder", "autoregressive")
        Meter("inside-numbers", "autoregressive", elem_classes=["pg-fit", "pg-later"])
        HeadGrid("inside-heads", "autoregressive")
        LayerTable("inside-lens", "autoregressive")
    with gr.Column(elem_classes=["pg-stack"]):
        Curves("inside-curve", "autoregressive")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The view that is chosen; the others are put away."""
    shown = {"tokens": _tokens, "attention": _attention, "lens": _lens}[scene.state["inside_view"]](scene)
    away = {name: {"hidden": True} for name in WIDGETS}
    return away | shown | {"rail": {"items": _rail(scene)}}


def _rail(scene: Scene) -> list[dict[str, Any]]:
    state = scene.state
    items = [
        asked.choice("inside_view", "What is shown", VIEWS, state["inside_view"]),
        asked.text("prompt", "Text", state["prompt"], 2000),
        *asked.model(scene),
    ]
    if state["inside_view"] == "tokens":
        items += inside_tokens.rail(scene)
    elif state["inside_view"] == "attention":
        items.append({"kind": "text", "name": "inside-hint", "label": "Point at a token to see where it looks."})
    return items


def _tokens(scene: Scene) -> dict[str, Any]:
    return inside_tokens.draw(scene)


def _attention(scene: Scene) -> dict[str, Any]:
    looked = Looked(scene)
    weights, packed = attention(looked.model, looked.ids)
    layers, heads, count = weights.shape[:3]
    state, labels = scene.state, looked.labels
    token = min(state["inside_token"] or count, count) - 1
    layer, head = inside_words.telling(weights, token)
    if state["inside_layer"] and state["inside_head"]:
        layer, head = min(state["inside_layer"], layers) - 1, min(state["inside_head"], heads) - 1
    value = {
        "mark": looked.mark,
        "layers": layers,
        "heads": heads,
        "tokens": labels,
        "layer": layer,
        "head": head,
        "token": token,
        "caption": f"{looked.note}Layer {layer + 1}, head {head + 1} of {layers} × {heads}.",
        "source": LIVE,
    }
    if state["inside_held"] != looked.mark:
        value["weights"] = packed
    row = weights[layer, head, token]
    place = int(row[: token + 1].argmax())
    size = looked.model.network.config.hidden_size // looked.model.network.config.num_attention_heads
    return {
        "inside-heads": value,
        "see": inside_words.looks(weights, labels, layer, head, token),
        "formula": {
            "title": f"Attention, layer {layer + 1}, head {head + 1}",
            "lines": [
                ["A = softmax(q kᵀ / √d),  d = ", number(size, 0)],
                [f"A({labels[token]}, {labels[place]}) = ", number(row[place], 3), ",  the row sums to ", number(1, 0)],
            ],
            "code": source(language_inside.attention),
        },
    }


def _lens(scene: Scene) -> dict[str, Any]:
    looked = Looked(scene)
    shares = lens(looked.model, looked.ids)
    model, layers = looked.model, len(shares) - 1
    answer = int(shares[-1].argmax())
    lead = inside_words.leads_from(shares)
    rows = []
    for layer, row in enumerate(shares):
        top = np.argpartition(-row, BEST)[:BEST]
        top = top[np.argsort(-row[top], kind="stable")]
        cells = [
            {"t": inside_words.label(model.vocabulary.raw(int(id))), "p": round(float(row[id]), 4)}
            | {"answer": int(id) == answer}
            for id in top
        ]
        rows.append({"label": str(layer), "cells": cells, "lead": layer == lead})
    name = inside_words.label(model.vocabulary.raw(answer))
    end = inside_words.label(model.vocabulary.raw(looked.ids[-1]))
    return {
        "inside-lens": {
            "head": ["layer", "first guess", *["next"] * (BEST - 1)],
            "rows": rows,
            "caption": f"{looked.note}What comes after “{end}”, read after every layer; 0 is the embedding.",
            "source": LIVE,
        },
        "inside-curve": {
            "title": f"“{name}”, layer by layer",
            "x": list(range(layers + 1)),
            "x_label": "layer",
            "y_label": "probability",
            "series": [
                {"label": f"“{name}”", "y": [round(float(row[answer]), 5) for row in shares], "dash": False},
                {"label": "first guess", "y": [round(float(row.max()), 5) for row in shares], "dash": True},
            ],
            "index": lead,
            "source": LIVE,
        },
        "see": inside_words.lens(name, float(shares[-1, answer]), lead, layers),
        "formula": {
            "title": "Logit lens",
            "lines": [
                ["p_l = softmax(W norm(h_l))"],
                [f"p({name}): layer {lead}: ", number(shares[lead, answer], 3)],
                ["the last layer: ", number(shares[-1, answer], 3)],
            ],
            "code": source(language_inside.logit_lens),
        },
    }
