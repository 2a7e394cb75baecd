"""What a model that can be asked is told in training: pictures with their attributes, some of which are withheld.

One picture in ten comes without any condition and most others with only some of their attributes, so that one network
serves the prompt that names everything, the one that names a colour of hair, and guidance.
"""

import numpy as np
import torch
from torch import Tensor

from models import conditions
from models.training import data as datasets

UNCONDITIONAL = 0.1
"""Share of pictures that are shown without any condition."""
WHOLE = 0.4
"""Share of the others whose attributes are all told; each of the rest tells a random share of them."""


def wishes(pictures: datasets.Pictures) -> tuple[dict[str, tuple[str, ...]], Tensor]:
    """(vocabulary, what is known of each picture as positions, int64 (N, A)) of a set; of a bare folder its labels."""
    if pictures.data in ("toons", "portraits"):
        known = conditions.table(pictures.data, pictures.labels, pictures.measures)
        return conditions.vocabulary(pictures.data), torch.from_numpy(known)
    vocabulary = {name: tuple(values) for name, values in pictures.values.items()}
    columns = [pictures.labels[name] for name in vocabulary]
    known = np.stack(columns, 1) if columns else np.zeros((len(pictures), 0), np.int64)
    return vocabulary, torch.from_numpy(known)


def mirrored(vocabulary: dict[str, tuple[str, ...]], told: Tensor) -> Tensor:
    """Positions (N, A) as they are for the mirrored pictures: who looked left looks right."""
    told = told.clone()
    for name, values in conditions.MIRRORED.items():
        if name in vocabulary:
            column = list(vocabulary).index(name)
            turned = torch.tensor([vocabulary[name].index(value) for value in values] + [conditions.NOT_ASKED])
            told[:, column] = turned[told[:, column]]  # position -1, not asked, is the last entry
    return told


def forget(told: Tensor, source: torch.Generator) -> Tensor:
    """Positions (N, A) with some taken away: all in UNCONDITIONAL of the rows, a random share in most others."""
    count, attributes = told.shape
    fate, share = torch.rand(2, count, generator=source)
    share = torch.where(fate < UNCONDITIONAL, 1.0, torch.where(fate < UNCONDITIONAL + WHOLE, 0.0, share))
    gone = torch.rand(count, attributes, generator=source) < share[:, None]
    return torch.where(gone, conditions.NOT_ASKED, told)


def shown(
    pictures: datasets.Pictures,
    vocabulary: dict[str, tuple[str, ...]],
    known: Tensor,
    count: int,
    source: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """``count`` random pictures, half of the photographs mirrored, and what is told of them.

    Returns (float32 (count, 3, 64, 64), positions int64 (count, A)); ``known`` is what :func:`wishes` returned.
    """
    chosen = torch.randint(len(pictures), (count,), generator=source).numpy()
    x, told = pictures.tensor(chosen), known[chosen]
    if pictures.data != "toons":  # a drawing winks with one eye: its mirror image is not in the set
        flipped = torch.rand(count, generator=source) < 0.5
        x = torch.where(flipped[:, None, None, None], x.flip(3), x)
        told = torch.where(flipped[:, None], mirrored(vocabulary, told), told)
    return x, forget(told, source)
