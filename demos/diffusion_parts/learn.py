"""Part "Watch it learn": the training of the shipped network, moment by moment, and what it learnt first."""

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demos import replays
from demos.common import number, source
from demos.diffusion_parts.scene import Scene
from demos.replays import MOMENTS, RECORDED, Moments, caption
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Integer
from demos.widgets.curves import Curves
from demos.widgets.frame_strip import FrameStrip
from models import diffusion, prompts, zoo

PART = Part("learn", "Watch it learn", more=True, frames=True)
STRIP = "learn-strip"
FREE = 8  # of the sixteen faces the first eight were drawn without a wish
SHOWS = {"loss": "Loss", "parts": "Loss near some t", "gradient": "Gradient"}
LARGE = {"asked": "Asked for", "free": "Not asked"}
SHOWN = (0, 3, 6, 9)  # which tenths of 0..999 the curve "Loss near some t" shows
PARAMS = (
    Integer("moment", 0, MOMENTS - 1, MOMENTS - 1),
    Choice("learn_curve", tuple(SHOWS)),
    Choice("learn_face", tuple(LARGE)),
)
FALLEN = 0.1  # a loss that fell by a smaller share has not been learnt


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``frame`` while this part is shown; the others are plain parameters."""
    if name == "frame" and state["part"] == PART.name:
        return state | {"moment": value}
    return None


def stage() -> None:
    """The strip; beside it a curve over the training, and the loss by timestep at the moment shown."""
    FrameStrip(STRIP, "diffusion", elem_classes="pg-wide")
    with gr.Column(elem_classes=["pg-stack"]):
        Curves("learn-curve", "diffusion")
        Curves("learn-times", "diffusion", elem_classes="pg-later")


def replay(data: str) -> zoo.Replay:
    """The recorded training of a set.

    Raises:
        ValueError: where the weights come without one.
    """
    try:
        return zoo.diffusion_replay(data)
    except FileNotFoundError:
        raise ValueError(f"The training of the {data} model was not recorded.") from None


def tiles(run: zoo.Replay, face: int) -> np.ndarray:
    """The sixteen faces and one of them, large, at every moment: (moments, 2, TILE, TILE, 3) uint8."""
    sixteen = replays.tiles(run)
    return np.stack([sixteen, replays.enlarged(sixteen, face)], 1)


@lru_cache(maxsize=4)
def _atlas(data: str, sheet: Path, face: int) -> str:
    """The tiles in one picture; ``sheet`` only tells one set of weights from another."""
    return replays.atlas(tiles(replay(data), face))


def large(scene: Scene) -> int:
    """Which of the sixteen faces is shown large: the first that was asked for something, or the very first."""
    return FREE if scene.state["learn_face"] == "asked" else 0


def frames(scene: Scene) -> list[np.ndarray]:
    """Both panes of every moment side by side, (256, 512, 3) uint8 each: the run that can be saved as a GIF."""
    return [np.concatenate(list(moment), 1) for moment in tiles(replay(scene.data), large(scene))]


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The whole training in one atlas: the browser scrubs it alone, and the curve over the training follows it."""
    run = replay(scene.data)
    moments = run.moments
    at = min(scene.state["moment"], len(moments) - 1)
    view = {
        STRIP: replays.strip(
            ["sixteen faces", "one of them"],
            _atlas(scene.data, run.sheet, large(scene)),
            at,
            [caption([moment]) for moment in moments],
            notes=[["above: not asked, below: asked for", wish(scene)]] * len(moments),
            source=f"{RECORDED}: always the same sixteen noises",
        ),
        "rail": {"items": _rail(scene)},
    }
    if live:
        return view
    return view | {
        "learn-curve": _curve(scene, moments, at),
        "learn-times": _times(scene, moments, at),
        "see": see(moments, at),
        "formula": _formula(moments, at),
    }


def wish(scene: Scene) -> str:
    """What the large face was asked for, as a prompt."""
    if large(scene) < FREE:
        return "nothing was asked"
    asked = scene.measured.get("replay_asked")
    return prompts.describe(scene.data, asked[0]) if asked else "asked for what a real picture shows"


# --- the numbers -----------------------------------------------------------------------------------------------------


def times(moments: Moments) -> list[int]:
    """The t around which losses are known at every moment, ascending."""
    names = set.intersection(*(set(moment) for moment in moments))
    return sorted(int(name.removeprefix("loss_at_")) for name in names if name.startswith("loss_at_"))


def at_times(moments: Moments, at: int) -> dict[int, float]:
    """{t: loss around t} at a moment."""
    return {t: moments[at][f"loss_at_{t}"] for t in times(moments)}


def mean(moments: Moments, at: int) -> float:
    """The recent mean loss over all t at a moment; of the one batch where no parts are known."""
    losses = at_times(moments, at).values()
    return sum(losses) / len(losses) if losses else moments[at]["loss"]


def halfway(moments: Moments) -> dict[int, int]:
    """{t: pictures seen when the loss around t was first half way down to its end}, the way measured in logarithms.

    A t whose loss fell by less than the share FALLEN is left out: nothing was learnt there.
    """
    found = {}
    for t in times(moments):
        losses = [moment[f"loss_at_{t}"] for moment in moments]
        if losses[-1] < (1 - FALLEN) * losses[0]:
            middle = math.sqrt(losses[0] * losses[-1])
            first = next(k for k, loss in enumerate(losses) if loss <= middle)
            found[t] = moments[first]["images_seen"]
    return found


