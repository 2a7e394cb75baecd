"""The GAN tab without a browser: every part draws for every set, actions do what they say, strangers are refused."""

import json

import numpy as np
import pytest
import torch

from demos import gan as tab
from demos.gan_parts import mix
from demos.gan_parts.scene import Scene
from demos.stage.frame import Haste, handlers
from demos.stage.state import DATA, pack
from demos.widgets.picture import pixels
from models import precision
from models.gan import LAYER_GROUPS

STEP, OPEN = handlers(tab.TAB)[:2]


def start(**values) -> dict:
    """The tab's default state with other values."""
    return tab.SCHEMA.defaults() | values


def step(state: dict, *actions: tuple, live: bool = False) -> dict:
    """The answer to some actions; fails where the page would show an error."""
    answer = STEP({"state": state, "actions": [{"name": n, "value": v} for n, v in actions], "live": live})
    assert "error" not in answer, answer
    json.dumps(answer, allow_nan=False)
    return answer


def refused(state: dict, name: str, value) -> str:
    """The sentence with which an action is refused."""
    answer = STEP({"state": state, "actions": [{"name": name, "value": value}]})
    assert "error" in answer, (name, value)
    return answer["error"]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("part", [part.name for part in tab.PARTS])
def test_every_part_draws_at_every_haste(part, data):
    state = start(part=part, data=data)
    rest = tab.draw(state, Haste.REST)
    assert rest["rail"]["items"][-1]["name"] == "credit"
    assert rest["see"] and len(rest["see"]) < 420
    assert rest["formula"]["title"] and "def " in rest["formula"]["code"]
    assert set(tab.draw(state, Haste.LIVE)) <= set(rest) | {"again", "play"}
    controls = [item for item in rest["rail"]["items"] if item["kind"] not in ("heading", "text", "drawer")]
    assert len(controls) <= 6


@pytest.mark.parametrize("part", [part.name for part in tab.PARTS if part.follows])
def test_the_sheets_that_follow_a_hand_are_those_at_rest_and_only_those(part):
    state = start(part=part, face=3, moves={"pc1": 1.5})
    follow, rest = tab.draw(state, Haste.FOLLOW), tab.draw(state, Haste.REST)
    assert follow and not set(follow) & set(tab.draw(state, Haste.LIVE))
    for name, value in follow.items():
        quick, exact = (pixels(one["image"]).astype(int) for one in (value, rest[name]))
        assert np.abs(quick - exact).mean() < 3, name  # JPEG against PNG


@pytest.mark.parametrize("quick", [True, False], ids=["bfloat16", "float32"])
def test_a_face_under_a_moving_hand_is_the_face_at_rest_to_the_eye(monkeypatch, quick):
    monkeypatch.setattr(precision, "bfloat16_is_quick", lambda: quick)
    scene = Scene(start())
    rest = scene.draw_faces(scene.styles[None])
    steps = (scene.draw_faces(scene.styles[None], Haste.LIVE) - rest).abs() * 127.5  # of the 256 that a screen has
    assert (float(steps.max()) > 0) == quick
    assert float(steps.mean()) < 1.5 and float(steps.quantile(0.99)) < 8
    assert torch.equal(scene.draw_faces(scene.styles[None]), rest)


def test_the_same_state_gives_the_same_bytes():
    for part in ("faces", "steer", "mix", "between"):
        first, second = (step(start(part=part))["view"] for _ in range(2))
        for name, value in first.items():
            if isinstance(value, dict) and "image" in value:
                assert value["image"] == second[name]["image"], (part, name)


def test_psi_zero_makes_sixteen_equal_faces_and_says_so():
    view = step(start(), ("psi", 0.0))["view"]
    sheet = pixels(view["sheet"]["image"]).reshape(4, 64, 4, 64, 3).transpose(0, 2, 1, 3, 4).reshape(16, -1)
    assert np.abs(sheet.astype(int) - sheet[0]).max() <= 1
    assert "average face" in view["see"]
    meters = {item["label"]: item["value"] for item in view["quality"]["items"]}
    assert meters["Diversity"] < 0.01


def test_diversity_grows_with_psi_on_the_meter():
    values = [step(start(psi=psi))["view"]["quality"]["items"][0]["value"] for psi in (0.25, 0.7, 1.0)]
    assert values == sorted(values)


def test_selecting_a_face_makes_it_large_and_forgets_the_pushes_of_the_old_one():
    state = step(start(), ("pc1", 2.0))["state"]
    assert state["moves"] == {"pc1": 2.0}
    answer = step(state, ("face", 5))
    assert answer["state"]["moves"] == {} and answer["view"]["sheet"]["selected"] == 5
    sheet = pixels(answer["view"]["sheet"]["image"])
    large = pixels(answer["view"]["face"]["image"])
    assert np.abs(sheet[64:128, 64:128].astype(int) - large).max() <= 1


