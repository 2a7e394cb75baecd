"""What the part "Faces" computes, as requests: one face with all that could have come instead, or several at once.

A request is all that its result depends on, and so it is its own name in the engine.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from demos.engine import Engine, Run
from demos.widgets.picture import to_uint8
from models import zoo
from models.image_tokens import OPEN, ImageTokens, take
from models.image_tokens_drawing import PatchStep, draw, patches

ENGINE = Engine(kept=16, records=4000)
"""Its records are small, so it keeps more of them than the one that the other tabs share."""
LENGTH, CODES, SIDE, DEPTH = 128, 512, 8, 2
"""Positions of a face, codes that can stand at one, places to a side, strokes at a place."""
FEWEST, MOST = 6, 12
"""Candidates that are shown at a position: those of at least LEAST of the probability, within these bounds."""
LEAST = 0.003
TOGETHER = 4  # positions whose candidates are decoded between two looks at where the visitor is
PATIENCE = 300.0  # seconds that pin, compare and export wait for a drawing
_looked_at: dict["Face", int] = {}  # where somebody looks whose candidates are not there yet


@dataclass(frozen=True)
class Wish:
    """Which model draws, what it is asked for, and how the next code is chosen."""

    data: str
    labels: tuple[tuple[str, str], ...] = ()
    temperature: float = 1.0
    top_k: int = 0
    guidance: float = 1.0

    def draw(self, seeds: Sequence[int], given: Tensor, start: int = 0) -> Iterator[PatchStep]:
        """The steps from position ``start`` on, computed as they are taken."""
        rules = {"temperature": self.temperature, "top_k": self.top_k, "guidance": self.guidance}
        return draw(zoo.image_tokens(self.data), seeds, dict(self.labels), **rules, given=given, start=start)


@dataclass(frozen=True)
class Stroke:
    """One code of one face, and what it was chosen from.

    Attributes:
        index, place, level: the position; which of the 64 places, and which stroke there: 0 rough, 1 fine.
        picture: as it is with this code, (64, 64, 3) uint8. codes: drawn so far, int64 (1, length).
        chosen, rank: the code, and its place among all by probability. dart: in [0, 1); None where a hand chose.
        surprisal, entropy: bits of the code, and of the distribution, by what the model believes.
        drawn: bits of all codes so far.
        of: how many codes there are. best: the most probable ones. belief: their probabilities. chances: the same after
            temperature and top-k.
    """

    index: int
    place: int
    level: int
    picture: np.ndarray
    codes: Tensor
    chosen: int
    rank: int
    dart: float | None
    chance: float
    surprisal: float
    entropy: float
    drawn: float
    of: int
    best: tuple[int, ...]
    belief: tuple[float, ...]
    chances: tuple[float, ...]


@dataclass(frozen=True)
class Other:
    """How the candidates of one position look: patches (C, 8, 8, 3) uint8, in the order of the stroke's ``best``."""

    index: int
    patches: np.ndarray


