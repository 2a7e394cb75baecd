"""The frame: actions become states and views; whatever a stranger sends is answered with a sentence, never raised."""

import base64
import dataclasses
import importlib.util
import io
import json
import math
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from demos.stage import export, frame
from demos.widgets.picture import decode_uri

_spec = importlib.util.spec_from_file_location("toy", Path(__file__).with_name("toy.py"))
toy = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(toy)

TAB = toy.tab()
STEP, OPEN, GIF, CONTACTS, PICTURE, CARD = frame.handlers(TAB)
FRESH = toy.SCHEMA.defaults()
PHOTO = "data:image/png;base64,AAAA"


def step(*actions, state=FRESH, live=False) -> dict:
    """The answer to some (name, value) actions."""
    return STEP({"state": state, "actions": [{"name": n, "value": v} for n, v in actions], "live": live})


def pixels(uri: str) -> np.ndarray:
    """The picture of a data URI."""
    return np.asarray(Image.open(io.BytesIO(decode_uri(uri))).convert("RGB"))


def test_a_step_reduces_the_actions_in_order():
    answer = step(("tilt", 1.0), ("seed", 11), ("tilt", 2.0))
    assert (answer["state"]["tilt"], answer["state"]["seed"]) == (2.0, 11)
    assert answer["query"] == "?v=1&tab=toy&seed=11&tilt=2"
    assert answer["notices"] == [] and answer["left_out"] == []
    assert {"rail", "hero", "see", "formula"} <= answer["view"].keys()
    assert json.loads(json.dumps(answer)) == answer


def test_a_live_step_may_be_cheaper_and_changes_the_same_state():
    live, settled = step(("tilt", 1.0), live=True), step(("tilt", 1.0))
    assert live["state"] == settled["state"]
    assert live["view"]["hero"] == settled["view"]["hero"]
    assert live["view"].keys() < settled["view"].keys()


@pytest.mark.parametrize(
    ("flags", "haste"),
    [({}, "REST"), ({"follow": True}, "REST"), ({"live": True}, "LIVE"), ({"live": True, "follow": True}, "FOLLOW")],
)
def test_draw_is_told_its_haste(flags, haste):
    asked = []
    tab = dataclasses.replace(TAB, draw=lambda state, live: asked.append(live) or {})
    for part in ("waves", "plain"):  # the first part has sheets that follow, the other has not
        frame.handlers(tab)[0]({"state": FRESH | {"part": part}, "actions": [], **flags})
    assert asked == [frame.Haste[haste], frame.Haste[haste.replace("FOLLOW", "LIVE")]]
    assert [bool(one) for one in frame.Haste] == [False, True, True]
    frame.handlers(tab)[1]({"query": ""})
    assert asked[-1] is frame.Haste.REST


def test_a_run_asks_for_the_next_action_until_it_ends():
    answer = step(("until", 2), ("play", True))
    assert answer["state"]["running"] and answer["left_out"] == []
    assert answer["view"]["again"] == {"action": {"name": "tick", "value": None}, "after": 20}
    answer = step(("tick", None), state=answer["state"], live=True)
    assert "again" in answer["view"] and answer["state"]["ticks"] == 1
    answer = step(("tick", None), state=answer["state"], live=True)
    assert "again" not in answer["view"] and not answer["state"]["running"]


def test_the_frame_ends_runs():
    state = step(("play", True), ("tick", None))["state"]
    assert step(("tilt", 1.0), state=state)["state"]["running"]
    for name, value in (("part", "drift"), ("reset", None)):
        assert not step((name, value), state=state)["state"]["running"]
    answer = OPEN({"state": state})
    assert answer["state"] == state | {"running": False} and answer["notices"] == []
    assert not OPEN({"query": "?v=1&tab=toy&running=1"})["state"]["running"]
    pinned = step(("pin", None), state=state)
    assert "running" not in pinned["state"]["pin"] and "running" not in pinned["view"]["compare"]["text"]


def test_open_restores_a_link_exactly_and_names_what_it_drops():
    state = step(("tilt", -1.25), ("part", "drift"), ("code", [0.5, 0, 1, -4]), ("note", "a&b=c"))["state"]
    answer = OPEN({"query": toy.SCHEMA.query(state)})
    assert answer["state"] == state and answer["notices"] == []
    answer = OPEN({"query": "?v=1&tab=toy&tilt=99&waves=5&x=1"})
    assert answer["state"] == FRESH | {"waves": 5}
    assert len(answer["notices"]) == 2
    answer = OPEN({"state": {"waves": 5, "tilt": "steep"}})
    assert answer["state"] == FRESH | {"waves": 5} and len(answer["notices"]) == 1


def test_the_frame_s_own_actions():
    state = step(("tilt", 1.0), ("data", "portraits"), ("part", "drift"))["state"]
    pinned = step(("pin", None), state=state)["state"]
    assert pinned["pin"] == toy.SCHEMA.query(state)
    assert step(("unpin", None), state=pinned)["state"] == state
    reset = step(("reset", None), state=pinned)["state"]
    assert reset == FRESH | {"data": "portraits", "part": "drift", "pin": pinned["pin"]}
    again = step(("tilt", 2.0), ("pin", None), state=pinned)["state"]
    assert again["pin"].count("tab=") == 1  # a pin holds no pin
    assert "error" in step(("part", "cellar"))


