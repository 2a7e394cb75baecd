"""The VAE's maths against closed forms, its determinism, and its claims measured on the shipped weights."""

import math

import pytest
import torch

from models import latents, seeding, zoo
from models.vae import VAE, Posterior, VAEConfig, elbo, log_likelihood


def test_kl_equals_torch_distributions():
    """The closed form of Kingma & Welling, appendix B, against an independent implementation."""
    generator = torch.Generator().manual_seed(0)
    mean, std = torch.randn(5, 7, generator=generator), torch.rand(5, 7, generator=generator) + 0.1
    normal = torch.distributions.Normal
    expected = torch.distributions.kl_divergence(normal(mean, std), normal(torch.zeros(()), torch.ones(())))
    torch.testing.assert_close(Posterior(mean, std).kl(), expected)
    assert torch.all(Posterior(torch.zeros(1, 3), torch.ones(1, 3)).kl() == 0)


def test_log_likelihood_equals_torch_distributions():
    """log N(x; m, sigma^2) summed over pixels, in nats."""
    x, m = torch.rand(3, 3, 8, 8), torch.rand(3, 3, 8, 8)
    expected = torch.distributions.Normal(m, 0.37).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(log_likelihood(x, m, 0.37), expected)


def test_elbo_is_below_the_evidence_of_a_linear_model_and_tight_at_the_true_posterior():
    """One pixel, one latent, x = w z + noise: p(x) is N(0, w^2 + sigma^2), so the bound can be checked exactly."""
    w, sigma, x = 0.8, 0.5, 0.6
    precision = 1 + w**2 / sigma**2
    true = Posterior(torch.tensor([[w * x / sigma**2 / precision]]), torch.tensor([[precision**-0.5]]))
    evidence = float(torch.distributions.Normal(0.0, math.sqrt(w**2 + sigma**2)).log_prob(torch.tensor(x)))

    def bound(q: Posterior) -> float:
        noise = seeding.normal(1, 20000, (1,))
        z = q.mean + q.std * noise
        reconstruction = log_likelihood(torch.full((20000, 1, 1, 1), x), (w * z).view(-1, 1, 1, 1), sigma).mean()
        return float(reconstruction - q.kl().sum())

    assert bound(true) == pytest.approx(evidence, abs=0.02)
    assert bound(Posterior(torch.tensor([[0.0]]), torch.tensor([[1.0]]))) < evidence - 0.1


def test_beta_zero_is_the_autoencoder_loss():
    """With beta = 0 the KL is reported but not charged: what is left is the squared error, up to constants."""
    x, r = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    q = Posterior(torch.randn(2, 4), torch.rand(2, 4) + 0.5)
    free = elbo(x, q, r, 0.5, beta=0.0)
    assert torch.equal(free.total, free.reconstruction)
    constant = 3 * 64 * (0.5 * math.log(2 * math.pi) + math.log(0.5))
    torch.testing.assert_close(free.total, -(x - r).square().sum((1, 2, 3)) / (2 * 0.5**2) - constant)
    paid = elbo(x, q, r, 0.5, beta=4.0)
    torch.testing.assert_close(paid.total, paid.reconstruction - 4.0 * q.kl().sum(1))


