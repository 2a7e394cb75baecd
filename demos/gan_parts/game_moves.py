"""The moves of the 2-D game: its part of the state, the record that a link carries, and what every action does.

The browser carries the whole game as one packed vector, so the server keeps none and two visitors never share one. A
link carries the rules and the record of moves (``played``), from which the same game is played again, bit for bit.
"""

import functools
import re
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from demos.stage.state import Choice, Flag, Floats, Integer, Param, pack, unpack
from models import game as play
from models.game import Game, Look, Rules

RATES = ("0.0001", "0.0002", "0.0005", "0.001", "0.002", "0.005", "0.01", "0.02", "0.05", "0.1")
COLLAPSE = {"shape": "ring", "objective": "non-saturating", "lr_d": "0.05", "lr_g": "0.05", "k": 1}
CHUNK_MS = 20.0  # a drawn update plays until this much time is spent ...
CHUNK = 10  # ... or this many rounds
REPLAY = 6000  # steps of both networks that a link may ask for
PAST = 200  # moments that the curves keep
SMILE = (
    *((round(0.7 * np.cos(a), 3), round(0.7 * np.sin(a), 3)) for a in np.arange(36) * np.pi / 18),
    *((round(0.42 * np.cos(a), 3), round(0.42 * np.sin(a), 3)) for a in np.pi * np.linspace(1.12, 1.88, 12)),
    *((x, y) for x in (-0.25, 0.25) for y in (0.18, 0.23, 0.28)),
)
"""What "Draw your own" shows until somebody does; links go back to it, since drawings stay with the visitor."""


class Played(Param):
    """The moves of a game, as text: ``r120.d5.g3`` is 120 rounds, then 5 steps of D, then 3 of G.

    A long game is known to the page that plays it; a link may not ask for more than can be played again at once.
    """

    TEXT = re.compile(r"(?:[rdg][1-9][0-9]{0,7}(?:\.[rdg][1-9][0-9]{0,7})*)?")
    LIMIT = 400

    def __init__(self) -> None:
        super().__init__("played", "")

    def check(self, value: Any) -> str:
        """A record of at most 400 characters."""
        if not isinstance(value, str) or len(value) > self.LIMIT or not self.TEXT.fullmatch(value):
            raise self.refuse(value, "a record of moves like r120.d5.g3")
        return value

    def parse(self, text: str) -> str:
        """A record short enough to be played again."""
        if steps(self.check(text), 1) > REPLAY:
            raise ValueError(f"played is a game of at most {REPLAY // 2:,} rounds.")
        return text


class Drawing(Param):
    """The visitor's own points, at most 500 pairs from -1 to 1. Always private."""

    def __init__(self, name: str = "drawing") -> None:
        super().__init__(name, [], private=True)

    def check(self, value: Any) -> list[list[float]]:
        """Pairs of numbers, rounded to thousandths."""
        if not isinstance(value, list) or len(value) > play.DRAWING_LIMIT:
            raise self.refuse(value, f"a list of at most {play.DRAWING_LIMIT} points")
        for point in value:
            pair = point if isinstance(point, list) and len(point) == 2 else [None]
            if not all(isinstance(v, int | float) and not isinstance(v, bool) and -1 <= v <= 1 for v in pair):
                raise self.refuse(point, "a list of points, each two numbers from -1 to 1")
        return [[round(float(v), 3) + 0.0 for v in point] for point in value]

    def parse(self, text: str) -> list[list[float]]:
        """Never: a link carries no drawing."""
        raise ValueError(f"{self.name} never travels in a link.")


PARAMS = (
    Choice("shape", play.SHAPES),
    Choice("objective", play.OBJECTIVES),
    Choice("lr_d", RATES, f"{Rules.lr_d:g}"),
    Choice("lr_g", RATES, f"{Rules.lr_g:g}"),
    Integer("k", 1, 10, Rules.k),
    Integer("noise", 1, play.NOISE_LIMIT, Rules.noise),
    Choice("prior", play.PRIORS, Rules.prior),
    Flag("slow"),
    Played(),
    Drawing(),
    Floats("game", 10_000, derived=True),
    Floats("past", 6 * PAST, derived=True),
)
NAMED = {param.name: param for param in PARAMS}
FRESH = {"game": "", "past": "", "played": ""}
"""What is forgotten when another game begins, with another seed for example."""
MOMENT = ("game", "past", "played", "hidden", "lr_d", "lr_g", "k")
"""What the page keeps of a moment to go back to: the game, how it came about, and what may change on the way."""


# ---- the record of moves


