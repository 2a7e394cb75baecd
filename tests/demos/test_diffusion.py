"""The diffusion tab as a whole, over networks of random weights: every part rests, links, strangers, visitors, stories.

What each part computes and says is tested in the part's own module.
"""

import json

import numpy as np
import pytest

from demos import diffusion as tab
from demos import engine
from demos.diffusion_parts import decides, decides_measures, guidance, run_frames, wrong
from demos.diffusion_parts import scene as scenes
from demos.diffusion_parts.scene import Scene
from demos.stage.frame import Haste
from demos.stage.state import DATA, Choice, Flag, Integer, Number
from demos.stage.stories import FOLDER
from models import diffusion, seeding, zoo
from models.diffusion import Denoiser
from tests.demos.driver import Driver
from tests.demos.small_diffusion import tiny_networks
from tests.demos.test_diffusion_learn import numbers, record

PARTS = [part.name for part in tab.PARTS]
QUICK = {
    "prompt": "smiling",
    "steps": 3,
    "lanes_preset": "own",
    "lanes_own": "ddim:3:0:3;heun:2::3",
    "failure": "noise",
    "points_learnt": 0,
}
PAGE = Driver(tab.TAB, **QUICK)
start, step, refused = PAGE.state, PAGE.accepted, PAGE.refused


@pytest.fixture(scope="module")
def trainings(tmp_path_factory):
    """A folder with a made-up training for each set."""
    folder = tmp_path_factory.mktemp("weights")
    for data in DATA:
        record(folder / data, numbers())
    return folder


@pytest.fixture(autouse=True)
def small(trainings, monkeypatch):
    """Tiny networks for both sets, a made-up training, and an engine that knows no runs of other tests."""
    monkeypatch.setattr(zoo, "diffusion_folder", lambda data: trainings / zoo.check_data(data))
    with tiny_networks(monkeypatch, run_frames._atlas, guidance._atlas, decides._atlas, decides_measures.report):
        yield


def settled(state: dict) -> dict:
    """The answer at rest, once all runs of a state have come to their end."""
    *_, answer = PAGE.answers(state, most=3000)
    return answer


# ---- every part


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("part", PARTS)
def test_every_part_comes_to_rest(part, data):
    state = start(part=part, data=data)
    answer = settled(state)
    rest = answer["view"]
    assert answer["state"] == state and answer["left_out"] == [], "a page that followed runs is as before"
    items = rest["rail"]["items"]
    assert rest["see"] and len(rest["see"]) < 480
    assert rest["formula"]["title"] and "def " in rest["formula"]["code"]
    controls = [item for item in items if item["kind"] not in ("heading", "text", "drawer")]
    assert 0 < len(controls) <= 6
    assert (items[-1].get("name") == "credit") == (part != "points")
    assert set(tab.draw(state, Haste.LIVE)) <= set(rest) | {"again", "play"}


@pytest.mark.parametrize("part", PARTS)
def test_guesses_far_beyond_the_range_are_cut_not_refused(monkeypatch, part):
    """As strong guidance makes them on its first steps, while a run streams in and when it has ended."""
    predict = Denoiser.predict
    monkeypatch.setattr(Denoiser, "predict", lambda *arguments: 40 * predict(*arguments))
    for failure in wrong.FAILURES if part == "wrong" else ["noise"]:
        assert settled(start(part=part, failure=failure))["view"]["see"]


@pytest.mark.parametrize("part", [part.name for part in tab.PARTS if part.frames])
def test_runs_can_be_saved_as_gifs(part):
    frames = tab.frames(start(part=part))
    assert 2 <= len(frames) <= 240 and {frame.shape for frame in frames} == {frames[0].shape}


@pytest.mark.parametrize("part", [part.name for part in tab.PARTS if not part.frames])
def test_a_part_without_a_run_saves_none(part):
    assert "no run to save" in PAGE.gif(start(part=part))["error"]


def test_the_same_state_gives_the_same_bytes(monkeypatch):
    """Whether its run was computed before or is computed now."""
    first = settled(start())["view"]["run-strip"]["atlas"]
    monkeypatch.setattr(engine, "ENGINE", engine.Engine())
    run_frames._atlas.cache_clear()
    assert settled(start())["view"]["run-strip"]["atlas"] == first


# ---- links and visitors


OTHERS = {
    "seed": 8,
    "prompt": "pink hair, no beard",
    "steps": 31,
    "scheduler": "heun",
    "guidance": 7.5,
    "eta": 0.35,
    "frame": 4,
    "lanes_own": "euler:7::2.5;ddim:9:0.5:3",
    "wish": "happy eyes",
}


