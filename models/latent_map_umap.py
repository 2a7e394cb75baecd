"""UMAP, run and watched: whole layouts, one that can be stepped through, new points on an old map, the objective.

UMAP (McInnes, Healy & Melville 2018) ties every point to its k nearest neighbours with a strength p_ij in 0..1, and
then moves points in the plane until the strengths there,

    q_ij = 1 / (1 + a |y_i - y_j|^(2b)),    a and b from min_dist,

resemble them: neighbours attract each other, all others repel. Graph, start and every step are those of umap-learn.

umap-learn compiles itself when it first runs, which takes seconds; :mod:`models.latent_map_warmth` has that done in the
background.
Its compiled code may crash the process when two threads enter it, so everything here takes turns.
"""

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

EPOCHS = 500
PLACING_EPOCHS = 100
LARGEST_LIVE = 2000
TRANSFORM_SEED = 42  # umap-learn's own
NEGATIVE_SAMPLES = 5  # repulsions for every attraction, umap-learn's own
CLOSEST = 1e-4  # q is at most 1 / (1 + CLOSEST) in the objective: two points at one place do not cost infinitely much

_turn = threading.RLock()


@contextmanager
def _library() -> Iterator[Any]:
    """umap-learn, imported when first needed, on one core, for one thread at a time."""
    with _turn, warnings.catch_warnings():
        # what it has to say concerns options that are chosen on purpose: one core, neighbours that are given
        warnings.filterwarnings("ignore", module=r"umap|sklearn")
        import numba
        import umap
        import umap.layouts
        import umap.umap_

        numba.set_num_threads(1)
        yield umap


@cache
def curve(min_dist: float) -> tuple[float, float]:
    """a and b of q, fitted to "1 up to min_dist, then falling as exp(-(d - min_dist))" (their section 4.3)."""
    with _library() as umap:
        a, b = umap.umap_.find_ab_params(1.0, min_dist)
    return float(a), float(b)


# --- whole layouts ---------------------------------------------------------------------------------------------------


def lay(
    points: np.ndarray,
    neighbours: tuple[np.ndarray, np.ndarray],
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    seed: int = 0,
    dimensions: int = 2,
    epochs: int | None = None,
) -> np.ndarray:
    """umap-learn's layout of points (n, D): float32 (n, dimensions). The same arguments give the same layout.

    neighbours: (indices, distances), both (n, at least n_neighbors), every point being its own first neighbour.
    """
    with _library() as umap:
        reducer = umap.UMAP(
            n_components=dimensions,
            n_neighbors=n_neighbors,
            min_dist=min_dist,
            random_state=seed,
            n_epochs=epochs,
            n_jobs=1,
            precomputed_knn=tuple(np.ascontiguousarray(table[:, :n_neighbors]) for table in neighbours),
        )
        return reducer.fit_transform(points)


def graph(neighbours: tuple[np.ndarray, np.ndarray], n_neighbors: int) -> "csr_matrix":
    """The strengths p_ij of :func:`lay` as a symmetric sparse matrix (n, n); neighbours as there."""
    indices, distances = (np.ascontiguousarray(table[:, :n_neighbors]) for table in neighbours)
    with _library() as umap:
        found = umap.umap_.fuzzy_simplicial_set(
            np.empty((len(indices), 1), np.float32),  # not looked at: the neighbours are known
            n_neighbors,
            np.random.RandomState(0),  # not drawn from, for the same reason
            "euclidean",
            knn_indices=indices,
            knn_dists=distances.astype(np.float32),
        )
    return found[0].tocsr()


# --- a layout that can be watched and stopped ------------------------------------------------------------------------


@dataclass(frozen=True)
class Objective:
    """The cross-entropy between the strengths p and q, in nats, summed over all pairs (their definition 10).

    sum p log(p / q) + (1 - p) log((1 - p) / (1 - q)). The parts that can change are ``attraction`` = sum -p log q, high
    while neighbours are far apart, and ``repulsion`` = sum -(1 - p) log(1 - q), high while others are near; ``floor``
    is what q = p would leave of both, and ``cross_entropy`` = attraction + repulsion - floor.

    The steps sample repulsion (five others for every attraction), which weighs it less than this sum does (Damrich &
    Hamprecht 2021): a fit does not end where this number is smallest.
    """

    attraction: float
    repulsion: float
    floor: float

    @property
    def cross_entropy(self) -> float:
        """0 if q = p everywhere."""
        return self.attraction + self.repulsion - self.floor


