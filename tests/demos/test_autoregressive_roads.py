"""Roads not taken and beams: the tree has every road once, leads back to all of them, and tells true probabilities."""

import math

import pytest

from demos import autoregressive
from demos.autoregressive_parts import beams, drafts, roads, scene
from demos.autoregressive_parts.write_moves import ROADS
from demos.engine import Engine
from demos.stage import frame
from models import sampling, zoo
from models.language_beams import beam_search
from tests.demos.driver import controls
from tests.demos.language_page import ODD, Page
from tests.models.conftest import small_language

TAB = autoregressive.TAB


@pytest.fixture
def page(monkeypatch):
    """The part "Beams" over small models."""
    monkeypatch.setattr(drafts, "ENGINE", Engine(slots=1))
    return Page(monkeypatch, beams, models={"smollm2": small_language(), "tiny": small_language("gpt2")})


@pytest.fixture
def write(monkeypatch):
    """step(state, *actions) of the whole tab over a small model, at rest; and a fresh state."""
    model = small_language()
    monkeypatch.setattr(zoo, "language", lambda name: model)
    monkeypatch.setattr(scene, "HERE", {"smollm2": lambda: True, "tiny": lambda: True})
    handler = frame.handlers(TAB)[0]

    def step(state, *actions):
        return handler({"state": state, "actions": [{"name": name, "value": value} for name, value in actions]})

    return step, TAB.schema.check(TAB.schema.defaults() | {"prompt": "Shall I compare"}), model


# --- the tree


def paths(found):
    """(path, whether a branch ends there that nothing grows from) of every branch."""
    parents = {branch.parent for branch in found}
    return [(branch.path, i not in parents) for i, branch in enumerate(found)]


def test_roads_that_begin_alike_share_a_branch():
    found = roads.branches([[1, 2, 3], [1, 2, 4, 5], [6]], [1, 2, 4])
    assert paths(found) == [
        ([1, 2], False),
        ([1, 2, 3], True),
        ([1, 2, 4], False),
        ([1, 2, 4, 5], True),
        ([6], True),
    ]
    assert [branch.parent for branch in found] == [-1, 0, 0, 2, -1]
    assert [branch.on for branch in found] == [True, False, True, False, False]
    assert [branch.here for branch in found] == [False, False, True, False, False]
    assert roads.branches([]) == []
    assert paths(roads.branches([[7, 7]], [])) == [([7, 7], True)]


def test_more_probable_branches_come_first():
    chances = {(1,): 0.2, (6,): 0.7, (1, 2): 0.1, (1, 3): 0.8}
    found = roads.branches([[1, 2], [1, 3], [6]], None, chances)
    assert [branch.path for branch in found] == [[6], [1], [1, 3], [1, 2]]


def test_long_branches_are_folded_and_lose_nothing():
    model = small_language()
    ids = list(range(100, 150))
    chips = roads.chips(model, [], ids, [0.5] * 50)
    assert [id for chip in chips for id in chip.get("fold", [chip.get("id")])] == ids
    assert len(chips) == roads.HEAD + 1 + roads.TAIL
    assert roads.chips(model, [], ids[:9]) and not any("fold" in chip for chip in roads.chips(model, [], ids[:9]))


def test_a_character_spread_over_branches_is_still_known():
    model = small_language()
    smile = model.encode("🙂")
    assert "".join(chip["t"] for chip in roads.chips(model, smile[:2], smile[2:])) == "🙂"


# --- in "Write"


def test_a_road_is_left_and_found_again(write):
    step, state, _ = write
    first = step(state, ("road-go", [10, 11, 12]))["state"]
    second = step(first, ("road-go", [10, 20]))["state"]
    assert second["taken"] == [10, 20] and second["roads"] == [[10, 11, 12]]
    back = step(second, ("road-go", [10, 11]))["state"]
    assert back["taken"] == [10, 11] and [10, 20] in back["roads"] and [10, 11, 12] in back["roads"]
    home = step(back, ("road-go", []))["state"]
    assert home["taken"] == [] and sorted(home["roads"]) == [[10, 11, 12], [10, 20]], "[10, 11] is a part of one"
    linked, notices = TAB.schema.read(TAB.schema.query(back))
    assert not notices and (linked["taken"], linked["roads"]) == (back["taken"], back["roads"])


def test_so_many_roads_are_kept(write):
    step, state, _ = write
    for i in range(ROADS + 3):
        state = roads.turn(state, [100 + i])
    assert len(state["roads"]) == ROADS and state["roads"][-1] == [100 + ROADS + 1] and [100] not in state["roads"]
    assert roads.turn(state, list(range(300)))["taken"] == list(range(256))
    assert "list of at most 256" in step(state, ("road-go", list(range(300))))["error"]
    for odd in (None, "x", [-1], [2.5], {"a": 1}):
        assert "error" in step(state, ("road-go", odd))


