"""The part "Inside" without a browser: merges, weights and layers as the model has them, and what strangers type."""

import numpy as np
import pytest

from demos.autoregressive_parts import inside, inside_tokens, inside_words
from demos.autoregressive_parts.scene import Scene
from demos.widgets.head_grid import HeadGrid
from models import language_inside
from tests.demos.driver import controls
from tests.demos.language_page import ODD, Page


@pytest.fixture
def page(monkeypatch):
    """The part over small models."""
    return Page(monkeypatch, inside)


@pytest.mark.parametrize("view", inside.VIEWS)
@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_every_view_survives_every_text(page, view, text):
    shown = page.view(inside_view=view, prompt=text)
    assert shown["see"] and shown["formula"]["code"]
    assert len(controls(shown)) <= 6
    away = {name for name in inside.WIDGETS if shown[name].get("hidden")}
    assert (
        away
        == set(inside.WIDGETS)
        - {
            "tokens": {"inside-tokens", "inside-ladder", "inside-numbers"},
            "attention": {"inside-heads"},
            "lens": {"inside-lens", "inside-curve"},
        }[view]
    )


# ---- tokens


def test_merges_lead_from_bytes_to_tokens(page):
    text = "thou art more lovely 🙂"
    model = page.models["smollm2"]
    first = page.view(inside_view="tokens", prompt=text, inside_merge=0)["inside-tokens"]["texts"][0]["tokens"]
    assert len(first) == len(text.encode())
    counts = []
    for merge in range(8):
        value = page.view(inside_view="tokens", prompt=text, inside_merge=merge)["inside-tokens"]
        counts.append(len(value["texts"][0]["tokens"]))
    assert counts == sorted(counts, reverse=True) and counts[0] > counts[-1]
    whole = page.view(inside_view="tokens", prompt=text)
    assert len(whole["inside-tokens"]["texts"][0]["tokens"]) == len(model.encode(text))
    numbers = {item["label"]: item["value"] for item in whole["inside-numbers"]["items"]}
    assert (numbers["characters"], numbers["bytes"]) == (len(text), len(text.encode()))
    assert numbers["tokens"] == len(model.encode(text))


def test_the_ladder_of_the_word_that_is_chosen(page):
    state = page.state(inside_view="tokens", prompt="thou art temperate", inside_merge=0)
    rows = page.step(state)["view"]["inside-ladder"]["rows"]
    assert len(rows) == 1 and [piece["t"] for piece in rows[0]["pieces"]] == list("␣temperate"), "the one with most"
    answer = page.step(state | {"inside_merge": 40}, ("inside-word", [0, 0]))
    assert answer["state"]["inside_word"] == 1 and answer["view"]["inside-tokens"]["at"] == [0, 0]
    rows = answer["view"]["inside-ladder"]["rows"]
    steps = page.models["smollm2"].vocabulary.merges("thou")
    assert [[piece["t"] for piece in row["pieces"]] for row in rows] == [
        [piece.decode() for piece in step.pieces] for step in steps
    ]
    assert [row["note"] for row in rows[1:]] == [f"merge {step.rank + 1:,}" for step in steps[1:]]
    assert all(sum(piece["fresh"] for piece in row["pieces"]) == 1 for row in rows[1:])
    wide = page.view(inside_view="tokens", prompt="x" * 200)["inside-ladder"]
    assert all(sum(piece["size"] for piece in row["pieces"]) == 24 for row in wide["rows"])
    for wrong in (None, 3, [0], [0, -1], [0, 9999], ["a", "b"]):
        assert "error" in page.step(state, ("inside-word", wrong))


def test_the_letters_inside_tokens_are_counted(page):
    answer = page.step(page.state(), ("inside-strawberry", None))
    assert answer["state"]["inside_view"] == "tokens" and answer["state"]["prompt"] == "strawberry"
    assert "“strawberry” has 3 × “r”" in answer["view"]["see"]
    assert [piece["mark"] for piece in answer["view"]["inside-ladder"]["rows"][0]["pieces"]].count(True) == 3
    said = inside_words.spelling("r", "strawberry", [b"st", b"raw", b"berry"], [1, 2, 3456])
    assert said == "“strawberry” has 3 × “r” (1 in “raw”, 2 in “berry”); the model gets 1, 2, 3,456."
    assert inside_tokens.commonest("Strawberry") == "r" and inside_tokens.commonest("123") == ""