@dataclass(frozen=True)
class FitStep:
    """Where the points are after ``epoch`` of ``epochs``: ``points`` float32 (n, d), a copy; and the objective."""

    epoch: int
    epochs: int
    points: np.ndarray
    objective: Objective


def fit(
    points: np.ndarray,
    n_neighbors: int = 15,
    min_dist: float = 0.1,
    seed: int = 0,
    dimensions: int = 2,
    epochs: int = EPOCHS,
    every: int = 20,
) -> Iterator[FitStep]:
    """Lay out at most 2,000 points (n, D) while you watch: the start, then the points after every ``every`` epochs.

    Closing the generator stops the fit. Graph, start and steps are umap-learn's; the same arguments give the same
    points.

    Raises:
        ValueError: naming the argument and what is allowed.
    """
    points = np.ascontiguousarray(points, np.float32)
    if points.ndim != 2 or not 10 <= len(points) <= LARGEST_LIVE or not np.isfinite(points).all():
        raise ValueError(f"points must be 10 to {LARGEST_LIVE:,} rows of finite numbers, not shape {points.shape}")
    if not 2 <= n_neighbors < len(points):
        raise ValueError(f"n_neighbors must be from 2 to {len(points) - 1}, not {n_neighbors}")
    if not 0 <= min_dist <= 1 or dimensions not in (2, 3) or not 11 <= epochs <= 2000 or every < 1:
        raise ValueError(
            "min_dist must be from 0 to 1, dimensions 2 or 3, epochs 11 to 2,000, every at least 1, "
            f"not {min_dist}, {dimensions}, {epochs}, {every}"
        )
    with _library() as umap:
        options = {"n_neighbors": n_neighbors, "min_dist": min_dist, "n_components": dimensions}
        # of two neighbours one is the point itself: every tie is 1, the graph is many small trees, and on such the
        # solver behind the spectral start draws vectors by a generator that no seed reaches
        if n_neighbors == 2:
            options["init"] = "random"
        start = umap.UMAP(**options, random_state=seed, n_epochs=0, n_jobs=1).fit(points)
    strengths = start.graph_.tocsr()
    y = np.ascontiguousarray(start.embedding_, np.float32)
    a, b = curve(min_dist)
    yield FitStep(0, epochs, y.copy(), objective(y, strengths, min_dist))
    for epoch in _descend(y, strengths, a, b, epochs, np.random.default_rng(seed)):
        if epoch % every == 0 or epoch == epochs:
            yield FitStep(epoch, epochs, y.copy(), objective(y, strengths, min_dist))


def _descend(
    y: np.ndarray, strengths: "csr_matrix", a: float, b: float, epochs: int, numbers: np.random.Generator
) -> Iterator[int]:
    """Move ``y`` (n, d) in place, one epoch at a time: umap-learn's optimize_layout_euclidean, taken apart."""
    edges = strengths.tocoo()
    edges.data[edges.data < edges.data.max() / epochs] = 0.0
    edges.eliminate_zeros()
    with _library() as umap:
        per_sample = umap.umap_.make_epochs_per_sample(edges.data, epochs)
        one_epoch = umap.layouts._get_optimize_layout_euclidean_single_epoch_fn(False)
    per_negative = per_sample / NEGATIVE_SAMPLES
    next_sample, next_negative = per_sample.copy(), per_negative.copy()
    state = numbers.integers(-(2**31) + 1, 2**31 - 1, 3)
    states = np.full((len(y), 3), state) + y[:, 0].astype(np.float64).view(np.int64).reshape(-1, 1)
    unused = np.zeros(1, np.float32)  # of densMAP
    alpha = 1.0
    for n in range(epochs):
        with _turn:
            one_epoch(
                *(y, y, edges.row, edges.col, len(y), per_sample, a, b, states, 1.0, y.shape[1], True, alpha),
                *(per_negative, next_negative, next_sample, n),
                *(False, unused, unused, 0, 0, 0, 0, unused, unused, 0),
            )
        alpha = 1.0 - n / epochs
        yield n + 1


# --- the objective ---------------------------------------------------------------------------------------------------