def another(param):
    """A value of a parameter that is not its default, or None where it has none that travels."""
    if param.name in OTHERS:
        return OTHERS[param.name]
    if isinstance(param, Choice):
        return next((value for value in param.options if value != param.default), None)
    if isinstance(param, Flag):
        return not param.default
    if isinstance(param, Integer):
        return param.low if param.default != param.low else param.low + 1
    if isinstance(param, Number):
        return param.low if param.default != param.low else param.high
    return None


TRAVELLING = [name for name, param in tab.SCHEMA.params.items() if not param.private and another(param) is not None]


def test_links_carry_every_choice():
    state = start(**{name: another(tab.SCHEMA.params[name]) for name in TRAVELLING})
    assert len(TRAVELLING) >= 20 and all(state[name] != tab.SCHEMA.params[name].default for name in TRAVELLING)
    query = tab.SCHEMA.query(state)
    back, notices = tab.SCHEMA.read(query)
    assert back == state and not notices and tab.SCHEMA.query(back) == query


@pytest.mark.parametrize("part", PARTS)
def test_a_link_to_a_part_opens_it(part):
    """What is followed meanwhile is not in it."""
    query = step(start(part=part))["query"]
    answer = PAGE.open(query=query) if part != "points" else step(start(part=part))
    assert answer["state"]["part"] == part and not answer["notices"]


def test_what_no_link_knows_is_dropped_with_a_notice():
    answer = PAGE.open(query="?v=1&tab=diffusion&steps=9000&scheduler=magic&nobody=1&guidance=nan")
    assert len(answer["notices"]) == 4 and answer["state"] == tab.SCHEMA.defaults()


def test_reset_goes_back_to_the_start_of_the_part():
    state = start(part="decides", seed=9, guidance=8.0)
    assert step(state, ("reset", None))["state"] == tab.SCHEMA.defaults() | {"part": "decides"}


def test_two_visitors_share_nothing_but_what_is_the_same_anyway():
    first, second = start(seed=1), start(seed=2)
    a, b = settled(first), settled(second)
    assert a["view"]["run-strip"]["run"] != b["view"]["run-strip"]["run"]
    assert a["view"]["run-strip"]["atlas"] != b["view"]["run-strip"]["atlas"]
    stopped = step(first, ("run-stop", None))
    assert stopped["state"]["run_seen"] and step(second)["state"] == second
    assert settled(first)["view"]["run-strip"]["atlas"] == a["view"]["run-strip"]["atlas"]


def test_pin_and_compare_show_two_runs():
    pinned = step(start(), ("pin", None))["state"]
    view = step(pinned, ("seed", 8))["view"]
    assert view["compare"]["a"] != view["compare"]["b"] and "seed" in view["compare"]["text"]


# ---- strangers

ACTIONS = {
    "run": ["run-follow"],
    "lanes": ["lanes-follow", "lane-remove", "lane-0-steps", "lane-1-guidance", "lane-0-scheduler"],
    "picture": ["picture-follow", "upload", "crop", "noised", "mask", "area", "walk-from"],
    "seeds": ["seeds-follow", "poke"],
    "guidance": ["guidance-follow"],
    "decides": ["decides-follow"],
    "points": ["points_drawing"],
    "learn": ["moment"],
    "wrong": ["wrong-follow", "wrong-go"],
}
SILENT = {"run-stop", "lanes-stop", "seeds-go-on", "denoise", "wrong-again"}  # buttons: their value means nothing


@pytest.mark.parametrize("value", [-1.5, "nonsense ☃", float("inf"), [1, [2]], {"x": "y"}, True])
@pytest.mark.parametrize(("part", "name"), [(part, name) for part, names in ACTIONS.items() for name in names])
def test_nonsense_is_refused_in_a_sentence(part, name, value):
    assert len(refused(start(part=part), name, value)) > 10


@pytest.mark.parametrize("part", [part for part in PARTS if part != "points"])
@pytest.mark.parametrize("value", [-1, 10**6, "a", None])
def test_no_part_takes_a_frame_that_is_none(part, value):
    assert len(refused(start(part=part), "frame", value)) > 10


@pytest.mark.parametrize("name", [name for name in tab.SCHEMA.params if name not in ("pin", "prompt", "wish", "note")])
def test_every_parameter_refuses_what_it_is_not(name):
    for value in (float("nan"), {"a": 1}, "nonsense ☃" * 50):
        with pytest.raises(ValueError, match=r".{10}"):
            tab.SCHEMA.check(tab.act(start(), {"name": name, "value": value}))


