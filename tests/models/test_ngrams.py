"""The counting baseline: probabilities that sum to one, the equation by hand, and nothing lost on disk."""

import math
from collections import Counter

import numpy as np
import pytest

from models.ngrams import UNKNOWN, NGrams


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_sum_to_one_and_none_is_zero(verses, order):
    model = NGrams.of(verses, order)
    for before in ("", "S", "Sh", "thou ", "zzzz", "§§§§§", verses[:200]):
        p = model.probabilities(before)
        assert p.sum() == pytest.approx(1, abs=1e-12) and (p > 0).all() and p.shape == (len(model.characters),)


def test_likelihoods_of_a_text_are_the_probabilities_one_after_another(verses):
    model, text = NGrams.of(verses, 4), "So long lives this, § and this\ngives LIFE"
    expected = [model.probabilities(text[:i])[model.numbers(text[i])[0]] for i in range(len(text))]
    assert np.allclose(model.likelihoods(text), expected, rtol=1e-12)
    assert model.bits_per_character(text) == pytest.approx(-np.mean(np.log2(expected)))


def test_order_one_is_the_frequencies_of_letters(verses):
    model, counts = NGrams.of(verses, 1), Counter(verses)
    p = model.probabilities("anything")
    once = sum(count == 1 for count in counts.values())
    twice = sum(count == 2 for count in counts.values())
    discount = once / (once + 2 * twice)
    for letter in "eats'":
        back = discount * len(counts) / len(verses) / (len(counts) + 1)
        assert p[model.numbers(letter)[0]] == pytest.approx((counts[letter] - discount) / len(verses) + back)


def test_two_letters_by_hand():
    """Of "abracadabra": N(a .) = 4, a is followed by b twice and by c and d once; equations 24 and 26."""
    model = NGrams.of("abracadabra", 2)
    # bigrams ab 2, br 2, ra 2, ac 1, ca 1, ad 1, da 1: four once, three twice
    upper = 4 / (4 + 6)
    # before a stand r, c, d; before b, c, d, r one each: 7 kinds of pairs; four once, none twice
    lower = 1.0
    uniform = 1 / 6
    of_b = max(1 - lower, 0) / 7 + lower * 5 / 7 * uniform
    of_a = (3 - lower) / 7 + lower * 5 / 7 * uniform
    p = model.probabilities("a")
    assert p[model.numbers("b")[0]] == pytest.approx((2 - upper) / 4 + upper * 3 / 4 * of_b)
    assert p[model.numbers("a")[0]] == pytest.approx(upper * 3 / 4 * of_a)
    assert p[model.numbers(UNKNOWN)[0]] == pytest.approx(upper * 3 / 4 * 5 / 7 * uniform)


def test_longer_grams_guess_better_and_unseen_text_costs_more(verses):
    seen = [NGrams.of(verses, order).bits_per_character(verses) for order in (1, 2, 3, 4)]
    assert sorted(seen, reverse=True) == seen and seen[-1] < 2
    letters = len(NGrams.of(verses, 1).characters)
    half = NGrams.of(verses[:600], 3)
    assert half.bits_per_character(verses[:600]) < half.bits_per_character(verses[600:]) < math.log2(letters)


def test_shorter_models_come_out_of_the_same_counts(verses):
    whole = NGrams.of(verses, 5)
    for order in (1, 2, 4, 5):
        a, b = whole.shorter(order), NGrams.of(verses, order)
        # the last few grams of a text begin no longer one
        assert abs(a.bits_per_character(verses) - b.bits_per_character(verses)) < 0.02
    with pytest.raises(ValueError, match="order must be"):
        whole.shorter(6)


def test_samples_repeat_by_seed_and_read_like_the_text(verses):
    model = NGrams.of(verses, 4)
    text = "".join(model.sample("Shall ", 200, seed=3))
    assert text == "".join(model.sample("Shall ", 200, seed=3)) != "".join(model.sample("Shall ", 200, seed=4))
    assert len(text) == 200 and UNKNOWN not in text
    assert model.bits_per_character(text) < 0.6 * NGrams.of(verses, 1).bits_per_character(text)


def test_a_model_comes_back_from_disk(verses, tmp_path):
    model = NGrams.of(verses, 4)
    model.save(tmp_path / "ngrams")
    again = NGrams.load(tmp_path / "ngrams")
    assert np.array_equal(again.likelihoods(verses), model.likelihoods(verses))
    with pytest.raises(FileNotFoundError):
        NGrams.load(tmp_path)


def test_orders_that_cannot_be_counted_are_refused():
    with pytest.raises(ValueError, match="order must be"):
        NGrams.of("abc", 4)
    with pytest.raises(ValueError, match="too many to number"):
        NGrams.of("".join(map(chr, range(32, 160))), 10)
