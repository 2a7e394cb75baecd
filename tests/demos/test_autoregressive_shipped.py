"""What the stories of the autoregressive tab say, measured on the models that the page shows."""

import json

import numpy as np
import pytest
import torch

from demos import autoregressive as tab
from demos.autoregressive_parts import wrong_cases
from demos.stage import frame
from models import language_beliefs, prompts, sampling, smollm2, zoo
from models.image_tokens_drawing import draw
from models.language_decoding import find_loop, generate
from models.sampling import Rules

fetched = pytest.mark.skipif(smollm2.ready() is None, reason="SmolLM2 was not fetched: make fetch")


@pytest.fixture(scope="module")
def model():
    """The pretrained model."""
    return zoo.language("smollm2")


# ---- one dart, many temperatures


@fetched
def test_the_dart_leaves_paris_when_the_line_is_stretched(model):
    state = tab.SCHEMA.defaults()
    logits = model.step(model.encode(state["prompt"]))
    dart = sampling.uniform(state["seed"], 0)

    def hit(rules: Rules) -> tuple[np.ndarray, int]:
        p = sampling.softmax(sampling.bend(logits, rules))
        return p, sampling.throw(p, dart)

    paris = model.encode(" Paris")[0]
    p, token = hit(Rules())
    assert token == paris and 0.7 < p[paris] < 0.85
    p, token = hit(Rules(temperature=2.0))
    assert token != paris and sampling.rank(p, token) > 20 and p[paris] < 0.1
    p, token = hit(Rules(temperature=2.0, top_k=10))
    assert sampling.rank(p, token) <= 10 and int((p > 0).sum()) == 10


@fetched
def test_the_recorded_first_view_is_what_the_model_says_now():
    for data in zoo.DATA_SETS:
        recorded = json.loads((frame.RECORDINGS / f"autoregressive-{data}.json").read_text())
        live = frame.answer(tab.TAB, tab.SCHEMA.defaults() | {"data": data})
        assert recorded["state"].keys() == live["state"].keys() and recorded["query"] == live["query"]
        assert recorded["view"]["formula"] == live["view"]["formula"]


# ---- what is written, not what is true


@fetched
def test_sydney_comes_before_canberra(model):
    logits = model.step(model.encode("The capital of Australia is"))
    sydney, canberra = (sampling.rank(logits, model.encode(word)[0]) for word in (" Sydney", " Canberra"))
    assert sydney == 1 and canberra == 2


@fetched
def test_it_is_sure_that_the_sun_goes_around_the_earth(model):
    claim = wrong_cases.CLAIMS["sun"]
    p = sampling.softmax(model.step(model.encode(claim.prompt)))
    assert sum(p[model.encode(word)[0]] for word in claim.false) > 0.5


@fetched
def test_the_most_probable_token_again_and_again_makes_a_loop(model):
    written = [step.chosen for step in generate(model, wrong_cases.LOOPING, 120, seed=None)]
    assert any(find_loop(written[:end]) for end in range(24, len(written) + 1, 8))


# ---- it learns what it reads


def test_tiny_ends_below_counting_and_began_far_above():
    replay = zoo.language_replay()
    bits = [moment["bits_per_character"] for moment in replay["moments"]]
    assert bits[0] > 2 * bits[-1] and bits == sorted(bits, reverse=True)
    assert zoo.metrics(zoo.language_folder("tiny"))["bits_per_character"]["score"] < 2.1


# ---- measured, not asserted


@fetched
def test_one_wording_shows_a_difference_that_another_does_not(model):
    def he(a: str, b: str) -> float:
        return language_beliefs.times(*(language_beliefs.word_logs(model, text, ["he"])[0] for text in (a, b)))

    def nurse(a: str, b: str) -> float:
        return language_beliefs.times(*(language_beliefs.word_logs(model, text, ["nurse"])[0] for text in (a, b)))

    assert he("The nurse was late because", "The engineer was late because") > 2
    assert nurse("My father works as a", "My mother works as a") > 4
    assert 1 / 2 < nurse("He works as a", "She works as a") < 2


# ---- the other eye


def test_one_other_patch_makes_another_face_and_leaves_what_was_drawn():
    model = zoo.image_tokens("toons")
    asked = prompts.parse("toons", tab.SCHEMA.defaults()["faces_prompt"]).attributes
    *_, plain = draw(model, [7], asked, guidance=2.0)
    given = plain.codes.clone()
    given[:, 68:] = -1
    given[:, 68] = 364
    steps = list(draw(model, [7], asked, guidance=2.0, given=given, start=68, candidates=8))
    assert 364 in steps[0].candidates[0].tolist() and int(plain.codes[0, 68]) != 364
    assert torch.equal(steps[-1].codes[:, :68], plain.codes[:, :68])
    assert int((steps[-1].codes[:, 69:] != plain.codes[:, 69:]).sum()) > 10


def test_without_temperature_every_seed_draws_the_same_face():
    model = zoo.image_tokens("toons")
    *_, end = draw(model, [7, 8, 9], temperature=0.0)
    assert (end.codes == end.codes[:1]).all()
