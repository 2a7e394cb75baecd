"""The frame around a tab: part row, rail, stage and the band of three cells, and the two server functions behind them.

A tab is `draw(state)`: the browser keeps the state, every interaction is an action `{"name": str, "value": any}`, and
one stateless server function reduces the actions and answers with the new state, its link and the view that shows it.
Everything that arrives is a stranger's: it is checked here, and what cannot be answered becomes `{"error": sentence}`.
"""

import functools
import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np

from demos.stage import export
from demos.stage.state import DATA, RUNNING, Schema
from demos.widgets.controls import Controls
from demos.widgets.picture import encode

State = dict[str, Any]
View = dict[str, Any]
Action = dict[str, Any]

FAILED = "That did not work. Try again."
RECORDINGS = Path(__file__).resolve().parents[2] / "assets" / "recordings"
ACTION_LIMIT = 64  # actions in one request
TEXT_LIMIT = 12_000_000  # characters in one request: an 8 MB upload as base64, and the rest
VALUE_LIMIT = 50_000  # values in one request

log = logging.getLogger(__name__)


class Haste(IntEnum):
    """How fast `draw` must be. REST: everything. LIVE: a hand drags or a run is on, so only what it moves.

    FOLLOW: the picture sheets that should keep up with the hand, and nothing that LIVE shows. Asked for five times a
    second, beside the LIVE requests, and as costly as several of them; only for parts that say so.
    """

    REST = 0
    FOLLOW = 1
    LIVE = 2


@dataclass(frozen=True)
class Part:
    """One part of a tab. The parts without `more` make the quiet row; the others are found under "More".

    frames: the tab's `frames` gives a run of this part, so that it can be saved as a GIF or a contact sheet.
    follows: `draw` answers Haste.FOLLOW; other parts are never asked for it.
    """

    name: str
    label: str
    more: bool = False
    frames: bool = False
    follows: bool = False


@dataclass(frozen=True, eq=False)  # compared by identity, so that it can be a key
class Tab:
    """What a tab hands over.

    name, label: its name in links and its word in the top bar. accent: its colour in a dark room (`theme.ACCENTS`).
    schema: its state; the schema's parts must be the names of `parts`.
    act(state, action) -> state: pure; ValueError with a sentence for a visitor refuses the action.
    draw(state, live) -> view: `{widget name: value}` plus "rail", "see" and "formula"; `live` is a Haste, and where it
    is true the view may hold fewer names; {"hidden": True} puts a widget away. Two more names a view may have:
    "again": {"action": {"name", "value"}, "after": milliseconds} makes a run: the browser sends that action, live, when
    it has the view and `after` has passed, while the tab can be seen, until an answer comes without it. An answer is
    shown once the view before it was painted. Whether a run is on is the tab's private Flag "running"; `open`, `part`
    and `reset` end it. An action takes below 100 ms.
    "play": {"name", "value"}, the action of the space bar; it holds until a view at rest comes without it.
    picture(state) -> (H, W, 3) uint8 or None: the one picture that compare shows; `slow`: it takes long, so that
    compare waits until the hand rests.
    stories: what `stories.load` returns. warm(): loads what the tab needs; called once per opening, idempotent.
    recording: the folder of the first views made by `python -m demos.stage.record`.
    frames(state) -> list of (H, W, 3) uint8: the run shown, for a GIF. card(state) -> str: the model card as text.
    takes: (part, "encode it"): the part that a picture of another tab can be sent to, with its action "upload", and
    what it does with it.
    """

    name: str
    label: str
    accent: str
    schema: Schema
    parts: Sequence[Part]
    act: Callable[[State, Action], State]
    draw: Callable[[State, Haste], View]
    picture: Callable[[State], np.ndarray | None] | None = None
    stories: Sequence[dict[str, Any]] = ()
    warm: Callable[[], None] | None = None
    recording: Path | None = RECORDINGS
    frames: Callable[[State], list[np.ndarray]] | None = None
    card: Callable[[State], str] | None = None
    slow: bool = False
    takes: tuple[str, str] | None = None

    def __post_init__(self) -> None:
        """Refuses a tab whose schema belongs to another tab or knows other parts, or that takes pictures nowhere."""
        if self.schema.tab != self.name:
            raise ValueError(f"the schema of tab {self.name} is for {self.schema.tab}")
        if self.schema.params["part"].options != tuple(part.name for part in self.parts):
            raise ValueError(f"the schema of tab {self.name} needs its parts: Schema(name, params, parts)")
        if self.takes and self.takes[0] not in self.schema.params["part"].options:
            raise ValueError(f"tab {self.name} has no part {self.takes[0]!r} to take pictures")


