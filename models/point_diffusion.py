"""Diffusion at the smallest size at which it is still all of diffusion: points in the plane.

The forward process, the schedule and v are those of `models.diffusion`; only the picture is smaller, two numbers, and
so is the network, which learns in seconds. What no picture allows is possible here: the data are a known set of points
a_i, so the density of the noised data and its score can be written down, and what was learnt be held against them:

    p_t(x) = mean_i N(x; sqrt(alpha_bar_t) a_i, 1 - alpha_bar_t)
    grad log p_t(x) = (sqrt(alpha_bar_t) E[a | x] - x) / (1 - alpha_bar_t) = -E[epsilon | x] / sqrt(1 - alpha_bar_t)

Whoever follows the exact score in small enough steps comes back to the very points of the data: its samples are copies.
The network cannot store them all, and it is its inexactness that makes new points.

Points are float32 (N, 2) and `SCALE` times as large as those of `models.game`, so that their variance is about 1.
t is diffusers' index, 999 is noise; after the last step of a sampler t is 0, which means the points themselves.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models import game, seeding, threads
from models.diffusion import TRAIN_STEPS, alpha_bar, noise_from, q_sample, v_from, v_from_x0, x0_from
from models.game import Player, Rules

SCALE = 2.0
POINTS = 500
HIDDEN = 64
BATCH = 256
LESSON = 2500
"""Steps of a whole training: the learning rate falls to 0 on the way there."""
RATE = 0.01
EARLY = 1.5
"""t is drawn as 1000 u^1.5 with u uniform: small t, where the shape's details are, come up more often."""
FREQUENCY = math.pi
FEATURES = 10
STEPS_LIMIT = 250

# Items of the seed: the data, what they are judged by, the first weights, what a run begins with, then every step.
DATA, FRESH, FIRST, RUN, STEPS = 0, 1, 2, 3, 4

Guess = Callable[[Tensor, int], Tensor]
"""What a sampler asks: x_t (N, 2) and t -> v (N, 2). `learnt` and `exact` make one."""


def data(rules: Rules) -> Tensor:
    """The 500 points that are learnt, (500, 2); of ``rules`` count the shape, the drawing and the seed."""
    return SCALE * game.real_points(rules, seeding.generator(rules.seed, DATA), POINTS)


def fresh(rules: Rules, count: int) -> Tensor:
    """Further points of the same shape, which nobody learnt from, (count, 2)."""
    return SCALE * game.real_points(rules, seeding.generator(rules.seed, FRESH), count)


# ---- the network


def _time_features() -> Tensor:
    """What the network is told about t, (1000, 4): half the log of the signal-to-noise ratio, and waves of it."""
    share = torch.tensor([alpha_bar(t) for t in range(TRAIN_STEPS)], dtype=torch.float64)
    ratio = (share / (1 - share)).log() / 9.2
    waves = [ratio, (math.pi * ratio).sin(), (math.pi * ratio).cos(), (1 - share).sqrt()]
    return torch.stack(waves, 1).float()


TIME = _time_features()
SHAPES = ((HIDDEN, FEATURES), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (2, HIDDEN), (2,))
SIZE = sum(math.prod(shape) for shape in SHAPES)


def _layers(weights: Tensor) -> list[Tensor]:
    parts = weights.split([math.prod(shape) for shape in SHAPES])
    return [part.view(shape) for part, shape in zip(parts, SHAPES, strict=True)]


def network(weights: Tensor, x: Tensor, t: int | Tensor) -> Tensor:
    """v at points x (N, 2) and t (whole, or (N,)), from one flat vector of `SIZE` weights: two hidden layers of 64.

    It sees the place, waves of the place, and t.
    """
    w1, b1, w2, b2, w3, b3 = _layers(weights)
    waves = FREQUENCY * x
    seen = torch.cat([x, waves.sin(), waves.cos(), TIME[t].expand(len(x), -1)], 1)
    return F.linear(F.silu(F.linear(F.silu(F.linear(seen, w1, b1)), w2, b2)), w3, b3)


