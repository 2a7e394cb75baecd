"""Directions on synthetic codes whose true directions are known."""

import json

import numpy as np
import pytest
import torch

from models import directions
from models.directions import Column, Directions, columns, derive, leakage, learn

L = 8
rng = np.random.default_rng(0)
BASIS = np.linalg.qr(rng.normal(size=(L, L)))[0]
SMILE, AGE, RED, GREEN, BLUE, YAW = BASIS[:6]


def synthetic(count, seed):
    """Codes that are linear in the labels, plus noise; age and smile go together, as they do in photographs."""
    random = np.random.default_rng(seed)
    smile = random.integers(0, 3, count)
    age = np.clip(smile + random.integers(0, 2, count), 0, 3)
    hair = random.choice(3, count, p=[0.5, 0.3, 0.2])
    yaw = random.normal(0, 0.1, count)
    z = 0.8 * smile[:, None] * SMILE + 0.9 * age[:, None] * AGE + 8 * yaw[:, None] * YAW
    z = z + 1.5 * np.stack([RED, GREEN, BLUE])[hair] + 0.3 * random.normal(size=(count, L))
    labels = {"smile": smile, "apparent_age": age, "hair_color": hair}
    values = {"smile": ["none", "closed", "teeth"], "apparent_age": list("abcd"), "hair_color": ["r", "g", "b"]}
    return torch.tensor(z, dtype=torch.float32), columns(labels, values, {"yaw": yaw})


@pytest.fixture(scope="module")
def learnt():
    codes, table = synthetic(4000, 1)
    return codes, table, learn(codes, table, held_out=synthetic(1000, 2))


def test_true_directions_are_found(learnt):
    found = learnt[2]
    assert found.names == ("smile", "apparent_age", "hair_color=r", "hair_color=g", "hair_color=b", "yaw")
    truth = {"smile": SMILE, "apparent_age": AGE, "yaw": YAW}
    truth["hair_color=r"] = RED - (0.3 * GREEN + 0.2 * BLUE) / 0.5
    truth["hair_color=b"] = BLUE - (0.5 * RED + 0.3 * GREEN) / 0.8
    for name, vector in truth.items():
        cosine = float(found.vectors[found.names.index(name)] @ torch.tensor(vector / np.linalg.norm(vector)).float())
        assert cosine > 0.995, name


def test_other_labels_are_held_constant(learnt):
    """The difference of the two means would point along age as well; the joint regression does not."""
    codes, table, found = learnt
    smile = table["smile"].numbers
    naive = (codes[smile == 2].mean(0) - codes[smile == 0].mean(0)).numpy()
    assert naive @ AGE / np.linalg.norm(naive) > 0.4
    assert abs(found.vectors[0].numpy() @ AGE) < 0.05


def test_coordinates_are_standard_deviations(learnt):
    codes, _, found = learnt
    s = found.coordinates(codes)
    assert s.shape == (4000, 6)
    assert torch.allclose(s.mean(0), torch.zeros(6), atol=1e-4) and torch.allclose(s.std(0), torch.ones(6), atol=1e-3)
    assert torch.allclose(found.vectors.norm(dim=1), torch.ones(6), atol=1e-5)
    assert torch.allclose(found.coordinate(codes[5], "yaw"), s[5, 5], atol=1e-5)


def test_move_and_place(learnt):
    codes, _, found = learnt
    z = codes[:4]
    moved = found.move(z, "smile", 1.5)
    assert torch.allclose(found.coordinate(moved, "smile"), found.coordinate(z, "smile") + 1.5, atol=1e-4)
    across = (moved - z) - ((moved - z) @ found.vectors[0])[:, None] * found.vectors[0]
    assert across.abs().max() < 1e-5  # nothing but the direction itself
    assert torch.equal(found.move(z, "smile", 0), z)
    placed = found.place(z, "yaw", -2.0)
    assert torch.allclose(found.coordinate(placed, "yaw"), torch.full((4,), -2.0), atol=1e-4)
    assert torch.allclose(found.place(z[0], "yaw", -2.0), placed[0], atol=1e-6)  # one code alone


@pytest.mark.parametrize("strength", [5.01, -6, float("nan"), float("inf"), "1", None, True])
def test_move_refuses_wrong_strengths(learnt, strength):
    with pytest.raises(ValueError, match="strength"):
        learnt[2].move(torch.zeros(L), "smile", strength)


def test_unknown_names_are_refused_with_the_list(learnt):
    with pytest.raises(ValueError, match="hair_color=g.*not 'hair_color'"):
        learnt[2].move(torch.zeros(L), "hair_color", 1.0)
    with pytest.raises(ValueError, match="finite"):
        learnt[2].place(torch.zeros(L), "smile", float("nan"))


