"""The part "The game itself" without a browser: every move, the record in the link, rewinding, and who sees what."""

import base64
import math
from types import SimpleNamespace

import numpy as np
import pytest

from demos.gan_parts import game, game_moves
from demos.stage import frame
from demos.stage.state import Flag, Schema, unpack
from models import game as play

SCHEMA = Schema("gan", [Flag("running", private=True), *game.PARAMS], [game.PART])


def act(state, action):
    """The part's own actions, else its parameters, as the tab does it."""
    answer = game.act(state, action["name"], action["value"])
    return SCHEMA.assign(state, action) if answer is None else answer


TAB = frame.Tab(
    name="gan",
    label="GAN",
    accent="#ff9e4a",
    schema=SCHEMA,
    parts=[game.PART],
    act=act,
    draw=lambda state, live: game.draw(SimpleNamespace(state=state), live),
)
STEP, OPEN = frame.handlers(TAB)[:2]


def do(state, *names, value=None, live=False):
    """The answer after actions one by one; they must not be refused."""
    for name in names:
        answer = STEP({"state": state, "actions": [{"name": name, "value": value}], "live": live})
        assert "error" not in answer, answer
        state = answer["state"]
    return answer


def rounds(state, count):
    """The state that many rounds later."""
    for _ in range(count):
        state = do(state, "step-both")["state"]
    return state


def moment(state):
    """What the page keeps of a state to go back to."""
    return {name: state[name] for name in game_moves.MOMENT}


def weights(state):
    """Everything of the state's game, for comparing to the bit."""
    return game_moves.present(state).game.pack().tobytes()


@pytest.mark.parametrize("shape", play.SHAPES)
@pytest.mark.parametrize("objective", play.OBJECTIVES)
def test_every_shape_and_objective_draws_all_its_widgets(shape, objective):
    """Complete, finite, with live numbers, the code and at most six controls before the drawer."""
    view = do(SCHEMA.defaults() | {"shape": shape, "objective": objective}, "step-both")["view"]
    assert {"game-board", "game-curves", "game-losses", "rail", "see", "formula", "play"} <= view.keys()
    controls = [item for item in view["rail"]["items"] if item["kind"] in ("slider", "button", "choice", "toggle")]
    assert 1 <= len(controls) <= 6
    assert sum(isinstance(token, dict) for line in view["formula"]["lines"] for token in line) == 4
    assert "def step_d" in view["formula"]["code"] and "def adam" in view["formula"]["code"]
    board = view["game-board"]
    assert len(base64.b64decode(board["heat"])) == board["side"] ** 2
    assert len(board["real"]) == len(board["made"]) == 400 and len(board["pushes"]) == 2 * game.ARROWS
    assert len(board["lines"]["points"]) == 2 * board["lines"]["columns"] ** 2
    assert len(board["modes"]["centres"]) == 2 * len(board["modes"]["covered"])


def test_the_first_view_has_played_nothing_and_says_so():
    answer = OPEN({"query": ""})
    assert answer["state"]["game"] == "" and "Nobody has moved" in answer["view"]["see"]
    assert "again" not in answer["view"] and answer["view"]["play"]["name"] == "game-play"


def test_play_goes_on_until_pause_and_loses_nothing():
    playing = do(SCHEMA.defaults(), "game-play")
    assert playing["view"]["again"] == {"action": {"name": "game-run", "value": None}, "after": 0}
    assert playing["view"]["play"]["name"] == "game-pause"
    played = do(playing["state"], "game-run", "game-run", live=True)
    paused = do(played["state"], "game-pause")
    assert "again" not in paused["view"] and weights(paused["state"]) == weights(played["state"])
    done = game_moves.present(paused["state"]).game.g.steps
    assert 1 <= done <= 2 * game_moves.CHUNK and paused["state"]["played"] == f"r{done}"
    assert weights(do(paused["state"], "game-run")["state"]) == weights(paused["state"])  # a late one changes nothing
    on = do(do(paused["state"], "game-play")["state"], "game-run")["state"]
    rules = game_moves.rules_of(on)
    straight = play.play(play.start(rules), rules, game_moves.present(on).game.g.steps)
    assert weights(on) == straight.pack().tobytes()


def test_slow_motion_moves_one_player_at_a_time_and_says_which():
    state = do(SCHEMA.defaults() | {"slow": True, "k": 2}, "game-play")["state"]
    records, sentences = [], []
    for _ in range(6):
        answer = do(state, "game-run", live=True)
        state = answer["state"]
        assert answer["view"]["again"]["after"] >= 300
        records.append(state["played"])
        sentences.append(answer["view"]["see"])
    assert records == ["d1", "d2", "r1", "r1.d1", "r1.d2", "r2"]
    assert [s[0] for s in sentences] == list("DDGDDG")
    rules = game_moves.rules_of(state)
    assert weights(state) == play.play(play.start(rules), rules, 2).pack().tobytes()