def test_shapes_and_saving(tmp_path):
    """What is saved as float16 loads as float32 and draws the same pictures to 1/255."""
    torch.manual_seed(0)
    model = VAE(VAEConfig(beta=4.0, data="portraits")).eval()
    x = seeding.normal(0, 2, (3, 64, 64)).clamp(-1, 1)
    with torch.inference_mode():
        q = model.encode(x)
        picture = model.decode(q.mean)
    assert q.mean.shape == q.std.shape == (2, 64) and picture.shape == (2, 3, 64, 64)
    assert (q.std > 0).all() and picture.abs().max() <= 1
    model.save(tmp_path)
    again = VAE.load(tmp_path)
    assert again.config == model.config
    assert next(again.parameters()).dtype == torch.float32
    with torch.inference_mode():
        assert (again.decode(q.mean) - picture).abs().max() < 2 / 255
    assert (tmp_path / "model.safetensors").stat().st_size < 10e6


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_item_alone_equals_item_in_a_batch(data):
    """Seeds are per sample: face i of a batch is face i alone, to 1/255 of the picture range."""
    model = zoo.vae(data)
    batch = seeding.normal(7, 8, (64,))
    with torch.inference_mode():
        together = model.decode(batch)
        for i in (0, 3, 7):
            alone = seeding.normal(7, 1, (64,), start=i)
            assert torch.equal(alone[0], batch[i])
            assert (model.decode(alone)[0] - together[i]).abs().max() <= 2 / 255


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_dead_dimensions_do_nothing(data):
    """A latent the card calls asleep moves no pixel noticeably from -3 to 3; the most active one does."""
    measured = zoo.metrics(zoo.vae_folder(data))
    model = zoo.vae(data)
    codes = seeding.normal(1, 8, (64,))

    def moved(dimension: int) -> float:
        ends = [latents.traverse(code, dimension, torch.tensor([-3.0, 3.0])) for code in codes]
        with torch.inference_mode():
            low, high = model.decode(torch.cat(ends)).view(8, 2, 3, 64, 64).unbind(1)
        return float((high - low).square().mean().sqrt())

    asleep = [i for i, active in enumerate(measured["active"]) if not active]
    strongest = max(range(64), key=lambda i: measured["kl_per_dimension"][i])
    assert moved(strongest) > 0.1
    for dimension in asleep:
        assert moved(dimension) < 0.2 * moved(strongest)


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_beta_prices_the_code(data):
    """Along the family: a dearer code is shorter, fewer dimensions stay awake, and reconstructions get worse."""
    cards = [zoo.metrics(zoo.vae_folder(data, beta)) for beta in zoo.BETAS]
    charged = cards[1:]
    assert all(a["elbo"]["kl"] > b["elbo"]["kl"] for a, b in zip(charged, charged[1:], strict=False))
    assert cards[4]["elbo"]["kl"] < 0.6 * cards[2]["elbo"]["kl"]
    assert cards[4]["active_units"] <= cards[2]["active_units"]
    if data == "toons":  # the portraits' weakest units carry 0.006 nats at beta 16, just above the threshold still
        assert cards[4]["active_units"] < cards[2]["active_units"]
    assert cards[4]["held_out_error"]["median"] > cards[2]["held_out_error"]["median"]
    assert cards[2]["held_out_error"]["median"] >= 0.95 * cards[1]["held_out_error"]["median"]


def test_codes_on_the_grid_survive_a_byte():
    """`to_grid` lands on multiples of 1/32 within one signed byte, and does not move what is there already."""
    code = latents.to_grid(seeding.normal(3, 1, (64,))[0] * 3)
    assert torch.equal(code * 32, (code * 32).round()) and code.min() >= -4 and code.max() <= 127 / 32
    assert torch.equal(latents.to_grid(code), code)


def test_walks():
    """Blend ends are its ends; an analogy with strength 0 changes nothing; a plane varies two dimensions only."""
    a, b, c = seeding.normal(5, 3, (6,))
    line = latents.blend(a, b, 5)
    assert torch.equal(line[0], a)
    torch.testing.assert_close(line[-1], b)
    torch.testing.assert_close(line[2], (a + b) / 2)
    assert torch.equal(latents.analogy(a, b, c, 0.0), c)
    torch.testing.assert_close(latents.analogy(a, b, b), a)
    sheet = latents.plane(a, 1, 4, torch.tensor([0.0, 1.0, 2.0]), torch.tensor([5.0, 6.0]))
    assert sheet.shape == (6, 6)
    assert sheet[:, 1].tolist() == [0, 1, 2, 0, 1, 2] and sheet[:, 4].tolist() == [5, 5, 5, 6, 6, 6]
    others = [0, 2, 3, 5]
    assert torch.equal(sheet[:, others], a[others].expand(6, 4))
