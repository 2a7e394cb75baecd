"""The sampling rules as the browser computes them against models/sampling.py and transformers, on the same logits."""

import base64

import numpy as np
import pytest
import torch
from transformers import generation

from models import sampling
from models.sampling import Rules
from tests.browser.test_widgets import blank

DARTS = [0.0, 1e-9, 0.1, 0.3333, 0.5, 0.77, 0.95, 0.9999]
COMPUTE = """([text, seen, all, darts]) => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const field = pgSampling.field(new Float32Array(bytes.buffer), seen);
    return all.map((rules) => {
        const bent = field.bend(rules);
        const { order, p, first, end, stages, entropy } = bent;
        return {
            order: [...order], p: [...p], first, end, entropy,
            stages: stages.map(({ name, removed, kept }) => [name, removed, kept]),
            heads: stages.map(({ before, after }) => [before, after]),
            hits: darts.map((u) => order[pgSampling.throwAt(bent, u)]),
        };
    });
}"""
RULES = [
    Rules(),
    Rules(temperature=0.05),
    Rules(temperature=0.7),
    Rules(temperature=3.0),
    Rules(top_k=1),
    Rules(top_k=50),
    Rules(top_k=5000),
    Rules(top_p=0.01),
    Rules(top_p=0.5),
    Rules(top_p=0.9),
    Rules(top_p=0.99),
    Rules(min_p=0.05),
    Rules(min_p=1.0),
    Rules(typical=0.2),
    Rules(typical=0.9),
    Rules(typical=0.99),
    Rules(repetition_penalty=1.3),
    Rules(repetition_penalty=0.6),
    Rules(temperature=1.4, top_k=100, top_p=0.9, min_p=0.02, typical=0.8, repetition_penalty=1.2),
    Rules(temperature=0.3, top_p=0.95, repetition_penalty=3.0),
    Rules(temperature=2.5, top_k=7, typical=0.5),
]


@pytest.fixture(scope="module")
def scripts(browser):
    """A page with the widgets' scripts, shared by these tests."""
    page = browser.new_page()
    yield blank(page)
    page.close()


def made(kind: str) -> tuple[np.ndarray, list[int]]:
    """Logits float32 (V,) and the ids that occurred."""
    dice = np.random.default_rng(5)
    if kind == "random":
        return dice.normal(0, 3, 3000).astype(np.float32), dice.integers(0, 3000, 60).tolist()
    if kind == "ties":  # a few values, many times each
        return dice.integers(-4, 4, 1200).astype(np.float32) / 2, [3, 3, 700, 9, 41]
    if kind == "flat":
        return np.zeros(64, np.float32), [0, 5]
    if kind == "sure":  # nearly everything underflows
        logits = dice.normal(-400, 60, 2000).astype(np.float32)
        logits[17] = 90
        return logits, [17, 18]
    if kind == "zeros":  # of both signs, and numbers that only a sign tells apart
        return np.array([0.0, -0.0, 1e-3, -1e-3, 2, -2, 2, -2, 0.0], np.float32), [0, 4, 5]
    return np.array([1.5], np.float32), [0]


def computed(page, logits: np.ndarray, seen: list[int], rules: list[Rules]) -> list[dict]:
    """What the browser makes of them."""
    text = base64.b64encode(logits.astype("<f4").tobytes()).decode()
    asked = [{name: getattr(one, name) for name in Rules.__dataclass_fields__} for one in rules]
    return page.evaluate(COMPUTE, [text, seen, asked, DARTS])