def guarded(function: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[Any], dict[str, Any]]:
    """A server function that never raises: a refusal or a failure becomes `{"error": sentence}`."""

    @functools.wraps(function)
    def answer(payload: Any) -> dict[str, Any]:
        try:
            if not isinstance(payload, dict):
                raise ValueError("A request is a dictionary.")
            _measure(payload)
            return function(payload)
        except (ValueError, gr.Error) as error:
            text = " ".join(str(getattr(error, "message", error)).split())
            return {"error": text[:300] or FAILED}
        except Exception:
            log.exception("%s failed", function.__name__)
            return {"error": FAILED}

    # inspected by gradio: only the one argument of the wrapper counts
    del answer.__wrapped__
    return answer


def _measure(payload: Any) -> None:
    """Refuses a request that is too large, too deep or holds NaN, before anything looks at it closely."""
    characters = values = 0
    waiting: list[tuple[Any, int]] = [(payload, 0)]
    while waiting:
        value, depth = waiting.pop()
        values += 1
        if isinstance(value, str):
            characters += len(value)
        elif isinstance(value, float) and not math.isfinite(value):
            raise ValueError("A request holds finite numbers only.")
        elif isinstance(value, dict | list):
            inside: Iterator[Any] | list[Any] = value
            if isinstance(value, dict):
                characters += sum(len(name) for name in value if isinstance(name, str))
                inside = value.values()
            waiting.extend((item, depth + 1) for item in inside)
        elif value is not None and not isinstance(value, bool | int | float):
            raise ValueError("A request holds plain values only.")
        if characters > TEXT_LIMIT or values + len(waiting) > VALUE_LIMIT or depth > 10:
            raise ValueError("That is too much for one request.")


def reduce(tab: Tab, state: State, action: Any) -> State:
    """The state after one action. `part`, `pin`, `unpin` and `reset` are the frame's, all others the tab's."""
    if not isinstance(action, dict) or not isinstance(action.get("name"), str) or action.keys() - {"name", "value"}:
        raise ValueError("An action is a name and a value.")
    name = action["name"]
    if name == "part":
        return stopped(tab.schema.assign(state, action))
    if name == "pin":
        if tab.picture is None:
            raise ValueError(f"{tab.label} has nothing to compare.")
        pin = tab.schema.query(state | {"pin": ""})
        return tab.schema.assign(state, {"name": "pin", "value": pin})
    if name == "unpin":
        return state | {"pin": ""}
    if name == "reset":
        return tab.schema.defaults() | {kept: state[kept] for kept in ("data", "part", "pin")}
    return tab.schema.check(tab.act(state, {"name": name, "value": action.get("value")}))


def stopped(state: State) -> State:
    """The state with its run ended, where its tab has runs."""
    return state | {RUNNING: False} if RUNNING in state else state


def compare(tab: Tab, state: State) -> dict[str, Any]:
    """What the compare panel shows: A as pinned, B as it is, |A - B| where both have one size, and what differs."""
    pinned, _ = tab.schema.read(state["pin"])
    a, b = _pinned(tab, state["pin"]), tab.picture(state)
    if a is None or b is None:
        return {"text": "This part has no single picture to compare."}
    value = {"a": encode(a, "png"), "b": encode(b, "png")}
    names = [
        name
        for name, param in tab.schema.params.items()
        if name not in ("pin", RUNNING) and not param.derived
        if name in tab.schema.left_out(state) or pinned[name] != state[name]
    ]
    differs = f"B differs from A in {', '.join(names)}." if names else "A and B are the same."
    if a.shape != b.shape:
        return value | {"text": differs}
    difference = np.abs(a.astype(np.int16) - b.astype(np.int16)).astype(np.uint8)
    mean = f"On average a pixel differs by {difference.mean() / 2.55:.1f} % of the full range."
    return value | {"difference": encode(difference, "png"), "text": f"{differs} {mean}" if names else differs}


@functools.lru_cache(maxsize=64)
def _pinned(tab: Tab, query: str) -> np.ndarray | None:
    """The picture of a pinned state; it follows from its link alone, so it is kept while B moves."""
    return tab.picture(tab.schema.read(query)[0])


def answer(tab: Tab, state: State, notices: Sequence[str] = (), live: Haste = Haste.REST) -> dict[str, Any]:
    """What the page gets: the state, its link, sentences for the visitor, the view and what the link leaves out."""
    view = tab.draw(state, live)
    if state["pin"] and tab.picture is not None and not (live and tab.slow):
        view = view | {"compare": compare(tab, state)}
    query = tab.schema.query(state)
    return {
        "state": state,
        "query": query,
        "notices": list(notices),
        "view": view,
        "left_out": tab.schema.left_out(state),
    }


