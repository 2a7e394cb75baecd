"""Part "In 2-D": the same diffusion on points in the plane, where noise, score and density can all be drawn.

What is computed is in ``models/point_diffusion.py``, how lessons are kept in `points_lessons`, what the actions do in
`points_moves`.
"""

import math
from typing import Any

import gradio as gr
import numpy as np

from demos.common import LIVE, seed_item
from demos.diffusion_parts import points_lessons as lessons
from demos.diffusion_parts.points_lessons import EVERY
from demos.diffusion_parts.points_maps import arrows, densities, painted
from demos.diffusion_parts.points_moves import (
    LAYERS,
    PARAMS,
    SHAPES,
    STEPS,
    WALKS,
    Present,
    act,
    present,
)
from demos.diffusion_parts.points_words import formula, see
from demos.stage.frame import Haste, Part
from demos.widgets.curves import Curves
from demos.widgets.point_field import PointField
from models import diffusion, game
from models.point_diffusion import LESSON, SCALE

__all__ = ["PARAMS", "PART", "act", "draw", "frames", "picture", "stage"]

PART = Part("points", "In 2-D", more=True, frames=True)
TRAILS = 5  # particles whose way is drawn
MEAN = 5  # times EVERY steps: what a point of the curve of losses is the mean of


def stage() -> None:
    """The plane, and beside it how the loss falls and how far the made points are from the shape."""
    PointField("points-field", "diffusion")
    with gr.Column(elem_classes=["pg-stack"]):
        Curves("points-distance", "diffusion")
        Curves("points-loss", "diffusion", elem_classes="pg-backstage")


# ---- the view


def draw(scene: Any, live: Haste) -> dict[str, Any]:
    """At rest the whole run, to be played by the page; while something moves only the moment shown."""
    state = scene.state
    sketch = bool(live) and not state["points_learnt"] and not state["running"] and state["points_shape"] == "drawing"
    now = present(state, sketch)
    whole = not live and not now.behind
    view = {"points-field": _field(state, now, whole), "rail": {"items": _rail(state, now)}}
    if not sketch:
        view |= _curves(now)
    if state["running"]:
        view["again"] = {"action": {"name": "points-run", "value": None}, "after": 0}
        view["play"] = {"name": "points-pause", "value": None}
    elif now.behind:
        view["again"] = {"action": {"name": "points-wait", "value": None}, "after": 0}
    return view | {"see": see(state, now, whole), "formula": formula(now)}


def _field(state: dict[str, Any], now: Present, whole: bool) -> dict[str, Any]:
    sent = list(range(len(now.times))) if whole else [now.frame]
    forward = now.walk == "forward"
    layer = state["points_layer"]
    path = now.path[sent]
    share = [diffusion.alpha_bar(t) if t else 1.0 for t in now.times]
    pen = None
    if state["points_shape"] == "drawing":
        hint = "Draw here" if not state["points_drawing"] else ""
        if len(state["points_drawing"]) == game.DRAWING_LIMIT:
            hint = f"{game.DRAWING_LIMIT} points: that is all there is room for"
        pen = {"name": "points-draw", "done": "points-drawn", "points": state["points_drawing"], "hint": hint}
        pen["limit"] = game.DRAWING_LIMIT
    walked = {"network": "made by the network", "exact": "led by the exact score", "forward": "dissolving"}[now.walk]
    layers = {
        "arrows": f"score × √(1 − ᾱ), {'exact' if now.walk == 'exact' else 'learnt'}" if layer == "score" else "",
        "truth": "exact" if layer == "score" and now.walk != "exact" else "",
        "heat": {"true": "true density", "learnt": "learnt density"}.get(layer, ""),
    }
    t, name = now.times[now.frame], SHAPES[state["points_shape"]].lower()
    return {
        "reach": game.REACH,
        "count": len(now.times),
        "index": now.frame,
        "captions": [
            f"t = {t} · ᾱ = {one:.{3 if one > 0.01 else 5}f}" for t, one in zip(now.times, share, strict=True)
        ],
        "left": "noise",
        "right": "data",
        "sent": sent,
        "dots": PointField.places(path.numpy() / SCALE),
        "colour": "real" if forward else "made",
        "trails": TRAILS,
        "real": PointField.places(now.lesson.data.numpy() / SCALE),
        "field": arrows(now.lesson, now.reached, now.walk, tuple(now.times), tuple(sent)) if layer == "score" else None,
        "heat": densities(now.lesson, now.reached, layer, tuple(now.times), None if whole else now.frame),
        "legend": {"dots": walked, "real": "the 500 points learnt"} | layers,
        "alt": f"{lessons.PARTICLES} particles at t = {t} between noise and a {name}.",
        "scrub": "points-at",
        "pen": pen,
        "caption": f"seed {now.seed} · network after {now.reached:,} of {LESSON:,} steps",
        "source": LIVE,
    }


