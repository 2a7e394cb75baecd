"""models/training/grow.py: growing changes nothing while a new size comes in, and nothing is left of it after."""

import pytest
import torch

from models import gan
from models.training import grow
from models.training.grow import GROWN, Stage


@pytest.fixture(scope="module")
def networks() -> tuple[gan.Generator, gan.Discriminator, grow.Entrances]:
    torch.manual_seed(0)
    config = gan.GANConfig(latent_size=8, style_size=16, widths=(16, 12, 8, 8, 8), critic_widths=(8, 8, 12, 16))
    parts = gan.Generator(config), gan.Discriminator(config), grow.Entrances(config)
    return tuple(part.eval().requires_grad_(False) for part in parts)


def styles(generator: gan.Generator, count: int = 3):
    z = torch.randn(count, 8, generator=torch.Generator().manual_seed(1))
    return generator.style(z)[:, None].expand(-1, generator.layers, -1)


def test_the_stages_cover_the_budget_and_end_full_grown():
    seen = [grow.stage(k / 1000) for k in range(1001)]
    assert list(dict.fromkeys(s.size for s in seen)) == [16, 32, 64]
    assert seen[0] == Stage(16, 4, 1.0) and seen[-1] == GROWN
    assert all(0 <= s.fade <= 1 for s in seen)
    for begin, size, _ in grow.STAGES[1:]:
        assert grow.stage(begin) == Stage(size, grow.stage(begin).batch, 0.0)
        assert grow.stage(begin + grow.FADE / 2).fade == pytest.approx(0.5)
        assert grow.stage(begin + grow.FADE).fade == pytest.approx(1.0)


def test_shrinking_takes_means():
    x = torch.arange(64.0).reshape(1, 1, 1, 64).expand(1, 3, 64, 64)
    assert torch.equal(grow.shrink(x, 64), x)
    assert grow.shrink(x, 16)[0, 0, 0].tolist() == [1.5 + 4 * k for k in range(16)]


def test_full_grown_networks_are_the_shipped_ones(networks):
    generator, discriminator, entrances = networks
    made = grow.synthesis(generator, styles(generator), GROWN)
    assert torch.equal(made, generator.synthesis(styles(generator)))
    assert torch.allclose(entrances(discriminator, made, GROWN), discriminator(made))


@pytest.mark.parametrize("size", [32, 64])
def test_a_new_size_begins_as_the_old_one_enlarged(networks, size):
    generator, discriminator, entrances = networks
    old, new = Stage(size // 2, 1, 1.0), Stage(size, 1, 0.0)
    before, after = (grow.synthesis(generator, styles(generator), stage) for stage in (old, new))
    assert before.shape[-1] == size // 2 and after.shape[-1] == size
    assert torch.allclose(after, gan.double(before))
    x = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(
        entrances(discriminator, x, new), entrances(discriminator, grow.shrink(x, size // 2), old), atol=1e-5
    )


@pytest.mark.parametrize("size", [32, 64])
def test_a_size_faded_in_halfway_is_neither(networks, size):
    generator, discriminator, entrances = networks
    made = [grow.synthesis(generator, styles(generator), Stage(size, 1, fade)) for fade in (0.0, 0.5, 1.0)]
    assert torch.allclose(made[1], (made[0] + made[2]) / 2, atol=1e-5)
    logits = [entrances(discriminator, made[2], Stage(size, 1, fade)) for fade in (0.0, 0.5, 1.0)]
    assert not torch.allclose(logits[0], logits[1]) and not torch.allclose(logits[1], logits[2])