def moves_of(record: str) -> list[tuple[str, int]]:
    """``r120.d5`` as [("r", 120), ("d", 5)]."""
    return [(word[0], int(word[1:])) for word in record.split(".") if word]


def steps(record: str, k: int) -> int:
    """How many steps of either network a record asks for, k of D in each round."""
    return sum(reached(record, k))


def recorded(record: str, kind: str, count: int, k: int) -> str:
    """The record with ``count`` more moves; k steps of D and then one of G are a round."""
    moves = moves_of(record)
    if kind == "g" and count == 1 and moves and moves[-1] == ("d", k):
        moves.pop()
        kind = "r"
    if moves and moves[-1][0] == kind:
        count += moves.pop()[1]
    return ".".join(f"{kind}{count}" for kind, count in [*moves, (kind, count)])


def reached(record: str, k: int) -> tuple[int, int]:
    """How many steps D and G have made after a record."""
    moves = moves_of(record)
    of_d = sum(count * {"r": k, "d": 1, "g": 0}[kind] for kind, count in moves)
    return of_d, sum(count for kind, count in moves if kind != "d")


# ---- the game of a state


@dataclass(frozen=True)
class Present:
    """The game of a state: its rules, where it stands, and the record of the moves that led there.

    past: rows of round, JS, KL, loss of D, loss of G, share of modes covered.
    """

    rules: Rules
    game: Game
    packed: str
    past: np.ndarray
    record: str


def rules_of(state: dict[str, Any]) -> Rules:
    """The rules that a state names."""
    points = state["drawing"] or SMILE
    return Rules(
        shape=state["shape"],
        drawing=tuple(map(tuple, points)) if state["shape"] == "drawing" else (),
        objective=state["objective"],
        noise=state["noise"],
        prior=state["prior"],
        lr_d=float(state["lr_d"]),
        lr_g=float(state["lr_g"]),
        k=state["k"],
        seed=state["seed"],
    )