# ---- attention


def test_the_packed_weights_are_the_models_own(page):
    state = page.state(prompt="Shall I compare thee")
    value = page.step(state)["view"]["inside-heads"]
    model = page.models["smollm2"]
    weights = language_inside.attention(model, model.encode("Shall I compare thee"))
    shape = (value["layers"], value["heads"], len(value["tokens"]))
    assert shape == weights.shape[:3]
    read = HeadGrid.unpack(value["weights"], *shape)
    assert np.abs(read - weights).max() <= 0.5 / 255 + 1e-6
    assert value["token"] == shape[2] - 1, "the last token is looked at first"


def test_weights_are_sent_once_for_each_text(page):
    answer = page.step(page.state())
    mark = answer["view"]["inside-heads"]["mark"]
    answer = page.step(answer["state"], ("look", [1, 2, 3]))
    value = answer["view"]["inside-heads"]
    assert (value["layer"], value["head"], value["token"], value["mark"]) == (1, 2, 3, mark)
    assert "weights" not in value
    assert "Layer 2, head 3" in answer["view"]["see"]
    other = page.step(answer["state"], ("prompt", "Another text"))["view"]["inside-heads"]
    assert "weights" in other and other["mark"] != mark
    lost = page.step(answer["state"], ("look-again", None))["view"]["inside-heads"]
    assert "weights" in lost, "a page that does not have them asks"
    assert "inside_held" not in page.schema.query(answer["state"])


@pytest.mark.parametrize("value", [None, 3, [1, 2], [1, 2, "x"], [1, 2, -1], [1.5, 0, 0], [0, 0, 10**9]])
def test_odd_looks_are_refused(page, value):
    assert "error" in page.step(page.state(), ("look", value))


def test_numbers_out_of_range_are_brought_into_it(page):
    value = page.view(inside_layer=200, inside_head=200, inside_token=128)["inside-heads"]
    assert (value["layer"], value["head"]) == (1, 3) and value["token"] == len(value["tokens"]) - 1
    assert "damaged" not in page.view(prompt="x " * 900)["see"], "a long text is cut"
    assert "left out" in page.view(prompt="x " * 900)["inside-heads"]["caption"]


def test_the_head_that_tells_most_is_found():
    weights = np.zeros((2, 3, 4, 4), np.float32)
    weights[..., 0] = 1.0
    weights[1, 2, 3] = [0.1, 0.8, 0.05, 0.05]
    assert inside_words.telling(weights, 3) == (1, 2)
    assert inside_words.telling(weights, 0) == (0, 0)
    words = inside_words.looks(weights, ["a", "b", "c", "d"], 1, 2, 3)
    assert "“d” looks at “b” 80%, “a” 10%" in words and "In 5 of 6 heads" in words


# ---- the lens


def test_the_last_layer_is_what_the_model_says(page):
    value = page.view(inside_view="lens")["inside-lens"]
    model = page.models["smollm2"]
    logits = model.step(Scene(page.state()).ids, reuse=False)
    best = inside_words.label(model.vocabulary.raw(int(logits.argmax())))
    last = value["rows"][-1]["cells"]
    assert last[0]["t"] == best and last[0]["answer"]
    assert [cell["p"] for cell in last] == sorted((cell["p"] for cell in last), reverse=True)
    assert [row["lead"] for row in value["rows"]].count(True) == 1
    assert len(value["rows"]) == 3


def test_where_the_answer_begins_to_lead():
    rows = np.eye(4)[[0, 2, 1, 2, 2]]
    assert inside_words.leads_from(rows) == 3
    assert inside_words.leads_from(rows[3:]) == 0
    assert inside_words.leads_from(rows[:3]) == 2
    assert "only after the last of 2 layers" in inside_words.lens("x", 0.5, 2, 2)
