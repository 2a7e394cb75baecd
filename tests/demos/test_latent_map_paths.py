"""Part "Paths" of the map tab: two roads between two pictures, and that the words follow from the numbers."""

import numpy as np
import pytest
import torch

from demos.latent_map_parts import paths, pieces
from demos.latent_map_parts.roads import FRAMES, Walk, Walked
from demos.latent_map_parts.scene import Scene
from demos.widgets.picture import pixels
from models.latent_map_records import Road
from tests.demos.driver import controls
from tests.demos.tiny_map import COUNT, alone, both

PART = {"part": "paths", "road_a": 3, "road_b": 10}


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    return both(tmp_path_factory)


@pytest.fixture
def page(monkeypatch, maps):
    yield from alone(monkeypatch, maps)


@pytest.mark.parametrize("data", ["toons", "portraits"])
def test_both_roads_lead_from_a_to_b(page, data):
    answer = page.settled(page.state(**PART, data=data))
    view, layout = answer["view"], page.maps[data].layout()
    board, strip = view["paths-board"], view["paths-strip"]
    ends = layout.points[[3, 10]] / layout.scale
    for road in board["roads"]:
        assert np.allclose([road["xy"][0], road["xy"][-1]], ends, atol=1e-4) and len(road["xy"]) == FRAMES
    assert [mark["point"] for mark in board["marks"]] == [3, 10] and board["follows"] == "paths-strip"
    on_map, in_latent = Walk(data, 3, 10, layout.key).roads
    assert on_map.length > in_latent.length
    assert [pane.split(" · ")[1] for pane in strip["panes"]] == [f"{r.length:.1f} long" for r in (on_map, in_latent)]
    curves = view["paths-trust"]["series"]
    assert (
        np.allclose(curves[0]["y"], 100 * on_map.trust, atol=0.01) and view["paths-trust"]["follows"] == "paths-strip"
    )
    assert strip["count"] == FRAMES and len(strip["captions"]) == FRAMES == len(strip["notes"])
    atlas = pixels(strip["atlas"])
    assert np.abs(atlas[:64, :64].astype(int) - atlas[:64, 64:128]).mean() < 2  # both begin with the face of A
    assert f"{on_map.length / in_latent.length:.1f} times" in view["see"]
    assert len(controls(view)) <= 6


def test_while_the_roads_are_looked_for_the_strip_begins_with_a(page, monkeypatch):
    """The first answer has a face, the places of all frames and the formula; what is not known yet is not said."""
    monkeypatch.setattr("demos.follow.FIRST", 0.0)
    first, *_, last = page.answers(page.state(**PART))
    view, settled = first["view"], last["view"]["paths-strip"]
    start = view["paths-strip"]["append"]
    assert (start["index"], start["count"], start["of"]) == (0, 1, FRAMES) and start["run"] != settled["run"]
    a = [pixels(atlas)[:64, :64].astype(int) for atlas in (start["atlas"], settled["atlas"])]
    assert np.abs(a[0] - a[1]).mean() < 3
    assert view["formula"]["code"] and len(view["formula"]["lines"]) == 2


def test_clicks_set_a_and_b_in_turn_and_an_empty_place_means_the_nearest_point(page):
    state = page.state(**PART)
    layout = page.maps["toons"].layout()
    answer = page.step(state, ("road-pick", {"point": 44, "place": [0.0, 0.0]}))
    assert (answer["state"]["road_a"], answer["state"]["road_b"], answer["state"]["road_end"]) == (44, 10, "b")
    beside = (layout.points[71] / layout.scale + 1e-4).tolist()
    answer = page.step(answer["state"], ("road-pick", {"point": -1, "place": beside}))
    assert (answer["state"]["road_a"], answer["state"]["road_b"], answer["state"]["road_end"]) == (44, 71, "a")
    swapped = page.step(answer["state"], ("road-swap", None))["state"]
    assert (swapped["road_a"], swapped["road_b"], swapped["road_at"]) == (
        71,
        44,
        FRAMES - 1 - answer["state"]["road_at"],
    )
    other = page.step(swapped, ("road-another", None))["state"]
    assert other["road_a"] != other["road_b"] and max(other["road_a"], other["road_b"]) < COUNT
    assert page.step(state, ("frame", 5))["state"]["road_at"] == 5


@pytest.mark.parametrize(
    "value",
    [None, 3, {}, {"point": -1, "place": None}, {"point": True, "place": [1]}, {"point": -1, "place": ["a", 2]}],
)
def test_what_no_board_sends_is_refused(page, value):
    answer = page.step(page.state(**PART), ("road-pick", value))
    assert answer == {"error": "Click on a point of the map."}


def test_an_end_beyond_the_map_starts_over(page):
    scene = Scene(page.state(part="paths", road_a=60_001, road_b=9))
    assert pieces.chosen(scene, "road_a") == 60_001 % len(scene.atlas)
    assert "error" not in page.step(scene.state)


def test_the_words_follow_from_the_numbers():
    def road(length, least):
        return Road(torch.zeros(FRAMES, 2), np.zeros((FRAMES, 2)), np.full(FRAMES, least), length)

    words = paths.see(Walked((road(6.0, 0.25), road(2.0, 0.5)), "", (7, 4), 3, 10))
    assert "3.0 times as far" in words and "differ in 3 of 10" in words and "25 % and 50 %" in words
    assert "same picture" in paths.see(Walked((road(0.0, 1), road(0.0, 1)), "", (0, 0), 0, 10))


def test_the_run_is_saved_as_both_faces_side_by_side(page):
    frames = paths.frames(Scene(page.state(**PART)))
    assert len(frames) == FRAMES and frames[0].shape == (64, 128, 3)