def handlers(tab: Tab) -> list[Callable[[Any], dict[str, Any]]]:
    """The tab's server functions, all stateless: `step`, `open`, `gif`, `contacts`, `picture` and `card`.

    step({"state", "actions", "live", "follow"}) -> answer; live and follow are flags, follow makes a live step
    Haste.FOLLOW. open({"query"} or {"state"}) -> answer, without a run and odd values dropped with a notice.
    gif({"state"}) -> {"gif": data URI}, contacts({"state"}) -> {"png": data URI}: the run of the part as a GIF or as
    one picture. picture({"state"}) -> {"png": data URI}: what compare shows, pixel by pixel. card({"state"}) ->
    {"text"}. All take and give dictionaries: {"error": sentence} when refused.
    """

    def step(payload: dict[str, Any]) -> dict[str, Any]:
        actions, flags = payload.get("actions", []), [payload.get(name, False) for name in ("live", "follow")]
        if not isinstance(actions, list) or len(actions) > ACTION_LIMIT or not all(isinstance(f, bool) for f in flags):
            raise ValueError(f"A step is a list of at most {ACTION_LIMIT} actions.")
        state = tab.schema.check(payload.get("state"))
        for action in actions:
            state = reduce(tab, state, action)
        live, follow = flags
        follow &= any(part.follows for part in tab.parts if part.name == state["part"])
        return answer(tab, state, live=Haste.REST if not live else Haste.FOLLOW if follow else Haste.LIVE)

    def open(payload: dict[str, Any]) -> dict[str, Any]:
        if tab.warm is not None:
            tab.warm()
        known = "state" in payload
        state, notices = tab.schema.clean(payload["state"]) if known else tab.schema.read(payload.get("query", ""))
        return answer(tab, stopped(state), notices)

    def frames(payload: dict[str, Any]) -> list[np.ndarray]:
        state = tab.schema.check(payload.get("state"))
        if tab.frames is None or not any(part.frames for part in tab.parts if part.name == state["part"]):
            raise ValueError("This part has no run to save.")
        return tab.frames(state)

    def gif(payload: dict[str, Any]) -> dict[str, Any]:
        return {"gif": export.animate(frames(payload))}

    def contacts(payload: dict[str, Any]) -> dict[str, Any]:
        return {"png": export.contacts(frames(payload))}

    def picture(payload: dict[str, Any]) -> dict[str, Any]:
        state = tab.schema.check(payload.get("state"))
        shown = None if tab.picture is None else tab.picture(state)
        if shown is None:
            raise ValueError("This part has no single picture to send.")
        return {"png": encode(shown, "png")}

    def card(payload: dict[str, Any]) -> dict[str, Any]:
        if tab.card is None:
            raise ValueError(f"{tab.label} has no model card.")
        return {"text": tab.card(tab.schema.check(payload.get("state")))}

    return [guarded(function) for function in (step, open, gif, contacts, picture, card)]


def recordings(tab: Tab) -> dict[str, dict[str, Any]]:
    """The recorded first views of a tab by data set; only those whose state is still the tab's default."""
    found = {}
    for data in DATA if tab.recording else ():
        file = tab.recording / f"{tab.name}-{data}.json"
        if file.is_file():
            recorded = json.loads(file.read_text(encoding="utf-8"))
            if recorded["state"] == tab.schema.defaults() | {"data": data}:
                found[data] = recorded
    return found


def piece(kind: str, tab: str = "", server_functions: Sequence[Callable] | None = None, **props: Any) -> gr.HTML:
    """A part of the frame itself: an empty gr.HTML that `playground.define(kind, ...)` fills in the browser."""
    return gr.HTML(
        None,
        html_template="",
        css_template="",
        js_on_load=f'playground.mount("{kind}", element, props, trigger, watch, server)',
        apply_default_css=False,
        elem_id=f"{tab}-{kind}" if tab else kind,
        elem_classes=["stage-piece", f"piece-{kind}"],
        server_functions=list(server_functions or ()),
        kind=kind,
        name=kind,
        tab=tab,
        **props,
    )


def build(tab: Tab, layout: Mapping[str, Callable[[], Any]]) -> None:
    """Makes a tab inside gr.Blocks or gr.Tab. layout: for each part's name the function that makes its widgets.

    Raises ValueError if the layout's names are not the tab's parts.
    """
    names = [part.name for part in tab.parts]
    if set(layout) != set(names):
        raise ValueError(f"the layout of {tab.name} is for {sorted(layout)}, its parts are {sorted(names)}")
    parts = [asdict(part) for part in tab.parts]
    with gr.Column(elem_id=f"tab-{tab.name}", elem_classes=["stage-tab"]):
        piece("parts", tab.name, parts=parts)
        with gr.Column(elem_classes=["stage-body"]):
            with gr.Column(elem_classes=["stage-rail"]):
                Controls("rail", tab.name)
            with gr.Column(elem_classes=["stage-stage"]):
                for name in names:
                    first = ["current"] if name == names[0] else []
                    with gr.Column(elem_classes=["part", f"part-{name}", *first]):
                        layout[name]()
                piece("compare", tab.name)
        piece("band", tab.name, stories=list(tab.stories), has_card=tab.card is not None)
        piece(
            "store",
            tab.name,
            server_functions=handlers(tab),
            parts=parts,
            label=tab.label,
            private=[name for name, param in tab.schema.params.items() if param.private],
            derived=[name for name, param in tab.schema.params.items() if param.derived],
            compares=tab.picture is not None,
            recordings=recordings(tab),
        )
