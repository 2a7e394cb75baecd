"""Part "When it decides": from which step on the guess of a run already has what its picture will have.

What is measured is in `decides_measures`.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np
import torch
from torch import Tensor

from demos import follow
from demos.common import LIVE, named_label, number, source
from demos.diffusion_parts import run
from demos.diffusion_parts.decides_measures import Opinion, Report, guesses, nearest, report
from demos.diffusion_parts.run_frames import FEW, done, times
from demos.diffusion_parts.run_frames import PANES as OF_RUN
from demos.diffusion_parts.run_words import CLOSE, settled
from demos.diffusion_parts.scene import Request, Scene
from demos.stage.frame import Haste, Part
from demos.training_faces import Match, drawings
from demos.widgets.curves import Curves
from demos.widgets.frame_strip import FrameStrip
from demos.widgets.meter import Meter
from demos.widgets.picture import encode, raw, sheet
from models import conditions
from models.diffusion import DenoiseStep
from models.neighbours import Neighbours

PART = Part("decides", "When it decides", more=True, frames=True)
PARAMS = (follow.Progress("decides_seen"),)
SEEN = PARAMS[0].name
PANES = [*OF_RUN[:2], "≈  the nearest training face"]
SMOOTH = [False, True, True]
COLUMNS = 6 * len(PANES)
QUALITY = 88
WHY = {
    "portraits": "the photographs are not shipped",
    "toons": "not all of the drawings are shipped",
}


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``decides-again``, ``-stop``, ``-go-on``, ``-follow``, and ``frame`` while this part is shown.

    It is the state's run, and the frame that is shown is that of part "The run".
    """
    if name == "frame" and state["part"] == PART.name:
        frame = run.PARAMS[0].check(value)
        return state | {"frame": frame if frame < state["steps"] else run.MOST}
    if name == "decides-again":
        return follow.anew(state, SEEN, [Scene(state).request])
    return follow.act(state, PART.name, SEEN, lambda: [Scene(state).request], name, value)


# ---- the view


def stage() -> None:
    """On the left the strip and both curves, on the right when every attribute was decided."""
    with gr.Column(elem_classes=["pg-stack"]):
        FrameStrip("decides-strip", "diffusion", elem_classes="pg-slim")
        with gr.Row(elem_classes=["pg-foot", "pg-later"]):
            Curves("decides-shape", "diffusion")
            Curves("decides-sure", "diffusion")
    with gr.Column(elem_classes=["pg-stack", "pg-narrow"]):
        Meter("decides-when", "diffusion", elem_classes="pg-fit")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The guesses and who they resemble as far as the run has come; when it has ended, what was decided when."""
    request = scene.request
    watch = follow.look(scene.state, SEEN, [request], live)
    steps = watch.records[0] if watch.runs else []
    view = {"rail": {"items": run.rail(scene, watch, steps, bool(live), PART.name, "decides-again")}}
    view |= watch.again("decides-follow")
    if watch.following:
        view["play"] = {"name": "decides-stop", "value": None}
        new = steps[watch.have :]
        if new:
            view["decides-strip"] = _more(request, new, watch.have)
    if live:
        return view
    if not watch.complete:
        if steps and not watch.following:  # stopped on the way
            view["decides-strip"] = _more(request, steps, 0)
        return view | {"see": watch.words or "Stopped before the first step."}
    found, at = report(request), run.place(scene.state)
    return view | {
        "decides-strip": _strip(request, steps, found, at),
        "decides-when": {"items": [_bar(one, request) for one in found.opinions]},
        "decides-shape": _shape(found, at),
        "decides-sure": _sure(found, at),
        "see": see(found, request.steps),
        "formula": _formula(found, request.steps, at),
    }


def frames(scene: Scene) -> list[np.ndarray]:
    """x_t, the guess and the training face nearest to it, frame by frame, (64, 192, 3) uint8 each."""
    return [sheet(frame, len(PANES)) for frame in _whole(scene.request).split(len(PANES))]


def _tiles(data: str, seen: Tensor, found: Tensor, near: Sequence[Match]) -> Tensor:
    """The three panes of some frames, (3 F, 3, 64, 64) in [-1, 1]: x_t, guesses, and the faces nearest to those."""
    return torch.stack([seen, found, drawings(data, near)], 1).flatten(0, 1).clamp(-1, 1)


def _whole(request: Request) -> Tensor:
    """The panes of all frames of a run, the picture's included; waits for it."""
    steps = done(request).records
    seen = torch.cat([*(step.x_t for step in steps), steps[-1].x_next])
    return _tiles(request.data, seen, guesses(steps), report(request).near)


@lru_cache(maxsize=8)
def _atlas(request: Request) -> str:
    """All panes in one picture, kept while they are scrubbed."""
    return encode(sheet(_whole(request), COLUMNS), "jpeg", QUALITY)


def _about(request: Request) -> dict[str, Any]:
    return {
        "panes": PANES,
        "smooth": SMOOTH,
        "left": f"t = {times(request)[0]} · noise",
        "right": "t = 0 · picture",
        "source": f"right: our autoencoder’s drawing of a training picture, {WHY[request.data]} · {LIVE}",
    }


def _caption(step: DenoiseStep) -> str:
    return f"step {step.index + 1} of {step.of} · t = {step.timestep}"


