"""Part "Explore" of the map tab over tiny maps: walking, choosing, circling, searching, placing a picture, links."""

import base64
import csv
import dataclasses
import io

import numpy as np
import pytest
import torch

from demos import latent_map as tab
from demos.latent_map_parts import canvas, circled, colours, params, spots, you
from demos.latent_map_parts.scene import Scene
from demos.uploads import example_atlas
from demos.widgets.map_board import MapBoard
from demos.widgets.picture import encode, pixels
from models import zoo
from models.latent_map_layouts import Key
from models.latent_map_warmth import WARMTH
from tests.demos.tiny_map import COUNT, SAMPLES, Page, make

TOTAL = COUNT + 2 * SAMPLES
SQUARE = [[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]]


@pytest.fixture(scope="module")
def maps(tmp_path_factory):
    """A tiny map of each set."""
    folder = tmp_path_factory.mktemp("maps")
    return {data: make(data, folder) for data in ("toons", "portraits")}


@pytest.fixture
def page(monkeypatch, maps):
    """The tab over them."""
    return Page(monkeypatch, maps)


def places(value: dict) -> np.ndarray:
    """The places (n, d) that a board was sent."""
    points = value["points"]
    axes = [np.frombuffer(base64.b64decode(points[a]), "<u2") / 65535 for a in "xyz" if points[a]]
    return np.stack([low + axis * (high - low) for axis, (low, high) in zip(axes, points["box"], strict=True)], 1)


def bits(text: str, count: int = TOTAL) -> np.ndarray:
    """The points that a board was told of."""
    return np.unpackbits(np.frombuffer(base64.b64decode(text), np.uint8))[:count].astype(bool)


def face(value: dict) -> np.ndarray:
    """The picture of a sheet."""
    return pixels(value["image"]).astype(int)


# ---- the board


def test_first_view(page, maps):
    answer = page.step(page.state())
    view = answer["view"]
    board = view["board"]
    layout = maps["toons"].layout()
    assert np.abs(places(board) - layout.points / layout.scale).max() < 1e-4 * np.ptp(layout.points / layout.scale)
    assert [thumb["start"] for thumb in board["thumbs"]] == [0, COUNT, COUNT + SAMPLES]
    assert all(thumb["url"].startswith("maps/") and "/work" not in thumb["url"] for thumb in board["thumbs"])
    assert board["marks"][0]["point"] == int(np.square(layout.points[:COUNT]).sum(1).argmin())
    assert f"{layout.trustworthiness:.2f}" in board["caption"]
    assert {"colour", "search", "filters", "method", "solid"} <= {item["name"] for item in view["rail"]["items"]}
    assert view["you"] == view["kin"] == {"hidden": True}
    assert view["see"] and len(view["formula"]["lines"]) == 3 and "def decode" in view["formula"]["code"]


def test_a_board_takes_only_what_can_be_drawn():
    value = MapBoard.points(np.array([[0.0, 1.0], [2.0, 1.0]]), ids=np.array([7, 3]))
    assert value["count"] == 2 and value["z"] is None and value["box"] == [[0.0, 2.0], [1.0, 2.0]]
    assert np.frombuffer(base64.b64decode(value["ids"]), "<u2").tolist() == [7, 3]
    assert len(MapBoard.points(np.zeros((3, 3)))["box"]) == 3
    for wrong in (np.zeros((0, 2)), np.zeros((3, 4)), np.array([[np.nan, 0.0]])):
        with pytest.raises(ValueError, match="finite places"):
            MapBoard.points(wrong)
    classes = MapBoard.classes(np.array([0, -1, 1]), ["a", "b"], "Letters", [1])
    assert base64.b64decode(classes["values"]) == bytes([0, 255, 1]) and classes["off"] == [1]
    with pytest.raises(ValueError, match="250"):
        MapBoard.classes(np.zeros(1), ["a"] * 251, "Many")
    amounts = MapBoard.amounts(np.array([0.5, np.nan, 9.0]), "Trust", "low", "high")
    assert list(base64.b64decode(amounts["values"])) == [127, 255, 254]
    assert base64.b64decode(MapBoard.bits([True, False, True])) == bytes([0b10100000])


# ---- walking and choosing


