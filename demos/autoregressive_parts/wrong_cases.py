"""Four ways in which a language model fails: what is asked, what is measured, and why it happens."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from demos.autoregressive_parts.drafts import Draft, perplexity
from models import sampling
from models.language import LanguageModel, TokenScore
from models.language_decoding import Loop, distinct, find_loop
from models.sampling import Rules

LOOPING = "I am not what I am."
BURNING = "The best way to learn a language is"
HOT = 2.0
MILD = 0.7
Written = Sequence[list[TokenScore]]


@dataclass(frozen=True)
class Claim:
    """The beginning of a statement, ways in which it becomes false, and ways in which it becomes true."""

    label: str
    prompt: str
    false: tuple[str, ...]
    true: tuple[str, ...]
    fact: str


CLAIMS = {
    "sun": Claim(
        "The sun",
        "The sun goes around the",
        (" Earth", " earth"),
        (" galaxy", " centre", " center", " Milky"),
        "The Earth goes around the sun.",
    ),
    "capital": Claim(
        "A capital",
        "The capital city of Australia is",
        (" Sydney", " Melbourne", " Perth"),
        (" Canberra",),
        "It is Canberra.",
    ),
    "sum": Claim("A sum", "Two plus two equals", (" five", " eight", " seven", " three"), (" four",), "It is four."),
}
COUNTED = "strawberry"
COUNTING = f"Q: How many times does the letter r appear in the word {COUNTED}?\nA: The letter r appears"
NUMBERS = (" once", " twice", " three", " four", " five")
RIGHT = " three"


# ---- texts


def loop_drafts(name: str, model: LanguageModel, seed: int) -> tuple[Draft, ...]:
    """Always the most probable token, and the same with a penalty on what was said."""
    ids = tuple(model.encode(LOOPING))
    return (
        Draft(name, ids, Rules(), None, 80),
        Draft(name, ids, Rules(repetition_penalty=1.3), None, 80),
    )


def heat_drafts(name: str, model: LanguageModel, seed: int) -> tuple[Draft, ...]:
    """The same darts, mild and hot."""
    ids = tuple(model.encode(BURNING))
    return tuple(Draft(name, ids, Rules(temperature=heat), seed, 40) for heat in (MILD, HOT))


def loop_words(model: LanguageModel, written: Written) -> tuple[str, list[dict[str, Any]]]:
    """What was measured of the loop, as a sentence and as meters."""
    ids = [[one.id for one in text] for text in written]
    loops = [find_loop(text) for text in ids]
    first = loops[0]
    if first is None:
        words = f"Within {len(ids[0])} tokens the most probable ones do not come to a loop here."
    else:
        inside = mean_probability(written[0][first.start + first.period :])
        before = mean_probability(written[0][: first.start + first.period])
        words = (
            f"Taking the most probable token every time, it repeats {first.period} tokens {first.times} times from "
            f"token {first.start + 1} on. Each round makes the next one surer: up to the end of the first one a token "
            f"had {before:.0%} on average, after it {inside:.0%}."
        )
        words += " With a penalty of 1.3 on what was said there is no loop." if loops[1] is None else ""
    items = []
    for title, text, loop in zip(("always the most probable", "with a penalty of 1.3"), ids, loops, strict=True):
        share = distinct(text, 4)
        items.append(
            {
                "label": f"Distinct-4, {title}",
                "value": share or 0.0,
                "max": 1.0,
                "text": "–" if share is None else f"{share:.0%}",
                "meaning": told(loop),
            }
        )
    return words, items


def told(loop: Loop | None) -> str:
    """A loop in a few words."""
    return "no loop" if loop is None else f"{loop.period} tokens, {loop.times} times over"


def mean_probability(tokens: Sequence[TokenScore]) -> float:
    """The geometric mean of the tokens' probabilities; 0 for none."""
    known = [token.surprisal_bits for token in tokens if token.surprisal_bits is not None]
    return 2.0 ** -(sum(known) / len(known)) if known else 0.0


