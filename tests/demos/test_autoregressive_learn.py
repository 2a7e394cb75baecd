"""The part "Watch it learn" without a browser, on a made-up training: what it says is what the numbers say."""

import pytest

from demos.autoregressive_parts import learn
from models import zoo
from tests.demos.language_page import Page

BITS = [4.2, 3.5, 2.6, 2.0]
REPLAY = {
    "prompts": ["ROMEO.\n", "What is love? "],
    "seed": 7,
    "temperature": 0.8,
    "moments": [
        {
            "step": 10 * k,
            "tokens_seen": 400_000 * k,
            "seconds": 70.0 * k,
            "bits_per_character": bits,
            "perplexity": 2.0 ** (3 * bits),
            "samples": [f"moment {k} <b>${{x}}</b>", f"love {k}"],
        }
        for k, bits in enumerate(BITS)
    ],
    "baselines": [
        {"order": 0, "name": "uniform", "bits_per_character": 6.5, "samples": []},
        {"order": 1, "name": "letter frequencies", "bits_per_character": 4.6, "samples": ["etaoin", "shrdlu"]},
        {"order": 2, "name": "2-grams", "bits_per_character": 3.6, "samples": ["th e", "he th"]},
        {"order": 3, "name": "3-grams", "bits_per_character": 2.5, "samples": ["the an", "and the"]},
    ],
}


@pytest.fixture
def page(monkeypatch):
    """The part over that training."""
    monkeypatch.setattr(zoo, "language_replay", lambda: REPLAY)
    return Page(monkeypatch, learn)


def test_all_moments_are_there_at_once(page):
    view = page.view()
    strip, curve = view[learn.STRIP], view["learn-curve"]
    assert [frame["text"] for frame in strip["frames"]] == [moment["samples"][0] for moment in REPLAY["moments"]]
    assert strip["index"] == 3, "it opens on the end"
    assert curve["series"][0]["y"] == BITS and curve["follows"] == learn.STRIP
    assert [mark["y"] for mark in curve["marks"]] == [6.5, 4.6, 3.6, 2.5]
    assert len(strip["captions"]) == 4 and strip["captions"][0] == "nothing read"


def test_beside_stands_the_best_counting_that_it_beats(page):
    beside = page.view(learn_prompt=1)[learn.STRIP]["beside"]
    assert beside["texts"] == ["shrdlu", "he th", "he th", "and the"]
    assert page.view(learn_beside=False)[learn.STRIP]["beside"] is None


def test_a_frame_moves_the_words_but_only_in_this_part(page):
    answer = page.step(page.state(), ("frame", 2))
    assert answer["state"]["learn_moment"] == 2
    assert "Better than 2-grams (3.60), not yet as good as 3-grams (2.50)." in answer["view"]["see"]
    assert learn.act({"part": "other"}, "frame", 2) is None
    for wrong in (-1, 2.5, "2", 10**6, None):
        assert "error" in page.step(page.state(), ("frame", wrong))


def test_the_ends_are_told_apart(page):
    assert "Before the first step" in page.view(learn_moment=0)["see"]
    assert "Better than 3-grams (2.50): no counting of up to 3 characters does as well" in page.view()["see"]


def test_without_a_record_it_says_so(page, monkeypatch):
    def missing():
        raise FileNotFoundError("replay.json")

    monkeypatch.setattr(zoo, "language_replay", missing)
    assert page.step(page.state())["error"] == "The training of tiny was not recorded."
