"""The text of part "Write": its tokens, the place that is open, what changed, and whether it goes round in a loop."""

import zlib
from functools import cached_property
from typing import Any

from demos.autoregressive_parts import readings
from demos.autoregressive_parts.scene import Scene
from demos.autoregressive_parts.words import Token, measured, spelt
from models.language import LanguageModel, TokenScore
from models.language_decoding import Loop, find_loop

MOST = 256  # tokens that are written since the prompt


class Written:
    """The text of a state as it is shown.

    Attributes:
        prompt, taken, ids: tokens that were typed, that were taken since, and all of them.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.model: LanguageModel = scene.model
        self.prompt, self.taken = scene.prompt, scene.taken
        self.ids = [*self.prompt, *self.taken]

    @cached_property
    def cut(self) -> tuple[list[int], int]:
        """The end of the text that is read, and how many tokens before it do not fit."""
        return self.model.cut(self.ids)

    @property
    def dropped(self) -> int:
        """Tokens at the beginning that do not fit."""
        return self.cut[1]

    @property
    def over(self) -> bool:
        """Whether the last token ended the text."""
        return bool(self.taken) and self.taken[-1] in self.model.ends

    @property
    def place(self) -> int:
        """The place whose bars are shown: one that was opened, the last one of a text that is over, or the end."""
        at = self.scene.state["at"]
        if self.dropped <= at < len(self.ids):
            return at
        return len(self.ids) - 1 if self.over else len(self.ids)

    @property
    def context(self) -> list[int]:
        """The tokens before that place."""
        return self.ids[: self.place]

    @property
    def here(self) -> int | None:
        """The token that stands there, if any."""
        return self.ids[self.place] if self.place < len(self.ids) else None

    @property
    def throw(self) -> int:
        """The number of the dart for that place: 0 for the first token that is written."""
        return max(0, self.place - len(self.prompt))

    @property
    def text(self) -> str:
        """The text as it stands in the field, without what is no text."""
        return self.model.decode([id for id in self.ids if id not in self.model.ends])

    @property
    def loop(self) -> Loop | None:
        """The loop that what was written ends in."""
        return find_loop(self.taken)

    @cached_property
    def scores(self) -> list[TokenScore]:
        """How the model met every token that is read."""
        return readings.scores(self.model, self.cut[0])

    def tokens(self) -> list[Token]:
        """The tokens that are read, for the page."""
        start = len(self.prompt) - self.dropped
        tokens = spelt(self.model, self.cut[0])
        changes = self.changes()
        for i, (token, score) in enumerate(zip(tokens, self.scores, strict=True)):
            token |= measured(self.model, score)
            if i >= start:
                token.setdefault("kind", "new")
            if i in changes:
                token["up"] = round(changes[i], 2)
        return tokens

    def changes(self) -> dict[int, float]:
        """{place among what is read: bits more than before} of the tokens after an earlier one that was changed.

        Nothing where most of the text is another one, or where it was cut.
        """
        before = [id for id in self.scene.state["write_before"] if id < self.model.size]
        known, dropped = self.model.cut(before)
        ids = self.cut[0]
        if not before or before == self.ids or dropped or self.dropped:
            return {}
        head = next((i for i, (a, b) in enumerate(zip(known, ids, strict=False)) if a != b), min(len(known), len(ids)))
        most = min(len(known), len(ids)) - head
        tail = next((i for i in range(most) if known[-1 - i] != ids[-1 - i]), most)
        if not tail or 2 * (head + tail) < len(known):
            return {}
        old, new = readings.scores(self.model, known)[-tail:], self.scores[-tail:]
        return {
            len(ids) - tail + i: b.surprisal_bits - a.surprisal_bits
            for i, (a, b) in enumerate(zip(old, new, strict=True))
            if a.surprisal_bits is not None and b.surprisal_bits is not None
        }


def mark(scene: Scene) -> str:
    """Eight letters that tell apart which logits are shown: they depend on the model and the tokens before."""
    written = Written(scene)
    return f"{zlib.crc32(repr((scene.name, scene.model.name, written.context)).encode()):08x}"


def tail(model: LanguageModel, ids: list[int], letters: int = 28) -> str:
    """The end of a text as a title can say it: on one line, and its direction kept to itself."""
    text = " ".join(model.decode(ids[-letters:]).split())
    if len(text) <= letters:
        return f"\u2068{text}\u2069"
    end = text[-letters:]
    return f"\u2068…{end[end.find(' ') + 1 :]}\u2069"


def looped(loop: Loop) -> str:
    """What a loop is, in words."""
    token = "1 token" if loop.period == 1 else f"{loop.period} tokens"
    return f"in a loop: {token}, {loop.times} times"


def compared(model: LanguageModel, prompt: list[int], road: list[int]) -> list[dict[str, Any]]:
    """The tokens of another road from the same prompt, for the page."""
    ids, dropped = model.cut([*prompt, *road])
    scores = readings.scores(model, ids)
    tokens = [token | measured(model, score) for token, score in zip(spelt(model, ids), scores, strict=True)]
    for token in tokens[len(prompt) - dropped :]:
        token.setdefault("kind", "new")
    return tokens