def test_a_push_acts_at_the_layers_of_its_group_only():
    state = step(start(), ("group", "fine"), ("pc1", 2.0))["state"]
    assert state["moves"] == {"pc1@fine": 2.0}
    still, moved = Scene(start()).styles, Scene(state).styles
    fine = list(LAYER_GROUPS["fine"])
    rest = [i for i in range(len(still)) if i not in fine]
    assert torch.equal(still[rest], moved[rest])
    distance = (moved[fine] - still[fine]).norm(dim=1)
    assert torch.allclose(distance, 2 * Scene(state).components.stds[0].expand(len(fine)), rtol=1e-4)


def test_a_named_push_reaches_its_distance_and_zero_takes_it_back():
    name = Scene(start()).directions.names[0]
    state = step(start(), (name, 1.5))["state"]
    scene = Scene(state)
    before = scene.directions.coordinate(Scene(start()).styles, name)
    assert torch.allclose(scene.directions.coordinate(scene.styles, name) - before, torch.tensor(1.5), atol=1e-3)
    back = step(state, (name, 0.0))
    assert back["state"]["moves"] == {} and "moves" not in back["query"]


def test_links_carry_pushes_and_mixes():
    state = step(start(), ("group", "middle"), ("pc2", -1.5), ("mix_coarse", True))["state"]
    query = step(state)["query"]
    again = OPEN({"query": query})
    assert again["state"] == state and not again["notices"]


def test_a_mixture_takes_each_group_from_its_own_face():
    a, b = torch.zeros(9, 4), torch.ones(9, 4)
    mixed = mix.mixture(a, b, ["coarse", "fine"])
    assert mixed[:, 0].tolist() == [1, 1, 1, 0, 0, 1, 1, 1, 1]
    assert torch.equal(a, torch.zeros(9, 4))


def test_a_cell_of_the_mixing_table_chooses_face_and_group():
    answer = step(start(part="mix"), ("mix", 8))
    state = answer["state"]
    assert state["other"] == 2 and [state[f"mix_{g}"] for g in LAYER_GROUPS] == [False, True, False]
    assert answer["view"]["mixes"]["selected"] == 6 + 8
    picked, table = (pixels(answer["view"][name]["image"]) for name in ("mixed", "mixes"))
    assert np.abs(picked.astype(int) - table[128:192, 128:192]).max() <= 40  # the table is a JPEG


def test_the_sum_of_equals_changes_nothing():
    view = step(start(part="sum", sum_a=4, sum_b=4))["view"]
    sheet = pixels(view["sum"]["image"])
    assert np.abs(sheet[:, 128:192].astype(int) - sheet[:, 192:256]).max() <= 1


def test_own_styles_never_enter_a_link_and_are_steered():
    own = pack(np.random.default_rng(0).normal(size=256).astype(np.float32) * 0.1)
    answer = step(start(part="steer", own=own), ("pc1", 1.0))
    assert "own" not in answer["query"] and "own" in answer["left_out"]
    assert OPEN({"query": answer["query"]})["state"]["own"] == ""


def test_two_visitors_share_nothing():
    first = step(start(seed=1), ("pc1", 3.0))
    second = step(start(seed=1))
    assert first["state"]["moves"] and second["state"]["moves"] == {}
    assert second["view"]["face"]["image"] == step(start(seed=1))["view"]["face"]["image"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pc1", float("inf")),
        ("pc1", "a"),
        ("pc99", 1.0),
        ("pc1", True),
        ("psi", 9),
        ("face", 16),
        ("group", "all of them"),
        ("mix", 18),
        ("mix", "coarse"),
        ("moves", {"pc1": 77}),
        ("moves", {"nobody": 1}),
        ("own", "x" * 10_000),
        ("sum_a", -1),
        ("nothing", None),
    ],
)
def test_bad_values_are_refused_in_a_sentence(name, value):
    assert len(refused(start(), name, value)) > 10


def test_pin_and_compare_show_both_faces():
    state = step(start(), ("pin", None))["state"]
    view = step(state, ("face", 3))["view"]
    assert view["compare"]["a"] != view["compare"]["b"] and "face" in view["compare"]["text"]


@pytest.mark.parametrize("part", [part.name for part in tab.PARTS if part.frames])
def test_runs_can_be_saved_as_gifs(part):
    frames = tab.frames(start(part=part))
    assert 8 <= len(frames) <= 240 and {frame.shape for frame in frames} == {frames[0].shape}


def test_another_seed_begins_another_game():
    state = step(start(part="game", played="r5"), ("seed", 9))["state"]
    assert state["played"] == "" and step(start(part="game", played="r5"), ("psi", 1.0))["state"]["played"] == "r5"


def test_a_style_of_the_wrong_length_is_refused_in_a_sentence():
    own = pack(np.zeros(12, np.float32))
    assert "as many numbers" in refused(start(own=own), "psi", 1.0)
