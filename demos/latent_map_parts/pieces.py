"""What several parts of the map tab need: who a click meant, faces for points, a flat layout, rail items."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from demos.common import named_label
from demos.follow import Watch
from demos.latent_map_parts import colours
from demos.latent_map_parts.scene import Scene
from demos.latent_map_parts.spots import source_of
from demos.uploads import to_tensor
from demos.widgets.map_board import MapBoard
from models import threads
from models.latent_map import LatentMap
from models.latent_map_layouts import METHODS, REPRESENTATIONS
from models.latent_map_trust import smallest
from models.latent_map_warmth import WARMTH

MOST_POINTS = 65_535
METHOD_NAMES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}
REPRESENTATION_NAMES = {"latent": "latent", "features": "features", "pixels": "pixels"}
MEASURING = "Measuring…"
TELLING = ("background", "hair_color", "headwear", "eyeglasses")  # labels that a newcomer sees at once


def flat(scene: Scene) -> Scene:
    """The same in the plane: what a part draws between points, a board shows in two dimensions only."""
    return Scene({**scene.state, "solid": False})


def chosen(scene: Scene, name: str) -> int:
    """The point that a parameter names: another set may have fewer points, so the count starts over at the end."""
    return scene.state[name] % len(scene.atlas)


def picked(scene: Scene, value: Any, real: bool = False) -> int:
    """The point of a board's click: the one under the hand, or else the nearest to its place; ``real`` ones only.

    Raises:
        ValueError: for what no board sends.
    """
    layout = scene.layout
    count = layout.real if real else len(layout.points)
    point, place = (value.get("point"), value.get("place")) if isinstance(value, dict) else (None, None)
    if isinstance(point, int) and not isinstance(point, bool) and 0 <= point < count:
        return point
    numbers = isinstance(place, list) and len(place) == 2
    if not numbers or not all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) < 1e6 for v in place):
        raise ValueError("Click on a point of the map.")
    there = np.asarray(place, np.float64) * layout.scale
    return int(smallest(np.square(layout.points[:count] - there).sum(1), 1)[0])


def decoded(scene: Scene, codes: Tensor | np.ndarray) -> Tensor:
    """The faces of VAE codes (N, L), (N, 3, 64, 64)."""
    with torch.inference_mode(), threads.for_batch(len(codes)):
        return scene.vae.decode(torch.as_tensor(codes)).clamp(-1, 1)


def small_faces(atlas: LatentMap, points: Sequence[int]) -> Tensor:
    """The thumbnails of some points, (N, 3, side, side) in [-1, 1]; of one source, or of several with one side."""
    cut = []
    for point in points:
        source = source_of(atlas, point)
        row, column = divmod(point - source.start, source.columns)
        side = source.side
        cut.append(_opened(source.thumbnails)[row * side : (row + 1) * side, column * side : (column + 1) * side])
    return torch.cat([to_tensor(one) for one in cut])


@lru_cache(maxsize=12)
def _opened(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def named(atlas: LatentMap, point: int) -> str:
    """``drawing 17`` or ``GAN, sample 3``: never who a photograph shows."""
    source = source_of(atlas, point)
    kind = {"toons": "drawing", "portraits": "portrait"}[atlas.data]
    return f"{kind} {point}" if source.start == 0 else f"{source.title}, sample {point - source.start}"


def layout_title(scene: Scene) -> str:
    """``UMAP of latent, n_neighbors 15, min_dist 0.1, seed 0``: which layout is shown."""
    key = scene.layout.key
    knobs = f", n_neighbors {key.n_neighbors}, min_dist {key.min_dist:g}, seed {key.seed}"
    return f"{METHOD_NAMES[key.method]} of {key.representation}{knobs if key.method == 'umap' else ''}"


def waiting(watch: Watch, begun: bool) -> str:
    """What is said while a fit is on: how far it is, why it has not begun, or that it was stopped."""
    if watch.failed or begun or watch.stopped or WARMTH.state == "warm":
        return watch.words or "Stopped before the first step."
    return "UMAP compiles itself first: once, some twenty seconds."


def choice(name: str, label: str, options: dict[Any, str], value: Any) -> dict[str, Any]:
    """A choice of the rail; options are {value: label}."""
    listed = [{"value": key, "label": words} for key, words in options.items()]
    return {"kind": "choice", "name": name, "label": label, "options": listed, "value": value}


def representation_choice(scene: Scene) -> dict[str, Any]:
    """What the map is made from."""
    options = {name: REPRESENTATION_NAMES[name] for name in REPRESENTATIONS}
    return choice("representation", "Made from", options, scene.state["representation"])


def method_choice(scene: Scene) -> dict[str, Any]:
    """By what it is laid out."""
    return choice("method", "Laid out by", {name: METHOD_NAMES[name] for name in METHODS}, scene.state["method"])


def label_words(label: str) -> str:
    """``hair colour`` for ``hair_color``, as it stands inside a sentence."""
    words = named_label(label)
    return words[0].lower() + words[1:]


def label_shown(scene: Scene) -> str:
    """The label that points are coloured by: that of the whole tab, or a telling one where it is none of this set's."""
    known = scene.atlas.values
    return next((name for name in (scene.state["colour"], *TELLING) if name in known), next(iter(known)))


def label_choice(scene: Scene) -> dict[str, Any]:
    """What the points are coloured by."""
    options = {name: named_label(name) for name in scene.atlas.values}
    return choice("colour", "Coloured by", options, label_shown(scene))


def colours_by_label(scene: Scene, ids: np.ndarray | None = None) -> dict[str, Any]:
    """The colours of all points, or of those with these ids, by the label shown."""
    name = label_shown(scene)
    of_points, names, label = colours.classes(scene.atlas, name)
    palette = colours.palette(scene.data, name, len(names))
    return MapBoard.classes(of_points if ids is None else of_points[ids], names, label, palette=palette)


def button(name: str, label: str, primary: bool = False) -> dict[str, Any]:
    """A button of the rail."""
    return {"kind": "button", "name": name, "label": label, "primary": primary}


def meter(label: str, value: float | None, text: str, meaning: str, most: float = 1.0, **more: Any) -> dict[str, Any]:
    """One number of a Meter; None while it is being measured."""
    if value is None or not math.isfinite(value):
        return {"label": label, "value": 0, "max": most, "text": "…", "meaning": MEASURING}
    return {"label": label, "value": value, "max": most, "text": text, "meaning": meaning, **more}


def share_meter(label: str, value: float | None, meaning: str, **more: Any) -> dict[str, Any]:
    """A number from 0 to 1 with three digits."""
    return meter(label, value, "" if value is None else f"{value:.3f}", meaning, **more)


def plain(scene: Scene, **changes: Any) -> Scene:
    """The same with some of its state changed."""
    return replace(scene, state={**scene.state, **changes})
