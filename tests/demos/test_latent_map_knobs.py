"""Parts "Knobs" and "Side by side" of the map tab: the grid, the live fit, and three maps under one brush."""

import base64

import numpy as np
import pytest

from demos.latent_map_parts import fits, knobs, knobs_live, methods
from demos.latent_map_parts.scene import Scene
from models.latent_map_layouts import MIN_DIST, N_NEIGHBORS, Key
from tests.demos.driver import controls
from tests.demos.tiny_map import COUNT, alone, both, warm


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    warm()
    return both(tmp_path_factory)


@pytest.fixture
def page(monkeypatch, maps):
    monkeypatch.setattr(fits, "EPOCHS", 60)
    monkeypatch.setattr(knobs_live, "EPOCHS", 60)
    yield from alone(monkeypatch, maps)


# ---- the grid


def test_the_sliders_and_the_cells_go_to_the_same_layouts(page):
    answer = page.step(page.state(part="knobs"), ("knob-n", 3), ("knob-d", 2))
    state = answer["state"]
    assert (state["n_neighbors"], state["min_dist"]) == ("100", "0.5")
    assert page.step(page.state(part="knobs"), ("knob-cell", [2, 3]))["state"] == state
    rows = answer["view"]["knobs-trust"]["rows"]
    for row, d in zip(rows, MIN_DIST, strict=True):
        layouts = [page.maps["toons"].layout(Key(n_neighbors=n, min_dist=d)) for n in N_NEIGHBORS]
        assert [cell["text"] for cell in row["cells"]] == [f"{one.trustworthiness:.3f}" for one in layouts]
    assert [cell["selected"] for cell in rows[2]["cells"]] == [False, False, False, True]
    assert sum(cell["best"] for row in rows for cell in row["cells"]) == 1
    assert len(controls(answer["view"])) <= 6


@pytest.mark.parametrize(
    "action", [("knob-n", 4), ("knob-d", -1), ("knob-n", "x"), ("knob-n", 1.5), ("knob-cell", 3), ("knob-cell", [0, 9])]
)
def test_positions_off_the_grid_are_refused(page, action):
    assert "error" in page.step(page.state(part="knobs"), action)


def test_the_objective_is_measured_and_stands_in_the_formula(page):
    view = page.settled(page.state(part="knobs", n_neighbors="5"))["view"]
    found = page.maps["toons"].objective(Key(n_neighbors=5))
    numbers = [part["n"] for line in view["formula"]["lines"] for part in line if isinstance(part, dict)]
    assert f"{found.cross_entropy:,.0f}" in numbers and f"{found.attraction:,.0f}" in numbers
    assert view["knobs-meters"]["items"][0]["value"] == pytest.approx(found.cross_entropy / 1000)


def test_points_keep_their_identity_between_cells(page):
    boards = [page.step(page.state(part="knobs", n_neighbors=n))["view"]["knobs-board"] for n in ("5", "100")]
    assert boards[0]["name"] == boards[1]["name"] and boards[0]["points"]["count"] == boards[1]["points"]["count"]
    assert boards[0]["points"]["x"] != boards[1]["points"]["x"]


# ---- the live fit


LIVE = {"part": "knobs", "knobs_mode": "live", "fit_n": 7, "fit_size": 100, "seed": 3}


def test_nothing_is_fitted_before_it_is_asked_for(page):
    view = page.step(page.state(**LIVE))["view"]
    assert "again" not in view and view["knobs-meters"]["items"][0]["value"] == 0
    assert [item["name"] for item in view["rail"]["items"] if item["kind"] == "button"] == ["fit-start"]
    assert len(controls(view)) <= 6


def test_the_fit_is_watched_to_its_end_and_is_what_the_model_gives(page):
    seen = list(page.answers(page.state(**LIVE), ("fit-start", None)))
    epochs = [answer["view"]["knobs-meters"]["items"][0]["value"] for answer in seen]
    assert epochs == sorted(epochs) and epochs[-1] == 60
    view = seen[-1]["view"]
    asked = knobs_live.request(Scene(seen[-1]["state"]))
    moments = list(asked.start())
    assert len(moments) == 7
    y = view["knobs-descent"]["series"][0]["y"]
    assert y == [round(one.objective.cross_entropy, 1) for one in moments]
    ids = np.frombuffer(base64.b64decode(view["knobs-board"]["points"]["ids"]), "<u2")
    assert ids.tolist() == asked.chosen().tolist() and len(ids) == 100
    assert f"to {moments[-1].objective.cross_entropy:,.0f} nats" in view["see"]
    assert np.sqrt(np.square(moments[-1].places).sum(1).mean()) == pytest.approx(1)