def test_every_place_has_a_face_and_fades_with_trust(page, maps):
    layout = maps["toons"].layout()
    at = canvas.to_board(layout, layout.points[7])
    on = page.step(page.state(), ("board-hover", {"point": 7, "place": at}), live=True)["view"]
    with torch.inference_mode():
        own = zoo.vae("toons").decode(torch.from_numpy(maps["toons"].vectors["latent"][7:8]))[0]
    assert np.abs(face(on["face"]) - ((own.permute(1, 2, 0).numpy().clip(-1, 1) + 1) * 127.5)).max() < 2
    assert on["face"]["fade"] == 1 and set(on) == {"face", "facts", "board"}
    assert on["board"]["card"]["point"] == 7 and set(on["board"]) == {"card"}
    beside = page.step(page.state(), ("board-hover", {"point": -1, "place": [at[0] + 0.05, at[1]]}), live=True)["view"]
    far = page.step(page.state(), ("board-hover", {"point": -1, "place": [60.0, 60.0]}), live=True)["view"]
    assert beside["board"]["card"] is None
    trusts = [view["facts"]["items"][0]["value"] for view in (on, beside, far)]
    assert trusts[0] > trusts[2] and trusts[1] > trusts[2] and trusts[2] < 0.001
    assert far["face"]["fade"] == pytest.approx(0.2, abs=0.001) and 0.2 < beside["face"]["fade"] < 1
    assert np.isfinite(face(far["face"])).all()


def test_the_hand_is_never_in_a_link_and_never_undone(page):
    answer = page.step(page.state(), ("board-hover", {"point": -1, "place": [0.2, 0.1]}))
    assert answer["state"]["hand"] and "hand" not in answer["query"] and answer["left_out"] == []
    assert "hand" in [name for name, param in tab.SCHEMA.params.items() if param.derived]
    assert page.step(answer["state"], ("board-hover", None))["state"]["hand"] is None


def test_a_click_is_in_the_link(page):
    answer = page.step(page.state(), ("board-click", {"point": 12, "place": [0.1, 0.1]}))
    assert answer["state"]["point"] == 12 and answer["state"]["at"] is None and "point=12" in answer["query"]
    assert answer["view"]["board"]["marks"] == [{"point": 12, "kind": "pin"}]
    answer = page.step(answer["state"], ("board-click", {"point": -1, "place": [0.25, -1.5]}))
    state, notices = tab.SCHEMA.read(answer["query"])
    assert not notices and (state["point"], state["at"]) == (-1, [0.25, -1.5])
    assert answer["view"]["board"]["marks"] == [{"at": [0.25, -1.5], "kind": "pin"}]
    assert "Nothing lies here" in answer["view"]["see"]


@pytest.mark.parametrize(
    "value",
    [
        None,
        7,
        "here",
        {"point": 1},
        {"point": True, "place": None},
        {"point": -1, "place": None},
        {"point": -1, "place": [0.0]},
        {"point": -1, "place": [0.0, 1e9]},
        {"point": 70_000, "place": None},
        {"point": 1, "place": None, "more": 1},
    ],
)
def test_a_click_elsewhere_is_refused(page, value):
    assert "error" in page.step(page.state(), ("board-click", value))


def test_a_point_that_this_map_has_not_is_the_middle(page):
    assert (
        page.step(page.state(point=60_000))["view"]["board"]["marks"]
        == page.step(page.state())["view"]["board"]["marks"]
    )


def test_card_and_labels(maps):
    atlas = maps["toons"]
    card = spots.card(atlas, 0)
    assert card["title"] == "A real drawing, held out"
    known = {name: atlas.values[name][row[0]] for name, row in atlas.labels.items()}
    assert card["words"] == [spots.prompts.describe("toons", known)]
    assert spots.card(atlas, 1)["title"] == "A real drawing"
    assert spots.card(atlas, COUNT)["title"] == "A sample of the GAN"
    assert "attribute network" in spots.card(atlas, COUNT)["words"][0]
    assert spots.card(atlas, -1) is None


# ---- colours, search, legend


@pytest.mark.parametrize("name", [*colours.BESIDES, *colours.LABELS])
def test_every_colour_works_on_every_map(page, name):
    for data in ("toons", "portraits"):
        board = page.step(page.state(data=data, colour=name))["view"]["board"]
        assert (board["colours"] is None) == (name == "none")
        if name != "none":
            assert len(base64.b64decode(board["colours"]["values"])) == TOTAL


