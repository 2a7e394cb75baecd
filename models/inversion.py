"""Inversion: the style w whose face comes nearest to a given picture, found by going downhill in W.

A GAN has no encoder. What w a picture has, if it has one at all, is found by optimisation (Abdal, Qin & Wonka 2019,
"Image2StyleGAN"; Karras et al. 2020, StyleGAN2, appendix D): draw G(w), measure how far it is from the picture x, and
follow the gradient of that with respect to w, through the whole generator, a few hundred times.

    L(w) = P(G(w), x) + F(G(w), x) + PULL * R(w)

P compares pixels at several sizes, F what the attribute network sees (it has the place of VGG in the papers), and R
keeps w where faces are. One w serves all layers: that is W. The papers reach further with one w per layer ("W+"), but
what they find there need not be a face any more; here what the generator cannot represent stays visible, the residual.

Nothing is left to chance: the starts come from `models.seeding`. Pictures are float32 tensors (N, 3, 64, 64), from -1
to 1.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from models import seeding, threads
from models.attributes import Attributes
from models.components import Components
from models.gan import Generator

STEPS = 150  # of a whole search
STEP_LIMIT = 500
STARTS = 64  # faces that are tried for the start: more take longer and did not end lower
BATCH = 8  # of them, at once
START_SEED = 271_828
RATE = 0.2  # of Adam, in standard deviations of W
PULL = 0.05  # weight of R
LEVELS = 4  # of the pixel error: 64, 32, 16 and 8 pixels
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


@dataclass(frozen=True)
class Loss:
    """The objective of N styles, each term (N,): ``total`` is what is minimised."""

    total: Tensor
    pixel: Tensor
    feature: Tensor
    pull: Tensor


@dataclass(frozen=True)
class Objective:
    """How far G(w) is from one picture.

    Attributes:
        target: the picture x, (1, 3, 64, 64).
        generator: G.
        attributes: the network whose activations are compared.
        components: the principal components of W.
    """

    target: Tensor
    generator: Generator
    attributes: Attributes
    components: Components

    @cached_property
    def spread(self) -> float:
        """Standard deviation of one coordinate of w, over all of them."""
        variance = float(self.components.stds[0]) ** 2 / float(self.components.shares[0])
        return math.sqrt(variance / self.generator.config.style_size)

    @cached_property
    def levels(self) -> list[Tensor]:
        """The target at every size of P."""
        return pyramid(self.target)

    @cached_property
    def seen(self) -> list[Tensor]:
        """What the attribute network sees in the target."""
        return normalised(self.attributes.activations(self.target))

    @torch.no_grad()
    def draw(self, w: Tensor) -> Tensor:
        """One style (W,) -> its picture as it is shown, (1, 3, 64, 64) in [-1, 1]."""
        with threads.for_batch(1):
            return self.generator.synthesis(w[None]).clamp(-1, 1)

    def pull(self, w: Tensor) -> Tensor:
        """R(w) of styles (N, W): the squared distance from w_average, 1 for a typical style, (N,)."""
        return ((w - self.generator.w_average) / self.spread).square().mean(1)

    def __call__(self, w: Tensor) -> tuple[Loss, Tensor]:
        """Styles (N, W) -> (their losses, their pictures (N, 3, 64, 64))."""
        made = self.generator.synthesis(w)
        pixel = _mean([(a - b).square().mean((1, 2, 3)) for a, b in zip(pyramid(made), self.levels, strict=True)])
        seen = normalised(self.attributes.activations(made))
        feature = _mean([(a - b).square().sum(1).mean((1, 2)) for a, b in zip(seen, self.seen, strict=True)])
        pull = self.pull(w)
        return Loss(pixel + feature + PULL * pull, pixel, feature, pull), made


def pyramid(x: Tensor) -> list[Tensor]:
    """Pictures at 64, 32, 16 and 8 pixels, each the 2x2 mean of the one before.

    Coarse levels see a shoulder that is four pixels off as nearly right; the finest one sees nothing in common.
    """
    levels = [x]
    while len(levels) < LEVELS:
        levels.append(F.avg_pool2d(levels[-1], 2))
    return levels


def normalised(activations: list[Tensor]) -> list[Tensor]:
    """Activations (N, C, H, W) brought to length one at every place (Zhang et al. 2018, LPIPS, section 3)."""
    return [F.normalize(h, dim=1) for h in activations]


def _mean(terms: list[Tensor]) -> Tensor:
    return torch.stack(terms).mean(0)


@dataclass(frozen=True)
class Inversion:
    """Where a search stands: all that the next step needs.

    Attributes:
        w: the style to try next, (W,).
        mean: Adam's running mean of gradients, (W,).
        square: Adam's running mean of their squares, (W,).
        best: the style with the lowest loss so far, (W,).
        tried: how many of the ``STARTS`` faces were tried; the first step comes after all of them.
        lowest: the loss of ``best``.
        losses: the loss at the start and after every step.
    """

    w: Tensor
    mean: Tensor
    square: Tensor
    best: Tensor
    tried: int = 0
    lowest: float = math.inf
    losses: tuple[float, ...] = ()

    @property
    def steps(self) -> int:
        """How many steps were taken."""
        return max(0, len(self.losses) - 1)

    @classmethod
    def begin(cls, generator: Generator) -> "Inversion":
        """A search at the average face, before anything was tried."""
        w, zero = generator.w_average.clone(), torch.zeros_like(generator.w_average)
        return cls(w, zero, zero, w)

    def pack(self) -> Tensor:
        """All of it as one float32 vector of 4 W + 2 + len(losses) numbers, at most ``packed_limit``."""
        lowest = self.lowest if math.isfinite(self.lowest) else -1.0
        numbers = torch.tensor([self.tried, lowest, *self.losses], dtype=torch.float32)
        return torch.cat([self.w, self.mean, self.square, self.best, numbers])

    @classmethod
    def unpack(cls, vector: Tensor, size: int) -> "Inversion":
        """The search in a vector of :meth:`pack`; ``size`` is W.

        Raises:
            ValueError: for a vector that is none: another length, numbers that cannot be.
        """
        numbers = vector[4 * size :].tolist()
        good = 2 <= len(numbers) <= STEP_LIMIT + 3 and numbers[0] in range(STARTS + 1) and bool(vector.isfinite().all())
        if not good or bool((vector[2 * size : 3 * size] < 0).any()) or min(numbers[2:], default=0.0) < 0:
            raise ValueError("that is not the state of an inversion")
        w, mean, square, best = vector[: 4 * size].split(size)
        lowest = numbers[1] if numbers[1] >= 0 else math.inf
        return cls(w, mean, square, best, int(numbers[0]), lowest, tuple(numbers[2:]))


def packed_limit(size: int) -> int:
    """The most numbers that :meth:`Inversion.pack` makes of styles of this size."""
    return 4 * size + 3 + STEP_LIMIT


@dataclass(frozen=True)
class InversionStep:
    """One record of a search, tensors on the CPU.

    Attributes:
        index: steps taken so far; 0 while a start is sought.
        w: the style that was looked at, (W,).
        image: G(w), (3, 64, 64), not clamped.
        loss: what is minimised; its parts are ``pixel``, ``feature`` and ``pull`` before their weights.
        inversion: where the search stands now: hand it to :func:`invert` to go on from here.
    """

    index: int
    w: Tensor
    image: Tensor
    loss: float
    pixel: float
    feature: float
    pull: float
    inversion: Inversion


def rate(step: int, steps: int) -> float:
    """Adam's rate at a step: up over the first twentieth, down as a cosine over the last quarter.

    Karras et al. 2020, appendix D, in standard deviations of W.
    """
    done = step / steps
    down = 0.5 - 0.5 * math.cos(math.pi * min(1.0, (1 - done) / 0.25))
    return RATE * down * min(1.0, (step + 1) / (0.05 * steps))


def invert(objective: Objective, inversion: Inversion | None = None, steps: int = STEPS) -> Iterator[InversionStep]:
    """Search for the w of the objective's picture, one record at a time; stop by no longer asking.

    First, ``STARTS`` faces of a fixed seed are tried, ``BATCH`` to a record, and the nearest one is the start. Every
    later record is one step of Adam (Kingma & Ba 2015, algorithm 1) and costs one pass forward and one backward. With
    an ``inversion`` the search goes on from there, to the same numbers as if it had never stopped.

    Raises:
        ValueError: for ``steps`` that are not 1 to 500.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= STEP_LIMIT:
        raise ValueError(f"steps must be a whole number from 1 to {STEP_LIMIT}, not {steps!r}")
    inversion = inversion or Inversion.begin(objective.generator)
    while inversion.tried < STARTS:
        record = try_starts(objective, inversion)
        inversion = record.inversion
        yield record
    while len(inversion.losses) <= steps:
        record = descend(objective, inversion, steps)
        inversion = record.inversion
        yield record


