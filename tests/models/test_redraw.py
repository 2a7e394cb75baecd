"""The GAN's start: what of a picture reaches G, and that G learns to redraw it."""

import numpy as np
import pytest
import torch

from models import gan, zoo
from models.training.redraw import Redraw
from tests.models.test_eyes import Blocks


@pytest.fixture(scope="module")
def redraw() -> Redraw:
    return Redraw("toons", torch.device("cpu"), Blocks())


@pytest.fixture(scope="module")
def faces() -> torch.Tensor:
    """Two drawings that are far apart, as the VAE draws them, (2, 3, 64, 64)."""
    vae = zoo.vae("toons")
    code = torch.randn(2, vae.config.latent_size, generator=torch.Generator().manual_seed(3))
    with torch.inference_mode():
        return vae.decode(code).clone()


def test_noise_is_a_draw_from_the_posterior_and_then_plain_noise(redraw, faces):
    source = torch.Generator().manual_seed(0)
    draws = torch.stack([redraw.noise(faces, 128, source) for _ in range(300)])
    known = redraw.vae.encode(faces)
    size = known.mean.shape[1]
    assert draws.shape == (300, 2, 128)
    np.testing.assert_allclose(draws[..., :size].mean(0), known.mean, atol=0.3)
    np.testing.assert_allclose(draws[..., :size].std(0), known.std, rtol=0.3)
    rest = draws[..., size:]
    assert abs(float(rest.mean())) < 0.03 and float(rest.std()) == pytest.approx(1, abs=0.03)


def test_the_same_source_gives_the_same_noise(redraw, faces):
    first, second = (redraw.noise(faces, 128, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(first, second)


def test_g_learns_to_redraw(redraw, faces):
    torch.manual_seed(0)
    generator = gan.Generator(gan.GANConfig(data="toons"))
    before = generator.w_average.clone()
    optimiser = torch.optim.Adam(generator.parameters(), 2e-3, betas=(0.0, 0.99))
    errors = []
    for _ in range(25):
        loss, error, made = redraw.loss(generator, faces, torch.Generator().manual_seed(1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        errors.append(float(error.detach()))
    assert made.shape == faces.shape
    assert errors[-1] < 0.7 * errors[0]
    assert not torch.equal(generator.w_average, before)  # truncation leans towards the faces that were seen
