"""Where a generative family lives among real pictures: what it visits, what it never draws, what it invents.

Everything is measured in the space that the pictures are compared in, not on the map: a map shows where, these numbers
say how much. They depend on how many pictures are compared, so every set has SET pictures, and beside each family
stands the floor: real pictures in the samples' place.
"""

from dataclasses import dataclass

import numpy as np

from models import metrics

SET = 500
BALL = 5  # the neighbourhood of a real picture reaches to its 5th nearest among the reference set
PRECISION_BALL = 3


@dataclass(frozen=True)
class Visit:
    """One family (or real pictures in its place) against the real ones.

    Attributes:
        precision: share of samples within the estimated set of real pictures (Kynkaanniemi et al. 2019, k = 3).
        recall: share of real pictures within the estimated set of samples.
        visited: bool (n,), for every real picture whether a sample lies in its neighbourhood.
        asked: bool (n,), which of them count; in the floor, those that play the samples do not.
    """

    precision: float
    recall: float
    visited: np.ndarray
    asked: np.ndarray

    @property
    def never_visited(self) -> float:
        """Share of real neighbourhoods without a single sample: 1 - coverage (Naeem et al. 2020, section 3)."""
        return float(1 - self.visited[self.asked].mean())


class Reference:
    """The real pictures (n, D) that families are measured against: two fixed sets of at most SET pictures each."""

    def __init__(self, real: np.ndarray):
        if len(real) < 4 * BALL:
            raise ValueError(f"{len(real)} real pictures are too few to measure a family against")
        order = np.random.default_rng(0).permutation(len(real))
        self.size = min(SET, len(real) // 2)
        self.real = np.asarray(real, np.float64)
        self.chosen, self._stand_ins = order[: self.size], order[self.size : 2 * self.size]
        distances = _distances(self.real, self.real[self.chosen])
        distances[self.chosen, np.arange(self.size)] = np.inf  # nobody is a neighbour of itself
        self.radii = np.partition(distances, BALL - 1, axis=1)[:, BALL - 1]

    def visit(self, samples: np.ndarray) -> Visit:
        """Measure samples (m, D); of more than there are pictures in a set, the first ones count."""
        return self._compare(np.asarray(samples, np.float64)[: self.size], np.ones(len(self.real), bool))

    def floor(self) -> Visit:
        """The same of as many other real pictures: what nobody can do better than."""
        asked = np.ones(len(self.real), bool)
        asked[self._stand_ins] = False
        return self._compare(self.real[self._stand_ins], asked)

    def _compare(self, samples: np.ndarray, asked: np.ndarray) -> Visit:
        chosen = self.real[self.chosen]
        precision, recall = metrics.precision_recall(chosen, samples, PRECISION_BALL)
        visited = (_distances(self.real, samples) <= self.radii[:, None]).any(1)
        return Visit(precision, recall, visited, asked)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances (n, m) between rows of (n, D) and (m, D)."""
    middle = b.mean(0)
    a, b = a - middle, b - middle
    return np.sqrt(np.clip(np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T, 0, None))
