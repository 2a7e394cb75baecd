"""Where attributes show, and that weighing a loss by it neither adds nor takes."""

import numpy as np
import pytest
import torch

from models.training import focus
from models.training.data import Pictures

GENERATOR = np.random.default_rng(0)
NAMES = ["large", "small", "none"]


def pictures(count: int = 64) -> tuple[Pictures, torch.Tensor]:
    """Grey noise; the first attribute paints a large square, the second a small one, the third nothing at all."""
    known = np.arange(count)[:, None] // [1, 2, 4] % 2  # independent of one another
    images = GENERATOR.integers(100, 110, (count, 64, 64, 3), np.uint8)
    images[known[:, 0] == 1, 0:32, 0:32] = 250
    images[known[:, 1] == 1, 50:54, 40:44] = 250
    return Pictures("made", "train", images, np.arange(count)), torch.from_numpy(known)


def test_every_attribute_has_its_share_however_small_it_is_drawn():
    x, known = pictures()
    found = focus.places(x, known[:, :2])
    large, small = found[0:32, 0:32].sum(), found[50:54, 40:44].sum()
    assert float(found.mean()) == pytest.approx(1, abs=1e-5)
    assert float(large / small) == pytest.approx(1, rel=0.1)
    assert float(large + small) > 0.95 * 64 * 64


def test_a_picture_whose_attribute_is_not_known_counts_for_nothing():
    x, known = pictures()
    hidden = known.clone()
    hidden[:, 0] = -1
    assert float(focus.places(x, hidden[:, :1]).std()) == 0  # nothing is known: every place is as good
    known[:8, 1] = -1
    assert focus.places(x, known[:, 1:2])[52, 42] > 100


def test_without_attributes_every_place_counts_the_same():
    x, known = pictures()
    assert torch.equal(focus.places(x, known[:, :0]), torch.ones(64, 64))


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_weights_mean_one_and_the_share_is_what_was_asked(share):
    x, known = pictures()
    found = focus.weights(x, ["large", "small"], known[:, :2], share)
    assert float(found.mean()) == pytest.approx(1, abs=1e-5)
    assert float(found[40, 10]) == pytest.approx(1 - share, abs=0.05)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_none_is_refused(share):
    x, known = pictures()
    with pytest.raises(ValueError, match="between 0 and 1"):
        focus.weights(x, NAMES, known, share)


def test_some_attributes_can_be_chosen_and_no_others_count():
    x, known = pictures()
    found = focus.weights(x, NAMES, known, 1.0, ["small"])
    assert float(found[50:54, 40:44].sum()) > 0.95 * 64 * 64 > 20 * float(found[0:32, 0:32].sum())
    with pytest.raises(ValueError, match="nose: not among large, small, none"):
        focus.weights(x, NAMES, known, 1.0, ["small", "nose"])
