"""How a page follows runs: it asks again and again until they are there, and is sent what it does not have yet.

The server keeps nothing about pages. How far a page is travels in its state, as a `Progress`: "" while it follows
nothing, else which runs they are and how many of their records it has.
"""

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from demos import engine
from demos.engine import Engine, Run
from demos.stage.frame import Haste
from demos.stage.state import Integer, Param

FIRST = 0.15  # seconds that the answer to a click waits for the first record
NEXT = 0.08  # seconds that a page which follows waits for the next one
PAUSE = 40  # milliseconds between an answer and the next question
MOST = 100_000  # records of all runs of a part
STOPPED = "stopped"
TOLD = re.compile(rf"([0-9a-f]{{8}}:([0-9]{{1,6}}|{STOPPED}))?")


class Asked(Protocol):
    """What a run follows from: hashable, for it is the run's name in the engine."""

    def run(self) -> Run:
        """The run, begun if it was not."""


class Progress(Param):
    """How far a page has followed its runs: "", "mark:records" or "mark:stopped".

    It only saves sending twice what is there already, so no link misses it.
    """

    derived = True

    def __init__(self, name: str) -> None:
        super().__init__(name, "", private=True)

    def check(self, value: Any) -> str:
        """A text as :func:`note` and :func:`stop` write it."""
        if not isinstance(value, str) or not TOLD.fullmatch(value):
            raise self.refuse(value, "how far this page has followed a run")
        return value

    def parse(self, text: str) -> str:
        """Never: it is about one page."""
        raise ValueError(f"{self.name} never travels in a link.")


def engine_of(request: Asked) -> Engine:
    """Who computes the run of a request: the request's own ``engine``, or the one that all tabs share."""
    return getattr(request, "engine", engine.ENGINE)


def mark(*requests: Asked) -> str:
    """Eight letters that tell runs apart; they depend on the requests alone."""
    return f"{zlib.crc32(repr(requests).encode()):08x}"


def note(state: dict[str, Any], name: str, requests: Sequence[Asked], value: Any) -> dict[str, Any]:
    """The state of a page that has ``value`` records and asks for more: waits a moment, so that there are some.

    name: of its Progress. Raises ValueError for a value that is no count.
    """
    have = Integer(name, 0, MOST, 0).check(value)
    if state[name] == f"{mark(*requests)}:{STOPPED}":
        return state
    runs = [request.run() for request in requests]
    going = next((run for run in runs if not _over(run)), None)
    if going:
        going.wait(NEXT, len(going.records) + 1 if have >= sum(len(run.records) for run in runs) else 0)
    return state | {name: "" if all(map(_over, runs)) else f"{mark(*requests)}:{have}"}


def stop(state: dict[str, Any], name: str, requests: Sequence[Asked]) -> dict[str, Any]:
    """The state after Stop: the runs rest after their present step, and this page does not ask for them."""
    for request in requests:
        engine_of(request).stop(request)
    return state | {name: f"{mark(*requests)}:{STOPPED}"}


def resume(state: dict[str, Any], name: str) -> dict[str, Any]:
    """The state after "Go on": at rest the runs begin by themselves."""
    return state | {name: ""}


def anew(state: dict[str, Any], name: str, requests: Sequence[Asked]) -> dict[str, Any]:
    """The state after a button that computes again what is there already: runs that have ended are forgotten."""
    for request in requests:
        engine_of(request).forget(request)
    return resume(state, name)


def act(
    state: dict[str, Any], part: str, seen: str, requests: Callable[[], Sequence[Asked]], name: str, value: Any
) -> dict[str, Any] | None:
    """The state after ``PART-follow``, ``PART-stop`` or ``PART-go-on``; None for any other action.

    part: what these actions begin with. seen: the name of its Progress. requests() gives what it follows; it is
    called only where that is needed.
    """
    if name == f"{part}-follow":
        return note(state, seen, requests(), value)
    if name == f"{part}-stop":
        return stop(state, seen, requests())
    return resume(state, seen) if name == f"{part}-go-on" else None


@dataclass(frozen=True)
class Watch:
    """The runs of a state at one moment; while a view is made of them they may go on.

    Attributes:
        runs: one for each request, or none at all while a hand drags and nothing was computed for this state.
        records: those that each of them had then. complete: whether these are all.
        have: records that the page has already, in the order in which :func:`note` counts them: for a single run.
        following: the page is to ask again. stopped: the visitor stopped them.
    """

    runs: tuple[Run, ...]
    records: tuple[list[Any], ...]
    complete: bool
    have: int
    following: bool
    stopped: bool

    @property
    def failed(self) -> str | None:
        """A sentence, if a run could not be computed."""
        return next((run.failed for run in self.runs if run.failed), None)

    @property
    def seconds(self) -> float:
        """Spent computing, all runs together."""
        return sum(run.seconds for run in self.runs)

    @property
    def words(self) -> str:
        """How far it is, as a sentence; "" when everything is there or nothing is known."""
        if self.failed:
            return self.failed
        if self.complete or not self.runs:
            return "Stopped." if self.stopped and not self.complete else ""
        done, before = sum(map(len, self.records)), max(run.waiting for run in self.runs)
        if before and not done:
            soon = self.runs[-1].estimate
            runs = "1 run" if before == 1 else f"{before} runs"
            return f"Waiting: {runs} before this one{f', about {soon:.0f} s' if soon is not None else ''}."
        total = sum(run.total or 0 for run in self.runs)
        return f"{'Stopped after' if self.stopped else 'Computing:'} {done} of {total} steps."

    def again(self, action: str) -> dict[str, Any]:
        """What the view says so that the page asks again; nothing once all is there."""
        if not self.following:
            return {}
        have = sum(map(len, self.records))
        return {"again": {"action": {"name": action, "value": have}, "after": PAUSE}}

    def button(self, part: str) -> list[dict[str, Any]]:
        """The rail's Stop while something is computed, "Go on" once it was stopped; :func:`act` answers both."""
        if self.stopped and not self.complete:
            return [{"kind": "button", "name": f"{part}-go-on", "label": "Go on", "primary": True}]
        return [{"kind": "button", "name": f"{part}-stop", "label": "Stop"}] if self.following else []


def look(state: dict[str, Any], name: str, requests: Sequence[Asked], live: Haste) -> Watch:
    """The runs of a state, begun at rest; while a hand drags only those that are known, and nothing begins."""
    told, _, have = state[name].partition(":")
    mine = told == mark(*requests)
    stopped = mine and have == STOPPED
    if stopped or (live and not mine):
        known = tuple(engine_of(request).known(request) for request in requests)
        return _seen(() if None in known else known, stopped=stopped)
    runs = tuple(request.run() for request in requests)
    if live:
        return _seen(runs, int(have), following=True)
    if not any(run.records for run in runs):
        runs[0].wait(FIRST, 1)
    return _seen(runs, following=not all(map(_over, runs)))


def _seen(runs: tuple[Run, ...], have: int = 0, following: bool = False, stopped: bool = False) -> Watch:
    complete = bool(runs) and all(run.finished for run in runs)  # asked first: the records only grow
    return Watch(runs, tuple(list(run.records) for run in runs), complete, have, following, stopped)


def _over(run: Run) -> bool:
    return run.finished or run.failed is not None
