"""Part "Read my text": how a model meets every token of a text that it did not write."""

from typing import Any

import gradio as gr

from demos import follow
from demos.autoregressive_parts import asked, words
from demos.autoregressive_parts.read_texts import Page, Side, alike, change, look, swapped
from demos.autoregressive_parts.scene import Scene
from demos.common import LIVE, number, source
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Integer, Text, shown
from demos.widgets.curves import Curves
from demos.widgets.table import Table
from demos.widgets.token_text import TokenText
from models.language import LanguageModel

PART = Part("read", "Read my text")
SEEN, LIMIT = "read_seen", 2000
MODES = {"one": "One text", "texts": "Two texts", "models": "Two models"}
COLOURS = {"surprisal": "Surprisal", "rank": "Rank", "change": "Change"}
EXAMPLE = "She poured the coffee, added milk and sugar, and stirred it with a giraffe before the meeting began."
AT = Integer("read_at", -1, 9_999, -1)  # the token that is looked at; -1 is the most surprising one
PARAMS = (
    Choice("read_mode", tuple(MODES)),
    Text("text_a", LIMIT, EXAMPLE),
    Text("text_b", LIMIT, EXAMPLE.replace("giraffe", "spoon")),
    Choice("read_colour", tuple(COLOURS)),
    Integer("read_side", 0, 1, 0),
    AT,
    follow.Progress(SEEN),
)
NAMED = {param.name: param for param in PARAMS}
COMPARED = {"read_mode": "texts", "read_colour": "change"}
OFFERED = 7  # other tokens of a place, in the table


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``read-follow``, ``read-at`` with [text, place], ``read-swap`` with [text, place, another token].

    ``read-change`` puts the text beside itself, to be changed there.
    """
    if name == "read-follow":
        return follow.note(state, SEEN, Page(Scene(state)).requests, value)
    if name == "read-at":
        if not isinstance(value, list) or len(value) != 2 or value[0] not in (0, 1):
            raise ValueError(f"A place is the number of a text and of a token, not {shown(value)}.")
        return state | {"read_side": int(value[0]), AT.name: AT.check(value[1])}
    if name == "read-swap":
        return _swap(state, value)
    if name == "read-change":
        return {**state, **COMPARED, "text_b": state["text_a"], AT.name: -1, "read_side": 0}
    if name in ("text_a", "text_b", "read_mode"):
        return {**state, name: NAMED[name].check(value), AT.name: -1, "read_side": 0}
    return None


def _swap(state: dict[str, Any], value: Any) -> dict[str, Any]:
    """Both texts: as it was, and with another token at one place; coloured by what that changed."""
    if not isinstance(value, list) or len(value) != 3 or value[0] not in (0, 1):
        raise ValueError(f"A token is put at a place of a text; {shown(value)} names none.")
    page = Page(Scene(state))
    k, place, token = value
    if k >= len(page.asked):
        raise ValueError("There is only one text.")
    text = swapped(page.sides()[k], AT.check(place), token)
    if len(text) > LIMIT:
        raise ValueError(f"A text has at most {LIMIT:,} characters here.")
    before = state["text_b"] if page.mode == "texts" and k else state["text_a"]
    return state | COMPARED | {"text_a": before, "text_b": text, "read_side": 1, AT.name: place}


# ---- the view


def stage() -> None:
    """The text; under it its curve, and what else might have stood at one place."""
    with gr.Column(elem_classes=["pg-stack"]):
        TokenText("read-texts", "autoregressive", elem_classes="pg-fit")
        with gr.Row(elem_classes=["pg-under"]):
            Curves("read-curve", "autoregressive")
            Table("read-instead", "autoregressive", elem_classes="pg-later")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The texts as far as they were read."""
    page = Page(scene)
    watch = follow.look(scene.state, SEEN, page.requests, live)
    view = {"rail": {"items": _rail(scene, page)}} | watch.again("read-follow")
    if live and not watch.following:
        return view
    sides = page.sides(watch)
    view["read-texts"] = _texts(scene, page, sides, watch)
    if live:
        return view
    if not any(side.scores for side in sides):
        hidden = {"hidden": True}
        return view | {"read-curve": hidden, "read-instead": hidden, "see": watch.words or EMPTY, "formula": {}}
    return view | {
        "read-curve": _curve(scene, sides),
        "read-instead": _instead(scene, sides),
        "see": see(scene, page, sides),
        "formula": _formula(scene, sides),
    }


