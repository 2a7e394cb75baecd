"""Texts that a model is writing while a page looks on, as runs that the page follows.

A text follows from its request alone, so identical requests share one run; see :mod:`demos.engine`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from demos.autoregressive_parts import words
from demos.engine import Engine, Run
from models import zoo
from models.language import LanguageModel, TextScore, TokenScore
from models.language_decoding import TokenStep, generate
from models.sampling import Rules

ENGINE = Engine(slots=1, kept=24, records=4000)
"""One text at a time: two would only hinder each other."""


@dataclass(frozen=True)
class Draft:
    """A text that is asked for: ``count`` tokens after ``ids`` under ``rules``, with the darts of ``seed``.

    seed None is greedy. name: of one of the house's models.
    """

    name: str
    ids: tuple[int, ...]
    rules: Rules
    seed: int | None
    count: int

    @property
    def engine(self) -> Engine:
        """Who writes it."""
        return ENGINE

    def model(self) -> LanguageModel:
        """Who is asked. May raise ValueError where there is nobody any more."""
        return zoo.language(self.name)

    def run(self) -> Run:
        """The run, begun if it was not; its records are TokenScores."""
        return self.engine.run(self, self.write, self.count)

    def write(self) -> Iterator[TokenScore]:
        """The tokens, one after another, without the 49,152 numbers behind each of them."""
        model = self.model()
        yield from map(score_of, generate(model, list(self.ids), self.count, self.rules, self.seed))


def score_of(step: TokenStep) -> TokenScore:
    """How the model itself met the token that was chosen, whatever rule chose it."""
    top = np.argpartition(-step.probabilities, words.ALTERNATIVES)[: words.ALTERNATIVES]
    top = top[np.argsort(-step.probabilities[top], kind="stable")]
    return TokenScore(
        id=step.chosen,
        raw=step.raw,
        surprisal_bits=step.surprisal_bits,
        rank=step.rank,
        entropy_bits=step.entropy_bits,
        alternatives=tuple((int(i), float(step.probabilities[i])) for i in top),
    )


def shown(model: LanguageModel, prompt: list[int], written: list[TokenScore], **about: Any) -> dict[str, Any]:
    """A text of the widget TokenText: what was given, then what was written."""
    given = [TokenScore(id, model.vocabulary.raw(id), None, None, None, ()) for id in prompt]
    kinds = ["given"] * len(given) + ["new"] * len(written)
    return {"tokens": words.met(model, TextScore((*given, *written), 0), kinds), **about}


def perplexity(written: list[TokenScore]) -> float | None:
    """Of what was written, under the model's own probabilities."""
    return TextScore(tuple(written), 0).perplexity