def test_compare_shows_a_and_b_and_where_they_differ():
    answer = step(("pin", None), ("tilt", 2.0), ("hue", 0.5))
    shown = answer["view"]["compare"]
    a, b = toy.field(FRESH), toy.field(answer["state"])
    assert np.array_equal(pixels(shown["a"]), a)
    assert np.array_equal(pixels(shown["b"]), b)
    difference = np.abs(a.astype(int) - b)
    assert np.array_equal(pixels(shown["difference"]), difference)
    assert f"{difference.mean() / 2.55:.1f} %" in shown["text"]
    assert "tilt" in shown["text"] and "hue" in shown["text"] and "seed" not in shown["text"]
    assert "the same" in step(("pin", None))["view"]["compare"]["text"]
    assert "compare" in step(("pin", None), live=True)["view"]
    assert "compare" not in step()["view"]


def test_compare_without_pictures():
    quiet = frame.Tab("toy", "Toy", "#4cc9a4", toy.SCHEMA, toy.PARTS, toy.act, toy.draw, picture=lambda state: None)
    answer = frame.handlers(quiet)[0]({"state": FRESH, "actions": [{"name": "pin"}]})
    assert answer["view"]["compare"].keys() == {"text"}
    none = frame.Tab("toy", "Toy", "#4cc9a4", toy.SCHEMA, toy.PARTS, toy.act, toy.draw)
    assert "nothing to compare" in frame.handlers(none)[0]({"state": FRESH, "actions": [{"name": "pin"}]})["error"]


def test_what_was_uploaded_stays_out_of_the_link():
    answer = step(("upload", PHOTO))
    assert answer["query"] == "?v=1&tab=toy"
    assert answer["left_out"] == ["code", "photo"]
    assert step(("pin", None), state=answer["state"])["state"]["pin"] == "?v=1&tab=toy"


DEEP: list = []
for _ in range(40):
    DEEP = [DEEP]

BAD = [
    None,
    5,
    "state",
    [],
    {},
    {"state": None},
    {"state": []},
    {"state": FRESH | {"tilt": math.nan}},
    {"state": FRESH | {"tilt": math.inf}},
    {"state": FRESH | {"tilt": 4}},
    {"state": FRESH | {"tilt": "1"}},
    {"state": FRESH | {"seed": -1}},
    {"state": FRESH | {"seed": 10**400}},
    {"state": FRESH | {"surprise": 1}},
    {"state": FRESH | {"hidden": "code"}},
    {"state": FRESH | {"photo": "http://example.org/x.png"}},
    {"state": FRESH | {"note": "x" * 2001}},
    {"state": FRESH | {"code": [0, 0]}},
    {"state": FRESH, "actions": {}},
    {"state": FRESH, "actions": "random"},
    {"state": FRESH, "actions": [None]},
    {"state": FRESH, "actions": [5]},
    {"state": FRESH, "actions": [{}]},
    {"state": FRESH, "actions": [{"name": 5}]},
    {"state": FRESH, "actions": [{"name": "explode", "value": 1}]},
    {"state": FRESH, "actions": [{"name": "__class__", "value": 1}]},
    {"state": FRESH, "actions": [{"name": "tilt", "value": 1, "more": 2}]},
    {"state": FRESH, "actions": [{"name": "tilt"}]},
    {"state": FRESH, "actions": [{"name": "tilt", "value": math.nan}]},
    {"state": FRESH, "actions": [{"name": "tilt", "value": [1]}]},
    {"state": FRESH, "actions": [{"name": "hidden", "value": ["seed"]}]},
    {"state": FRESH, "actions": [{"name": "upload", "value": "x" * 13_000_000}]},
    {"state": FRESH, "actions": [{"name": "code", "value": [0.0] * 60_000}]},
    {"state": FRESH, "actions": [{"name": "note", "value": DEEP}]},
    {"state": FRESH, "actions": [{"name": "random", "value": None}] * 65},
    {"state": FRESH, "actions": [{"name": "refuse", "value": None}]},
    {"state": FRESH, "actions": [], "live": "yes"},
    {"state": FRESH, "actions": [], "live": 1},
    {"state": FRESH, "actions": [], "live": True, "follow": 1},
    {"state": FRESH | {"running": 1}},
    {"state": FRESH | {"walked": "AADAfw=="}},
    {"state": FRESH, "actions": [{"name": "tilt", "value": b"bytes"}]},
]


@pytest.mark.parametrize("payload", BAD, ids=lambda payload: str(payload)[-50:])
def test_bad_requests_get_a_sentence(payload):
    answer = STEP(payload)
    assert answer.keys() == {"error"}
    assert answer["error"].endswith(".") and len(answer["error"]) <= 300
    assert "Traceback" not in answer["error"] and answer["error"] != frame.FAILED


