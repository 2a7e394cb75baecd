"""Strategies side by side: every column is what it would be alone, and every number is measured on it."""

import time

import pytest

from demos.autoregressive_parts import drafts, strategies, strategies_run
from demos.autoregressive_parts.scene import Scene
from demos.autoregressive_parts.strategies_run import NAMES, ORDER, SAMPLED, SEEDS, contest, found
from demos.engine import Engine
from models import bleu, language_decoding, zoo
from models.language_beams import beam_search
from models.language_decoding import generate
from models.language_together import write_together
from models.sampling import Rules
from tests.demos.driver import controls
from tests.demos.language_page import ODD, Page
from tests.models.conftest import small_language


@pytest.fixture
def page(monkeypatch):
    """The part over small models."""
    monkeypatch.setattr(drafts, "ENGINE", Engine(slots=1))
    return Page(monkeypatch, strategies, models={"smollm2": small_language(), "tiny": small_language("gpt2")})


def result(page, state):
    """All that was written for a state, once it is complete."""
    run = contest(Scene(state)).run()
    assert run.wait(60) and not run.failed
    return found(page.models[state["model"]], run.records)


def written(page, state, name, seed):
    """What one strategy writes alone, without the end."""
    model = page.models[state["model"]]
    rules = Rules(**{name: state[f"strategies_{name}"]}) if name in SAMPLED else Rules()
    steps = generate(model, model.encode(state["prompt"]), state["strategies_tokens"], rules, seed)
    return [step for step in steps if not step.last]


def test_every_column_is_what_it_is_alone(page):
    state = page.state(strategies_tokens=12, strategies_temperature=1.3, strategies_top_k=7)
    columns = result(page, state).columns
    for name, column in zip(NAMES[:-1], columns, strict=False):
        alone = written(page, state, name, state["seed"] if name in SAMPLED else None)
        assert column.ids == [step.chosen for step in alone], name
        bits = [step.surprisal_bits for step in alone]
        assert column.perplexity == pytest.approx(2 ** (sum(bits) / len(bits)), rel=1e-3)
    model = page.models["smollm2"]
    *_, last = beam_search(model, model.encode(state["prompt"]), 12, state["strategies_beams"])
    assert columns[-1].ids == [id for id in last.finished[0].ids if id not in model.ends]
    score = model.score([*model.encode(state["prompt"]), *columns[-1].ids]).tokens[-len(columns[-1].ids) :]
    assert columns[-1].bits == pytest.approx([one.surprisal_bits for one in score], abs=1e-3)
    assert [one.id for one in columns[-1].scores][: len(score)] == columns[-1].ids


def test_self_bleu_is_of_the_texts_of_four_seeds(page):
    state = page.state(strategies_tokens=14, seed=3)
    model, all_found = page.models["smollm2"], result(page, state)
    for k, name in enumerate(NAMES):
        seeds = [3 + i if name in SAMPLED else None for i in range(SEEDS)]
        texts = [model.decode([s.chosen for s in written(page, state, name, seed)]) for seed in seeds]
        expected = bleu.self_bleu([bleu.words(text) for text in texts], ORDER)
        assert all_found.self_bleu(model, k) == pytest.approx(1.0 if name in ("greedy", "beam") else expected)


def test_all_grow_at_the_same_time(page):
    state = page.state(strategies_tokens=10)
    run = contest(Scene(state)).run()
    assert run.wait(60)
    for k in range(1, 11):
        columns = found(page.models["smollm2"], run.records[:k]).columns
        assert all(len(column.ids) == k or column.ended for column in columns[:-1])
        assert len(columns[-1].ids) <= k


