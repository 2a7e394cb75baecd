"""What a language model takes for granted: how probable a word is after one prompt and after another.

A word's probability after a prompt is the product over its tokens (the chain rule), the first of them with its space.
Two prompts that differ in one thing are compared by the ratio of these, and two words by their odds:

    log-odds ratio = ln [p(u | b) / p(v | b)] - ln [p(u | a) / p(v | a)]

which is 0 where the difference between the prompts does not move the choice between u and v. Such pairs measure what
a model has learnt of its texts (Sheng et al. 2019; Nadeem et al. 2021), for these words and these wordings: another
wording gives other numbers.
"""

import math
from collections.abc import Sequence

from models.language import LanguageModel, log_softmax


def word_tokens(model: LanguageModel, word: str) -> list[int]:
    """A word as it stands in the middle of a text, with the space before it.

    Raises:
        ValueError: for a word without any letter.
    """
    if not word.strip():
        raise ValueError("a word needs at least one letter")
    return model.encode(f" {word.strip()}")


def word_logs(model: LanguageModel, prompt: str, words: Sequence[str]) -> list[float]:
    """ln p of each of ``words`` after ``prompt``, whose own space at the end does not count.

    Raises:
        ValueError: for an empty word or prompt.
    """
    before = model.encode(prompt.rstrip())
    if not before:
        raise ValueError("a prompt needs at least one word")
    first = log_softmax(model.step(before))
    found = []
    for word in words:
        tokens = word_tokens(model, word)
        total = float(first[tokens[0]])
        for place, token in enumerate(tokens[1:], start=1):
            total += float(log_softmax(model.step([*before, *tokens[:place]]))[token])
        found.append(total)
    return found


def log_odds_ratio(a: Sequence[float], b: Sequence[float]) -> float:
    """How much more the second prompt favours the first of two words than the first prompt does, in nats.

    a, b: ln p of both words after the first and after the second prompt.
    """
    return (b[0] - b[1]) - (a[0] - a[1])


def times(logs_from: float, logs_to: float) -> float:
    """How many times as probable: e to the difference of two ln p."""
    return math.exp(min(700.0, logs_to - logs_from))
