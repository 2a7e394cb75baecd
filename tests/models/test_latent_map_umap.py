"""The UMAP that can be watched and the places of new points, against umap-learn itself; the traps."""

import threading
import warnings

import numpy as np
import pytest

from models import latent_map_umap as umap
from models import traps
from models.latent_map_trust import knn, local_trust, trust_of_stranger
from models.latent_map_warmth import Warmth


@pytest.fixture(scope="module")
def cloud() -> np.ndarray:
    """Three clouds in eight dimensions, 200 points."""
    numbers = np.random.default_rng(0)
    return (numbers.standard_normal((200, 8)) + 4 * np.eye(8)[np.arange(200) % 3]).astype(np.float32)


@pytest.fixture(scope="module")
def steps(cloud) -> list[umap.FitStep]:
    return list(umap.fit(cloud, n_neighbors=10, seed=3, epochs=60, every=25))


def test_a_layout_belongs_to_its_seed(cloud):
    neighbours = knn(cloud, 10)
    first, again, other = (umap.lay(cloud, neighbours, 10, 0.1, seed, epochs=40) for seed in (0, 0, 1))
    assert np.array_equal(first, again) and not np.allclose(first, other, atol=0.1)
    assert first.shape == (200, 2) and umap.lay(cloud, neighbours, 5, 0.1, 0, 3, 20).shape == (200, 3)


def test_the_fit_yields_what_was_asked_and_belongs_to_its_seed(cloud, steps):
    assert [(step.epoch, step.epochs) for step in steps] == [(0, 60), (25, 60), (50, 60), (60, 60)]
    again = list(umap.fit(cloud, n_neighbors=10, seed=3, epochs=60, every=60))
    assert np.array_equal(again[-1].points, steps[-1].points) and np.array_equal(again[0].points, steps[0].points)
    assert not np.array_equal(steps[1].points, steps[2].points)
    assert local_trust(cloud, steps[-1].points).mean() > 0.85


def test_epoch_by_epoch_is_umap_learns_own_loop_bit_for_bit(cloud, steps):
    from umap import UMAP
    from umap.layouts import optimize_layout_euclidean
    from umap.umap_ import make_epochs_per_sample

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reducer = UMAP(10, min_dist=0.1, random_state=3, n_epochs=0, n_jobs=1).fit(cloud)
    assert np.array_equal(reducer.embedding_, steps[0].points)
    assert np.allclose(reducer.graph_.toarray(), umap.graph(knn(cloud, 10), 10).toarray(), atol=1 / 500)
    edges = reducer.graph_.tocoo()
    edges.data[edges.data < edges.data.max() / 60] = 0
    edges.eliminate_zeros()
    a, b = umap.curve(0.1)
    state = np.random.default_rng(3).integers(-(2**31) + 1, 2**31 - 1, 3)
    start = steps[0].points.copy()
    reference = optimize_layout_euclidean(
        *(start, start, edges.row, edges.col, 60, 200, make_epochs_per_sample(edges.data, 60), a, b, state),
        move_other=True,
    )
    assert np.array_equal(steps[-1].points, reference)


def test_closing_the_fit_ends_it(cloud):
    running = umap.fit(cloud, epochs=2000, every=1)
    assert [next(running).epoch for _ in range(3)] == [0, 1, 2]
    running.close()
    assert list(running) == []


@pytest.mark.parametrize(
    "change",
    [
        {"points": np.zeros((2001, 3))},
        {"points": np.zeros((9, 3))},
        {"points": np.full((50, 3), np.nan)},
        {"n_neighbors": 1},
        {"n_neighbors": 200},
        {"min_dist": -0.1},
        {"min_dist": float("nan")},
        {"dimensions": 4},
        {"epochs": 5},
        {"every": 0},
    ],
)
def test_a_fit_of_something_else_is_refused(cloud, change):
    with pytest.raises(ValueError, match="must be"):
        next(umap.fit(**({"points": cloud} | change)))


