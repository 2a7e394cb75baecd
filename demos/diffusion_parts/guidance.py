"""Part "Guidance": the same noise five times, guided more and more, and what guidance goes along at every step."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from demos import follow
from demos.common import LIVE, faces, number, source
from demos.diffusion_parts.run import MOST, button, scheduler, seed, steps_slider
from demos.diffusion_parts.run_frames import done, enlargement
from demos.diffusion_parts.scene import Scene, Together
from demos.prompting import control
from demos.stage.frame import Haste, Part
from demos.stage.state import Integer
from demos.widgets.curves import Curves
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.frame_strip import FrameStrip
from demos.widgets.picture import encode, sheet
from models import conditions, diffusion, threads, zoo
from models.diffusion import DenoiseStep

PART = Part("guidance", "Guidance", more=True)
SCALES = (0.0, 1.0, 3.0, 8.0, 20.0)
SAID = {0.0: "asks for nothing", 1.0: "asks"}
PARAMS = (Integer("guidance_frame", 0, MOST - 1, 4), follow.Progress("guidance_seen"))
SEEN = PARAMS[1].name
PANES = ["x̂₀(prompt)  asked", "x̂₀(∅)  not asked", "Δ  their difference"]
QUALITY = 88
Lanes = list[list[DenoiseStep]]


# ---- actions


def sweep(scene: Scene) -> Together:
    """The state's request at every scale, walked in step."""
    return Together(tuple(scene.varied(guidance=w) for w in SCALES))


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``guidance-again``, ``-stop``, ``-go-on``, ``-follow``, and ``frame`` while this part is shown."""
    if name == "frame" and state["part"] == PART.name:
        return state | {"guidance_frame": PARAMS[0].check(value)}
    if name == "guidance-again":
        return follow.anew(state, SEEN, [sweep(Scene(state))])
    return follow.act(state, PART.name, SEEN, lambda: [sweep(Scene(state))], name, value)


# ---- what is measured


def excess(x: Tensor) -> float:
    """How far the colour values of a picture lie beyond [-1, 1], on average over all, as a share of that range."""
    return float((x.abs() - 1).clamp(min=0).mean()) / 2


@torch.inference_mode()
def found(data: str, asked: dict[str, str], x: Tensor) -> list[list[str]]:
    """Which of the attributes asked for the attribute network reads off each picture of x (N, 3, 64, 64)."""
    if not asked:
        return [[] for _ in x]
    with threads.for_batch(len(x)):
        read = conditions.read(zoo.attributes(data), x.clamp(-1, 1))
    place = {name: conditions.vocabulary(data)[name].index(value) for name, value in asked.items()}
    sure = {name: (read[name].argmax(1) == at) & (read[name][:, at] > 0) for name, at in place.items()}
    return [[name for name in asked if bool(sure[name][i])] for i in range(len(x))]


def lanes_of(records: Sequence[tuple[int, DenoiseStep]]) -> Lanes:
    """The steps of every lane, as far as all of them have come."""
    lanes: Lanes = [[] for _ in SCALES]
    for lane, step in records:
        lanes[lane].append(step)
    whole = min(map(len, lanes))
    return [steps[:whole] for steps in lanes]


def nearest(w: float) -> int:
    """The lane whose scale is nearest to the state's."""
    return min(range(len(SCALES)), key=lambda k: abs(SCALES[k] - w))


# ---- the view


