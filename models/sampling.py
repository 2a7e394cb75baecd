"""From logits to one token: every rule that bends the distribution, what each takes away, and a dart that chooses.

A language model answers with one logit per token. Rules bend or cut them one after another, in the order in which
``generate`` of transformers applies them:

    repetition penalty -> temperature -> top-k -> top-p -> min-p -> typical

and :func:`stages` shows the distribution before and after each. The penalty and the temperature bend without taking
anything away for good; the four others set tokens to zero and share their mass among the rest.

*The dart* is a number u in [0, 1), which follows from a seed and the place in the text by integer arithmetic that a
browser repeats bit for bit (:func:`uniform`). The tokens lie side by side on a line of length 1, the most probable
first, equals by their id; the token under u is chosen (:func:`throw`). Since a temperature never changes that order,
the same dart at a lower temperature lands on the same or a more probable token.

Everything is NumPy in float64 and has no state: logits and probabilities are (V,), one number per token.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass, fields

import numpy as np

HEAD = 512
"""Tokens that are sorted at first: a dart nearly always lands among them, and sorting all 49,152 takes longer."""


@dataclass(frozen=True)
class Rules:
    """How the next token is chosen; the defaults leave the model's distribution as it is.

    Attributes:
        temperature: logits are divided by it; over 0, at most 5.
        top_k: only so many of the most probable tokens stay; 0 is off.
        top_p: only the most probable tokens that together reach this mass stay (Holtzman et al. 2020); 1 is off.
        min_p: only tokens at least this share of the most probable one stay (Nguyen et al. 2024); 0 is off.
        typical: only tokens whose surprisal is nearest to the entropy stay, up to this mass (Meister et al. 2023);
            1 is off.
        repetition_penalty: logits of tokens that already occurred are divided by it, negative ones multiplied
            (Keskar et al. 2019); 1 is off.

    Raises:
        ValueError: for a value out of range, naming it.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    min_p: float = 0.0
    typical: float = 1.0
    repetition_penalty: float = 1.0

    def __post_init__(self) -> None:
        for one in fields(self):
            _check(one.name, getattr(self, one.name))


_RANGES = {
    "temperature": ("over 0 and at most 5", lambda x: 0 < x <= 5),
    "top_k": ("a whole number from 0", lambda x: x >= 0 and x == int(x)),
    "top_p": ("over 0 and at most 1", lambda x: 0 < x <= 1),
    "min_p": ("from 0 to 1", lambda x: 0 <= x <= 1),
    "typical": ("over 0 and at most 1", lambda x: 0 < x <= 1),
    "repetition_penalty": ("over 0 and at most 10", lambda x: 0 < x <= 10),
}


def _check(name: str, value: object) -> None:
    words, allowed = _RANGES[name]
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not good or not allowed(value):
        raise ValueError(f"{name} must be {words}, not {value!r:.60}")


@dataclass(frozen=True)
class Stage:
    """One rule at work.

    Attributes:
        name, value: the rule and its setting; the first stage is called "model" and has no setting.
        before, after: the probabilities (V,) on either side of it; tokens that were cut have 0.
        removed: mass of ``before`` on the tokens that this rule cut.
        kept: how many tokens are left.
    """

    name: str
    value: float | None
    before: np.ndarray
    after: np.ndarray
    removed: float
    kept: int


# --- the rules, each from logits to logits ---------------------------------------------------------------------------


def softmax(logits: np.ndarray) -> np.ndarray:
    """exp(l) / sum exp(l), in float64; logits of -inf get exactly 0."""
    raised = np.exp(logits - np.max(logits), dtype=np.float64)
    return raised / raised.sum()


def penalise(logits: np.ndarray, seen: Collection[int], penalty: float) -> np.ndarray:
    """Logits with those of the ``seen`` tokens divided by ``penalty``, or multiplied where negative."""
    places = np.unique(np.fromiter(seen, np.int64, len(seen)))
    bent = logits.astype(np.float64)
    bent[places] = np.where(bent[places] < 0, bent[places] * penalty, bent[places] / penalty)
    return bent


