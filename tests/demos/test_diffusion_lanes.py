"""Part "Lanes": what stands side by side is what each lane gives alone, and what is said of it was measured."""

import re

import pytest
import torch

from demos.diffusion_parts import lanes, lanes_plan, seeds
from demos.diffusion_parts.lanes_frames import Row, rms
from demos.diffusion_parts.lanes_plan import HALF, LONG, PRESETS, Lane
from demos.diffusion_parts.scene import Scene
from demos.widgets.picture import pixels, to_uint8
from tests.demos.diffusion_page import Page, follow_all
from tests.demos.driver import controls

TWO = "ddim:4:0:3;heun:2::1"


@pytest.fixture
def small(monkeypatch):
    return Page(monkeypatch, lanes, seeds)


def own(small, text=TWO, **changes):
    return small.state(lanes_preset="own", lanes_own=text, **changes)


def row(small, state):
    """The complete row of a state, from its own run."""
    together = lanes.together_of(Scene(state))
    run = together.run()
    assert run.wait(60) and not run.failed
    return Row(Scene(state), together, run.records, run.seconds)


def words(view):
    return "".join(part if isinstance(part, str) else part["n"] for line in view["formula"]["lines"] for part in line)


# --- the plan --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [TWO, "ddim:25:0.3:3", "ddpm:100::20;dpm:1::0;euler:7::1.5;ddim:2:1:0.5"])
def test_a_link_of_lanes_reads_back(text):
    param = lanes_plan.NAMED["lanes_own"]
    assert param.check(text) == text == param.format(param.parse(text))
    assert lanes_plan.written(Lane.read(part) for part in text.split(";")) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        ";",
        "ddim",
        "ddim:25:0",
        "ddim:25:0:3:1",
        "ddim:25::3",  # eta is said for ddim
        "heun:13:0:3",  # and for nothing else
        "magic:25::3",
        "ddim:0:0:3",
        "ddim:101:0:3",
        "ddim:2.5:0:3",
        "ddim:25:1.1:3",
        "ddim:25:nan:3",
        "ddim:25:0:21",
        "ddim:25:0:1_0",
        ";".join(["dpm:5::3"] * 5),
        "x" * 5000,
        7,
        None,
        ["ddim:25:0:3"],
    ],
)
def test_odd_lanes_are_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match="lanes_own is one to four lanes"):
        lanes_plan.NAMED["lanes_own"].check(text)


def test_numbers_are_put_on_the_grid_of_their_sliders():
    assert lanes_plan.NAMED["lanes_own"].check("ddim:25:0.31:3.2") == "ddim:25:0.3:3"


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_lanes_of_one_noise(small, preset):
    state = small.state(lanes_preset=preset, guidance=2.0)
    requests = lanes.together_of(Scene(state)).lanes
    assert len({(r.data, r.seed, r.labels) for r in requests}) == 1 and len(set(requests)) == len(requests) <= 4
    panes = lanes_plan.panes_of(state, lanes.together_of(Scene(state)))
    assert len(panes) <= 4 and [pane.letter for pane in panes] == list("ABCD"[: len(panes)])
    if preset == "samplers":
        assert {request.nfe for request in requests} == {50}  # 25 calls, twice each for guidance
    if preset != "guidance":
        assert {request.guidance for request in requests} == {2.0}


# --- what is shown ---------------------------------------------------------------------------------------------------


def test_lanes_together_are_the_lanes_alone(small):
    state = own(small, "ddim:3:0.5:3;heun:2::1;euler:4::2;ddpm:3::0")
    together = row(small, state)
    for pane, request in zip(together.panes, together.together.lanes, strict=True):
        alone = list(request.start())
        assert torch.allclose(together.ends[pane.letter], alone[-1].x_next[0].clamp(-1, 1), atol=1 / 255)
        assert together.nfe(pane) == alone[-1].nfe == request.nfe


