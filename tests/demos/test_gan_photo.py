"""The part "Your photo" without a browser: the run, its stops and restarts, what is steered, and what stays private."""

import numpy as np
import pytest
import torch

from demos import gan as tab
from demos import uploads
from demos.gan_parts import photo
from demos.gan_parts.scene import Scene
from demos.stage import frame
from demos.stage.state import pack, unpack
from demos.widgets.picture import encode, pixels, to_uint8
from models import inversion, zoo

STEP, OPEN = frame.handlers(tab.TAB)[:2]
NOISE = encode(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), "png")


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """A search of eight faces and four steps."""
    monkeypatch.setattr(inversion, "STARTS", 8)
    monkeypatch.setattr(photo, "STARTS", 8)
    monkeypatch.setattr(photo, "STEPS", 4)


def state(**changes):
    """The default state in this part, with some changes."""
    return tab.SCHEMA.defaults() | {"part": "photo"} | changes


def step(now, *actions, live=False):
    """The answer to some actions."""
    told = STEP({"state": now, "actions": [{"name": n, "value": v} for n, v in actions], "live": live})
    assert "error" not in told, told
    return told


def run(now, answers=100):
    """Answers of a run, as the page asks for them, until it ends or as many as given."""
    told = [step(now, ("photo-start", None))]
    while "again" in told[-1]["view"] and len(told) <= answers:
        action = told[-1]["view"]["again"]["action"]
        told.append(step(told[-1]["state"], (action["name"], action["value"]), live=True))
    return told


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_a_run_shows_picture_and_loss_in_every_answer_and_ends(data, monkeypatch):
    monkeypatch.setattr(photo, "STEPS", 60)  # the first few of Adam's steps are wide ones, and may lead away
    told = run(state(data=data))
    assert len(told) > 2 and not told[-1]["state"]["running"] and "again" not in told[-1]["view"]
    lengths = [len(answer["view"]["photo-curve"]["x"]) for answer in told]
    assert lengths == sorted(lengths) and lengths[0] == 0 and lengths[-1] == 61
    for answer in told:
        curve = answer["view"]["photo-curve"]
        assert len(curve["series"][0]["y"]) == len(curve["x"])
        assert answer["view"]["photo-faces"]["image"] and answer["view"]["see"]
    losses = told[-1]["view"]["photo-curve"]["series"][0]["y"]
    assert losses[-1] < losses[0]
    again = step(told[-1]["state"])
    assert again["view"]["photo-faces"] == told[-1]["view"]["photo-faces"] and "again" not in again["view"]


def test_stop_stops_and_start_goes_on(monkeypatch):
    monkeypatch.setattr(photo, "STEPS", 50)
    monkeypatch.setattr(photo, "CHUNK", 0.0)  # one step in each answer
    told = run(state(), 4)
    stopped = step(told[-1]["state"], ("photo-stop", None))
    assert stopped["state"]["search"] == told[-1]["state"]["search"] and "again" not in stopped["view"]
    late = step(stopped["state"], ("photo-step", None))
    assert late["state"] == stopped["state"]
    assert stopped["view"]["play"]["name"] == "photo-start" and told[-1]["view"]["play"]["name"] == "photo-stop"
    on = run(stopped["state"], 2)
    assert len(on[-1]["view"]["photo-curve"]["x"]) == len(stopped["view"]["photo-curve"]["x"]) + 2
    straight = run(state(), 6)
    assert on[-1]["state"]["search"] == straight[-1]["state"]["search"]


def test_another_picture_another_set_or_a_new_crop_begins_anew():
    done = run(state())[-1]["state"]
    for action in (("another", None), ("upload", NOISE), ("data", "portraits")):
        told = step(done, action)
        assert told["view"]["photo-curve"]["x"] == [] and not photo.Search(Scene(told["state"])).begun
    uploaded = run(step(done, ("upload", NOISE))["state"])[-1]["state"]
    cropped = step(uploaded, ("crop", {"x": 0.2, "y": 0.2, "side": 0.5}), live=True)
    assert cropped["view"]["photo-curve"]["x"] == []
    running = step(uploaded | {"running": True}, ("another", None))
    assert "again" in running["view"] and running["view"]["photo-curve"]["x"] == []
    # a search that belongs to another picture is none, wherever it comes from
    stale = step(state(example=9, search=done["search"]))
    assert stale["view"]["photo-curve"]["x"] == []


def test_the_face_that_was_found_is_the_one_that_is_steered():
    done = run(state(psi=0.3, moves={"pc1": 1.0}))[-1]["state"]
    told = step(done, ("photo-steer", None))
    after = told["state"]
    assert after["part"] == "steer" and after["moves"] == {} and not after["running"]
    assert unpack(after["own"]).shape == (256,)
    found = pixels(step(done)["view"]["photo-faces"]["image"])[:, 64:128].astype(int)
    assert np.abs(found - tab.picture(after).astype(int)).max() <= 1


def test_nothing_of_the_visitors_enters_a_link():
    done = run(step(state(), ("upload", NOISE))["state"])[-1]["state"]
    told = step(done, ("photo-steer", None))
    assert told["query"] == tab.SCHEMA.query(tab.SCHEMA.defaults() | {"part": "steer"})
    assert {"picture", "preview", "search", "own"} <= set(told["left_out"])
    forgotten = step(told["state"], ("forget", None))["state"]
    for name in ("picture", "preview", "crop", "note", "search", "own"):
        assert forgotten[name] == tab.SCHEMA.params[name].default


def test_examples_are_what_they_say():
    drawing = photo.Search(Scene(state(example=5)))
    assert np.array_equal(to_uint8(drawing.target[0]), uploads.example_atlas()[5])
    own = photo.Search(Scene(state(data="portraits", example=5)))
    scene = own.scene
    with torch.inference_mode():
        expected = scene.generator(scene.z(photo.EXAMPLE_SEED, 1, 16 + 5))
    assert torch.allclose(own.target, expected, atol=1e-5)
    assert "made itself" in step(state(data="portraits"))["view"]["photo-faces"]["caption"]
    assert "your picture" in step(step(state(), ("upload", NOISE))["state"])["view"]["photo-faces"]["caption"]


def test_the_share_is_measured():
    """Nothing of a picture is explained by the average face, all of it by itself."""
    search = photo.Search(Scene(state()))
    assert search.explained == pytest.approx(0, abs=1e-5)
    vars(search)["error"] = 0.0
    assert search.explained == 1


def test_bad_requests_are_refused_in_words():
    good = run(state())[-1]["state"]
    numbers = unpack(good["search"]).copy()
    numbers[photo.MARK + 4 * 256] = 0.5
    for bad in (
        {"state": state(), "actions": [{"name": "photo-steer", "value": None}]},
        {"state": good | {"search": pack(numbers)}, "actions": []},
        {"state": good | {"search": "?"}, "actions": []},
        {"state": state(search=pack(np.zeros(5000))), "actions": []},
        {"state": state(picture=encode(np.zeros((64, 96, 3), np.uint8), "png")), "actions": []},
    ):
        told = STEP(bad)
        assert told.keys() == {"error"} and told["error"] != frame.FAILED


def test_the_search_travels_in_a_few_kilobytes():
    done = run(state())[-1]["state"]
    assert len(done["search"]) < 10_000 and OPEN({"state": done})["state"] == done
