"""Part "The run" of the diffusion tab: what streams, what is shown, and that every word of it follows from the run."""

import math
import re
import threading

import numpy as np
import pytest
import torch

from demos import diffusion as tab
from demos import engine, follow
from demos.diffusion_parts import run, run_frames, run_words
from demos.diffusion_parts import scene as scenes
from demos.diffusion_parts.scene import Scene
from demos.widgets.picture import pixels
from models import diffusion, zoo
from tests.demos.driver import Driver
from tests.demos.small_diffusion import tiny_networks

PAGE = Driver(tab.TAB, part="run", steps=6, prompt="smiling")
state, step = PAGE.state, PAGE.accepted


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """Tiny networks for both sets, and an engine that knows no runs of other tests."""
    with tiny_networks(monkeypatch, run_frames._atlas):
        yield


def finished(**changes):
    """The view at rest of a run that has ended, and its records."""
    at = state(**changes)
    done = run_frames.done(Scene(at).request)
    return step(at)["view"], done.records


def items(view, kind=None):
    return [item for item in view["rail"]["items"] if kind in (None, item["kind"])]


def named(view, name):
    return next(item for item in view["rail"]["items"] if item.get("name") == name)


def test_frames_stream_in_order_and_the_whole_run_ends_at_rest():
    answers = list(PAGE.answers(state()))
    appended = [answer["view"]["run-strip"]["append"] for answer in answers[:-1] if "run-strip" in answer["view"]]
    assert {part["of"] for part in appended} <= {7} and {part["run"] for part in appended} <= {
        follow.mark(Scene(state()).request)
    }
    have = 0
    for part in appended:
        assert part["index"] <= have
        have = max(have, part["index"] + part["count"])
        assert len(part["captions"]) == part["count"]
        height, width = pixels(part["atlas"]).shape[:2]
        assert width == part["columns"] * 64 and height // 64 * part["columns"] >= 4 * part["count"]
    last = answers[-1]
    assert last["state"] == state()  # nothing is left of the following: no step of undo, nothing a link would miss
    assert last["left_out"] == [] and "again" not in last["view"] and "play" not in last["view"]
    strip = last["view"]["run-strip"]
    assert strip["count"] == 7 == len(strip["captions"]) and strip["index"] == 6
    assert len(strip["panes"]) == 4 == len(strip["smooth"])


def test_a_dragged_control_starts_nothing_and_leaves_the_strip_alone():
    view = step(state(), ("guidance", 7.5), live=True)["view"]
    assert list(view) == ["rail"]
    assert engine.ENGINE.known(Scene(state(guidance=7.5)).request) is None


@pytest.fixture
def gate(monkeypatch):
    """Runs wait before their third record until this is set; `gate.began` lists the requests that were started."""
    event = threading.Event()
    event.began = []
    start = scenes.Request.start

    def gated(self):
        event.began.append(self)
        for number, one in enumerate(start(self)):
            assert number != 2 or event.wait(60)
            yield one

    monkeypatch.setattr(scenes.Request, "start", gated)
    yield event
    event.set()


def test_what_is_under_way_is_shown_and_asked_for_again(gate):
    request = Scene(state()).request
    assert request.run().wait(60, 2)
    first = step(state())
    part = first["view"]["run-strip"]["append"]
    assert (part["index"], part["count"], part["of"]) == (0, 2, 7)
    assert first["view"]["again"]["action"] == {"name": "run-follow", "value": 2}
    assert first["view"]["play"]["name"] == "run-stop" == named(first["view"], "run-stop")["name"]
    assert "2 of 6" in named(first["view"], "run-cost")["label"]
    assert first["view"]["formula"]["title"].startswith("Step 2 of 6")
    nothing = step(first["state"], ("run-follow", 2), live=True)
    assert "run-strip" not in nothing["view"] and nothing["view"]["again"]["action"]["value"] == 2
    gate.set()
    assert request.run().wait(60)
    over = step(nothing["state"], ("run-follow", 2), live=True)
    assert "again" not in over["view"] and over["state"] == state()


def test_stop_rests_go_on_goes_on_and_denoise_computes_again(gate):
    request = Scene(state()).request
    assert request.run().wait(60, 2)
    stopped = step(state(), ("run-stop", None))
    gate.set()
    assert "again" not in stopped["view"] and stopped["left_out"] == []
    assert named(stopped["view"], "run-go-on")["label"] == "Go on"
    assert "Stopped after 2 of 6 steps" in stopped["view"]["see"]
    assert stopped["view"]["run-strip"]["append"]["count"] == 2
    on = step(stopped["state"], ("run-go-on", None))
    assert on["state"] == state()
    whole = run_frames.done(request)
    assert len(whole.records) == 6 and gate.began == [request]
    again = step(state(frame=3), ("denoise", None))
    assert again["state"]["frame"] == run.MOST
    fresh = run_frames.done(request)
    assert fresh is not whole and gate.began == [request, request]
    assert torch.equal(fresh.records[-1].x_next, whole.records[-1].x_next)