def test_source_and_density(page, maps):
    board = page.step(page.state(colour="source"))["view"]["board"]
    assert np.bincount(list(base64.b64decode(board["colours"]["values"]))).tolist() == [COUNT, SAMPLES, SAMPLES]
    found = colours.density(maps["toons"].layout())
    assert found.min() >= 0 and found.max() == 1 and len(set(found)) == TOTAL
    points = maps["toons"].layout().points
    far = np.sort(np.linalg.norm(points[:, None] - points, axis=2), axis=1)[:, colours.CROWD]
    assert np.corrcoef((-far).argsort().argsort(), found)[0, 1] > 0.9999  # equal distances may change places


def test_colours_of_their_own(page):
    board = page.step(page.state(colour="skin"))["view"]["board"]
    assert (
        len(board["colours"]["palette"]) == len(board["colours"]["names"]) and board["colours"]["palette"][0][0] == "#"
    )


def test_search_and_filter_say_the_same(page, maps):
    atlas = maps["toons"]
    answer = page.step(page.state(), ("search", "olive skin"))
    shown = bits(answer["view"]["board"]["shown"])
    olive = atlas.labels["skin"] == atlas.values["skin"].index("olive")
    assert np.array_equal(shown, olive) and f"{olive.sum()} of" in answer["view"]["board"]["hint"]
    same = page.step(page.state(), ("only-skin", "olive"))
    assert (
        same["state"]["search"] == "olive skin" and same["view"]["board"]["shown"] == answer["view"]["board"]["shown"]
    )
    narrower = page.step(same["state"], ("only-hair_style", "bun"))
    assert bits(narrower["view"]["board"]["shown"]).sum() < olive.sum()
    assert page.step(narrower["state"], ("only-skin", ""))["state"]["search"] == "hair in a bun"
    assert page.step(page.state(), ("search", ""))["view"]["board"]["shown"] is None


@pytest.mark.parametrize("text", ["${alert(1)} <b>", "\x00\u202e", "🦄" * 100, "nan", "'; drop table"])
def test_strange_searches_find_everything(page, text):
    answer = page.step(page.state(), ("search", text))
    assert "error" not in answer and answer["view"]["board"]["shown"] is None


def test_a_label_that_the_map_has_not_is_named(page):
    answer = page.step(page.state(), ("search", "long beard"))  # the tiny map has three labels, beard is none of them
    item = next(item for item in answer["view"]["rail"]["items"] if item["name"] == "search")
    assert any("beard" in note["text"] for note in item["notes"]) and answer["view"]["board"]["shown"] is None


@pytest.mark.parametrize(
    "action", [("only-nothing", "olive"), ("only-skin", "green"), ("colour", "smell"), ("search", 3)]
)
def test_odd_choices_are_refused(page, action):
    assert "error" in page.step(page.state(), action)


def test_legend(page):
    answer = page.step(page.state(colour="source"), ("board-legend", [2, 0]))
    assert answer["state"]["off"] == [0, 2] and "off=0.2" in answer["query"]
    assert answer["view"]["board"]["colours"]["off"] == [0, 2]
    assert colours.visible(Scene(answer["state"])).sum() == SAMPLES
    assert page.step(answer["state"], ("colour", "skin"))["state"]["off"] == []


# ---- circling


def test_inside_a_line():
    corners = [[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]]  # a notch from above
    found = circled.inside(np.array([[1, 1], [2, 3], [3.5, 3], [5, 1], [-1, 0], [2, 0.5]]), corners)
    assert found.tolist() == [True, False, True, False, False, True]


