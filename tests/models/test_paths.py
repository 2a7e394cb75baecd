"""Paths between latents: which of them keep the length of z, and that all of them arrive."""

import math

import pytest
import torch

from models import paths, seeding
from models.gan import GANConfig, Generator

FRAMES = 13


def point(seed: int, dim: int = 128) -> torch.Tensor:
    return seeding.normal(seed, 1, (dim,))[0]


def of_length(z: torch.Tensor, length: float) -> torch.Tensor:
    return z * (length / z.norm())


PAIRS = [(seed, seed + 1) for seed in range(0, 20, 2)]


@pytest.mark.parametrize("length", [0.1, 1.0, math.sqrt(128), 50.0])
@pytest.mark.parametrize("pair", PAIRS)
def test_slerp_keeps_the_norm_of_ends_that_share_it(pair, length):
    a, b = (of_length(point(seed), length) for seed in pair)
    assert torch.allclose(paths.slerp(a, b, FRAMES).norm(dim=1), torch.tensor(length), rtol=1e-5)


@pytest.mark.parametrize("dim", [2, 3, 128])
@pytest.mark.parametrize("pair", PAIRS)
def test_slerp_changes_the_norm_linearly_and_the_angle_at_constant_speed(pair, dim):
    a, b = (point(seed, dim) for seed in pair)
    walk = paths.slerp(a, b, FRAMES)
    expected = torch.linspace(float(a.norm()), float(b.norm()), FRAMES)
    assert torch.allclose(walk.norm(dim=1), expected, rtol=1e-5, atol=1e-5)
    steps = [paths.angle(one, two) for one, two in zip(walk, walk[1:], strict=False)]
    assert steps == pytest.approx([paths.angle(a, b) / (FRAMES - 1)] * (FRAMES - 1), abs=1e-5)


@pytest.mark.parametrize("pair", PAIRS)
def test_lerp_loses_about_three_tenths_of_the_norm_halfway(pair):
    a, b = (point(seed) for seed in pair)
    middle = paths.lerp(a, b, FRAMES)[FRAMES // 2].norm()
    between = (a.norm() + b.norm()) / 2
    assert 0.5 < float(middle / between) < 0.9
    assert float(paths.slerp(a, b, FRAMES)[FRAMES // 2].norm() / between) == pytest.approx(1, abs=1e-5)


def test_lerp_falls_to_the_square_root_of_a_half_on_average():
    ratios = []
    for seed in range(200):
        a, b = seeding.normal(seed, 2, (128,))
        ratios.append(float(paths.lerp(a, b, 3)[1].norm() / ((a.norm() + b.norm()) / 2)))
    assert sum(ratios) / len(ratios) == pytest.approx(math.sqrt(0.5), abs=0.01)


@pytest.mark.parametrize("frames", [2, 3, 61])
@pytest.mark.parametrize("pair", PAIRS)
def test_both_start_and_arrive_exactly(pair, frames):
    a, b = (point(seed) for seed in pair)
    for path in (paths.lerp, paths.slerp):
        walk = path(a, b, frames)
        assert walk.shape == (frames, 128)
        assert torch.equal(walk[0], a) and torch.equal(walk[-1], b)


@pytest.mark.parametrize("pair", PAIRS)
def test_slerp_is_shoemakes_formula(pair):
    a, b = (of_length(point(seed), 1.0) for seed in pair)
    theta = paths.angle(a, b)
    t = torch.linspace(0, 1, FRAMES)[:, None]
    expected = (torch.sin((1 - t) * theta) * a + torch.sin(t * theta) * b) / math.sin(theta)
    assert torch.allclose(paths.slerp(a, b, FRAMES), expected, atol=1e-5)


@pytest.mark.parametrize("scale", [1.0, 2.0, 1 + 1e-6])
def test_slerp_between_parallel_points_is_lerp(scale):
    a = point(3)
    assert torch.allclose(paths.slerp(a, scale * a, FRAMES), paths.lerp(a, scale * a, FRAMES), atol=1e-5)


@pytest.mark.parametrize("dim", [2, 128])
def test_slerp_between_opposite_points_goes_round_and_not_through_zero(dim):
    a = point(3, dim)
    walk = paths.slerp(a, -a, FRAMES)
    assert torch.allclose(walk.norm(dim=1), a.norm().expand(FRAMES), rtol=1e-5)
    steps = [paths.angle(one, two) for one, two in zip(walk, walk[1:], strict=False)]
    assert steps == pytest.approx([math.pi / (FRAMES - 1)] * (FRAMES - 1), abs=1e-5)


def test_slerp_from_nowhere_is_lerp():
    b = point(4)
    assert torch.equal(paths.slerp(torch.zeros(128), b, FRAMES), paths.lerp(torch.zeros(128), b, FRAMES))


def test_angles():
    x, y = torch.eye(2)
    assert paths.angle(x, y) == pytest.approx(math.pi / 2)
    assert paths.angle(x, 5 * x) == 0
    assert paths.angle(x, -y - x) == pytest.approx(3 * math.pi / 4)
    assert paths.angle(x, x + 1e-6 * y) == pytest.approx(1e-6, rel=1e-3)


@pytest.mark.parametrize("path", paths.PATHS)
def test_walks_meet_at_both_ends(path):
    torch.manual_seed(0)
    generator = Generator(GANConfig(widths=(8, 8, 8, 8, 8))).eval().requires_grad_(False)
    a, b = seeding.normal(5, 2, (128,))
    walk = paths.walk(generator, a, b, 9, path)
    ends = generator.style(torch.stack([a, b]))
    assert walk.shape == (9, 256)
    assert torch.allclose(walk[[0, -1]], ends, atol=1e-5)
    middle = {
        "lerp": generator.style((a + b)[None] / 2)[0],
        "slerp": generator.style(paths.slerp(a, b, 3)[1:2])[0],
        "w": ends.mean(0),
    }[path]
    assert torch.allclose(walk[4], middle, atol=1e-5)


def test_what_is_no_path_is_refused():
    a, b = seeding.normal(5, 2, (128,))
    generator = Generator(GANConfig(widths=(8, 8, 8, 8, 8)))
    with pytest.raises(ValueError, match="path must be one of lerp, slerp, w"):
        paths.walk(generator, a, b, 9, "geodesic")
    for bad in (1, 0, True, 2.5):
        with pytest.raises(ValueError, match="at least 2 frames"):
            paths.slerp(a, b, bad)
        with pytest.raises(ValueError, match="at least 2 frames"):
            paths.walk(generator, a, b, bad, "w")
    with pytest.raises(ValueError, match="two points of one size"):
        paths.lerp(a, b[:5], 9)
    with pytest.raises(ValueError, match="two points of one size"):
        paths.slerp(a[None], b[None], 9)
