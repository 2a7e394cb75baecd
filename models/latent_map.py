"""A map of latent space: pictures laid out in the plane, every place of which can be decoded, and distrusted.

The map was made once from real pictures (``python -m models.training.maps``). On it lie the samples of the generative
families, each put where it belongs among the real ones, so that a family can be added without moving anything.

    atlas = zoo.latent_map("toons")
    place = atlas.decode(1.5, -2.0)                       # anywhere, also between the points
    picture = zoo.vae("toons").decode(place.code[None])   # the face that would live there
    place.trust.value                                     # and how far to believe it, 0 to 1
"""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.numpy import load_file
from torch import Tensor

from models import latent_map_umap as umap
from models.attributes import Attributes
from models.latent_map_families import Reference, Visit
from models.latent_map_layouts import DEFAULT, INTERPOLATED, Key, Layout, unpack
from models.latent_map_records import Place, Projection, Road, Source, Trust
from models.latent_map_trust import (
    NEIGHBOURS,
    Distortion,
    Survival,
    above_chance,
    distortion,
    knn,
    local_trust,
    nearest_to,
    shepard,
    smallest,
    survival,
    trust_of_stranger,
)
from models.vae import VAE

REAL = "real"
SAME = 0.1  # of the typical distance to the nearest other picture: nearer than this, it is that picture