def present(state: dict[str, Any]) -> Present:
    """The game as the browser carries it; without one, or with another seed's, it is played from the record."""
    rules = rules_of(state)
    if state["game"]:
        game = Game.unpack(unpack(state["game"]))
        if (game.seed, game.noise) == (rules.seed, rules.noise):
            past = unpack(state["past"])
            return Present(rules, game, state["game"], past[: len(past) // 6 * 6].reshape(-1, 6), state["played"])
    record = "" if "played" in state["hidden"] or steps(state["played"], rules.k) > REPLAY else state["played"]
    packed, past = _replayed(rules, record)
    return Present(rules, Game.unpack(unpack(packed)), packed, past, record)


@functools.lru_cache(maxsize=16)
def _replayed(rules: Rules, record: str) -> tuple[str, np.ndarray]:
    """The game after a record of moves, and its curves. The same for everybody: it follows from the link."""
    game = play.start(rules)
    past = np.empty((0, 6), np.float32)
    stride = max(1, steps(record, rules.k) // 40)
    for kind, count in moves_of(record):
        while count:
            now = min(count, stride)
            game = _moved(game, rules, kind, now)
            past = remembered(past, game, play.look(game, rules))
            count -= now
    return pack(game.pack()), past


@functools.lru_cache(maxsize=8)
def look_at(packed: str, rules: Rules) -> Look:
    """What `act` has looked at for the curves, `draw` need not look at again."""
    return play.look(Game.unpack(unpack(packed)), rules)


def _moved(game: Game, rules: Rules, kind: str, count: int) -> Game:
    """The game after moves of one kind; as it was if they lead to infinity."""
    if kind == "r":
        return play.play(game, rules, count)
    step = play.step_d if kind == "d" else play.step_g
    for _ in range(count):
        after = step(game, rules)
        if not after.sound:
            break
        game = after
    return game


def remembered(past: np.ndarray, game: Game, seen: Look) -> np.ndarray:
    """The curves with one more moment; of very many every second one is dropped."""
    row = [game.g.steps, seen.js, seen.kl, seen.d_loss, seen.g_loss, seen.modes.covered.mean()]
    past = past[past[:, 0] < game.g.steps]
    if len(past) >= PAST - 1:
        past = past[::2]
    return np.concatenate([past, np.array([row], np.float32)])


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers the moves, the pen and the rules of the game; None for anybody else's action."""
    if name in ("game-play", "game-pause"):
        return state | {"running": name == "game-play"}
    if name == "game-run":
        return _run(state) if state["running"] else state
    if name in ("step-d", "step-g", "step-both"):
        return _advance(state | {"running": False}, {"step-d": "d", "step-g": "g", "step-both": "r"}[name], 1)
    if name == "game-restart":
        return _fresh(state)
    if name == "game-load":
        return _load(state, value)
    if name == "game-draw":
        points = NAMED["drawing"].check(value)
        if state["shape"] != "drawing":
            raise ValueError("Choose “Draw your own” first.")
        return _changed(state, {"drawing": points})  # the game goes on: G runs after the pen
    if name == "game-clear":
        return _fresh(state | {"drawing": []})
    if name == "game-collapse":
        return _fresh(state | COLLAPSE)
    if name == "game-fair":
        return _fresh(state | _fair(state["objective"]))
    if name in ("shape", "noise", "prior"):
        return _fresh(state | {name: NAMED[name].check(value)})
    if name == "objective":
        return _fresh(state | {name: NAMED[name].check(value)} | _fair(value))
    if name in ("lr_d", "lr_g"):
        if isinstance(value, bool) or not isinstance(value, int | float) or value not in range(len(RATES)):
            raise ValueError(f"{name} is a place in the list of {len(RATES)} rates.")
        return _changed(state, {name: RATES[int(value)]})
    if name == "k":
        return _changed(state, {name: NAMED[name].check(value)})
    return None


def _fair(objective: str) -> dict[str, Any]:
    """The rates with which an objective gets somewhere."""
    lr_d, lr_g, k = play.FAIR[objective]
    return {"lr_d": f"{lr_d:g}", "lr_g": f"{lr_g:g}", "k": k}


def _fresh(state: dict[str, Any]) -> dict[str, Any]:
    return state | FRESH | {"hidden": [name for name in state["hidden"] if name != "played"]}


def _hidden(state: dict[str, Any]) -> dict[str, Any]:
    """The state whose record leads nowhere: no link names it."""
    return state | {"hidden": [*(name for name in state["hidden"] if name != "played"), "played"]}


def _changed(state: dict[str, Any], rules: dict[str, Any]) -> dict[str, Any]:
    """Other rules while the game goes on; from then on the record does not tell how it came about."""
    now = present(state)
    changed = state | rules
    if not now.record and "played" not in state["hidden"] or all(state[name] == rules[name] for name in rules):
        return changed
    return _hidden(changed | {"game": now.packed, "past": pack(now.past)})


def _run(state: dict[str, Any]) -> dict[str, Any]:
    """What one drawn update plays: as many rounds as the time allows, or in slow motion a single step."""
    if not state["slow"]:
        return _advance(state, "r", CHUNK)
    kind, count = moves_of(state["played"])[-1] if state["played"] else ("r", 0)
    return _advance(state, "d" if kind != "d" or count < state["k"] else "g", 1)


def _advance(state: dict[str, Any], kind: str, count: int) -> dict[str, Any]:
    """The state after up to ``count`` moves, fewer when time is up; it stops where the weights run away."""
    now = present(state)
    game, made, began = now.game, 0, time.perf_counter()
    while made < count and 1000 * (time.perf_counter() - began) < CHUNK_MS:
        after = _moved(game, now.rules, kind, 1)
        if after is game:
            state = state | {"running": False}
            break
        game, made = after, made + 1
    if not made:
        return state
    packed = pack(game.pack())
    record = recorded(now.record, kind, made, now.rules.k)
    past = remembered(now.past, game, look_at(packed, now.rules))
    moved = state | {"game": packed, "past": pack(past), "played": record}
    if len(record) > Played.LIMIT:
        return _hidden(moved | {"played": record[record.rindex(".") + 1 :]})
    own = state["shape"] == "drawing" and state["drawing"]
    return _hidden(moved) if own or steps(record, now.rules.k) > REPLAY else moved


def _load(state: dict[str, Any], value: Any) -> dict[str, Any]:
    """The game as it was at a moment that the page kept, with the rates it had: `MOMENT` by name."""
    if not isinstance(value, dict) or set(value) != set(MOMENT):
        raise ValueError("A moment of the game is what this page kept of it.")
    kept = {name: NAMED[name].check(value[name]) for name in MOMENT if name != "hidden"}
    loaded = state | {"running": False} | kept
    game = Game.unpack(unpack(kept["game"])) if kept["game"] else play.start(rules_of(loaded))
    if (game.seed, game.noise) != (state["seed"], state["noise"]):
        raise ValueError("That moment belongs to another game.")
    told = value["hidden"] == [] and reached(kept["played"], kept["k"]) == (game.d.steps, game.g.steps)
    rest = [name for name in state["hidden"] if name != "played"]
    return loaded | {"hidden": rest if told else [*rest, "played"]}
