"""The style-based GAN: its arithmetic against references, its seeds, and what truncation is said to do."""

import hashlib
import math
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from benchmarks.serving import ROOT
from models import gan, metrics, seeding, zoo

SMALL = gan.GANConfig(
    latent_size=16, style_size=24, mapping_layers=2, widths=(16, 16, 8, 8, 8), critic_widths=(8, 8, 8, 16)
)


def faces(data: str, seed: int, count: int, start: int = 0, psi: float = 0.7) -> torch.Tensor:
    """Faces of a seed as the page draws them, (count, 3, 64, 64)."""
    generator = zoo.generator(data)
    with torch.inference_mode():
        return generator(seeding.normal(seed, count, (generator.config.latent_size,), start), psi)


def test_a_styled_convolution_is_a_convolution_of_its_own_for_every_picture():
    """Scaling inputs and outputs around one convolution = StyleGAN2's modulated and demodulated weights."""
    torch.manual_seed(0)
    layer = gan.StyledConv(5, 7, 11)
    x, w = torch.randn(3, 5, 8, 8), torch.randn(3, 11)
    scale = layer.to_scale(w)
    for i in range(3):
        weight = layer.weight * layer.gain * scale[i][None, :, None, None]
        weight = weight * gan.LEAK_GAIN / (weight.square().sum((1, 2, 3), keepdim=True) + 1e-8).sqrt()
        expected = F.conv2d(x[i : i + 1], weight, padding=1) + layer.bias[:, None, None]
        assert torch.allclose(layer(x, w)[i : i + 1], expected, atol=1e-5)


def test_demodulated_outputs_keep_unit_variance_before_the_leaky_relu():
    torch.manual_seed(0)
    layer = gan.StyledConv(64, 64, 8)
    out = layer(torch.randn(8, 64, 16, 16), 3 * torch.randn(8, 8))
    assert 0.8 * gan.LEAK_GAIN < out[:, :, 2:-2, 2:-2].std() < 1.2 * gan.LEAK_GAIN


def test_the_equalised_rate_changes_the_step_and_not_the_function():
    torch.manual_seed(0)
    slow = gan.Linear(6, 4, bias=1.0, rate=0.01)
    x = torch.randn(2, 6)
    expected = x @ (slow.weight * 0.01).T / math.sqrt(6) + 1.0
    assert torch.allclose(slow(x), expected, atol=1e-6)


