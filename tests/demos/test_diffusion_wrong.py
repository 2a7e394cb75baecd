"""Part "What goes wrong" of the diffusion tab: every failure is computed, measured, and left by the knob it names."""

import re

import numpy as np
import pytest
import torch

from demos import diffusion as tab
from demos import engine
from demos.diffusion_parts import guidance, run_frames, wrong, wrong_cases, wrong_prompts
from demos.diffusion_parts.scene import Request, Scene
from demos.widgets.picture import pixels
from models import conditions, editing, prompts, zoo
from tests.demos.driver import Driver
from tests.demos.small_diffusion import tiny_networks

PAGE = Driver(tab.TAB, part="wrong", failure="noise")
state, step = PAGE.state, PAGE.accepted


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Tiny networks for both sets, and an engine that knows no runs of other tests."""
    with tiny_networks(monkeypatch):
        yield


def measured(ends, **changes):
    """What a failure says of pictures that were made up."""
    scene = Scene(state(**changes))
    failure, lanes = wrong.FAILURES[scene.state["failure"]], wrong.lanes_of(scene)
    return failure.measure(scene, lanes, ends), lanes


def noise(count, seed=0, scale=0.5):
    return scale * torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


# ---- the plan


@pytest.mark.parametrize("data", zoo.DATA_SETS)
@pytest.mark.parametrize("failure", wrong.FAILURES)
def test_all_runs_of_a_failure_share_the_noise_and_differ_in_its_knob(failure, data):
    lanes = wrong.lanes_of(Scene(state(failure=failure, data=data, seed=5)))
    fresh = Request(data, 5)
    assert {(one.request.data, one.request.seed) for one in lanes} == {(data, 5)}
    changed = {
        name
        for one in lanes
        for name in ("steps", "scheduler", "guidance", "eta", "labels")
        if getattr(one.request, name) != getattr(fresh, name)
    }
    knobs = {
        "steps": {"steps"},
        "guidance": {"guidance"},
        "contradiction": set(),
        "unknown": set(),
        "noise": {"scheduler", "steps"},
    }[failure]
    assert changed - {"labels"} == knobs
    for one in lanes:
        assert one.request.asked == prompts.parse(data, one.prompt).attributes


@pytest.mark.parametrize("data", zoo.DATA_SETS)
@pytest.mark.parametrize("failure", wrong.FAILURES)
def test_every_picture_leads_to_its_own_run(failure, data):
    at = state(failure=failure, data=data, seed=5, eta=0.5, guidance=12.0, steps=9, frame=3)
    for number, one in enumerate(wrong.lanes_of(Scene(at))):
        there = tab.SCHEMA.check(wrong.act(at, "wrong-go", number))
        assert there["part"] == "run" and there["frame"] == 100
        assert Scene(there).request == one.request
    assert wrong.act(at, "wrong-go", None) == wrong.act(at, "wrong-go", 0)
    knob = {"steps": "steps", "guidance": "guidance", "contradiction": "prompt", "unknown": "prompt"}.get(failure)
    worst = wrong.act(at, "wrong-go", None)
    if knob:
        assert worst[knob] != at[knob]


def test_what_needs_a_wish_has_one():
    lanes = wrong.lanes_of(Scene(state(failure="guidance", prompt="")))
    assert {one.prompt for one in lanes} == {wrong_cases.WISH} and all(one.request.labels for one in lanes)
    own = wrong.lanes_of(Scene(state(failure="guidance", prompt="pink hair")))
    assert {one.prompt for one in own} == {"pink hair"}


# ---- the view


@pytest.fixture
def rested():
    """The view at rest of the cheapest failure, and the last pictures of its runs."""
    at = state()
    run = run_frames.done(wrong.together(Scene(at)))
    ends = {lane: one.x_next for lane, one in run.records}
    return step(at)["view"], torch.cat([ends[k] for k in range(len(ends))])


def test_the_pictures_are_those_of_the_runs_and_what_is_told_is_measured_of_them(rested):
    view, ends = rested
    sheet = view["wrong-sheet"]
    shown = pixels(sheet["image"])
    exact = np.rint((ends[0].clamp(-1, 1).permute(1, 2, 0).numpy() + 1) * 127.5)
    assert shown.shape == (64, 4 * 64, 3) and np.array_equal(shown[:, :64], exact.astype(np.uint8))
    assert sheet["notes"] == [f"grain {wrong_cases.grain(end[None].clamp(-1, 1)):.3f}" for end in ends]
    assert sheet["actions"] == [{"name": "wrong-go", "value": k} for k in range(4)]
    alone = run_frames.done(Request("toons", 7, steps=5, scheduler="ddpm", labels=Scene(state()).request.labels))
    assert torch.allclose(alone.records[-1].x_next, ends[:1], atol=1 / 255)


def test_the_rail_names_the_knob(rested):
    view, _ = rested
    items = view["rail"]["items"]
    texts = [item["label"] for item in items if item["kind"] == "text"]
    assert "The knob: Scheduler and steps" in texts and any("39 steps" in t or "network calls" in t for t in texts)
    go = next(item for item in items if item.get("name") == "wrong-go")
    assert go["primary"] and go["label"] == "See it run: DDPM, 5"
    controls = [item for item in items if item["kind"] not in ("text", "drawer", "heading")]
    assert len(controls) <= 6


def test_the_runs_are_followed_and_rest():
    last = PAGE.settled(state())
    assert last["state"] == state() and last["left_out"] == []
    assert {"wrong-sheet", "wrong-bars", "see", "formula", "rail"} == last["view"].keys()
    stopped = step(state(failure="guidance"), ("wrong-stop", None))
    assert "again" not in stopped["view"] and "Stopped" in stopped["view"]["see"]
    assert step(stopped["state"], ("wrong-go-on", None))["state"] == state(failure="guidance")
    assert step(stopped["state"], ("wrong-again", None))["state"] == state(failure="guidance")


def test_a_dragged_control_starts_nothing():
    assert list(step(state(), ("seed", 9), live=True)["view"]) == ["rail"]
    assert engine.ENGINE.known(wrong.together(Scene(state(seed=9)))) is None


# ---- what is said


def test_few_steps_tells_distances_from_the_most():
    ends = noise(5).clamp(-1, 1)
    ends[3] = 0.99 * ends[4]
    told, lanes = measured(ends, failure="steps")
    far = [editing.rms(end, ends[4]) for end in ends[:4]]
    assert [one["value"] for one in told.bars] == pytest.approx(far)
    assert f"2 steps {far[0]:.2f}, 3 steps {far[1]:.2f}, 5 steps {far[2]:.2f}, 25 steps {far[3]:.2f}" in told.see
    assert told.see.endswith("25 steps come far nearer than 2.") and told.notes[-1] == "the yardstick"
    same, _ = measured(ends[[3, 1, 2, 0, 4]], failure="steps")
    assert "come no nearer than 2." in same.see
    assert [one.request.steps for one in lanes] == [2, 3, 5, 25, 100]


def test_over_guidance_tells_the_excess_and_what_it_bought():
    ends = torch.cat([noise(1, scale=2.0), noise(1), noise(1, 1, 0.1), noise(1, 2, 0.1)])
    told, lanes = measured(ends, failure="guidance", prompt="pink hair, smiling")
    beyond = [guidance.excess(end) for end in ends]
    assert [one["value"] for one in told.bars] == pytest.approx(beyond)
    assert f"At w = 20 colours lie {guidance.percent(beyond[0])} of the range beyond" in told.see
    assert f"; at w = 3 {guidance.percent(beyond[2])}." in told.see
    heard = [len(names) for names in guidance.found("toons", lanes[0].request.asked, ends)]
    assert f"{heard[0]} of 2, at w = 3 {heard[2]}." in told.see
    tame, _ = measured(ends[[2, 1, 0, 3]], failure="guidance", prompt="pink hair, smiling")
    assert "no farther than at w = 3" in tame.see


def test_noise_is_left_only_where_it_is_measured():
    smooth = torch.nn.functional.avg_pool2d(noise(1, 3), 9, 1, 4)
    ends = torch.cat([smooth + noise(1, 4, 0.2), smooth + noise(1, 5, 0.02), smooth, smooth + noise(1, 6, 0.02)])
    told, _ = measured(ends, failure="noise")
    assert re.search(r"DDPM, 5 steps: \d+\.\d times as much: noise is left", told.see)
    assert "Euler, 4 steps: as much" in told.see and re.search(
        r"DDIM, 5 steps: 0\.\d times as much: smoother", told.see
    )


def test_grain_is_what_is_finer_than_three_pixels():
    assert wrong_cases.grain(torch.full((1, 3, 64, 64), 0.3)) == pytest.approx(0, abs=1e-6)
    board = (torch.arange(64)[:, None] + torch.arange(64)) % 2 * 2.0 - 1
    assert wrong_cases.grain(board.expand(1, 3, 64, 64)) == pytest.approx(8 / 9, abs=0.01)


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_a_contradiction_is_what_the_prompt_says_it_is(data):
    at = Scene(state(failure="contradiction", data=data))
    lanes = wrong.lanes_of(at)
    first, second = wrong_prompts.PAIRS[data]
    assert prompts.parse(data, lanes[0].prompt).contradictions
    assert lanes[0].request == lanes[2].request != lanes[1].request  # the later word counts
    ends = noise(4).clamp(-1, 1)
    ends[2] = ends[0]
    told, _ = measured(ends, failure="contradiction", data=data)
    apart = editing.rms(ends[0], ends[1])
    assert f"ends 0.00 rms from “{second}” alone and {apart:.2f} from “{first}”." in told.see
    read = editing.values(zoo.attributes(data), ends)
    attribute = prompts.parse(data, lanes[0].prompt).contradictions[0][0]
    for note, found in zip(told.notes, read, strict=True):
        assert note.startswith(f"read: {prompts.describe(data, {attribute: found[attribute]})}")
    if data == "portraits":
        assert "no picture it learnt from shows both" in told.see
        assert prompts.parse(data, lanes[3].prompt).clashes and not prompts.parse(data, lanes[3].prompt).contradictions
    else:
        assert lanes[3].request == lanes[1].request and "The other way round" in told.see
    assert len(told.see) < 420


def test_a_clash_that_came_true_is_counted(monkeypatch):
    vocabulary = conditions.vocabulary("portraits")
    asked = prompts.parse("portraits", wrong_prompts.CLASH["portraits"]).attributes
    place = {name: vocabulary[name].index(asked.get(name, vocabulary[name][0])) for name in vocabulary}
    monkeypatch.setattr(
        conditions,
        "read",
        lambda reader, x: {n: torch.eye(len(v))[[place[n]] * len(x)] for n, v in vocabulary.items()},
    )
    told, _ = measured(noise(4), failure="contradiction", data="portraits")
    assert told.see.endswith("2 of 2.")


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_unknown_words_change_nothing_and_are_named(data):
    lanes = wrong.lanes_of(Scene(state(failure="unknown", data=data)))
    assert lanes[0].request == lanes[1].request and not lanes[0].request.labels
    assert lanes[2].request == lanes[3].request and lanes[2].request.labels
    ends = noise(2)[[0, 0, 1, 1]]
    told, _ = measured(ends, failure="unknown", data=data)
    assert told.see.startswith("Not understood: hat, dog. ") and "is nothing to the network" in told.see
    assert "0.00 rms from the one for which nothing was asked" in told.see and told.see.endswith("they change 0.00.")
    assert told.notes[0] == "understood: nothing" and told.notes[2] == told.notes[3]
    assert len(told.see) < 420


@pytest.mark.parametrize("value", [-1, 4, 1.5, "0", True, [0]])
def test_no_other_lane_is_gone_to(value):
    assert len(PAGE.refused(state(), "wrong-go", value)) > 10