def test_an_unforeseen_failure_is_logged_and_says_nothing(caplog):
    answer = step(("tilt", 1.0), ("break", None))
    assert answer == {"error": frame.FAILED}
    assert "secret details" in caplog.text


def test_a_bad_request_changes_nothing_for_the_next():
    before = step()
    for payload in BAD:
        STEP(payload)
    assert step() == before
    assert toy.SCHEMA.defaults() == FRESH


def test_errors_of_gradio_are_sentences_too():
    def act(state, action):
        raise gr.Error("Only on Sundays.")

    tab = frame.Tab("toy", "Toy", "#4cc9a4", toy.SCHEMA, toy.PARTS, act, toy.draw)
    answer = frame.handlers(tab)[0]({"state": FRESH, "actions": [{"name": "x", "value": 1}]})
    assert answer == {"error": "Only on Sundays."}


def test_a_state_that_a_tab_breaks_is_not_sent():
    tab = frame.Tab("toy", "Toy", "#4cc9a4", toy.SCHEMA, toy.PARTS, lambda s, a: s | {"tilt": 77}, toy.draw)
    assert "tilt" in frame.handlers(tab)[0]({"state": FRESH, "actions": [{"name": "x", "value": 1}]})["error"]


def test_a_run_becomes_an_endless_gif():
    answer = GIF({"state": FRESH | {"part": "drift"}})
    kind, body = answer["gif"].split(",", 1)
    assert kind == "data:image/gif;base64"
    picture = Image.open(io.BytesIO(base64.b64decode(body)))
    assert (picture.size, picture.n_frames, picture.info["loop"]) == ((512, 512), 12, 0)
    picture.seek(5)
    small = np.asarray(picture.convert("RGB").resize((64, 64), Image.Resampling.BOX)).astype(int)
    assert np.abs(small - toy.run(FRESH)[5]).mean() < 12
    assert "no run" in GIF({"state": FRESH})["error"]
    assert "error" in GIF({"state": 5})
    with pytest.raises(ValueError):
        export.animate([])


def test_a_run_becomes_one_picture():
    answer = CONTACTS({"state": FRESH | {"part": "drift"}})
    kind, body = answer["png"].split(",", 1)
    assert kind == "data:image/png;base64"
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(body))).convert("RGB"))
    frames = toy.run(FRESH)
    gap, side = export.GAP, export.CONTACT_SIDE
    assert picture.shape == (side + 2 * gap, 8 * (side + gap) + gap, 3)
    first, last = picture[gap:-gap, gap : gap + side], picture[gap:-gap, -gap - side : -gap]
    assert np.array_equal(first[::4, ::4], frames[0]) and np.array_equal(last[::4, ::4], frames[-1])
    assert "no run" in CONTACTS({"state": FRESH})["error"]
    with pytest.raises(ValueError):
        export.contacts([])


@pytest.mark.parametrize(("frames", "shape"), [(1, (1, 1)), (3, (2, 2)), (7, (2, 4)), (9, (2, 4)), (101, (2, 4))])
def test_wide_frames_stand_in_two_rows(frames, shape):
    wide = [np.full((64, 128, 3), 2 * k, np.uint8) for k in range(frames)]
    body = export.contacts(wide).split(",", 1)[1]
    picture = Image.open(io.BytesIO(base64.b64decode(body)))
    rows, columns = shape
    assert picture.size == (columns * (512 + export.GAP) + export.GAP, rows * (256 + export.GAP) + export.GAP)


def test_the_picture_is_what_compare_shows():
    body = PICTURE({"state": FRESH | {"tilt": 2}})["png"].split(",", 1)[1]
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(body))).convert("RGB"))
    assert np.array_equal(pixels, toy.field(FRESH | {"tilt": 2}))
    assert "error" in PICTURE({"state": None})
    none = dataclasses.replace(TAB, picture=None)
    assert "no single picture" in frame.handlers(none)[4]({"state": FRESH})["error"]


def test_the_card_is_text():
    assert CARD({"state": FRESH})["text"].startswith("# Waves")
    assert "error" in CARD({})


def test_a_tab_must_agree_with_its_schema_and_layout():
    with pytest.raises(ValueError, match="parts"):
        frame.Tab("toy", "Toy", "#4cc9a4", toy.SCHEMA, toy.PARTS[:2], toy.act, toy.draw)
    with pytest.raises(ValueError, match="schema"):
        frame.Tab("other", "Toy", "#4cc9a4", toy.SCHEMA, toy.PARTS, toy.act, toy.draw)
    with pytest.raises(ValueError, match="take pictures"):
        dataclasses.replace(TAB, takes=("nowhere", "look at it"))
    with gr.Blocks(), pytest.raises(ValueError, match="layout"):
        frame.build(TAB, {"waves": lambda: None})


def test_only_the_server_functions_can_be_called():
    with gr.Blocks() as demo:
        frame.build(TAB, toy.layout())
    functions = {name for block in demo.blocks.values() for name in getattr(block, "server_fns", ())}
    assert {f.__name__ for f in functions} == {"step", "open", "gif", "contacts", "picture", "card"}
    assert demo.config["dependencies"] == []