def divergence(weights: Tensor, x: Tensor, t: int | Tensor) -> tuple[Tensor, Tensor]:
    """v (N, 2) and its exact divergence dv_x/dx + dv_y/dy (N,), both derivatives carried along forwards."""
    w1, b1, w2, b2, w3, b3 = _layers(weights)
    waves = FREQUENCY * x
    sine, cosine = waves.sin(), waves.cos()
    first = F.linear(torch.cat([x, sine, cosine, TIME[t].expand(len(x), -1)], 1), w1, b1)
    second = F.linear(F.silu(first), w2, b2)
    bends = []
    for a in (first, second):
        s = torch.sigmoid(a)
        bends.append(s * (1 + a * (1 - s)))  # the derivative of SiLU
    total = torch.zeros(len(x))
    for k in range(2):
        # along axis k only its own place and the two waves of it change
        change = w1[:, k] + FREQUENCY * (cosine[:, k : k + 1] * w1[:, 2 + k] - sine[:, k : k + 1] * w1[:, 4 + k])
        change = bends[1] * F.linear(bends[0] * change, w2)
        total = total + change @ w3[k]
    return F.linear(F.silu(second), w3, b3), total


def learnt(weights: Tensor) -> Guess:
    """The network's own guess."""
    return lambda x, t: network(weights, x, t)


# ---- learning


def start(rules: Rules) -> Player:
    """The network before its first step: weights from N(0, 2 / inputs), the last layer's a tenth of that, no biases."""
    numbers = seeding.generator(rules.seed, FIRST)
    parts = [
        numbers.standard_normal(shape) * math.sqrt(2 / shape[1]) if len(shape) == 2 else np.zeros(shape)
        for shape in SHAPES
    ]
    parts[-2] = parts[-2] / 10
    weights = torch.from_numpy(np.concatenate([part.ravel() for part in parts]).astype(np.float32))
    return Player(weights, torch.zeros_like(weights), torch.zeros_like(weights))


def v_loss(weights: Tensor, x0: Tensor, noise: Tensor, t: Tensor) -> Tensor:
    """What is made small: the mean of (v_theta(x_t, t) - v)^2 (Salimans & Ho 2022, section 4)."""
    return (network(weights, q_sample(x0, noise, t), t) - v_from(x0, noise, t)).square().mean()


def _lesson(rules: Rules, points: Tensor, step: int) -> tuple[Tensor, Tensor, Tensor]:
    """What one step learns from: points (256, 2), noise (256, 2) and t (256,) from 1 to 999."""
    numbers = seeding.generator(rules.seed, STEPS + step)
    chosen = torch.from_numpy(numbers.integers(len(points), size=BATCH))
    t = torch.from_numpy(1 + ((TRAIN_STEPS - 1) * numbers.random(BATCH) ** EARLY).astype(np.int64))
    return points[chosen], torch.from_numpy(numbers.standard_normal((BATCH, 2), dtype=np.float32)), t


def learn(pupil: Player, rules: Rules, points: Tensor, steps: int) -> tuple[Player, float]:
    """The network ``steps`` steps of Adam later, and the mean loss on the way. ValueError beyond `LESSON` steps.

    The same whether it is asked for at once or in pieces: every step has random numbers of its own.
    """
    if steps < 1 or pupil.steps + steps > LESSON:
        raise ValueError(f"a training has {LESSON} steps; {steps} more after {pupil.steps} is not possible")
    losses = []
    with threads.for_batch(1), torch.enable_grad():
        for _ in range(steps):
            weights = pupil.weights.clone().requires_grad_()
            loss = v_loss(weights, *_lesson(rules, points, pupil.steps))
            (gradient,) = torch.autograd.grad(loss, weights)
            losses.append(float(loss.detach()))
            pupil = pupil.adam(gradient, RATE * (1 - pupil.steps / LESSON))
    return pupil, sum(losses) / steps


# ---- the truth


def _closeness(points: Tensor, x: Tensor, t: int) -> tuple[Tensor, float, float]:
    """-|x - sqrt(alpha_bar) a_i|^2 / (2 (1 - alpha_bar)), (N, points), and both shares of t."""
    signal, rest = math.sqrt(alpha_bar(t)), math.sqrt(1 - alpha_bar(t))
    square = x.square().sum(1, keepdim=True) + (signal * points).square().sum(1) - 2 * signal * (x @ points.T)
    return -square.clamp_min(0) / (2 * rest**2), signal, rest


