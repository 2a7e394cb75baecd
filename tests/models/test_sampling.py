"""Every rule against transformers' own, what they remove, and darts that follow the distribution."""

import math

import numpy as np
import pytest
import torch
from transformers import LogitsProcessorList
from transformers.generation import logits_process as reference

from models import sampling
from models.sampling import Rules

SEEN = [3, 5, 5, 90]
KNOWN = [0.0034386172830752626, 0.21982602306119026, 0.6504489316738362, 0.9588038396911254, 0.5773586931763326]


def logits(seed: int = 0, size: int = 1500) -> np.ndarray:
    """Peaked logits, as a model's are."""
    return np.random.default_rng(seed).normal(0, 3, size)


def theirs(*processors) -> np.ndarray:
    """The probabilities that transformers' processors leave, in float64."""
    scores = LogitsProcessorList(processors)(torch.tensor([SEEN]), torch.from_numpy(logits())[None].clone())
    return scores.softmax(-1)[0].numpy()


def ours(**rules) -> np.ndarray:
    return sampling.softmax(sampling.bend(logits(), Rules(**rules), SEEN))


@pytest.mark.parametrize(
    ("rules", "processors"),
    [
        ({"temperature": 0.3}, [reference.TemperatureLogitsWarper(0.3)]),
        ({"temperature": 2.5}, [reference.TemperatureLogitsWarper(2.5)]),
        ({"top_k": 1}, [reference.TopKLogitsWarper(1)]),
        ({"top_k": 40}, [reference.TopKLogitsWarper(40)]),
        ({"top_k": 5000}, [reference.TopKLogitsWarper(5000)]),
        ({"top_p": 0.01}, [reference.TopPLogitsWarper(0.01)]),
        ({"top_p": 0.9}, [reference.TopPLogitsWarper(0.9)]),
        ({"top_p": 0.9999}, [reference.TopPLogitsWarper(0.9999)]),
        ({"min_p": 0.05}, [reference.MinPLogitsWarper(0.05)]),
        ({"min_p": 1.0}, [reference.MinPLogitsWarper(1.0)]),
        ({"typical": 0.2}, [reference.TypicalLogitsWarper(0.2)]),
        ({"typical": 0.95}, [reference.TypicalLogitsWarper(0.95)]),
        ({"repetition_penalty": 1.3}, [reference.RepetitionPenaltyLogitsProcessor(1.3)]),
        ({"repetition_penalty": 0.7}, [reference.RepetitionPenaltyLogitsProcessor(0.7)]),
        (
            {
                "repetition_penalty": 1.2,
                "temperature": 1.4,
                "top_k": 200,
                "top_p": 0.9,
                "min_p": 0.01,
                "typical": 0.8,
            },
            [
                reference.RepetitionPenaltyLogitsProcessor(1.2),
                reference.TemperatureLogitsWarper(1.4),
                reference.TopKLogitsWarper(200),
                reference.TopPLogitsWarper(0.9),
                reference.MinPLogitsWarper(0.01),
                reference.TypicalLogitsWarper(0.8),
            ],
        ),
    ],
    ids=lambda value: " ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, dict) else "",
)
def test_rules_leave_what_the_processors_of_transformers_leave(rules, processors):
    expected, found = theirs(*processors), ours(**rules)
    assert np.array_equal(found > 0, expected > 0)
    assert np.allclose(found, expected, rtol=1e-9, atol=1e-15)


def test_ties_at_the_border_of_top_k_all_stay_as_in_transformers():
    flat = np.array([1.0, 2.0, 2.0, 2.0, 0.0])
    expected = reference.TopKLogitsWarper(2)(torch.tensor([[0]]), torch.from_numpy(flat)[None]).isfinite()[0]
    assert np.isfinite(sampling.cut_top_k(flat, 2)).tolist() == expected.tolist() == [False, True, True, True, False]


def test_each_stage_tells_what_it_removed():
    rules = Rules(temperature=1.3, top_k=100, top_p=0.8, min_p=0.02, repetition_penalty=1.5)
    found = sampling.stages(logits(), rules, SEEN)
    assert [stage.name for stage in found] == "model repetition_penalty temperature top_k top_p min_p".split()
    assert found[0].removed == 0 and np.array_equal(found[0].after, sampling.softmax(logits()))
    for one, following in zip(found, found[1:], strict=False):
        assert np.array_equal(one.after, following.before)
    for stage in found:
        assert stage.after.sum() == pytest.approx(1, abs=1e-12)
        assert stage.kept == (stage.after > 0).sum()
        assert stage.removed == pytest.approx(stage.before[stage.after == 0].sum(), abs=1e-15)
    by_name = {stage.name: stage for stage in found}
    assert by_name["temperature"].removed == 0 and by_name["repetition_penalty"].removed == 0
    assert by_name["top_k"].kept == 100 and 0 < by_name["top_k"].removed < 1
    assert by_name["top_p"].removed <= 0.2 + 1e-12
    assert np.array_equal(found[-1].after, sampling.softmax(sampling.bend(logits(), rules, SEEN)))


