"""What tests of tabs share: a tab driven as a page drives it, a tab of some parts alone, engines that end in time."""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from demos.common import acted
from demos.engine import Engine
from demos.stage import frame
from demos.stage.frame import Tab
from demos.stage.state import Param, Schema

FACES = {"diffusion": ("Diffusion", "#6ea8ff"), "autoregressive": ("Autoregressive", "#d78bff")}  # labels and accents


class Driver:
    """A tab without a browser. small: what its states differ in from the defaults, so that they are soon computed."""

    def __init__(self, tab: Tab, **small: Any) -> None:
        self.tab, self.schema = tab, tab.schema
        self._small = small
        self._step, self._open, self._gif = frame.handlers(tab)[:3]

    def state(self, **changes: Any) -> dict[str, Any]:
        """The defaults with changes."""
        return self.schema.check(self.schema.defaults() | self._small | changes)

    def step(self, state: dict[str, Any], *actions: tuple[str, Any], live: bool = False) -> dict[str, Any]:
        """The answer to some (name, value) actions, which may be {"error": sentence}."""
        return self._step({"state": state, "actions": [{"name": n, "value": v} for n, v in actions], "live": live})

    def accepted(self, state: dict[str, Any], *actions: tuple[str, Any], live: bool = False) -> dict[str, Any]:
        """The answer to some actions; fails where the page would show an error, or could not read it."""
        answer = self.step(state, *actions, live=live)
        assert "error" not in answer, answer
        json.dumps(answer, allow_nan=False)
        return answer

    def refused(self, state: dict[str, Any], name: str, value: Any) -> str:
        """The sentence with which an action is refused."""
        answer = self.step(state, (name, value))
        assert answer.keys() == {"error"}, (name, value)
        return answer["error"]

    def answers(self, state: dict[str, Any], *actions: tuple[str, Any], most: int = 1999) -> Iterator[dict[str, Any]]:
        """Every answer that a page gets: the first, those that it asks for while runs go on, and then the one at rest.

        most: answers before that one.
        """
        answer = self.accepted(state, *actions)
        yield answer
        if "again" not in answer["view"]:
            return
        for _ in range(most - 1):
            again = answer["view"]["again"]["action"]
            answer = self.accepted(answer["state"], (again["name"], again["value"]), live=True)
            yield answer
            if "again" not in answer["view"]:
                yield self.accepted(answer["state"])
                return
        raise AssertionError("it never rests")

    def settled(self, state: dict[str, Any], *actions: tuple[str, Any]) -> dict[str, Any]:
        """The answer at rest, when all is computed."""
        *_, answer = self.answers(state, *actions)
        return answer

    def open(self, **payload: Any) -> dict[str, Any]:
        """The answer to a page that opens with a ``query`` or a ``state``."""
        return self._open(payload)

    def gif(self, state: dict[str, Any]) -> dict[str, Any]:
        """The answer to "save as GIF"."""
        return self._gif({"state": state})


def tab_of(name: str, modules: Sequence[Any], scene: Callable, params: Sequence[Param] = (), **more: Any) -> Tab:
    """A tab of some part modules alone. scene: what its parts draw, made of a state.

    params: what the whole tab's state has besides the parts' own. more: other fields of the Tab.
    """
    named = {module.PART.name: module for module in modules}
    parts = [module.PART for module in modules]
    schema = Schema(name, [*params, *(param for module in modules for param in module.PARAMS)], parts)

    def act(state: dict[str, Any], action: dict[str, Any]) -> dict[str, Any]:
        answer = acted(modules, state, action)
        return schema.assign(state, action) if answer is None else answer

    def draw(state: dict[str, Any], live: frame.Haste) -> dict[str, Any]:
        return named[state["part"]].draw(scene(state), live)

    def frames(state: dict[str, Any]) -> list[Any]:
        return named[state["part"]].frames(scene(state))

    return Tab(name, *FACES[name], schema, parts, act, draw, frames=frames, **more)


def end(*engines: Engine) -> None:
    """Stops all runs and waits: a thread that still computes when the interpreter ends aborts it."""
    for engine in engines:
        for key in list(engine._runs):
            engine.stop(key)
        while engine._threads:
            time.sleep(0.01)


def controls(view: dict[str, Any]) -> list[dict[str, Any]]:
    """What can be pressed or moved in a rail, drawers left closed."""
    kinds = ("slider", "button", "choice", "number", "toggle", "prompt")
    return [item for item in view["rail"]["items"] if item["kind"] in kinds]
