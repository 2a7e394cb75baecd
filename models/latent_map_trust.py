"""How far to believe a map: who is a neighbour on it and who is one in truth.

*Truth* is the space that a map was made from (n, D), the *map* is (n, 2). A flat map of many dimensions cannot be
right everywhere; these numbers say where it is wrong, and in which of two ways. It draws strangers together
(trustworthiness falls), or tears neighbours apart (continuity falls).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

NEIGHBOURS = 15
PART = 256  # points whose distances to all others are in memory at once


def nearest_others(points: np.ndarray, k: int, rows: np.ndarray | None = None) -> np.ndarray:
    """The k nearest other points of each of ``rows`` (all without it), nearest first: int64 (m, k).

    Raises:
        ValueError: unless k is 1 to n - 1.
    """
    points, rows = _centred(points), _rows(points, rows)
    if not 1 <= k < len(points):
        raise ValueError(f"cannot find {k} other points among {len(points)}")
    found = []
    for part in _parts(rows):
        distances = _squared(points, part)
        near = np.argpartition(distances, k - 1, axis=1)[:, :k]
        order = np.take_along_axis(distances, near, 1).argsort(1, kind="stable")
        found.append(np.take_along_axis(near, order, 1))
    return np.concatenate(found)


def local_trust(
    truth: np.ndarray, shown: np.ndarray, k: int = NEIGHBOURS, rows: np.ndarray | None = None
) -> np.ndarray:
    """Every point's own share of the trustworthiness, (m,) for ``rows`` or (n,) for all.

    The mean over all points is the trustworthiness of Venna & Kaski 2001 (their equation 1, which scikit-learn has):

        1 - 2 / (n k (2n - 3k - 1)) * sum over i, and over i's k neighbours j on the map, of max(0, r(i, j) - k)

    where r(i, j) = 1 for the truly nearest point to i, 2 for the next; equally far ones share the smaller rank. 1: the
    k neighbours on the map are the k true ones; about 1/2: they could have been drawn by lot.

    truth: (n, D); shown: (n, d) of the same points. Swap the two and it is the continuity.

    Raises:
        ValueError: if the tables differ in length, or k is not under n / 2.
    """
    n = len(truth)
    if len(shown) != n or not 1 <= k < n / 2:
        raise ValueError(f"cannot compare {k} neighbours of {n} points with {len(shown)}; k must be under n / 2")
    truth, rows = _centred(truth), _rows(truth, rows)
    answer = []
    for part in _parts(rows):
        distances = _squared(truth, part)
        met = np.take_along_axis(distances, nearest_others(shown, k, part), 1)
        ranks = 1 + np.stack([(distances < met[:, j : j + 1]).sum(1) for j in range(k)], 1)
        answer.append(1 - 2 / (k * (2 * n - 3 * k - 1)) * np.clip(ranks - k, 0, None).sum(1))
    return np.concatenate(answer)


def trust_of_stranger(truth: np.ndarray, stranger: np.ndarray, near: np.ndarray) -> float:
    """:func:`local_trust` of one more point (D,) whose k neighbours on the map are the points ``near`` (k,)."""
    n, k = len(truth) + 1, len(near)
    distances = np.square(truth.astype(np.float64) - stranger).sum(1)
    ranks = 1 + (distances[None] < distances[near, None]).sum(1)
    return float(1 - 2 / (k * (2 * n - 3 * k - 1)) * np.clip(ranks - k, 0, None).sum())


def above_chance(trust: np.ndarray | float) -> np.ndarray:
    """A local trust on the scale that is shown: 0 for neighbours drawn by lot or worse, 1 for the true ones."""
    return np.clip(2.0 * np.asarray(trust) - 1.0, 0.0, 1.0)


@dataclass(frozen=True)
class Distortion:
    """``trust`` and ``continuity`` (n,) of every real point: :func:`local_trust` both ways; 1 is faultless.

    Colour by ``1 - above_chance(trust)``: how much is drawn together that does not belong together.
    """

    trust: np.ndarray
    continuity: np.ndarray


def distortion(truth: np.ndarray, shown: np.ndarray, k: int = NEIGHBOURS) -> Distortion:
    """Both numbers for every point of a map: truth (n, D), shown (n, d). Their means are the map's own numbers."""
    return Distortion(local_trust(truth, shown, k), local_trust(shown, truth, k))


