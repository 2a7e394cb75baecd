"""The part "In 2-D" without a browser: every walk and layer, learning and catching up, the pen, and what is refused."""

import base64
import math
from types import SimpleNamespace

import numpy as np
import pytest

from demos.diffusion_parts import points, points_lessons
from demos.diffusion_parts.points_moves import LAYERS, SHAPES, STEPS, WALKS
from demos.stage.state import Flag
from models.point_diffusion import LESSON
from tests.demos.driver import Driver, tab_of


def scene(state):
    """What the tab hands to its parts, as far as this one looks at it."""
    return SimpleNamespace(state=state, seed=state["seed"])


PAGE = Driver(
    tab_of(
        "diffusion",
        [points],
        scene,
        [Flag("running", private=True)],
        picture=lambda state: points.picture(scene(state)),
    ),
    points_learnt=40,  # a short lesson, where a test does not say otherwise
)
opened = PAGE.state


def do(state, name=None, value=None, live=False):
    """The answer to one action, or to none; it must not be refused."""
    return PAGE.accepted(state, *([(name, value)] if name else []), live=live)


def rested(state):
    """The view at rest once what is asked for is learnt."""
    for _ in range(200):
        answer = do(state)
        if "again" not in answer["view"]:
            return answer
    raise AssertionError("it never gets there")


def dots(view):
    """The particles that were sent, (moments, 400, 2), in units of the plane."""
    field = view["points-field"]
    places = np.frombuffer(base64.b64decode(field["dots"]), "<i2").reshape(len(field["sent"]), -1, 2)
    return places / 1000


@pytest.fixture(autouse=True)
def forgetful():
    """Every test finds a server that has just started."""
    points_lessons.forgotten()


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize("layer", LAYERS)
def test_every_walk_and_layer_is_drawn(walk, layer):
    view = rested(opened(points_walk=walk, points_layer=layer, points_steps="10"))["view"]
    field = view["points-field"]
    assert field["count"] == 11 and field["sent"] == list(range(11)) and len(field["captions"]) == 11
    assert dots(view).shape == (11, points_lessons.PARTICLES, 2)
    assert (field["field"] is not None) == (layer == "score")
    assert (field["heat"] is not None) == (layer in ("true", "learnt"))
    if layer == "score":
        arrows = base64.b64decode(field["field"]["arrows"])
        assert len(arrows) == 11 * 17 * 17 * 2 and (field["field"]["truth"] is None) == (walk == "exact")
    if field["heat"]:
        heat = field["heat"]
        assert len(base64.b64decode(heat["bytes"])) == len(heat["keys"]) * heat["side"] ** 2
        assert heat["keys"][0] == 0 and heat["keys"][-1] == 10
    assert view["see"] and len(view["formula"]["lines"]) == 3 and "def step_back" in view["formula"]["code"]
    assert view["points-loss"]["x"] == [40]


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_has_no_more_than_six_controls(shape):
    view = rested(opened(points_shape=shape, points_steps="5"))["view"]
    outside = [item for item in view["rail"]["items"] if item["kind"] not in ("drawer", "text", "heading")]
    assert len(outside) <= 6
    assert (view["points-field"]["pen"] is not None) == (shape == "drawing")


def test_while_something_moves_only_the_moment_shown_is_sent():
    state = rested(opened())["state"]
    live = do(state, "points-at", 20, live=True)
    assert live["view"]["points-field"]["sent"] == [20] and live["state"]["points_t"] == 599
    whole = rested(live["state"])["view"]
    assert whole["points-field"]["index"] == 20
    assert np.array_equal(dots(live["view"])[0], dots(whole)[20])


