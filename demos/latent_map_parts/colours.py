"""What the points of a map can be coloured by, and which of them a search leaves."""

from typing import Any

import numpy as np

from demos.common import named_label
from demos.latent_map_parts.scene import Scene
from demos.stage.state import Choice
from demos.widgets.map_board import MapBoard
from models import attributes, prompts, zoo
from models.latent_map import LatentMap
from models.latent_map_layouts import Layout

CROWD = 15  # density: how far it is to so many-th nearest point on the map
BESIDES = {
    "none": "Nothing",
    "source": "Source",
    "held_out": "Held out",
    "density": "Density on the map",
    "trust": "Trust",
}
LABELS = {name: None for data in zoo.DATA_SETS for name in attributes.names(data)}
PALETTES = {  # of labels that are colours: as the drawings have them, and of the portraits' hair
    ("toons", "skin"): "fde4d6 f2be97 d6a469 b4774e 8a563b 623d2f",
    ("toons", "hair_color"): "1d1b22 532c14 ecc463 d2521e dcdde3 3b6fe0 f06ba8",
    ("toons", "clothes_color"): "243b78 d63a3f 2b9660 f2b22e 7d4cc2 f6f4ef 3d4149 5cb8ee",
    ("toons", "background"): "a5d5f7 a9e5c4 fbe88f ffb3a1 cbb8f3 f6efe2 58b6b0",
    ("portraits", "hair_color"): "3a2a22 8a5a34 e3bd62 9aa3ad eceef2",
}
PARAM = Choice("colour", (*LABELS, *BESIDES), "hair_color")


def chosen(scene: Scene) -> str:
    """What the points are coloured by: their source, where this map has no such label."""
    name = scene.state["colour"]
    return name if name in BESIDES or name in scene.atlas.labels else "source"


def options(atlas: LatentMap) -> list[dict[str, str]]:
    """The entries of the choice, for this map."""
    labels = [{"value": name, "label": named_label(name)} for name in atlas.labels]
    return [*labels, *({"value": name, "label": words} for name, words in BESIDES.items())]


def classes(atlas: LatentMap, name: str) -> tuple[np.ndarray, list[str], str] | None:
    """Class of each point (N,), -1 where unknown, the classes' names and what they are; None if it is not a class."""
    if name == "source":
        kinds = np.repeat(np.arange(len(atlas.sources)), [source.count for source in atlas.sources])
        return kinds, [source.title for source in atlas.sources], "Source"
    if name == "held_out":
        beyond = np.full(len(atlas) - atlas.count, -1)
        return np.concatenate([atlas.held_out.astype(int), beyond]), ["learnt from", "held out"], "The models"
    if name in atlas.labels:
        words = [word.replace("_", " ") for word in atlas.values[name]]
        return atlas.labels[name], words, named_label(name)
    return None


def palette(data: str, name: str, count: int) -> list[str] | None:
    """The colours that the values of a label are themselves; None if they are no colours."""
    own = [f"#{colour}" for colour in PALETTES.get((data, name), "").split()]
    return own if own and len(own) == count else None


def value(scene: Scene) -> dict[str, Any] | None:
    """The colours of the board."""
    atlas, name = scene.atlas, chosen(scene)
    known = classes(atlas, name)
    if known:
        off = [k for k in scene.state["off"] if k < len(known[1])]
        return MapBoard.classes(*known, off, palette(scene.data, name, len(known[1])))
    if name == "density":
        return MapBoard.amounts(density(scene.layout), "Density on the map", "alone", "crowded")
    if name == "trust":
        trust = np.full(len(atlas), np.nan)
        trust[: atlas.count] = atlas.distortion(scene.layout.key).trust
        return MapBoard.amounts(trust, "Trust in a point's neighbours", "torn apart", "kept", (0.5, 1.0))
    return None


def density(layout: Layout) -> np.ndarray:
    """How crowded it is around each point of a layout (N,): its rank by the distance to its 15th nearest, 0 to 1."""
    from scipy.spatial import cKDTree

    k = min(CROWD, len(layout.points) - 1)
    far = cKDTree(layout.points).query(layout.points, k + 1)[0][:, k]
    return 1 - far.argsort().argsort() / max(1, len(far) - 1)


def visible(scene: Scene) -> np.ndarray:
    """Which points are shown: those that the search leaves and the legend does not hide, bool (N,)."""
    known = classes(scene.atlas, chosen(scene))
    shown = np.ones(len(scene.atlas), bool) if known is None else ~np.isin(known[0], scene.state["off"])
    left = found(scene)
    return shown if left is None else shown & left


def asked(scene: Scene) -> tuple[dict[str, str], list[str]]:
    """What the search asks for: {label: value} of this map, and the names of labels that this map has not."""
    wanted = prompts.parse(scene.data, scene.state["search"]).attributes
    known = {name: word for name, word in wanted.items() if name in scene.atlas.labels}
    return known, [name for name in wanted if name not in known]


def found(scene: Scene) -> np.ndarray | None:
    """Which points the search leaves, bool (N,); None if it asks for nothing."""
    wanted, _ = asked(scene)
    if not wanted:
        return None
    atlas = scene.atlas
    return np.logical_and.reduce(
        [atlas.labels[name] == atlas.values[name].index(word) for name, word in wanted.items()]
    )