def test_the_objective_against_the_sum_over_all_pairs(cloud, steps):
    strengths = umap.graph(knn(cloud, 10), 10)
    y, (a, b) = steps[-1].points.astype(np.float64), umap.curve(0.1)
    p = strengths.toarray()
    odds = np.maximum(a * np.square(y[:, None] - y).sum(2) ** b, umap.CLOSEST)
    q = 1 / (1 + odds)
    pairs = np.triu_indices(200, 1)
    p, q = p[pairs].astype(np.float64), q[pairs]
    with np.errstate(divide="ignore", invalid="ignore"):
        tie = np.where(p > 0, p * np.log(p / q), 0)
        rest = np.where(p < 1, (1 - p) * np.log((1 - p) / (1 - q)), 0)
    found = umap.objective(steps[-1].points, strengths, 0.1)
    assert found.cross_entropy == pytest.approx((tie + rest).sum(), rel=1e-4)
    assert found.attraction == pytest.approx((p * -np.log(q)).sum(), rel=1e-5)
    assert found.cross_entropy == pytest.approx(steps[-1].objective.cross_entropy, rel=1e-4)
    lot = np.random.default_rng(1).permutation(steps[-1].points)
    assert umap.objective(lot, strengths, 0.1).cross_entropy > 1.5 * found.cross_entropy


def test_what_holds_a_point(cloud, steps):
    strengths = umap.graph(knn(cloud, 10), 10)
    others, p, q = umap.ties(steps[-1].points, strengths, 0.1, 17)
    assert 17 not in others and (np.diff(p) <= 0).all() and np.array_equal(p, strengths.toarray()[17, others])
    a, b = umap.curve(0.1)
    distance = np.linalg.norm(steps[-1].points[others] - steps[-1].points[17], axis=1)
    assert np.allclose(q, 1 / (1 + a * distance ** (2 * b)), rtol=1e-4, atol=1e-4)


def test_q_is_one_up_to_min_dist_and_falls_beyond():
    for min_dist in (0.0, 0.1, 0.5):
        a, b = umap.curve(min_dist)
        q = 1 / (1 + a * np.array([0.01, max(min_dist, 0.05), min_dist + 1, min_dist + 3]) ** (2 * b))
        assert q[0] > 0.95 and q[1] > 0.8 and q[2] == pytest.approx(np.exp(-1), abs=0.06) and q[3] < 0.12


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_new_point_gets_the_place_that_umap_learns_transform_gives_it_alone(cloud, dimensions):
    """A reducer made anew from stored points and places, as umap-learn asks for it."""
    from umap import UMAP

    map_of, new = cloud[:170], np.concatenate([cloud[170:], cloud[:2]])
    places = umap.lay(map_of, knn(map_of, 10), 10, 0.1, 0, dimensions, 60) - 3.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reducer = UMAP(10, n_components=dimensions, random_state=0, init=places, n_epochs=0, n_jobs=1)
        reducer.fit(map_of)
        reducer.embedding_, reducer.n_epochs = places, None
        expected = np.concatenate([reducer.transform(new[i : i + 1]) for i in range(len(new))])
    distances = np.sqrt(np.square(new[:, None] - map_of).sum(2, dtype=np.float64))
    order = distances.argsort(1)[:, :10]
    near = np.take_along_axis(distances, order, 1)
    found = umap.place(order, near, places, 0.1)
    assert np.allclose(found, expected, atol=1e-3) and found.shape == (32, dimensions)
    alone = np.concatenate([umap.place(order[i : i + 1], near[i : i + 1], places, 0.1) for i in range(32)])
    assert np.array_equal(found, alone)
    assert np.linalg.norm(found[30:] - places[:2], axis=1).max() < 0.1 * np.ptp(places)


