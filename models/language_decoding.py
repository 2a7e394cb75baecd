"""Writing with a language model, one token after another, each with everything that led to it; and what it wrote.

:func:`generate` is a generator of records, like every sampler of this house: the page, the tests and a notebook read
the same ones. What a text came to is measured by :func:`find_loop` and :func:`distinct`.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from models import sampling
from models.language import LanguageModel
from models.sampling import Rules, Stage

MOST = 512
"""Tokens that one run writes at most."""


@dataclass(frozen=True, eq=False)
class TokenStep:
    """One token being chosen.

    Attributes:
        index: 0 for the first token that was written.
        context: the ids that the model saw. dropped: tokens at the beginning of the text that did not fit.
        logits: its answer, float32 (V,); probabilities: their softmax, float64, before any rule.
        rules, seen: what bent it, and the ids that a repetition penalty applies to.
        dart: where the dart was thrown, None where the most probable token was taken.
        chosen, raw: the token and its bytes. probability: its own before any rule; rank: 1 if it was the most probable.
        surprisal_bits: -log2 of its probability. entropy_bits: of the whole distribution.
        last: whether the text is over with it.
    """

    index: int
    context: tuple[int, ...]
    dropped: int
    logits: np.ndarray
    probabilities: np.ndarray
    rules: Rules
    seen: tuple[int, ...]
    dart: float | None
    chosen: int
    raw: bytes
    probability: float
    rank: int
    surprisal_bits: float
    entropy_bits: float
    last: bool

    @cached_property
    def stages(self) -> list[Stage]:
        """What every rule did to the distribution; computed when somebody looks."""
        return sampling.stages(self.logits, self.rules, self.seen)


def choose(
    model: LanguageModel,
    ids: Sequence[int],
    rules: Rules | None = None,
    seed: int | None = 0,
    index: int = 0,
    reuse: bool = True,
) -> TokenStep:
    """The token after ``ids``.

    Args:
        model: who answers.
        ids: the text so far; the part of it that fits into the window is read, all of it counts as seen.
        rules: how to choose; the model's own distribution if left out.
        seed: of the dart, which is ``sampling.uniform(seed, index)``; None takes the most probable token.
        index: the number of the token, from 0.
        reuse: as for :meth:`LanguageModel.step`.

    Raises:
        ValueError: for ids that the vocabulary does not have, or a seed that is no whole number.
    """
    rules = rules or Rules()
    context, dropped = model.cut(ids)
    logits = model.step(context, reuse)
    dart = None if seed is None else sampling.uniform(seed, index)
    probabilities, seen = sampling.softmax(logits), tuple(ids)
    chosen = pick(logits, probabilities, rules, dart, seen)
    own = float(probabilities[chosen])
    return TokenStep(
        index=index,
        context=tuple(context),
        dropped=dropped,
        logits=logits,
        probabilities=probabilities,
        rules=rules,
        seen=seen,
        dart=dart,
        chosen=chosen,
        raw=model.vocabulary.raw(chosen),
        probability=own,
        rank=sampling.rank(logits, chosen),
        surprisal_bits=-float(np.log2(max(own, 5e-324))) + 0.0,
        entropy_bits=sampling.entropy_bits(probabilities),
        last=chosen in model.ends,
    )


def pick(
    logits: np.ndarray, probabilities: np.ndarray, rules: Rules, dart: float | None, seen: Sequence[int] = ()
) -> int:
    """The token on which ``dart`` lands once the rules have bent the distribution; without one the most probable.

    logits, probabilities: (V,), before any rule. seen: ids that a repetition penalty applies to.
    """
    bent = None if rules == Rules() else sampling.bend(logits, rules, seen)
    if dart is None:
        return int(np.argmax(logits if bent is None else bent))
    return sampling.throw(probabilities if bent is None else sampling.softmax(bent), dart)


def generate(
    model: LanguageModel,
    prompt: str | Sequence[int],
    count: int,
    rules: Rules | None = None,
    seed: int | None = 0,
    reuse: bool = True,
) -> Generator[TokenStep, None, None]:
    """Go on from ``prompt`` for up to ``count`` tokens (1 to 512), or until the model ends the text.

    ``seed`` None is greedy decoding. Whoever stops asking stops the run.

    Raises:
        ValueError: for a number of tokens out of range, or what :func:`choose` refuses.
    """
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST:
        raise ValueError(f"count must be a whole number from 1 to {MOST}, not {count!r:.60}")
    ids = model.encode(prompt) if isinstance(prompt, str) else list(prompt)
    for index in range(count):
        step = choose(model, ids, rules, seed, index, reuse)
        yield step
        if step.last:
            return
        ids.append(step.chosen)


# --- what was written ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Loop:
    """The end of a text that repeats itself: from place ``start`` on, every ``period`` tokens, ``times`` times."""

    start: int
    period: int
    times: int


def find_loop(ids: Sequence[int], times: int = 3, tokens: int = 12, longest: int = 64) -> Loop | None:
    """The loop that a text has fallen into by its end, or None.

    It must go round ``times`` times at least and fill ``tokens`` tokens, so that a refrain or "never, never, never" is
    none. Of several periods the shortest is told.
    """
    known = np.asarray(ids, np.int64)
    for period in range(1, min(longest, len(known) // times) + 1):
        same = known[period:] == known[:-period]
        run = len(same) if same.all() else int(same[::-1].argmin())
        whole = run + period
        if whole >= max(times * period, tokens):
            return Loop(len(known) - whole, period, whole // period)
    return None


def distinct(ids: Sequence[int], n: int) -> float | None:
    """Distinct-n (Li et al. 2016): the share of n-grams that differ from all others before; None for fewer than n."""
    grams = [tuple(ids[i : i + n]) for i in range(len(ids) - n + 1)]
    return len(set(grams)) / len(grams) if grams else None
