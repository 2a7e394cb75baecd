"""When a run decides: what its guess of the end already has of the picture, measured at every step.

Frame k of a run is the guess of its step k, counted from 1; one more frame is the picture itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from demos.diffusion_parts.run_frames import done
from demos.diffusion_parts.run_words import COARSE, coarse, settled
from demos.diffusion_parts.scene import SHAPE, Request
from demos.training_faces import Match, matches
from models import conditions, threads, zoo
from models.diffusion import DenoiseStep

NEITHER = "neither"


@dataclass(frozen=True)
class Opinion:
    """What the attribute network says of one attribute.

    value: what the picture is read to have. sure: the probability of it in every frame. since: the first frame, counted
    from 1, from which on it stays the most probable value.
    """

    attribute: str
    value: str
    sure: tuple[float, ...]
    since: int


@dataclass(frozen=True)
class Report:
    """A run that has ended, frame by frame.

    opinions: one for each attribute, those that were decided first first. near: the nearest training picture.
    coarse, detail: root mean square distance from the picture, as a share of the first guess's: of what is left at 8x8
    pixels, and of all the rest. coarse_at, detail_at: from which guess on it stays within a tenth; one more than there
    are guesses where not even the last one is.
    """

    opinions: tuple[Opinion, ...]
    near: tuple[Match, ...]
    coarse: tuple[float, ...]
    detail: tuple[float, ...]
    coarse_at: int
    detail_at: int

    def decided(self, frame: int) -> int:
        """How many attributes read from this frame (from 0) on as in the picture."""
        return sum(one.since <= frame + 1 for one in self.opinions)


def detail(x: Tensor) -> Tensor:
    """What :func:`run_words.coarse` leaves out: pictures less the mean of every square, (N, 3, 64, 64)."""
    return x - F.interpolate(coarse(x), scale_factor=SHAPE[-1] // COARSE, mode="nearest")


@torch.inference_mode()
def opinions(data: str, pictures: Tensor) -> tuple[Opinion, ...]:
    """What is read off the frames of a run (F, 3, 64, 64), of which the last is the picture.

    Where a measured attribute is cut into classes, a picture may be of neither; that is a value like the others.
    """
    with threads.for_batch(len(pictures)):
        read = conditions.read(zoo.attributes(data), pictures.clamp(-1, 1))
    found = []
    for attribute, values in conditions.vocabulary(data).items():
        neither = (1 - read[attribute].sum(1, keepdim=True)).clamp(min=0)
        shares = torch.cat([read[attribute], neither], 1)
        best = shares.argmax(1)
        end = int(best[-1])
        other = (best != end).nonzero()
        since = int(other.max()) + 2 if len(other) else 1
        found.append(Opinion(attribute, (*values, NEITHER)[end], tuple(shares[:, end].tolist()), since))
    return tuple(sorted(found, key=lambda one: one.since))


def nearest(data: str, x: Tensor) -> tuple[Match, ...]:
    """The training picture nearest to each of ``x`` (N, 3, 64, 64)."""
    return tuple(found[0] for found in matches(data, x.clamp(-1, 1), 1))


def guesses(steps: Sequence[DenoiseStep]) -> Tensor:
    """The frames of a run that has ended: the guess of every step, and the picture, (F, 3, 64, 64)."""
    return torch.cat([*(step.x0 for step in steps), steps[-1].x_next])


def shares(frames: Tensor) -> tuple[float, ...]:
    """How far every frame is from the last one, as a share of the first one's distance; 0 where that is none."""
    far = (frames - frames[-1:]).flatten(1).square().mean(1).sqrt()
    return tuple((far / far[0].clamp(min=1e-6)).tolist())


@lru_cache(maxsize=8)
def report(request: Request) -> Report:
    """The measures of the run of a request; waits for it. They follow from the request alone, so they are kept."""
    frames = guesses(done(request).records)
    rough, fine = coarse(frames), detail(frames)
    return Report(
        opinions=opinions(request.data, frames),
        near=nearest(request.data, frames),
        coarse=shares(rough),
        detail=shares(fine),
        coarse_at=settled(rough[:-1], rough[-1:]),
        detail_at=settled(fine[:-1], fine[-1:]),
    )
