"""Part "What goes wrong": five ways to spoil a run, each computed here, measured, and left by the knob that causes it.

The failures themselves are in `wrong_cases` and `wrong_prompts`.
"""

from collections.abc import Sequence
from typing import Any

import gradio as gr
import torch

from demos import follow
from demos.common import LIVE, faces, source
from demos.diffusion_parts import run
from demos.diffusion_parts.scene import Scene, Together
from demos.diffusion_parts.wrong_cases import GUIDANCE, NOISE, STEPS, Failure, Lane, Measured
from demos.diffusion_parts.wrong_prompts import CONTRADICTION, UNKNOWN
from demos.prompting import control
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Integer
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.meter import Meter
from models.diffusion import DenoiseStep

PART = Part("wrong", "What goes wrong", more=True)
FAILURES = {
    "steps": STEPS,
    "guidance": GUIDANCE,
    "contradiction": CONTRADICTION,
    "unknown": UNKNOWN,
    "noise": NOISE,
}
PARAMS = (Choice("failure", tuple(FAILURES)), follow.Progress("wrong_seen"))
SEEN = PARAMS[1].name
PROMPTED = ("steps", "guidance", "noise")  # failures of any prompt; the others have their own
WORST = 0  # the lane that the button goes to


# ---- actions


def lanes_of(scene: Scene) -> tuple[Lane, ...]:
    """The runs of the failure that the state shows."""
    return FAILURES[scene.state["failure"]].lanes(scene)


def together(scene: Scene) -> Together:
    """Their requests, to be walked in step."""
    return Together(tuple(one.request for one in lanes_of(scene)))


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``wrong-go`` (to the run of a lane), ``wrong-again``, ``-stop``, ``-go-on`` and ``-follow``."""
    if name == "wrong-go":
        lanes = lanes_of(Scene(state))
        return _gone(state, lanes[Integer("lane", 0, len(lanes) - 1, WORST).check(WORST if value is None else value)])
    if name == "wrong-again":
        return follow.anew(state, SEEN, [together(Scene(state))])
    return follow.act(state, PART.name, SEEN, lambda: [together(Scene(state))], name, value)


def _gone(state: dict[str, Any], one: Lane) -> dict[str, Any]:
    """The state in which "The run" walks as that lane does."""
    request = one.request
    names = ("steps", "scheduler", "guidance", "eta")
    changed = {name: getattr(request, name) for name in names}
    return state | changed | {"prompt": one.prompt, "part": run.PART.name, "frame": run.MOST}


# ---- the view


def stage() -> None:
    """The pictures over the whole width, what was measured of them below."""
    with gr.Column(elem_classes=["pg-stack"]):
        FaceSheet("wrong-sheet", "diffusion")
        Meter("wrong-bars", "diffusion", elem_classes="pg-fit")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The pictures of a failure as far as they have come; at rest, once they are there, what was measured of them."""
    failure, lanes = FAILURES[scene.state["failure"]], lanes_of(scene)
    watch = follow.look(scene.state, SEEN, [together(scene)], live)
    steps = _steps(watch.records[0] if watch.runs else [], len(lanes))
    view = {"rail": {"items": _rail(scene, failure, lanes, watch, bool(live))}} | watch.again("wrong-follow")
    if watch.following:
        view["play"] = {"name": "wrong-stop", "value": None}
    if all(steps) and not watch.complete and (watch.following or not live):
        view["wrong-sheet"] = _sketch(lanes, steps)
    if live:
        return view | ({"see": watch.words} if watch.following else {})
    if not watch.complete:
        return view | {"wrong-bars": {"items": []}, "see": watch.words or "Stopped before the first step."}
    ends = torch.cat([walk[-1].x_next for walk in steps])
    measured = failure.measure(scene, lanes, ends)
    return view | {
        "wrong-sheet": faces(
            ends.clamp(-1, 1),
            len(lanes),
            f"{failure.label}: the same noise, {', '.join(one.label for one in lanes)}",
            f"The same noise, seed {scene.seed}. {failure.caption} Click one to see its run.",
            notes=measured.notes,
            **_columns(lanes),
        ),
        "wrong-bars": {"items": measured.bars},
        "see": measured.see,
        "formula": _formula(failure, measured),
    }


def _steps(records: Sequence[tuple[int, DenoiseStep]], count: int) -> list[list[DenoiseStep]]:
    """The steps of every lane, as far as they are known."""
    steps: list[list[DenoiseStep]] = [[] for _ in range(count)]
    for lane, step in records:
        steps[lane].append(step)
    return steps


def _columns(lanes: Sequence[Lane]) -> dict[str, Any]:
    actions = [{"name": "wrong-go", "value": k} for k in range(len(lanes))]
    return {"col_labels": [one.label for one in lanes], "actions": actions}


def _sketch(lanes: Sequence[Lane], steps: Sequence[list[DenoiseStep]]) -> dict[str, Any]:
    """What every run has: its picture where it has ended, else its guess of it."""
    last = [walk[-1] for walk in steps]
    ended = [step.index == step.of - 1 for step in last]
    shown = torch.cat([step.x_next if over else step.x0 for step, over in zip(last, ended, strict=True)]).clamp(-1, 1)
    words = "The same noise, several runs: what each of them guesses so far"
    notes = ["" if over else f"step {step.index + 1} of {step.of}" for step, over in zip(last, ended, strict=True)]
    return faces(shown, len(lanes), words, words, quick=True, notes=notes, **_columns(lanes))


def _rail(
    scene: Scene, failure: Failure, lanes: Sequence[Lane], watch: follow.Watch, brief: bool
) -> list[dict[str, Any]]:
    state = scene.state
    options = [{"value": name, "label": one.label} for name, one in FAILURES.items()]
    items: list[dict[str, Any]] = [
        {
            "kind": "choice",
            "name": "failure",
            "label": "What goes wrong",
            "options": options,
            "value": state["failure"],
        },
        run.seed(scene),
    ]
    if state["failure"] in PROMPTED:
        items.insert(1, control(state["prompt"], scene.data, brief=brief))
    press = watch.button(PART.name)
    return [
        *items,
        {"kind": "text", "name": "wrong-knob", "label": f"The knob: {failure.knob}"},
        {
            "kind": "button",
            "name": "wrong-go",
            "label": f"See it run: {lanes[WORST].label}",
            "primary": not press,
        },
        *(press or [{"kind": "button", "name": "wrong-again", "label": "Compute again"}]),
        {"kind": "text", "name": "wrong-cost", "label": _cost(watch)},
    ]


def _cost(watch: follow.Watch) -> str:
    """What the runs took; while they run, how far they are."""
    if not watch.complete:
        return watch.words
    calls = {lane: step.nfe for lane, step in watch.records[0]}
    return f"{len(calls)} runs in one batch · {sum(calls.values())} network calls · {watch.seconds:.1f} s, {LIVE}"


def _formula(failure: Failure, measured: Measured) -> dict[str, Any]:
    return {"title": failure.label, "lines": measured.lines, "code": source(*failure.code)}
