"""The game on points: losses and Adam as in the papers, exact repetition, honest measures, and claims that hold."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.spatial.distance import jensenshannon

from models import game, seeding
from models.game import Game, Rules

HASTY = Rules(lr_d=0.05, lr_g=0.05)  # the preset "Make it collapse"


def equal(a: Game, b: Game) -> bool:
    """Whether two games are the same to the last bit."""
    return a.pack().tobytes() == b.pack().tobytes()


def module(weights: torch.Tensor, inputs: int, outputs: int) -> torch.nn.Sequential:
    """The same network, out of torch's own layers."""
    layers = [torch.nn.Linear(*size) for size in ((inputs, 32), (32, 32), (32, outputs))]
    torch.nn.utils.vector_to_parameters(weights, [p for layer in layers for p in layer.parameters()])
    return torch.nn.Sequential(layers[0], torch.nn.LeakyReLU(0.2), layers[1], torch.nn.LeakyReLU(0.2), layers[2])


# ---- the mathematics


def test_the_flat_network_is_torchs_own():
    played = game.play(game.start(Rules(noise=3)), Rules(noise=3), 2)
    x = seeding.normal(1, 50, (2,))
    assert torch.allclose(game.network(played.d.weights, x, 1), module(played.d.weights, 2, 1)(x), atol=1e-6)
    z = seeding.normal(2, 50, (3,))
    assert torch.allclose(game.network(played.g.weights, z, 2), module(played.g.weights, 3, 2)(z), atol=1e-6)


def test_losses_are_those_of_the_papers():
    real, made = 2 * seeding.normal(3, 64, (1,)), 2 * seeding.normal(4, 64, (1,))
    slope = seeding.normal(5, 64, ()).abs()
    one, zero = torch.ones(64, 1), torch.zeros(64, 1)
    cross = F.binary_cross_entropy_with_logits
    assert game.d_loss("non-saturating", real, made) == pytest.approx(float(cross(real, one) + cross(made, zero)))
    assert game.g_loss("non-saturating", made) == pytest.approx(float(cross(made, one)))
    assert game.d_loss("least-squares", real, made) == pytest.approx(
        float(F.mse_loss(real, one) + F.mse_loss(made, zero)) / 2
    )
    assert game.g_loss("least-squares", made) == pytest.approx(float(F.mse_loss(made, one)) / 2)
    expected = float(made.mean() - real.mean()) + 0.1 * float(F.mse_loss(slope, torch.ones(64)))
    assert game.d_loss("wasserstein", real, made, slope) == pytest.approx(expected)
    assert game.g_loss("wasserstein", made) == pytest.approx(-float(made.mean()))


def test_a_discriminator_that_cannot_tell_has_the_losses_of_the_formula():
    undecided = torch.zeros(8, 1)
    assert game.d_loss("non-saturating", undecided, undecided) == pytest.approx(2 * math.log(2))
    assert game.g_loss("non-saturating", undecided) == pytest.approx(math.log(2))
    assert game.d_loss("least-squares", undecided + 0.5, undecided + 0.5) == pytest.approx(0.25)
    assert game.g_loss("least-squares", undecided + 0.5) == pytest.approx(0.125)


def test_slopes_are_the_lengths_of_the_gradient_and_can_be_learnt_from():
    weights = game.start(Rules()).d.weights.double()
    points = seeding.normal(6, 10, (2,)).double()
    found = game.slopes(weights, points)
    step = 1e-6
    for k in range(10):
        sides = [
            (game.network(weights, points[k : k + 1] + shift, 1) - game.network(weights, points[k : k + 1] - shift, 1))
            / (2 * step)
            for shift in (torch.tensor([[step, 0.0]]), torch.tensor([[0.0, step]]))
        ]
        assert float(found[k].detach()) == pytest.approx(math.hypot(*map(float, sides)), abs=1e-6)
    weights.requires_grad_()
    (game.slopes(weights, points) - 1).square().mean().backward()
    assert weights.grad.abs().max() > 0


def test_adam_is_torchs_own():
    player = game.start(Rules()).g
    theirs = player.weights.clone().requires_grad_()
    optimiser = torch.optim.Adam([theirs], lr=0.003, betas=game.BETAS, eps=game.EPSILON)
    for k in range(20):
        gradient = seeding.normal(8, 1, (len(theirs),), start=k)[0]
        player = player.adam(gradient, 0.003)
        theirs.grad = gradient
        optimiser.step()
    assert player.steps == 20
    assert torch.allclose(player.weights, theirs.detach(), atol=1e-6)


def test_pushes_lead_to_where_the_generators_loss_is_smaller():
    for objective in game.OBJECTIVES:
        rules = Rules(objective=objective)
        played = game.play(game.start(rules), rules, 30)
        seen = game.look(played, rules)
        before, after = (
            game.g_loss(objective, game.network(played.d.weights, torch.from_numpy(seen.made + shift), 1))
            for shift in (0, 1e-3 * seen.pushes)
        )
        assert after < before


