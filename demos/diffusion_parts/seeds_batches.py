"""What part "Seeds" asks for: pictures from blended noises, from a poked noise, and from one noise under many wishes.

Every batch is few steps of DPM-Solver++, so that many pictures at once are soon there.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from demos import engine
from demos.diffusion_parts.scene import SHAPE, Request
from demos.engine import Run
from models import diffusion, paths, seeding, zoo
from models.diffusion import DenoiseStep

STEPS, SCHEDULER = 12, "dpm"
SIDE = SHAPE[-1]
WAYS = {"slerp": paths.slerp, "lerp": paths.lerp}


@dataclass(frozen=True)
class Batch(ABC):
    """Several pictures walked together; the kinds of it say from which noise and under which conditions.

    request: what they share; its seed is that of the first noise.
    """

    request: Request

    @abstractmethod
    def noise(self) -> Tensor:
        """x_T of every picture, (N, 3, 64, 64)."""

    def labels(self) -> list[dict[str, str]]:
        """The condition of every picture."""
        return [self.request.asked] * len(self.noise())

    def start(self) -> Iterator[DenoiseStep]:
        """The steps of all pictures, computed one by one as they are taken."""
        options = self.request.options() | {"labels": self.labels(), "seeds": None}
        return diffusion.denoise(zoo.denoiser(self.request.data).counted(), self.noise(), **options)

    def run(self) -> Run:
        """The run of the batch, begun if it was not."""
        return engine.ENGINE.run(self, self.start, self.request.steps)


@dataclass(frozen=True)
class Blend(Batch):
    """``count`` noises from that of the request to that of ``seed_b``: way "slerp" on the sphere, "lerp" straight."""

    seed_b: int
    way: str
    count: int

    def noise(self) -> Tensor:
        """x_T of every picture; the ends are the noises of the two seeds."""
        a, b = self.request.noise().flatten(), seeding.normal(self.seed_b, 1, SHAPE).flatten()
        return WAYS[self.way](a, b, self.count).unflatten(1, SHAPE)


@dataclass(frozen=True)
class Poke(Batch):
    """The noise as it is, and with a square of it taken from the noise of ``seed_b`` instead.

    left, top, side: the square, in pixels.
    """

    seed_b: int
    left: int
    top: int
    side: int

    @property
    def mask(self) -> Tensor:
        """Where the noise is changed, bool (64, 64)."""
        mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
        mask[self.top : self.top + self.side, self.left : self.left + self.side] = True
        return mask

    def noise(self) -> Tensor:
        """x_T before and after the poke, (2, 3, 64, 64)."""
        whole = self.request.noise()
        return torch.cat([whole, torch.where(self.mask, seeding.normal(self.seed_b, 1, SHAPE), whole)])


@dataclass(frozen=True)
class Values(Batch):
    """One noise under every value of ``attribute``, and first without asking for any; the rest of the prompt stays."""

    attribute: str

    @property
    def values(self) -> tuple[str, ...]:
        """What is asked for, one after the other."""
        return tuple(zoo.denoiser(self.request.data).conditions[self.attribute])

    def labels(self) -> list[dict[str, str]]:
        """The condition of every picture, "not asked" first."""
        rest = {name: value for name, value in self.request.asked.items() if name != self.attribute}
        return [rest, *(rest | {self.attribute: value} for value in self.values)]

    def noise(self) -> Tensor:
        """The same x_T for every picture."""
        return self.request.noise().expand(1 + len(self.values), *SHAPE)
