"""The named endpoints of the map, for ``gradio_client``, notebooks and agents: the same functions the tab calls."""

import math
from typing import Any

import torch

from demos.checks import a_picture, one_of, shown
from demos.describe import describe
from demos.widgets.picture import encode
from models import pictures, zoo
from models.latent_map_layouts import METHODS, MIN_DIST, N_NEIGHBORS, Key, Layout

FARTHEST = 1e6  # places farther off count as there: trust is gone long before, and squares stay finite


def map_points(data: str, method: str = "umap", n_neighbors: int = 15, min_dist: float = 0.1) -> dict[str, Any]:
    """Every point of a map of latent space: real pictures first, then the samples of each generative family.

    Args:
        data: "portraits" or "toons".
        method: "umap", "tsne" or "pca"; the last two ignore the knobs.
        n_neighbors: one of ``describe``'s map_grid.
        min_dist: one of ``describe``'s map_grid.

    Returns:
        x and y, in the units of the layout; source (of each point); labels {name: [value of each point or null]}, of
        samples what the attribute network reads; trustworthiness and continuity of the real points, 0 to 1.
    """
    layout = _layout(data, method, n_neighbors, min_dist)
    atlas = zoo.latent_map(data)
    values = {name: [*words, None] for name, words in atlas.values.items()}  # -1, unknown, is the last
    return {
        "x": [round(float(x), 4) for x in layout.points[:, 0]],
        "y": [round(float(y), 4) for y in layout.points[:, 1]],
        "source": [source.name for source in atlas.sources for _ in range(source.count)],
        "labels": {name: [values[name][k] for k in row] for name, row in atlas.labels.items()},
        "trustworthiness": layout.trustworthiness,
        "continuity": layout.continuity,
    }


@torch.inference_mode()
def map_decode(data: str, x: float, y: float) -> dict[str, Any]:
    """Decode any place of the map that ``map_points`` gives by default, also between the points and far from all.

    Args:
        data: "portraits" or "toons".
        x: a finite number, in the units of the layout.
        y: the same.

    Returns:
        image (data URI of 64x64), neighbours [{index, distance}] (the real pictures it is mixed from, nearest on the
        map first) and trust (0 to 1; near 0 far from everything).
    """
    zoo.check_data(data)
    place = zoo.latent_map(data).decode(_coordinate("x", x), _coordinate("y", y))
    return {
        "image": encode(zoo.vae(data).decode(place.code[None])[0], "png"),
        "neighbours": _neighbours(place.neighbours, place.distances),
        "trust": place.trust.value,
    }


@torch.inference_mode()
def map_project(data: str, image: str) -> dict[str, Any]:
    """Put a new picture on the map that ``map_points`` gives by default.

    Args:
        data: "portraits" or "toons".
        image: data URI of a picture of at most 8 MB; a square of at most 128 pixels is taken whole, others are
            cropped as the portraits were.

    Returns:
        x and y, in the units of the layout; neighbours [{index, distance}] (the real pictures with the nearest codes,
        nearest first); trust (0 to 1). The first call of a process takes some twenty seconds: umap compiles itself.
    """
    zoo.check_data(data)
    pixels = a_picture("image", image).pixels
    picture = pictures.apply_crop(pixels, pictures.crop_for(pixels))
    found = zoo.latent_map(data).project(picture, zoo.vae(data), zoo.attributes(data))
    return {
        "x": float(found.point[0]),
        "y": float(found.point[1]),
        "neighbours": _neighbours(found.neighbours, found.distances),
        "trust": found.trust,
    }


def _layout(data: object, method: object, n_neighbors: object, min_dist: object) -> Layout:
    zoo.check_data(data)
    key = Key(method=one_of("method", method, METHODS))
    if key.method == "umap":
        knobs = one_of("n_neighbors", n_neighbors, N_NEIGHBORS), one_of("min_dist", min_dist, MIN_DIST)
        key = Key("latent", "umap", int(knobs[0]), float(knobs[1]))
    return zoo.latent_map(data).layout(key)


def _coordinate(name: str, value: object) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{name} must be a finite number, not {shown(value)}")
    return float(max(-FARTHEST, min(FARTHEST, value)))


def _neighbours(indices: Any, distances: Any) -> list[dict[str, Any]]:
    pairs = zip(indices, distances, strict=True)
    return [{"index": int(index), "distance": float(distance)} for index, distance in pairs]


ENDPOINTS = (describe, map_points, map_decode, map_project)
