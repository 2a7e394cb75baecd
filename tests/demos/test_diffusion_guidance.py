"""Part "Guidance" of the diffusion tab: five scales from one noise, and numbers that are computed from the pixels."""

import re
import threading

import numpy as np
import pytest
import torch

from demos import diffusion as tab
from demos import engine
from demos.diffusion_parts import guidance, run_frames
from demos.diffusion_parts import scene as scenes
from demos.diffusion_parts.scene import Scene
from demos.widgets.picture import pixels
from models import conditions, zoo
from tests.demos.driver import Driver
from tests.demos.small_diffusion import tiny_networks

PAGE = Driver(tab.TAB, part="guidance", steps=5, prompt="smiling")
state, step = PAGE.state, PAGE.accepted


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Tiny networks for both sets, and an engine that knows no runs of other tests."""
    with tiny_networks(monkeypatch, guidance._atlas):
        yield


def finished(**changes):
    """The view at rest of a sweep that has ended, and its lanes."""
    at = state(**changes)
    done = run_frames.done(guidance.sweep(Scene(at)))
    return step(at)["view"], guidance.lanes_of(done.records)


def test_all_five_walk_in_one_batch_as_each_would_alone():
    _, lanes = finished()
    assert [len(lane) for lane in lanes] == [5] * 5
    for w, lane in zip(guidance.SCALES, lanes, strict=True):
        alone = run_frames.done(Scene(state(guidance=w)).request).records
        assert torch.equal(lane[0].x_t, alone[0].x_t)
        assert torch.allclose(lane[-1].x_next, alone[-1].x_next, atol=1 / 255)
        assert lane[-1].nfe == alone[-1].nfe == (5 if w in (0, 1) else 10)


def test_the_sweep_is_followed_and_rests():
    last = PAGE.settled(state())
    assert last["state"] == state() and last["left_out"] == []
    assert {"guidance-sheet", "guidance-strip", "guidance-curve", "see", "formula"} <= last["view"].keys()


def test_guesses_come_while_it_runs_and_stop_rests(monkeypatch):
    """The sheet shows what all lanes have come to; a sweep that was stopped goes on where it stood."""
    gate, start = threading.Event(), scenes.Together.start

    def gated(self):
        for number, one in enumerate(start(self)):
            assert number != 13 or gate.wait(60)
            yield one

    monkeypatch.setattr(scenes.Together, "start", gated)
    sweep = guidance.sweep(Scene(state()))
    assert sweep.run().wait(60, 13)  # two steps of every lane, a third of some
    shown = step(state())["view"]
    assert shown["again"]["action"]["name"] == "guidance-follow" and shown["play"]["name"] == "guidance-stop"
    assert shown["guidance-sheet"]["caption"].startswith("step 2 of 5")
    stopped = step(state(), ("guidance-stop", None))
    gate.set()
    assert "again" not in stopped["view"] and "Stopped after 13 of 25" in stopped["view"]["see"]
    assert step(stopped["state"], ("guidance-go-on", None))["state"] == state()
    assert len(run_frames.done(sweep).records) == 25


def test_a_dragged_control_starts_no_sweep():
    assert list(step(state(), ("steps", 9), live=True)["view"]) == ["rail"]
    assert engine.ENGINE.known(guidance.sweep(Scene(state(steps=9)))) is None


# ---- excess


def test_excess_is_the_mean_of_what_lies_beyond_as_a_share_of_the_range():
    x = torch.zeros(1, 3, 64, 64)
    assert guidance.excess(x) == 0
    assert guidance.excess(torch.ones_like(x)) == 0 == guidance.excess(-torch.ones_like(x))
    x[0, 0] = 1.5  # a third of the values, a quarter of the range beyond
    assert guidance.excess(x) == pytest.approx(1 / 12)
    x[0, 1] = -1.5
    assert guidance.excess(x) == pytest.approx(2 / 12)


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_the_notes_are_computed_from_the_pixels(data):
    view, lanes = finished(data=data)
    ends = [lane[-1].x_next.numpy() for lane in lanes]
    told = [float(re.search(r"excess ([\d.]+) %", note)[1]) for note in view["guidance-sheet"]["notes"]]
    expected = [100 * float(np.maximum(np.abs(end) - 1, 0).mean()) / 2 for end in ends]
    assert told == pytest.approx(expected, abs=0.051)
    shown = pixels(view["guidance-sheet"]["image"])
    assert shown.shape == (64, 5 * 64, 3)
    first = np.rint((np.clip(ends[0][0], -1, 1).transpose(1, 2, 0) + 1) * 127.5)
    assert np.array_equal(shown[:, :64], first.astype(np.uint8))


def test_pushing_colours_beyond_the_range_grows_the_excess():
    """Over-guidance adds a direction ever more often: whatever it is, the excess cannot fall along the way."""
    base, push = torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 1.6 - 0.8
    grown = [guidance.excess(base + w * push) for w in (1, 3, 8, 20)]
    assert grown == sorted(grown) and grown[-1] > grown[0]


def test_the_price_is_told_only_where_it_was_paid():
    one = torch.zeros(1, 3, 64, 64)
    asked, seen = {"smile": "teeth"}, [["smile"]] * 5
    paid = guidance.see(asked, torch.cat([one, one, one, one, one + 2]), seen)
    assert "The price" in paid and "0.00 % of the range on average at w = 1, 50.0 % at w = 20" in paid
    assert "The price" not in guidance.see(asked, torch.cat([one] * 5), seen)


# ---- what is read back


@pytest.mark.parametrize("data", zoo.DATA_SETS)
def test_what_is_seen_is_what_the_attribute_network_reads(data):
    vocabulary = conditions.vocabulary(data)
    x = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1)) * 2 - 1
    read = {name: p.argmax(1) for name, p in zoo.attributes(data).read(x).items()}
    asked = {name: values[int(read[name][1])] for name, values in vocabulary.items() if name in read}
    found = guidance.found(data, asked, x)
    assert found[1] == list(asked)
    for i in (0, 2):
        assert found[i] == [name for name in asked if int(read[name][i]) == int(read[name][1])]
    assert guidance.found(data, {}, x) == [[], [], []]


def test_a_derived_attribute_that_is_neither_is_not_seen(monkeypatch):
    neither = {name: torch.zeros(1, len(values)) for name, values in conditions.vocabulary("portraits").items()}
    monkeypatch.setattr(conditions, "read", lambda reader, x: neither)
    first = {"background": conditions.vocabulary("portraits")["background"][0]}
    assert guidance.found("portraits", first, torch.zeros(1, 3, 64, 64)) == [[]]


def test_the_sentence_counts_what_is_seen():
    view, lanes = finished(prompt="smiling, pink hair")
    asked = Scene(state(prompt="smiling, pink hair")).request.asked
    seen = guidance.found("toons", asked, torch.cat([lane[-1].x_next for lane in lanes]))
    counts = ", ".join(f"{len(names)} at w = {w:g}" for w, names in zip(guidance.SCALES, seen, strict=True))
    assert f"the {len(asked)} things asked for the attribute network sees {counts}." in view["see"]
    assert [note.split(" seen")[0] for note in view["guidance-sheet"]["notes"]] == [
        f"{len(names)} of {len(asked)}" for names in seen
    ]


# ---- where nothing is asked


def test_nothing_asked_is_said_plainly_and_is_one_picture():
    view, lanes = finished(prompt="")
    assert view["see"].startswith("Nothing is asked for") and "all five are the same picture" in view["see"]
    for lane in lanes[1:]:
        assert torch.allclose(lane[-1].x_next, lanes[0][-1].x_next, atol=1e-3)
    assert not any("seen" in note for note in view["guidance-sheet"]["notes"])
    assert view["guidance-curve"]["series"][0]["y"] == [0.0] * 5


# ---- one step at a time


def test_the_strip_shows_both_guesses_and_their_difference():
    view, lanes = finished(guidance=8.0, guidance_frame=2)
    strip = view["guidance-strip"]
    assert strip["count"] == 5 == len(strip["captions"]) and strip["index"] == 2 and len(strip["panes"]) == 3
    assert strip["source"].startswith("w = 8 ")
    difference = lanes[3][2].conditional - lanes[3][2].unconditional
    assert f"Δ × {run_frames.enlargement(difference):g}" in strip["captions"][2]
    size = 100 * float(difference.square().mean().sqrt()) / 2
    assert view["guidance-curve"]["series"][0]["y"][2] == pytest.approx(size, abs=0.001)
    assert view["guidance-curve"]["follows"] == "guidance-strip"
    assert float(view["formula"]["lines"][1][1]["n"]) == pytest.approx(size, abs=0.051)
    atlas = pixels(strip["atlas"]).astype(int)
    tile = atlas[:64, 6 * 64 : 7 * 64]  # the first pane of the third frame
    exact = np.rint((lanes[3][2].conditional[0].clamp(-1, 1).permute(1, 2, 0).numpy() + 1) * 127.5)
    assert np.abs(tile - exact).mean() < 12


@pytest.mark.parametrize(("w", "lane"), [(0.0, 0), (1.0, 1), (2.5, 2), (3.5, 2), (12.0, 3), (20.0, 4)])
def test_the_lane_nearest_to_the_state_is_shown(w, lane):
    assert guidance.nearest(w) == lane
    view, _ = finished(guidance=w)
    assert view["guidance-sheet"]["selected"] == lane
    said = [item for item in view["rail"]["items"] if item.get("name") == "guidance-nearest"]
    assert bool(said) == (w not in guidance.SCALES)


def test_asked_once_there_is_no_difference_and_it_says_so():
    view, _ = finished(guidance=1.0)
    assert "asked once" in "".join(str(piece) for piece in view["formula"]["lines"][1])
    assert all(caption.endswith("Δ = 0") for caption in view["guidance-strip"]["captions"])


def test_clicking_a_picture_chooses_its_scale_and_the_strip_its_step():
    view, _ = finished()
    chosen = view["guidance-sheet"]["actions"][4]
    moved = step(state(frame=4), (chosen["name"], chosen["value"]), ("frame", 1))
    assert moved["state"]["guidance"] == 20.0 and moved["state"]["guidance_frame"] == 1
    assert moved["state"]["frame"] == 4  # the strip's place is its own


def test_the_rail_has_at_most_six_controls_and_an_honest_cost():
    view, lanes = finished()
    controls = [item for item in view["rail"]["items"] if item["kind"] not in ("drawer", "text")]
    assert len(controls) == 6
    cost = next(item["label"] for item in view["rail"]["items"] if item.get("name") == "guidance-cost")
    calls = sum(lane[-1].nfe for lane in lanes)
    assert f"{calls} network calls" in cost and calls == 5 + 5 + 3 * 10