def heat(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Logits divided by the temperature."""
    return logits.astype(np.float64) / temperature


def cut_top_k(logits: np.ndarray, k: int) -> np.ndarray:
    """Only the ``k`` largest logits; whatever equals the last of them stays as well."""
    if k >= len(logits):
        return logits
    return np.where(logits < np.partition(logits, -k)[-k], -np.inf, logits)


def cut_top_p(logits: np.ndarray, p: float) -> np.ndarray:
    """Only the most probable tokens whose mass reaches ``p``: those before which less than ``p`` lies."""
    probabilities = softmax(logits)
    order, cumulative = line(probabilities, p)
    kept = order[: int(np.searchsorted(cumulative, p, side="left")) + 1]
    return _only(logits, kept)


def cut_min_p(logits: np.ndarray, p: float) -> np.ndarray:
    """Only tokens at least ``p`` times as probable as the most probable one."""
    return np.where(logits < np.max(logits) + math.log(p), -np.inf, logits) if p > 0 else logits


def cut_typical(logits: np.ndarray, mass: float) -> np.ndarray:
    """Only tokens whose surprisal is nearest to the entropy, until ``mass`` is reached; equals stay as well."""
    probabilities = softmax(logits)
    with np.errstate(divide="ignore"):
        surprisal = -np.log(probabilities)
    typical = float((probabilities * np.where(probabilities > 0, surprisal, 0.0)).sum())
    strange = np.abs(surprisal - typical)
    order = np.argsort(strange, kind="stable")
    last = int(np.searchsorted(np.cumsum(probabilities[order]), mass, side="left"))
    return np.where(strange > strange[order[min(last, len(order) - 1)]], -np.inf, logits)


def _only(logits: np.ndarray, kept: np.ndarray) -> np.ndarray:
    left = np.full(len(logits), -np.inf)
    left[kept] = logits[kept]
    return left


def _bend(logits: np.ndarray, rules: Rules, seen: Collection[int]):
    """(name, value, logits after it) of every rule that is on, in order."""
    if rules.repetition_penalty != 1 and len(seen):
        logits = penalise(logits, seen, rules.repetition_penalty)
        yield "repetition_penalty", rules.repetition_penalty, logits
    steps = (
        ("temperature", rules.temperature, rules.temperature != 1, heat),
        ("top_k", rules.top_k, rules.top_k > 0, cut_top_k),
        ("top_p", rules.top_p, rules.top_p < 1, cut_top_p),
        ("min_p", rules.min_p, rules.min_p > 0, cut_min_p),
        ("typical", rules.typical, rules.typical < 1, cut_typical),
    )
    for name, value, on, rule in steps:
        if on:
            logits = rule(logits, value)
            yield name, value, logits


def bend(logits: np.ndarray, rules: Rules, seen: Collection[int] = ()) -> np.ndarray:
    """Logits after all rules, float64 (V,), -inf where a token was cut. ``seen``: ids for the repetition penalty."""
    given = np.asarray(logits, np.float64)
    return next((bent for _, _, bent in reversed([*_bend(given, rules, seen)])), given)


def stages(logits: np.ndarray, rules: Rules, seen: Collection[int] = ()) -> list[Stage]:
    """What every rule that is on does to the distribution; the first entry is the model's own distribution."""
    logits = np.asarray(logits, np.float64)
    before = softmax(logits)
    found = [Stage("model", None, before, before, 0.0, int((before > 0).sum()))]
    alive = np.isfinite(logits)
    for name, value, bent in _bend(logits, rules, seen):
        after, left = softmax(bent), np.isfinite(bent)
        found.append(Stage(name, value, before, after, float(before[alive & ~left].sum()), int(left.sum())))
        before, alive = after, left
    return found


# --- the dart --------------------------------------------------------------------------------------------------------


def _mix(x: int) -> int:
    """32 bits well stirred (lowbias32 of Wellons' hash prospector)."""
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    return x ^ x >> 16


def _word(seed: int, place: int, lane: int) -> int:
    word = 0
    for number in (seed, place, lane):
        word = _mix(word + number + 0x9E3779B9 & 0xFFFFFFFF)
    return word


def uniform(seed: int, place: int) -> float:
    """The dart of ``seed`` at ``place``, the number of the token from 0: in [0, 1), with 53 random bits.

    In a browser, the same bits::

        const mix = x => {
          x = Math.imul(x ^ (x >>> 16), 0x7feb352d);
          x = Math.imul(x ^ (x >>> 15), 0x846ca68b);
          return (x ^ (x >>> 16)) >>> 0;
        };
        const word = (...numbers) => numbers.reduce((w, n) => mix((w + n + 0x9e3779b9) | 0), 0);
        const uniform = (seed, place) =>
          ((word(seed, place, 0) >>> 5) * 67108864 + (word(seed, place, 1) >>> 6)) / 9007199254740992;

    Raises:
        ValueError: if one of them is not a whole number from 0 to 2**32 - 1.
    """
    for name, number in (("seed", seed), ("place", place)):
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**32:
            raise ValueError(f"{name} must be a whole number from 0 to {2**32 - 1}, not {number!r:.60}")
    return ((_word(seed, place, 0) >> 5) * 2**26 + (_word(seed, place, 1) >> 6)) / 2**53


def ranking(values: np.ndarray, most: int | None = None) -> np.ndarray:
    """Positions of ``values`` from the largest down, equals by position; only the first ``most`` if that is given."""
    if most is None or most >= len(values):
        return np.argsort(-values, kind="stable")
    least = np.partition(values, -most)[-most]
    near = np.flatnonzero(values >= least)  # in order of position, so a stable sort keeps equals as they should be
    return near[np.argsort(-values[near], kind="stable")][:most]


def line(probabilities: np.ndarray, until: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Tokens side by side, the most probable first: (ids, where each of them ends), at least until mass ``until``.

    The ends are sums from the first token on, one after another, in float64. Tokens of probability 0 are left out.
    """
    for most in (HEAD, None):
        order = ranking(probabilities, most)
        order = order[probabilities[order] > 0]
        ends = np.cumsum(probabilities[order])
        if ends[-1] >= until:
            break
    return order, ends


def throw(probabilities: np.ndarray, u: float) -> int:
    """The token on which a dart at ``u`` in [0, 1) lands: the first that ends beyond it, or the last, by rounding."""
    order, ends = line(probabilities, np.nextafter(u, 1))
    return int(order[min(int(np.searchsorted(ends, u, side="right")), len(order) - 1)])


def entropy_bits(probabilities: np.ndarray) -> float:
    """Shannon's entropy in bits: the mean surprisal of what is about to come."""
    some = probabilities[probabilities > 0]
    return float(-(some * np.log2(some)).sum()) + 0.0  # never -0.0


def rank(values: np.ndarray, token: int) -> int:
    """1 for the token with the largest value; equals count by their id."""
    above = values > values[token]
    return int(above.sum() + (values[:token] == values[token]).sum()) + 1