def stage() -> None:
    """Five pictures over the whole width; under them both guesses, their difference, and how large it is."""
    with gr.Column(elem_classes=["pg-stack"]):
        FaceSheet("guidance-sheet", "diffusion")
        with gr.Row(elem_classes=["pg-under"]):
            FrameStrip("guidance-strip", "diffusion", elem_classes="pg-bare")
            Curves("guidance-curve", "diffusion", elem_classes="pg-later")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The five pictures as far as they have come; at rest, once they are there, what was measured of them."""
    watch = follow.look(scene.state, SEEN, [sweep(scene)], live)
    lanes = lanes_of(watch.records[0] if watch.runs else [])
    view = {"rail": {"items": _rail(scene, watch, bool(live))}} | watch.again("guidance-follow")
    if watch.following:
        view["play"] = {"name": "guidance-stop", "value": None}
    if lanes[0] and not watch.complete and (watch.following or not live):
        view["guidance-sheet"] = _sketch(scene, lanes)
    if live:
        return view | ({"see": watch.words} if watch.following else {})
    if not watch.complete:
        return view | {"see": watch.words or "Stopped before the first step."}
    lane = nearest(scene.state["guidance"])
    ends = torch.cat([steps[-1].x_next for steps in lanes])
    seen = found(scene.data, scene.request.asked, ends)
    return view | {
        "guidance-sheet": _sheet(scene, ends, seen),
        "guidance-strip": _strip(scene, lanes[lane], lane),
        "guidance-curve": _curve(scene, lanes[lane], lane),
        "see": see(scene.request.asked, ends, seen),
        "formula": _formula(scene, lanes[lane], lane, ends),
    }


def _columns(picked: int) -> dict[str, Any]:
    labels = [f"w = {w:g}" + (f", {SAID[w]}" if w in SAID else "") for w in SCALES]
    return {
        "col_labels": labels,
        "actions": [{"name": "guidance", "value": w} for w in SCALES],
        "selected": picked,
    }


def _sketch(scene: Scene, lanes: Lanes) -> dict[str, Any]:
    """The guesses of a sweep that is under way."""
    at = len(lanes[0])
    guesses = torch.cat([steps[-1].x0 for steps in lanes]).clamp(-1, 1)
    words = f"step {at} of {scene.state['steps']}: what each of them guesses so far"
    return faces(guesses, len(SCALES), words, words, quick=True, **_columns(nearest(scene.state["guidance"])))


def _sheet(scene: Scene, ends: Tensor, seen: list[list[str]]) -> dict[str, Any]:
    asked = len(scene.request.asked)
    notes = [f"excess {percent(excess(x))}" for x in ends]
    if asked:
        notes = [f"{len(names)} of {asked} seen · {note}" for names, note in zip(seen, notes, strict=True)]
    return faces(
        ends.clamp(-1, 1),
        len(SCALES),
        f"The same noise, denoised with guidance {', '.join(f'{w:g}' for w in SCALES)}",
        "Seen: what the attribute network finds of what was asked. Excess: how far colours lie beyond ±1, on average.",
        notes=notes,
        **_columns(nearest(scene.state["guidance"])),
    )


def percent(share: float) -> str:
    """``0.42 %``, with as many decimals as tell small shares apart."""
    return f"{100 * share:.{2 if share < 0.0995 else 1}f} %"


def differences(steps: Sequence[DenoiseStep]) -> list[Tensor]:
    """What asking changes in the guess of the end, at each step, (1, 3, 64, 64)."""
    return [step.conditional - step.unconditional for step in steps]


def _size(difference: Tensor) -> float:
    """Root mean square of a difference, as a share of the range from -1 to 1."""
    return float(difference.square().mean().sqrt()) / 2


def _frame(scene: Scene) -> int:
    return min(scene.state["guidance_frame"], scene.state["steps"] - 1)


def _strip(scene: Scene, steps: list[DenoiseStep], lane: int) -> dict[str, Any]:
    request = sweep(scene).lanes[lane]
    factors = [enlargement(one) for one in differences(steps)]
    captions = [
        f"step {step.index + 1} of {step.of} · t = {step.timestep} · Δ " + (f"× {factor:g}" if factor else "= 0")
        for step, factor in zip(steps, factors, strict=True)
    ]
    return {
        "run": follow.mark(request, PART.name),
        "panes": PANES,
        "atlas": _atlas(sweep(scene), lane),
        "columns": 4 * len(PANES),
        "tile": 64,
        "count": len(steps),
        "index": _frame(scene),
        "captions": captions,
        "left": "noise",
        "right": "picture",
        "source": f"w = {SCALES[lane]:g} · grey: no difference",
    }


@lru_cache(maxsize=8)
def _atlas(request: Together, lane: int) -> str:
    """The panes of all steps of a lane of a finished sweep, kept while they are scrubbed."""
    steps = lanes_of(done(request).records)[lane]
    panes = []
    for step, difference in zip(steps, differences(steps), strict=True):
        panes += [step.conditional, step.unconditional, enlargement(difference) * difference]
    return encode(sheet(torch.cat(panes).clamp(-1, 1), 4 * len(PANES)), "jpeg", QUALITY)


def _curve(scene: Scene, steps: list[DenoiseStep], lane: int) -> dict[str, Any]:
    return {
        "title": "How much asking changes the guess",
        "x": [step.index + 1 for step in steps],
        "x_label": "step",
        "y_label": "% of the range, root mean square",
        "series": [{"label": f"w = {SCALES[lane]:g}", "y": [round(100 * _size(one), 3) for one in differences(steps)]}],
        "index": _frame(scene),
        "follows": "guidance-strip",
        "source": LIVE,
    }


def _rail(scene: Scene, watch: follow.Watch, brief: bool) -> list[dict[str, Any]]:
    state = scene.state
    lane = nearest(state["guidance"])
    chosen = [] if state["guidance"] == SCALES[lane] else [f"Yours, {state['guidance']:g}, is nearest to this one."]
    return [
        control(state["prompt"], scene.data, brief=brief),
        seed(scene),
        steps_slider(scene),
        scheduler(scene),
        {"kind": "choice", "name": "guidance", "label": "Guidance shown step by step"}
        | {"options": [{"value": w, "label": f"{w:g}"} for w in SCALES], "value": SCALES[lane]},
        *[{"kind": "text", "name": "guidance-nearest", "label": text} for text in chosen],
        *button(watch, "guidance", "guidance-again", "Denoise all five"),
        {"kind": "text", "name": "guidance-cost", "label": cost(watch)},
    ]


def cost(watch: follow.Watch) -> str:
    """What the sweep took; while it runs, how far it is."""
    if not watch.complete:
        return watch.words
    nfe = sum(steps[-1].nfe for steps in lanes_of(watch.records[0]))
    return f"five runs in one batch · {nfe} network calls · {watch.seconds:.1f} s, {LIVE}"


# ---- words


def see(asked: dict[str, str], ends: Tensor, seen: list[list[str]]) -> str:
    """What the sweep shows, in words that follow from its numbers."""
    if not asked:
        return (
            "Nothing is asked for: with the wish and without it the network is asked the same, so there is nothing to "
            "go along and all five are the same picture. Type a prompt."
        )
    counts = ", ".join(f"{len(names)} at w = {w:g}" for w, names in zip(SCALES, seen, strict=True))
    things = "the one thing" if len(asked) == 1 else f"the {len(asked)} things"
    words = f"The same noise, and only w differs. Of {things} asked for the attribute network sees {counts}."
    plain, most = excess(ends[SCALES.index(1.0)]), excess(ends[-1])
    if most > plain:
        return (
            f"{words} The price: colours beyond what a picture can hold, {percent(plain)} of the range on average at "
            f"w = 1, {percent(most)} at w = {SCALES[-1]:g}."
        )
    return f"{words} Colours stay within what a picture can hold: {percent(most)} beyond at w = {SCALES[-1]:g}."


def _formula(scene: Scene, steps: list[DenoiseStep], lane: int, ends: Tensor) -> dict[str, Any]:
    step = steps[_frame(scene)]
    size = 100 * _size(step.conditional - step.unconditional)
    w = SCALES[lane]
    asks = ["‖x̂₀(prompt) − x̂₀(∅)‖ = ", number(size), " % of the range, times w = ", number(w * size), " %"]
    if w in (0, 1):
        asks = [f"w = {w:g}: x̂₀(∅) {'alone' if w == 0 else 'falls out'}, so the network is asked once"]
    return {
        "title": f"Guidance at step {step.index + 1} of {step.of}",
        "lines": [
            ["x̂₀ = x̂₀(∅) + w (x̂₀(prompt) − x̂₀(∅)),  w = ", number(w, 0)],
            asks,
            ["excess = mean of max(|x| − 1, 0) / 2 = ", number(100 * excess(ends[lane]), 2), " %"],
        ],
        "code": source(diffusion.walk, excess),
    }