def test_it_warms_up_in_the_background():
    warmth = Warmth()
    assert warmth.state == "cold"
    starters = [threading.Thread(target=warmth.start) for _ in range(3)]
    for thread in starters:
        thread.start()
    for thread in starters:
        thread.join()
    assert warmth.state in ("warming", "warm")
    assert warmth.wait(120) and warmth.state == "warm" and not warmth.reason


def test_what_stops_the_warm_up_is_told(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no compiler here")

    monkeypatch.setattr(umap, "graph", broken)
    warmth = Warmth()
    assert not warmth.wait(120) and warmth.state == "failed" and "no compiler" in warmth.reason


# --- traps -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sprung() -> dict:
    """(trap, how far its map strays) of every trap, with the value that springs it and with the last one."""
    answer = {}
    for name in traps.NAMES:
        trap = traps.make(name)
        for value in (trap.values[0], trap.values[-1]):
            *_, end = umap.fit(trap.points, value, trap.min_dist, every=umap.EPOCHS)
            answer[name, value == trap.values[0]] = traps.measure(trap, end.points)
    return answer


def test_islands_in_noise_are_not_in_the_noise(sprung):
    found, freed = sprung["noise", True], sprung["noise", False]
    assert found["islands"] > 30 and found["largest"] < 0.2
    assert found["within_map"] < 0.1 and found["within_truth"] > 0.9
    assert freed["islands"] < 6 and freed["largest"] > 0.8


def test_sizes_on_the_map_are_not_sizes(sprung):
    found = sprung["sizes", True]
    assert found["ratio_truth"] == pytest.approx(10, rel=0.1) and found["ratio_map"] < 2


def test_gaps_on_the_map_are_not_distances(sprung):
    found = sprung["distances", True]
    assert found["ratio_truth"] == pytest.approx(10, rel=0.05) and found["ratio_map"] < 5


def test_the_ring_is_torn_by_few_neighbours_and_whole_with_many(sprung):
    torn, whole = sprung["circle", True], sprung["circle", False]
    assert torn["step_truth"] < 0.3 and torn["step_map"] > 1.0 > 0.5 > whole["step_map"]


def test_traps_are_drawn_by_seed_and_measured_by_truth():
    for name in traps.NAMES:
        trap, again, other = traps.make(name), traps.make(name), traps.make(name, 1)
        assert np.array_equal(trap.points, again.points) and not np.array_equal(trap.points, other.points)
        assert len(trap.points) == len(trap.groups) <= umap.LARGEST_LIVE and trap.points.dtype == np.float32
        with pytest.raises(ValueError, match="points, not 3"):
            traps.measure(trap, trap.points[:3])
        if name != "noise":
            faithful = traps.measure(trap, trap.points)
            truth, shown = (value for _, value in sorted(faithful.items(), reverse=True))
            assert truth == shown
    with pytest.raises(ValueError, match="a trap is one of"):
        traps.make("mammoth")


def test_islands_are_found_where_there_are_some():
    numbers = np.random.default_rng(0)
    middles = 50.0 * np.array([[0, 0], [1, 0], [0, 1]]).repeat(40, 0)
    found = traps.islands(middles + numbers.uniform(-1, 1, (120, 2)))
    assert found.max() == 2 and all(len(set(part) - {-1}) == 1 for part in found.reshape(3, 40).tolist())
    assert (found >= 0).mean() > 0.8 and (traps.islands(numbers.uniform(-1, 1, (1000, 2))) == 0).mean() > 0.8


def test_a_stranger_far_from_all_is_not_trusted(cloud, steps):
    """Put at the end of the map where nothing like it lies, a point has the trust of chance at best."""
    odd = cloud[0] + 0.01
    far = np.argsort(-np.linalg.norm(steps[-1].points - steps[-1].points[0], axis=1))[:15]
    near = np.argsort(np.linalg.norm(steps[-1].points - steps[-1].points[0], axis=1))[:15]
    assert trust_of_stranger(cloud, odd, far) < 0.6 < trust_of_stranger(cloud, odd, near)