SAME = (
    "Both texts are the same. Type another word into text B, or click a token and then a word of its list: what comes "
    "after it is met anew, and its colours tell what that changed."
)
EMPTY = "Type a text: the model tells at every token how much it was surprised."


def _rail(scene: Scene, page: Page) -> list[dict[str, Any]]:
    state = scene.state
    colours = COLOURS if page.mode == "texts" else {name: COLOURS[name] for name in ("surprisal", "rank")}
    second = asked.text("text_b", "Text B", state["text_b"], LIMIT)
    change = {"kind": "button", "name": "read-change", "label": "Change a word"}
    return [
        asked.choice("read_mode", "Compare", MODES, page.mode),
        *asked.model(scene),
        asked.text("text_a", "Text A" if page.mode == "texts" else "Your text", state["text_a"], LIMIT, EXAMPLE),
        *([second] if page.mode == "texts" else []),
        *([change] if page.mode == "one" and state["text_a"] else []),
        asked.choice("read_colour", "Colour", colours, page.colour),
        *([{"kind": "text", "name": "read-missing", "label": page.missing}] if page.missing else []),
    ]


def _texts(scene: Scene, page: Page, sides: list[Side], watch: follow.Watch) -> dict[str, Any]:
    side, place = look(sides, scene.state)
    compared = page.mode == "texts" and page.colour == "change"
    texts = []
    for k, one in enumerate(sides):
        tokens = one.tokens()
        if compared:
            head, tail = alike(sides[0].ids, sides[1].ids)
            for token in tokens[head : len(tokens) - tail] if tail else ():
                token["kind"] = "new" if k else "gone"
            for i, up in change(*sides).items() if k else ():
                tokens[i]["up"] = round(up, 3)
        texts.append({"title": one.title, "tokens": tokens, "note": measured(one)})
    dropped = max((one.dropped for one in sides), default=0)
    return {
        "texts": texts,
        "colour": page.colour,
        "at": None if place is None else [side, place],
        "action": "read-at",
        "poster": True,
        "empty": EMPTY,
        "caption": _caption(scene.model, watch, dropped),
        "source": LIVE,
    }


def _caption(model: LanguageModel, watch: follow.Watch, dropped: int) -> str:
    if watch.failed:
        return watch.failed
    if dropped:
        return f"Too long: the first {dropped:,} tokens were left out; {model.window:,} fit into what the model reads."
    return "Reading…" if watch.following else "Click a token to see what else might have stood there, and put it there."


def measured(side: Side) -> str:
    """What a text came to: "perplexity 24.1 · 4.6 bits per token · 1.1 per character"."""
    if not side.bits:
        return ""
    mean, letters = sum(side.bits) / len(side.bits), max(1, len(side.text))
    return f"perplexity {2**mean:,.1f} · {mean:.2f} bits per token · {sum(side.bits) / letters:.2f} per character"


def _curve(scene: Scene, sides: list[Side]) -> dict[str, Any]:
    if sides[0].model is not sides[-1].model:
        return _rise(scene, sides)
    most = max(len(side.ids) for side in sides)
    series = []
    for side in sides:
        label = side.title or "surprisal"
        series.append({"label": label, "y": _padded([score.surprisal_bits for score in side.scores], most)})
    if len(sides) == 1:
        expected = [score.entropy_bits for score in sides[0].scores]
        series.append({"label": "expected (entropy)", "y": _padded(expected, most), "dash": True})
    _, place = look(sides, scene.state)
    return {
        "title": "Surprisal along the text",
        "x": list(range(1, most + 1)),
        "x_label": "token",
        "y_label": "bits",
        "series": series,
        "index": place,
        "whole": True,
        "source": LIVE,
    }


def _rise(scene: Scene, sides: list[Side]) -> dict[str, Any]:
    """Bits so far by the character: two models cut a text into other tokens, so nothing else stands side by side."""
    k, place = look(sides, scene.state)
    most = max(side.end(len(side.ids)) for side in sides)
    return {
        "title": "Bits so far, along the same text",
        "x": list(range(1, most + 1)),
        "x_label": "character",
        "y_label": "bits",
        "series": [{"label": side.title, "y": _padded(side.rise(), most)} for side in sides],
        "index": None if place is None else max(0, sides[k].end(place) - 1),
        "whole": True,
        "source": LIVE,
    }