def test_denoise_leaves_a_run_alone_that_is_under_way(gate):
    request = Scene(state()).request
    going = request.run()
    assert going.wait(60, 1)
    tab.act(state(), {"name": "denoise", "value": None})
    assert request.run() is going and gate.began == [request]


def test_a_failed_run_says_so_and_can_be_tried_again(monkeypatch):
    def failing(self):
        raise ValueError("The network is asleep.")

    monkeypatch.setattr(scenes.Request, "start", failing)
    request = Scene(state()).request
    request.run().wait()
    view = step(state())["view"]
    assert view["see"] == "The network is asleep." and "again" not in view
    assert named(view, "denoise")["primary"]
    with pytest.raises(ValueError, match="asleep"):
        run.picture(Scene(state()))


@pytest.mark.parametrize(("number", "kept"), [(0, 0), (5, 5), (6, run.MOST), (7, run.MOST)])
def test_the_last_frame_is_the_picture_whatever_the_number_of_steps(number, kept):
    moved = tab.act(state(), {"name": "frame", "value": number})
    assert moved["frame"] == kept
    assert run.place(moved | {"steps": 50}) == (50 if kept == run.MOST else kept)


@pytest.mark.parametrize("value", [-1, 101, "3", None, True, math.nan])
def test_a_frame_that_is_none_is_refused(value):
    with pytest.raises(ValueError):
        tab.act(state(), {"name": "frame", "value": value})


def test_frames_show_the_records_cut_and_the_change_enlarged():
    _, steps = finished()
    panes = run_frames.whole(steps).unflatten(0, (-1, 4))
    assert len(panes) == len(steps) + 1 and float(panes.abs().max()) <= 1
    one = steps[3]
    for pane, shown in zip(panes[3], (one.x_t, one.x0, one.noise), strict=False):
        assert torch.equal(pane, shown[0].clamp(-1, 1))
    factor = run_frames.enlargement(one.change)
    assert float(one.change.abs().max()) * factor == pytest.approx(1, abs=0.06)
    assert f"Δ × {factor:g}" in run_frames.caption(one)
    assert torch.allclose(panes[3, 3], (2 * factor * one.change[0].abs() - 1).clamp(max=1))
    end = steps[-1].x_next[0].clamp(-1, 1)
    assert torch.equal(panes[-1, 0], end) and torch.equal(panes[-1, 1], end)
    assert bool((panes[-1, 3] == -1).all())
    assert run_frames.enlargement(torch.zeros(3)) == 0


def test_captions_tell_step_t_and_snr():
    view, steps = finished(steps=25)
    captions = view["run-strip"]["captions"]
    assert captions[13].startswith(f"step 14 of 25 · t = {steps[13].timestep} · SNR ")
    told = float(re.search(r"SNR ([−\d.]+) dB", captions[13])[1].replace("−", "-"))
    assert told == pytest.approx(diffusion.snr_db(steps[13].timestep), abs=0.051)
    assert captions[25] == "the picture, after 25 steps · t = 0"
    assert view["run-strip"]["left"] == "t = 999 · noise" and view["run-strip"]["right"] == "t = 0 · picture"


def test_both_curves_follow_the_strip():
    view, steps = finished(frame=2)
    alpha, snr = view["run-alpha"], view["run-snr"]
    for curve in (alpha, snr):
        assert curve["follows"] == "run-strip" and curve["index"] == 2 == view["run-strip"]["index"]
        assert len(curve["x"]) == len(curve["series"][0]["y"]) == view["run-strip"]["count"]
    assert alpha["series"][0]["y"][:-1] == pytest.approx([one.alpha_bar for one in steps], abs=1e-5)
    assert alpha["series"][0]["y"][-1] == 1.0
    assert snr["series"][0]["y"][:-1] == pytest.approx([one.snr_db for one in steps], abs=0.01)
    assert snr["series"][0]["y"][-1] is None


@pytest.mark.parametrize(
    ("changes", "calls"),
    [
        ({}, 12),
        ({"guidance": 1.0}, 6),
        ({"guidance": 0.0}, 6),
        ({"prompt": ""}, 6),
        ({"scheduler": "heun"}, 22),
    ],
)
def test_the_cost_is_counted_and_measured(changes, calls):
    view, steps = finished(**changes)
    words = named(view, "run-cost")["label"]
    assert steps[-1].nfe == calls == Scene(state(**changes)).request.nfe
    seconds = Scene(state(**changes)).request.run().seconds
    assert words == f"6 steps · {calls} network calls · {seconds:.1f} s, computed live on this machine"


def test_the_rail_has_six_controls_and_eta_only_where_it_means_something():
    view, _ = finished()
    controls = [item for item in items(view) if item["kind"] not in ("drawer", "text")]
    assert [item["name"] for item in controls] == ["prompt", "seed", "steps", "guidance", "scheduler", "denoise"]
    (drawer,) = items(view, "drawer")
    assert drawer["items"][0]["name"] == "eta"
    assert not items(finished(scheduler="euler")[0], "drawer")


def test_guidance_sleeps_while_nothing_is_asked():
    assert "asleep" not in named(finished()[0], "guidance")
    assert "Nothing is asked" in named(finished(prompt="")[0], "guidance")["asleep"]