def test_learning_goes_on_in_small_updates_and_stops_at_the_end():
    answer = do(opened(points_learnt=LESSON), "points-learn")
    assert answer["state"]["points_learnt"] == 0 and answer["state"]["running"]
    steps = []
    for _ in range(4):
        again = answer["view"]["again"]["action"]
        answer = do(answer["state"], again["name"], again["value"], live=True)
        steps.append(answer["state"]["points_learnt"])
    assert steps == sorted(set(steps)) and all(20 <= b - a <= 40 for a, b in zip([0, *steps], steps, strict=False))
    assert answer["view"]["play"]["name"] == "points-pause"
    paused = do(answer["state"], "points-pause")
    assert not paused["state"]["running"] and "again" not in paused["view"]
    lesson = points_lessons.lesson(points_lessons.rules_of("spiral", ()))
    first = lesson.losses[: min(5, steps[-1] // 20)]
    assert paused["view"]["points-loss"]["series"][0]["y"][0] == round(sum(first) / len(first), 4)


def test_what_was_forgotten_is_learnt_again_to_the_same_bit():
    state = opened(points_learnt=200)
    before = rested(state)["view"]
    points_lessons.forgotten()
    first = PAGE.open(state=state)["view"]
    if "again" in first:  # this machine needs more than one update for 200 steps
        assert first["again"]["action"]["name"] == "points-wait" and first["see"].startswith("Learning")
    after = rested(state)["view"]
    assert before["points-field"] == after["points-field"] and before["points-loss"] == after["points-loss"]


def test_the_link_opens_the_same_view_and_carries_no_drawing():
    state = opened(points_shape="moons", points_walk="exact", points_noisy=True, points_steps="10", points_t=99)
    seen = rested(state)
    assert "points_shape=moons" in seen["query"] and "points_drawing" not in seen["query"]
    other, notices = PAGE.schema.read(seen["query"])
    assert not notices and rested(other)["view"]["points-field"] == seen["view"]["points-field"]


def test_a_drawing_is_learnt_by_its_own_visitor_only():
    state = opened(points_shape="drawing", points_learnt=0)
    cross = [[round(x, 2), round(x, 2)] for x in np.linspace(-0.6, 0.6, 20)]
    sketch = do(state, "points-draw", cross, live=True)
    assert not sketch["state"]["running"] and "again" not in sketch["view"]
    assert points_lessons.lesson.cache_info().currsize == 0  # a stroke on its way is not kept
    drawn = do(sketch["state"], "points-drawn", cross)
    assert drawn["state"]["running"] and drawn["left_out"] == ["points_drawing"]
    real = np.frombuffer(base64.b64decode(drawn["view"]["points-field"]["real"]), "<i2").reshape(-1, 2) / 1000
    assert np.abs(real[:, 0] - real[:, 1]).max() < 0.2
    mine = points_lessons.rules_of("drawing", tuple(map(tuple, cross)))
    assert points_lessons.lesson(mine) is not points_lessons.lesson(points_lessons.rules_of("drawing", ((0.1, 0.1),)))
    cleared = do(drawn["state"], "points-clear")
    assert cleared["state"]["points_drawing"] == [] and not cleared["state"]["running"]


def test_two_visitors_see_the_same_lesson_wherever_they_stand():
    early, late = opened(points_learnt=20, points_steps="10"), opened(points_learnt=80, points_steps="10")
    alone = rested(early)["view"]
    rested(late)
    assert rested(early)["view"]["points-field"] == alone["points-field"]


def test_few_steps_and_the_way_forward_are_told_as_measured():
    short = rested(opened(points_steps="5"))["view"]["see"]
    assert "nats" in short
    forward = rested(opened(points_walk="forward", points_t=999))["view"]
    assert "has kept 0.6 %" in forward["see"]
    assert np.allclose(dots(forward)[-1], dots(rested(opened(points_walk="forward", seed=9))["view"])[-1])
    nothing = rested(opened(points_learnt=0))["view"]["see"]
    assert "seen nothing yet" in nothing


def test_the_seed_is_the_noise_and_not_the_network():
    a, b = (rested(opened(seed=seed, points_steps="10"))["view"] for seed in (7, 8))
    assert not np.array_equal(dots(a), dots(b))
    assert a["points-loss"] == b["points-loss"] and a["points-field"]["real"] == b["points-field"]["real"]


def test_the_run_can_be_saved():
    state = opened(points_steps="5")
    made = points.frames(scene(state))
    assert len(made) == 6 and all(one.shape == (320, 320, 3) and one.dtype == np.uint8 for one in made)
    assert np.array_equal(points.picture(scene(state)), made[-1])
    assert PAGE.gif(state)["gif"].startswith("data:image/gif")
    back = points.frames(scene(state | {"points_walk": "forward"}))
    assert not np.array_equal(back[0], back[-1])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("points_shape", "cube"),
        ("points_walk", "sideways"),
        ("points_layer", ""),
        ("points_steps", 7),
        ("points_learnt", LESSON + 1),
        ("points_learnt", math.pi),
        ("points_noisy", 1),
        ("points_t", 1000),
        ("points-at", 51),
        ("points-at", "3"),
        ("points-draw", [[0, 0]]),
        ("points-drawn", None),
    ],
)
def test_odd_values_are_refused(name, value):
    assert PAGE.refused(opened(), name, value)


@pytest.mark.parametrize("value", [[[0, 2]], [[0]], [["a", "b"]], "x", [[0, 0]] * 501, [[0, True]]])
def test_odd_drawings_are_refused(value):
    state = opened(points_shape="drawing", points_learnt=0)
    assert PAGE.refused(state, "points-drawn", value)


def test_every_number_of_steps_is_walked():
    for steps in STEPS:
        assert rested(opened(points_steps=steps, points_learnt=0))["view"]["points-field"]["count"] == int(steps) + 1
