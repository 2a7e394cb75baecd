"""Diffusion on points: forward, the exact score, both ways back, learning, densities, and what is refused."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from models import diffusion, game, seeding
from models import point_diffusion as points
from models.game import Rules

RING = Rules(shape="ring")


@cache
def taught(shape: str = "ring", seed: int = 7) -> torch.Tensor:
    """The weights after a whole training."""
    rules = Rules(shape=shape, seed=seed)
    return points.learn(points.start(rules), rules, points.data(rules), points.LESSON)[0].weights


def plane(side: int = 48, reach: float = 4.0) -> tuple[torch.Tensor, float]:
    """The middles of a grid over the plane, (side^2, 2), and the area of one square."""
    middles = (torch.arange(side) + 0.5) / side * 2 * reach - reach
    return torch.stack(torch.meshgrid(middles, middles, indexing="xy"), -1).reshape(-1, 2), (2 * reach / side) ** 2


# ---- the data and the way to noise


@pytest.mark.parametrize("shape", game.SHAPES)
def test_data_are_the_games_points_at_about_unit_variance(shape):
    rules = Rules(shape=shape, drawing=((0.7, 0.5), (-0.7, -0.5)) if shape == "drawing" else ())
    known = points.data(rules)
    assert known.shape == (500, 2) and known.dtype == torch.float32
    assert torch.equal(known, 2 * game.real_points(rules, seeding.generator(7, 0), 500))
    assert 0.5 < float(known.var(0).mean()) < 2
    assert not torch.equal(points.fresh(rules, 500), known)


@pytest.mark.parametrize("t", [0, 1, 100, 400, 999])
def test_forward_marginals_match_alpha_bar(t):
    x0, noise = seeding.normal(1, 4000, (2,)) + 3, seeding.normal(2, 4000, (2,))
    noised = diffusion.q_sample(x0, noise, t)
    share = diffusion.alpha_bar(t) if t else 1.0
    assert float(noised.mean()) == pytest.approx(3 * math.sqrt(share), abs=0.05)
    rest = noised - math.sqrt(share) * x0
    assert float(rest.var()) == pytest.approx(1 - share, abs=0.03)


def test_the_forward_walk_has_the_marginals_of_one_jump():
    known = torch.full((4000, 2), 1.5)
    steps = 20
    path = points.forward(known, seed=3, count=4000, steps=steps)
    seen = points.times(steps)
    assert path.shape == (steps + 1, 4000, 2) and torch.equal(path[-1], known)
    for x, t in zip(path[:-1], seen[:-1], strict=True):
        share = diffusion.alpha_bar(t)
        assert float(x.mean()) == pytest.approx(1.5 * math.sqrt(share), abs=0.05)
        assert float(x.var()) == pytest.approx(1 - share, abs=0.05)


# ---- the exact score


@pytest.mark.parametrize("t", [20, 150, 500, 999])
def test_the_true_score_is_the_gradient_of_the_true_log_density(t):
    known = points.data(RING).double()
    x = (1.5 * seeding.normal(4, 60, (2,))).double().requires_grad_()
    (slope,) = torch.autograd.grad(points.true_log_density(known, x, t).sum(), x)
    assert torch.allclose(points.true_score(known, x, t).detach(), slope, rtol=1e-6, atol=1e-8)


def test_the_true_density_is_one_and_is_that_of_the_noised_points():
    known = points.data(RING)
    x, area = plane()
    for t in (100, 500, 999):
        assert float(points.true_log_density(known, x, t).exp().sum()) * area == pytest.approx(1, abs=0.01)
    by_hand = [
        np.mean([math.exp(-float((x[0] - math.sqrt(share) * a).square().sum()) / (2 * (1 - share))) for a in known])
        / (2 * math.pi * (1 - share))
        for share in [diffusion.alpha_bar(500)]
    ]
    assert float(points.true_log_density(known, x[:1], 500).exp()) == pytest.approx(by_hand[0], rel=1e-4)


def test_the_exact_guess_is_minus_the_score():
    known, x, t = points.data(RING), seeding.normal(5, 50, (2,)), 300
    epsilon = diffusion.noise_from(x, points.exact(known)(x, t), t)
    rest = math.sqrt(1 - diffusion.alpha_bar(t))
    assert torch.allclose(-epsilon / rest, points.true_score(known, x, t), atol=1e-4)


@pytest.mark.parametrize("eta", [0.0, 1.0])
def test_with_the_exact_score_the_way_back_ends_on_the_data(eta):
    """Points far enough apart are copied, every one of them."""
    known = points.SCALE * torch.from_numpy(game.GRID_25).float()
    made = points.reverse(points.exact(known), 7, 1000, 50, eta)[-1]
    distances = torch.cdist(made, known)
    assert float(distances.amin(1).quantile(0.98)) < 0.02 and float(distances.amin(0).max()) < 0.02


@pytest.mark.parametrize("shape", ["ring", "spiral"])
def test_the_exact_score_comes_closer_to_the_data_than_fresh_points_do(shape):
    rules = Rules(shape=shape)
    known = points.data(rules)
    verdicts = [
        points.judge(rules, known, points.reverse(points.exact(known), 7, 1000, steps)[-1]) for steps in (25, 250)
    ]
    assert all(verdict.from_data < verdict.from_fresh and verdict.js < 0.06 for verdict in verdicts)
    assert verdicts[1].from_data < verdicts[0].from_data


# ---- the steps of the sampler


def test_times_are_those_of_diffusers():
    for steps in (1, 5, 25, 50, 100):
        assert points.times(steps) == [*map(int, diffusion.timesteps("ddim", steps)), 0]


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_a_step_is_diffusers_own(eta):
    theirs = DDIMScheduler(
        **diffusion.BETAS, timestep_spacing="trailing", prediction_type="v_prediction", clip_sample=False
    )
    theirs.set_timesteps(10)
    x, v, noise = (seeding.normal(seed, 30, (2,)) for seed in (1, 2, 3))
    seen = points.times(10)
    for t, after in zip(seen, seen[1:], strict=False):
        expected = theirs.step(v, t, x, eta=eta, variance_noise=noise).prev_sample
        assert torch.allclose(points.step_back(x, v, t, after, eta, noise if eta else None), expected, atol=2e-5)


def test_runs_repeat_by_seed_and_only_stochastic_ones_leave_the_path():
    known = points.data(RING)
    guess = points.exact(known)
    a, b = (points.reverse(guess, 7, 50, 10, 1.0) for _ in range(2))
    assert torch.equal(a, b) and a.shape == (11, 50, 2)
    assert not torch.equal(a, points.reverse(guess, 8, 50, 10, 1.0))
    still = points.reverse(guess, 7, 50, 10)
    assert torch.equal(a[0], still[0]) and not torch.equal(a[1], still[1])


# ---- the network and its lesson


def test_the_network_is_torchs_own_and_small():
    assert points.SIZE == len(points.start(RING).weights) <= 5000
    pupil, _ = points.learn(points.start(RING), RING, points.data(RING), 3)
    layers = [torch.nn.Linear(*size) for size in ((10, 64), (64, 64), (64, 2))]
    torch.nn.utils.vector_to_parameters(pupil.weights, [p for layer in layers for p in layer.parameters()])
    silu = torch.nn.SiLU()
    module = torch.nn.Sequential(layers[0], silu, layers[1], silu, layers[2])
    x, t = seeding.normal(6, 40, (2,)), 321
    seen = torch.cat([x, (math.pi * x).sin(), (math.pi * x).cos(), points.TIME[t].expand(40, -1)], 1)
    assert torch.allclose(points.network(pupil.weights, x, t), module(seen), atol=1e-5)


def test_the_divergence_is_that_of_autograd():
    weights = taught()
    x = seeding.normal(7, 40, (2,))
    v, total = points.divergence(weights, x, 200)
    assert torch.allclose(v, points.network(weights, x, 200), atol=1e-5)
    for k in range(40):
        jacobian = torch.autograd.functional.jacobian(lambda y: points.network(weights, y[None], 200)[0], x[k])
        assert float(total[k]) == pytest.approx(float(jacobian.trace()), abs=2e-3)


def test_a_lesson_in_pieces_is_the_lesson_at_once_and_repeats_by_seed():
    known = points.data(RING)
    whole, loss = points.learn(points.start(RING), RING, known, 30)
    pieces, losses = points.start(RING), []
    for count in (7, 20, 3):
        pieces, one = points.learn(pieces, RING, known, count)
        losses.append(one * count)
    assert torch.equal(whole.weights, pieces.weights) and torch.equal(whole.square, pieces.square)
    assert loss == pytest.approx(sum(losses) / 30)
    other = Rules(seed=8)
    assert not torch.equal(whole.weights, points.learn(points.start(other), other, known, 30)[0].weights)


def test_no_global_generator_is_read_or_moved():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    points.learn(points.start(RING), RING, points.data(RING), 2)
    points.reverse(points.learnt(points.start(RING).weights), 7, 10, 5, 1.0)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("shape", ["ring", "spiral"])
def test_learning_lowers_the_loss_towards_the_least_and_brings_the_points_to_the_shape(shape):
    """The loss ends near that of the exact score, the points near the shape and not on the data: the page's claims."""
    rules = Rules(shape=shape)
    known = points.data(rules)
    begun = points.start(rules)
    _, first = points.learn(begun, rules, known, 20)
    last = np.mean([float(points.v_loss(taught(shape), *points._lesson(rules, known, step))) for step in range(20)])
    least = points.least_loss(rules, known)
    assert least - 0.005 < last < least + 0.3 * (first - least)
    untaught = points.judge(rules, known, points.reverse(points.learnt(begun.weights), 7, 2000, 25)[-1])
    verdict = points.judge(rules, known, points.reverse(points.learnt(taught(shape)), 7, 2000, 25)[-1])
    assert verdict.js < 0.05 < 0.2 < untaught.js
    assert verdict.from_data > verdict.from_fresh / 2