@pytest.mark.parametrize("name", ["", "run", "lane-9-steps", "lane-0-seed", "decides", "wrong", "picture-dance"])
def test_there_is_no_such_action(name):
    with pytest.raises(ValueError, match="no action"):
        tab.act(start(), {"name": name, "value": None})


@pytest.mark.parametrize("name", sorted(SILENT))
def test_buttons_take_any_value(name):
    assert tab.SCHEMA.check(tab.act(start(), {"name": name, "value": "nonsense"}))


# ---- wiring


def test_the_parts_and_their_modules_fit():
    assert list(tab.layout) == PARTS and [part.more for part in tab.PARTS] == [False] * 4 + [True] * 5
    for module in tab.MODULES:
        assert callable(module.act) and callable(module.draw) and callable(module.stage)
        assert hasattr(module, "frames") == module.PART.frames or module.PART.name == "points"
    names = [param.name for module in tab.MODULES for param in module.PARAMS]
    assert len(names) == len(set(names)), "two parts share a parameter"


def test_no_part_answers_the_actions_of_another():
    """An action belongs to one part, wherever it is sent from, but for "frame", which is the shown part's."""
    state = start()
    for name, value in [("wrong-go", 0), ("decides-again", None), ("denoise", None), ("lane-add", None)]:
        answers = [module.PART.name for module in tab.MODULES if module.act(dict(state), name, value) is not None]
        assert len(answers) == 1, (name, answers)
    for part in (name for name in PARTS if name not in ("wrong",)):
        frame = [m.PART.name for m in tab.MODULES if m.act(start(part=part), "frame", 0) is not None]
        assert frame in ([part], []), (part, frame)


# ---- stories

STORIES = json.loads((FOLDER / "diffusion.json").read_text(encoding="utf-8"))
QUERIES = list(
    dict.fromkeys(
        step_[word] for story in STORIES for step_ in story["steps"] for word in ("query", "reveal") if word in step_
    )
)


def test_there_are_stories_of_every_kind_of_part():
    assert len(tab.TAB.stories) == len(STORIES) >= 5
    parts = {tab.SCHEMA.read(query)[0]["part"] for query in QUERIES}
    assert parts >= {"run", "lanes", "guidance", "decides", "seeds", "picture", "wrong"}
    assert all(any("predict" in one for one in story["steps"]) for story in STORIES)


@pytest.mark.parametrize("query", QUERIES)
def test_every_state_of_a_story_opens(query):
    """It is the state that the link says, and its part shows something at once."""
    state, notices = tab.SCHEMA.read(query)
    assert not notices and tab.SCHEMA.query(state) == query
    view = step(state)["view"]
    assert view["see"] and view["rail"]["items"]


def test_what_is_asked_and_what_is_revealed_are_one_step_apart():
    for story in STORIES:
        for one in story["steps"]:
            if "reveal" in one:
                before, after = (tab.SCHEMA.read(one[word])[0] for word in ("query", "reveal"))
                assert 1 <= sum(before[name] != after[name] for name in before) <= 2, one


def test_story_half_of_a_long_run_passes_the_same_t_as_a_short_one():
    short, long = diffusion.timesteps("ddim", 16), diffusion.timesteps("ddim", 32)
    assert set(short) <= set(long) and len(long) == 2 * len(short)


def test_story_half_way_through_the_steps_a_signal_to_noise_ratio_is_shown():
    assert Scene(tab.SCHEMA.read("?tab=diffusion&frame=12")[0]).request.steps == 25
    assert "SNR" in step(start(frame=1))["view"]["run-snr"]["series"][0]["label"]


def test_story_without_a_wish_all_five_are_one():
    view = settled(start(part="guidance", prompt=""))["view"]
    assert "all five are the same picture" in view["see"]


def test_story_straight_through_the_middle_noise_is_shorter_than_any():
    a, b = (seeding.normal(seed, 1, scenes.SHAPE).flatten() for seed in (7, 12))
    typical = a.numel() ** 0.5
    assert float((a + b).norm() / 2) < typical - 10 * 0.7  # the length of noise of this size spreads by 0.7
    lengths = [float(seeding.normal(seed, 1, scenes.SHAPE).norm()) for seed in range(200)]
    assert min(lengths) > typical - 5 * 0.7 and np.std(lengths) == pytest.approx(0.7, abs=0.15)
