"""What the models answered lately: a knob that moves, a step back or an earlier place does not make them read again.

Kept by the tokens alone, so nothing here belongs to a visitor; the oldest go first.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from typing import TypeVar
from weakref import WeakKeyDictionary

import numpy as np

from models.language import LanguageModel, TokenScore

ANSWERS = 32  # logits, 200 kB each where the vocabulary is large
SCORES = 16_384  # tokens with how they were met
Kind = TypeVar("Kind")


class _Lately(OrderedDict[int, Kind]):
    """A table of at most so many entries; every method that is used here may be called from any thread."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.lock = most, threading.Lock()

    def put(self, key: int, value: Kind) -> None:
        with self.lock:
            self[key] = value
            self.move_to_end(key)
            if len(self) > self.most:
                self.popitem(last=False)


class Memory:
    """What one model answered lately."""

    def __init__(self) -> None:
        self.answers: _Lately[np.ndarray] = _Lately(ANSWERS)
        self.scores: _Lately[TokenScore] = _Lately(SCORES)


_memories: WeakKeyDictionary[LanguageModel, Memory] = WeakKeyDictionary()


def _memory(model: LanguageModel) -> Memory:
    return _memories.setdefault(model, Memory())


def _keys(ids: Sequence[int]) -> Iterator[int]:
    """One number for every beginning of ``ids``, from the empty one on."""
    key = 0
    yield key
    for id in ids:
        key = hash((key, int(id)))
        yield key


def answer(model: LanguageModel, ids: Sequence[int]) -> np.ndarray:
    """Logits after ``ids``, float32 (V,); the end of them is read that fits into the window."""
    ids, _ = model.cut(ids)
    memory, key = _memory(model), list(_keys(ids))[-1]
    found = memory.answers.get(key)
    if found is None:
        found = model.step(ids)
        memory.answers.put(key, found)
    return found


def scores(model: LanguageModel, ids: Sequence[int]) -> list[TokenScore]:
    """How the model met every token of a text that fits into its window; only what was not met lately is read.

    The answer after the last token is on the way and kept, too: it is what is asked for next.
    """
    if not ids:
        return []
    memory, keys = _memory(model), list(_keys(ids))
    rows = [TokenScore(ids[0], model.vocabulary.raw(ids[0]), None, None, None, ())]
    for key in keys[2:]:
        row = memory.scores.get(key)
        if row is None:
            break
        rows.append(row)
    if len(rows) == len(ids):
        return rows
    for place, part in model.read(ids, len(rows) - 1):
        for i, logits in enumerate(part):
            after = place + 1 + i  # the place that these logits are about
            if after == len(ids):
                memory.answers.put(keys[after], logits.copy())  # not all of what was read
            else:
                rows.append(model.meet(ids[after], logits))
                memory.scores.put(keys[after + 1], rows[-1])
    return rows


def note(model: LanguageModel, context: Sequence[int], chosen: int, logits: np.ndarray) -> None:
    """Keep what a step of a run found out: the answer after ``context``, and how the token that follows was met."""
    memory, key = _memory(model), list(_keys(context))[-1]
    memory.answers.put(key, logits)
    if context:
        memory.scores.put(hash((key, int(chosen))), model.meet(chosen, logits))
