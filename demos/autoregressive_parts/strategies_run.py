"""Seven ways to choose the next token, writing at the same time: what is asked for, and what was written so far."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from demos.autoregressive_parts import drafts
from demos.autoregressive_parts.scene import Scene
from demos.engine import Engine, Run
from demos.stage.state import SEED_LIMIT
from models import bleu, language_decoding, zoo
from models.language import LanguageModel, TokenScore
from models.language_beams import Beam, BeamStep, beam_search
from models.language_decoding import Loop
from models.language_together import Lane, write_together
from models.sampling import Rules

NAMES = ("greedy", "temperature", "top_k", "top_p", "min_p", "typical", "beam")
SAMPLED = NAMES[1:-1]
SEEDS = 4  # texts of each strategy that self-BLEU compares
ORDER = 2  # of its n-grams: texts of forty tokens hardly ever share four words in a row
SECOND = 2


@dataclass(frozen=True)
class Contest:
    """What is asked for: the knob of every strategy, one prompt, one seed."""

    name: str
    ids: tuple[int, ...]
    seed: int
    count: int
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    typical: float
    beams: int

    @property
    def engine(self) -> Engine:
        """Who writes them."""
        return drafts.ENGINE

    def run(self) -> Run:
        """The run, begun if it was not; its records are Ticks, then the tokens of other seeds."""
        return self.engine.run(self, self.start, 2 * self.count + 1)

    def lanes(self, seed: int) -> list[Lane]:
        """The strategies that throw a dart."""
        return [Lane(Rules(**{name: getattr(self, name)}), seed) for name in SAMPLED]

    @property
    def seeds(self) -> list[int]:
        """The seeds that self-BLEU compares, the contest's own first."""
        return [(self.seed + i) % (SEED_LIMIT + 1) for i in range(SEEDS)]

    def start(self) -> Iterator["Tick | Others"]:
        """One token of every strategy at a time; then the texts of the other seeds, in the same way."""
        model = zoo.language(self.name)
        prompt = list(self.ids) or [model.start]
        rows = write_together(model, prompt, [Lane(seed=None), *self.lanes(self.seed)], self.count)
        best: tuple[tuple[int, float], ...] = ()
        sums: dict[tuple[int, ...], float] = {(): 0.0}
        nothing = (None,) * (1 + len(SAMPLED))
        for row, step in zip_longest(rows, beam_search(model, prompt, self.count, self.beams)):
            if step is not None:
                best = _best(step, sums)
            yield Tick(row or nothing, best)
        ids = [id for id, _ in best]
        yield Tick(nothing, best, tuple(model.score([*prompt, *ids]).tokens[-len(ids) :]))
        lanes = [lane for seed in self.seeds[1:] for lane in self.lanes(seed)]
        yield from (Others(row) for row in write_together(model, prompt, lanes, self.count))


def _best(step: BeamStep, sums: dict[tuple[int, ...], float]) -> tuple[tuple[int, float], ...]:
    """The best text of a round as (token, surprisal in bits); ``sums`` keeps ln p of all that were ever kept."""
    kept: tuple[Beam, ...] = (*step.beams, *step.finished)
    sums |= {beam.ids: beam.log_probability for beam in kept}
    ids = max(kept, key=lambda beam: beam.score).ids
    each = [sums[ids[:i]] - sums[ids[: i + 1]] for i in range(len(ids))]
    return tuple((id, bits / math.log(2)) for id, bits in zip(ids, each, strict=True))


@dataclass(frozen=True)
class Tick:
    """One token of every strategy but the last; of beam search the whole best text, at last with its scores."""

    row: tuple[TokenScore | None, ...]
    beam: tuple[tuple[int, float], ...]
    scored: tuple[TokenScore, ...] = ()


@dataclass(frozen=True)
class Others:
    """One token of every strategy that throws darts, for every other seed."""

    row: tuple[TokenScore | None, ...]


@dataclass
class Column:
    """What one strategy wrote. ids without the token that ended it; ended: whether there was one."""

    ids: list[int] = field(default_factory=list)
    bits: list[float] = field(default_factory=list)
    scores: list[TokenScore] = field(default_factory=list)
    ended: bool = False

    def add(self, id: int, bits: float, over: bool) -> None:
        """One token more."""
        if over:
            self.ended = True
        else:
            self.ids.append(id)
            self.bits.append(bits)

    @property
    def perplexity(self) -> float | None:
        """2 to the mean surprisal in bits, by the model's own probabilities."""
        return 2 ** (sum(self.bits) / len(self.bits)) if self.bits else None

    @property
    def distinct(self) -> float | None:
        """The share of pairs of tokens that differ from all before."""
        return language_decoding.distinct(self.ids, SECOND)

    @property
    def loop(self) -> Loop | None:
        """The loop that it ends in."""
        return language_decoding.find_loop(self.ids)


@dataclass(frozen=True)
class Found:
    """All that was written so far.

    columns: one for each of NAMES. others: the texts of the other seeds, seed by seed. ticks, further: records of
    either kind.
    """

    columns: tuple[Column, ...]
    others: tuple[Column, ...]
    ticks: int
    further: int

    def self_bleu(self, model: LanguageModel, k: int) -> float | None:
        """How alike the texts of strategy k are over the seeds; without a dart they are the same, and this is 1."""
        if NAMES[k] not in SAMPLED:
            return 1.0
        place = SAMPLED.index(NAMES[k])
        texts = [self.columns[k], *self.others[place :: len(SAMPLED)]]
        return bleu.self_bleu([bleu.words(model.decode(text.ids)) for text in texts], ORDER)


def found(model: LanguageModel, records: Sequence[Any]) -> Found:
    """The texts that the records of a run add up to."""
    columns = [Column() for _ in NAMES]
    others: list[Column] = []
    ticks = [record for record in records if isinstance(record, Tick)]
    further = [record for record in records if isinstance(record, Others)]
    for tick in ticks:
        _extend(model, columns, tick.row)
    if further:
        others = [Column() for _ in further[0].row]
        for record in further:
            _extend(model, others, record.row)
    if ticks:
        for id, bits in ticks[-1].beam:
            columns[-1].add(id, bits, id in model.ends)
        columns[-1].scores = list(ticks[-1].scored)
    return Found(tuple(columns), tuple(others), len(ticks), len(further))


def _extend(model: LanguageModel, columns: Sequence[Column], row: Sequence[TokenScore | None]) -> None:
    for column, score in zip(columns, row, strict=False):
        if score is not None:
            column.add(score.id, score.surprisal_bits or 0.0, score.id in model.ends)
            column.scores.append(score)


def contest(scene: Scene) -> Contest:
    """What the state asks for; of a long prompt the end that leaves room for the text."""
    state = scene.state
    count = state["strategies_tokens"]
    knobs = {name: state[f"strategies_{name}"] for name in (*SAMPLED, "beams")}
    return Contest(scene.name, tuple(scene.prompt[-(scene.model.window - count) :]), scene.seed, count, **knobs)