def test_a_link_plays_the_same_game_again():
    """Rules and record are in the link, the snapshot is not, and nothing is said to be left out."""
    state = SCHEMA.defaults() | {"shape": "spiral", "objective": "least-squares", "noise": 3, "seed": 11, "k": 2}
    after = do(rounds(state, 3), "step-d", "step-d", "step-g", "step-g", "step-both")
    assert after["state"]["played"] == "r4.g1.r1" and after["left_out"] == []
    assert len(after["query"]) < 200
    opened = OPEN({"query": after["query"]})
    assert opened["notices"] == [] and opened["state"]["game"] == ""
    assert weights(opened["state"]) == weights(after["state"])
    assert opened["view"]["game-board"]["made"] == after["view"]["game-board"]["made"]
    assert weights(do(opened["state"], "step-both")["state"]) == weights(do(after["state"], "step-both")["state"])
    # the page of the link keeps the moment it was opened at, and the beginning
    assert opened["view"]["game-board"]["rewind"]["what"]["game"] == after["state"]["game"]


@pytest.mark.parametrize(
    ("name", "value"), [("lr_d", 3), ("lr_g", 9), ("k", 4), ("game-draw", [[0.1, 0.2], [0.3, 0.4]])]
)
def test_rules_that_change_on_the_way_are_said_to_have_no_link(name, value):
    begun = SCHEMA.defaults() | ({"shape": "drawing"} if name == "game-draw" else {})
    before = rounds(begun, 2)
    changed = do(before, name, value=value)
    assert weights(changed["state"]) == weights(before) and "played" in changed["state"]["hidden"]
    assert "played" not in changed["query"] and "played" in changed["left_out"]
    assert any(item.get("name") == "left-out" for item in changed["view"]["rail"]["items"])
    assert game_moves.present(SCHEMA.read(changed["query"])[0]).game.g.steps == 0
    assert do(changed["state"], "game-restart")["state"]["hidden"] == []


def test_rules_may_change_before_the_first_move():
    changed = do(SCHEMA.defaults(), "lr_d", value=3)
    assert changed["state"]["lr_d"] == game_moves.RATES[3] and changed["left_out"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("shape", "moons"), ("objective", "wasserstein"), ("noise", 5), ("prior", "uniform"), ("game-collapse", None)],
)
def test_another_game_begins_at_its_beginning(name, value):
    after = do(rounds(SCHEMA.defaults(), 2), name, value=value)["state"]
    assert game_moves.present(after).game.g.steps == 0 and after["played"] == "" and after["hidden"] == []
    if name == "objective":
        assert (float(after["lr_d"]), float(after["lr_g"]), after["k"]) == play.FAIR[value]


def test_another_seed_is_never_continued_with_the_old_networks():
    after = do(rounds(SCHEMA.defaults(), 3), "seed", value=8)["state"]
    fresh = play.start(game_moves.rules_of(after))
    replayed = play.play(fresh, game_moves.rules_of(after), 3)
    assert weights(after) == replayed.pack().tobytes()  # what its link would show


def test_rewinding_goes_back_exactly_and_on_from_there():
    third = rounds(SCHEMA.defaults(), 3)
    fifth = do(rounds(third, 2), "step-d")
    fifth, fifth_view = fifth["state"], fifth["view"]
    back = do(fifth, "game-load", value=moment(third))
    assert back["state"]["played"] == "r3" and weights(back["state"]) == weights(third) and back["left_out"] == []
    assert back["view"]["game-curves"]["x"] == [1, 2, 3]
    again = do(rounds(back["state"], 2), "step-d")["state"]
    assert weights(again) == weights(fifth) and again["played"] == fifth["played"] == "r5.d1"
    begin = fifth_view["game-board"]["rewind"]["begin"]
    assert do(fifth, "game-load", value=begin)["state"]["played"] == ""
    other = rounds(SCHEMA.defaults() | {"seed": 9}, 1)
    refused = STEP({"state": fifth, "actions": [{"name": "game-load", "value": moment(other)}]})
    assert "another game" in refused["error"]


def test_going_back_before_a_change_of_rules_brings_the_old_rules_and_the_link_back():
    before = rounds(SCHEMA.defaults(), 2)
    changed = rounds(do(before, "lr_g", value=9)["state"], 2)
    back = do(changed, "game-load", value=moment(before))
    assert back["state"] == before and back["left_out"] == []
    forward = do(back["state"], "game-load", value=moment(changed))["state"]
    assert forward == changed and "played" in forward["hidden"]
    forged = moment(changed) | {"hidden": [], "played": "r3"}
    assert "played" in do(back["state"], "game-load", value=forged)["state"]["hidden"]


