"""The lessons behind part "In 2-D": networks while they learn, kept by the server, and the runs made with them.

A lesson follows from its rules alone, bit for bit, so keeping it only saves time: a visitor's state says how far
theirs has come, and what the server has forgotten, or a link asks for, is learnt again before their eyes.
"""

import functools
import threading
import time

from torch import Tensor

from models import point_diffusion as points
from models.game import Rules
from models.point_diffusion import Verdict

EVERY = 20  # steps between two moments of a lesson that are kept
JUDGED_EVERY = 100  # steps between two points of the curve of distances; at first, where most happens, EVERY
JUDGED = 1000  # particles that a verdict is about
JUDGED_STEPS = 25
KEPT = 24  # lessons, of 2.5 MB each
SEED = 7  # of every lesson: a visitor's seed is the noise that is walked back
PARTICLES = 400


class Lesson:
    """One network learning one shape. Safe to share: `advance` takes turns, moments only ever come in addition."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.data = points.data(rules)
        self.losses: list[float] = []  # of each EVERY steps
        self._pupil = points.start(rules)
        self._weights = [self._pupil.weights]
        self._distances: dict[int, float] = {}
        self._turn = threading.Lock()

    @property
    def reached(self) -> int:
        """How many steps are learnt."""
        return EVERY * len(self.losses)

    @functools.cached_property
    def least(self) -> float:
        """The loss of the exact score."""
        return points.least_loss(self.rules, self.data)

    def weights(self, step: int) -> Tensor:
        """The network after so many steps, a multiple of `EVERY` that is reached."""
        return self._weights[step // EVERY]

    def advance(self, until: int, milliseconds: float) -> int:
        """Learns up to ``until`` steps, or until the time is up, but always a little; how far it is then."""
        began = time.perf_counter()
        while self.reached < until:
            with self._turn:
                if self.reached < until:
                    self._pupil, loss = points.learn(self._pupil, self.rules, self.data, EVERY)
                    self._weights.append(self._pupil.weights)
                    self.losses.append(loss)
            if 1000 * (time.perf_counter() - began) > milliseconds:
                break
        return min(self.reached, until)

    def distances(self, step: int) -> tuple[list[int], list[float]]:
        """Steps up to ``step``, and how far points made then are from fresh ones: Jensen-Shannon, nats."""
        seen = [one for one in range(0, step + 1, EVERY) if one < JUDGED_EVERY or one % JUDGED_EVERY == 0]
        for one in seen:
            if one not in self._distances:
                made = points.reverse(points.learnt(self.weights(one)), SEED, JUDGED, JUDGED_STEPS)[-1]
                self._distances[one] = points.judge(self.rules, self.data, made).js
        return seen, [self._distances[one] for one in seen]


@functools.lru_cache(maxsize=KEPT)
def lesson(rules: Rules) -> Lesson:
    """The lesson by these rules, as far as it has come; from its beginning if it was forgotten."""
    return Lesson(rules)


def rules_of(shape: str, drawing: tuple[tuple[float, float], ...]) -> Rules:
    """What is learnt: a shape, or the points drawn."""
    return Rules(shape=shape, drawing=drawing if shape == "drawing" else (), seed=SEED)


def guess(of: Lesson, step: int, by: str) -> points.Guess:
    """Who says where the data are: the network after so many steps, or the exact score."""
    return points.exact(of.data) if by == "exact" else points.learnt(of.weights(step))


@functools.lru_cache(maxsize=24)
def walk(of: Lesson, step: int, by: str, seed: int, steps: int, eta: float) -> Tensor:
    """The particles at every moment of a run, noise first, (steps + 1, 400, 2)."""
    if by == "forward":
        return points.forward(of.data, seed, PARTICLES, steps)
    return points.reverse(guess(of, step, by), seed, PARTICLES, steps, eta)


@functools.lru_cache(maxsize=64)
def verdict(of: Lesson, step: int, by: str, seed: int, steps: int, eta: float) -> Verdict:
    """How good 1,000 points made in this way are."""
    made = points.reverse(guess(of, step, by), seed, JUDGED, steps, eta)[-1]
    return points.judge(of.rules, of.data, made)


def forgotten() -> None:
    """Forgets all lessons and runs, as a restart of the server does."""
    for cache in (lesson, walk, verdict):
        cache.cache_clear()
