"""What a latent map answers with."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor


@dataclass(frozen=True)
class Source:
    """Where points come from: real pictures, or one generative family.

    Attributes:
        name, title: for the code, and for a reader.
        start, count: its points are ``start`` to ``start + count - 1``.
        thumbnails: an atlas of its pictures, ``columns`` to a row, each ``side`` pixels wide and high.
        drawn_by: whose pictures the thumbnails are, where they are not the thing itself; else "".
    """

    name: str
    title: str
    start: int
    count: int
    thumbnails: Path
    columns: int
    side: int
    drawn_by: str


@dataclass(frozen=True)
class Trust:
    """How far to believe a place on the map, 0 to 1: the product of three shares.

    Attributes:
        neighbours: whether the points around it truly belong together (`local_trust` above chance, interpolated).
        agreement: 1 - the variance of those points, as they are weighted here, over that of all real ones: near 0 if
            the place lies between pictures that have nothing in common.
        reach: 1 / (1 + (d / s)^2), d to the nearest point, s the map's typical spacing: near 0 far from everything.
    """

    neighbours: float
    agreement: float
    reach: float

    @property
    def value(self) -> float:
        """The product."""
        return self.neighbours * self.agreement * self.reach


@dataclass(frozen=True)
class Place:
    """A place on the map.

    Attributes:
        code: float32 (L,), for the VAE to decode.
        neighbours, distances, weights: the real pictures it is mixed from (k,), nearest first, how far they are on the
            map, and their shares.
        trust: how far to believe it.
    """

    code: Tensor
    neighbours: np.ndarray
    distances: np.ndarray
    weights: np.ndarray
    trust: Trust


@dataclass(frozen=True)
class Projection:
    """A new picture on the map.

    Attributes:
        point: float32 (d,).
        neighbours, distances: the real pictures most like it (k,), nearest first, and how far they are in truth.
        kept: share of them that are among its k neighbours on the map.
        trust: its own local trust, above chance, 0 to 1.
        alike: share of real pictures that are as far from their nearest other real one, or farther; 0: a stranger.
        known: the real picture that it is, or None if it is not on the map.
    """

    point: np.ndarray
    neighbours: np.ndarray
    distances: np.ndarray
    kept: float
    trust: float
    alike: float
    known: int | None


@dataclass(frozen=True)
class Road:
    """A way between two pictures: codes (frames, L), places (frames, d), trust (frames,), and its length in codes."""

    codes: Tensor
    places: np.ndarray
    trust: np.ndarray
    length: float
