"""Parts of the diffusion tab over networks of random weights, driven step by step as a page drives them."""

import time
from typing import Any

import torch

from demos import engine
from demos.diffusion_parts.scene import Scene
from models import zoo
from models.diffusion import Denoiser
from tests.demos.driver import Driver, tab_of
from tests.demos.small_diffusion import params, tiny


class Page(Driver):
    """A tab of some part modules, with an engine of its own; what it patches ends with the monkeypatch."""

    def __init__(self, monkeypatch, *modules: Any) -> None:
        self.engine = engine.Engine()
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(zoo, "denoiser", tiny)
        monkeypatch.setattr(engine, "ENGINE", self.engine)
        super().__init__(tab_of("diffusion", modules, Scene, params(steps=25), recording=None))
        self.layout = {module.PART.name: module.stage for module in modules}

    def slow(self, seconds: float = 0.05) -> None:
        """From now on every call of a network takes so much longer: runs are still on when a page asks."""
        predict = Denoiser.predict

        def slowly(*arguments: Any) -> torch.Tensor:
            time.sleep(seconds)
            return predict(*arguments)

        self._monkeypatch.setattr(Denoiser, "predict", slowly)


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
