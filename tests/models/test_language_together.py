"""Texts written in one batch are those that are written alone."""

import numpy as np
import pytest

from models.language_decoding import generate
from models.language_together import Lane, write_together
from models.sampling import Rules

LANES = [
    Lane(seed=None),
    Lane(Rules(temperature=0.7), 3),
    Lane(Rules(top_k=5), 3),
    Lane(Rules(top_p=0.8), 4),
    Lane(Rules(min_p=0.2), 4),
    Lane(Rules(typical=0.8), 5),
    Lane(Rules(repetition_penalty=1.5), None),
]


def columns(rows):
    """The scores of every lane, without what an ended one yields."""
    return [[score for score in lane if score is not None] for lane in zip(*rows, strict=True)]


def test_every_lane_writes_what_it_writes_alone(language, verses):
    prompt = language.encode(verses)[:9]
    found = columns(write_together(language, prompt, LANES, 20))
    for lane, scores in zip(LANES, found, strict=True):
        alone = list(generate(language, prompt, 20, lane.rules, lane.seed))
        assert [one.id for one in scores] == [step.chosen for step in alone]
        assert np.allclose([s.surprisal_bits for s in scores], [s.surprisal_bits for s in alone], atol=1e-3)
        assert [s.rank for s in scores] == [s.rank for s in alone]
    assert len({tuple(s.id for s in scores) for scores in found}) > 3


def test_a_lane_that_has_ended_says_nothing_more(llama, verses):
    prompt = llama.encode(verses)[:5]
    alone = [step.chosen for step in generate(llama, prompt, 12, seed=None)]
    other = next(
        seed for seed in range(50) if alone[4] not in [s.chosen for s in generate(llama, prompt, 12, seed=seed)]
    )
    llama.ends = frozenset({alone[4]})
    rows = list(write_together(llama, prompt, [Lane(seed=None), Lane(seed=other)], 12))
    first = alone.index(alone[4])
    assert [row[0].id if row[0] else None for row in rows] == alone[: first + 1] + [None] * (11 - first)
    assert [row[1].id for row in rows] == [s.chosen for s in generate(llama, prompt, 12, seed=other)]
    assert len(list(write_together(llama, prompt, [Lane(seed=None)] * 2, 12))) == first + 1


def test_an_empty_prompt_and_one_that_does_not_fit(llama):
    started = columns(write_together(llama, [], [Lane(seed=1)], 3))[0]
    assert [one.id for one in started] == [s.chosen for s in generate(llama, [llama.start], 3, seed=1)]
    with pytest.raises(ValueError, match="do not fit"):
        list(write_together(llama, [5] * 60, [Lane()], 5))
    with pytest.raises(ValueError, match="0 lanes"):
        list(write_together(llama, [5], [], 5))
    with pytest.raises(ValueError, match="do not fit"):
        list(write_together(llama, [5], [Lane()], 0))