def test_the_numbers_are_those_of_the_texts(page):
    state = page.state(strategies_tokens=10)
    *_, final = [answer["view"] for answer in page.answers(state)]
    assert not final["strategies-texts"]["streaming"] and "again" not in final
    rows = {row["label"]: [cell["text"] for cell in row["cells"]] for row in final["strategies-table"]["rows"]}
    columns = result(page, state).columns
    assert rows["perplexity"] == [f"{column.perplexity:,.1f}" for column in columns]
    assert rows["distinct-2"] == [f"{language_decoding.distinct(column.ids, 2):.2f}" for column in columns]
    assert rows["self-BLEU-2"][0] == rows["self-BLEU-2"][-1] == "1.00" and "–" not in rows["self-BLEU-2"]
    least = min(zip([column.perplexity for column in columns], NAMES, strict=True))
    assert f"(perplexity {least[0]:.1f})" in final["see"]
    assert len(controls(final)) <= 6


def test_stop_and_go_on(page, monkeypatch):
    def slowly(*arguments):
        for row in write_together(*arguments):
            time.sleep(0.03)
            yield row

    monkeypatch.setattr(strategies_run, "write_together", slowly)
    began = page.step(page.state(strategies_tokens=30))
    assert began["view"]["play"] == {"name": "strategies-stop", "value": None}
    assert began["view"]["strategies-texts"]["streaming"]
    assert "strategies-stop" in [item.get("name") for item in began["view"]["rail"]["items"]]
    stopped = page.step(began["state"], ("strategies-stop", None))["view"]
    assert stopped["play"]["name"] == "strategies-go-on" and "again" not in stopped
    assert "Stopped at" in stopped["strategies-table"]["caption"]
    *_, last = page.answers(began["state"], ("strategies-stop", None), ("strategies-go-on", None))
    assert last["view"]["strategies-table"]["caption"].startswith("Perplexity")


def test_a_loop_is_flagged(page, monkeypatch):
    state = page.state(strategies_tokens=30)
    columns = result(page, state).columns
    monkeypatch.setattr(language_decoding, "find_loop", lambda ids: language_decoding.Loop(2, 4, 7))
    view = page.settled(state)["view"]
    assert view["strategies-texts"]["texts"][0]["badge"] == "in a loop: 4 tokens, 7 times"
    assert "Greedy and" in view["see"] and "in a loop" in view["see"]
    assert len(columns) == len(view["strategies-texts"]["texts"]) == 7


def test_a_text_is_taken_to_write(page):
    state = page.settled(page.state(strategies_tokens=8))["state"]
    ids = result(page, state).columns[3].ids
    taken = strategies.act(state, "strategies-take", [3, 2])
    assert (taken["part"], taken["taken"]) == ("write", ids[:3])
    for odd in (None, [3], [7, 0], [0, 99], [-1, 0], ["a", 0], [True, 0], {"k": 1}):
        with pytest.raises(ValueError, match="not there any more"):
            strategies.act(state, "strategies-take", odd)
    assert strategies.act(state, "write-go", None) is None


def test_the_link_keeps_the_knobs(page):
    state = page.state(strategies_top_p=0.42, strategies_beams=5, strategies_colour="rank", seed=11)
    assert page.schema.read(page.schema.query(state))[0] == state
    assert page.settled(state)["view"]["strategies-texts"]["texts"][3]["title"] == "Top-p 0.42"


@pytest.mark.parametrize("text", [*ODD, "word " * 390], ids=range(len(ODD) + 1))
def test_whatever_is_typed_is_gone_on_from(page, text):
    view = page.settled(page.state(prompt=text, strategies_tokens=8))["view"]
    assert all(column["tokens"] for column in view["strategies-texts"]["texts"][:1])
    cut = "do not fit" in view["strategies-texts"]["caption"]
    assert cut == (len(page.models["smollm2"].encode(text)) > 64 - 8)


def test_a_model_that_is_not_here_is_said(page, monkeypatch):
    def gone(name):
        raise ValueError("It is gone.")

    state = page.state(strategies_tokens=8)
    request = contest(Scene(state))
    monkeypatch.setattr(zoo, "language", gone)
    run = request.run()
    assert run.wait(10) and run.failed == "It is gone."
