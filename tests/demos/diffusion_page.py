"""Parts of the diffusion tab over networks of random weights, driven step by step as a page drives them."""

import time
from collections.abc import Iterator
from typing import Any

import torch

from demos.diffusion_parts import scene
from demos.diffusion_parts.engine import Engine
from demos.diffusion_parts.scene import LABELS, Scene
from demos.stage import frame
from demos.stage.frame import Tab
from demos.stage.state import Choice, Flag, Integer, Number, Schema, Text
from models import zoo
from models.diffusion import Denoiser
from tests.demos.small_diffusion import tiny


class Page:
    """A tab of some part modules, with an engine of its own; what it patches ends with the monkeypatch."""

    def __init__(self, monkeypatch, *modules: Any) -> None:
        self.engine = Engine()
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(zoo, "denoiser", tiny)
        monkeypatch.setattr(scene, "ENGINE", self.engine)
        self.schema = Schema(
            "diffusion",
            [
                Text("prompt", 2000, "blond hair"),
                Integer("steps", 1, 100, 25),
                Choice("scheduler", tuple(LABELS)),
                Number("guidance", 0.0, 20.0, 3.0, 0.5),
                Number("eta", 0.0, 1.0, 0.0, 0.05),
                Flag("running", private=True),
                *(param for module in modules for param in module.PARAMS),
            ],
            tuple(module.PART for module in modules),
        )
        self.modules = {module.PART.name: module for module in modules}
        self.layout = {module.PART.name: module.stage for module in modules}
        self.tab = Tab(
            "diffusion",
            "Diffusion",
            "#6ea8ff",
            self.schema,
            [module.PART for module in modules],
            self._act,
            lambda state, live: self.modules[state["part"]].draw(Scene(state), live),
            recording=None,
            frames=lambda state: self.modules[state["part"]].frames(Scene(state)),
        )
        self._step, _, self._gif = frame.handlers(self.tab)[:3]

    def slow(self, seconds: float = 0.05) -> None:
        """From now on every call of a network takes so much longer: runs are still on when a page asks."""
        predict = Denoiser.predict

        def slowly(*arguments: Any) -> torch.Tensor:
            time.sleep(seconds)
            return predict(*arguments)

        self._monkeypatch.setattr(Denoiser, "predict", slowly)

    def _act(self, state: dict[str, Any], action: dict[str, Any]) -> dict[str, Any]:
        for module in self.modules.values():
            answer = module.act(state, action["name"], action["value"])
            if answer is not None:
                return answer
        return self.schema.assign(state, action)

    def state(self, **changes: Any) -> dict[str, Any]:
        """The defaults with changes."""
        return self.schema.check(self.schema.defaults() | changes)

    def step(self, state: dict[str, Any], *actions: tuple[str, Any], live: bool = False) -> dict[str, Any]:
        """The answer to some (name, value) actions, which may be {"error": sentence}."""
        return self._step({"state": state, "actions": [{"name": n, "value": v} for n, v in actions], "live": live})

    def answers(self, state: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Every answer that a page gets while it follows the runs of a state, at last the one at rest."""
        answer = self.step(state)
        if "again" in answer["view"]:
            while "again" in answer["view"]:
                yield answer
                action = answer["view"]["again"]["action"]
                answer = self.step(answer["state"], (action["name"], action["value"]), live=True)
            yield answer
            answer = self.step(answer["state"])
        yield answer

    def settled(self, state: dict[str, Any]) -> dict[str, Any]:
        """The view at rest, when all is computed."""
        *_, answer = self.answers(state)
        assert "error" not in answer, answer
        return answer["view"]

    def gif(self, state: dict[str, Any]) -> dict[str, Any]:
        """The answer to "save as GIF"."""
        return self._gif({"state": state})


def follow_all(page: Page, states: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The answers at rest of pages that ask in turn."""
    pages, last = [page.answers(state) for state in states], [{} for _ in states]
    going = set(range(len(states)))
    while going:
        for k in sorted(going):
            answer = next(pages[k], None)
            last[k] = answer or last[k]
            going -= set() if answer else {k}
    return last


def controls(view: dict[str, Any]) -> list[dict[str, Any]]:
    """What can be pressed or moved in a rail, drawers left closed."""
    kinds = ("slider", "button", "choice", "number", "toggle", "prompt")
    return [item for item in view["rail"]["items"] if item["kind"] in kinds]