class LatentMap:
    """Real pictures and samples by what is known of them, and every layout of them. Load it with :meth:`load`.

    Attributes:
        data: name of the set; ``count``: number of real pictures, which are the points 0 to ``count - 1``.
        sources: in the order of the points, real pictures first.
        vectors: representation -> float32 (N, D) of all points; ``latent`` are the VAE's codes.
        labels: label -> int64 (N,), positions in ``values[label]``, -1 where unknown. Of samples they are what the
            attribute network reads.
        held_out: bool (count,): real pictures that no model learnt from.
        layouts: name of a :class:`Key` -> its :class:`Layout`.
        record: what the recipe wrote down.
    """

    def __init__(self, data: str, sources: Sequence[Source], tables: Sequence[dict[str, np.ndarray]], record: dict):
        self.data, self.sources, self.record = data, tuple(sources), record
        self.count = self.sources[0].count
        self.values: dict[str, list[str]] = record["values"]
        self.vectors = {name: _joined(name, tables) for name in record["representations"]}
        self.labels = {
            name: np.concatenate([t[f"label.{name}"] for t in tables]).astype(np.int64) for name in self.values
        }
        self.held_out = tables[0]["held_out"].astype(bool)
        self.layouts = {}
        for entry in record["layouts"]:
            key = Key(**entry["key"])
            points = _joined(f"layout.{key.name}", tables)
            numbers = entry["trustworthiness"], entry["continuity"]
            self.layouts[key.name] = Layout(key, points, self.count, *numbers)
        self._pixels = tables[0]["pixels.mean"], tables[0]["pixels.basis"].astype(np.float32)
        self._kept: dict[tuple, Any] = {}
        self._guard = threading.Lock()

    @classmethod
    def load(cls, folder: Path, families: bool = True) -> "LatentMap":
        """Read what the recipe wrote, or only its real pictures; FileNotFoundError if it is not there."""
        folder = Path(folder)
        record = json.loads((folder / "map.json").read_text())
        sources, start = [], 0
        for entry in record["sources"] if families else record["sources"][:1]:
            fields = {name: entry[name] for name in ("name", "title", "count", "columns", "side", "drawn_by")}
            sources.append(Source(start=start, thumbnails=folder / f"{entry['name']}.webp", **fields))
            start += entry["count"]
        tables = [load_file(folder / f"{source.name}.safetensors") for source in sources]
        return cls(record["data"], sources, tables, record)

    def __len__(self) -> int:
        return sum(source.count for source in self.sources)

    def source(self, name: str) -> Source:
        """The source of that name; ValueError with the names there are."""
        for source in self.sources:
            if source.name == name:
                return source
        raise ValueError(f"source must be one of {', '.join(s.name for s in self.sources)}, not {name!r}")

    def layout(self, key: Key = DEFAULT) -> Layout:
        """The layout that was made for ``key``.

        Raises:
            ValueError: naming what there is, if it was not made.
        """
        if key.name not in self.layouts:
            raise ValueError(f"there is no layout {key.name}; there are {', '.join(sorted(self.layouts))}")
        return self.layouts[key.name]

    def real(self, representation: str) -> np.ndarray:
        """The vectors (count, D) of the real pictures."""
        return self.vectors[representation][: self.count]

    # --- every place has a face

    def decode(self, x: float, y: float, key: Key = DEFAULT, z: float | None = None) -> Place:
        """What lives at (x, y), in the units of the layout: at a point its own code, elsewhere its neighbours' mixed.

        Real pictures alone are mixed, by `shepard` weights. Decode ``code`` with the VAE to see the face.
        """
        layout = self.layout(key)
        place = np.array([x, y] if z is None else [x, y, z], np.float64)
        if place.shape != (key.dimensions,) or not np.isfinite(place).all():
            raise ValueError(f"a place on {key.name} is {key.dimensions} finite numbers, not {place.tolist()}")
        distances = np.sqrt(np.square(layout.points[: self.count] - place).sum(1))
        near = smallest(distances, min(INTERPOLATED, self.count - 1) + 1)
        weights = shepard(distances[near][None])[0]
        near = near[:-1]
        code = torch.from_numpy((weights @ self.real("latent")[near]).astype(np.float32))
        trust = self._trust(layout, near, weights, float(distances[near[0]]))
        return Place(code, near, distances[near], weights, trust)

    def _trust(self, layout: Layout, near: np.ndarray, weights: np.ndarray, nearest: float) -> Trust:
        truth = self.real(layout.key.representation)
        shown = layout.points[: self.count]
        local = above_chance(local_trust(truth, shown, self._neighbours(), near))
        some = truth[near].astype(np.float64)
        spread = weights @ np.square(some - weights @ some).sum(1)
        whole = self._once(("variance", layout.key.representation), lambda: float(truth.var(0).sum()))
        agreement = max(0.0, 1 - float(spread) / whole)
        return Trust(float(weights @ local), agreement, 1 / (1 + (nearest / layout.spacing) ** 2))

    def mean_code(self, points: Sequence[int]) -> Tensor:
        """The mean VAE code (L,) of some points, at least one: decode it for the face of a selection."""
        points = np.asarray(points, np.int64)
        if points.ndim != 1 or not len(points) or points.min() < 0 or points.max() >= len(self):
            raise ValueError(f"points must be at least one number from 0 to {len(self) - 1}")
        return torch.from_numpy(self.vectors["latent"][points].mean(0))

    def road_on_map(self, a: int, b: int, frames: int, key: Key = DEFAULT) -> Road:
        """Straight on the map from point a to point b: every place decoded as it comes, both ends exact."""
        points, a, b = self.layout(key).points, self._point(a), self._point(b)
        steps = np.linspace(0, 1, frames)[:, None]
        places = (1 - steps) * points[a] + steps * points[b]
        met = [self.decode(*place[:2], key, *place[2:]) for place in places]
        codes = torch.stack([place.code for place in met])
        codes[0], codes[-1] = (torch.from_numpy(self.vectors["latent"][end]) for end in (a, b))
        return Road(codes, places.astype(np.float32), np.array([p.trust.value for p in met]), _length(codes))

    def road_in_latent(self, a: int, b: int, frames: int, key: Key = DEFAULT) -> Road:
        """Straight in latent space from a to b, and where that leads on the map.

        A code has no place on the map but that of its neighbours: `shepard` mixes the places of the real pictures
        whose codes are nearest. Trust is that of the place.
        """
        layout, a, b = self.layout(key), self._point(a), self._point(b)
        codes = torch.lerp(
            *(torch.from_numpy(self.vectors["latent"][end]) for end in (a, b)), torch.linspace(0, 1, frames)[:, None]
        )
        places = np.stack([self._mixed_place(code, "latent", layout) for code in codes.numpy()])
        places[0], places[-1] = layout.points[a], layout.points[b]
        trust = [self.decode(*place[:2].tolist(), key, *place[2:].tolist()).trust.value for place in places]
        return Road(codes, places, np.array(trust), _length(codes))

    # --- whom to believe

    def true_neighbours(self, point: int, k: int = NEIGHBOURS, representation: str = "latent") -> tuple:
        """The real pictures most like a point (of any source, itself left out): indices (k,) and distances (k,)."""
        vector = self.vectors[representation][self._point(point)]
        distances = np.sqrt(np.square(self.real(representation) - vector).sum(1))
        if point < self.count:
            distances[point] = np.inf
        near = smallest(distances, k)
        return near, distances[near]

    def distortion(self, key: Key = DEFAULT) -> Distortion:
        """Trust and continuity (count,) of every real point of a layout; about a second, then kept."""
        layout = self.layout(key)
        truth, shown = self.real(key.representation), layout.points[: self.count]
        return self._once(("distortion", key.name), lambda: distortion(truth, shown, self._neighbours()))

    def survival(self, representation: str = "latent") -> Survival:
        """What of every real point's neighbours at the default cell is there from every seed; seconds, then kept."""
        keys = (layout.key for layout in self.layouts.values())
        seeds = sorted(key.seed for key in keys if key == Key(representation, seed=key.seed))
        maps = [self.layout(Key(representation, seed=seed)).points[: self.count] for seed in seeds]
        return self._once(("survival", representation), lambda: survival(maps, self._neighbours()))

    def visit(self, family: str, representation: str = "features") -> Visit:
        """How a family covers the real pictures; "real" gives the floor, real pictures in the samples' place."""
        source = self.source(family)

        def measure() -> Visit:
            reference = self._once(("reference", representation), lambda: Reference(self.real(representation)))
            if source.name == REAL:
                return reference.floor()
            return reference.visit(self.vectors[representation][source.start : source.start + source.count])

        return self._once(("visit", family, representation), measure)

    def objective(self, key: Key = DEFAULT) -> umap.Objective:
        """What UMAP minimises, of a UMAP layout, over all pairs of real points; seconds, then kept."""
        shown = self._umap(key).points[: self.count]
        return self._once(("objective", key.name), lambda: umap.objective(shown, self.graph(key), key.min_dist))

    def ties(self, point: int, key: Key = DEFAULT) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What holds a real point of a UMAP layout: neighbours, p_ij, q_ij, each (m,), strongest first."""
        if not 0 <= point < self.count:
            raise ValueError(f"point must be from 0 to {self.count - 1}, a real picture, not {point}")
        return umap.ties(self._umap(key).points[: self.count], self.graph(key), key.min_dist, point)

    def graph(self, key: Key = DEFAULT) -> Any:
        """The strengths p_ij between real pictures, sparse (count, count), for the key's n_neighbors; then kept."""
        representation, k = key.representation, key.n_neighbors
        return self._once(("graph", representation, k), lambda: umap.graph(knn(self.real(representation), k), k))

    # --- you are here

    def read(self, pictures: Tensor, representation: str, vae: VAE, reader: Attributes) -> np.ndarray:
        """Pictures (N, 3, 64, 64) in a representation, float32 (N, D), with the networks that the map was made by."""
        with torch.inference_mode():
            if representation == "latent":
                return vae.encode(pictures).mean.numpy()
            if representation == "features":
                return reader.features(pictures).numpy()
            mean, basis = self._pixels
            return (raw_pixels(pictures) - mean) @ basis

    def project(
        self, picture: Tensor, vae: VAE, reader: Attributes, key: Key = DEFAULT, anew: bool = False
    ) -> Projection:
        """Put one new picture (3, 64, 64) on the map, with its true neighbours.

        On a UMAP layout it settles among its neighbours, who do not move. A picture that is on the map already lies
        where it lies, even if the map tore it away from its neighbours; with ``anew`` it is put down as though the
        map did not have it. The first time in a process umap-learn compiles itself, which takes seconds: see
        `models.latent_map_warmth`.
        """
        vector = self.read(picture[None], key.representation, vae, reader)[0]
        layout, truth = self.layout(key), self.real(key.representation)
        alone = self._alone(key.representation)
        nearest, distances = nearest_to(truth, vector, 1)
        known = int(nearest[0]) if distances[0] < SAME * np.median(alone) else None
        without = known if anew else None
        point = self.put(vector[None], layout, without)[0]
        k = self._neighbours()
        near, distances = nearest_to(truth, vector, k, without)
        drawn, _ = nearest_to(layout.points[: self.count], point, k, without)
        if without is None:
            trust = trust_of_stranger(truth, vector, drawn)
        else:
            trust = trust_of_stranger(np.delete(truth, without, 0), vector, drawn - (drawn > without))
        return Projection(
            point,
            near,
            distances,
            float(np.isin(near, drawn).mean()),
            float(above_chance(trust)),
            float((alone >= distances[0]).mean()),
            known,
        )

    def put(self, vectors: np.ndarray, layout: Layout, without: int | None = None) -> np.ndarray:
        """Places (m, d) on a layout for new vectors (m, D) of its representation, each as if it came alone.

        UMAP: see `place`; what is on the map already stays there. PCA is linear, so its places are computed. t-SNE has
        no place for what was not there when it was made: a new point lies at the `shepard` mean of its neighbours'
        places. ``without``: a real picture that is nobody's neighbour here.
        """
        key, truth = layout.key, self.real(layout.key.representation)
        if key.method == "umap":
            found = [nearest_to(truth, vector, key.n_neighbors, without) for vector in vectors]
            near, distances = (np.stack(table) for table in zip(*found, strict=True))
            shown = layout.points[: self.count]
            places = umap.place(near, distances, shown, key.min_dist)
            known = distances[:, 0] < SAME * np.median(self._alone(key.representation))
            return np.where(known[:, None], shown[near[:, 0]], places)
        if key.method == "pca":
            mean, matrix = self._once(("linear", key.name), lambda: _linear(truth, layout.points[: self.count]))
            return ((vectors - mean) @ matrix).astype(np.float32)
        return np.stack([self._mixed_place(vector, key.representation, layout, without) for vector in vectors])

    def _mixed_place(
        self, vector: np.ndarray, representation: str, layout: Layout, without: int | None = None
    ) -> np.ndarray:
        most = min(INTERPOLATED, self.count - 2)
        near, distances = nearest_to(self.real(representation), vector, most + 1, without)
        return (shepard(distances[None])[0] @ layout.points[near[:-1]]).astype(np.float32)

    # --- small things

    def _point(self, point: int) -> int:
        if not 0 <= point < len(self):
            raise ValueError(f"a point is a number from 0 to {len(self) - 1}, not {point}")
        return point

    def _alone(self, representation: str) -> np.ndarray:
        """How far every real picture is from the nearest other one, (count,)."""
        return self._once(("alone", representation), lambda: knn(self.real(representation), 2)[1][:, 1])

    def _neighbours(self) -> int:
        return min(NEIGHBOURS, (self.count - 1) // 2)

    def _umap(self, key: Key) -> Layout:
        if key.method != "umap":
            raise ValueError(f"only a UMAP layout has an objective like this, not {key.name}")
        return self.layout(key)

    def _once(self, name: tuple, compute: Callable[[], Any]) -> Any:
        """What ``compute`` gives, kept under ``name``. Two who ask at the same time may both compute it."""
        if name not in self._kept:
            found = compute()
            with self._guard:
                self._kept.setdefault(name, found)
        return self._kept[name]


def raw_pixels(pictures: Tensor) -> np.ndarray:
    """Pictures (N, 3, 64, 64) at half their size, as rows of 3,072 numbers in [-1, 1]."""
    return F.avg_pool2d(pictures, 2).flatten(1).numpy()


def _joined(name: str, tables: Sequence[dict[str, np.ndarray]]) -> np.ndarray:
    return np.concatenate([unpack(name, table) for table in tables])


def _linear(vectors: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The linear map that made places (n, d) of vectors (n, D), found again: mean (D,) and matrix (D, d)."""
    mean = vectors.mean(0, dtype=np.float64)
    return mean, np.linalg.lstsq(vectors - mean, places.astype(np.float64), rcond=1e-6)[0]


def _length(codes: Tensor) -> float:
    """How far it is along a road: the sum of the steps in code space."""
    return float(codes.diff(dim=0).norm(dim=1).sum())
