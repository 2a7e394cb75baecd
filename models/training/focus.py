"""Where in a picture the attributes show, so that a network which is asked for them learns there with more care.

A mouth of a drawing is sixty of 4,096 pixels. In a plain mean of squares what it looks like weighs next to nothing, and
a network of a few million weights spends itself on outlines and hair before it listens to what was asked of the mouth.
Every pixel's own best guess is the same however the pixels are weighed, the mean of what it may be: least squares with
weights still learns v, it only decides what is learnt first and best when neither time nor weights are plenty.
"""

from collections.abc import Collection

import torch
from torch import Tensor

from models.training import data as datasets

SEEN = 2000
"""Pictures that the places are measured on, at most."""


def places(pictures: datasets.Pictures, known: Tensor) -> Tensor:
    """How much of the attributes shows at every pixel: (64, 64), mean 1, each attribute with the same share of it.

    Of each attribute counts the variance between its values: how far the mean pictures of those who are told apart by
    it (``known``, positions int64 (N, A), negative: not known) lie from the mean of all. All ones without attributes.
    """
    few = slice(0, min(SEEN, len(pictures)))
    x, known = pictures.tensor(few), known[few]
    maps = [torch.ones(x.shape[2:])] if known.shape[1] == 0 else [_variance(x, column) for column in known.unbind(1)]
    shown = torch.stack([one / one.mean() if one.any() else torch.ones_like(one) for one in maps])
    return shown.mean(0)


def _variance(x: Tensor, values: Tensor) -> Tensor:
    """Between the mean pictures of each value, weighed by how many have it, summed over colours: (H, W)."""
    total, mean = torch.zeros(x.shape[2:]), x[values >= 0].mean(0)
    for value in values[values >= 0].unique():
        mine = x[values == value]
        total += len(mine) * (mine.mean(0) - mean).square().sum(0)
    return total


def weights(
    pictures: datasets.Pictures,
    vocabulary: Collection[str],
    known: Tensor,
    share: float,
    chosen: Collection[str] = (),
) -> Tensor:
    """Weights of the pixels, (64, 64), mean 1: ``share`` of them goes where attributes show, the rest everywhere.

    Args:
        vocabulary: the names of the attributes, in the order of the columns of ``known``.
        chosen: the attributes that count; all if there are none.

    Raises:
        ValueError: for a share outside of 0 to 1, or an attribute that is not in the vocabulary.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"the share must be between 0 and 1, not {share}")
    if strangers := set(chosen) - set(vocabulary):
        raise ValueError(f"{', '.join(sorted(strangers))}: not among {', '.join(vocabulary)}")
    columns = [i for i, name in enumerate(vocabulary) if not chosen or name in chosen]
    return 1 - share + share * places(pictures, known[:, columns])