def _curves(now: Present) -> dict[str, Any]:
    learnt = now.lesson.losses[: now.reached // EVERY]
    means = [sum(learnt[k : k + MEAN]) / len(learnt[k : k + MEAN]) for k in range(0, len(learnt), MEAN)]
    seen, distances = now.lesson.distances(now.reached)
    return {
        "points-distance": {
            "title": "How far the made points are from the shape, nats",
            "x": seen,
            "x_label": "step of training",
            "log": True,
            "series": [{"label": "JS(real, made)", "y": [round(one, 5) for one in distances]}],
            "marks": [{"y": math.log(2), "label": "ln 2: two that never meet"}],
        },
        "points-loss": {
            "title": "What the network makes small: the error of v",
            "x": [min(EVERY * MEAN * (k + 1), now.reached) for k in range(len(means))] or [0],
            "x_label": "step of training",
            "series": [{"label": "loss", "y": [round(one, 4) for one in means] or [None]}],
            "marks": [{"y": round(now.lesson.least, 4), "label": "the exact score’s"}],
        },
    }


def _choice(state: dict[str, Any], name: str, label: str, options: dict[str, str]) -> dict[str, Any]:
    named = [{"value": value, "label": words} for value, words in options.items()]
    return {"kind": "choice", "name": name, "label": label, "options": named, "value": state[name]}


def _rail(state: dict[str, Any], now: Present) -> list[dict[str, Any]]:
    running, done = state["running"], state["points_learnt"] >= LESSON
    label = "Pause" if running else "Watch it learn" if done else "Learn on" if state["points_learnt"] else "Learn"
    more = [
        {"kind": "toggle", "name": "points_noisy", "label": "Fresh noise at every step (η = 1)"}
        | {"value": state["points_noisy"]},
        seed_item(state["seed"], "Seed of the noise"),
    ]
    if state["points_drawing"] and state["points_shape"] == "drawing":
        more.append({"kind": "button", "name": "points-clear", "label": "Clear my drawing"})
    return [
        {"kind": "button", "name": "points-pause" if running else "points-learn", "label": label, "primary": True},
        {
            "kind": "slider",
            "name": "points_learnt",
            "label": "Steps of training",
            "text": f"{now.reached:,} of {state['points_learnt']:,}" if now.behind else f"{now.reached:,}",
            "min": 0,
            "max": LESSON,
            "step": EVERY,
            "value": state["points_learnt"],
        },
        _choice(state, "points_shape", "Real points", SHAPES),
        _choice(state, "points_walk", "Led by", WALKS),
        _choice(state, "points_layer", "Show", LAYERS),
        _choice(state, "points_steps", "Steps of the sampler", {step: step for step in STEPS}),
        {"kind": "drawer", "name": "points-more", "label": "Noise and drawing", "items": more},
    ]


# ---- pictures for a GIF and for compare


def _painted(now: Present, moment: int) -> np.ndarray:
    return painted(now.lesson.data, now.path[moment], now.walk == "forward")


def _learnt(scene: Any) -> Present:
    """The present of a state, however long it takes to learn."""
    now = present(scene.state)
    while now.behind:
        now = present(scene.state)
    return now


def frames(scene: Any) -> list[np.ndarray]:
    """The run shown, moment by moment; from data to noise where it is the way forward."""
    now = _learnt(scene)
    order = range(len(now.times))
    return [_painted(now, k) for k in (reversed(order) if now.walk == "forward" else order)]


def picture(scene: Any) -> np.ndarray:
    """The moment shown, (320, 320, 3) uint8."""
    now = _learnt(scene)
    return _painted(now, now.frame)
