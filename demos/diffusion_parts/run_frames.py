"""The frames of a run: four panes for every step and for the picture at its end; as a strip, a GIF, a contact sheet."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from demos import follow
from demos.common import LIVE
from demos.diffusion_parts.scene import Request, Together
from demos.engine import Run
from demos.widgets.frame_strip import FrameStrip
from demos.widgets.picture import encode, raw, sheet, to_uint8
from models import diffusion
from models.diffusion import DenoiseStep

PANES = [
    "xₜ  what it sees",
    "x̂₀  its guess of the end",
    "ε̂  the noise it finds",
    "Δ  what this step changed",
]
SMOOTH = [False, True, False, True]
TILE = 64
COLUMNS = 4 * len(PANES)  # of the atlas: a JPEG is at most 65,535 pixels high
FEW = 3  # frames that travel as they are: a browser takes longer to decode a small JPEG than to copy its pixels
QUALITY = 85  # of a whole run, half of which is noise
PATIENCE = 300.0  # seconds that pin, compare and export wait for a run


def enlargement(change: Tensor) -> float:
    """The factor, of two digits, that makes the largest number of ``change`` fill the range from 0 to 1; 0 for none."""
    largest = float(change.abs().max())
    return float(f"{1 / largest:.2g}") if largest > 1e-6 else 0.0


def tiles(steps: Sequence[DenoiseStep]) -> Tensor:
    """The four panes of every step, (4 N, 3, 64, 64) in [-1, 1]: x_t, x0 and noise cut there, |change| enlarged."""
    panes = []
    for step in steps:
        shown = 2 * enlargement(step.change) * step.change.abs() - 1
        panes += [step.x_t, step.x0, step.noise, shown]
    return torch.cat(panes).clamp(-1, 1)


def whole(steps: Sequence[DenoiseStep]) -> Tensor:
    """The panes of all frames of a finished run: those of its steps, and the picture, in which no noise is left."""
    end = steps[-1].x_next.clamp(-1, 1)
    return torch.cat([tiles(steps), end, end, torch.zeros_like(end), -torch.ones_like(end)])


def done(request: Request | Together) -> Run:
    """The run of a request, come to its end.

    Raises:
        ValueError: with a sentence, if it could not be computed, or not soon enough.
    """
    run = request.run()
    ended = run.wait(PATIENCE)
    if run.failed or not ended:
        raise ValueError(run.failed or "The run has to wait too long. Try again when it is quieter here.")
    return run


def picture(request: Request) -> np.ndarray:
    """What the run ends in, (64, 64, 3) uint8; waits for it."""
    return to_uint8(done(request).records[-1].x_next[0].clamp(-1, 1))


def pairs(request: Request) -> list[np.ndarray]:
    """x_t beside the guess of the end, frame by frame, (64, 128, 3) uint8 each."""
    panes = whole(done(request).records).unflatten(0, (-1, len(PANES)))
    return [sheet(frame[:2], 2) for frame in panes]


# ---- as values of the strip


def caption(step: DenoiseStep) -> str:
    """``step 14 of 25 · t = 479 · SNR 0.9 dB``, and how much the change is enlarged."""
    snr = f"{step.snr_db:.1f}".replace("-", "−")
    factor = enlargement(step.change)
    return f"step {step.index + 1} of {step.of} · t = {step.timestep} · SNR {snr} dB · Δ × {factor:g}"


def strip(request: Request, steps: Sequence[DenoiseStep], index: int) -> dict[str, Any]:
    """A finished run, for the browser to scrub alone; ``index`` is the frame that is shown."""
    last = f"the picture, after {len(steps)} step{'s' if len(steps) > 1 else ''} · t = 0"
    return _about(request) | {
        "run": follow.mark(request),
        "atlas": _atlas(request),
        "columns": COLUMNS,
        "tile": TILE,
        "count": len(steps) + 1,
        "index": index,
        "captions": [*map(caption, steps), last],
    }


@lru_cache(maxsize=8)
def _atlas(request: Request) -> str:
    """All panes in one picture, kept: scrubbing asks for it again, and it follows from the request alone."""
    return encode(sheet(whole(done(request).records), COLUMNS), "jpeg", QUALITY)


def more(request: Request, new: Sequence[DenoiseStep], have: int) -> dict[str, Any]:
    """The frames ``new`` of a run that goes on, for a page that has ``have`` of them."""
    columns = len(PANES) * min(len(new), FEW)
    pictures = sheet(tiles(new), columns)
    return FrameStrip.append(
        follow.mark(request),
        have,
        request.steps + 1,
        raw(pictures) if len(new) <= FEW else encode(pictures, "jpeg", QUALITY),
        columns,
        TILE,
        len(new),
        captions=[caption(step) for step in new],
        **_about(request),
    )


def _about(request: Request) -> dict[str, Any]:
    return {
        "panes": PANES,
        "smooth": SMOOTH,
        "left": f"t = {times(request)[0]} · noise",
        "right": "t = 0 · picture",
        "source": f"values beyond ±1 are cut · {LIVE}",
    }


def times(request: Request) -> list[int]:
    """t of every step of a request, from noise to picture."""
    return _schedule(request.scheduler, request.steps)


@lru_cache(maxsize=64)
def _schedule(scheduler: str, steps: int) -> list[int]:
    return diffusion.timesteps(scheduler, steps)