def test_two_visitors_never_share_a_game():
    a, b = SCHEMA.defaults() | {"seed": 1}, SCHEMA.defaults() | {"seed": 1, "shape": "disc"}
    for _ in range(4):
        a, b = do(a, "step-both")["state"], do(b, "step-both")["state"]
    assert weights(a) == weights(rounds(SCHEMA.defaults() | {"seed": 1}, 4))
    assert weights(b) == weights(rounds(SCHEMA.defaults() | {"seed": 1, "shape": "disc"}, 4))
    assert weights(a) != weights(b)


def test_a_drawing_is_played_and_stays_with_the_visitor():
    points = [[-0.5, 0.25], [0.5, -0.2504]]
    state = do(SCHEMA.defaults(), "shape", value="drawing")["state"]
    assert do(state, "step-both")["view"]["game-board"]["pen"]["points"] == []  # the smile is ours, not the visitor's
    drawn = do(state, "game-draw", value=points)
    assert drawn["state"]["drawing"] == [[-0.5, 0.25], [0.5, -0.25]]
    played = do(drawn["state"], "step-both")
    real = np.array(played["view"]["game-board"]["real"]).reshape(-1, 2) / 1000
    assert np.minimum(*(np.abs(real - point).max(1) for point in points)).max() < 0.1
    assert set(played["left_out"]) == {"drawing", "played"} and "drawing=%" not in played["query"]
    cleared = do(played["state"], "game-clear")["state"]
    assert cleared["drawing"] == [] and cleared["shape"] == "drawing" and cleared["hidden"] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("game-draw", [[0.0, 2.0]]),
        ("game-draw", [[0.0]]),
        ("game-draw", [[True, 0.0]]),
        ("game-draw", [[0.0, 0.0]] * 501),
        ("game-draw", "smile"),
        ("game-load", "!!!"),
        ("game-load", "AAAA"),
        ("game-load", 7),
        ("shape", "cube"),
        ("objective", None),
        ("lr_d", 2.5),
        ("lr_d", True),
        ("lr_g", 10),
        ("k", 0),
        ("noise", 9),
        ("played", "r1.x2"),
        ("played", "r0"),
    ],
)
def test_bad_values_are_refused_with_a_sentence(name, value):
    answer = STEP({"state": SCHEMA.defaults() | {"shape": "drawing"}, "actions": [{"name": name, "value": value}]})
    assert answer["error"] and answer["error"] != frame.FAILED


def test_a_strangers_link_cannot_ask_for_hours():
    state, notices = SCHEMA.read("?v=1&tab=gan&played=r99999999")
    assert state["played"] == "" and len(notices) == 1
    long = SCHEMA.defaults() | {"played": "r3000", "k": 10}
    assert game_moves.present(long).game.g.steps == 0


def test_records_count_and_shorten_moves():
    record = ""
    for kind, count in (("r", 10), ("d", 1), ("g", 1), ("d", 1), ("d", 1), ("g", 2), ("g", 1), ("r", 5)):
        record = game_moves.recorded(record, kind, count, 1)
    assert record == "r11.d2.g3.r5" and game_moves.steps(record, 1) == 37
    assert game_moves.reached(record, 1) == (18, 19) and game_moves.reached("r2.d1", 3) == (7, 2)


def test_curves_stay_short_however_long_the_game():
    rules = game_moves.rules_of(SCHEMA.defaults())
    begun = play.start(rules)
    seen = play.look(begun, rules)
    past = np.empty((0, 6), np.float32)
    for step in range(1000):
        at = SimpleNamespace(g=SimpleNamespace(steps=step))
        past = game_moves.remembered(past, at, seen)
    assert len(past) <= game_moves.PAST and past[0, 0] == 0 and past[-1, 0] == 999
    assert (np.diff(past[:, 0]) > 0).all()


def test_the_sentence_about_collapse_is_measured():
    """After 1,000 rounds of the preset at most half of the modes are covered, and the sentence says so."""
    state = do(SCHEMA.defaults(), "game-collapse")["state"] | {"played": "r1000"}
    view = OPEN({"query": SCHEMA.query(state)})["view"]
    assert sum(view["game-board"]["modes"]["covered"]) <= 4 and "mode collapse" in view["see"]
    assert len(view["game-curves"]["x"]) >= 20
    assert view["game-curves"]["series"][0]["y"][-1] <= math.log(2)


def test_what_travels_is_small():
    answer = do(rounds(SCHEMA.defaults(), 2), "step-both")
    assert len(unpack(answer["state"]["game"])) < 8_000
    assert len(str(answer["view"])) < 40_000
