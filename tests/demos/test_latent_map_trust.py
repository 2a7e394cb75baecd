"""Part "Trust" of the map tab: whom the map tears away, and what another seed leaves."""

import base64

import numpy as np
import pytest

from demos.latent_map_parts import pieces, trust
from demos.latent_map_parts.scene import Scene
from models.latent_map_trust import above_chance, nearest_others
from tests.demos.driver import controls
from tests.demos.tiny_map import COUNT, alone, both


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    return both(tmp_path_factory)


@pytest.fixture
def page(monkeypatch, maps):
    yield from alone(monkeypatch, maps)


def colours(view):
    return np.frombuffer(base64.b64decode(view["trust-board"]["colours"]["values"]), np.uint8)


@pytest.mark.parametrize("by", ["trust", "continuity", "survival"])
def test_points_are_coloured_by_what_was_measured(page, by):
    view = page.settled(page.state(part="trust", trust_by=by))["view"]
    atlas = page.maps["toons"]
    if by == "survival":
        expected = atlas.survival("latent").kept
    else:
        expected = above_chance(getattr(atlas.distortion(), by))
    shown = colours(view)
    assert np.abs(shown[:COUNT] / 254 - expected).max() < 0.003 and (shown[COUNT:] == 255).all()
    assert len(controls(view)) <= 6


def test_lines_lead_to_the_true_neighbours_and_tell_which_the_map_kept(page):
    view = page.settled(page.state(part="trust", trust_point=57))["view"]
    atlas = page.maps["toons"]
    truth, _ = atlas.true_neighbours(57)
    shown = nearest_others(atlas.layout().points[:COUNT], 15, np.array([57]))[0]
    lines = view["trust-board"]["lines"]
    assert {line["from"] for line in lines} == {57} and [line["to"] for line in lines] == truth.tolist()
    assert [line["strength"] > 0.7 for line in lines] == np.isin(truth, shown).tolist()
    faces = view["trust-faces"]
    kept = int(np.isin(truth, shown).sum())
    assert faces["notes"][:5].count("kept") == int(np.isin(truth[:5], shown).sum())
    assert f"shows {kept} beside it and tears {15 - kept} away" in view["see"]
    assert faces["actions"][0] == {"name": "trust_point", "value": int(truth[0])}
    order = np.argsort(np.square(atlas.real("latent") - atlas.real("latent")[57]).sum(1))
    first = int(np.flatnonzero(order == shown[0])[0])  # the point itself comes first
    assert faces["notes"][5] == trust._rank(first)


def test_the_numbers_are_those_of_the_layout(page):
    view = page.settled(page.state(part="trust", method="pca", representation="features"))["view"]
    layout = page.maps["toons"].layouts["features-pca-2d"]
    values = [item["value"] for item in view["trust-meters"]["items"]]
    assert values[:2] == [layout.trustworthiness, layout.continuity]
    assert "lay_seed" not in [item.get("name") for item in view["rail"]["items"]]  # only UMAP has seeds
    n, k = COUNT, 15
    total = next(part["n"] for part in view["formula"]["lines"][1][-1:])
    assert float(total.replace(",", "")) == pytest.approx(
        (1 - layout.trustworthiness) * n * k * (2 * n - 3 * k - 1) / 2, abs=1
    )


def test_before_it_is_measured_neighbours_are_there_and_the_rest_says_so(page, monkeypatch):
    monkeypatch.setattr("demos.follow.FIRST", 0.0)
    first, *_ = page.answers(page.state(part="trust"))
    view = first["view"]
    if "again" in view:
        assert pieces.MEASURING in view["see"] and len(view["trust-board"]["lines"]) == 15


def test_only_real_pictures_are_picked_and_seeds_are_stepped_through(page):
    answer = page.step(page.state(part="trust"), ("trust-pick", {"point": COUNT + 3, "place": [0.0, 0.0]}))
    assert answer["state"]["trust_point"] < COUNT
    boards = [page.step(page.state(part="trust"), ("lay_seed", seed))["view"]["trust-board"] for seed in (0, 1)]
    assert boards[0]["points"] != boards[1]["points"] and boards[0]["name"] == boards[1]["name"]  # so they glide
    assert page.step(answer["state"], ("trust-another", None))["state"]["trust_point"] < COUNT


@pytest.mark.parametrize(
    ("rank", "words"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (112, "112th"), (1821, "1,821st")]
)
def test_ranks_read_as_words(rank, words):
    assert trust._rank(rank) == words


def test_a_question_that_cannot_be_answered_is_told(page, monkeypatch):
    def refuse(*_):
        raise ValueError("the map is torn")

    monkeypatch.setattr(type(page.maps["toons"]), "survival", refuse)
    scene = Scene(page.state(part="trust"))
    trust.questions(scene)[1].run().wait()
    assert "the map is torn" in page.step(scene.state)["view"]["see"]