@torch.no_grad()
def try_starts(objective: Objective, inversion: Inversion) -> InversionStep:
    """The next ``BATCH`` faces by the same loss; the record is the nearest of these."""
    generator, tried = objective.generator, inversion.tried
    z = seeding.normal(START_SEED, BATCH, (generator.config.latent_size,), tried)
    with threads.for_batch(BATCH):
        w = generator.style(z)
        loss, made = objective(w)
    k = int(loss.total.argmin())
    if float(loss.total[k]) < inversion.lowest:
        inversion = replace(inversion, w=w[k], best=w[k], lowest=float(loss.total[k]))
    return _record(0, w[k], made[k], loss, k, replace(inversion, tried=tried + BATCH))


def descend(objective: Objective, inversion: Inversion, steps: int) -> InversionStep:
    """One step of Adam downhill from ``inversion.w``, forward and backward through G; the record is where it stood."""
    index = len(inversion.losses)
    w = inversion.w.detach().clone().requires_grad_(True)
    with threads.for_batch(1), torch.enable_grad():
        loss, made = objective(w[None])
        (gradient,) = torch.autograd.grad(loss.total.sum(), w)
    w, total = w.detach(), float(loss.total.detach())
    mean = BETA1 * inversion.mean + (1 - BETA1) * gradient
    square = BETA2 * inversion.square + (1 - BETA2) * gradient.square()
    direction = (mean / (1 - BETA1 ** (index + 1))) / ((square / (1 - BETA2 ** (index + 1))).sqrt() + EPSILON)
    better = total < inversion.lowest or index == 0
    after = Inversion(
        w=w - objective.spread * rate(index, steps) * direction,
        mean=mean,
        square=square,
        best=w if better else inversion.best,
        tried=inversion.tried,
        lowest=total if better else inversion.lowest,
        losses=(*inversion.losses, total),
    )
    return _record(index, w, made.detach()[0], loss, 0, after)


def _record(index: int, w: Tensor, image: Tensor, loss: Loss, k: int, inversion: Inversion) -> InversionStep:
    total, pixel, feature, pull = (
        float(term.detach()[k]) for term in (loss.total, loss.pixel, loss.feature, loss.pull)
    )
    return InversionStep(index, w, image, total, pixel, feature, pull, inversion)


def invert_picture(objective: Objective, steps: int = STEPS) -> tuple[Tensor, Tensor, float]:
    """A whole search: the style found (W,), its picture (1, 3, 64, 64) in [-1, 1], and the error of that.

    The error is the root mean square over all colour values. ValueError for ``steps`` that are not 1 to 500.
    """
    *_, last = invert(objective, steps=steps)
    w = last.inversion.best
    made = objective.draw(w)
    return w, made, rms(made, objective.target)


def rms(a: Tensor, b: Tensor) -> float:
    """Root mean square of the difference of two pictures."""
    return float((a - b).square().mean().sqrt())