@pytest.mark.parametrize("kind", ["random", "ties", "flat", "sure", "zeros", "one"])
def test_the_browser_computes_what_python_computes(scripts, kind):
    logits, seen = made(kind)
    for rules, told in zip(RULES, computed(scripts, logits, seen, RULES), strict=True):
        stages = sampling.stages(logits, rules, seen)
        p = np.zeros(len(logits))
        p[told["order"]] = told["p"]
        assert sorted(told["order"]) == list(range(len(logits)))
        np.testing.assert_allclose(p, stages[-1].after, atol=1e-12, err_msg=str(rules))
        assert p.sum() == pytest.approx(1, abs=1e-12)
        assert [name for name, *_ in told["stages"]] == [stage.name for stage in stages], rules
        for (_, removed, kept), stage in zip(told["stages"], stages, strict=True):
            if stage.name != "model":  # there, what underflows to 0 is counted or not
                assert kept == stage.kept, (rules, stage.name)
            assert removed == pytest.approx(stage.removed, abs=1e-12), (rules, stage.name)
        head = told["order"][: len(told["heads"][0][0])]
        for (before, after), stage in zip(told["heads"], stages, strict=True):
            np.testing.assert_allclose(before, stage.before[head], atol=1e-12)
            np.testing.assert_allclose(after, stage.after[head], atol=1e-12)
        assert told["entropy"] == pytest.approx(sampling.entropy_bits(stages[-1].after), abs=1e-9)
        assert told["hits"] == [sampling.throw(stages[-1].after, u) for u in DARTS], rules


@pytest.mark.parametrize("kind", ["random", "ties"])
def test_the_browser_computes_what_transformers_computes(scripts, kind):
    logits, seen = made(kind)
    rules = [one for one in RULES if one.top_k <= len(logits)]
    for one, told in zip(rules, computed(scripts, logits, seen, rules), strict=True):
        steps = [
            (one.repetition_penalty != 1, generation.RepetitionPenaltyLogitsProcessor(one.repetition_penalty)),
            (one.temperature != 1, generation.TemperatureLogitsWarper(one.temperature)),
            (one.top_k > 0, generation.TopKLogitsWarper(max(1, one.top_k))),
            (one.top_p < 1, generation.TopPLogitsWarper(one.top_p)),
            (one.min_p > 0, generation.MinPLogitsWarper(one.min_p)),
            (one.typical < 1, generation.TypicalLogitsWarper(min(one.typical, 0.9999))),
        ]
        scores = torch.from_numpy(logits.astype(np.float64))[None]
        for on, step in steps:
            if on:
                scores = step(torch.tensor([seen]), scores)
        wanted = torch.softmax(scores, -1)[0].numpy()
        p = np.zeros(len(logits))
        p[told["order"]] = told["p"]
        if kind == "ties" and one.top_p < 1:  # equals at the edge: which of them stay is the library's own order
            assert sorted(p) == pytest.approx(sorted(wanted), abs=1e-9), one
        else:
            np.testing.assert_allclose(p, wanted, atol=1e-9, err_msg=str(one))


def test_the_darts_are_the_same_bits(scripts):
    pairs = [(seed, place) for seed in (0, 1, 7, 12345, 2**31 - 1) for place in (0, 1, 2, 255, 2**20)]
    told = scripts.evaluate("(pairs) => pairs.map(([seed, place]) => pgSampling.uniform(seed, place))", pairs)
    assert told == [sampling.uniform(seed, place) for seed, place in pairs]


def test_the_same_dart_lands_on_the_same_or_a_likelier_token_when_it_is_colder(scripts):
    logits, seen = made("random")
    rules = [Rules(temperature=t) for t in (2.0, 1.5, 1.0, 0.7, 0.3, 0.05)]
    ranks = []
    for told in computed(scripts, logits, seen, rules):
        ranks.append([told["order"].index(hit) for hit in told["hits"]])
    assert (np.diff(np.array(ranks), axis=0) <= 0).all() and ranks[0] != ranks[-1]


def test_a_knob_costs_one_pass_and_no_sorting(scripts):
    """Whole vocabularies: what moves with a hand must not be sorted anew. Counted, not timed."""
    told = scripts.evaluate(
        """() => {
            const logits = Float32Array.from({ length: 49152 }, (_, i) => Math.sin(i * 12.9898) * 8);
            const field = pgSampling.field(logits, [1, 2, 3]);
            const first = field.bend({ temperature: 0.7 });
            const again = field.bend({ temperature: 1.3, top_p: 0.9 });
            return first.order === again.order;
        }"""
    )
    assert told