# ---- exact repetition


@pytest.mark.parametrize("objective", game.OBJECTIVES)
def test_the_same_rules_give_the_same_game_and_another_seed_another(objective):
    rules = Rules(objective=objective, k=2)
    first = game.play(game.start(rules), rules, 12)
    assert equal(first, game.play(game.start(rules), rules, 12))
    assert first.d.steps == 24 and first.g.steps == 12
    other = replace(rules, seed=8)
    assert not equal(first, game.play(game.start(other), other, 12))


def test_rounds_are_steps_of_d_and_then_one_of_g():
    rules = Rules(k=3)
    by_hand = game.start(rules)
    for _ in range(2):
        for _ in range(3):
            by_hand = game.step_d(by_hand, rules)
        by_hand = game.step_g(by_hand, rules)
    assert equal(by_hand, game.play(game.start(rules), rules, 2))


def test_a_step_moves_one_player_only():
    rules = Rules()
    begun = game.start(rules)
    after_d, after_g = game.step_d(begun, rules), game.step_g(begun, rules)
    assert torch.equal(after_d.g.weights, begun.g.weights) and not torch.equal(after_d.d.weights, begun.d.weights)
    assert torch.equal(after_g.d.weights, begun.d.weights) and not torch.equal(after_g.g.weights, begun.g.weights)


@pytest.mark.parametrize("dimensions", [1, 2, 8])
def test_a_packed_game_goes_on_bit_for_bit(dimensions):
    rules = Rules(noise=dimensions, objective="wasserstein", prior="uniform", seed=2**31 - 1)
    half = game.play(game.start(rules), rules, 6)
    packed = half.pack()
    assert packed.dtype == np.float32 and 7_000 < len(packed) < 8_000
    opened = Game.unpack(packed)
    assert equal(opened, half) and (opened.seed, opened.noise) == (rules.seed, dimensions)
    assert equal(game.play(opened, rules, 6), game.play(game.start(rules), rules, 12))


def test_two_games_at_once_do_not_disturb_each_other():
    a, b = Rules(seed=1), Rules(seed=2, shape="spiral", objective="wasserstein")
    game_a, game_b = game.start(a), game.start(b)
    for _ in range(8):
        game_a = game.play(game_a, a, 1)
        game_b = game.play(game_b, b, 1)
        game.look(game_a, a)
    assert equal(game_a, game.play(game.start(a), a, 8)) and equal(game_b, game.play(game.start(b), b, 8))


def test_no_global_generator_is_read_or_moved_and_a_look_changes_nothing():
    torch.manual_seed(0)
    before = torch.get_rng_state()
    rules = Rules()
    played = game.play(game.start(rules), rules, 3)
    packed = played.pack().tobytes()
    first, second = game.look(played, rules), game.look(played, rules)
    assert torch.equal(torch.get_rng_state(), before) and played.pack().tobytes() == packed
    assert np.array_equal(first.heat, second.heat) and first.js == second.js


# ---- what is refused


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": "cube"},
        {"objective": "mse"},
        {"prior": "cauchy"},
        {"noise": 0},
        {"noise": 9},
        {"noise": 2.0},
        {"k": 0},
        {"k": True},
        {"seed": -1},
        {"lr_d": 0.0},
        {"lr_g": math.nan},
        {"lr_g": 2.0},
        {"shape": "drawing"},
        {"shape": "drawing", "drawing": ((0.0, 0.0),) * 501},
        {"shape": "drawing", "drawing": ((0.0, 1.5),)},
        {"shape": "drawing", "drawing": ((0.0, math.nan),)},
        {"shape": "drawing", "drawing": ((0.0, 0.0, 0.0),)},
    ],
)
def test_bad_rules_are_refused(changes):
    with pytest.raises(ValueError):
        Rules(**changes)


def test_damaged_games_are_refused():
    packed = game.start(Rules()).pack()
    damaged = [packed[:-1], packed[:3], np.append(packed, np.float32(0)), packed.astype(np.float64), packed[None]]
    for place, value in ((0, 0.5), (0, -1), (2, 0), (2, 3), (2, 9), (100, np.nan), (100, np.inf), (100, 1e6), (-1, -1)):
        one = packed.copy()
        one[place] = value
        damaged.append(one)
    for one in damaged:
        with pytest.raises(ValueError, match="packed game"):
            Game.unpack(one)


def test_a_game_that_runs_away_stops_at_its_last_sound_round(monkeypatch):
    monkeypatch.setattr(game, "WEIGHT_LIMIT", 4.0)
    rules = Rules(lr_d=0.5, lr_g=0.5)
    ended = game.play(game.start(rules), rules, 100)
    assert ended.sound and 0 < ended.g.steps < 100
    assert equal(game.play(ended, rules, 1), ended)


# ---- what is seen