def test_stop_go_on_and_another_knob(page, monkeypatch):
    monkeypatch.setattr(fits, "EPOCHS", 2000)
    answer = page.step(page.state(**LIVE, fit_on=True))
    stopped = page.step(answer["state"], ("fit-stop", None))
    view = stopped["view"]
    assert "again" not in view and any(item.get("name") == "fit-go-on" for item in view["rail"]["items"])
    assert "again" in page.step(stopped["state"], ("fit-go-on", None))["view"]
    turned = page.step(stopped["state"], ("fit_n", 9))
    assert "again" in turned["view"]
    back = page.step(turned["state"], ("fit-back", None))
    assert not back["state"]["fit_on"] and "again" not in back["view"]


def test_a_second_fit_waits_and_says_so(page, monkeypatch):
    monkeypatch.setattr(fits, "EPOCHS", 2000)
    page.step(page.state(**LIVE, fit_on=True))
    other = page.step(page.state(**LIVE | {"seed": 4}, fit_on=True))
    assert "again" in other["view"]
    assert other["view"]["see"].startswith(("Waiting: 1 run before this one", "Computing"))


@pytest.mark.parametrize("of", ["", "skin=porcelain=", "<b>", "skin=magic", "\u202eskin"])
def test_an_unknown_subset_is_any_pictures(page, of):
    state = page.state(**LIVE, fit_of=of)
    assert knobs_live.request(Scene(state)).of == fits.RANDOM and "error" not in page.step(state)


def test_a_subset_is_of_one_value_and_has_more_points_than_neighbours(page):
    atlas = page.maps["toons"]
    of, count = next(iter(fits.values(atlas).items()))
    label, value = of.split("=")
    asked = knobs_live.request(Scene(page.state(**LIVE | {"fit_n": 200}, fit_of=of)))
    chosen = asked.chosen()
    assert len(chosen) == count and asked.n_neighbors == count - 1
    assert (atlas.labels[label][chosen] == atlas.values[label].index(value)).all()


# ---- side by side


def test_three_methods_and_three_spaces(page):
    for compare, names in (("methods", ("umap", "tsne", "pca")), ("representations", ("latent", "features", "pixels"))):
        view = page.settled(page.state(part="methods", compare=compare))["view"]
        boards = [view[name] for name in methods.BOARDS]
        assert {board["brush"] for board in boards} == {"methods"} and len({b["points"]["x"] for b in boards}) == 3
        for k, name in enumerate(names):
            assert name in methods.of_board(Scene(page.state(part="methods", compare=compare)), k).layout.key.name
        assert view["see"].count("%") == 3 and len(controls(view)) <= 6


def test_what_is_circled_on_one_map_is_selected_on_all(page):
    atlas = page.maps["toons"]
    layout = atlas.layout(Key(method="pca"))
    places = layout.points / layout.scale
    x, y = np.median(places, 0).tolist()
    line = [[x, -9.0], [9.0, -9.0], [9.0, 9.0], [x, 9.0]]
    answer = page.settled(page.state(part="methods"), ("brush-lasso-2", line))
    view = answer["view"]
    bits = {view[name]["selection"] for name in methods.BOARDS}
    assert len(bits) == 1
    chosen = np.unpackbits(np.frombuffer(base64.b64decode(bits.pop()), np.uint8))[: len(atlas)].astype(bool)
    assert np.array_equal(chosen, (places[:, 0] > x) & (np.abs(places) < 9).all(1))
    assert view["see"].startswith(f"{chosen.sum():,} circled")
    assert [view[name]["hull"] is None for name in methods.BOARDS] == [True, True, False]
    cleared = page.step(answer["state"], ("brush-lasso-2", None))
    assert cleared["view"]["methods-a"]["selection"] is None


def test_a_click_pins_a_real_picture_on_all_three(page):
    answer = page.step(page.state(part="methods"), ("brush-pick-1", {"point": 12, "place": [0.0, 0.0]}))
    assert {answer["view"][name]["marks"][0]["point"] for name in methods.BOARDS} == {12}
    for bad in (None, {"point": COUNT, "place": None}):
        assert "error" in page.step(page.state(part="methods"), ("brush-pick-1", bad))
    assert "error" in page.step(page.state(part="methods"), ("brush-lasso-0", [[0, 0], [1, 1]]))
    assert knobs.act(page.state(), "brush-pick-9", None) is None
