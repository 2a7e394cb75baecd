"""What every part of the autoregressive tab starts from: which model answers, and the text it goes on from."""

from functools import cached_property

from demos.common import BaseScene
from models import smollm2, zoo
from models.language import LanguageModel
from models.sampling import Rules

WAITING = smollm2.Waiting()
"""The pretrained model on its way, where `make run` did not fetch it."""


def fetch() -> None:
    """Have it fetched in the background: when a visitor asks for it, or by itself on a Space, where nobody else can."""
    if smollm2.ready() is None:
        WAITING.start()


HERE = {"smollm2": lambda: zoo.language_here("smollm2"), "tiny": lambda: zoo.language_here("tiny")}
"""Whether a model can be asked now."""


class Scene(BaseScene):
    """The state of the tab and all that follows from it; everything costly is computed when first asked for."""

    @cached_property
    def name(self) -> str:
        """Which model answers: the one that was asked for, or the other one while that is not here."""
        asked = self.state["model"]
        here = [name for name, known in HERE.items() if known()]
        return asked if asked in here else next(iter(here), "tiny")

    @property
    def missing(self) -> str | None:
        """A sentence while the model that was asked for is not here, else None."""
        if self.name == self.state["model"]:
            return None
        if self.name == "smollm2":
            return f"tiny is not in this copy of the playground. {smollm2.title()} answers."
        what = WAITING.problem or WAITING.text or "make fetch brings it, once"
        return f"{smollm2.title()} is not here yet ({what}). Until it is, tiny answers."

    @cached_property
    def model(self) -> LanguageModel:
        """The model that answers; ValueError in plain words where there is none at all."""
        try:
            return zoo.language(self.name)
        except FileNotFoundError as reason:
            raise ValueError(f"No language model is here yet: {WAITING.problem or WAITING.text or reason}.") from None

    @cached_property
    def prompt(self) -> list[int]:
        """The tokens of what was typed."""
        return self.model.encode(self.state["prompt"])

    @cached_property
    def taken(self) -> list[int]:
        """The tokens that were taken since; none while another model answers than the one that they are tokens of."""
        if self.missing:
            return []
        return [token for token in self.state["taken"] if token < self.model.size]

    @property
    def ids(self) -> list[int]:
        """The whole text as tokens."""
        return [*self.prompt, *self.taken]

    @property
    def rules(self) -> Rules:
        """How the next token is chosen."""
        names = ("temperature", "top_k", "top_p", "min_p", "typical", "repetition_penalty")
        return Rules(**{name: self.state[name] for name in names})