def _padded(values: list[float | None], most: int) -> list[float | None]:
    return [None if value is None else round(value, 3) for value in values] + [None] * (most - len(values))


def _instead(scene: Scene, sides: list[Side]) -> dict[str, Any]:
    """What the model thought likely at the place that is looked at; a click puts it there."""
    k, place = look(sides, scene.state)
    side = sides[k]
    score = side.scores[place] if place is not None and place < len(side.scores) else None
    if score is None or not score.alternatives:
        return {"corner": "Nothing was predicted here: no token comes before it.", "rows": []}
    here = words.named(side.model, score.id)
    top = score.alternatives[0][1] or 1.0
    rows = [
        {
            "label": words.named(side.model, id),
            "cells": [{"text": f"{100 * p:.1f} %", "share": p / top}],
            "action": None if id == score.id else {"name": "read-swap", "value": [k, place, id]},
            "selected": id == score.id,
        }
        for id, p in score.alternatives[:OFFERED]
    ]
    p = 2**-score.surprisal_bits
    said = f"rank {score.rank:,}, {f'{100 * p:.1f} %' if p > 0.001 else f'1 in {1 / p:,.0f}'}"
    return {
        "corner": f"in place of “\u2068{here.strip() or here}\u2069”",
        "columns": ["probability"],
        "rows": rows,
        "caption": f"It had {said}. Click another one to put it there and see every later token move.",
    }


# ---- the cells


def see(scene: Scene, page: Page, sides: list[Side]) -> str:
    """What was measured, in words."""
    first = sides[0]
    if page.mode == "texts" and first.ids == sides[1].ids and first.bits:
        return SAME
    if page.mode == "texts":
        later = change(*sides)
        if later:
            total = sum(later.values())
            word = "more" if total > 0 else "less"
            return (
                f"Text B differs from A, and {len(later)} later tokens are the same in both. In B they are together "
                f"{abs(total):.1f} bits {word} surprising: every probability depends on all that stands before it."
            )
    if page.mode == "models" and len(sides) == 2 and all(side.bits for side in sides):
        each = [(sum(side.bits) / max(1, len(side.text)), side.title) for side in sides]
        return (
            f"The same text, read by two models. {min(each)[1]} needs {min(each)[0]:.2f} bits per character, "
            f"{max(each)[1]} {max(each)[0]:.2f}. They cut the text into other tokens, so only characters compare."
        )
    if not first.bits:
        return EMPTY
    place = max(range(len(first.scores)), key=lambda i: first.scores[i].surprisal_bits or 0.0)
    worst = first.scores[place]
    name = words.named(first.model, worst.id).strip()
    ones = sum(score.rank == 1 for score in first.scores)
    return (
        f"The model reads from left to right and has a probability for every token that could come. What surprised it "
        f"most was “\u2068{name}\u2069”: {worst.surprisal_bits:.1f} bits, rank {worst.rank:,}. {ones} of "
        f"{len(first.bits)} tokens were its first choice."
    )


def _formula(scene: Scene, sides: list[Side]) -> dict[str, Any]:
    k, place = look(sides, scene.state)
    side = sides[k]
    lines: list[list[Any]] = []
    score = side.scores[place] if place is not None and place < len(side.scores) else None
    if score is not None and score.surprisal_bits is not None:
        p, name = 2.0**-score.surprisal_bits, words.named(side.model, score.id).strip()
        digits = max(2, min(9, 2 - int(f"{p:e}".split("e")[1])))
        lines.append(
            [
                f"surprisal(“\u2068{name}\u2069”) = −log₂ ",
                number(p, digits),
                " = ",
                number(score.surprisal_bits),
                " bits",
            ]
        )
    if side.bits:
        total, count = sum(side.bits), len(side.bits)
        lines.append(
            ["perplexity = 2^(Σ bits / T) = 2^(", number(total), " / ", number(count, 0)]
            + [") = ", number(2 ** (total / count))]
        )
    return {
        "title": "Surprisal and perplexity",
        "lines": lines,
        "code": source(LanguageModel.score, LanguageModel.meet),
    }
