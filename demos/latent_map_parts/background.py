"""What takes longer than an answer may: computed in the background, one thing at a time, while the page asks again."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from demos.engine import Engine, Run
from demos.follow import Watch
from models import zoo
from models.latent_map import LatentMap
from models.latent_map_layouts import Key
from models.latent_map_trust import NEIGHBOURS, nearest_others

MEASURES = Engine(slots=1, kept=64)
FITS = Engine(slots=1)  # umap-learn's compiled code is entered by one thread at a time


def neighbours_shown(atlas: LatentMap, key: Key) -> np.ndarray:
    """The neighbours of every real picture on a layout, nearest first, int64 (count, k)."""
    k = min(NEIGHBOURS, (atlas.count - 1) // 2)
    return nearest_others(atlas.layout(key).points[: atlas.count], k)


@dataclass(frozen=True)
class Measure:
    """A question to the map of a set and its arguments: `neighbours_shown`, or a method of `LatentMap`.

    Its run has one record.
    """

    data: str
    method: str
    arguments: tuple[Any, ...] = ()

    @property
    def engine(self) -> Engine:
        """Who computes it."""
        return MEASURES

    def start(self) -> Iterator[Any]:
        """The answer."""
        atlas = zoo.latent_map(self.data)
        if self.method == neighbours_shown.__name__:
            yield neighbours_shown(atlas, *self.arguments)
        else:
            yield getattr(atlas, self.method)(*self.arguments)

    def run(self) -> Run:
        """The run of this question, begun if it was not."""
        return MEASURES.run(self, self.start, 1)


def answers(watch: Watch, questions: Sequence[Measure]) -> list[Any]:
    """What each of the questions was answered with; None where it is not known yet."""
    return [records[0] if records else None for records in watch.records] or [None] * len(questions)
