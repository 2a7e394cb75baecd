"""What a visitor does in part "Write": types, takes, steps back, opens an earlier place, runs; and the roads left."""

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from demos.autoregressive_parts import readings
from demos.autoregressive_parts.params import Held, Tokens
from demos.autoregressive_parts.scene import Scene
from demos.autoregressive_parts.write_text import MOST, Written, mark
from demos.common import new_seed
from demos.stage.state import Choice, Flag, Integer, shown
from models import language_decoding
from models.sampling import Rules

PARAMS = (
    Integer("at", -1, 9_999, -1),  # the place that is open, from 0; -1 is the end of the text
    Choice("write_colour", ("surprisal", "rank")),
    Tokens("write_before", 1_280, derived=True),  # the text before an earlier token of it was changed
    Tokens("write_cure", MOST, derived=True),  # the same seed with a repetition penalty
    Flag("write_curing", private=True),
    Held("write_held"),  # the logits that the page has
    Held("write_have"),  # how many tokens of a run the page has
)
ROADS = 12
BUDGET = 0.03  # seconds after which a request of a run begins no further token
CURE = 1.2  # the repetition penalty that is tried on a loop
RULES = ("temperature", "top_k", "top_p", "min_p", "typical", "repetition_penalty")

State = dict[str, Any]


def left(state: State, taken: Sequence[int] = ()) -> list[list[int]]:
    """The roads left once the text goes on as ``taken``: the present one is added, the oldest goes.

    Nothing is added that the new road only goes on from, and none that is a beginning of the new one stays.
    """
    now, new = state["taken"], list(taken)
    roads = [road for road in state["roads"] if road not in (now, new)]
    if now and new[: len(now)] != now:
        roads.append(list(now))
    return roads[-ROADS:]


def act(state: State, name: str, value: Any) -> State | None:
    """Answers what PARAMS and the widgets of this part name, the prompt and the model; None for anybody else's."""
    if name == "model":
        return _other_model(state, value)
    if name == "prompt":
        return _typed(state, value)
    move = MOVES.get(name)
    return None if move is None else move(state, value)


def remembered(before: State, after: State, name: str) -> State:
    """The state after the action ``name``, with a note of the logits that the page has: those of the state before it.

    What compared or measured the text before is over once something else is done.
    """
    if before["part"] != "write":
        return after | {"write_held": ""}
    unseen = before["running"] or before["roads_shown"] or name == "write-send"
    after = after | {"write_held": "" if unseen else mark(Scene(before))}
    moved = _changed(before, after, ("prompt", "taken", "model"))
    if moved and after["write_before"] is before["write_before"]:
        after = after | {"write_before": []}
    if (moved or _changed(before, after, ("seed", *RULES))) and after["write_cure"] is before["write_cure"]:
        after = after | {"write_cure": []}
    return after


def _changed(before: State, after: State, names: Sequence[str]) -> bool:
    return any(before[name] != after[name] for name in names)


# ---- typing and choosing


def _typed(state: State, value: Any) -> State:
    """The text as it was typed; what was written before becomes part of it, and is compared with what was there."""
    if state["part"] != "write":
        return state | {"prompt": value, "taken": [], "roads": [], "at": -1, "running": False}
    if not isinstance(value, str):
        raise ValueError(f"A text is typed, not {shown(value)}.")
    written = Written(Scene(state))
    if value == written.text:
        return state
    before = written.ids if len(written.ids) <= 1_280 else []
    return state | {"prompt": value, "taken": [], "roads": [], "at": -1, "running": False, "write_before": before}


def _other_model(state: State, value: Any) -> State:
    """The same text in the tokens of another model."""
    new = state | {"model": Choice("model", ("smollm2", "tiny")).check(value), "at": -1, "running": False}
    here, there = Scene(state).model, Scene(new).model
    if here is there:
        return new

    def translated(road: list[int]) -> list[int]:
        words = here.decode([id for id in road if id < here.size and id not in here.ends])
        return there.encode(words)[:MOST]

    roads = [translated(road) for road in state["roads"]]
    return new | {"taken": translated(Scene(state).taken), "roads": [road for road in roads if road]}


def _pinned(state: State) -> State:
    """Tokens are those of the model that answers now, whatever was asked for."""
    scene = Scene(state)
    return state if scene.missing is None else state | {"model": scene.name, "taken": [], "roads": []}


def _take(state: State, value: Any) -> State:
    """This token at the open place: at the end it is added, earlier it takes the place of the one there."""
    state = _pinned(state)
    written = Written(Scene(state))
    id = Integer("take", 0, written.model.size - 1, 0).check(value)
    if written.over and state["at"] < 0:
        return _put(state, written, len(written.ids) - 1, id)
    if written.place < len(written.ids):
        return _put(state, written, written.place, id)
    if len(state["taken"]) >= MOST:
        raise ValueError(f"{MOST} tokens are written at most. Go back, or type on: then they count as typed.")
    return state | {"taken": [*written.taken, id], "at": -1, "running": False}


