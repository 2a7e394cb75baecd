"""Neighbours, trustworthiness and what survives, against scikit-learn and by hand; layouts turned and stored."""

import numpy as np
import pytest
from scipy.spatial.distance import pdist
from sklearn.manifold import trustworthiness
from sklearn.neighbors import NearestNeighbors

from models import latent_map_layouts as layouts
from models import latent_map_trust as trust
from models.latent_map_layouts import Key


def cloud(count=150, size=10, seed=0):
    return np.random.default_rng(seed).standard_normal((count, size)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 5, 15])
def test_trustworthiness_is_that_of_scikit_learn_and_continuity_its_mirror_image(k):
    truth = cloud()
    shown = truth[:, :2] + 0.3 * cloud(size=2, seed=1)
    seen = trust.distortion(truth, shown, k)
    assert seen.trust.mean() == pytest.approx(trustworthiness(truth, shown, n_neighbors=k), abs=1e-12)
    assert seen.continuity.mean() == pytest.approx(trustworthiness(shown, truth, n_neighbors=k), abs=1e-12)
    assert seen.trust.std() > 0.01


def test_a_faithful_map_has_trust_1_and_a_random_one_what_chance_gives():
    plane = cloud(size=2)
    assert np.array_equal(trust.local_trust(plane, 3 * plane[:, ::-1] + 1), np.ones(150))
    lot = trust.local_trust(cloud(400), cloud(400, 2, seed=1))
    assert lot.mean() == pytest.approx(0.5, abs=0.03)
    assert trust.above_chance(lot).mean() < 0.1 and trust.above_chance(1.0) == 1 and trust.above_chance(0.3) == 0


def test_some_points_are_those_points_of_all():
    truth, shown = cloud(600), cloud(600, 2, seed=1)
    rows = np.array([599, 3, 300])
    assert np.allclose(trust.local_trust(truth, shown, 7, rows), trust.local_trust(truth, shown, 7)[rows])


def test_a_stranger_is_trusted_as_the_point_it_would_be():
    truth = cloud(81)
    shown = truth[:, :2] + 0.5 * cloud(81, 2, seed=1)
    near = trust.nearest_others(shown, 9, np.array([80]))[0]
    assert trust.trust_of_stranger(truth[:80], truth[80], near) == pytest.approx(
        trust.local_trust(truth, shown, 9, np.array([80]))[0]
    )


@pytest.mark.parametrize("k, other", [(75, 150), (0, 150), (5, 149)])
def test_numbers_that_would_mean_nothing_are_refused(k, other):
    with pytest.raises(ValueError, match="n / 2"):
        trust.local_trust(cloud(), cloud(other, 2), k)


def test_nearest_others_against_scikit_learn():
    points = cloud(300, 6)
    reference = NearestNeighbors(n_neighbors=8, algorithm="kd_tree").fit(points)
    distances, indices = reference.kneighbors()
    assert np.array_equal(trust.nearest_others(points, 8), indices)
    given = trust.knn(points, 9)
    assert np.array_equal(given[0], np.hstack([np.arange(300)[:, None], indices]))
    assert np.allclose(given[1][:, 1:], distances, atol=1e-5) and not given[1][:, 0].any()
    assert np.array_equal(trust.nearest_to(points, points[7], 4)[0], [7, *indices[7, :3]])
    with pytest.raises(ValueError, match="cannot find"):
        trust.nearest_others(points, 300)


def test_a_double_is_a_neighbour_and_a_point_itself_is_not():
    points = np.concatenate([cloud(20, 3), cloud(20, 3)[:4]])
    found = trust.nearest_others(points, 3)
    assert found[:4, 0].tolist() == [20, 21, 22, 23] and found[20:, 0].tolist() == [0, 1, 2, 3]
    assert not (found == np.arange(24)[:, None]).any()