def objective(y: np.ndarray, strengths: "csr_matrix", min_dist: float) -> Objective:
    """The cross-entropy of a map y (n, d) of a graph with strengths p (n, n), over all pairs, none left out."""
    a, b = curve(min_dist)
    places = torch.from_numpy(np.ascontiguousarray(y, np.float32))
    repulsion = 0.0
    for start in range(0, len(places), 512):
        distances = torch.cdist(places[start : start + 512], places, compute_mode="donot_use_mm_for_euclid_dist")
        cost = torch.log1p(1 / (a * distances.pow(2 * b)).clamp(min=CLOSEST))
        cost.diagonal(start).zero_()
        repulsion += float(cost.sum(dtype=torch.float64)) / 2
    edges = strengths.tocoo()
    odds = _odds(np.square(y[edges.row] - y[edges.col]).sum(1), a, b)
    p = edges.data.astype(np.float64)
    attraction = (p * np.log1p(odds)).sum() / 2
    repulsion -= (p * np.log1p(1 / odds)).sum() / 2
    inside = np.clip(p, 1e-12, 1 - 1e-12)
    floor = -(inside * np.log(inside) + (1 - inside) * np.log1p(-inside)).sum() / 2
    return Objective(float(attraction), float(repulsion), float(floor))


def ties(y: np.ndarray, strengths: "csr_matrix", min_dist: float, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What holds point i: its neighbours in the graph (m,), strongest first, their p_ij (m,) and their q_ij (m,)."""
    row = strengths.getrow(i)
    order = np.argsort(-row.data, kind="stable")
    others = row.indices[order]
    q = 1 / (1 + _odds(np.square(y[others] - y[i]).sum(1), *curve(min_dist)))
    return others, row.data[order], q


def _odds(squared: np.ndarray, a: float, b: float) -> np.ndarray:
    """(1 - q) / q = a d^(2b) of squared distances."""
    return np.maximum(a * np.asarray(squared, np.float64) ** b, CLOSEST)


# --- new points on an old map ----------------------------------------------------------------------------------------


def place(indices: np.ndarray, distances: np.ndarray, y: np.ndarray, min_dist: float) -> np.ndarray:
    """Places (m, d) of new points on the map y (n, d), which does not move: what umap-learn's ``transform`` gives.

    indices, distances: (m, n_neighbors), the new points' nearest neighbours among the n, nearest first. A point starts
    at the mean of its neighbours, weighted by its strengths to them, and is then pulled and pushed for 100 epochs.

    ``transform`` of several points lets each depend on the others; here every point gets the place it has alone. It
    needs no reducer with the whole graph, only the neighbours and the places.
    """
    from scipy.sparse import coo_matrix

    indices, distances = np.asarray(indices), np.ascontiguousarray(distances, np.float32)
    y = np.ascontiguousarray(y, np.float32)
    (m, k), a_b = indices.shape, curve(min_dist)
    with _library() as umap:
        weights = np.empty((m, k), np.float32)
        for i in range(m):
            sigma, rho = umap.umap_.smooth_knn_dist(distances[i : i + 1], float(k), local_connectivity=0.0)
            strengths = umap.umap_.compute_membership_strengths(
                indices[i : i + 1], distances[i : i + 1], sigma, rho, bipartite=True
            )
            weights[i] = strengths[2]
        rows = np.repeat(np.arange(m, dtype=np.int32), k)
        table = coo_matrix((weights.ravel(), (rows, indices.ravel().astype(np.int32))), shape=(m, len(y)))
        whole = table.tocsr()
        whole.eliminate_zeros()
        start = umap.umap_.init_graph_transform(whole, y)
        # a share of its own strongest tie, so that no point looks at another's
        table.data = (weights / weights.max(1, keepdims=True)).ravel()
        table.data[table.data < 1 / PLACING_EPOCHS] = 0.0
        table.eliminate_zeros()
        return umap.layouts.optimize_layout_euclidean(
            start,
            y.copy(),
            table.row,
            table.col,
            PLACING_EPOCHS,
            len(y),
            umap.umap_.make_epochs_per_sample(table.data, PLACING_EPOCHS),
            *a_b,
            np.random.RandomState(TRANSFORM_SEED).randint(-(2**31) + 1, 2**31 - 2, 3).astype(np.int64),
            initial_alpha=0.25,
            tqdm_kwds={"disable": True},
        )