def test_the_tree_takes_the_place_of_the_board(write):
    step, state, model = write
    state = step(state, ("road-go", [10, 11, 12]), ("road-go", [10, 20]))["state"]
    plain = step(state)["view"]
    assert plain["write-roads"] == {"hidden": True} and "hidden" not in plain["write-board"]
    assert "roads-show" in [item["name"] for item in plain["write-moves"]["items"]]
    answer = step(state, ("roads-show", None))
    view = answer["view"]
    assert view["write-board"] == {"hidden": True} and len(view["write-roads"]["nodes"]) == 3
    # each token has the model's own probability, each road their product
    ids, bits = model.encode("Shall I compare"), 0.0
    for token in (10, 20):
        p = sampling.softmax(model.step(ids, reuse=False))[token]
        bits -= math.log2(p)
        ids = [*ids, token]
    here = next(node for node in view["write-roads"]["nodes"] if node["here"])
    assert here["tokens"][-1]["p"] == pytest.approx(p, abs=2e-5) and here["note"] == f"{bits:.1f} bits"
    assert f"The present one has {bits:.1f} bits" in view["see"]
    # the board comes back with the logits that the page was not sent
    after = step(answer["state"], ("roads-hide", None))["view"]["write-board"]
    assert after == step(state)["view"]["write-board"]
    # no roads, no tree
    assert step(state, ("roads-show", None), ("prompt", "other"))["view"]["write-roads"] == {"hidden": True}


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_odd_prompts_have_roots(write, text):
    step, state, _ = write
    view = step(state, ("prompt", text), ("road-go", [5]), ("road-go", [6, 7]), ("roads-show", None))["view"]
    assert len(view["write-roads"]["nodes"]) == 2 and len(view["write-roads"]["root"]["t"]) <= 48


# --- beams


def test_the_tree_is_the_search(page):
    state = page.state(beams=4, beams_tokens=5, beams_round=3)
    view = page.settled(state)["view"]
    steps = list(beam_search(page.models["smollm2"], page.models["smollm2"].encode(state["prompt"]), 5, 4))
    tree = view["beams-tree"]
    ends = {}
    for node in tree["nodes"]:
        before = ends[node["parent"]] if node["parent"] >= 0 else ()
        ends[len(ends)] = (*before, *(token["id"] for token in node["tokens"]))
    for kind, expected in (("now", steps[2].beams), ("pruned", steps[2].pruned)):
        for beam in expected:
            k = next(k for k, ids in ends.items() if ids == beam.ids)
            assert tree["nodes"][k]["kind"] == kind
            assert tree["nodes"][k]["note"] == f"{beam.score:.2f}".replace("-", "−")
    assert all(0 < token["p"] <= 1 for node in tree["nodes"] for token in node["tokens"])
    assert f"{steps[2].beams[0].log_probability:.2f}".replace("-", "−") in str(view["formula"]["lines"])


def test_probabilities_come_from_the_sums(page):
    model = page.models["smollm2"]
    ids = model.encode("Shall I")
    found = beams.chances(list(beam_search(model, ids, 4, 3)))
    for path, p in list(found.items())[:12]:
        assert p == pytest.approx(sampling.softmax(model.step([*ids, *path[:-1]]))[path[-1]], rel=1e-3)


def test_the_last_round_names_the_winner(page):
    view = page.settled(page.state(beams_tokens=4))["view"]
    won = [node for node in view["beams-tree"]["nodes"] if node["note"].startswith("wins")]
    assert len(won) == 1 and won[0]["kind"] == "now"
    assert view["see"].startswith("The search is over")
    assert len(controls(view)) <= 6


def test_it_plays_from_the_first_round_to_the_last(page):
    state = page.settled(page.state(beams_tokens=4))["state"]
    rounds = [answer["state"]["beams_round"] for answer in page.answers(state, ("beams-play", None))]
    assert rounds[0] == 1 and sorted(set(rounds)) == [1, 2, 3, 4] and rounds == sorted(rounds)
    playing = page.step(state, ("beams-play", None))
    assert playing["view"]["play"]["name"] == "beams-stop" and playing["view"]["again"]["after"] == beams.PACE
    assert page.step(playing["state"], ("beams-stop", None))["state"]["running"] is False


def test_a_beam_is_taken_to_write(write):
    step, state, _ = write
    answer = step(state | {"part": "beams", "taken": [9], "beams_tokens": 3}, ("beams-take", [5, 6]))
    assert (answer["state"]["part"], answer["state"]["taken"]) == ("write", [9, 5, 6])
    assert "error" in step(state, ("beams-take", "all"))


def test_a_text_as_long_as_the_window_leaves_room(page):
    state = page.state(prompt="word " * 300, beams_tokens=6)
    assert page.settled(state)["view"]["beams-tree"]["nodes"]
    assert len(beams.search(scene.Scene(state)).ids) == page.models["smollm2"].window - 6


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_beams_go_on_from_whatever_was_typed(page, text):
    assert page.settled(page.state(prompt=text, beams_tokens=3))["view"]["beams-tree"]["nodes"]
