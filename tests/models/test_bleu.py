"""BLEU against the worked examples of its paper, and what must hold for any text."""

import math

import numpy as np
import pytest

from models.bleu import bleu, ngrams, precision, self_bleu, words

# Papineni et al. 2002, examples 1 and 2
REFERENCES = [
    words("It is a guide to action that ensures that the military will forever heed Party commands"),
    words(
        "It is the guiding principle which guarantees the military forces always being under the command of the Party"
    ),
    words("It is the practical guide for the army always to heed the directions of the party"),
]
FIRST = words("It is a guide to action which ensures that the military always obeys the commands of the party")
SECOND = words("It is to insure the troops forever hearing the activity guidebook that party direct")


def test_precisions_of_the_paper():
    assert precision(FIRST, REFERENCES, 1) == 17 / 18
    assert precision(FIRST, REFERENCES, 2) == 10 / 17
    assert precision(SECOND, REFERENCES, 1) == 8 / 14
    assert precision(SECOND, REFERENCES, 2) == 1 / 13
    mats = [words("the cat is on the mat"), words("there is a cat on the mat")]
    assert precision(words("the the the the the the the"), mats, 1) == 2 / 7


def test_a_score_by_hand():
    # p1 = 3/4, p2 = 1/3; the reference has five words: BP = e^(1 - 5/4)
    text, reference = words("a b c x"), words("a b d c e")
    assert bleu(text, [reference], 2) == pytest.approx(math.exp(-1 / 4) * math.sqrt(3 / 4 * 1 / 3))
    assert bleu(FIRST, REFERENCES) > 0 == bleu(SECOND, REFERENCES), "the second has no 3-gram in common"


def test_the_reference_nearest_in_length_counts_and_the_shorter_of_two():
    text = words("a b c d")
    assert bleu(text, [words("a b c d e"), words("a b c")], 2) == 1.0
    assert bleu(text, [words("a b c d e"), words("a b c d e f g")], 2) == pytest.approx(math.exp(1 - 5 / 4))


def test_what_must_hold():
    dice = np.random.default_rng(0)
    texts = [[str(word) for word in dice.integers(0, 8, dice.integers(6, 20))] for _ in range(20)]
    for text in texts:
        others = [other for other in texts if other is not text]
        assert bleu(text, [text]) == 1.0
        assert 0 <= bleu(text, others) <= 1
        assert bleu(text, others) == bleu(text, others[::-1])
        assert precision(text, others, 2) >= precision(text, others[:3], 2), "more references can only help"
    assert bleu([], [["a"]]) == 0 == bleu(["a"], [["a"]], 2), "no n-gram, no precision"


def test_self_bleu():
    text = words("to be or not to be, that is the question")
    assert self_bleu([text] * 4) == 1.0
    assert self_bleu([words("a b c d"), words("e f g h"), words("i j k l")]) == 0.0
    assert self_bleu([words("a b c"), words("a b d")], 2) == pytest.approx(math.sqrt(2 / 3 * 1 / 2))
    assert self_bleu([text]) is None and self_bleu([]) is None


def test_words_and_ngrams():
    assert words("Don't stop: עברית 漢字 🙂!") == ["Don", "'", "t", "stop", ":", "עברית", "漢字", "🙂", "!"]
    assert words("") == [] == words(" \n\t")
    assert ngrams(list("abab"), 2) == {("a", "b"): 2, ("b", "a"): 1}
    assert not ngrams(["a"], 2)


def test_nothing_to_compare_with():
    with pytest.raises(ValueError, match="at least one reference"):
        bleu(["a"], [])
    with pytest.raises(ValueError, match="at least one word"):
        bleu(["a"], [["a"]], 0)
