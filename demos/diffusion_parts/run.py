"""Part "The run": one walk from noise to a picture, every step of it, streamed in while it is computed."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np

from demos import follow
from demos.common import seed_item
from demos.diffusion_parts import run_frames, run_words
from demos.diffusion_parts.scene import LABELS, Scene
from demos.follow import Watch
from demos.prompting import control
from demos.stage.frame import Haste, Part
from demos.stage.state import Integer
from demos.widgets.curves import Curves
from demos.widgets.frame_strip import FrameStrip
from models import diffusion
from models.diffusion import DenoiseStep

PART = Part("run", "The run", frames=True)
MOST = 100  # steps; as the frame that is shown it stands for the last one, the picture, whatever the number of steps
FIRST = 17  # the frame that a newcomer sees: face and noise are about equal there, and no pane is empty
PARAMS = (Integer("frame", 0, MOST, FIRST), follow.Progress("run_seen"))
ASKS = ("prompt", "seed", "steps", "scheduler", "guidance", "eta")
SEEN = PARAMS[1].name


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``denoise``, ``run-stop``, ``run-go-on``, ``run-follow``, and ``frame`` while this part is shown."""
    if name == "frame" and state["part"] == PART.name:
        frame = PARAMS[0].check(value)
        return state | {"frame": frame if frame < state["steps"] else MOST}
    if name == "denoise":
        return follow.anew(state, SEEN, [Scene(state).request]) | {"frame": MOST}
    return follow.act(state, PART.name, SEEN, lambda: [Scene(state).request], name, value)


def asked(state: dict[str, Any], name: str) -> dict[str, Any]:
    """The state after the parameter ``name`` changed: who has not scrubbed sees what the new run ends in."""
    return state | {"frame": MOST} if name in ASKS and state["frame"] == FIRST else state


def stage() -> None:
    """The strip over the whole width, both curves under it."""
    with gr.Column(elem_classes=["pg-stack"]):
        FrameStrip("run-strip", "diffusion", elem_classes="pg-slim")
        with gr.Row(elem_classes=["pg-foot", "pg-later"]):
            Curves("run-alpha", "diffusion")
            Curves("run-snr", "diffusion")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """What there is of the run; more of it while it is computed. A dragging hand moves only its own control."""
    request = scene.request
    watch = follow.look(scene.state, SEEN, [request], live)
    steps = watch.records[0] if watch.runs else []
    view = {"rail": {"items": rail(scene, watch, steps, bool(live))}} | watch.again("run-follow")
    if watch.following:
        view["play"] = {"name": "run-stop", "value": None}
        new = steps[watch.have :]
        if new:
            view["run-strip"] = run_frames.more(request, new, watch.have)
    if live:
        return view
    if watch.complete:
        view["run-strip"] = run_frames.strip(request, steps, place(scene.state))
    elif steps and not watch.following:  # stopped on the way
        view["run-strip"] = run_frames.more(request, steps, 0)
    if steps:
        view["formula"] = run_words.formula(request, steps, place(scene.state))
    words = run_words.see(steps) if watch.complete else watch.words or "Stopped before the first step."
    return view | curves(scene) | {"see": words}


def place(state: dict[str, Any]) -> int:
    """The frame that the state shows: the steps count from 0, and the last frame is the picture."""
    return min(state["frame"], state["steps"])


def curves(scene: Scene) -> dict[str, Any]:
    """How much of the picture there is in each frame: as a share of the variance, and against the noise."""
    times = run_frames.times(scene.request)
    shared = {
        "x": list(range(len(times) + 1)),
        "x_label": "steps done",
        "index": place(scene.state),
        "follows": "run-strip",
    }
    alpha = [round(diffusion.alpha_bar(t), 5) for t in times] + [1.0]
    snr = [round(diffusion.snr_db(t), 2) for t in times] + [None]
    return {
        "run-alpha": shared | {"series": [{"label": "ᾱₜ, the picture’s share of the variance", "y": alpha}]},
        "run-snr": shared | {"series": [{"label": "SNR in dB, 0 where picture and noise are equal", "y": snr}]},
    }


# ---- the rail


def rail(
    scene: Scene,
    watch: Watch,
    steps: Sequence[DenoiseStep],
    brief: bool,
    part: str = PART.name,
    again: str = "denoise",
) -> list[dict[str, Any]]:
    """The controls of a part that shows the state's run; ``brief`` while something moves.

    again: the action that computes it anew.
    """
    return [
        control(scene.state["prompt"], scene.data, brief=brief),
        seed(scene),
        steps_slider(scene),
        _guidance(scene),
        scheduler(scene),
        *_eta(scene.state),
        *button(watch, part, again, "Denoise"),
        {"kind": "text", "name": f"{part}-cost", "label": run_words.cost(watch, steps)},
    ]


def seed(scene: Scene) -> dict[str, Any]:
    """The seed of the noise, for every part that has one."""
    return seed_item(scene.seed)


def steps_slider(scene: Scene) -> dict[str, Any]:
    """The number of steps."""
    count = scene.state["steps"]
    slider = {"kind": "slider", "name": "steps", "label": "Steps", "text": str(count)}
    return slider | {"min": 1, "max": MOST, "step": 1, "value": count}


def scheduler(scene: Scene) -> dict[str, Any]:
    """The choice of a sampler."""
    options = [{"value": name, "label": label} for name, label in LABELS.items()]
    choice = {"kind": "choice", "name": "scheduler", "label": "Scheduler", "options": options}
    return choice | {"value": scene.state["scheduler"]}


def button(watch: Watch, part: str, name: str, label: str) -> list[dict[str, Any]]:
    """Stop while a run is on, Go on once it was stopped, and else what computes it again."""
    press = watch.button(part) or [{"kind": "button", "name": name, "label": label}]
    return [one | {"primary": True} for one in press]


def _guidance(scene: Scene) -> dict[str, Any]:
    w = scene.state["guidance"]
    slider = {
        "kind": "slider",
        "name": "guidance",
        "label": "Guidance",
        "note": {0: "asks for nothing", 1: "asks, no more"}.get(w, ""),
        "text": f"{w:.1f}",
        "min": 0,
        "max": 20,
        "step": 0.5,
        "value": w,
    }
    if scene.prompt.attributes:
        return slider
    return slider | {"asleep": "Nothing is asked for, so there is nothing to be guided to."}


def _eta(state: dict[str, Any]) -> list[dict[str, Any]]:
    """How much of DDPM's noise DDIM adds: in a drawer, and only there."""
    if state["scheduler"] != "ddim":
        return []
    eta = state["eta"]
    slider = {
        "kind": "slider",
        "name": "eta",
        "label": "η",
        "note": {0: "none", 1: "as much as DDPM"}.get(eta, ""),
        "text": f"{eta:.2f}",
        "min": 0,
        "max": 1,
        "step": 0.05,
        "value": eta,
    }
    label = f"Fresh noise on the way: η = {eta:g}" if eta else "Fresh noise on the way"
    return [{"kind": "drawer", "name": "run-eta", "label": label, "items": [slider]}]


# ---- what leaves the page


def picture(scene: Scene) -> np.ndarray:
    """What the run of the state ends in, (64, 64, 3) uint8; waits for it."""
    return run_frames.picture(scene.request)


def frames(scene: Scene) -> list[np.ndarray]:
    """x_t beside the guess of the end, frame by frame: the run that can be saved as a GIF."""
    return run_frames.pairs(scene.request)
