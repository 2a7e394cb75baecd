"""UMAP at work: fits of a few hundred or thousand points, watched while they descend."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from demos.engine import Engine, Run
from demos.latent_map_parts.background import FITS
from models import latent_map_umap, seeding, traps, zoo
from models.latent_map import LatentMap
from models.latent_map_layouts import Key, align
from models.latent_map_umap import Objective

EPOCHS = latent_map_umap.EPOCHS
EVERY = 10  # epochs between two records
RANDOM = "random"
SMALLEST = 20


@dataclass(frozen=True)
class Moment:
    """One moment of a fit: places float32 (n, 2) with a root mean square distance of 1 from their middle."""

    epoch: int
    epochs: int
    places: np.ndarray
    objective: Objective


@dataclass(frozen=True)
class Fit(ABC):
    """A fit, by all that it follows from. ``points`` and ``reference`` say what is laid out and how it is turned."""

    n_neighbors: int
    min_dist: float
    seed: int

    @property
    def engine(self) -> Engine:
        """Who computes it: one at a time."""
        return FITS

    @property
    def total(self) -> int:
        """Moments in all: the start, and one after every EVERY epochs."""
        return 1 + EPOCHS // EVERY

    @abstractmethod
    def points(self) -> np.ndarray:
        """What is laid out, (n, D)."""

    @abstractmethod
    def reference(self) -> np.ndarray | None:
        """Places (n, 2) that every moment is turned towards; None leaves it as it comes."""

    def start(self) -> Iterator[Moment]:
        """The moments, computed as they are taken."""
        reference = self.reference()
        about = self.n_neighbors, self.min_dist, self.seed
        for step in latent_map_umap.fit(self.points(), *about, epochs=EPOCHS, every=EVERY):
            places = step.points - step.points.mean(0)
            if reference is not None:
                places = align(places, reference)
            scale = float(np.sqrt(np.square(places).sum(1).mean())) or 1.0
            yield Moment(step.epoch, step.epochs, (places / scale).astype(np.float32), step.objective)

    def run(self) -> Run:
        """The run of this fit, begun if it was not."""
        return FITS.run(self, self.start, self.total)


@dataclass(frozen=True)
class TrapFit(Fit):
    """A trap laid out; its truth is known."""

    name: str

    def trap(self) -> traps.Trap:
        """The cloud of points."""
        return traps.make(self.name, self.seed)

    def points(self) -> np.ndarray:
        """The cloud's."""
        return self.trap().points

    def reference(self) -> np.ndarray | None:
        """The first two dimensions of the truth, so that it is turned as it lies there; noise lies nohow."""
        return None if self.name == "noise" else self.points()[:, :2]


@dataclass(frozen=True)
class SubsetFit(Fit):
    """Some real pictures of a map laid out anew. ``of``: RANDOM, or ``label=value``; ``size``: at most so many."""

    data: str
    representation: str
    of: str
    size: int

    def chosen(self) -> np.ndarray:
        """Which pictures, ascending."""
        return subset(zoo.latent_map(self.data), self.of, self.size, self.seed)

    def points(self) -> np.ndarray:
        """Their vectors."""
        return zoo.latent_map(self.data).real(self.representation)[self.chosen()]

    def reference(self) -> np.ndarray:
        """Where they lie on the map as it ships."""
        return zoo.latent_map(self.data).layout(Key(self.representation)).points[self.chosen()]


def subset(atlas: LatentMap, of: str, size: int, seed: int) -> np.ndarray:
    """Real pictures (at most ``size``), ascending: of all, or of those with one value of a label, drawn by ``seed``."""
    order = seeding.generator(seed, 0).permutation(atlas.count)
    label, _, value = of.partition("=")
    if of in values(atlas):
        order = order[atlas.labels[label][order] == atlas.values[label].index(value)]
    return np.sort(order[:size])


def values(atlas: LatentMap) -> dict[str, int]:
    """What a subset may be made of: ``label=value`` -> how many real pictures; only those of at least SMALLEST."""
    found = {}
    for label, names in atlas.values.items():
        counts = np.bincount(atlas.labels[label][: atlas.count] + 1, minlength=len(names) + 1)[1:]
        found |= {f"{label}={name}": int(count) for name, count in zip(names, counts, strict=True) if count >= SMALLEST}
    return found