def test_circled_points(page, maps):
    atlas = maps["toons"]
    layout = atlas.layout()
    answer = page.step(page.state(colour="source"), ("board-lasso", SQUARE))
    state, view = answer["state"], answer["view"]
    chosen = bits(view["board"]["selection"])
    expected = (np.abs(layout.points / layout.scale) < 0.5).all(1)
    assert np.array_equal(chosen, expected) and 0 < chosen.sum() < TOTAL
    with torch.inference_mode():
        mean = zoo.vae("toons").decode(atlas.mean_code(np.flatnonzero(expected))[None])[0]
    assert np.abs(face(view["face"]) - (mean.permute(1, 2, 0).numpy().clip(-1, 1) + 1) * 127.5).max() < 2
    assert f"{chosen.sum():,} points circled" in view["see"]
    for name, word, share, usual in circled.mix(Scene(state), chosen):
        row, k = atlas.labels[name], atlas.values[name].index(word)
        assert share == pytest.approx((row[chosen] == k).mean()) and usual == pytest.approx((row == k).mean())
        assert share > usual
    assert tab.SCHEMA.read(answer["query"])[0]["circle"] == SQUARE
    hidden = page.step(state, ("board-legend", [0]))
    assert bits(hidden["view"]["board"]["selection"])[:COUNT].sum() == 0, "hidden points are not circled"
    gone = page.step(state, ("board-lasso", None))
    assert gone["view"]["board"]["hull"] is None and gone["view"]["board"]["selection"] is None
    assert page.step(state, ("method", "pca"))["state"]["circle"] is None


def test_a_line_around_nothing(page):
    answer = page.step(page.state(), ("board-lasso", [[90, 90], [91, 90], [91, 91]]))
    assert not bits(answer["view"]["board"]["selection"]).any() and answer["view"]["face"]["image"]


@pytest.mark.parametrize("value", [[[0, 0], [1, 1]], "line", [[0, 0]] * 61, [[0, 0], [1, None], [2, 2]], [1, 2, 3]])
def test_no_line_at_all_is_refused(page, value):
    assert "error" in page.step(page.state(), ("board-lasso", value))


@pytest.mark.parametrize("data", ["toons", "portraits"])
def test_table(page, maps, data):
    state = page.state(data=data, circle=SQUARE)
    found = tab.table({"state": state})
    rows = list(csv.DictReader(io.StringIO(found["csv"])))
    atlas = maps[data]
    assert list(rows[0]) == ["source", "held_out", "x", "y", *atlas.labels], "places and labels, and nobody's name"
    points = np.flatnonzero(circled.points(Scene(state)))
    assert len(rows) == len(points) and found["name"] == f"map-{data}-{len(points)}-points.csv"
    at = atlas.layout().points[points] / atlas.layout().scale
    assert np.allclose([[float(row["x"]), float(row["y"])] for row in rows], at, atol=1e-4)
    assert rows[0]["held_out"] == str(int(atlas.held_out[points[0]]))
    with pytest.raises(ValueError, match="line around"):
        tab.table({"state": page.state(data=data)})
    with pytest.raises(ValueError):
        tab.table({"state": {"circle": "x"}})


# ---- space, sets, camera


def test_in_space_only_points_can_be_chosen(page, maps):
    answer = page.step(page.state(), ("solid", True))
    board = answer["view"]["board"]
    assert places(board).shape == (TOTAL, 3) and board["hull"] is None and "lasso" not in board["emits"]
    layout = maps["toons"].layout(Key(dimensions=3))
    assert np.allclose(places(board), layout.points / layout.scale, atol=1e-3)
    view = page.step(answer["state"], ("board-hover", {"point": 5, "place": None}), live=True)["view"]
    assert view["board"]["card"]["point"] == 5
    still = page.step(page.state(solid=True, at=[0.1, 0.1]))["view"]["board"]["marks"][0]
    assert still["point"] >= 0
    assert places(page.step(page.state(solid=True, method="tsne"))["view"]["board"]).shape == (TOTAL, 2)


def test_another_set_starts_afresh(page):
    state = page.state(point=5, circle=SQUARE, camera=[0, 0, 3], search="olive skin", off=[1])
    fresh = page.step(state, ("data", "portraits"))["state"]
    assert (fresh["point"], fresh["circle"], fresh["camera"], fresh["search"], fresh["off"]) == (-1, None, None, "", [])


def test_camera_is_in_the_link(page):
    answer = page.step(page.state(), ("board-camera", [0.125, -1.5, 4.25]))
    assert answer["view"]["board"]["camera"] == [0.125, -1.5, 4.25]
    assert tab.SCHEMA.read(answer["query"])[0]["camera"] == [0.125, -1.5, 4.25]
    assert "error" in page.step(page.state(), ("board-camera", [0, 0, 0]))


