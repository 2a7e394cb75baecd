"""Part "Models" of the map tab: what a family covers, what it never draws, and the table of all of them."""

import base64

import numpy as np
import pytest

from demos.latent_map_parts import families
from demos.latent_map_parts.scene import Scene
from models.latent_map_families import Visit
from tests.demos.driver import controls
from tests.demos.tiny_map import COUNT, SAMPLES, alone, both


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    return both(tmp_path_factory)


@pytest.fixture
def page(monkeypatch, maps):
    yield from alone(monkeypatch, maps)


def test_the_table_has_every_family_that_exists_and_the_floor(page):
    view = page.settled(page.state(part="families"))["view"]
    rows = view["families-table"]["rows"]
    assert [row["label"] for row in rows] == ["GAN", "GAN that collapsed", "real ones (the floor)"]
    assert [row.get("selected", False) for row in rows] == [True, False, False] and "action" not in rows[-1]
    for row, name in zip(rows, ("gan", "gan-collapsed", "real"), strict=True):
        visit = page.maps["toons"].visit(name)
        assert [cell["share"] for cell in row["cells"]] == [visit.precision, visit.recall, visit.never_visited]
    assert rows[1]["cells"][2]["share"] > rows[0]["cells"][2]["share"] > 0  # the collapsed one misses more
    assert len(controls(view)) <= 6


def test_one_family_lies_on_grey_real_pictures_and_what_it_never_draws_stands_out(page):
    answer = page.settled(page.state(part="families"), ("family", "gan-collapsed"))
    board = answer["view"]["families-board"]
    values = np.frombuffer(base64.b64decode(board["colours"]["values"]), np.uint8)
    ids = np.frombuffer(base64.b64decode(board["points"]["ids"]), "<u2")
    assert ids[COUNT:].tolist() == list(range(COUNT + SAMPLES, COUNT + 2 * SAMPLES)) and (values[COUNT:] == 0).all()
    visit = page.maps["toons"].visit("gan-collapsed")
    assert np.array_equal(values[:COUNT] == 1, ~visit.visited) and (values[:COUNT][visit.visited] == 255).all()
    assert 0.6 < visit.never_visited < 0.9  # three clouds of four
    assert f"{100 * visit.never_visited:.0f} %" in answer["view"]["see"]
    quiet = page.step(answer["state"], ("family_missing", False))["view"]["families-board"]
    assert not (np.frombuffer(base64.b64decode(quiet["colours"]["values"]), np.uint8) == 1).any()
    faces = answer["view"]["families-faces"]
    assert faces["rows"] == 2 == len(faces["row_labels"])


def test_a_family_that_is_not_on_this_map_gives_way_to_one_that_is(page):
    view = page.settled(page.state(part="families", family="diffusion"))["view"]
    assert view["families-table"]["rows"][0]["selected"]
    assert page.step(page.state(part="families"), ("family", "magic"))["error"].startswith("family is one of")


def test_the_label_that_is_missed_most_is_found(page):
    scene = Scene(page.state(part="families"))
    label, values = next(iter(scene.atlas.values.items()))
    of_real = scene.atlas.labels[label][:COUNT]
    monkey = Visit(0.5, 0.5, of_real != 1, np.ones(COUNT, bool))
    families.FEWEST, before = 5, families.FEWEST
    try:
        found = families.worst(scene, monkey)
    finally:
        families.FEWEST = before
    assert found[:3] == (label, values[1], 1.0) and found[3] == int((of_real == 1).sum())
