"""Part "Your picture": a picture of the visitor's noised and walked back, what survives that, and repairs of it."""

from typing import Any

import gradio as gr
import numpy as np

from demos import follow, uploads
from demos.diffusion_parts import picture_back, picture_repair, picture_survey, run
from demos.diffusion_parts.picture_walks import AGAIN, Own
from demos.diffusion_parts.scene import Scene
from demos.prompting import control
from demos.stage.frame import Haste, Part
from demos.stage.state import Bits, Choice, Flag, Integer, Text
from demos.widgets.curves import Curves
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.frame_strip import FrameStrip
from demos.widgets.mask_pad import MaskPad
from demos.widgets.meter import Meter
from demos.widgets.picture_input import PictureInput
from models import editing

PART = Part("picture", "Your picture", frames=True)
SEEN = "picture_seen"
TASKS = {"noise": "Noise", "survives": "Survival", "repair": "Repair"}
VIEWS = {"noise": picture_back, "survives": picture_survey, "repair": picture_repair}
WIDGETS = {
    "noise": ("picture-input", "picture-strip"),
    "survives": ("picture-meters", "picture-levels", "picture-curve"),
    "repair": ("picture-mask", "picture-meters", "picture-strip"),
}
ABSENT = {
    task: dict.fromkeys({name for names in WIDGETS.values() for name in names} - set(here), {"hidden": True})
    for task, here in WIDGETS.items()
}
NOISED = Integer("noised", 0, 999, 500)
MASK = Bits("mask", 64 * 64)
AREA = Choice("area", (*editing.AREAS, "own"))
LAST = 1000  # frames that no walk has: its end
PARAMS = (
    Choice("task", tuple(TASKS)),
    NOISED,
    Flag("walked", True),
    Integer("walk_frame", 0, LAST, LAST),
    Text("wish", 2000),
    AREA,
    MASK,
    Choice("filling", tuple(AGAIN)),
    follow.Progress(SEEN),
)


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers what belongs to the picture, its mask and its walks; None for anybody else's action.

    ``noised`` and ``mask`` show at once what a walk would begin from, ``picture-again`` walks. ``walk-from`` goes from
    the survey to one of its levels.
    """
    if name == "noised":
        return state | {"noised": NOISED.check(value), "walked": False}
    if name == "walk-from":
        return state | {"noised": NOISED.check(value), "task": "noise", "walked": True, "walk_frame": LAST}
    if name == "mask":
        # what was painted is the visitor's own: a link opens with a part of the face instead
        hidden = [*(other for other in state["hidden"] if other != "area"), "area"]
        return state | {"mask": MASK.check(value), "area": "own", "walked": False, "hidden": hidden}
    if name == "area":
        hidden = [other for other in state["hidden"] if other != "area"]
        mask = state["mask"] if value == "own" else ""
        return state | {"area": AREA.check(value), "mask": mask, "walked": True, "hidden": hidden}
    if name == "frame" and state["part"] == PART.name:
        return state | {"walk_frame": value}
    if name.startswith(f"{PART.name}-"):
        return _walk(state, name, value)
    return uploads.act(state, name, value)


def _walk(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Begins, follows, stops and resumes the walk of the present task."""
    own = Own(Scene(state))
    if name == "picture-again":
        return follow.anew(state, SEEN, [own.asked]) | {"walked": True, "walk_frame": LAST}
    if name == "picture-follow" and not VIEWS[state["task"]].walks(own):
        return state  # asked for before the picture was noised anew, it may begin nothing
    return follow.act(state, PART.name, SEEN, lambda: [own.asked], name, value)


def stage() -> None:
    """On the left the input, the mask or the meters; on the right the walk, or what came back from every t."""
    with gr.Column(elem_classes=["pg-stack", "pg-narrow"]):
        PictureInput("picture-input", "diffusion", elem_classes="pg-fit")
        MaskPad("picture-mask", "diffusion", elem_classes="pg-fit")
        Meter("picture-meters", "diffusion", elem_classes="pg-fit")
    with gr.Column(elem_classes=["pg-stack"]):
        FrameStrip("picture-strip", "diffusion", elem_classes="pg-slim")
        FaceSheet("picture-levels", "diffusion")
        Curves("picture-curve", "diffusion", elem_classes=["pg-fit", "pg-low"])


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The present task: its pictures, how far its walk is, and at rest everything else."""
    own = Own(scene)
    shows = VIEWS[scene.state["task"]]
    walks = shows.walks(own)
    watch = follow.look(scene.state, SEEN, [own.asked], live) if walks else None
    view = shows.draw(own, watch, live) | {"rail": {"items": _rail(own, watch, live)}}
    if watch:
        view |= watch.again("picture-follow")
    if watch and watch.following:
        view["play"] = {"name": "picture-stop", "value": None}
    elif not walks and shows.presses(own):
        view["play"] = {"name": "picture-again", "value": None}
    if live:
        return view
    if scene.state["task"] == "noise":
        view["picture-input"] = uploads.input_view(scene.state, False)
    return ABSENT[scene.state["task"]] | view


def frames(scene: Scene) -> list[np.ndarray]:
    """What the present task shows, frame by frame, its panes side by side, (64, W, 3) uint8 each."""
    own = Own(scene)
    return VIEWS[scene.state["task"]].frames(own)


def _rail(own: Own, watch: follow.Watch | None, live: Haste) -> list[dict[str, Any]]:
    state = own.state
    shows = VIEWS[state["task"]]
    words = {"noise": "Denoise from here", "survives": "Compute again", "repair": "Fill it in"}[state["task"]]
    press = [{"kind": "button", "name": "picture-again", "label": words, "primary": True}]
    if watch:
        press = run.button(watch, PART.name, "picture-again", words)
    other = "Another drawing" if own.scene.data == "toons" else "Another face"
    return [
        {
            "kind": "choice",
            "name": "task",
            "label": "",
            "options": [{"value": value, "label": label} for value, label in TASKS.items()],
            "value": state["task"],
        },
        *shows.controls(own),
        *(press if shows.presses(own) else []),
        control(state["wish"], own.scene.data, "wish", "Ask for something else", brief=bool(live)),
        {"kind": "button", "name": "forget", "label": "Forget my picture"}
        if state["picture"]
        else {"kind": "button", "name": "another", "label": other},
        {"kind": "drawer", "name": "sampler", "label": "Sampler and seed", "items": _sampler(own.scene)},
    ]


def _sampler(scene: Scene) -> list[dict[str, Any]]:
    w = scene.state["guidance"]
    guidance = {"kind": "slider", "name": "guidance", "label": "Guidance", "text": f"{w:.1f}", "value": w}
    return [
        run.seed(scene),
        run.steps_slider(scene),
        guidance | {"min": 0, "max": 20, "step": 0.5},
        run.scheduler(scene),
    ]