def test_what_survives():
    first = cloud(400, 2)
    same = trust.survival([first, first[:, ::-1] * 2 + 5], 10)
    assert np.array_equal(same.kept, np.ones(400)) and np.array_equal(same.always, np.ones(400))
    lots = trust.survival([first, *(cloud(400, 2, seed=s) for s in (1, 2, 3))], 10)
    assert lots.kept.mean() == pytest.approx(10 / 399, abs=0.01) and lots.always.max() <= lots.kept.max()
    half = trust.survival([first, first, cloud(400, 2, seed=1)], 10)
    assert half.kept.mean() == pytest.approx((1 + 10 / 399) / 2, abs=0.01) and half.always.mean() < 0.1
    with pytest.raises(ValueError, match="itself"):
        trust.survival([first])


def test_shepard_is_exact_at_a_point_and_has_no_jumps():
    assert np.array_equal(trust.shepard(np.array([[0.0, 1.0, 2.0, 3.0]])), [[1, 0, 0]])
    assert np.allclose(trust.shepard(np.array([[0.0, 0.0, 2.0]])), [[0.5, 0.5]])
    assert np.allclose(trust.shepard(np.array([[2.0, 2.0, 2.0]])), [[0.5, 0.5]])
    weights = trust.shepard(np.sort(cloud(50, 9) ** 2, axis=1))
    assert np.allclose(weights.sum(1), 1) and (np.diff(weights, axis=1) <= 0).all()
    # a walk past 30 points of the line, far finer than they lie: what is interpolated never jumps
    points = np.linspace(-1.2, 1.2, 30) + 0.02 * cloud(30, 1)[:, 0]
    values = cloud(30, 1, seed=1)[:, 0]
    met = []
    for x in np.linspace(-1, 1, 4001):
        near, distances = trust.nearest_to(points[:, None], np.array([x]), 5)
        met.append(trust.shepard(distances[None])[0] @ values[near[:4]])
    assert np.abs(np.diff(met)).max() < 0.1 and np.ptp(met) > 1


# --- layouts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimensions", [2, 3])
def test_alignment_undoes_a_turn_and_changes_no_distance(dimensions):
    reference = cloud(200, dimensions)
    turn = np.linalg.qr(cloud(dimensions, dimensions, seed=2))[0]
    moved = reference @ turn + 7.0
    aligned = layouts.align(moved, reference)
    assert np.allclose(aligned, reference - reference.mean(0), atol=1e-5)
    other = (3 * cloud(200, dimensions, seed=3) + 5).astype(np.float32)
    turned = layouts.align(other, reference)
    assert np.allclose(pdist(turned), pdist(other), rtol=1e-4, atol=1e-4) and np.allclose(turned.mean(0), 0, atol=1e-5)
    assert np.square(turned - reference).sum() <= np.square(other - other.mean(0) - reference).sum()
    with pytest.raises(ValueError, match="towards"):
        layouts.align(reference, reference[:5])


@pytest.mark.parametrize("kind, levels", [(np.uint8, 255), (np.uint16, 65535)])
def test_packed_numbers_come_back_to_half_a_step(kind, levels):
    values = cloud(500, 4) * np.array([1, 100, 0.01, 0]) + 3
    arrays = layouts.pack("places", values, kind)
    assert arrays["places"].dtype == kind and set(arrays) == {"places", "places.low", "places.step"}
    back = layouts.unpack("places", arrays)
    error = np.abs(back - values).max(0)
    assert (error[:3] <= 0.51 * np.ptp(values, 0)[:3] / levels + 1e-5).all() and error[3] < 1e-6


def test_keys_have_names_of_their_own_and_the_grid_holds_the_default():
    keys = [key for representation in layouts.REPRESENTATIONS for key in layouts.shipped(representation)]
    assert len({key.name for key in keys}) == len(keys)
    assert keys[0] == Key() and keys[0].name == "latent-umap-15-0.1-0-2d"
    for representation in layouts.REPRESENTATIONS:
        mine = [key for key in keys if key.representation == representation]
        assert {key.seed for key in mine if key == Key(representation, seed=key.seed)} == set(range(5))
        assert {(key.method, key.dimensions) for key in mine} == {
            *(("umap", 2), ("umap", 3), ("tsne", 2), ("pca", 2), ("pca", 3))
        }
    grid = {(key.n_neighbors, key.min_dist) for key in keys if key.representation == "latent" and key.method == "umap"}
    assert grid == {(n, d) for n in layouts.N_NEIGHBORS for d in layouts.MIN_DIST}