def heat_words(model: LanguageModel, written: Written) -> tuple[str, list[dict[str, Any]]]:
    """What was measured of the two temperatures."""
    values = [perplexity(text) or 0.0 for text in written]
    tail = [np.mean([(token.rank or 1) > 100 for token in text]) for text in written]
    words = (
        f"At temperature {HOT:g} all logits are halved: {tail[1]:.0%} of the tokens come from beyond its hundred best, "
        f"at {MILD:g} {tail[0]:.0%}. One such token, and what follows has to make sense of nonsense: perplexity "
        f"{values[1]:,.0f} instead of {values[0]:,.1f}."
    )
    most = float(np.log2(model.size))
    items = [
        {
            "label": f"Perplexity at temperature {heat:g}",
            "value": float(np.log2(max(1.0, value))),
            "max": most,
            "text": f"{value:,.1f}" if value < 99.5 else f"{value:,.0f}",
            "meaning": f"the bar is logarithmic, up to all {model.size:,} tokens",
        }
        for heat, value in zip((MILD, HOT), values, strict=True)
    ]
    return words, items


# ---- probabilities


def shares(model: LanguageModel, prompt: str, words: Sequence[str]) -> tuple[np.ndarray, list[float]]:
    """The whole distribution after a prompt, and the probability of the first token of each word."""
    p = sampling.softmax(model.step(model.encode(prompt)))
    return p, [float(p[model.encode(word)[0]]) for word in words]


def verdict(claim: Claim, text: str) -> str:
    """Whether a token makes a claim false, true or neither, as far as is known here."""
    return "false" if text in claim.false else "true" if text in claim.true else ""


def claim_words(model: LanguageModel, claim: Claim) -> tuple[str, list[dict[str, Any]]]:
    """How sure the model is of what is false."""
    p, false = shares(model, claim.prompt, claim.false)
    true = shares(model, claim.prompt, claim.true)[1]
    top = np.argsort(-p, kind="stable")[:5]
    names = [model.decode([int(id)]) for id in top]
    items = [row(name, float(p[id]), verdict(claim, name)) for name, id in zip(names, top, strict=True)]
    opening = f"“{claim.prompt}{names[0]}”: {p[top[0]]:.0%}."
    if verdict(claim, names[0]) == "false":
        opening += f" {claim.fact} It says what is false with {sum(false):.0%} in all"
        opening += f", what is true with {sum(true):.0%}." if sum(true) >= 0.005 else ", and hardly ever what is true."
    return (
        f"{opening} A probability says how often texts go on like this, not whether they are right: nothing in it was "
        "trained to be true.",
        items,
    )


def count_words(model: LanguageModel) -> tuple[str, list[dict[str, Any]]]:
    """Letters that are there, tokens that are seen, and what it makes of it."""
    ids = model.encode(f" {COUNTED}")
    p = shares(model, COUNTING, NUMBERS)[1]
    pieces = [model.decode([id]).strip() for id in ids]
    letters = COUNTED.count("r")
    best = NUMBERS[int(np.argmax(p))]
    words = (
        f"“{COUNTED}” has {len(COUNTED)} letters, {letters} of them r. The model is given {len(ids)} "
        f"{'token' if len(ids) == 1 else 'tokens'}: {' | '.join(pieces)}. Asked how often, it finds “{best.strip()}” "
        f"likeliest of these ({max(p):.1%}), “{RIGHT.strip()}” has {p[NUMBERS.index(RIGHT)]:.1%}: it never saw the "
        "letters, and can only remember what texts say about them."
    )
    rows = [row(word, share, "true" if word == RIGHT else "false") for word, share in zip(NUMBERS, p, strict=True)]
    # half the stage is theirs: one sentence is enough
    return words, [one | {"text": one["text"] if one["tone"] == "good" else ""} for one in rows]


def row(word: str, share: float, said: str) -> dict[str, Any]:
    """A row of the widget PairBars with one side; said: "true", "false" or ""."""
    tone = {"true": "good", "false": "bad"}.get(said)
    return {"label": word.strip() or "␣", "b": share, "text": f"This is {said}." if said else "", "tone": tone}
