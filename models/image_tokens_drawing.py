"""Drawing a picture code by code: how the next one is chosen, and everything there is to see while it is.

The transformer gives a score to every code that could come next. Guidance moves the scores towards what was asked for,
temperature and top-k make probabilities of them, and a dart thrown at these decides. The dart of a seed at a position
is always the same, whatever the temperature, the road that was taken, and the other pictures of the batch.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from models import conditions, sampling
from models.image_tokens import OPEN, ImageTokens
from models.image_tokens_transformer import Cache

HOTTEST, STRONGEST = 5.0, 30.0
"""Largest temperature and guidance scale that are accepted."""


def chances(scores: Tensor, temperature: float = 1.0, top_k: int = 0) -> Tensor:
    """Scores (N, K) -> the probabilities (N, K), float64, that the darts are thrown at.

    The rules are those of text (:mod:`models.sampling`): divide by the temperature, drop all but the ``top_k`` largest
    (0 keeps all), softmax. Temperature 0 is the limit: the largest score gets everything, the first of several; below
    a millionth it is taken for 0.
    """
    if temperature < 1e-6:
        return torch.nn.functional.one_hot(scores.argmax(1), scores.shape[1]).double()
    rules = sampling.Rules(temperature=temperature, top_k=top_k)
    rows = [sampling.softmax(sampling.bend(row, rules)) for row in scores.numpy()]
    return torch.from_numpy(np.stack(rows))


@dataclass(frozen=True)
class PatchStep:
    """One code being chosen, for N pictures at once.

    Attributes:
        index, of: position ``index`` (from 0) in the order of drawing, of ``of``.
        place, row, column, level: which patch it belongs to, and which stroke: 0 rough, 1 fine.
        scores: the logits after guidance, (N, K). probabilities: their softmax, (N, K), what the model believes.
        chances: after temperature and top-k, float64 (N, K): what the darts are thrown at.
        entropy_bits: of ``probabilities``, float64 (N,).
        darts: (N,), in [0, 1), thrown at the codes side by side, the most probable first (``sampling.line``); NaN where
            the code was given. chosen: the codes, int64 (N,).
        rank: of the chosen code in ``scores``, (N,); 1 is the most probable, equals count by their number.
        codes: everything drawn so far, this step's included, int64 (N, length).
        candidates: the most probable codes, int64 (N, C), best first. patches: how each would look, cut out of the
            picture that it would be drawn into, (N, C, 3, patch, patch). Both are empty where none were wanted.
    """

    index: int
    of: int
    place: int
    row: int
    column: int
    level: int
    scores: Tensor
    probabilities: Tensor
    chances: Tensor
    entropy_bits: Tensor
    darts: Tensor
    chosen: Tensor
    rank: Tensor
    codes: Tensor
    candidates: Tensor
    patches: Tensor


@torch.inference_mode()
def draw(
    model: ImageTokens,
    seeds: Sequence[int],
    labels: Mapping[str, str] | Sequence[Mapping[str, str]] | None = None,
    temperature: float = 1.0,
    top_k: int = 0,
    guidance: float = 1.0,
    given: Tensor | Sequence | None = None,
    start: int = 0,
    candidates: int = 0,
) -> Iterator[PatchStep]:
    """Draw one picture per seed, code by code, and yield every step; the last step's ``codes`` are complete.

    Args:
        seeds: whole numbers from 0 to 2**32 - 1; the dart of a seed at a position is always the same.
        labels: one condition for all pictures, or one each; None asks for nothing.
        temperature: 0 takes the most probable code, 1 believes the model, above 1 is bolder.
        top_k: how many of the most probable codes may be chosen; 0 is all.
        guidance: w of scores = unconditional + w (conditional - unconditional) (Ho & Salimans 2022, equation 6, on
            logits): 0 asks for nothing, 1 takes the conditional answer. Other scales run the network twice.
        given: codes (length,) or (N, length) that stay as they are; OPEN is drawn. A picture is drawn in reading
            order: what is given further down is kept, but nothing above it knows.
        start: first position that is yielded; all before it must be given, and are read in one go.
        candidates: how many alternatives every step shows, 0 to 32; every one is a picture to decode.

    Raises:
        ValueError: naming an argument that is not allowed.
    """
    codes, asked = _checked(model, seeds, labels, temperature, top_k, guidance, given, start, candidates)
    count = len(codes)
    network = model.transformer
    where = network.start.device
    twice = guidance not in (0, 1) and any(asked)
    wishes = (asked if guidance else [{}] * count) + [{}] * count * twice
    condition = network.asked(conditions.positions(model.conditions, wishes).to(where))
    cache = Cache()
    for index in range(start, model.length):
        scores = network(codes[:, :index].repeat(1 + twice, 1).to(where), condition, cache)[:, -1].cpu()
        if twice:
            wish, free = scores.chunk(2)
            scores = free + guidance * (wish - free)
        belief = scores.softmax(1)
        drawn_from = chances(scores, temperature, top_k)
        thrown = torch.full((count,), float("nan"), dtype=torch.float64)
        for i in (codes[:, index] == OPEN).nonzero()[:, 0].tolist():
            thrown[i] = sampling.uniform(int(seeds[i]), index)
            codes[i, index] = sampling.throw(drawn_from[i].numpy(), float(thrown[i]))
        chosen = codes[:, index].clone()
        best = scores.topk(candidates, 1).indices if candidates else torch.zeros(count, 0, dtype=torch.int64)
        place, row, column, level = model.position(index)
        yield PatchStep(
            index=index,
            of=model.length,
            place=place,
            row=row,
            column=column,
            level=level,
            scores=scores,
            probabilities=belief,
            chances=drawn_from,
            entropy_bits=torch.tensor([sampling.entropy_bits(p) for p in belief.double().numpy()], dtype=torch.float64),
            darts=thrown,
            chosen=chosen,
            rank=torch.tensor([sampling.rank(*one) for one in zip(scores.numpy(), chosen.tolist(), strict=True)]),
            codes=codes.clone(),
            candidates=best,
            patches=patches(model, codes, index, best),
        )


def patches(model: ImageTokens, codes: Tensor, index: int, best: Tensor) -> Tensor:
    """Every candidate ``best`` (N, C) for position ``index`` as a small picture, (N, C, 3, patch, patch).

    Each is cut out of the picture that it would be drawn into, which has the codes (N, length).
    """
    count, wanted = best.shape
    side = model.patch
    if not wanted:
        return torch.zeros(count, 0, 3, side, side)
    tried = codes.repeat_interleave(wanted, 0)
    tried[:, index] = best.flatten()
    _, row, column, _ = model.position(index)
    pictures = model.decode(tried)[:, :, row * side : (row + 1) * side, column * side : (column + 1) * side]
    return pictures.reshape(count, wanted, 3, side, side).clone()


def _checked(model, seeds, labels, temperature, top_k, guidance, given, start, candidates) -> tuple[Tensor, list[dict]]:
    """(codes to start from, one condition per picture) of :func:`draw`'s arguments, or a ValueError."""
    for seed in seeds:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
            raise ValueError(f"seeds must be whole numbers from 0 to {2**32 - 1}, not {seed!r:.60}")
    count = len(seeds)
    if not count:
        raise ValueError("seeds must be at least one")
    one = labels is None or isinstance(labels, Mapping)
    asked = [conditions.check(model.conditions, a) for a in ([labels or {}] * count if one else labels)]
    if len(asked) != count:
        raise ValueError(f"labels must be one condition or {count}, not {len(asked)}")
    for name, value, most in (("temperature", temperature, HOTTEST), ("guidance", guidance, STRONGEST)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise ValueError(f"{name} must be a number from 0 to {most:g}, not {value!r:.60}")
    whole = (("top_k", top_k, model.config.codes), ("start", start, model.length), ("candidates", candidates, 32))
    for name, value, most in whole:
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            raise ValueError(f"{name} must be a whole number from 0 to {most}, not {value!r:.60}")
    codes = model.check(model.open() if given is None else given)
    if len(codes) not in (1, count):
        raise ValueError(f"given must be the codes of one picture or of {count}, not of {len(codes)}")
    codes = codes.expand(count, -1).clone()
    if (codes[:, :start] == OPEN).any():
        raise ValueError(f"start is {start}, but not all codes before it are given")
    return codes, asked