def test_the_page_gets_every_frame_once_and_then_the_whole(small):
    state = own(small)
    got, whole = {0: [], 1: []}, None
    for answer in small.answers(state):
        strip = answer["view"].get("lanes-strip")
        if strip and "append" in strip:
            part = strip["append"]
            assert strip["lengths"] == [5, 3] and part["of"] == 5 == len(part["captions"])
            for lane in (0, 1):
                new = range(part["index"][lane], part["index"][lane] + part["count"][lane])
                assert len(part["notes"][lane]) == len(new)
                got[lane] += new
            run = part["run"]
        elif strip:
            whole = strip
    assert whole["run"] == run and whole["lengths"] == [5, 3] and whole["index"] == 4
    # at rest, the first answer begins at 0 again if frames were there at once; no frame is missing or out of order
    assert got[0][: len(set(got[0]))] == list(range(len(set(got[0]))))
    shown = row(small, state)
    sheet = pixels(whole["atlas"])
    last = sheet[:64, 7 * 64 : 8 * 64].astype(int)  # the last of 5 + 3 tiles
    assert abs(last - to_uint8(shown.ends["B"]).astype(int)).mean() < 6  # JPEG
    assert [len(notes) for notes in whole["notes"]] == [5, 3]


def test_costs_and_distances_are_those_measured(small):
    state = own(small, lanes_reference="b")
    view, shown = small.settled(state)["view"], row(small, state)
    ends = [notes[-1].replace("\u00a0", " ") for notes in view["lanes-strip"]["notes"]]
    assert " · 8 calls · " in ends[0] and ends[1].startswith("3 calls · ")
    apart = rms(shown.ends["A"], shown.ends["B"])
    assert ends[0].startswith(f"{apart:.2f} from B") and "from" not in ends[1]
    assert f"{apart:.2f}" in view["see"] and f"{apart:.3f}" in words(view)
    assert "11 calls" in words(view)
    shares = [float(re.search(r"([\d.]+) s", end)[1]) for end in ends]
    assert sum(shares) == pytest.approx(shown.seconds, abs=0.11)


def test_stopping_half_way_shows_the_long_run_itself(small):
    state = small.state(lanes_preset="stopped")
    view, shown = small.settled(state)["view"], row(small, state)
    assert view["lanes-strip"]["lengths"] == [LONG + 1, HALF + 1, HALF + 1, HALF + 1]
    there = shown.steps[0][HALF]
    assert torch.equal(shown.ends["B"], there.x_t[0].clamp(-1, 1))
    assert torch.equal(shown.ends["C"], there.x0[0].clamp(-1, 1))
    assert [shown.nfe(pane) for pane in shown.panes] == [64, 32, 34, 32]
    far = {letter: rms(end, shown.ends["A"]) for letter, end in shown.ends.items()}
    assert all(f"{far[letter]:.2f}" in view["see"] for letter in "BCD")
    assert (", nearer than the guess" in view["see"]) == (far["D"] < far["C"])
    assert f"t = {there.timestep}" in view["see"]
    assert not any(item.get("name") == "lanes_show" for item in view["rail"]["items"])


def test_the_same_pictures_are_called_the_same(small):
    """Without a wish guidance changes nothing, and the words say why."""
    lanes_ = "dpm:2::1;dpm:2::4"
    assert "nothing to follow" in small.settled(own(small, lanes_, prompt=""))["view"]["see"]
    assert "nothing to follow" not in small.settled(own(small, lanes_))["view"]["see"]
    assert "One lane only" in small.settled(own(small, "dpm:2::1"))["view"]["see"]


def test_x0_is_shown_instead_of_x_t(small):
    shown = row(small, own(small, lanes_show="x0"))
    assert torch.equal(shown.frame(shown.panes[0], 1), shown.steps[0][1].x0[0].clamp(-1, 1))
    assert torch.equal(shown.frame(shown.panes[0], 4), shown.steps[0][3].x_next[0].clamp(-1, 1))


def test_labels_say_what_differs(small):
    def said(**changes):
        state = small.state(**changes)
        return [f"{pane.letter} · {pane.words}" for pane in lanes_plan.panes_of(state, lanes.together_of(Scene(state)))]

    assert said(lanes_preset="own", lanes_own="ddim:4:0:3;ddim:2:0:3") == ["A · 4 steps", "B · 2 steps"]
    assert said(lanes_preset="own", lanes_own="dpm:2::1;dpm:2::4") == ["A · w 1", "B · w 4"]
    assert said(lanes_preset="own", lanes_own=TWO) == ["A · DDIM 4, w 3", "B · Heun 2, w 1"]
    assert said(lanes_preset="own", lanes_own="dpm:2::1;dpm:2::1") == ["A · DPM-Solver++ 2", "B · DPM-Solver++ 2"]


# --- a visitor -------------------------------------------------------------------------------------------------------