@pytest.mark.parametrize(
    "param", [params.CAMERA, params.Corners("c"), params.Classes("o"), params.Numbers("n", ((0, 1),))]
)
@pytest.mark.parametrize("text", ["nan~1~2", "1~", "inf", "x", "1e999~1~1", "9" * 5000, "٣.٤", "-1"])
def test_damaged_links_are_refused(param, text):
    with pytest.raises(ValueError):
        param.parse(text)


# ---- you are here


def test_your_picture_lies_among_its_like(page, maps, monkeypatch):
    monkeypatch.setattr(WARMTH, "state", "warm")
    atlas = maps["toons"]
    state = page.state(method="pca")  # linear: needs nobody to warm up
    uri = encode(example_atlas()[9], "png")
    answer = page.step(state, ("upload", uri))
    view = answer["view"]
    assert answer["state"]["about"] == "you" and "picture" in answer["left_out"] and "picture=" not in answer["query"]
    expected = you.place(Scene(answer["state"]))
    layout = atlas.layout(Key(method="pca"))
    assert np.allclose(view["board"]["marks"][0]["at"], expected.point / layout.scale, atol=1e-4)
    assert [line["to"] for line in view["board"]["lines"]] == expected.neighbours[: you.NEIGHBOURS].tolist()
    assert view["facts"]["items"][0]["value"] == expected.trust and view["face"] == {"hidden": True}
    assert view["kin"]["notes"][0] == "this one" and view["kin"]["actions"][0] is None
    shown = pixels(view["kin"]["image"])[:64, :64]
    assert np.abs(shown.astype(int) - example_atlas()[9]).max() <= 1
    there = page.step(answer["state"], ("board-click", view["kin"]["actions"][1]["value"]))
    assert there["state"]["point"] == expected.neighbours[0] and there["state"]["about"] == "place"
    assert page.step(answer["state"], ("forget", None))["state"]["picture"] is None


@pytest.mark.parametrize("data", ["toons", "portraits"])
def test_without_a_picture_there_is_an_example(page, data, monkeypatch):
    monkeypatch.setattr(WARMTH, "state", "warm")
    view = page.step(page.state(data=data, method="tsne"), ("you", None))["view"]
    assert view["board"]["marks"][0]["kind"] == "you" and view["see"]
    other = page.step(page.state(data=data, method="tsne", about="you"), ("another", None))
    assert other["view"]["kin"]["image"] != view["kin"]["image"]


def test_an_example_that_the_map_has_is_put_down_anew_and_named(page, monkeypatch):
    place = you.place
    monkeypatch.setattr(you, "place", lambda scene: dataclasses.replace(place(scene), known=7))
    view = page.step(page.state(method="pca"), ("you", None))["view"]
    assert "though the map has it" in view["see"] and view["board"]["marks"][1] == {"point": 7, "kind": "pin"}
    uri = encode(example_atlas()[9], "png")
    view = page.step(page.state(method="pca"), ("upload", uri))["view"]
    assert "it lies on itself" in view["see"] and len(view["board"]["marks"]) == 1


def test_while_umap_warms_up_the_page_says_so_and_asks_again(page, monkeypatch):
    monkeypatch.setattr(WARMTH, "state", "warming")
    answer = page.step(page.state(), ("you", None))
    assert "warming up" in answer["view"]["see"] and answer["view"]["again"]["action"]["name"] == "wait"
    later = page.step(answer["state"], ("wait", None), live=True)
    assert "again" in later["view"] and later["state"] == answer["state"]
    monkeypatch.setattr(WARMTH, "state", "warm")
    assert "again" not in page.step(later["state"], ("wait", None), live=True)["view"]
    monkeypatch.setattr(WARMTH, "state", "failed")
    monkeypatch.setattr(WARMTH, "reason", "no compiler")
    assert "no compiler" in page.step(page.state(), ("you", None))["error"]
    assert "error" not in page.step(page.state()), "the rest of the map goes on"


# ---- pin


def test_what_pin_shows(page, maps):
    shown = tab.picture(page.state(point=3))
    with torch.inference_mode():
        own = zoo.vae("toons").decode(torch.from_numpy(maps["toons"].vectors["latent"][3:4]))[0]
    assert shown.shape == (64, 64, 3)
    assert np.abs(shown - (own.permute(1, 2, 0).numpy().clip(-1, 1) + 1) * 127.5).max() < 2
    assert tab.picture(page.state(part="paths")) is None
