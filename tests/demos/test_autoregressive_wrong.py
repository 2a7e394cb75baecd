"""The part "What goes wrong": every failure is computed, measured by what is said of it, and survives any model."""

import time

import pytest

from demos.autoregressive_parts import drafts, wrong
from demos.autoregressive_parts import wrong_cases as cases
from demos.engine import Engine
from models.language import TokenScore
from tests.demos.driver import controls
from tests.demos.language_page import Page
from tests.models.conftest import small_language


@pytest.fixture
def page(monkeypatch):
    """The part over small models, with an engine of its own and short texts."""
    monkeypatch.setattr(drafts, "ENGINE", engine := Engine(slots=1))
    yield Page(monkeypatch, wrong)
    while engine._threads:
        time.sleep(0.01)


@pytest.mark.parametrize("case", wrong.LABELS)
@pytest.mark.parametrize("model", ["smollm2", "tiny"])
def test_every_case_comes_to_a_measured_end(page, case, model):
    answer = page.settled(page.state(wrong_case=case, model=model))
    view = answer["view"]
    shown = view["wrong-meter"]["items"] if case in wrong.WRITTEN else view["wrong-bars"]["rows"]
    assert view["see"] and shown and view["formula"]["code"]
    assert len(controls(view)) <= 6
    assert ("tiny has read Shakespeare" in view["see"]) == (model == "tiny" and case in ("false", "letters"))


def test_the_texts_are_those_of_the_rules(page):
    view = page.settled(page.state(wrong_case="loop"))["view"]
    model = page.models["smollm2"]
    first = view["wrong-texts"]["texts"][0]["tokens"]
    ids = [token["id"] for token in first]
    given = len(model.encode(cases.LOOPING))
    for place in range(given, min(len(ids), given + 12)):
        assert ids[place] == int(model.step(ids[:place], reuse=False).argmax()), "greedy"
    new = [token for token in first if token.get("kind") == "new"]
    assert view["wrong-curve"]["series"][0]["y"][: len(new)] == [token["s"] for token in new]


def test_stop_rests_and_goes_on(page):
    answer = page.step(page.state(wrong_case="heat"))
    if "again" in answer["view"]:
        answer = page.step(answer["state"], ("wrong-stop", None))
        assert "again" not in answer["view"]
        answer = page.step(answer["state"], ("wrong-go-on", None))
    assert page.settled(answer["state"])["view"]["wrong-meter"]["items"]


def scores(ids: list[int], bits: list[float]) -> list[TokenScore]:
    """Made-up tokens."""
    return [TokenScore(id, b"x", one, 1 if one < 3 else 500, 1.0, ()) for id, one in zip(ids, bits, strict=True)]


def test_a_loop_is_told_with_its_measures():
    looped = scores([1, 2, 3, *[7, 8, 9] * 5], [2.0] * 6 + [0.0] * 12)
    free = scores(list(range(18)), [2.0] * 18)
    words, items = cases.loop_words(small_language(), [looped, free])
    assert "repeats 3 tokens 5 times from token 4 on" in words and "had 25% on average, after it 100%" in words
    assert "there is no loop" in words
    assert [item["meaning"] for item in items] == ["3 tokens, 5 times over", "no loop"]
    assert "do not come to a loop" in cases.loop_words(small_language(), [free, free])[0]


def test_heat_is_told_with_its_measures():
    words, items = cases.heat_words(small_language(), [scores([1, 2], [1.0, 1.0]), scores([1, 2], [9.0, 9.0])])
    assert "100% of the tokens come from beyond its hundred best, at 0.7 0%" in words
    assert "perplexity 512 instead of 2.0" in words
    assert [item["text"] for item in items] == ["2.0", "512"]


def test_what_is_false_is_marked_false():
    claim = cases.CLAIMS["capital"]
    assert [cases.verdict(claim, word) for word in (" Sydney", " Canberra", " the")] == ["false", "true", ""]
    assert cases.COUNTED.count("r") == 3 and cases.RIGHT == " three"
    for claim in cases.CLAIMS.values():
        assert not set(claim.false) & set(claim.true) and claim.fact