def test_held_out_accuracy(learnt):
    facts = learnt[2].facts
    assert facts["smile"]["score"] == "balanced accuracy" and facts["smile"]["chance"] == pytest.approx(1 / 3, abs=1e-3)
    assert facts["hair_color=g"]["value"] == "g" and facts["hair_color=g"]["label"] == "hair_color"
    assert facts["yaw"]["score"] == "R2" and facts["yaw"]["from_direction"] > 0.8
    for name, fact in facts.items():
        assert fact["from_direction"] > fact["chance"] + 0.25, name
        assert fact["from_code"] > fact["from_direction"] - 0.03, name


def test_labels_without_meaning_are_not_predicted():
    def drawn_by_lot(codes, table):
        return codes, dict(
            table, smile=Column("ordered", rng.integers(0, 3, len(codes)).astype(float), ("a", "b", "c"))
        )

    codes, table = drawn_by_lot(*synthetic(2000, 3))
    fact = learn(codes, table, held_out=drawn_by_lot(*synthetic(1000, 4))).facts["smile"]
    assert max(fact["from_direction"], fact["from_code"]) < fact["chance"] + 0.08


def test_unknown_labels_and_absent_classes():
    codes, table = synthetic(2000, 5)
    hidden = table["smile"].numbers.copy()
    hidden[::3] = np.nan
    some = dict(table, smile=Column("ordered", hidden, table["smile"].values))
    found = learn(codes, some)
    assert found.vectors[0].numpy() @ SMILE > 0.98 and found.facts == {}
    more = dict(table, hair_color=Column("classes", table["hair_color"].numbers, ("r", "g", "b", "never")))
    assert "hair_color=never" not in learn(codes, more).names
    with pytest.raises(ValueError, match="nothing is known"):
        learn(codes, {"smile": Column("ordered", np.full(2000, np.nan))})
    with pytest.raises(ValueError, match="same number of rows"):
        learn(codes[:5], table)


def test_leakage_sees_what_moves_and_only_that(learnt):
    """A world without entanglement: pictures are codes, and each reading looks along one true direction."""
    codes, _, found = learnt

    def read(z):
        p = torch.sigmoid(8 * (z @ torch.tensor(SMILE).float() - 0.8))
        return {"smile": torch.stack([1 - p, p], 1), "constant": torch.full((len(z), 4), 0.25)}

    def measure(z):
        return {"yaw": z @ torch.tensor(YAW).float() / 8}

    matrix = leakage(found, codes[:64], lambda z: z, read, measure, {"yaw": 0.1})
    assert set(matrix) == set(found.names) and set(matrix["smile"]) == {"smile", "constant", "yaw"}
    assert matrix["smile"]["smile"] > 0.95 and matrix["yaw"]["smile"] < 0.1
    assert all(row["constant"] == 0 for row in matrix.values())
    # From -2 to +2 standard deviations of z . YAW, whose standard deviation is that of 8 yaw plus the noise.
    assert matrix["yaw"]["yaw"] == pytest.approx(4 * np.hypot(0.8, 0.3) / 8 / 0.1, rel=0.05)
    assert matrix["smile"]["yaw"] < 0.2


def test_derived_measures():
    colours = {"background_r": np.array([0.2, 0.9]), "background_g": np.array([0.4, 0.9]), "background_b": np.ones(2)}
    answer = derive(colours | {"pitch": np.zeros(2), "yaw": np.ones(2)})
    assert set(answer) == {"yaw", "background_brightness", "background_blue"}
    assert answer["background_brightness"] == pytest.approx([1.6 / 3, 2.8 / 3])
    assert answer["background_blue"] == pytest.approx([0.7, 0.1])
    assert derive({"background_r": np.zeros(1)}) == {}


def test_columns_know_their_kind():
    table = columns({"smile": np.array([0, -1]), "skin": np.array([1, 0])}, {"smile": ["a"], "skin": ["b", "c"]}, {})
    assert table["smile"].kind == "ordered" and table["skin"].kind == "classes"
    assert np.isnan(table["smile"].numbers[1]) and table["skin"].values == ("b", "c")
    assert "smile" in directions.ORDERED


def test_saved_and_loaded(learnt, tmp_path):
    codes, _, found = learnt
    full = Directions(found.names, found.vectors, found.means, found.stds, found.facts, {"smile": {"yaw": 0.25}})
    full.save(tmp_path)
    again = Directions.load(tmp_path)
    assert again.names == full.names and again.facts == full.facts and again.leakage == full.leakage
    assert torch.equal(again.move(codes, "yaw", 1.0), full.move(codes, "yaw", 1.0))
    json.loads((tmp_path / "directions.json").read_text(), parse_constant=pytest.fail)  # no NaN: readable by anybody
    with pytest.raises(FileNotFoundError):
        Directions.load(tmp_path / "nowhere")
