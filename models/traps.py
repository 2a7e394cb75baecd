"""Ways in which a UMAP map misleads, as data small enough to be laid out while you watch.

Each trap is a cloud of points whose truth is known because it was drawn that way, the knob that springs it, and
numbers that say of any map of it how far it strays. After Coenen & Pearce 2019, "Understanding UMAP", and Wattenberg,
Viegas & Johnson 2016, "How to use t-SNE effectively".

Lay a trap out with ``models.latent_map_umap.fit(trap.points, trap.values[0], trap.min_dist)``.
"""

from dataclasses import dataclass

import numpy as np

NAMES = ("noise", "sizes", "distances", "circle")


@dataclass(frozen=True)
class Trap:
    """One cloud.

    Attributes:
        name: one of NAMES.
        points: float32 (n, D).
        groups: int64 (n,), what the points are coloured by: the cloud each was drawn from, or its place on the circle.
        knob: the parameter of UMAP to turn; ``values``: worth trying, the first one springs the trap.
        min_dist: to lay it out with.
    """

    name: str
    points: np.ndarray
    groups: np.ndarray
    knob: str
    values: tuple[int, ...]
    min_dist: float


def make(name: str, seed: int = 0) -> Trap:
    """The trap of that name; a seed always draws the same points.

    - noise: 500 points from one Gaussian in 100 dimensions. With few neighbours UMAP shows islands; there are none.
    - sizes: two clouds of 200 points, one ten times as wide as the other. UMAP evens out density: they come out alike,
      however the knob is turned.
    - distances: three clouds of 150 points in a row, the third ten times as far away. The gaps come out alike, and
      turning the knob changes which is the larger one.
    - circle: 200 points evenly along a circle, a little noisy. With few neighbours the ring is torn open.

    Raises:
        ValueError: for another name.
    """
    if name not in NAMES:
        raise ValueError(f"a trap is one of {', '.join(NAMES)}, not {name!r}")
    numbers = np.random.default_rng(np.random.SeedSequence([seed, NAMES.index(name)]))
    if name == "noise":
        return _trap(name, numbers.standard_normal((500, 100)), np.zeros(500), (2, 3, 5, 15, 50), 0.0)
    if name == "sizes":
        clouds = numbers.standard_normal((2, 200, 10)) * np.array([1.0, 10.0])[:, None, None]
        clouds[1, :, 0] += 60
        return _trap(name, clouds.reshape(-1, 10), np.repeat([0, 1], 200), (15, 50, 100, 200), 0.1)
    if name == "distances":
        clouds = numbers.standard_normal((3, 150, 10))
        clouds[:, :, 0] += np.array([0.0, 12.0, 132.0])[:, None]
        return _trap(name, clouds.reshape(-1, 10), np.repeat([0, 1, 2], 150), (15, 50, 150, 300), 0.1)
    turns = np.arange(200) * 2 * np.pi / 200
    ring = np.stack([np.cos(turns), np.sin(turns)], 1) + 0.02 * numbers.standard_normal((200, 2))
    return _trap(name, ring, np.arange(200), (3, 5, 10, 30), 0.1)


def _trap(name: str, points: np.ndarray, groups: np.ndarray, values: tuple[int, ...], min_dist: float) -> Trap:
    return Trap(name, points.astype(np.float32), groups.astype(np.int64), "n_neighbors", values, min_dist)


def measure(trap: Trap, shown: np.ndarray) -> dict[str, float]:
    """How a map (n, 2) of a trap strays from the truth; names that end in ``_truth`` and ``_map`` belong together.

    - noise: number of ``islands`` on the map and the share of all points on the ``largest``; ``within_truth`` and
      ``within_map``: mean distance of two points of one island over that of any two points. 1 is no structure.
    - sizes: ``ratio_truth`` and ``ratio_map``: how many times as wide the second cloud is as the first.
    - distances: the same of the gap between clouds 2 and 3 and that between 1 and 2, between their middles.
    - circle: ``step_truth`` and ``step_map``: the longest step between neighbours along the circle, in its radii.
    """
    if len(shown) != len(trap.points):
        raise ValueError(f"a map of {trap.name} has {len(trap.points)} points, not {len(shown)}")
    if trap.name == "noise":
        return _islands(trap.points, shown)
    ask = {"sizes": _wider, "distances": _farther, "circle": _longest_step}[trap.name]
    name = "step" if trap.name == "circle" else "ratio"
    return {f"{name}_truth": ask(trap.points, trap.groups), f"{name}_map": ask(shown, trap.groups)}


def islands(shown: np.ndarray) -> np.ndarray:
    """What looks like clusters on a map (n, 2): int64 (n,), numbered from 0, the largest first; -1 on none of them.

    Two points are on one island if one can step from point to point between them, no step being longer than 1.2 times
    the distance at which a point of this map typically has its fifth neighbour; an island has at least five points. A
    plane strewn evenly is nearly all one island.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    tree = cKDTree(shown)
    step = 1.2 * np.median(tree.query(shown, 6)[0][:, 5])
    pairs = tree.query_pairs(step, output_type="ndarray")
    links = coo_matrix((np.ones(len(pairs)), pairs.T), shape=(len(shown), len(shown)))
    found = connected_components(links, directed=False)[1]
    sizes = np.bincount(found)
    rank = np.argsort(np.argsort(-sizes, kind="stable"), kind="stable")
    return np.where(sizes[found] >= 5, rank[found], -1).astype(np.int64)


def _islands(points: np.ndarray, shown: np.ndarray) -> dict[str, float]:
    found = islands(shown)
    together = (found[:, None] == found) & (found >= 0)
    np.fill_diagonal(together, False)
    answer = {"islands": float(found.max() + 1), "largest": float((found == 0).mean())}
    for name, places in (("within_truth", points), ("within_map", shown)):
        squares = np.square(places).sum(1)
        distances = np.sqrt(np.clip(squares[:, None] + squares - 2 * places @ places.T, 0, None))
        mean = distances.sum() / (len(places) * (len(places) - 1))
        answer[name] = float(distances[together].mean() / mean) if together.any() else 1.0
    return answer


def _radius(places: np.ndarray) -> float:
    """Root mean square distance from the middle."""
    return float(np.sqrt(np.square(places - places.mean(0)).sum(1).mean()))


def _wider(places: np.ndarray, groups: np.ndarray) -> float:
    return _radius(places[groups == 1]) / _radius(places[groups == 0])


def _farther(places: np.ndarray, groups: np.ndarray) -> float:
    middles = [places[groups == i].mean(0) for i in range(3)]
    return float(np.linalg.norm(middles[2] - middles[1]) / np.linalg.norm(middles[1] - middles[0]))


def _longest_step(places: np.ndarray, groups: np.ndarray) -> float:
    along = places[groups.argsort()]
    return float(np.linalg.norm(along - np.roll(along, 1, 0), axis=1).max() / _radius(places))