# ---- words and formulas


def test_settled_counts_from_the_first_guess_that_stays_near():
    end = torch.zeros(1, 3)
    guesses = torch.tensor([1.0, 0.05, 0.3, 0.09, 0.0])[:, None].expand(-1, 3)
    assert run_words.settled(guesses, end) == 4
    assert run_words.settled(torch.ones(3, 3), end) == 4  # none of three
    assert run_words.settled(torch.zeros(3, 3), end) == 1


@pytest.mark.parametrize("data", zoo.DATA_SETS)
@pytest.mark.parametrize("scheduler", diffusion.SCHEDULERS)
def test_the_sentence_says_when_the_guess_had_settled(data, scheduler):
    view, steps = finished(data=data, scheduler=scheduler, steps=12)
    end = steps[-1].x_next.numpy()

    def by(make):
        far = [float(np.sqrt(np.mean((make(one.x0.numpy()) - make(end)) ** 2))) for one in steps]
        return next(k + 1 for k in range(len(far)) if max(far[k:]) <= 0.1 * far[0] + 1e-6)

    rough = by(lambda x: x.reshape(1, 3, 8, 8, 8, 8).mean((3, 5)))
    full = by(lambda x: x)
    assert re.findall(r"by step (\d+)", view["see"]) == (
        [str(rough), str(full)] if rough < full else [str(full)] if rough == full else [str(full), str(rough)]
    )
    assert ("Coarse first, detail last" in view["see"]) == (rough < full)


def test_one_step_is_one_guess():
    view, steps = finished(steps=1)
    assert "first guess is the picture" in view["see"]
    assert torch.allclose(steps[0].x0, steps[0].x_next, atol=1e-4)
    assert view["run-strip"]["count"] == 2
    assert "1 step · 2 network calls" in named(view, "run-cost")["label"]


def numbers(line):
    return [float(piece["n"].replace("−", "-")) for piece in line if isinstance(piece, dict)]


def test_the_formula_of_ddim_is_the_step_that_was_taken():
    view, steps = finished(frame=2)
    one = steps[2]
    after = run_words.share(one.next_timestep)
    assert torch.allclose(one.x_next, math.sqrt(after) * one.x0 + math.sqrt(1 - after) * one.noise, atol=0.02)
    update, guess, guided = view["formula"]["lines"]
    assert numbers(update) == [round(after, 2)] * 2
    assert numbers(guess) == [round(one.alpha_bar, 2)] * 2
    assert numbers(guided) == [3.0]
    assert view["formula"]["title"] == "Step 3 of 6, with its numbers"
    for name in ("def walk", "def x0_from", "def noise_from"):
        assert name in view["formula"]["code"]


def test_the_formula_with_eta_has_the_noise_of_the_paper():
    view, steps = finished(frame=2, eta=1.0)
    one = steps[2]
    now, after = one.alpha_bar, run_words.share(one.next_timestep)
    fresh = math.sqrt((1 - after) / (1 - now)) * math.sqrt(1 - now / after)
    assert numbers(view["formula"]["lines"][0])[2:] == [round(fresh, 2)] * 2


@pytest.mark.parametrize("scheduler", diffusion.SCHEDULERS)
def test_every_scheduler_has_its_line(scheduler):
    view, steps = finished(scheduler=scheduler, guidance=1.0, frame=1)
    assert len(view["formula"]["lines"]) == 3
    if scheduler != "ddim":
        assert numbers(view["formula"]["lines"][0]) == [steps[1].timestep, steps[1].next_timestep]


# ---- what leaves the page


def test_the_picture_is_the_end_of_the_run_and_pins_compare():
    _, steps = finished()
    shown = tab.shown(state())
    expected = np.rint((steps[-1].x_next[0].clamp(-1, 1).permute(1, 2, 0).numpy() + 1) * 127.5).astype(np.uint8)
    assert shown.shape == (64, 64, 3) and np.array_equal(shown, expected)
    pinned = step(state(), ("pin", None), ("seed", 8))
    assert "seed" in pinned["view"]["compare"]["text"]
    dragged = step(pinned["state"], ("guidance", 9.0), live=True)
    assert "compare" not in dragged["view"]
    assert engine.ENGINE.known(Scene(state(seed=8, guidance=9.0)).request) is None


def test_the_run_that_can_be_saved_shows_x_t_and_the_guess():
    _, steps = finished()
    pairs = tab.frames(state())
    assert len(pairs) == 7 and pairs[0].shape == (64, 128, 3)
    assert PAGE.gif(state())["gif"].startswith("data:image/gif")
    assert np.array_equal(pairs[-1][:, :64], tab.shown(state()))
    assert np.array_equal(pairs[-1][:, 64:], tab.shown(state()))


def test_a_link_carries_the_frame_and_nothing_of_the_following():
    at = step(state(frame=3))["state"]
    query = tab.SCHEMA.query(at)
    assert "frame=3" in query and "run_seen" not in query
    reopened = PAGE.open(query=query)
    assert reopened["notices"] == [] and reopened["state"] == state(frame=3)
