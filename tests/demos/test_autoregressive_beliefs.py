"""The part "What it believes": the chain rule over words, the sentences that follow, and visitors' own pairs."""

import math

import pytest

from demos.autoregressive_parts import beliefs
from models import language_beliefs, sampling
from tests.demos.driver import controls
from tests.demos.language_page import ODD, Page
from tests.models.conftest import small_language


@pytest.fixture
def page(monkeypatch):
    """The part over small models."""
    return Page(monkeypatch, beliefs)


def test_a_words_probability_is_the_product_over_its_tokens():
    llama = small_language()
    word, prompt = "temperate", "thou art more"
    tokens = language_beliefs.word_tokens(llama, word)
    assert len(tokens) > 1 and llama.decode(tokens) == " temperate"
    ids, product = llama.encode(prompt), 1.0
    for token in tokens:
        product *= sampling.softmax(llama.step(ids, reuse=False))[token]
        ids = [*ids, token]
    logs = language_beliefs.word_logs(llama, prompt + "  ", [word, "x"])
    assert math.exp(logs[0]) == pytest.approx(product, rel=1e-4)
    with pytest.raises(ValueError, match="at least one letter"):
        language_beliefs.word_logs(llama, prompt, [" "])
    with pytest.raises(ValueError, match="at least one word"):
        language_beliefs.word_logs(llama, " ", ["x"])


def test_log_odds_are_zero_where_nothing_moves_and_change_sign():
    a, b = [math.log(0.2), math.log(0.1)], [math.log(0.4), math.log(0.05)]
    assert language_beliefs.log_odds_ratio(a, b) == pytest.approx(math.log(4))
    assert language_beliefs.log_odds_ratio(b, a) == pytest.approx(-math.log(4))
    assert language_beliefs.log_odds_ratio(a, a) == 0


def test_ratios_in_words():
    said = beliefs.compared("he", math.log(0.1), math.log(0.31), ("nurse", "engineer"))
    assert said == "“he” is 3.1 times as likely after “engineer” as after “nurse”"
    said = beliefs.compared("she", math.log(0.2), math.log(0.1), ("nurse", "engineer"))
    assert said == "“she” is 2.0 times as likely after “nurse” as after “engineer”"
    assert "as likely after" in beliefs.compared("x", -1.0, -1.0, ("a", "b"))
    assert "over a million times" in beliefs.compared("x", -900.0, -1.0, ("a", "b"))
    see = beliefs.see(["he", "she"], [math.log(0.1), math.log(0.2)], [math.log(0.3), math.log(0.1)], ("nurse", "eng"))
    assert "“he” is 3.0 times" in see and "odds of “he” against “she” grow by a factor of 6.0" in see


def test_every_built_in_pair_has_bars(page):
    for name, pair in beliefs.PAIRS.items():
        answer = page.step(page.state(), ("beliefs_pair", name))
        assert answer["state"]["beliefs_words"] == ", ".join(pair.words)
        bars = answer["view"]["beliefs-bars"]
        assert [row["label"] for row in bars["rows"]] == list(pair.words)
        assert 0 < bars["max"] <= 1 and all(0 < row["a"] <= bars["max"] for row in bars["rows"])
        assert beliefs.named(answer["state"]) == pair.names
        assert len(controls(answer["view"])) <= 6


def test_who_changes_a_text_has_a_pair_of_their_own(page):
    answer = page.step(page.state(), ("beliefs_b", "The baker was late because"))
    assert answer["state"]["beliefs_pair"] == beliefs.OWN
    assert beliefs.named(answer["state"]) == ("nurse", "baker")
    again = page.step(answer["state"], ("beliefs_pair", "late"))
    assert again["state"] | {"part": "beliefs"} == page.state()
    bare = page.view(beliefs_pair="works")
    assert controls(bare)[0]["value"] == "late", "the rail names the texts that are there"
    link = page.schema.query(answer["state"])
    assert page.schema.read(link)[0] == answer["state"]


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_what_strangers_type_is_measured_or_asked_for(page, text):
    for name in ("beliefs_a", "beliefs_b", "beliefs_words"):
        answer = page.step(page.state(), (name, text))
        assert answer["view"]["see"], (name, answer)
    assert beliefs.words_of(" he,, she ,he\nthey , a, b, c, d") == ["he", "she", "they", "a", "b", "c"]