def true_log_density(points: Tensor, x: Tensor, t: int) -> Tensor:
    """log p_t at x: the data, shrunk by sqrt(alpha_bar_t), under noise of variance 1 - alpha_bar_t; (N,)."""
    exponent, _, rest = _closeness(points, x, t)
    return torch.logsumexp(exponent, 1) - math.log(len(points) * 2 * math.pi * rest**2)


def true_x0(points: Tensor, x: Tensor, t: int) -> Tensor:
    """E[x0 | x_t = x] of the data, (N, 2): the best guess that anybody could make."""
    exponent, _, _ = _closeness(points, x, t)
    return torch.softmax(exponent, 1) @ points


def true_score(points: Tensor, x: Tensor, t: int) -> Tensor:
    """grad log p_t at x, (N, 2), exactly (Karras et al. 2022, appendix B.3)."""
    signal, rest = math.sqrt(alpha_bar(t)), 1 - alpha_bar(t)
    return (signal * true_x0(points, x, t) - x) / rest


def exact(points: Tensor) -> Guess:
    """The guess that has the smallest possible loss on these points: the true score, as v."""
    return lambda x, t: v_from_x0(x, true_x0(points, x, t), t)


def least_loss(rules: Rules, points: Tensor, batches: int = 20) -> float:
    """The loss of the exact score on what `learn` learns from, averaged over some steps: nobody gets below it."""
    losses = []
    for step in range(batches):
        x0, noise, t = _lesson(rules, points, step)
        x, v = q_sample(x0, noise, t), v_from(x0, noise, t)
        signal = torch.tensor([math.sqrt(alpha_bar(int(one))) for one in t], dtype=torch.float32)[:, None]
        rest = (1 - signal.square()).sqrt()
        distance = (x[:, None] - signal[:, None] * points).square().sum(2)
        best = torch.softmax(-distance / (2 * rest**2), 1) @ points
        losses.append(float(((signal * x - best) / rest - v).square().mean()))
    return sum(losses) / batches


# ---- there and back


def times(steps: int) -> list[int]:
    """t before each step of a sampler, "trailing" like diffusers', and a last 0 for where it ends: steps + 1 of them.

    ValueError for steps outside 1..250.
    """
    if isinstance(steps, bool) or not isinstance(steps, int) or not 1 <= steps <= STEPS_LIMIT:
        raise ValueError(f"steps must be a whole number from 1 to {STEPS_LIMIT}, not {steps!r:.60}")
    return [round(TRAIN_STEPS - k * TRAIN_STEPS / steps) - 1 for k in range(steps)] + [0]


def step_back(x: Tensor, v: Tensor, t: int, after: int, eta: float = 0.0, noise: Tensor | None = None) -> Tensor:
    """One step of DDIM from t to ``after`` (Song et al. 2021, equations 12 and 16); eta 1 is DDPM's ancestral step.

    ``after`` 0 is the end, where alpha_bar is 1. noise, like x, is needed where eta is above 0.
    """
    now, then = alpha_bar(t), alpha_bar(after) if after else 1.0
    x0, epsilon = x0_from(x, v, t), noise_from(x, v, t)
    fresh = eta * math.sqrt((1 - then) / (1 - now)) * math.sqrt(1 - now / then)
    x = math.sqrt(then) * x0 + math.sqrt(max(0.0, 1 - then - fresh**2)) * epsilon
    return x if noise is None else x + fresh * noise


def _begin(seed: int, count: int) -> tuple[np.random.Generator, Tensor]:
    numbers = seeding.generator(seed, RUN)
    return numbers, torch.from_numpy(numbers.standard_normal((count, 2), dtype=np.float32))


