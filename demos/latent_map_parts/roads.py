"""Two roads between two points of a map, walked in the background: their places, their faces, and what changes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from demos.engine import Engine, Run
from demos.latent_map_parts import pieces
from demos.latent_map_parts.background import MEASURES
from demos.latent_map_parts.scene import Scene
from demos.widgets.picture import encode, sheet
from models import conditions, zoo
from models.latent_map_layouts import Key
from models.latent_map_records import Road

FRAMES = 31
COLUMNS = 20


@dataclass(frozen=True)
class Walked:
    """Both roads, straight on the map and straight in latent space.

    atlas: their faces, frame by frame. changes: how often an attribute, as the network reads it, changes on each road.
    differ: in how many of ``attributes`` the ends differ.
    """

    roads: tuple[Road, Road]
    atlas: str
    changes: tuple[int, int]
    differ: int
    attributes: int


@dataclass(frozen=True)
class Walk:
    """The question for both roads from point a to point b of a layout. Its run has one record, a `Walked`."""

    data: str
    a: int
    b: int
    key: Key

    @property
    def engine(self) -> Engine:
        """Who computes it."""
        return MEASURES

    @cached_property
    def roads(self) -> tuple[Road, Road]:
        """Both roads."""
        atlas, ends = zoo.latent_map(self.data), (self.a, self.b, FRAMES, self.key)
        return atlas.road_on_map(*ends), atlas.road_in_latent(*ends)

    def pictures(self) -> Tensor:
        """The faces of both roads, frame by frame, (2 FRAMES, 3, 64, 64)."""
        codes = torch.stack([road.codes for road in self.roads], 1).flatten(0, 1)
        return pieces.decoded(Scene({"data": self.data}), codes)

    def start(self) -> Iterator[Walked]:
        """Both roads with their faces."""
        pictures = self.pictures()
        with torch.inference_mode():
            read = conditions.read(zoo.attributes(self.data), pictures)
        best = torch.stack([shares.argmax(1) for shares in read.values()], 1).unflatten(0, (FRAMES, 2))
        on_map, in_latent = (best[1:] != best[:-1]).sum((0, 2)).tolist()
        differ = int((best[0, 0] != best[-1, 0]).sum())
        yield Walked(self.roads, encode(sheet(pictures, COLUMNS)), (on_map, in_latent), differ, len(read))

    def run(self) -> Run:
        """The run of this question, begun if it was not."""
        return MEASURES.run(self, self.start, 1)
