"""The part "Faces" over a model of random weights: what is drawn, what a hand may change, how a page follows it."""

import math

import numpy as np
import pytest
import torch

from demos.autoregressive_parts import faces, faces_board, faces_drawing, faces_heard, faces_sheets
from demos.autoregressive_parts.faces_drawing import LENGTH, Face, Other, Sheet, Stroke, Wish, strokes_of, veiled
from demos.autoregressive_parts.scene import Scene
from demos.follow import mark
from demos.stage import frame
from demos.uploads import example_atlas, to_tensor
from demos.widgets.picture import encode, pixels, to_uint8
from models import editing, zoo
from models.image_tokens import take
from models.image_tokens_drawing import draw
from tests.demos.driver import Driver
from tests.demos.small_tokens import TAB, own_engine, tiny

*_, CONTACTS, PICTURE, _ = frame.handlers(TAB)
PAGE = Driver(TAB, faces_prompt="")
state, step = PAGE.state, PAGE.accepted


@pytest.fixture(scope="module", autouse=True)
def engine():
    """Small models for both sets, and an engine that the tests of this module share: a drawing is computed once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zoo, "image_tokens", tiny)
        with own_engine(patch) as engine:
            yield engine


def settled(**changes):
    """The view at rest of a drawing that has ended."""
    return PAGE.settled(state(**changes))["view"]


def whole(request):
    """All records of a request, candidates included."""
    run = request.run()
    assert run.wait(300) and run.failed is None
    return run.records


def other(stroke):
    """A candidate that was not chosen."""
    return next(code for code in stroke.best if code != stroke.chosen)


# ---- what is drawn


def test_the_strokes_are_those_of_the_model():
    wish = Wish("toons", (("hair_color", "pink"),), temperature=0.9, top_k=20, guidance=2.0)
    records = whole(Face(wish, 3))
    strokes = strokes_of(records)
    steps = list(draw(tiny("toons"), [3], {"hair_color": "pink"}, temperature=0.9, top_k=20, guidance=2.0))
    assert [stroke.chosen for stroke in strokes] == [int(one.chosen) for one in steps]
    assert torch.equal(strokes[-1].codes, steps[-1].codes)
    for stroke, one in zip(strokes, steps, strict=True):
        assert (stroke.index, stroke.place, stroke.level) == (one.index, one.place, one.level)
        assert stroke.dart == pytest.approx(float(one.darts)) and stroke.rank == int(one.rank)
        assert stroke.entropy == pytest.approx(float(one.entropy_bits), abs=1e-4)
        assert stroke.chance == pytest.approx(float(one.chances[0, stroke.chosen]))
        assert stroke.belief == tuple(sorted(stroke.belief, reverse=True))
        assert stroke.belief[0] == pytest.approx(float(one.probabilities.max()))
    total = -sum(math.log2(float(one.probabilities[0, int(one.chosen)])) for one in steps)
    assert strokes[-1].drawn == pytest.approx(total, rel=1e-4)
    assert np.array_equal(strokes[-1].picture, to_uint8(tiny("toons").decode(steps[-1].codes)[0]))


def test_every_position_gets_its_candidates_as_they_would_be_drawn():
    face = Face(Wish("toons"), 7)
    records = whole(face)
    strokes = strokes_of(records)
    found = {one.index: one for record in records if not isinstance(record, Stroke) for one in record}
    assert sorted(found) == list(range(LENGTH)) and all(isinstance(one, Other) for one in found.values())
    step = next(draw(tiny("toons"), [7], given=strokes[39].codes, start=40, candidates=12))
    many = len(strokes[40].best)
    assert strokes[40].best == tuple(step.candidates[0, :many].tolist())
    expected = np.stack([to_uint8(patch) for patch in step.patches[0, :many]])
    assert np.abs(found[40].patches.astype(int) - expected).max() <= 1
    for stroke in strokes:
        assert faces_drawing.FEWEST <= len(stroke.best) <= faces_drawing.MOST


def test_another_code_leaves_what_was_before_and_the_darts_after():
    plain = strokes_of(whole(Face(Wish("toons"), 7)))
    code = other(plain[50])
    strokes = strokes_of(whole(Face(Wish("toons"), 7, ((50, code),))))
    assert [s.chosen for s in strokes[:50]] == [s.chosen for s in plain[:50]]
    assert strokes[50].chosen == code and strokes[50].dart is None
    assert [s.dart for s in strokes[51:]] == [s.dart for s in plain[51:]]
    *_, end = draw(tiny("toons"), [7], given=take(tiny("toons"), plain[-1].codes, 50, code), start=50)
    assert torch.equal(strokes[-1].codes, end.codes)
    assert strokes[-1].drawn == pytest.approx(sum(s.surprisal for s in strokes))


def test_a_link_to_a_picked_face_draws_the_same_where_nothing_was_drawn_before(monkeypatch):
    plain = strokes_of(whole(Face(Wish("toons"), 7)))
    first = ((10, other(plain[10])),)
    second = (*first, (30, other(strokes_of(whole(Face(Wish("toons"), 7, first)))[30])))
    known = strokes_of(whole(Face(Wish("toons"), 7, second)))
    with own_engine(monkeypatch):
        alone = strokes_of(whole(Face(Wish("toons"), 7, second)))
    assert [s.chosen for s in alone] == [s.chosen for s in known]
    assert [s.index for s in alone if s.dart is None] == [10, 30]
    assert all(np.abs(a.picture.astype(int) - b.picture).max() <= 1 for a, b in zip(alone, known, strict=True))


def test_sixteen_are_drawn_as_if_each_were_alone():
    moments = whole(faces_sheets.sixteen(Wish("toons"), 7))
    assert len(moments) == 33 and [one.places for one in moments] == list(range(0, 65, 2))
    alone = strokes_of(whole(Face(Wish("toons"), 7)))
    assert np.abs(moments[-1].pictures[0].astype(int) - alone[-1].picture).max() <= 1
    assert moments[-1].bits[0] == pytest.approx(alone[-1].drawn, rel=1e-3)
    halfway = moments[16].pictures[0]
    assert np.abs(halfway.astype(int) - veiled(alone[63].picture, 32)).max() <= 1


def test_each_of_the_sixteen_can_be_drawn_alone():
    at = state(faces_view="sixteen", seed=40)
    taken = faces.act(at, "faces-take", 6)
    assert (taken["faces_view"], taken["seed"], taken["faces_frame"]) == ("one", 46, faces.LAST)
    sheet = faces.Asked(Scene(at)).request
    assert faces.Asked(Scene(taken)).request == Face(sheet.wish, sheet.seeds[6])
    for odd in (16, -1, True, "6", None, 1.5):
        with pytest.raises(ValueError):
            faces.act(at, "faces-take", odd)


def test_the_given_half_stays_and_the_own_ending_is_what_the_model_makes_of_it():
    model, at = tiny("toons"), state(faces_view="half", faces_rows=3, example=5)
    sheet = faces.Asked(Scene(at | {"faces_prompt": "pink hair"})).request
    assert sheet.wish.labels == ()  # a given half has a wish of its own
    assert faces.Asked(Scene(at | {"faces_wish": "pink hair"})).request.wish.labels == (("hair_color", "pink"),)
    assert isinstance(sheet, Sheet) and sheet.seeds == (7, 7, 8, 9)
    own = model.encode(to_tensor(example_atlas()[5]))
    assert sheet.given[0] == tuple(own[0].tolist()) and set(sheet.given[1:]) == {sheet.given[0][:48]}
    moments = whole(sheet)
    assert len(moments) == 5 * 8 + 1 == sheet.moments and moments[0].places == 24
    assert np.abs(moments[-1].pictures[0].astype(int) - to_uint8(model.decode(own)[0])).max() <= 1
    wanted = sum(
        -math.log2(float(one.probabilities[0, int(own[0, one.index])])) for one in draw(model, [0], given=own, start=48)
    )
    assert moments[-1].bits[0] == pytest.approx(wanted, rel=1e-4)
    assert len({picture.tobytes() for picture in moments[-1].pictures}) == 4
    assert len({picture.tobytes() for picture in moments[0].pictures}) == 1


def test_what_is_not_drawn_is_veiled():
    white = np.full((64, 64, 3), 255, np.uint8)
    shown = veiled(white, 9)
    assert (shown[:8] == 255).all() and (shown[8:16, :8] == 255).all()
    assert shown[8:16, 8:].max() < 90 and shown[16:].max() < 90
    assert np.array_equal(veiled(white, 64), white)


# ---- a page follows


def test_a_face_streams_in_and_comes_to_rest():
    answers = list(PAGE.answers(state(seed=11)))
    boards = [answer["view"]["faces-board"] for answer in answers if "faces-board" in answer["view"]]
    have, seen = 0, set()
    for value in boards[:-1]:
        assert value["run"] == mark(Face(Wish("toons"), 11))
        if "strokes" in value:
            part = value["strokes"]
            assert part["from"] <= have
            have = max(have, part["from"] + len(part["items"]))
            height, width = pixels(part["atlas"]).shape[:2]
            assert height // 64 * part["columns"] >= len(part["items"]) and width % 64 == 0
        seen |= set(value.get("patches", {"at": ()})["at"])
    assert have == LENGTH
    end = answers[-1]
    assert end["state"] == state(seed=11) and end["left_out"] == [] and "again" not in end["view"]
    value = end["view"]["faces-board"]
    assert value["complete"] and len(value["strokes"]["items"]) == LENGTH and len(value["patches"]["at"]) == LENGTH
    assert pixels(value["patches"]["atlas"]).shape == (8 * LENGTH, 8 * faces_drawing.MOST, 3)
    for item in value["strokes"]["items"]:
        assert len(item["codes"]) == len(item["chances"]) and sum(item["chances"]) <= 1.001
        assert "belief" not in item  # nothing bends them
    assert "Here, patch 35 (row 5, column 3), rough stroke" in end["view"]["see"]


def test_bent_probabilities_come_beside_the_belief():
    face = faces.Asked(Scene(state(faces_temperature=0.5, faces_top_k=3))).request
    item = faces_board._item(next(iter(face.start())))
    assert sum(item["chances"]) == pytest.approx(1, abs=1e-3) and sum(1 for p in item["chances"] if p) == 3
    assert sum(item["belief"]) < 1 and item["belief"] != item["chances"]


def test_a_dragged_control_starts_nothing():
    view = step(state(seed=12), ("faces_temperature", 0.3), live=True)["view"]
    assert list(view) == ["rail"]


def test_stop_rests_and_go_goes_on(monkeypatch):
    with own_engine(monkeypatch) as engine:
        at = state(seed=13)
        face = faces.Asked(Scene(at)).request
        assert face.run().wait(60, 3)
        stopped = step(at, ("faces-stop", None))
        assert "again" not in stopped["view"] and "Stopped after" in stopped["view"]["see"]
        assert any(item.get("name") == "faces-go-on" for item in stopped["view"]["rail"]["items"])
        on = step(stopped["state"], ("faces-go-on", None))
        assert on["state"] == at
        assert engine.known(face).wait(300) and len(strokes_of(engine.known(face).records)) == LENGTH
        again = step(at, ("faces-again", None))
        assert again["state"] == at and engine.known(face) is not None


@pytest.mark.parametrize("view", faces.VIEWS)
def test_every_view_has_six_controls_at_most_and_fills_its_cells(view):
    shown = settled(faces_view=view)
    kinds = ("slider", "button", "choice", "number", "toggle", "prompt")
    assert sum(item["kind"] in kinds for item in shown["rail"]["items"]) <= 6
    assert shown["see"] and shown["formula"]["lines"] and "def draw" in shown["formula"]["code"]
    for name in faces.WIDGETS[view]:
        assert shown[name] != {"hidden": True}
    assert {name for name, value in shown.items() if value == {"hidden": True}} == set(faces.ABSENT[view])


def test_what_was_asked_for_is_read_back_from_the_finished_faces(monkeypatch):
    read = {"background": "blue", "hair_color": "dark"}
    monkeypatch.setattr(faces_heard, "_read", lambda reader, pictures: [read] * len(pictures))
    faces_heard._heard.cache_clear()

    def told(data="portraits", **changes):
        items = settled(data=data, **changes)["rail"]["items"]
        return next((item["label"] for item in items if item["name"] == "faces-heard"), None)

    text = "grey hair, blue background"
    assert told(faces_prompt=text) == "Read back by another network: not grey hair but dark hair; blue background."
    assert "grey hair 0 of 16; blue background 16 of 16" in told(faces_prompt=text, faces_view="sixteen")
    assert "grey hair 0 of 3" in told(faces_wish=text, faces_view="half")
    assert told() is None
    faces_heard._heard.cache_clear()


def test_a_face_is_read_back_as_the_attribute_network_reads_it():
    pixels = np.stack([stroke.picture for stroke in strokes_of(whole(Face(Wish("toons"), 7)))[-2:]])
    x = torch.from_numpy(pixels).permute(0, 3, 1, 2) / 127.5 - 1
    reader = zoo.attributes("toons")
    assert faces_heard._read(reader, [one.tobytes() for one in pixels]) == editing.values(reader, x)


def test_the_formula_has_the_bits_of_this_face():
    view = settled(faces_frame=20)
    strokes = strokes_of(whole(Face(Wish("toons"), 7)))
    numbers = [
        float(piece["n"].replace(",", "")) for line in view["formula"]["lines"] for piece in line if "n" in piece
    ]
    assert numbers == [round(strokes[20].surprisal, 2), round(strokes[20].entropy, 2), round(strokes[-1].drawn)]
    assert "768" in view["formula"]["lines"][2][-1]  # 128 codes of 6 bits
    asked = settled(faces_prompt="pink hair")
    assert "labels" in asked["formula"]["lines"][0][0]


def test_the_completions_say_what_their_endings_cost():
    view = settled(faces_view="half")
    moments = whole(faces.Asked(Scene(state(faces_view="half"))).request)
    assert view["faces-strip"]["panes"] == ["its own codes", "seed 7", "seed 8", "seed 9"]
    assert view["faces-strip"]["count"] == 33 == len(view["faces-bits"]["x"])
    assert view["faces-bits"]["series"][1]["y"][-1] == round(moments[-1].bits[1], 2)
    for bits in moments[-1].bits:
        assert f"{bits:.0f}" in view["see"]
    assert "c₆₅ … c₁₂₈ | c₁ … c₆₄" in view["formula"]["lines"][0][0]


# ---- what a visitor does


def test_a_pick_is_kept_in_the_link_and_forgets_those_after_it():
    at = step(state(), ("pick", {"position": 70, "code": 3}), ("pick", {"position": 90, "code": 5}))["state"]
    assert at["faces_picks"] == [[70, 3], [90, 5]] and at["faces_frame"] == faces.LAST
    query = TAB.schema.query(at)
    assert "faces_picks=70.3_90.5" in query
    opened = PAGE.open(query=query)
    assert opened["notices"] == [] and opened["state"] == at
    assert step(at, ("pick", {"position": 80, "code": 9}))["state"]["faces_picks"] == [[70, 3], [80, 9]]
    back = step(at, ("faces-unpick", None))
    assert back["state"]["faces_picks"] == []


@pytest.mark.parametrize(
    "value",
    [None, 3, {}, {"position": 3}, {"position": -1, "code": 0}, {"position": 128, "code": 0}]
    + [{"position": 3, "code": 512}, {"position": 3, "code": 1.5}, {"position": True, "code": 0}, [3, 4]],
)
def test_a_pick_that_is_none_is_refused(value):
    answer = PAGE.step(state(), ("pick", value))
    assert "error" in answer


@pytest.mark.parametrize(
    "text", ["3", "3.4.5", "4.1_3.1", "3.1_3.2", "128.0", "0.512", "a.b", "1.-2", "_".join(["1.1"] * 40)]
)
def test_odd_picks_in_a_link_are_dropped_with_a_notice(text):
    read, notices = TAB.schema.read(f"?v=1&tab=autoregressive&faces_picks={text}")
    assert read["faces_picks"] == [] and len(notices) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", 8), ("data", "portraits"), ("faces_prompt", "smile"), ("faces_temperature", 0.5), ("faces_top_k", 9)],
)
def test_what_is_asked_for_leaves_no_pick_in_its_place(name, value):
    at = state(faces_picks=[[5, 1]])
    moved = TAB.schema.check(TAB.act(at, {"name": name, "value": value}))
    assert moved[name] == value and moved["faces_picks"] == [] and moved["faces_frame"] == faces.LAST
    scrubbed = TAB.act(at | {"faces_frame": 30}, {"name": name, "value": value})
    assert scrubbed["faces_frame"] == 30


@pytest.mark.parametrize(("name", "value"), [("seed", -1), ("data", "cats"), ("faces_temperature", 9), ("frame", 500)])
def test_bad_values_are_refused(name, value):
    assert "error" in PAGE.step(state(), (name, value))


def test_a_frame_belongs_to_what_is_shown():
    assert TAB.act(state(), {"name": "frame", "value": 9})["faces_frame"] == 9
    assert TAB.act(state(faces_view="half"), {"name": "frame", "value": 9})["faces_moment"] == 9


def test_an_uploaded_picture_is_completed_and_stays_out_of_the_link():
    grey = encode(np.full((64, 64, 3), 90, np.uint8), "png")
    answer = step(state(), ("upload", grey))
    assert answer["state"]["faces_view"] == "half" and answer["state"]["picture"]
    assert "picture" in answer["left_out"] and "picture" not in answer["query"]
    sheet = faces.Asked(Scene(answer["state"])).request
    assert sheet.given[0] == tuple(tiny("toons").encode(to_tensor(np.full((64, 64, 3), 90, np.uint8)))[0].tolist())
    assert step(answer["state"], ("forget", None))["state"]["picture"] is None


@pytest.mark.parametrize("text", ["<b>${x}</b> {{y}}", "مرحبا \u202e", "🙂" * 500, "\x00", "'; drop table"])
def test_strangers_words_are_answered(text):
    assert step(state(faces_prompt=text), live=True)["view"]["rail"]


# ---- what leaves the page


def test_the_picture_is_the_finished_face_and_the_frames_fill_it():
    at = state()
    strokes = strokes_of(whole(Face(Wish("toons"), 7)))
    assert np.array_equal(faces.picture(Scene(at)), strokes[-1].picture)
    frames = faces.frames(Scene(at))
    assert len(frames) == 64 and np.array_equal(frames[-1], strokes[-1].picture)
    assert np.array_equal(frames[20], veiled(strokes[41].picture, 21))
    assert PAGE.gif(at)["gif"].startswith("data:image/gif")
    assert PICTURE({"state": at})["png"] == encode(strokes[-1].picture, "png")
    sixteen = faces.frames(Scene(state(faces_view="sixteen")))
    assert len(sixteen) == 33 and sixteen[0].shape == (256, 256, 3)
    assert faces.frames(Scene(state(faces_view="half")))[0].shape == (64, 256, 3)
    assert faces.picture(Scene(state(faces_view="sixteen"))) is None


@pytest.mark.parametrize("view", faces.VIEWS)
def test_without_weights_the_part_says_so(monkeypatch, view):
    def absent(data):
        raise FileNotFoundError(data)

    monkeypatch.setattr(zoo, "image_tokens", absent)
    shown = step(state(faces_view=view, data="portraits"))["view"]
    assert "portraits" in shown["faces-board"]["message"] and "not in this copy" in shown["see"]
    assert "again" not in shown
    for name in ("faces-again", "faces-stop", "faces-go-on", "faces-follow"):
        step(state(faces_view=view), (name, 0))
    assert faces.picture(Scene(state())) is None
    assert "not in this copy" in PAGE.gif(state())["error"]


def test_guidance_counts_only_where_something_is_asked():
    wish = faces.Asked(Scene(state())).wish
    assert wish == Wish("toons") and faces.Asked(Scene(state(faces_prompt="pink hair"))).wish.guidance == faces.GUIDANCE
    strokes = strokes_of(whole(Face(Wish("toons"), 7)))
    assert faces_board.formula(strokes, 3, Wish("toons", (("hair_color", "pink"),), guidance=2.0))["lines"][1][-1] == {
        "n": "2.0"
    }