def test_minibatch_spread_against_its_definition():
    h = torch.randn(8, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    spread = gan.minibatch_spread(h, group=4)
    groups = [h[[0, 2, 4, 6]], h[[1, 3, 5, 7]]]
    expected = [float((g.var(0, correction=0) + 1e-8).sqrt().mean()) for g in groups]
    assert torch.allclose(spread, torch.tensor([expected[i % 2] for i in range(8)]), atol=1e-6)
    assert float(gan.minibatch_spread(h[:1].expand(4, -1, -1, -1))[0]) < 1e-3
    assert gan.minibatch_spread(h[:3]).shape == (3,)


def test_the_losses_are_the_cross_entropies_of_the_paper():
    real, made = torch.tensor([2.0, -1.0, 0.5]), torch.tensor([-3.0, 0.2, 1.0])
    ones, zeros = torch.ones(3), torch.zeros(3)
    expected = F.binary_cross_entropy_with_logits(real, ones) + F.binary_cross_entropy_with_logits(made, zeros)
    assert torch.allclose(gan.discriminator_loss(real, made), expected)
    assert torch.allclose(gan.generator_loss(made), F.binary_cross_entropy_with_logits(made, ones))
    even = gan.discriminator_loss(zeros, zeros)
    assert float(even) == pytest.approx(2 * math.log(2))  # D that knows nothing: -log 4 in Goodfellow's theorem 1


def test_r1_of_a_linear_discriminator_is_the_square_of_its_slope():
    slope = torch.randn(3 * 64 * 64, generator=torch.Generator().manual_seed(2))
    penalty = gan.r1_penalty(lambda x: x.flatten(1) @ slope, torch.zeros(5, 3, 64, 64))
    assert float(penalty) == pytest.approx(float(slope.square().sum()), rel=1e-5)


def test_the_layer_groups_share_all_layers_and_no_layer_twice():
    layers = sorted(layer for group in gan.LAYER_GROUPS.values() for layer in group)
    assert layers == list(range(gan.Generator(SMALL).layers))


def test_shapes_and_one_style_for_all_layers():
    torch.manual_seed(0)
    generator = gan.Generator(SMALL).eval()
    w = generator.style(torch.randn(2, 16))
    one, many = generator.synthesis(w), generator.synthesis(w[:, None].expand(-1, generator.layers, -1))
    assert one.shape == (2, 3, 64, 64) and torch.equal(one, many)
    assert gan.Discriminator(SMALL).eval()(one).shape == (2,)


def test_fine_layers_do_not_move_what_coarse_layers_draw():
    """Only the layers from 32 pixels on change: the picture averaged down to 4 x 4 moves much less than with all."""
    z = seeding.normal(3, 2, (128,))
    generator = zoo.generator("toons")
    with torch.inference_mode():
        a, b = generator.truncate(generator.style(z), 0.7)
        styles = a.expand(generator.layers, -1).clone()
        coarse, fine = styles.clone(), styles.clone()
        coarse[list(gan.LAYER_GROUPS["coarse"])] = b
        fine[list(gan.LAYER_GROUPS["fine"])] = b
        pictures = generator.synthesis(torch.stack([styles, coarse, fine]))
    edges = [(p[:, :, 1:] - p[:, :, :-1]).abs().mean(0) for p in pictures]
    moved = [float(((edges[0] > 0.2) != (edges[i] > 0.2)).float().mean()) for i in (1, 2)]
    assert moved[0] > moved[1]


def test_save_and_load_keep_the_function(tmp_path):
    torch.manual_seed(0)
    generator, discriminator = gan.Generator(SMALL).eval(), gan.Discriminator(SMALL).eval()
    discriminator.typical_spread.fill_(0.5)
    generator.save(tmp_path)
    discriminator.save(tmp_path)
    z = torch.randn(2, 16)
    pictures = generator(z)
    assert (gan.Generator.load(tmp_path)(z) - pictures).abs().max() < 0.02  # float16 on disk
    assert torch.allclose(gan.Discriminator.load(tmp_path)(pictures), discriminator(pictures), atol=0.02)
    assert gan.Generator.load(tmp_path).config == SMALL
    with pytest.raises(FileNotFoundError):
        gan.Generator.load(tmp_path / "nothing")


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_same_seed_same_face_alone_and_in_a_batch(data):
    batch = faces(data, 7, 16)
    assert torch.equal(batch, faces(data, 7, 16))
    alone = torch.cat([faces(data, 7, 1, start=i) for i in (0, 5, 15)])
    assert (alone - batch[[0, 5, 15]]).abs().max() <= 2 / 255  # the range [-1, 1] has 2 / 255 to a step
    assert not torch.equal(batch, faces(data, 8, 16))


def test_same_face_after_a_restart():
    code = "from tests.models.test_gan import digest; print(digest())"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert run.stdout.strip() == digest(), run.stderr


def digest() -> str:
    """Hash of one face of seed 7."""
    return hashlib.sha256(faces("toons", 7, 1).numpy().tobytes()).hexdigest()


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_psi_zero_is_one_face_and_diversity_grows_with_psi(data):
    average = faces(data, 1, 8, psi=0.0)
    assert (average - average[:1]).abs().max() < 1e-5
    reader = zoo.attributes(data)
    with torch.inference_mode():
        spread = [metrics.diversity(reader.features(faces(data, 1, 48, psi=psi))) for psi in (0.25, 0.5, 0.75, 1.0)]
    assert spread == sorted(spread) and spread[-1] > 1.3 * spread[0]


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_a_score_does_not_depend_on_the_company(data):
    pictures, discriminator = faces(data, 2, 6), zoo.discriminator(data)
    with torch.inference_mode():
        together, alone = discriminator(pictures), torch.cat([discriminator(p[None]) for p in pictures])
    assert torch.allclose(together, alone, atol=1e-3)


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_files_and_sizes_are_as_promised(data):
    for name in ("generator", "discriminator"):
        assert (zoo.gan_folder(data) / f"{name}.safetensors").stat().st_size < 10e6
    with pytest.raises(ValueError, match="only toons"):
        zoo.gan_folder("portraits", collapsed=True)
