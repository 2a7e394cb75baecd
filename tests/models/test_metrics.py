"""The metrics against closed forms and against data whose answer is known."""

import numpy as np
import pytest
import torch
from scipy import linalg
from scipy.spatial.distance import cdist, pdist
from sklearn.neighbors import NearestNeighbors
from torch.distributions import Normal, kl_divergence

from models import metrics

rng = np.random.default_rng(0)


def test_active_units():
    means = rng.normal(size=(2000, 3)) * [1.0, 0.05, 0.2]  # variances 1, 0.0025, 0.04
    assert metrics.active_units(means).tolist() == [True, False, True]
    assert metrics.active_units(torch.tensor(means), threshold=0.5).tolist() == [True, False, False]


def test_kl_matches_torch():
    mean, std = torch.randn(50, 4, dtype=torch.float64), torch.rand(50, 4, dtype=torch.float64) + 0.1
    expected = kl_divergence(Normal(mean, std), Normal(0.0, 1.0)).mean(0)
    assert np.allclose(metrics.kl_per_dimension(mean, std), expected, atol=1e-9)
    assert np.allclose(metrics.kl_per_dimension(np.zeros((3, 2)), np.ones((3, 2))), 0)
    with pytest.raises(ValueError, match="positive"):
        metrics.kl_per_dimension(np.zeros((3, 2)), np.zeros((3, 2)))


def independent_factors(count=6000):
    return {"a": rng.integers(0, 4, count), "b": rng.integers(0, 3, count), "c": rng.integers(0, 5, count)}


def test_mig_of_perfect_entangled_and_useless_codes():
    factors = independent_factors()
    one_each = np.stack([*factors.values(), rng.normal(size=6000)], 1) + 0.01 * rng.normal(size=(6000, 4))
    perfect = metrics.mig(one_each, factors)
    assert perfect.score > 0.97
    assert np.argmax(perfect.information, axis=0).tolist() == [0, 1, 2]
    assert np.allclose(perfect.information[[0, 1, 2], [0, 1, 2]], np.log([4, 3, 5]), atol=0.02)
    twice = np.concatenate([one_each, one_each], 1)  # two latents know the same: no gap
    assert metrics.mig(twice, factors).score < 0.01
    assert metrics.mig(rng.normal(size=(6000, 4)), factors).score < 0.02
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    assert metrics.mig(one_each @ rotation, factors).score < 0.5 * perfect.score


def test_mig_by_hand():
    # One latent equals the factor, another is the factor seen through a coin: I = log 2 and 0 exactly.
    factor = np.array([0, 0, 1, 1] * 25)
    coin = np.array([0, 1, 0, 1] * 25)
    result = metrics.mig(np.stack([factor, coin], 1), {"f": factor})
    assert result.score == pytest.approx(1.0) and result.information[:, 0] == pytest.approx([np.log(2), 0.0])


def test_dci_of_perfect_rotated_and_useless_codes():
    factors = independent_factors(3000)
    one_each = np.stack(list(factors.values()), 1) + 0.02 * rng.normal(size=(3000, 3))
    perfect = metrics.dci(one_each, factors, samples=3000, trees=20)
    assert min(perfect.disentanglement, perfect.completeness) > 0.95 and perfect.informativeness > 0.99
    again = metrics.dci(one_each, factors, samples=3000, trees=20)
    assert np.array_equal(perfect.importance, again.importance) and perfect.accuracy == again.accuracy
    rotation = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    rotated = metrics.dci(one_each @ rotation, factors, samples=3000, trees=20)
    assert rotated.disentanglement < perfect.disentanglement - 0.2
    useless = metrics.dci(rng.normal(size=(3000, 3)), factors, samples=3000, trees=20)
    assert useless.informativeness < 0.4 and useless.disentanglement < 0.1


