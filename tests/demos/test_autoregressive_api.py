"""The named endpoints of the language models: what they answer, that they agree with the models, what they refuse."""

import json
import math

import numpy as np
import pytest
import torch

from demos import autoregressive
from demos import autoregressive_api as api
from demos.describe import describe
from models import language_decoding, sampling, smollm2, zoo
from models.language_beams import beam_search
from models.sampling import Rules
from tests.demos.language_page import ODD
from tests.models.conftest import small_language

NAN, INF = float("nan"), math.inf
PROMPT = "Shall I compare thee"


@pytest.fixture(autouse=True)
def models(monkeypatch) -> dict:
    """Small models of random weights in place of the shipped ones."""
    known = {"tiny": small_language("gpt2"), "smollm2": small_language("llama")}
    monkeypatch.setattr(zoo, "language", known.__getitem__)
    return known


def bare(model, ids: list[int]) -> np.ndarray:
    """Probabilities (T, V) as transformers computes them without a cache."""
    with torch.inference_mode():
        return torch.softmax(model.network(input_ids=torch.tensor([ids])).logits[0].double(), -1).numpy()


# ---- what they answer


@pytest.mark.parametrize("name", zoo.LANGUAGE_MODELS)
def test_the_next_token_over_the_whole_vocabulary(models, name):
    told = api.next_token(name, PROMPT, 7)
    assert told.keys() == {"tokens", "rest", "entropy_bits", "truncated"}
    p = bare(models[name], models[name].encode(PROMPT))[-1]
    best = np.argsort(-p)[:7]
    assert [token["id"] for token in told["tokens"]] == best.tolist()
    assert [token["probability"] for token in told["tokens"]] == pytest.approx(p[best].tolist(), abs=1e-5)
    assert sum(token["probability"] for token in told["tokens"]) + told["rest"] == pytest.approx(1)
    assert told["entropy_bits"] == pytest.approx(-(p * np.log2(p)).sum(), abs=1e-4) and told["truncated"] == 0
    assert all(token["text"] == models[name].decode([token["id"]]) for token in told["tokens"])
    assert len(api.next_token(name, PROMPT)["tokens"]) == 10


def test_long_texts_are_cut_and_tell_how_much(models):
    told = api.next_token("tiny", "compare " * 200)
    whole = models["tiny"].encode("compare " * 200)
    assert told["truncated"] == models["tiny"].cut(whole)[1] > 0
    assert api.next_token("tiny", "x" * 100_000)["truncated"] > 90_000 // 64
    assert len(api.score_text("tiny", "compare " * 200)["tokens"]) == len(whole) - told["truncated"]


@pytest.mark.parametrize("strategy", ["greedy", "sample", "typical"])
def test_texts_are_those_of_generate(models, strategy):
    told = api.generate_text("smollm2", PROMPT, strategy, 12, temperature=1.3, top_k=50, seed=3)
    rules = Rules(temperature=1.3, top_k=50, typical=api.TYPICAL if strategy == "typical" else 1.0)
    seed = None if strategy == "greedy" else 3
    steps = list(language_decoding.generate(models["smollm2"], PROMPT, 12, rules, seed))
    assert [token["id"] for token in told["tokens"]] == [step.chosen for step in steps]
    assert [token["rank"] for token in told["tokens"]] == [step.rank for step in steps]
    for token, step in zip(told["tokens"], steps, strict=True):
        assert token["probability"] == pytest.approx(step.probability, abs=1e-5)
        assert token["entropy_bits"] == pytest.approx(step.entropy_bits, abs=1e-4)
    written = [token["id"] for token in told["tokens"] if token["id"] not in models["smollm2"].ends]
    assert told["text"] == models["smollm2"].decode(written)


@pytest.mark.parametrize("prompt", [PROMPT, "", "compare " * 100])
def test_beams_are_those_of_the_search(models, prompt):
    model = models["tiny"]
    told = api.generate_text("tiny", prompt, "beam", 8)
    start = model.encode(prompt)[-(model.window - 8) :] or [model.start]
    *_, last = beam_search(model, start, 8, api.BEAMS)
    assert [token["id"] for token in told["tokens"]] == list(last.finished[0].ids)
    total = sum(math.log(token["probability"]) for token in told["tokens"])
    assert total == pytest.approx(last.finished[0].log_probability, abs=1e-3)


def test_scores_and_perplexity(models):
    told = api.score_text("tiny", PROMPT)
    ids = models["tiny"].encode(PROMPT)
    p = bare(models["tiny"], ids)
    assert told["tokens"][0] | {"text": ""} == {
        "text": "",
        "id": ids[0],
        "surprisal_bits": None,
        "rank": None,
        "entropy_bits": None,
    }
    bits = [-math.log2(p[i, id]) for i, id in enumerate(ids[1:])]
    assert [token["surprisal_bits"] for token in told["tokens"][1:]] == pytest.approx(bits, abs=1e-3)
    with torch.inference_mode():
        loss = models["tiny"].network(input_ids=torch.tensor([ids]), labels=torch.tensor([ids])).loss
    assert told["perplexity"] == pytest.approx(math.exp(loss), rel=1e-4)
    assert api.score_text("tiny", "") == {"tokens": [], "perplexity": None}
    assert api.score_text("tiny", "a")["perplexity"] is None


