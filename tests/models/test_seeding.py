"""Random numbers belong to the item, not to its batch."""

import numpy as np
import pytest
import torch

from models import seeding


def test_an_item_is_the_same_alone_and_in_a_batch():
    batch = seeding.normal(7, 5, (3, 4))
    assert batch.shape == (5, 3, 4) and batch.dtype == torch.float32
    for i in range(5):
        assert torch.equal(seeding.normal(7, 1, (3, 4), start=i)[0], batch[i])
    assert torch.equal(seeding.normal(7, 2, (3, 4), start=2), batch[2:4])


def test_the_numbers_are_those_of_the_seed_sequence_and_stay_so_after_a_restart():
    expected = np.random.default_rng(np.random.SeedSequence([7, 3])).standard_normal(2, dtype=np.float32)
    assert np.array_equal(seeding.normal(7, 1, (2,), start=3)[0].numpy(), expected)
    known = torch.tensor([1.5219693183898926, -1.1441057920455933, 1.150161623954773])
    assert torch.equal(seeding.normal(7, 1, (3,))[0], known)


def test_items_and_seeds_differ_and_the_numbers_are_standard_normal():
    numbers = seeding.normal(1, 400, (64,))
    assert len({tuple(row.tolist()) for row in numbers}) == 400
    assert not torch.equal(seeding.normal(2, 1, (64,)), numbers[:1])
    assert abs(numbers.mean()) < 0.03 and abs(numbers.std() - 1) < 0.03


def test_the_global_generators_are_neither_read_nor_moved():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = seeding.normal(7, 2, (8,))
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(1)
    assert torch.equal(seeding.normal(7, 2, (8,)), first)


def test_no_items_is_an_empty_batch():
    assert seeding.normal(7, 0, (64,)).shape == (0, 64)


@pytest.mark.parametrize(("seed", "item"), [(-1, 0), (0, -1)])
def test_negative_seeds_and_items_are_refused(seed, item):
    with pytest.raises(ValueError, match="at least 0"):
        seeding.generator(seed, item)
