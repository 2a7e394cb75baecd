"""Where every picture lies on a map: which layouts there are, how they are turned alike, and how they are stored.

A *layout* gives each of n pictures a place in the plane, or in space. It is made from one *representation* of the
pictures by one *method*:

- ``latent``: the means of the VAE's posterior; ``features``: what the attribute network sees; ``pixels``: the picture
  at half its size, reduced to its principal components.
- ``umap`` (McInnes, Healy & Melville 2018), ``tsne`` (van der Maaten & Hinton 2008), ``pca`` (Pearson 1901).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

REPRESENTATIONS = ("latent", "features", "pixels")
METHODS = ("umap", "tsne", "pca")
N_NEIGHBORS = (5, 15, 40, 100)
MIN_DIST = (0.0, 0.1, 0.5)
SEEDS = (0, 1, 2, 3, 4)
PERPLEXITY = 30
INTERPOLATED = 8  # neighbours on the map from which a place between them is filled


@dataclass(frozen=True)
class Key:
    """Which layout. ``n_neighbors``, ``min_dist`` and ``seed`` mean something to UMAP only; others ignore them.

    Attributes:
        representation: one of REPRESENTATIONS.
        method: one of METHODS.
        n_neighbors: how many neighbours a point is tied to: few for detail, many for the whole.
        min_dist: how tightly neighbours may be packed on the map.
        seed: of the layout.
        dimensions: 2, or 3 for UMAP and PCA.
    """

    representation: str = "latent"
    method: str = "umap"
    n_neighbors: int = 15
    min_dist: float = 0.1
    seed: int = 0
    dimensions: int = 2

    @property
    def name(self) -> str:
        """The layout's name in files: ``latent-umap-15-0.1-0-2d``, ``features-pca-3d``."""
        knobs = f"-{self.n_neighbors}-{self.min_dist:g}-{self.seed}" if self.method == "umap" else ""
        return f"{self.representation}-{self.method}{knobs}-{self.dimensions}d"


DEFAULT = Key()


def shipped(representation: str) -> list[Key]:
    """The layouts that the recipe makes of a representation, the default cell first.

    The whole grid of n_neighbors and min_dist is laid for ``latent``; the other representations are there to be set
    beside it at the default cell, and to show what of their maps survives another seed.
    """
    base = Key(representation)
    keys = [base, *(Key(representation, seed=seed) for seed in SEEDS[1:])]
    if representation == "latent":
        grid = (Key(representation, "umap", n, distance) for n in N_NEIGHBORS for distance in MIN_DIST)
        keys += [key for key in grid if key != base]
    keys += [Key(representation, method) for method in ("tsne", "pca")]
    return keys + [Key(representation, method, dimensions=3) for method in ("umap", "pca")]


@dataclass(frozen=True)
class Layout:
    """One layout.

    Attributes:
        key: which one.
        points: float32 (N, dimensions), in the units of its method, centred on the real pictures. The real pictures
            come first, then the samples of every family, in the order of the map's sources.
        real: how many of the points are real pictures; the layout was made from these alone.
        trustworthiness: of the real points with 15 neighbours, 0 to 1 (Venna & Kaski 2001).
        continuity: the same asked the other way round.
    """

    key: Key
    points: np.ndarray
    real: int
    trustworthiness: float
    continuity: float

    @cached_property
    def scale(self) -> float:
        """Root mean square distance of a real point from the middle. Divide by it before two layouts are morphed."""
        return float(np.sqrt(np.square(self.points[: self.real]).sum(1).mean()))

    @cached_property
    def spacing(self) -> float:
        """How far a real point typically has to look for INTERPOLATED neighbours: the median of those distances."""
        real = self.points[: self.real]
        some = np.linspace(0, len(real) - 1, min(len(real), 500)).astype(int)
        k = min(INTERPOLATED, len(real) - 1)
        distances = np.sqrt(np.square(real[some, None] - real).sum(2))
        return max(float(np.median(np.partition(distances, k, axis=1)[:, k])), 1e-9)


def align(points: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """``points`` (n, d) turned, mirrored and moved, so that they lie as near to ``reference`` (n, d) as they can.

    The orthogonal Procrustes problem (Schönemann 1966): the rotation R that minimises |X R - Y|^2 is U V' of the
    singular value decomposition of X'Y, both centred. Nothing is scaled, so every distance stays what it was. The
    answer is centred at 0.

    Raises:
        ValueError: if the two differ in shape.
    """
    if points.shape != reference.shape or points.ndim != 2:
        raise ValueError(f"cannot turn points {points.shape} towards {reference.shape}")
    centred = points - points.mean(0, dtype=np.float64)
    u, _, vt = np.linalg.svd(centred.T @ (reference - reference.mean(0, dtype=np.float64)))
    return (centred @ (u @ vt)).astype(np.float32)


def pack(name: str, values: np.ndarray, kind: type[np.unsignedinteger]) -> dict[str, np.ndarray]:
    """A table (n, D) as small integers: every column is cut into equal steps from its smallest to its largest value.

    Returns three arrays to be stored, ``name`` and its ``.low`` and ``.step`` (D,); :func:`unpack` reads them.
    """
    values = np.asarray(values, np.float64)
    low, high = values.min(0), values.max(0)
    step = np.where(high > low, (high - low) / np.iinfo(kind).max, 1.0)
    whole = np.round((values - low) / step).astype(kind)
    return {name: whole, f"{name}.low": low.astype(np.float32), f"{name}.step": step.astype(np.float32)}


def unpack(name: str, stored: Mapping[str, np.ndarray]) -> np.ndarray:
    """What :func:`pack` stored under ``name``, float32 (n, D), to half a step."""
    return stored[name].astype(np.float32) * stored[f"{name}.step"] + stored[f"{name}.low"]
