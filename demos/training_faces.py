"""The training pictures that made ones resemble most, and how they can be shown though they are not shipped."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from models import threads, zoo


@dataclass(frozen=True)
class Match:
    """One training picture that a made picture resembles.

    index: its number among the training pictures. distance: in attribute features, 0..2. mirrored: the made picture
    resembles its mirror image, which was learnt from, too.
    """

    index: int
    distance: float
    mirrored: bool


@torch.inference_mode()
def matches(data: str, x: Tensor, k: int) -> list[list[Match]]:
    """The k training pictures of a set nearest to each of ``x`` (N, 3, 64, 64), nearest first.

    Photographs are also learnt mirrored, so there a picture is as near as the nearer of itself and its mirror image.
    ValueError for a k that is not 1 to the number of training pictures.
    """
    views = x if data == "toons" else torch.cat([x, x.flip(3)])
    with threads.for_batch(len(views)):
        indices, distances = zoo.neighbours(data).nearest(zoo.attributes(data).features(views), k)
    found: list[dict[int, Match]] = [{} for _ in x]
    for view, (row, near) in enumerate(zip(indices.tolist(), distances.tolist(), strict=True)):
        mirrored, i = divmod(view, len(x))
        for index, distance in zip(row, near, strict=True):
            if index not in found[i] or distance < found[i][index].distance:
                found[i][index] = Match(index, distance, bool(mirrored))
    return [sorted(one.values(), key=lambda match: match.distance)[:k] for one in found]


@torch.inference_mode()
def drawings(data: str, found: Sequence[Match]) -> Tensor:
    """Those training pictures as the beta = 0 VAE draws them from their shipped codes, (N, 3, 64, 64)."""
    codes = zoo.neighbours(data).codes[[match.index for match in found]]
    with threads.for_batch(len(codes)):
        drawn = zoo.vae(data, 0.0).decode(codes).clamp(-1, 1)
    return torch.stack([x.flip(2) if match.mirrored else x for x, match in zip(drawn, found, strict=True)])