@dataclass(frozen=True)
class Survival:
    """What of every point's k neighbours is still there on maps of the same data from other seeds.

    Attributes:
        kept: (n,) share of the first map's neighbours that another map has, too, mean over the other maps.
        always: (n,) share that all other maps have.
    """

    kept: np.ndarray
    always: np.ndarray


def survival(maps: Sequence[np.ndarray], k: int = NEIGHBOURS) -> Survival:
    """Compare the first of at least two maps (n, d) of the same points with the others, neighbour by neighbour."""
    if len(maps) < 2:
        raise ValueError("one map cannot be compared with itself")
    first, *others = [nearest_others(shown, k) for shown in maps]
    there = np.stack([(first[:, :, None] == other[:, None, :]).any(2) for other in others])
    return Survival(there.mean((0, 2)), there.all(0).mean(1))


def shepard(distances: np.ndarray) -> np.ndarray:
    """Weights of the nearest k points for a place between them, from ascending distances (m, k + 1): (m, k), sum 1.

    Shepard's interpolation with the local weights of Franke & Nielson 1980: ((R - d) / (R d))^2, R being the distance
    of point k + 1. A point has all the weight at its own place and none where it ceases to be among the k, so what
    is interpolated changes without jumps.
    """
    distances = np.asarray(distances, np.float64)
    reach, near = distances[:, -1:], distances[:, :-1]
    there = near <= 1e-9 * np.maximum(reach, 1e-30)
    weights = np.square((reach - near) / np.where(there, 1.0, reach * near + 1e-300))
    weights = np.where(there.any(1, keepdims=True), there, weights)
    total = weights.sum(1, keepdims=True)
    return np.where(total > 0, weights / np.where(total > 0, total, 1.0), 1.0 / near.shape[1])


def knn(points: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact neighbours as umap-learn wants them, each point first in its own row: int32 and float32 (n, k)."""
    others = nearest_others(points, k - 1)
    distances = np.empty(others.shape, np.float32)
    for start in range(0, len(points), 256):
        part = slice(start, start + 256)
        distances[part] = np.sqrt(np.square(points[others[part]] - points[part, None]).sum(2))
    own = np.arange(len(points))[:, None]
    return np.hstack([own, others]).astype(np.int32), np.hstack([np.zeros((len(points), 1), np.float32), distances])


def smallest(distances: np.ndarray, k: int) -> np.ndarray:
    """Positions of the k smallest of (n,) distances, ascending (k,)."""
    near = np.argpartition(distances, k - 1)[:k] if k < len(distances) else np.arange(len(distances))
    return near[distances[near].argsort(kind="stable")]


def nearest_to(
    points: np.ndarray, vector: np.ndarray, k: int, without: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The k of points (n, D) nearest to a vector (D,), nearest first: positions (k,) and distances (k,).

    without: a point that is passed over.
    """
    distances = np.sqrt(np.square(points - vector).sum(1))
    if without is not None:
        distances[without] = np.inf
    near = smallest(distances, k)
    return near, distances[near]


def _centred(points: np.ndarray) -> np.ndarray:
    """In float64 around their mean, where the expanded square keeps its digits."""
    points = np.asarray(points, np.float64)
    return points - points.mean(0)


def _rows(points: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
    return np.arange(len(points)) if rows is None else np.asarray(rows, np.int64)


def _parts(rows: np.ndarray) -> Iterator[np.ndarray]:
    return (rows[start : start + PART] for start in range(0, len(rows), PART))


def _squared(points: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Squared distances of rows to all points, (m, n); infinite to itself: nobody is a neighbour of itself."""
    some = points[rows]
    distances = np.square(some).sum(1)[:, None] + np.square(points).sum(1) - 2 * some @ points.T
    distances[np.arange(len(rows)), rows] = np.inf
    return distances