def _put(state: State, written: Written, place: int, id: int) -> State:
    """Another token at an earlier place; what follows stays, and is met anew."""
    if written.ids[place] == id:
        return state
    common = {"at": place, "running": False, "write_before": written.ids if len(written.ids) <= 1_280 else []}
    new = [*written.ids[:place], id, *written.ids[place + 1 :]]
    if place == len(written.ids) - 1:
        common["at"] = -1
    start = len(written.prompt)
    if place >= start:
        return state | common | {"taken": new[start:], "roads": left(state, new[start:])}
    # as typed text, if it reads back as the same tokens; else what comes from there on counts as written
    prompt = written.model.decode(new[:start])
    if written.model.encode(prompt) == new[:start] and len(prompt) <= 2000:
        return state | common | {"prompt": prompt, "roads": []}
    if len(new) - place <= MOST:
        return state | common | {"prompt": written.model.decode(new[:place]), "taken": new[place:], "roads": []}
    if len(prompt) > 2000:
        raise ValueError("The text would be longer than 2,000 characters.")
    return state | common | {"prompt": prompt, "roads": []}


def _back(state: State, value: Any) -> State:
    """The last token goes; one that was typed, too."""
    state = _pinned(state)
    written = Written(Scene(state))
    if written.taken:
        taken = written.taken[:-1]
        return state | {"taken": taken, "roads": left(state, taken), "at": -1, "running": False}
    return state | {"prompt": written.model.decode(written.prompt[:-1]), "roads": [], "at": -1, "running": False}


def _over(state: State, value: Any) -> State:
    """Back to what was typed."""
    return state | {"taken": [], "roads": left(state), "at": -1, "running": False}


def _open(state: State, value: Any) -> State:
    """Open the place of a token; the one that is open, and the end, close it."""
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ValueError("A place is a text and a token.")
    text, token = (Integer("at", 0, 9_999, 0).check(one) for one in value)
    written = Written(Scene(state))
    place = token + written.dropped
    if text or place >= len(written.ids) or place == state["at"]:
        place = -1
    return state | {"at": place, "running": False}


# ---- runs


def _go(state: State, value: Any) -> State:
    """A run begins, from the end of the text."""
    state = _pinned(state)
    if _ended(state):
        raise ValueError("The text is over: the model chose its end. Go back a token, or type on.")
    have = str(len(state["taken"]))
    return state | {"running": True, "write_curing": False, "at": -1, "write_have": have, "write_before": []}


def _stop(state: State, value: Any) -> State:
    return state | {"running": False}


def _run(state: State, value: Any) -> State:
    """The next tokens of a run; ``value`` is how many the page has."""
    if not state["running"]:
        return state
    state = state | {"write_have": str(Integer("write_have", 0, MOST, 0).check(value))}
    scene, name = Scene(state), "write_cure" if state["write_curing"] else "taken"
    rules = cured(scene.rules) if state["write_curing"] else scene.rules
    most = len(scene.taken) if state["write_curing"] else MOST
    road, began = list(state[name]), time.perf_counter()
    running = True
    while running:
        step = language_decoding.choose(scene.model, [*scene.prompt, *road], rules, scene.seed, len(road))
        readings.note(scene.model, step.context, step.chosen, step.logits)
        road.append(step.chosen)
        running = not step.last and len(road) < most
        if time.perf_counter() - began >= BUDGET:
            break
    return state | {name: road, "running": running}


def _cure(state: State, value: Any) -> State:
    """The same seed once more with a repetition penalty, beside the text that fell into a loop."""
    if not state["taken"]:
        raise ValueError("Nothing was written yet.")
    return state | {"running": True, "write_curing": True, "write_cure": [], "write_have": "0", "at": -1}


def _keep(state: State, value: Any) -> State:
    """The text that was written with the penalty becomes the text."""
    road = state["write_cure"]
    if not road:
        return state
    penalty = cured(Scene(state).rules).repetition_penalty
    return state | {"taken": road, "roads": left(state, road), "repetition_penalty": penalty, "write_cure": []}


def cured(rules: Rules) -> Rules:
    """The rules with a repetition penalty, or a higher one."""
    own = rules.repetition_penalty
    return replace(rules, repetition_penalty=CURE if own < CURE else min(3.0, round(own + CURE - 1, 2)))


def _ended(state: State) -> bool:
    return Written(Scene(state)).over


def _thrown(state: State, value: Any) -> State:
    """Another dart: the seed that follows from this one."""
    return state | {"seed": new_seed(state)}


MOVES = {
    "take": _take,
    "throw": _thrown,
    "write-back": _back,
    "write-over": _over,
    "write-open": _open,
    "write-go": _go,
    "write-stop": _stop,
    "write-run": _run,
    "write-cure": _cure,
    "write-keep": _keep,
    "write-wait": lambda state, value: state,
    "write-send": lambda state, value: state,
}
"""Names of actions; ``write-wait`` looks whether the model has come, ``write-send`` asks for the logits again."""
