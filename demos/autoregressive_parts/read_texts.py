"""The texts of the part "Read my text": who reads which, how far they are, and what a changed word did to the rest."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from demos.autoregressive_parts import drafts, readings, words
from demos.autoregressive_parts import scene as scenes
from demos.autoregressive_parts.scene import Scene
from demos.engine import Engine, Run
from demos.follow import Watch
from demos.stage.state import Integer
from models import smollm2, zoo
from models.language import LanguageModel, TokenScore

STRIDE = 24
"""Tokens that are read before the page is told."""


@dataclass(frozen=True)
class Reading:
    """A text that is to be read: tokens that fit into the window of the model called ``name``."""

    name: str
    ids: tuple[int, ...]

    @property
    def engine(self) -> Engine:
        """Who reads it."""
        return drafts.ENGINE

    def run(self) -> Run:
        """The run, begun if it was not; its records are tuples of TokenScores, in order."""
        return self.engine.run(self, self.start, -(-len(self.ids) // STRIDE))

    def start(self) -> Iterator[tuple[TokenScore, ...]]:
        """The text, some tokens at a time."""
        model = zoo.language(self.name)
        for begin in range(0, len(self.ids), STRIDE):
            yield tuple(readings.scores(model, self.ids[: begin + STRIDE])[begin:])


@dataclass
class Side:
    """One text as one model reads it.

    Attributes:
        title: what to call it; "" where it is alone. text, ids: what is read, without the ``dropped`` tokens before it.
        scores: of the tokens that were read so far.
    """

    title: str
    model: LanguageModel
    text: str
    ids: list[int]
    dropped: int
    scores: list[TokenScore] = field(default_factory=list)

    @property
    def bits(self) -> list[float]:
        """The surprisals that there are."""
        return [score.surprisal_bits for score in self.scores if score.surprisal_bits is not None]

    def end(self, place: int) -> int:
        """Characters of the text up to the end of a token."""
        return sum(len(token["t"]) for token in words.spelt(self.model, self.ids[: place + 1]))

    def rise(self) -> list[float]:
        """The bits so far at every character that was read; all characters of a token come with it."""
        found, total = [], 0.0
        spelt = words.spelt(self.model, self.ids)
        for token, score in zip(spelt, self.scores, strict=False):
            total += score.surprisal_bits or 0.0
            found += [total] * len(token["t"])
        return found

    def tokens(self) -> list[dict[str, Any]]:
        """For the page; what was not read yet has no colour."""
        tokens = words.spelt(self.model, self.ids)
        for token, score in zip(tokens, self.scores, strict=False):
            token |= words.measured(self.model, score)
        return tokens


class Page:
    """What the state asks to be read.

    Attributes:
        mode: "one", "texts" or "models"; "one" where the other model is not here.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene, self.state = scene, scene.state
        self.other = next(name for name in scenes.HERE if name != scene.name)

    @property
    def missing(self) -> str:
        """A sentence where two models were asked for and one is not here."""
        if self.state["read_mode"] != "models" or scenes.HERE[self.other]():
            return ""
        return (
            f"{'tiny' if self.other == 'tiny' else smollm2.title()} is not here, so there is nothing to compare with."
        )

    @property
    def mode(self) -> str:
        """What is compared."""
        return "one" if self.missing else self.state["read_mode"]

    @property
    def colour(self) -> str:
        """What the colours mean; a change is told of two texts only."""
        colour = self.state["read_colour"]
        return "surprisal" if colour == "change" and self.mode != "texts" else colour

    @cached_property
    def asked(self) -> list[tuple[str, str, str]]:
        """(title, name of the model, text) of every side."""
        a, b, name = self.state["text_a"], self.state["text_b"], self.scene.name
        if self.mode == "texts":
            return [("A", name, a), ("B", name, b)]
        if self.mode == "models":
            return [(zoo.language(one).name, one, a) for one in (name, self.other)]
        return [("", name, a)]

    @cached_property
    def _cut(self) -> list[tuple[LanguageModel, list[int], int]]:
        models = [self.scene.model if name == self.scene.name else zoo.language(name) for _, name, _ in self.asked]
        return [(model, *model.cut(model.encode(text))) for model, (_, _, text) in zip(models, self.asked, strict=True)]

    @property
    def requests(self) -> list[Reading]:
        """What is to be read."""
        return [Reading(name, tuple(ids)) for (_, name, _), (_, ids, _) in zip(self.asked, self._cut, strict=True)]

    def sides(self, watch: Watch | None = None) -> list[Side]:
        """The texts, as far as they were read by the runs of ``watch``."""
        found = []
        for k, ((title, _, _), (model, ids, dropped)) in enumerate(zip(self.asked, self._cut, strict=True)):
            parts = watch.records[k] if watch and watch.runs else []
            scores = [score for part in parts for score in part]
            found.append(Side(title, model, model.decode(ids), ids, dropped, scores))
        return found


def look(sides: Sequence[Side], state: Mapping[str, Any]) -> tuple[int, int | None]:
    """(side, place) of the token that is looked at: the one that was clicked, else the most surprising one so far."""
    k = state["read_side"] if state["read_side"] < len(sides) else 0
    side = sides[k]
    if 0 <= state["read_at"] < len(side.ids):
        return k, state["read_at"]
    known = [(score.surprisal_bits, -i) for i, score in enumerate(side.scores) if score.surprisal_bits is not None]
    return k, -max(known)[1] if known else None


def swapped(side: Side, place: int, value: Any) -> str:
    """The text with another token at a place. Raises ValueError where there is no such place or token."""
    token = Integer("A token", 0, side.model.size - 1, 0).check(value)
    if not 0 <= place < len(side.ids):
        raise ValueError("There is no token to change.")
    return side.model.decode([*side.ids[:place], token, *side.ids[place + 1 :]])


def alike(a: Sequence[int], b: Sequence[int]) -> tuple[int, int]:
    """How many tokens two texts share at their beginning, and of the rest at their end."""
    shortest = min(len(a), len(b))
    head = next((i for i in range(shortest) if a[i] != b[i]), shortest)
    most = shortest - head
    return head, next((i for i in range(most) if a[-1 - i] != b[-1 - i]), most)


def change(before: Side, after: Side) -> dict[int, float]:
    """{place in ``after``: bits more than in ``before``} of the tokens that follow the last difference in both.

    Nothing is told of texts that end differently, nor of what was not read yet.
    """
    _, tail = alike(before.ids, after.ids)
    found = {}
    for i in range(-tail, 0):
        was, now = len(before.ids) + i, len(after.ids) + i
        if was < len(before.scores) and now < len(after.scores):
            bits = before.scores[was].surprisal_bits, after.scores[now].surprisal_bits
            if None not in bits:
                found[now] = bits[1] - bits[0]
    return found