def _strip(request: Request, steps: Sequence[DenoiseStep], found: Report, at: int) -> dict[str, Any]:
    """A finished run, for the browser to scrub alone."""
    known, end = len(found.opinions), found.near[-1].index
    notes = []
    for i, match in enumerate(found.near):
        same = " · the one at the end" if match.index == end and i < len(steps) else ""
        notes.append(["", f"{found.decided(i)} of {known} decided", f"{match.distance:.3f} away{same}"])
    return _about(request) | {
        "run": follow.mark(request),
        "atlas": _atlas(request),
        "columns": COLUMNS,
        "tile": 64,
        "count": len(steps) + 1,
        "index": at,
        "captions": [*map(_caption, steps), f"the picture, after {len(steps)} step{'s' if len(steps) > 1 else ''}"],
        "notes": notes,
    }


def _more(request: Request, new: Sequence[DenoiseStep], have: int) -> dict[str, Any]:
    """The frames ``new`` of a run that goes on, for a page that has ``have`` of them."""
    seen, found = (torch.cat([getattr(step, name) for step in new]) for name in ("x_t", "x0"))
    near = nearest(request.data, found)
    columns = len(PANES) * min(len(new), FEW)
    pictures = sheet(_tiles(request.data, seen, found, near), columns)
    return FrameStrip.append(
        follow.mark(request),
        have,
        request.steps + 1,
        raw(pictures) if len(new) <= FEW else encode(pictures, "jpeg", QUALITY),
        columns,
        64,
        len(new),
        captions=[_caption(step) for step in new],
        notes=[["", "", f"{match.distance:.3f} away"] for match in near],
        **_about(request),
    )


def _bar(one: Opinion, request: Request) -> dict[str, Any]:
    """How far the run went before an attribute was decided."""
    wish = request.asked.get(one.attribute)
    asked = "" if wish is None else "as asked" if wish == one.value else f"asked for: {wish.replace('_', ' ')}"
    bar = {"value": one.since, "max": request.steps, "text": when(one.since, request.steps)}
    return {"label": title(one), "meaning": asked} | bar


def title(one: Opinion) -> str:
    """``Hair colour: blond``."""
    return f"{named_label(one.attribute)}: {one.value.replace('_', ' ')}"


def when(frame: int, steps: int) -> str:
    """``step 4``; what not even the last guess has is decided by the last step of the sampler."""
    return f"step {frame}" if frame <= steps else "the very end"


def _axis(found: Report, at: int) -> dict[str, Any]:
    return {
        "x": list(range(1, len(found.near) + 1)),
        "x_label": "guess of step",
        "index": at,
        "follows": "decides-strip",
    }


def _shape(found: Report, at: int) -> dict[str, Any]:
    """How far the guess still has to go, as a share of what the first guess had to."""
    lines = {"8×8 pixels, % still to go": found.coarse, "detail, % still to go": found.detail}
    return _axis(found, at) | {
        "series": [{"label": label, "y": [round(100 * far, 2) for far in y]} for label, y in lines.items()],
        "marks": [{"y": 100 * CLOSE, "label": "as good as there"}],
    }


def _sure(found: Report, at: int) -> dict[str, Any]:
    """What the attribute network thinks of the values that it will read off the picture: all, and the last to come."""
    mean, last = np.mean([one.sure for one in found.opinions], axis=0), found.opinions[-1]
    lines = [("sure of what comes, mean", mean, False), (named_label(last.attribute).lower(), last.sure, True)]
    return _axis(found, at) | {
        "series": [{"label": label, "y": [round(float(p), 4) for p in y], "dash": dash} for label, y, dash in lines],
    }


# ---- words


def see(found: Report, steps: int) -> str:
    """What was decided when, in words that follow from the numbers."""
    early = [one for one in found.opinions if one.since == 1]
    later = found.opinions[len(early) :]
    reads = "reads from the first guess on as it does" if len(early) == 1 else "read from the first guess on as they do"
    words = f"Of {len(found.opinions)} attributes {len(early)} {reads} in the picture."
    if later:
        words += f" {_last(later, steps)}"
    rough, fine = found.coarse_at, found.detail_at
    way = f"At 8×8 pixels the guess has come nine tenths of the way by {when(rough, steps)}"
    if rough < fine:
        return f"{words} {way}, its detail by {when(fine, steps)}: coarse first, detail last."
    if rough == fine:
        return f"{words} {way}, and so has its detail: neither comes first here."
    return f"{words} {way}, its detail already by {when(fine, steps)}: not coarse first this time."


def _last(later: Sequence[Opinion], steps: int) -> str:
    """Which attributes were decided first and last among those that were open at the first guess."""
    first, last = later[0], later[-1]
    if first.since == last.since:
        which = "The other one is" if len(later) == 1 else f"The other {len(later)} are"
        return f"{which} decided at {when(last.since, steps)}."
    return (
        f"Then {title(first)} is decided at {when(first.since, steps)}; last comes {title(last)}, "
        f"at {when(last.since, steps)}."
    )


def _formula(found: Report, steps: int, at: int) -> dict[str, Any]:
    where = f"step {at + 1}" if at < steps else "the picture"
    return {
        "title": f"What is decided, {where}",
        "lines": [
            ["decided: the first k from which argmax p(a | x̂₀) stays,  ", number(found.decided(at), 0), " so far"],
            ["‖x̂₀ − x₀‖ / ‖x̂₀⁽¹⁾ − x₀‖:  8×8 ", number(found.coarse[at], 2), ",  detail ", number(found.detail[at], 2)],
            ["minᵢ |φ(x̂₀) − φ(xᵢ)| = ", number(found.near[at].distance, 3)],
        ],
        "code": source(settled, conditions.read, Neighbours.nearest),
    }
