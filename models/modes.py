"""How many kinds of toons a generator still draws.

A mode is one combination of skin, hair style and hair colour, three factors that are drawn independently; the attribute
network reads them off a picture. A generator that has collapsed draws few of them, whatever its single pictures look
like. Some pairs of values are held out of the training split on purpose, so a good generator may show more modes than
it has ever seen.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor

from models.attributes import Attributes, names

FACTORS = ("skin", "hair_style", "hair_color")


def total() -> int:
    """Number of modes: the product of the factors' values."""
    values = names("toons")
    return math.prod(len(values[name]) for name in FACTORS)


def number(values: Mapping[str, Tensor]) -> Tensor:
    """Positions (N,) in the values of every factor of a mode -> the mode, int64 (N,), 0..total() - 1."""
    sizes = names("toons")
    mode = torch.zeros_like(torch.as_tensor(values[FACTORS[0]]))
    for name in FACTORS:
        mode = mode * len(sizes[name]) + torch.as_tensor(values[name])
    return mode


@torch.no_grad()
def read(reader: Attributes, pictures: Tensor) -> Tensor:
    """The mode of every toon: pictures (N, 3, 64, 64) -> int64 (N,)."""
    found = [number({name: p.argmax(1) for name, p in reader.read(part).items()}) for part in pictures.split(100)]
    return torch.cat(found)


def count(modes: Tensor) -> int:
    """How many different modes occur at least once: modes (N,) -> 0..total()."""
    return len(modes.unique())