def test_a_dragging_hand_begins_nothing(small):
    state = own(small)
    answer = small.step(state, ("lane-0-steps", 7), live=True)
    assert answer["state"]["lanes_own"].startswith("ddim:7:") and "again" not in answer["view"]
    assert small.engine.known(lanes.together_of(Scene(answer["state"]))) is None


def test_stop_rests_and_go_on_ends_it(small):
    small.slow()
    state = own(small, "ddim:30:0:3;ddim:25:0:3")
    answer = small.step(state)
    assert "again" in answer["view"]
    stopped = small.step(answer["state"], ("lanes-stop", None))
    assert "again" not in stopped["view"] and stopped["view"]["see"].startswith("Stopped after")
    assert [item["name"] for item in controls(stopped["view"])][-1] == "lanes-go-on"
    late = small.step(stopped["state"], ("lanes-follow", 3), live=True)  # it was on its way
    assert late["state"] == stopped["state"] and "again" not in late["view"]
    # another control forgets that it was stopped: the run of the new state begins
    assert "again" in small.step(stopped["state"], ("seed", 8))["view"]
    view = small.settled(small.step(stopped["state"], ("lanes-go-on", None))["state"])["view"]
    assert "atlas" in view["lanes-strip"]


def test_two_visitors_do_not_mix(small):
    """Two pages ask in turn; each ends with what its own seed gives."""
    states = [own(small, seed=seed) for seed in (1, 2)]
    ends = [answer["view"] for answer in follow_all(small, states)]
    for end, state in zip(ends, states, strict=True):
        assert end["lanes-strip"]["left"] == f"the same noise, seed {state['seed']}"
        assert end["lanes-strip"]["atlas"] == row(small, state).whole()["atlas"]
    assert ends[0]["lanes-strip"]["atlas"] != ends[1]["lanes-strip"]["atlas"]


def test_the_drawer_edits_lanes_and_the_link_carries_them(small):
    state = small.state(lanes_preset="few")
    answer = small.step(state, ("lane-remove", 0), ("lane-0-scheduler", "heun"), ("lane-add", None), live=True)
    assert answer["state"]["lanes_preset"] == "own"
    assert answer["state"]["lanes_own"] == "heun:20::3;ddim:8:0:3;ddim:3:0:3;ddim:3:0:3"
    assert small.schema.read(answer["query"]) == (answer["state"], [])
    full = small.step(answer["state"], ("lane-add", None))
    assert full == {"error": "There is room for 4 lanes."}
    for name, value in (("lane-0-steps", 0), ("lane-0-eta", 0.5), ("lane-0-steps", "7"), ("lane-remove", 4)):
        assert "error" in small.step(answer["state"], (name, value)), name
    for name in ("lane-9-steps", "lane-0-magic", "lane-"):
        assert "There is no action" in small.step(answer["state"], (name, 1))["error"]
    assert small.step(own(small, "dpm:2::1"), ("lane-remove", 0))["error"] == "One lane stays."
    with pytest.raises(ValueError):
        lanes_plan.NAMED["lanes_own"].check("heun:20:0.5:3")


def test_the_place_of_the_scrubber_is_kept_as_a_share(small):
    state = small.step(own(small), ("frame", 1), live=True)["state"]
    assert state["lanes_at"] == 0.25
    assert small.settled(state)["view"]["lanes-strip"]["index"] == 1
    assert "error" in small.step(state, ("frame", 5))
    assert lanes.act(small.state(part="seeds"), "frame", 1) is None


def test_a_link_with_odd_lanes_is_told_and_the_rest_holds(small):
    state, notices = small.schema.read("?v=1&tab=diffusion&lanes_preset=few&lanes_own=ddim:1000:0:3&lanes_at=2")
    assert state["lanes_preset"] == "few" and state["lanes_own"] == small.state()["lanes_own"]
    assert len(notices) == 2


def test_controls_fit_the_rail(small):
    for preset in (*PRESETS, "own"):
        view = small.step(small.state(lanes_preset=preset), ("lanes_at", 1.0), live=True)["view"]
        assert len(controls(view)) <= 6


def test_the_gif_has_every_place(small):
    state = own(small)
    pictures = lanes.frames(Scene(state))
    assert len(pictures) == 5 and all(picture.shape == (64, 128, 3) for picture in pictures)
    assert small.gif(state)["gif"].startswith("data:image/gif")