# ---- the density that was learnt


def test_the_learnt_density_is_one_and_lies_where_the_particles_go():
    x, area = plane(64)
    for t in (100, 400):
        learnt = points.learnt_log_density(taught(), x, t)
        assert float(learnt.exp().sum()) * area == pytest.approx(1, abs=0.03)
        true = points.true_log_density(points.data(RING), x, t).exp()
        assert float((learnt.exp() - true).abs().sum()) * area < 0.25
    assert points.learnt_log_density(taught(), torch.zeros(1, 2), 999) == pytest.approx(
        -math.log(2 * math.pi), abs=1e-3
    )


def test_the_verdict_of_fresh_points_and_of_copies():
    known = points.data(RING)
    fresh = points.judge(RING, known, 2 * game.real_points(RING, seeding.generator(99, 0), 500))
    copies = points.judge(RING, known, known)
    assert fresh.js < 0.05 and fresh.from_data == pytest.approx(fresh.from_fresh, rel=0.2)
    assert copies.from_data == 0


# ---- what is refused


@pytest.mark.parametrize("steps", [0, -1, 251, 2.0, True, "5", None])
def test_odd_steps_are_refused(steps):
    with pytest.raises(ValueError, match="steps"):
        points.times(steps)


@pytest.mark.parametrize("eta", [-0.1, 1.1, math.nan])
def test_odd_eta_is_refused(eta):
    with pytest.raises(ValueError, match="eta"):
        points.reverse(points.exact(points.data(RING)), 7, 5, 5, eta)


def test_a_lesson_has_an_end():
    with pytest.raises(ValueError, match="training"):
        points.learn(points.start(RING), RING, points.data(RING), points.LESSON + 1)
    with pytest.raises(ValueError, match="training"):
        points.learn(points.start(RING), RING, points.data(RING), 0)
