"""Parts of the autoregressive tab over small models of random weights, driven step by step as a page drives them."""

import time
from collections.abc import Iterator
from typing import Any

from demos.autoregressive_parts import scene
from demos.autoregressive_parts.params import Roads, Tokens
from demos.autoregressive_parts.scene import Scene
from demos.stage.state import Choice, Flag, Integer, Number, Text
from models import zoo
from models.language import LanguageModel
from tests.demos.driver import Driver, tab_of
from tests.models.conftest import small_language


class Page(Driver):
    """A tab of some part modules; what it patches ends with the monkeypatch.

    models: who answers to which name; by default one small model of each kind.
    """

    def __init__(self, monkeypatch, *modules: Any, models: dict[str, LanguageModel] | None = None) -> None:
        self.models = models or {"smollm2": small_language("llama"), "tiny": small_language("gpt2")}
        monkeypatch.setattr(zoo, "language", self._language)
        monkeypatch.setattr(scene, "HERE", {name: lambda: True for name in self.models})
        params = (
            Choice("model", ("smollm2", "tiny")),
            Text("prompt", 2000, "Shall I compare thee to a"),
            Tokens("taken", 256),
            Roads("roads", 12, 256),
            Number("temperature", 0.05, 3.0, 1.0, 0.05),
            Integer("top_k", 0, 200, 0),
            Number("top_p", 0.01, 1.0, 1.0, 0.01),
            Number("min_p", 0.0, 1.0, 0.0, 0.01),
            Number("typical", 0.01, 1.0, 1.0, 0.01),
            Number("repetition_penalty", 0.5, 3.0, 1.0, 0.05),
            Flag("running", private=True),
        )
        super().__init__(tab_of("autoregressive", modules, Scene, params, recording=None))

    def _language(self, name: str) -> LanguageModel:
        if name not in self.models:
            raise FileNotFoundError(name)
        return self.models[name]

    def view(self, **changes: Any) -> dict[str, Any]:
        """The view of a state at rest."""
        return self.accepted(self.state(**changes))["view"]

    def answers(self, state: dict[str, Any], *actions: tuple[str, Any], most: int = 1000) -> Iterator[dict[str, Any]]:
        """Every answer that a page gets while it follows what the actions began, each at rest where a run ended."""
        answer = self.step(state, *actions)
        for _ in range(most):
            yield answer
            assert "error" not in answer, answer
            if "again" in answer["view"]:
                action = answer["view"]["again"]["action"]
                time.sleep(min(0.03, answer["view"]["again"]["after"] / 1000))
                answer = self.step(answer["state"], (action["name"], action["value"]), live=True)
                if "again" not in answer.get("view", {}):
                    yield answer
                    answer = self.step(answer["state"])
            else:
                return
        raise AssertionError("it never rests")


ODD = [
    "",
    "   ",
    "\0",
    "<b>${x}</b>{{y}}<|endoftext|>",
    "שלום مرحبا \u202eabc",
    "👩‍👩‍👧‍👦 🏳️‍🌈 漢字かな",
    "e\u0301 ﬁ \ufffd",
    "x" * 200,
]
"""What strangers type."""