@torch.no_grad()
def reverse(guess: Guess, seed: int, count: int, steps: int, eta: float = 0.0) -> Tensor:
    """``count`` particles from noise to points, at all `times`: (steps + 1, count, 2)."""
    if not 0 <= eta <= 1:
        raise ValueError(f"eta must be from 0 to 1, not {eta!r:.60}")
    seen = times(steps)
    numbers, x = _begin(seed, count)
    path = [x]
    with threads.for_batch(1):
        for t, after in zip(seen, seen[1:], strict=False):
            noise = torch.from_numpy(numbers.standard_normal((count, 2), dtype=np.float32)) if eta else None
            x = step_back(x, guess(x, t), t, after, eta, noise)
            path.append(x)
    return torch.stack(path)


def forward(points: Tensor, seed: int, count: int, steps: int) -> Tensor:
    """The first ``count`` points dissolving, at the same `times` and in the same order: (steps + 1, count, 2).

    A true random walk, q(x_t | x_s) = N(sqrt(abar_t / abar_s) x_s, 1 - abar_t / abar_s) (Ho et al. 2020, equation 2),
    so that every point is followed; its marginals are those of `q_sample`.
    """
    numbers = seeding.generator(seed, RUN)
    x, now = points[torch.arange(count) % len(points)], 1.0
    path = [x]
    for t in times(steps)[-2::-1]:
        kept = alpha_bar(t) / now
        noise = torch.from_numpy(numbers.standard_normal((count, 2), dtype=np.float32))
        x, now = math.sqrt(kept) * x + math.sqrt(1 - kept) * noise, alpha_bar(t)
        path.append(x)
    return torch.stack(path[::-1])


# ---- what was learnt, as a density


NODES = 16
"""Steps of the ODE from the data to noise; with twice as many a density on the page looks the same."""


def _nodes(start: int) -> list[int]:
    """t from ``start`` up to 999, about evenly spaced in the angle whose cosine is sqrt(alpha_bar)."""
    angles = [_angle(t) for t in range(TRAIN_STEPS)]
    whole = angles[-1] - angles[0]
    count = max(1, round(NODES * (angles[-1] - angles[start]) / whole))
    wanted = np.linspace(angles[start], angles[-1], count + 1)
    return sorted({start, TRAIN_STEPS - 1, *np.searchsorted(angles, wanted[1:-1]).tolist()})


def _angle(t: int) -> float:
    return math.acos(math.sqrt(alpha_bar(t)))


@torch.no_grad()
def learnt_log_density(weights: Tensor, x: Tensor, t: int) -> Tensor:
    """log p_t at x (N, 2) as the network has it, (N,): the density of what its probability-flow ODE makes of noise.

    With the angle phi, cos(phi) = sqrt(alpha_bar), that ODE is dx/dphi = v (Salimans & Ho 2022, appendix D), and along
    it log p changes by -div v (Song et al. 2021b, section 4.3). Walked from t to noise by Heun's method.
    """
    gained = torch.zeros(len(x))
    nodes = _nodes(t)
    with threads.for_batch(1):
        for now, then in zip(nodes, nodes[1:], strict=False):
            width = _angle(then) - _angle(now)
            v, change = divergence(weights, x, now)
            ahead, more = divergence(weights, x + width * v, then)
            x, gained = x + width / 2 * (v + ahead), gained + width / 2 * (change + more)
    return gained - x.square().sum(1) / 2 - math.log(2 * math.pi)


# ---- judging it


@dataclass(frozen=True)
class Verdict:
    """How good made points are.

    js: Jensen-Shannon divergence in nats between `game.density` of them and of fresh points of the shape; 0 to ln 2.
    from_data: mean distance of a made point to the nearest of the points that were learnt.
    from_fresh: the same for as many fresh points of the shape: what not copying looks like.
    """

    js: float
    from_data: float
    from_fresh: float


def judge(rules: Rules, points: Tensor, made: Tensor) -> Verdict:
    """Made points (N, 2) against the points that were learnt and as many fresh ones."""
    others = fresh(rules, len(made))
    p, q = (game.density(one.numpy() / SCALE) for one in (others, made))
    near = [
        float(torch.cdist(one, points, compute_mode="donot_use_mm_for_euclid_dist").amin(1).mean())
        for one in (made, others)
    ]
    return Verdict(game.js(p, q), *near)
