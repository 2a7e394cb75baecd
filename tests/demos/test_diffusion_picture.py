"""The part "Your picture" without a browser: noising, the way back, what survives, repairs, and what stays private."""

import numpy as np
import pytest
import torch

from demos import engine
from demos.diffusion_parts import picture, picture_repair, picture_survey
from demos.diffusion_parts.picture_walks import LEVELS, Level, Own
from demos.diffusion_parts.scene import Scene
from demos.stage import frame
from demos.stage.frame import Haste
from demos.stage.state import pack_bits
from demos.widgets.picture import encode, pixels
from models import diffusion, editing, zoo
from tests.demos.driver import Driver
from tests.demos.small_diffusion import TAB, tiny, tiny_networks

PAGE = Driver(TAB)
STEP = frame.handlers(TAB)[0]
state, step = PAGE.state, PAGE.accepted
WATCHED = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
UPLOAD = encode(WATCHED, "png")


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Small networks, and an engine that knows no run of another test."""
    with tiny_networks(monkeypatch):
        yield


def settled(now, *actions):
    """The answer once the run is over, and all answers on the way, as the page asks for them."""
    *told, rest = PAGE.answers(now, *actions, most=399)
    return rest, told or [rest]


def own(now) -> Own:
    return Own(Scene(now))


# ---- noise it


def test_at_t_0_everything_is_the_picture_itself():
    """Image to image from t = 0 gives back its input, bit for bit, and asks the network nothing."""
    now = state(noised=0)
    mine = own(now)
    assert mine.back.steps == 0 and not list(mine.back.start())
    x_t, guess = mine.back.look()
    assert torch.equal(x_t, mine.x0) and torch.equal(guess, mine.x0)
    counted = tiny("toons").counted()
    editing.look(counted, mine.x0, torch.randn(1, 3, 64, 64), 0)
    assert counted.calls == 0
    told = step(now)["view"]
    assert "again" not in told and told["picture-strip"]["count"] == 1 and "t = 0" in told["see"]
    panes = pixels(told["picture-strip"]["atlas"])
    assert (panes[:, :64] == mine.pixels).all() and (panes[:, 64:128] == mine.pixels).all()
    assert (panes[:, 128:192] == mine.pixels).all() and not panes[:, 192:].any()


def test_dragging_t_shows_the_noised_picture_and_begins_no_run():
    told = step(state(), ("noised", 300), live=True)
    assert not told["state"]["walked"] and "again" not in told["view"]
    strip, mine = told["view"]["picture-strip"], own(told["state"])
    assert strip["count"] == 1 and "t = 300" in strip["captions"][0]
    shown = pixels(strip["atlas"])[:, :64].astype(int)
    x_t = diffusion.q_sample(mine.x0, mine.request.noise(), 300)[0].clamp(-1, 1)
    assert np.abs(shown - pixels(encode(x_t, "png"))).max() <= 1
    assert not engine.ENGINE._runs


def test_a_walk_streams_and_ends_whole():
    begun = step(state(noised=600), ("noised", 500))
    assert begun["view"]["play"] == {"name": "picture-again", "value": None}
    whole, told = settled(begun["state"], ("picture-again", None))
    mine = own(whole["state"])
    count = mine.back.steps + 1
    strip = whole["view"]["picture-strip"]
    assert strip["count"] == count == 3 and strip["index"] == count - 1
    assert len(strip["captions"]) == len(strip["notes"]) == count
    assert "t = 499" in strip["captions"][0] and "kept" in strip["notes"][-1][3]
    added = [v["view"]["picture-strip"]["append"] for v in told if "append" in v["view"].get("picture-strip", {})]
    assert all(part["run"] == strip["run"] and part["of"] == count for part in added)
    records = list(mine.back.start())
    came = pixels(encode(records[-1].x_next[0].clamp(-1, 1), "png")).astype(int)
    assert "rms away" in whole["view"]["see"] and whole["view"]["formula"]["code"]
    frames = picture.frames(Scene(whole["state"]))
    assert len(frames) == count and frames[0].shape == (64, 256, 3)
    assert np.abs(frames[-1][:, 64:128].astype(int) - came).max() <= 1
    assert PAGE.gif(whole["state"])["gif"].startswith("data:image/gif")
    earlier = step(whole["state"], ("frame", 1))
    assert earlier["state"]["walk_frame"] == 1 and earlier["view"]["picture-strip"]["index"] == 1


def test_it_begins_at_the_first_step_below_t():
    mine = own(state(noised=700))
    records = list(mine.back.start())
    assert [r.timestep for r in records] == [499, 249] and records[-1].next_timestep == 0
    assert torch.equal(records[0].x_t, diffusion.q_sample(mine.x0, mine.request.noise(), 499))


def test_where_no_step_is_left_the_guess_is_all_there_is():
    told = step(state(noised=100, walked=True))["view"]
    assert "again" not in told and told["picture-strip"]["count"] == 1
    assert "this guess is all the way back" in told["see"]
    assert not any(item.get("name") == "picture-again" for item in told["rail"]["items"])


def test_a_wish_guides_the_guess_and_the_walk():
    plain, asked = own(state(noised=700)), own(state(noised=700, wish="pink hair", guidance=5))
    assert asked.request.asked == {"hair_color": "pink"} and plain.request.asked == {}
    assert not torch.equal(plain.back.look()[1], asked.back.look()[1])
    x_t, guess = asked.back.look()
    v = tiny("toons").predict(torch.cat([x_t, x_t]), 700, [asked.request.asked, {}])
    assert torch.allclose(guess, diffusion.x0_from(x_t, v[1:] + 5 * (v[:1] - v[1:]), 700), atol=1e-4)
    assert "Asked for" in step(state(noised=700, walked=False, wish="pink hair"))["view"]["see"]


@pytest.mark.parametrize("guidance", [0, 1])
def test_one_look_asks_once_where_guidance_needs_no_second(guidance):
    x0, noise = torch.zeros(1, 3, 64, 64), torch.ones(1, 3, 64, 64)
    counted = tiny("toons").counted()
    x_t, guess = editing.look(counted, x0, noise, 500, {"hair_color": "pink"}, guidance)
    assert counted.calls == 1
    v = tiny("toons").predict(x_t, 500, [{"hair_color": "pink"} if guidance else {}])
    assert torch.allclose(guess, diffusion.x0_from(x_t, v, 500), atol=1e-5)


# ---- what survives


def test_the_survey_grows_level_by_level_and_its_claims_are_its_numbers():
    whole, told = settled(state(task="survives", noised=500))
    view = whole["view"]
    assert view["picture-curve"]["x"] == [0, *LEVELS]
    shares, distances = (series["y"] for series in view["picture-curve"]["series"])
    assert shares[0] == 1 and distances[0] == 0 and None not in shares + distances
    mine = own(whole["state"])
    levels = [record for record in mine.survey.start() if record]
    for level, distance in zip(levels, distances, strict=True):
        assert editing.rms(mine.x0, level.picture) == pytest.approx(distance, abs=2e-4)
    ends = picture_survey.lost(levels)
    for attribute, end in ends.items():
        same = [level.t for level in levels if level.values[attribute] == levels[0].values[attribute]]
        assert all(t in same for t in (0, *LEVELS) if end is None or t < end) and end not in same
    assert len(view["picture-meters"]["items"]) == len(ends)
    assert view["picture-levels"]["rows"] * view["picture-levels"]["cols"] == 10
    partly = [v["view"]["picture-curve"]["series"][0]["y"] for v in told if "picture-curve" in v["view"]]
    counts = [sum(y is not None for y in ys) for ys in partly]
    assert counts == sorted(counts)
    gone = step(whole["state"], ("walk-from", 300))
    assert gone["state"]["task"] == "noise" and gone["state"]["noised"] == 300 and gone["state"]["walked"]
    assert len(picture.frames(Scene(whole["state"]))) == 10


def test_what_is_lost_is_what_reads_differently_first():
    blank = torch.zeros(1, 3, 64, 64)
    levels = [
        Level(0, blank, 0.0, {"a": "x", "b": "x", "c": "x", "d": None}),
        Level(100, blank, 0.1, {"a": "x", "b": "y", "c": "x", "d": "x"}),
        Level(200, blank, 0.2, {"a": "y", "b": "x", "c": "x", "d": "x"}),
    ]
    assert picture_survey.lost(levels) == {"a": 200, "b": 100, "c": None}
    assert [picture_survey.kept(levels, level) for level in levels] == [(3, 3), (2, 3), (2, 3)]


# ---- repair


@pytest.mark.parametrize("filling", ["replace", "repaint"])
@pytest.mark.parametrize("area", list(editing.AREAS))
def test_outside_the_mask_not_a_pixel_changes(area, filling):
    mine = own(state(task="repair", area=area, filling=filling, steps=2))
    records = list(mine.mend.start())
    filled = records[-1].x_next
    assert filled.shape == (3, 3, 64, 64)
    assert picture_repair.changed_outside(mine, filled) == 0
    outside = torch.from_numpy(~mine.mask)
    assert torch.equal(filled[:, :, outside], mine.x0.expand(3, -1, -1, -1)[:, :, outside])
    assert picture_repair.spread(mine, filled) > 0
    assert records[-1].nfe == (2 if filling == "replace" else 4)  # the last step is taken once


def test_the_number_that_is_shown_counts_pixels():
    mine = own(state(task="repair", area="left"))
    filled = mine.x0.expand(3, -1, -1, -1).clone()
    assert picture_repair.changed_outside(mine, filled) == 0
    filled[1, 0, 5, 40] *= -1  # outside: counted
    filled[2, 2, 5, 40] *= -1  # the same pixel again
    filled[0, :, 5, 5] = 0  # inside: not counted
    assert picture_repair.changed_outside(mine, filled) == 1


def test_a_repair_streams_and_says_its_numbers():
    whole, told = settled(state(task="repair", area="mouth", scheduler="heun"))
    view = whole["view"]
    assert view["picture-meters"]["items"][0]["text"] == "0 pixels"
    assert "not one pixel changed" in view["see"] and "Heun cannot repair" in view["see"]
    assert view["picture-strip"]["count"] == own(whole["state"]).mend.steps + 1
    assert len(view["picture-strip"]["panes"]) == 3 and view["picture-input"] == {"hidden": True}
    frames = picture.frames(Scene(whole["state"]))
    assert len(frames) == view["picture-strip"]["count"] and frames[0].shape == (64, 192, 3)


def test_painting_waits_for_a_press_and_stays_out_of_the_link():
    bits = np.zeros((64, 64), bool)
    bits[10:20, 30:40] = True
    painted = step(state(task="repair"), ("mask", pack_bits(bits)), live=True)
    assert "again" not in painted["view"] and not engine.ENGINE._runs
    now = step(painted["state"])
    assert now["state"]["area"] == "own" and (own(now["state"]).mask == bits).all()
    assert "mask" not in now["query"] and "area" not in now["query"] and {"mask", "area"} <= set(now["left_out"])
    assert PAGE.open(query=now["query"])["state"]["area"] == "eyes"
    whole, _ = settled(now["state"], ("picture-again", None))
    assert whole["view"]["picture-strip"]["captions"][-1] == "filled in"
    chosen = step(whole["state"], ("area", "upper"))["state"]
    assert chosen["mask"] == "" and chosen["hidden"] == [] and own(chosen).mask[:32].all()


def test_an_empty_mask_has_nothing_to_fill():
    told = step(state(task="repair"), ("mask", ""))
    assert "again" not in told["view"] and "Nothing is masked" in told["view"]["see"]
    assert not any(item.get("name") == "picture-again" for item in told["view"]["rail"]["items"])


# ---- all tasks


@pytest.mark.parametrize("task", list(picture.TASKS))
@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_every_task_shows_its_widgets_and_puts_the_others_away(task, data):
    view = step(state(task=task, data=data, walked=False))["view"]
    every = {name for names in picture.WIDGETS.values() for name in names}
    here = {name for name in every if view.get(name) != {"hidden": True}}
    assert here <= set(picture.WIDGETS[task]) and every - here == every - set(picture.WIDGETS[task])
    outside = [item for item in view["rail"]["items"] if item["kind"] != "drawer"]
    assert len(outside) <= 6


def test_a_dragged_control_begins_no_run_and_keeps_the_strip():
    whole, _ = settled(state(noised=500))
    told = step(whole["state"], ("guidance", 4.5), live=True)
    assert "picture-strip" not in told["view"] and "again" not in told["view"]


def test_stop_stops_and_go_on_goes_on():
    begun = step(state(noised=999, steps=40))
    if "again" in begun["view"]:
        stopped = step(begun["state"], ("picture-stop", None))
        assert "again" not in stopped["view"]
        begun = step(stopped["state"], ("picture-again", None))
    whole, _ = settled(begun["state"])
    assert whole["view"]["picture-strip"]["count"] == 41


def test_what_was_uploaded_is_used_and_never_in_the_link():
    told = step(state(), ("upload", UPLOAD))
    now = told["state"]
    assert now["picture"] and "picture" in told["left_out"] and "picture=" not in told["query"]
    assert own(now).what == "your picture" and own(now).picture == own(now).pixels.tobytes()
    assert hash(own(now).back) == hash(own(now).back) and own(now).back != own(state()).back
    assert len(told["query"]) < 200
    forgotten = step(now, ("forget", None))["state"]
    assert forgotten["picture"] is None and own(forgotten).back == own(state()).back


def test_without_an_upload_portraits_begin_with_a_face_that_was_made():
    mine = own(state(data="portraits"))
    assert "GAN" in mine.what and mine.pixels.shape == (64, 64, 3) and mine.pixels.std() > 10


def test_bad_requests_are_refused_in_words():
    for bad in (
        {"state": state(), "actions": [{"name": "noised", "value": 1000}]},
        {"state": state(), "actions": [{"name": "walk-from", "value": "NaN"}]},
        {"state": state(), "actions": [{"name": "mask", "value": "***"}]},
        {"state": state(), "actions": [{"name": "area", "value": "nose"}]},
        {"state": state(), "actions": [{"name": "frame", "value": -1}]},
        {"state": state(), "actions": [{"name": "picture-follow", "value": -1}]},
        {"state": state(), "actions": [{"name": "upload", "value": "data:text/plain;base64,aGVsbG8="}]},
        {"state": state() | {"picture": encode(np.zeros((64, 96, 3), np.uint8), "png")}, "actions": []},
    ):
        told = STEP(bad)
        assert told.keys() == {"error"} and told["error"] != frame.FAILED


def test_live_views_are_small():
    for task in picture.TASKS:
        view = picture.draw(Scene(state(task=task)), Haste.LIVE)
        assert {"rail"} <= set(view) and "picture-input" not in view