def see(moments: Moments, at: int) -> str:
    """What had been learnt at the moment shown, in words that follow from the numbers."""
    here, start = mean(moments, at), mean(moments, 0)
    words = f"After {moments[at]['images_seen']:,.0f} pictures a guess of v is off by {here:.2f} on average (squared)"
    words += f", at the start by {start:.2f}." if at else "."
    now = at_times(moments, at)
    if not now:
        return words
    dearest, cheapest = max(now, key=now.get), min(now, key=now.get)
    words += f" Hardest is t ≈ {dearest} ({now[dearest]:.2f}), easiest t ≈ {cheapest} ({now[cheapest]:.2f})."
    if dearest == max(now):
        words += " There x_t is nearly all noise: which face it will be cannot be seen yet."
    elif dearest == min(now):
        words += " There x_t has so little noise that it hides in the picture."
    learnt = halfway(moments)
    if learnt and min(learnt.values()) < max(learnt.values()):
        first, last = min(learnt, key=learnt.get), max(learnt, key=learnt.get)
        words += (
            f" Half learnt first: t ≈ {first}, after {learnt[first]:,.0f} pictures; last: t ≈ {last}, "
            f"after {learnt[last]:,.0f}."
        )
    return words


# --- the view --------------------------------------------------------------------------------------------------------


def _curve(scene: Scene, moments: Moments, at: int) -> dict[str, Any]:
    what = scene.state["learn_curve"]
    every = range(len(moments))
    known = times(moments)
    if what == "gradient":
        series = [_line("length of the gradient", [moment["gradient"] for moment in moments])]
        return replays.curve(STRIP, at, "Gradient of the step", "norm", series, log=True)
    if what == "parts" and known:
        shown = [known[part] for part in SHOWN if part < len(known)]
        series = [_line(f"t ≈ {t}", [at_times(moments, k)[t] for k in every]) for t in shown]
        return replays.curve(STRIP, at, "Loss near some t", "squared error of v", series, log=True)
    series = [_line("mean of all t", [mean(moments, k) for k in every])]
    return replays.curve(STRIP, at, "Loss while it learnt", "squared error of v", series)


def _times(scene: Scene, moments: Moments, at: int) -> dict[str, Any]:
    end = len(moments) - 1
    lines = {f"moment {at + 1}": at, "end": end, "start": 0}
    series = [
        _line(label, list(at_times(moments, k).values()), dash=label != f"moment {at + 1}")
        for label, k in lines.items()
        if k != at or label not in ("end", "start")
    ]
    held_out = scene.measured.get("loss_by_timestep", {})
    if held_out.get("t") == times(moments) and "asked" in held_out:
        series.append(_line("end, held-out pictures, all told", held_out["asked"], dash=True))
    return {
        "title": "Loss by timestep",
        "x": times(moments),
        "x_label": "t",
        "y_label": "squared error of v",
        "series": series,
        "source": RECORDED,
    }


def _line(label: str, values: list[float], dash: bool = False) -> dict[str, Any]:
    return {"label": label, "y": [round(value, 5) for value in values], "dash": dash}


def _rail(scene: Scene) -> list[dict[str, Any]]:
    choices = {"learn_face": ("Large face", LARGE), "learn_curve": ("First curve", SHOWS)}
    return [
        {"kind": "heading", "label": "The training, moment by moment"},
        *[
            {
                "kind": "choice",
                "name": name,
                "label": label,
                "options": [{"value": value, "label": words} for value, words in options.items()],
                "value": scene.state[name],
            }
            for name, (label, options) in choices.items()
        ],
        {"kind": "text", "label": recipe(scene.data)},
    ]


def recipe(data: str) -> str:
    """How the network was trained, from what the recipe noted down."""
    record = replays.record(zoo.diffusion_folder(data))
    arguments = record["arguments"]
    before = f", after {record['minutes_before']:g} minutes before" if record.get("minutes_before") else ""
    return (
        f"{record['images_seen']:,} pictures, {arguments['batch']} at a time, in {record['training_minutes']:g} "
        f"minutes{before}; AdamW begins at {arguments['rate']:g}. Faces are drawn by the moving average of the weights."
    )


def _formula(moments: Moments, at: int) -> dict[str, Any]:
    now = at_times(moments, at)
    lines = [
        ["L = E |v̂(x_t, t, c) − v|² = ", number(mean(moments, at), 3), " per value"],
        ["x_t = √ᾱ x₀ + √(1 − ᾱ) ε,  v = √ᾱ ε − √(1 − ᾱ) x₀"],
    ]
    if now:
        low, high = min(now), max(now)
        lines.append([f"t ≈ {low}: ", number(now[low], 3), f",  t ≈ {high}: ", number(now[high], 3)])
    return {
        "title": f"What is learnt, moment {at + 1}",
        "lines": lines,
        "code": source(diffusion.q_sample, diffusion.v_from),
    }
