"""Part "When it decides": what is read off guesses, who they resemble, and that the words follow from the numbers."""

import re
import threading

import numpy as np
import pytest
import torch

from demos import diffusion as tab
from demos import engine, follow
from demos.diffusion_parts import decides, decides_measures, run_frames
from demos.diffusion_parts import scene as scenes
from demos.diffusion_parts.decides_measures import NEITHER, Opinion, Report
from demos.diffusion_parts.scene import Scene
from demos.training_faces import Match, drawings, matches
from demos.widgets.picture import pixels
from models import conditions, zoo
from tests.demos.driver import Driver
from tests.demos.small_diffusion import tiny_networks

PAGE = Driver(tab.TAB, part="decides", steps=4, prompt="smiling")
state, step = PAGE.state, PAGE.accepted


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Tiny networks for both sets, and an engine that knows no runs of other tests."""
    with tiny_networks(monkeypatch, decides._atlas, decides_measures.report):
        yield


def finished(**changes):
    """The view at rest of a run that has ended, and its records."""
    at = state(**changes)
    done = run_frames.done(Scene(at).request)
    return step(at)["view"], done.records


def chances(monkeypatch, rows):
    """From now on the attribute network reads these probabilities, {attribute: (F, K)}; the others are sure of 0."""
    known = conditions.vocabulary("toons")
    count = len(next(iter(rows.values())))

    def read(reader, x):
        assert len(x) == count
        sure = {name: torch.eye(len(values))[[0] * count] for name, values in known.items()}
        return sure | {name: torch.tensor(row) for name, row in rows.items()}

    monkeypatch.setattr(conditions, "read", read)


# ---- what is measured


def test_an_attribute_is_decided_when_its_last_value_stays_the_most_probable(monkeypatch):
    wide, happy = [0.1, 0.6, 0.1, 0.1, 0.1], [0.7, 0.3, 0.0, 0.0, 0.0]
    chances(monkeypatch, {"eyes": [wide, happy, wide, wide, wide]})
    found = decides_measures.opinions("toons", torch.zeros(5, 3, 64, 64))
    eyes = found[-1]
    assert (eyes.attribute, eyes.value, eyes.since) == ("eyes", "wide", 3)  # the first frame's does not count
    assert eyes.sure == pytest.approx([0.6, 0.3, 0.6, 0.6, 0.6])
    assert [one.since for one in found[:-1]] == [1] * 9
    assert [one.attribute for one in found[:-1]] == [name for name in conditions.vocabulary("toons") if name != "eyes"]


def test_what_only_the_picture_has_is_decided_at_the_very_end(monkeypatch):
    chances(monkeypatch, {"eyes": [[1.0, 0, 0, 0, 0], [1.0, 0, 0, 0, 0], [0, 0, 0, 0, 1.0]]})
    assert decides_measures.opinions("toons", torch.zeros(3, 3, 64, 64))[-1].since == 3
    assert decides.when(3, 2) == "the very end" and decides.when(2, 2) == "step 2"


def test_neither_is_a_value_like_the_others(monkeypatch):
    none = {name: torch.zeros(2, len(values)) for name, values in conditions.vocabulary("portraits").items()}
    grey = torch.tensor([[1.0, 0.0], [0.0, 0.0]])
    monkeypatch.setattr(conditions, "read", lambda reader, x: none | {"background": grey})
    found = {one.attribute: one for one in decides_measures.opinions("portraits", torch.zeros(2, 3, 64, 64))}
    assert (found["background"].value, found["background"].since) == (NEITHER, 2)
    assert found["background"].sure == (0.0, 1.0)
    assert (found["turned"].value, found["turned"].since) == (NEITHER, 1)


def test_coarse_and_detail_are_the_two_parts_of_a_picture():
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    fine = decides_measures.detail(x)
    blocks = fine.unfold(2, 8, 8).unfold(3, 8, 8)
    assert blocks.mean((-1, -2)).abs().max() < 1e-6
    assert torch.allclose(x - fine, decides_measures.coarse(x).repeat_interleave(8, 2).repeat_interleave(8, 3))


def test_shares_count_from_the_first_guess_to_the_last_frame():
    end = torch.zeros(1, 3, 8, 8)
    assert decides_measures.shares(torch.cat([end + 2, end + 1, end])) == (1.0, 0.5, 0.0)
    assert decides_measures.shares(torch.cat([end, end])) == (0.0, 0.0)


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_the_nearest_face_of_many_is_that_of_each(data):
    x = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(2)) * 2 - 1
    for one, match in zip(x, decides_measures.nearest(data, x), strict=True):
        alone = matches(data, one[None], 1)[0][0]
        assert (match.index, match.mirrored) == (alone.index, alone.mirrored)
        assert match.distance == pytest.approx(alone.distance, abs=1e-4)


# ---- the view


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_the_bars_are_what_is_read_off_the_guesses(data):
    view, records = finished(data=data)
    guesses = torch.cat([*(one.x0 for one in records), records[-1].x_next])
    expected = decides_measures.opinions(data, guesses)
    bars = view["decides-when"]["items"]
    assert [bar["value"] for bar in bars] == [one.since for one in expected] == sorted(bar["value"] for bar in bars)
    assert len(bars) == len(conditions.vocabulary(data))
    asked = Scene(state(data=data)).request.asked
    said = {one.attribute: bar["meaning"] for one, bar in zip(expected, bars, strict=True) if bar["meaning"]}
    values = {one.attribute: one.value for one in expected}
    assert said == {name: "as asked" if values[name] == v else f"asked for: {v}" for name, v in asked.items()} != {}


def test_the_strip_shows_guesses_beside_who_they_resemble():
    view, records = finished(frame=1)
    strip, found = view["decides-strip"], decides_measures.report(Scene(state()).request)
    assert strip["count"] == 5 == len(strip["captions"]) == len(strip["notes"]) and strip["index"] == 1
    assert len(strip["panes"]) == 3 == len(strip["smooth"])
    assert [notes[1] for notes in strip["notes"]] == [f"{found.decided(i)} of 10 decided" for i in range(5)]
    assert strip["notes"][-1][1] == "10 of 10 decided"
    near = decides_measures.nearest("toons", torch.cat([*(one.x0 for one in records), records[-1].x_next]))
    assert [notes[2].split(" ")[0] for notes in strip["notes"]] == [f"{match.distance:.3f}" for match in near]
    atlas = pixels(strip["atlas"]).astype(int)
    exact = np.rint((records[1].x0[0].clamp(-1, 1).permute(1, 2, 0).numpy() + 1) * 127.5)
    assert np.abs(atlas[:64, 4 * 64 : 5 * 64] - exact).mean() < 12
    like = drawings("toons", [near[1]])[0]
    drawn = np.rint((like.permute(1, 2, 0).numpy() + 1) * 127.5)
    assert np.abs(atlas[:64, 5 * 64 : 6 * 64] - drawn).mean() < 8
    assert "autoencoder" in strip["source"] and "not all of the drawings are shipped" in strip["source"]


def test_the_curves_follow_the_strip():
    view, records = finished(frame=2)
    for name in ("decides-shape", "decides-sure"):
        curve = view[name]
        assert curve["follows"] == "decides-strip" and curve["x"] == [1, 2, 3, 4, 5] and curve["index"] == 2
        assert all(len(series["y"]) == 5 for series in curve["series"])
    rough, fine = (series["y"] for series in view["decides-shape"]["series"])
    assert rough[0] == fine[0] == 100 and rough[-1] == fine[-1] == 0
    found = decides_measures.report(Scene(state()).request)
    mean = np.mean([one.sure for one in found.opinions], axis=0)
    assert view["decides-sure"]["series"][0]["y"] == pytest.approx(mean, abs=1e-4)
    assert view["formula"]["lines"][0][1]["n"] == str(found.decided(2))


def test_the_run_streams_in_and_is_shared_with_the_other_part():
    last = PAGE.settled(state())
    assert last["state"] == state() and last["left_out"] == []
    assert {"decides-strip", "decides-when", "decides-shape", "decides-sure", "see", "formula"} <= last["view"].keys()
    assert "run-strip" in step(last["state"], ("part", "run"))["view"]
    assert len(engine.ENGINE._runs) == 1


def test_frames_come_while_it_runs_and_stop_rests(monkeypatch):
    gate, start = threading.Event(), scenes.Request.start

    def gated(self):
        for number, one in enumerate(start(self)):
            assert number != 2 or gate.wait(60)
            yield one

    monkeypatch.setattr(scenes.Request, "start", gated)
    request = Scene(state()).request
    assert request.run().wait(60, 2)
    shown = step(state())["view"]
    part = shown["decides-strip"]["append"]
    assert (part["run"], part["index"], part["count"], part["of"]) == (follow.mark(request), 0, 2, 5)
    height, width = pixels(part["atlas"]).shape[:2]
    assert (height, width) == (64, 6 * 64) and len(part["notes"]) == 2
    assert shown["again"]["action"] == {"name": "decides-follow", "value": 2}
    assert shown["play"]["name"] == "decides-stop" and "decides-when" not in shown
    stopped = step(state(), ("decides-stop", None))
    gate.set()
    assert "again" not in stopped["view"] and "Stopped after 2 of 4" in stopped["view"]["see"]
    assert step(stopped["state"], ("decides-go-on", None))["state"] == state()
    assert len(run_frames.done(request).records) == 4


def test_a_dragged_control_starts_nothing():
    assert list(step(state(), ("guidance", 7.5), live=True)["view"]) == ["rail"]
    assert engine.ENGINE.known(Scene(state(guidance=7.5)).request) is None


def test_the_frame_is_that_of_the_run_and_the_button_computes_anew():
    _, records = finished()
    moved = step(state(), ("frame", 2))["state"]
    assert moved["frame"] == 2
    assert step(moved, ("frame", 4))["state"]["frame"] == 100  # the picture, whatever the number of steps
    again = step(moved, ("decides-again", None))
    assert again["state"]["frame"] == 2
    assert run_frames.done(Scene(again["state"]).request).records[0] is not records[0]


def test_the_rail_is_that_of_the_run():
    view, _ = finished()
    controls = [item for item in view["rail"]["items"] if item["kind"] not in ("drawer", "text")]
    assert len(controls) == 6 and controls[-1]["name"] == "decides-again"
    assert "4 steps · 8 network calls" in next(i["label"] for i in view["rail"]["items"] if i["kind"] == "text")


def test_the_run_can_be_saved():
    frames = tab.frames(state())
    assert len(frames) == 5 and {one.shape for one in frames} == {(64, 192, 3)}
    assert PAGE.gif(state())["gif"].startswith("data:image/gif")


def test_one_step_decides_everything_at_once():
    view, _ = finished(steps=1)
    assert {bar["text"] for bar in view["decides-when"]["items"]} <= {"step 1", "the very end"}
    assert view["see"]


# ---- words


def told(since, rough, fine, steps=10):
    """What is said of a run of ten steps with these numbers."""
    opinions = tuple(Opinion(f"hair_{k}", "pink", (1.0,) * 11, at) for k, at in enumerate(since))
    near = (Match(0, 0.5, False),) * (steps + 1)
    return decides.see(Report(opinions, near, (0.0,) * 11, (0.0,) * 11, rough, fine), steps)


@pytest.mark.parametrize(
    ("rough", "fine", "words"),
    [
        (3, 7, "by step 3, its detail by step 7: coarse first, detail last."),
        (5, 5, "by step 5, and so has its detail: neither comes first here."),
        (8, 2, "by step 8, its detail already by step 2: not coarse first this time."),
        (4, 11, "by step 4, its detail by the very end: coarse first, detail last."),
    ],
)
def test_coarse_first_is_said_only_where_it_was_measured(rough, fine, words):
    assert told([1, 4], rough, fine).endswith(words)


@pytest.mark.parametrize(
    ("since", "words"),
    [
        ([1, 1], "Of 2 attributes 2 read from the first guess on as they do in the picture. At"),
        ([1, 4], "Of 2 attributes 1 reads from the first guess on as it does in the picture. The other one is decided"),
        ([1, 4, 4], "The other 2 are decided at step 4."),
        ([2, 4, 11], "Then Hair 0: pink is decided at step 2; last comes Hair 2: pink, at the very end."),
    ],
)
def test_the_order_is_told_as_it_was(since, words):
    assert words in told(since, 1, 2)


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_every_number_of_the_sentence_is_measured(data):
    view, _ = finished(data=data)
    found = decides_measures.report(Scene(state(data=data)).request)
    early = sum(one.since == 1 for one in found.opinions)
    assert re.search(rf"Of {len(found.opinions)} attributes {early} reads? ", view["see"]) and len(view["see"]) < 420
    assert f"by {decides.when(found.coarse_at, 4)}" in view["see"]
