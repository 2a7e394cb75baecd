"""The GAN recipe's second critic: what it learns, what it leaves alone, and that G hears of it."""

import pytest
import torch
from torch import nn

from models.training.eyes import Eyes, eyes_loss, fooled_loss


class Blocks(nn.Module):
    """A frozen network with two blocks, in VGG's place."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Conv2d(3, 8, 3, 1, 1), nn.Conv2d(8, 16, 3, 2, 1)
        self.requires_grad_(False)

    def forward(self, x):
        a = self.first(x).relu()
        return [a, self.second(a).relu()]


@pytest.fixture
def eyes() -> Eyes:
    torch.manual_seed(1)
    return Eyes(Blocks(), (8, 16))


def test_there_is_one_map_of_logits_for_every_block(eyes):
    assert [tuple(logits.shape) for logits in eyes(torch.zeros(2, 3, 64, 64))] == [(2, 1, 16, 16), (2, 1, 8, 8)]


def test_the_heads_learn_to_tell_stripes_from_grey_and_nothing_else_changes(eyes):
    stripes = torch.ones(4, 3, 64, 64)
    stripes[..., ::4] = -1.0
    grey = torch.zeros(4, 3, 64, 64)
    seeing = [weight.clone() for weight in eyes._vgg[0].parameters()]
    mixed = eyes.mixes[0].weight.clone()
    optimiser = torch.optim.Adam(eyes.learnt(), lr=1e-2, betas=(0.0, 0.99))
    before = float(eyes_loss(eyes(stripes), eyes(grey)))
    for _ in range(30):
        loss = eyes_loss(eyes(stripes), eyes(grey))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert float(eyes_loss(eyes(stripes), eyes(grey))) < 0.5 * before
    assert float(fooled_loss(eyes(stripes))) < float(fooled_loss(eyes(grey)))  # G is better off with stripes
    assert all(torch.equal(a, b) for a, b in zip(seeing, eyes._vgg[0].parameters(), strict=True))
    assert torch.equal(mixed, eyes.mixes[0].weight)


def test_the_generator_hears_of_it_through_the_frozen_network(eyes):
    x = torch.zeros(1, 3, 64, 64, requires_grad=True)
    fooled_loss(eyes(x)).backward()
    assert torch.isfinite(x.grad).all() and float(x.grad.abs().sum()) > 0


def test_the_frozen_network_is_not_part_of_what_is_saved(eyes):
    assert not [name for name in eyes.state_dict() if "vgg" in name]


def test_the_hinge_is_closed_where_both_are_far_enough():
    assert float(eyes_loss([torch.full((2, 1, 2, 2), 1.5)], [torch.full((2, 1, 2, 2), -1.5)])) == 0.0
    assert float(eyes_loss([torch.zeros(1, 1, 1, 1)], [torch.zeros(1, 1, 1, 1)])) == 2.0
