"""BLEU: how much of a text stands, word for word, in other texts; and self-BLEU, how alike several texts are.

Papineni et al. 2002, "BLEU: a method for automatic evaluation of machine translation", section 2: the geometric mean
of the modified n-gram precisions p_1 ... p_N, times a brevity penalty,

    BLEU = BP exp(sum_n 1/N ln p_n),    BP = 1 for c > r, else exp(1 - r/c)

with the length c of the text and r of the reference that is nearest in length. Nothing is smoothed: a text without a
single n-gram of the longest kind scores 0. Written out here because neither sacrebleu nor nltk is among this project's
requirements; scores of words split in other ways differ.

*Self-BLEU* (Zhu et al. 2018, "Texygen", section 3) takes every one of several texts against all others: 1 where they
are all the same, near 0 where they share nothing.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence


def words(text: str) -> list[str]:
    """A text as words and single marks of punctuation."""
    return re.findall(r"\w+|[^\w\s]", text)


def ngrams(tokens: Sequence[str], n: int) -> Counter:
    """How often every run of ``n`` tokens occurs."""
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def precision(text: Sequence[str], references: Sequence[Sequence[str]], n: int) -> float:
    """The modified n-gram precision: each n-gram counts no more often than in the reference that has it most often."""
    counts = ngrams(text, n)
    most: Counter = Counter()
    for reference in references:
        most |= ngrams(reference, n)
    return (counts & most).total() / counts.total() if counts else 0.0


def bleu(text: Sequence[str], references: Sequence[Sequence[str]], order: int = 4) -> float:
    """BLEU of one text, 0 to 1, with n-grams up to ``order``.

    Args:
        text, references: lists of words; of two references as near in length the shorter one counts.

    Raises:
        ValueError: without any reference, or for an order below 1.
    """
    if not references or order < 1:
        raise ValueError("BLEU needs at least one reference and n-grams of at least one word")
    precisions = [precision(text, references, n) for n in range(1, order + 1)]
    if min(precisions) == 0:
        return 0.0
    nearest = min((abs(len(reference) - len(text)), len(reference)) for reference in references)[1]
    brevity = 1.0 if len(text) > nearest else math.exp(1 - nearest / len(text))
    return brevity * math.exp(sum(map(math.log, precisions)) / order)


def self_bleu(texts: Sequence[Sequence[str]], order: int = 4) -> float | None:
    """The mean BLEU of every text against all others; None for fewer than two."""
    if len(texts) < 2:
        return None
    scores = [bleu(text, [*texts[:i], *texts[i + 1 :]], order) for i, text in enumerate(texts)]
    return sum(scores) / len(scores)