def test_the_same_arguments_give_the_same_bytes(models):
    """Whatever was read before: a memory of what was read would change the last digits."""
    asked = [
        lambda: api.next_token("tiny", PROMPT),
        lambda: api.score_text("tiny", PROMPT),
        lambda: api.generate_text("tiny", PROMPT, "sample", 10),
        lambda: api.generate_text("tiny", PROMPT, "beam", 6),
    ]
    first = [json.dumps(ask()) for ask in asked]
    for text in (PROMPT[:9], PROMPT + " to a", PROMPT):
        models["tiny"].score(text)
        models["tiny"].step(models["tiny"].encode(text))
    assert [json.dumps(ask()) for ask in reversed(asked)] == first[::-1]


def test_a_seed_is_a_dart_per_token():
    texts = {api.generate_text("tiny", PROMPT, "sample", 8, seed=seed)["text"] for seed in range(4)}
    assert len(texts) > 1
    assert api.generate_text("tiny", PROMPT, "sample", 8, seed=2) == api.generate_text(
        "tiny", PROMPT, seed=2, max_new_tokens=8
    )


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_whatever_is_asked_is_answered_in_json(text):
    for told in (
        api.next_token("tiny", text),
        api.score_text("tiny", text),
        api.generate_text("tiny", text, "sample", 3),
    ):
        assert json.loads(json.dumps(told)) == told
    assert sum(token["probability"] for token in api.next_token("tiny", text, 100)["tokens"]) <= 1 + 1e-9


def test_a_text_that_ends_has_its_end_among_the_tokens_and_not_in_the_text(models, monkeypatch):
    monkeypatch.setattr(models["tiny"], "ends", frozenset(range(400)))
    told = api.generate_text("tiny", PROMPT, "sample", 5)
    assert len(told["tokens"]) == 1 and told["text"] == ""


# ---- what they refuse


@pytest.mark.parametrize("ask", [api.next_token, api.score_text, api.generate_text])
@pytest.mark.parametrize("name", ["gpt-5", "", None, 3, ["tiny"], NAN])
def test_unknown_models_are_refused_with_the_list(ask, name):
    with pytest.raises(ValueError, match="model must be one of tiny, smollm2"):
        ask(name, "hello")


@pytest.mark.parametrize("text", [None, 3, b"x", ["x"], "x" * 200_001, "a\ud800"])
@pytest.mark.parametrize(
    ("ask", "name"), [(api.next_token, "text"), (api.score_text, "text"), (api.generate_text, "prompt")]
)
def test_texts_that_are_none_are_refused(ask, name, text):
    with pytest.raises(ValueError, match=f"{name} must be a text|half of a surrogate"):
        ask("tiny", text)


@pytest.mark.parametrize("top", [0, 101, 2.5, NAN, None, "3", True])
def test_top_is_a_count(top):
    with pytest.raises(ValueError, match="top must be"):
        api.next_token("tiny", "a", top)


@pytest.mark.parametrize(
    ("argument", "values"),
    [
        ("strategy", ["argmax", None, 1, True]),
        ("max_new_tokens", [0, 513, 1.5, NAN, None, "9", True]),
        ("temperature", [0, -1, 5.1, NAN, INF, None, "1", True]),
        ("top_k", [-1, 0.5, NAN, INF, None, True]),
        ("top_p", [0, 1.1, NAN, None, "1"]),
        ("min_p", [-0.1, 1.1, NAN, None]),
        ("repetition_penalty", [0, 10.5, NAN, INF, None]),
        ("seed", [-1, 2**31, 1.5, NAN, None, "7", True]),
    ],
)
def test_rules_out_of_range_are_refused_by_name(argument, values):
    for value in values:
        with pytest.raises(ValueError, match=f"{argument} must be"):
            api.generate_text("tiny", "a", **{argument: value})


def test_beams_take_no_rules():
    with pytest.raises(ValueError, match="takes no rules"):
        api.generate_text("tiny", "a", "beam", 4, temperature=0.5)


def test_a_model_that_is_not_here_is_said_in_plain_words(monkeypatch):
    monkeypatch.setattr(smollm2, "ready", lambda: None)
    monkeypatch.setattr(zoo, "language", zoo.language_folder)
    for ask in (api.next_token, api.score_text, api.generate_text):
        with pytest.raises(ValueError, match="is not here yet"):
            ask("smollm2", "hello")


def test_describe_names_the_models_that_can_be_asked(monkeypatch):
    for here in ((), ("tiny",), ("tiny", "smollm2")):
        monkeypatch.setattr(zoo, "language_here", lambda name, here=here: name in here)
        assert describe("toons")["language_models"] == list(here)


def test_whether_a_model_is_here_is_asked_of_the_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(smollm2, "ready", lambda: None)
    monkeypatch.setattr(zoo, "WEIGHTS", tmp_path)
    assert not zoo.language_here("tiny") and not zoo.language_here("smollm2")
    (tmp_path / "language-shakespeare").mkdir()
    (tmp_path / "language-shakespeare" / "config.json").write_text("{}")
    assert zoo.language_here("tiny")
    with pytest.raises(ValueError, match="model must be"):
        zoo.language_here("gpt-5")


def test_the_tab_offers_them():
    assert {function.__name__ for function in autoregressive.api()} >= {"next_token", "generate_text", "score_text"}


def test_greedy_is_the_favourite_at_every_place(models):
    told = api.generate_text("smollm2", PROMPT, "greedy", 6)
    ids = models["smollm2"].encode(PROMPT)
    for token in told["tokens"]:
        assert token["id"] == int(np.argmax(sampling.softmax(models["smollm2"].step(ids, reuse=False))))
        ids.append(token["id"])