@dataclass(frozen=True)
class Face:
    """One face: a Stroke for every position, then by and by an Other for each, several to a record.

    picks: codes that a hand chose, with their positions; before the last of them it is the face without that pick.
    """

    wish: Wish
    seed: int
    picks: tuple[tuple[int, int], ...] = ()

    @property
    def engine(self) -> Engine:
        """Who computes it."""
        return ENGINE

    def run(self) -> Run:
        """The run of this request, begun if it was not."""
        return ENGINE.run(self, self.start, LENGTH + LENGTH // TOGETHER)

    def start(self) -> Iterator[Stroke | tuple[Other, ...]]:
        """The strokes in order, then what else could have come."""
        model = zoo.image_tokens(self.wish.data)
        strokes = []
        for stroke in self._strokes(model):
            strokes.append(stroke)
            yield stroke
        left = set(range(len(strokes)))
        while left:  # where somebody looks first, and from there on; they come out the same in any order
            at = _looked_at.get(self, 0)
            chosen = sorted(left, key=lambda i: (i < at, i))[:TOGETHER]
            left.difference_update(chosen)
            yield tuple(Other(i, alternatives(model, strokes[i])) for i in chosen)
        _looked_at.pop(self, None)

    def look_at(self, index: int) -> None:
        """Have the candidates of this position decoded next."""
        if len(_looked_at) > 64:  # those of drawings that nobody waits for any more
            _looked_at.clear()
        _looked_at[self] = index

    def _strokes(self, model: ImageTokens) -> Iterator[Stroke]:
        picks, codes, index, drawn = list(self.picks), model.open(), 0, 0.0
        if picks:
            run = ENGINE.known(replace(self, picks=self.picks[:-1]))
            before = strokes_of(run.records)[: picks[-1][0]] if run else []
            if len(before) == picks[-1][0]:  # the road up to here was drawn already
                yield from before
                picks, index = picks[-1:], len(before)
                codes, drawn = (before[-1].codes, before[-1].drawn) if before else (codes, drawn)
        for position, code in [*picks, (model.length, None)]:
            for step in islice(self.wish.draw([self.seed], codes, index), position - index):
                stroke = _stroke(model, step, drawn)
                codes, drawn = stroke.codes, stroke.drawn
                yield stroke
            if code is not None:
                codes, index = take(model, codes, position, code), position


def _stroke(model: ImageTokens, step: PatchStep, drawn: float) -> Stroke:
    belief, chances, chosen = step.probabilities[0], step.chances[0], int(step.chosen)
    order = belief.topk(min(MOST, len(belief))).indices
    many = int((torch.maximum(belief[order].double(), chances[order]) >= LEAST).sum())
    order = order[: max(FEWEST, many)]
    surprisal = float(-belief[chosen].double().clamp_min(1e-30).log2())
    return Stroke(
        index=step.index,
        place=step.place,
        level=step.level,
        picture=to_uint8(model.decode(step.codes)[0]),
        codes=step.codes,
        chosen=chosen,
        rank=int(step.rank),
        dart=None if step.darts.isnan() else float(step.darts),
        chance=float(chances[chosen]),
        surprisal=surprisal,
        entropy=float(step.entropy_bits),
        drawn=drawn + surprisal,
        of=len(belief),
        best=tuple(order.tolist()),
        belief=tuple(belief[order].tolist()),
        chances=tuple(chances[order].tolist()),
    )


def alternatives(model: ImageTokens, stroke: Stroke) -> np.ndarray:
    """How every candidate of a stroke would look in its place, (C, patch, patch, 3) uint8."""
    found = patches(model, stroke.codes, stroke.index, torch.tensor([stroke.best]))[0]
    return np.stack([to_uint8(patch) for patch in found])


def strokes_of(records: Sequence[Stroke | tuple[Other, ...]]) -> list[Stroke]:
    """The strokes among the records of a face; they come first."""
    return [record for record in records if isinstance(record, Stroke)]


def others_of(records: Sequence[Stroke | tuple[Other, ...]]) -> list[Other]:
    """What else could have come, as far as it is there, in the order of decoding."""
    return [other for record in records if not isinstance(record, Stroke) for other in record]


@dataclass(frozen=True)
class Moment:
    """Several faces half-way: pictures (N, 64, 64, 3) uint8, how many places are drawn, and the bits of each so far."""

    places: int
    pictures: np.ndarray
    bits: tuple[float, ...]


@dataclass(frozen=True)
class Sheet:
    """Several faces drawn in step; a Moment at the beginning and after every ``pace`` places.

    given: for each face codes of the first places, all of the same number of rows; a face with more than those keeps
    its own (nothing is drawn then, and its bits are what the model makes of it). Empty where nothing is given.
    """

    wish: Wish
    seeds: tuple[int, ...]
    given: tuple[tuple[int, ...], ...] = ()
    rows: int = 0
    pace: int = 2

    @property
    def engine(self) -> Engine:
        """Who computes it."""
        return ENGINE

    @property
    def moments(self) -> int:
        """Records of its run."""
        return (SIDE - self.rows) * SIDE // self.pace + 1

    def run(self) -> Run:
        """The run of this request, begun if it was not."""
        return ENGINE.run(self, self.start, self.moments)

    def start(self) -> Iterator[Moment]:
        """The faces as they fill."""
        model = zoo.image_tokens(self.wish.data)
        codes = model.open().repeat(len(self.seeds), 1)
        for row, given in zip(codes, self.given, strict=False):
            row[: len(given)] = torch.tensor(given)
        begin = self.rows * model.side * model.config.depth
        bits = torch.zeros(len(self.seeds), dtype=torch.float64)
        yield self._moment(model, codes, begin, bits)
        for step in self.wish.draw(self.seeds, codes, begin):
            chosen = step.probabilities.gather(1, step.chosen[:, None])[:, 0].double()
            bits = bits - chosen.clamp_min(1e-30).log2()
            if (step.index + 1 - begin) % (self.pace * model.config.depth) == 0:
                yield self._moment(model, step.codes, step.index + 1, bits)

    def _moment(self, model: ImageTokens, codes: Tensor, drawn: int, bits: Tensor) -> Moment:
        shown = codes.clone()
        shown[:, drawn:] = OPEN
        places = drawn // model.config.depth
        pictures = np.stack([veiled(to_uint8(picture), places) for picture in model.decode(shown)])
        return Moment(places, pictures, tuple(bits.tolist()))


def veiled(picture: np.ndarray, places: int) -> np.ndarray:
    """A picture (64, 64, 3) uint8 whose places from number ``places`` on are empty: dark, with a grid."""
    veil = np.full((64, 64, 3), (34, 40, 50), np.uint8)
    veil[::SIDE] = veil[:, ::SIDE] = (58, 66, 78)
    empty = (np.arange(SIDE * SIDE) >= places).reshape(SIDE, SIDE).repeat(64 // SIDE, 0).repeat(64 // SIDE, 1)
    return np.where(empty[..., None], veil, picture)


def missing(data: str) -> str | None:
    """A sentence where the weights of a set are not here, else None."""
    try:
        zoo.image_tokens(data)
    except FileNotFoundError:
        return f"The model that draws {data} token by token is not in this copy of the playground."
    return None


def come(request: Face | Sheet) -> Run:
    """The run of a request, all its pictures drawn.

    Raises:
        ValueError: with a sentence, if it could not be computed, or not soon enough.
    """
    run = request.run()
    ended = run.wait(PATIENCE, LENGTH if isinstance(request, Face) else None)
    if run.failed or not ended:
        raise ValueError(run.failed or "The drawing has to wait too long. Try again when it is quieter here.")
    return run
