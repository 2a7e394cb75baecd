"""What part "The run" says: what it took, what happened, and the step that is shown in its numbers."""

import math
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from demos.common import LIVE, number, source
from demos.diffusion_parts.scene import Request
from demos.follow import Watch
from models import diffusion
from models.diffusion import DenoiseStep

COARSE = 8  # pixels to a side: what is left of a picture when all detail is gone
CLOSE = 0.1  # a guess has settled when it is within this share of the first guess's distance from the end


def cost(watch: Watch, steps: Sequence[DenoiseStep]) -> str:
    """What the run took, counted and measured; while it runs, how far it is."""
    if not watch.complete or not steps:
        return watch.words
    calls = steps[-1].nfe
    took = f"{len(steps)} step{_s(len(steps))} · {calls} network call{_s(calls)} · {watch.seconds:.1f} s"
    return f"{took}, {LIVE}"


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def settled(guesses: Tensor, end: Tensor) -> int:
    """From which guess on, counted from 1, all stay close to the end: within a tenth of the first guess's distance.

    guesses: (K, ...); end: (1, ...). Distances are root mean squares. K + 1 if not even the last one is close.
    """
    far = (guesses - end).flatten(1).square().mean(1).sqrt()
    beyond = (far > CLOSE * far[0] + 1e-6).nonzero()
    return int(beyond.max()) + 2 if len(beyond) else 1


def coarse(x: Tensor) -> Tensor:
    """Pictures (N, 3, 64, 64) without their detail, (N, 3, 8, 8): each value the mean of a square."""
    return F.adaptive_avg_pool2d(x, COARSE)


def see(steps: Sequence[DenoiseStep]) -> str:
    """What happened in a run that has ended, in words that follow from its numbers."""
    count = len(steps)
    if count == 1:
        return (
            "One step: the network looks at pure noise, and its first guess is the picture. It can only guess what "
            "all the pictures that fit have in common."
        )
    guesses, end = torch.cat([step.x0 for step in steps]), steps[-1].x_next
    rough, full = settled(coarse(guesses), coarse(end)), settled(guesses, end)
    start = f"{count} times the network finds the noise in the picture, and a little of it is taken away."
    way = "its guess x̂₀ had come nine tenths of the way to the end"
    if rough < full:
        return f"{start} Coarse first, detail last: seen at 8×8 pixels {way} by step {rough}, in full by step {full}."
    if rough == full:
        return f"{start} Here {way} by step {full}, in full as well as at 8×8 pixels."
    return f"{start} Not coarse first this time: in full {way} by step {full}, at 8×8 pixels by step {rough}."


def formula(request: Request, steps: Sequence[DenoiseStep], frame: int) -> dict[str, Any]:
    """The step that begins with ``frame``, in its numbers; for the picture, the step that led to it."""
    step = steps[min(frame, len(steps) - 1)]
    now, after = number(step.alpha_bar, 2), share(step.next_timestep)
    lines = [
        _ddim(request, step.alpha_bar, after) if request.scheduler == "ddim" else _other(request.scheduler, step),
        ["x̂₀ = (xₜ − √(1 − ", now, ") ε̂) / √", now],
    ]
    if request.labels and request.guidance not in (0, 1):
        lines.append(["ε̂ = ε̂(∅) + ", number(request.guidance), " (ε̂(prompt) − ε̂(∅))"])
    else:
        lines.append(["ε̂ = √(1 − ", now, ") xₜ + √", now, " v"])
    return {
        "title": f"Step {step.index + 1} of {step.of}, with its numbers",
        "lines": lines,
        "code": source(diffusion.walk, diffusion.x0_from, diffusion.noise_from),
    }


def share(t: int) -> float:
    """ᾱ at t, where t = 0 is the picture itself."""
    return diffusion.alpha_bar(t) if t else 1.0


def _ddim(request: Request, now: float, after: float) -> list[Any]:
    """DDIM's step (Song et al. 2021, equations 12 and 16)."""
    to = number(after, 2)
    if not request.eta:
        return ["x′ = √", to, " x̂₀ + √(1 − ", to, ") ε̂"]
    fresh = number(request.eta * math.sqrt((1 - after) / (1 - now) * (1 - now / after)), 2)
    return ["x′ = √", to, " x̂₀ + √(1 − ", to, " − ", fresh, "²) ε̂ + ", fresh, " z"]


def _other(scheduler: str, step: DenoiseStep) -> list[Any]:
    """How the other samplers go on from here, as far as a line can say it."""
    how = {
        "ddpm": "x′ = the mean of x′ given xₜ and x̂₀, and fresh noise",
        "heun": "x′: Euler’s step tried, then taken with the mean of two slopes",
        "dpm": "x′: from this x̂₀ and the one before, in λ = ½ ln SNR",
        "euler": "x′: along the tangent dx/dσ = ε̂",
    }[scheduler]
    return [f"{how};  t = ", number(step.timestep, 0), " → ", number(step.next_timestep, 0)]