def test_rules_that_are_off_do_nothing():
    assert np.array_equal(sampling.bend(logits(), Rules(), SEEN), logits())
    assert [stage.name for stage in sampling.stages(logits(), Rules(), SEEN)] == ["model"]
    assert [stage.name for stage in sampling.stages(logits(), Rules(repetition_penalty=2), ())] == ["model"]


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", 0), ("temperature", math.nan), ("temperature", 5.1), ("temperature", "1"), ("temperature", None)]
    + [("top_k", -1), ("top_k", 2.5), ("top_k", True), ("top_p", 0), ("top_p", 1.1), ("min_p", -0.1), ("min_p", 2)]
    + [("typical", 0), ("repetition_penalty", 0), ("repetition_penalty", math.inf)],
)
def test_settings_out_of_range_are_refused_by_name(name, value):
    with pytest.raises(ValueError, match=f"{name} must be"):
        Rules(**{name: value})


# ---- the dart


def test_darts_are_these_numbers_and_stay_so():
    """The browser's copy is tested against the same list."""
    found = [sampling.uniform(seed, place) for seed, place in ((0, 0), (7, 0), (7, 1), (8, 0), (2**31 - 1, 511))]
    assert found == KNOWN
    assert all(0 <= u < 1 for u in found)


def test_darts_fill_the_line_evenly_whatever_the_seed_and_the_place():
    several = [
        [sampling.uniform(seed, 3) for seed in range(4000)],
        [sampling.uniform(3, place) for place in range(4000)],
    ]
    for darts in several:
        counts = np.histogram(darts, 50, (0, 1))[0]
        chi_square = ((counts - 80) ** 2 / 80).sum()
        assert 22 < chi_square < 86  # 49 degrees of freedom: outside with a probability of 0.001
        assert abs(np.corrcoef(darts[:-1], darts[1:])[0, 1]) < 0.06


@pytest.mark.parametrize(("seed", "place"), [(-1, 0), (0, -1), (2**32, 0), (1.5, 0), (True, 0), ("1", 0)])
def test_seeds_that_are_no_whole_numbers_are_refused(seed, place):
    with pytest.raises(ValueError, match="must be a whole number"):
        sampling.uniform(seed, place)


def test_darts_follow_the_distribution():
    probabilities = sampling.softmax(logits(1, 12))
    darts = 20_000
    counts = np.bincount([sampling.throw(probabilities, sampling.uniform(5, i)) for i in range(darts)], minlength=12)
    expected = darts * probabilities
    often = expected >= 5
    chi_square = ((counts - expected) ** 2 / expected)[often].sum()
    assert chi_square < 31.3  # 11 degrees of freedom: beyond with a probability of 0.001
    assert counts[~often].sum() <= 20


def test_the_line_is_ordered_by_probability_then_by_id():
    probabilities = np.array([0.1, 0.3, 0.0, 0.3, 0.2, 0.1])
    order, ends = sampling.line(probabilities)
    assert order.tolist() == [1, 3, 4, 0, 5]
    assert ends == pytest.approx([0.3, 0.6, 0.8, 0.9, 1.0])
    places = (0.0, 0.29, 0.31, 0.7, 0.85, 0.95, math.nextafter(1, 0))
    assert [sampling.throw(probabilities, u) for u in places] == [1, 1, 3, 4, 0, 5, 5]


def test_sorting_a_part_is_sorting_all():
    values = np.round(logits(2, 3000), 1)  # with many ties
    whole = sampling.ranking(values)
    assert whole.tolist() == sorted(range(3000), key=lambda i: (-values[i], i))
    for most in (1, 7, 512, 2999, 3000, 9999):
        assert np.array_equal(sampling.ranking(values, most), whole[:most])
    flat = np.full(3000, 1 / 3000)
    for u in (0.0, 0.1, 0.5, 0.99999):
        assert sampling.throw(flat, u) == int(np.searchsorted(np.cumsum(flat), u, side="right"))


def test_a_colder_dart_lands_on_a_token_at_least_as_probable():
    own = sampling.softmax(logits())
    for place in range(200):
        u = sampling.uniform(1, place)
        landed = [sampling.throw(sampling.softmax(logits() / t), u) for t in (2.0, 1.0, 0.5, 0.1)]
        assert (np.diff(own[landed]) >= 0).all()


def test_entropy_and_rank():
    assert sampling.entropy_bits(np.full(8, 1 / 8)) == pytest.approx(3)
    assert str(sampling.entropy_bits(np.array([0.0, 1.0]))) == "0.0"
    assert [sampling.rank(np.array([2.0, 5.0, 2.0]), token) for token in range(3)] == [2, 1, 3]
