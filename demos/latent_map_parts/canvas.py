"""What the parts of the map tab put on their boards: places in common units, thumbnails, and colours.

A board's unit is the root mean square distance of a real picture from the middle (`Layout.scale`), whatever the method:
so a place stays about where it was when one layout becomes another.
"""

from typing import Any

import numpy as np

from demos.latent_map_parts.scene import Scene
from demos.widgets.map_board import MapBoard
from models.latent_map import LatentMap
from models.latent_map_layouts import Layout


def points(layout: Layout) -> dict[str, Any]:
    """The points of a layout as a board takes them."""
    return MapBoard.points(layout.points / layout.scale)


def thumbs(atlas: LatentMap) -> list[dict[str, Any]]:
    """The atlases of a map, by addresses relative to the page: `stage.launch` serves the folder of the maps there."""
    return [
        {
            "url": f"maps/{source.thumbnails.parent.name}/{source.thumbnails.name}",
            "columns": source.columns,
            "side": source.side,
            "start": source.start,
            "count": source.count,
        }
        for source in atlas.sources
    ]


def to_layout(layout: Layout, place: Any) -> list[float]:
    """A place of the board in the units of the layout."""
    return (np.asarray(place, np.float64) * layout.scale).tolist()


def to_board(layout: Layout, place: Any) -> list[float]:
    """A place of the layout, or many (n, d), in the units of the board, as plain numbers."""
    return np.round(np.asarray(place, np.float64) / layout.scale, 5).tolist()


def board(scene: Scene, **more: Any) -> dict[str, Any]:
    """A board with everything on it, and all that may be left out named; ``more`` replaces and adds."""
    nothing = dict.fromkeys(("shown", "selection", "marks", "lines", "roads", "hull", "card", "camera"))
    return {
        "name": scene.data,
        "points": points(scene.layout),
        "thumbs": thumbs(scene.atlas),
        "source": "laid out beforehand, decoded now",
        **nothing,
        **more,
    }