def test_dci_completeness_is_not_disentanglement():
    # Every latent knows one factor only, but factor a is spread over two latents that are both needed.
    a, b = rng.integers(0, 4, 3000), rng.integers(0, 4, 3000)
    codes = np.stack([a // 2, a % 2, b], 1) + 0.02 * rng.normal(size=(3000, 3))
    result = metrics.dci(codes, {"a": a, "b": b}, samples=3000, trees=20)
    assert result.disentanglement > 0.9 and result.completeness < 0.85


def test_frechet_against_closed_forms():
    a = rng.normal(size=(4000, 6))
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert metrics.frechet_distance(a, a + 2.0) == pytest.approx(6 * 4.0)  # moved: the squared distance of the means
    assert metrics.frechet_distance(a, 3 * (a - a.mean(0)) + a.mean(0)) == pytest.approx(4 * np.trace(np.cov(a.T)))
    b = rng.normal(size=(3000, 6)) @ rng.normal(size=(6, 6)) + 1
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    expected = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(cov_a + cov_b - 2 * np.real(linalg.sqrtm(cov_a @ cov_b)))
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_distance(b, a) == pytest.approx(expected, rel=1e-6)
    assert metrics.frechet_distance(a[:, :1], a[:, :1] + 1) == pytest.approx(1.0)


def test_diversity_is_the_mean_pairwise_distance():
    points = rng.normal(size=(1100, 7)) + 50  # more than one part, far from the origin
    assert metrics.diversity(points) == pytest.approx(pdist(points).mean(), rel=1e-9)
    assert metrics.diversity([[0.0, 0.0], [3.0, 4.0]]) == pytest.approx(5.0)
    assert metrics.diversity(np.tile(points[:1], (30, 1))) == pytest.approx(0.0, abs=1e-6)
    assert metrics.diversity(3 * points) == pytest.approx(3 * metrics.diversity(points))


def by_hand(reference, features, k):
    """The share within the balls, from scikit-learn's neighbours and all distances."""
    radii = NearestNeighbors(n_neighbors=k + 1).fit(reference).kneighbors(reference)[0][:, k]
    return (cdist(features, reference) <= radii).any(axis=1).mean()


@pytest.mark.parametrize("k", [1, 3, 5])
def test_precision_and_recall_against_scikit_learn(k):
    real, made = rng.normal(size=(700, 4)), rng.normal(size=(600, 4)) * [0.3, 0.5, 1.0, 2.0] + 0.5
    precision, recall = metrics.precision_recall(real, made, k)
    assert precision == pytest.approx(by_hand(real, made, k)) and recall == pytest.approx(by_hand(made, real, k))
    assert metrics.precision_recall(made, real, k) == (recall, precision)


def test_precision_and_recall_of_known_cases():
    real = rng.normal(size=(400, 3))
    assert metrics.precision_recall(real, real) == (1.0, 1.0)
    assert metrics.precision_recall(real, real + 100) == (0.0, 0.0)
    two = np.concatenate([real, real + 50])
    one_mode = rng.normal(size=(800, 3))  # half of what is real, done well
    precision, recall = metrics.precision_recall(two, one_mode)
    assert precision > 0.9 and 0.4 < recall < 0.5
    spread = np.concatenate([two, two + 500])  # all of what is real, and as much nonsense
    precision, recall = metrics.precision_recall(two, spread)
    assert precision == pytest.approx(0.5) and recall == 1.0


def test_coverage_counts_the_balls_that_are_hit():
    real = rng.normal(size=(300, 3))
    radii = NearestNeighbors(n_neighbors=6).fit(real).kneighbors(real)[0][:, 5]
    made = rng.normal(size=(250, 3)) + 1
    assert metrics.coverage(real, made) == pytest.approx((cdist(made, real) <= radii).any(axis=0).mean())
    assert metrics.coverage(real, real) == 1.0 and metrics.coverage(real, real + 100) == 0.0
    # One point far out has a huge ball around it: recall falls for it, coverage does not.
    far = np.concatenate([real[:4] + 100, [[-1e4] * 3, [1e4] * 3]])
    assert metrics.within(far, real, 5) == 1.0 and metrics.coverage(real, far) == 0.0


def test_nearest_against_all_distances():
    points, reference = rng.normal(size=(700, 5)), rng.normal(size=(90, 5))
    reference[7] = points[650]
    indices, distances = metrics.nearest(points, reference, k=3)
    everything = np.linalg.norm(points[:, None] - reference, axis=2)
    assert np.array_equal(indices, np.argsort(everything, axis=1)[:, :3])
    assert np.allclose(distances, np.sort(everything, axis=1)[:, :3])
    assert indices[650, 0] == 7 and distances[650, 0] == 0.0


def test_face_likeness_orders_copies_unseen_and_strange():
    training, held_out = rng.normal(size=(800, 4)), rng.normal(size=(300, 4))
    usual = metrics.baseline(held_out, training)
    assert np.all(np.diff(usual) >= 0)
    assert np.all(metrics.face_likeness(training[:20], training, usual) == 1.0)  # copies
    unseen = metrics.face_likeness(rng.normal(size=(500, 4)), training, usual)
    assert 0.4 < unseen.mean() < 0.6  # real but new: uniform between 0 and 1
    assert np.all(metrics.face_likeness(rng.normal(size=(20, 4)) + 30, training, usual) == 0.0)


def test_exceeded_by():
    assert metrics.exceeded_by([0.0, 2.0, 2.5, 9.0], [1, 2, 3, 4]).tolist() == [1.0, 0.75, 0.5, 0.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda: metrics.active_units(np.zeros(3)),
        lambda: metrics.active_units(np.full((3, 2), np.nan)),
        lambda: metrics.mig(np.zeros((4, 1)), {"f": np.array([0, 1, 0, 1])}),
        lambda: metrics.mig(np.zeros((4, 2)), {"f": np.array([0, 0, 0, 0])}),
        lambda: metrics.mig(np.zeros((4, 2)), {"f": np.array([0, -1, 0, 1])}),
        lambda: metrics.mig(np.zeros((4, 2)), {}),
        lambda: metrics.dci(np.zeros((4, 2)), {"f": np.array([0, 1, 0, 1])}),
        lambda: metrics.frechet_distance(np.zeros((4, 2)), np.zeros((4, 3))),
        lambda: metrics.nearest(np.zeros((4, 2)), np.zeros((2, 2)), k=3),
        lambda: metrics.diversity(np.zeros((1, 2))),
        lambda: metrics.precision_recall(np.zeros((3, 2)), np.zeros((9, 2))),
        lambda: metrics.within(np.zeros((9, 2)), np.zeros((9, 3))),
        lambda: metrics.coverage(np.zeros((9, 2)), np.zeros((9, 2)), k=0),
    ],
)
def test_wrong_input_is_refused(call):
    with pytest.raises(ValueError):
        call()