@pytest.mark.parametrize("shape", game.SHAPES)
@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_every_shape_can_be_played_and_looked_at(shape, dimensions):
    drawing = ((0.5, 0.5), (-0.5, -0.5)) if shape == "drawing" else ()
    rules = Rules(shape=shape, drawing=drawing, noise=dimensions)
    real = game.real_points(rules, seeding.generator(0, 0), 2000)
    assert real.shape == (2000, 2) and real.dtype == torch.float32 and real.abs().max() <= 1.0
    seen = game.look(game.play(game.start(rules), rules, 2), rules)
    assert seen.heat.shape == (40, 40) and seen.heat.min() >= 0 and seen.heat.max() <= 1
    assert seen.real.shape == seen.made.shape == seen.pushes.shape == (200, 2)
    assert seen.manifold.shape == ((1, 250, 2) if dimensions == 1 else (25, 25, 2))
    assert 0 <= seen.js <= math.log(2) and seen.kl >= 0
    assert len(seen.modes.centres) == len(seen.modes.covered) >= 1
    for numbers in (seen.heat, seen.made, seen.pushes, seen.manifold, [seen.d_loss, seen.g_loss, *seen.answers]):
        assert np.isfinite(numbers).all()


def test_the_heat_map_is_where_it_says():
    rules = Rules()
    played = game.play(game.start(rules), rules, 20)
    heat = game.look(played, rules).heat
    place = torch.tensor([[(30 + 0.5) / 40 * 2.5 - 1.25, (5 + 0.5) / 40 * 2.5 - 1.25]])  # x of column 30, y of row 5
    assert heat[5, 30] == pytest.approx(float(torch.sigmoid(game.network(played.d.weights, place, 1))), abs=1e-6)


def test_the_manifold_is_the_image_of_equally_likely_noise():
    grid = game.noise_grid(Rules(noise=3))
    assert grid.shape == (25, 25, 3) and bool((grid[..., 2] == 0).all())
    shares = torch.special.ndtr(grid[0, :, 0])
    assert torch.allclose(shares, (torch.arange(25) + 0.5) / 25, atol=1e-5)
    assert float(game.noise_grid(Rules(noise=1, prior="uniform")).abs().max()) < 1


# ---- the measures


def test_divergences_of_equal_and_of_distant_densities():
    points = seeding.normal(1, 2000, (2,)).numpy() / 10
    p, q = game.density(points - 0.7), game.density(points + 0.7)
    assert p.sum() == pytest.approx(1) and p.min() > 0
    assert game.kl(p, p) == 0 and game.js(p, p) == 0
    assert 0.99 * math.log(2) < game.js(p, q) < math.log(2)
    assert game.js(p, q) == pytest.approx(game.js(q, p)) and game.kl(p, q) > 1
    assert game.js(p, q) == pytest.approx(jensenshannon(p.ravel(), q.ravel()) ** 2)


def test_two_batches_of_real_points_are_almost_equal_and_outliers_count():
    a, b = (game.real_points(Rules(), seeding.generator(1, i), 2000).numpy() for i in (0, 1))
    assert game.js(game.density(a), game.density(b)) < 0.02
    assert game.density(np.full((10, 2), 1e6)).argmax() == 40 * 40 - 1


def test_modes_are_counted_where_they_are():
    rules = Rules()
    real = game.real_points(rules, seeding.generator(1, 0), 2000).numpy()
    assert game.modes(rules, real, real).covered.sum() == 8
    half = real[real[:, 0] > 0.2]  # three spots of the ring
    found = game.modes(rules, real, half)
    assert found.covered.sum() == 3 and (found.centres[found.covered][:, 0] > 0.2).all()
    assert game.modes(rules, real, np.full((2000, 2), 5.0)).covered.sum() == 0
    drawing = Rules(shape="drawing", drawing=((-0.8, -0.8), (0.8, 0.8)))
    drawn = game.real_points(drawing, seeding.generator(1, 0), 2000).numpy()
    cells = game.modes(drawing, drawn, drawn[drawn[:, 0] > 0])
    assert len(cells.covered) == 2 and cells.covered.sum() == 1
    assert cells.centres[cells.covered][0] == pytest.approx([5 / 6, 5 / 6])


# ---- the claims


@pytest.mark.parametrize("objective", game.OBJECTIVES)
def test_fair_rates_find_the_ring(objective):
    """With the rates of FAIR, G covers at least six of the eight spots after 2,500 rounds."""
    lr_d, lr_g, k = game.FAIR[objective]
    rules = Rules(objective=objective, lr_d=lr_d, lr_g=lr_g, k=k)
    seen = game.look(game.play(game.start(rules), rules, 2500), rules)
    assert seen.modes.covered.sum() >= 6 and seen.js < 0.2


def test_hasty_rates_collapse():
    """The preset "Make it collapse" covers at most half of what fair rates do, at three moments and not at one only."""
    played = game.start(HASTY)
    for rounds in (1000, 500, 500):
        played = game.play(played, HASTY, rounds)
        seen = game.look(played, HASTY)
        assert seen.modes.covered.sum() <= 4 and seen.js > 0.3
