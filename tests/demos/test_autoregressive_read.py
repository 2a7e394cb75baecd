"""Read my text: every number is the model's, the later tokens' changes are differences, and nothing typed breaks it."""

import pytest

from demos.autoregressive_parts import drafts, read, read_texts, scene
from demos.autoregressive_parts.read_texts import Side, alike, change, look, swapped
from demos.autoregressive_parts.scene import Scene
from demos.engine import Engine
from tests.demos.driver import controls
from tests.demos.language_page import ODD, Page
from tests.models.conftest import VERSES, small_language

A, B = "Shall I compare thee to a summer day, thou", "Shall I compare thee to a winter day, thou"


@pytest.fixture
def page(monkeypatch):
    """The part over small models."""
    monkeypatch.setattr(drafts, "ENGINE", Engine(slots=1))
    return Page(monkeypatch, read, models={"smollm2": small_language(), "tiny": small_language("gpt2")})


def side(page, text, name="smollm2"):
    """A text that was read."""
    model = page.models[name]
    ids, dropped = model.cut(model.encode(text))
    return Side("", model, model.decode(ids), ids, dropped, list(model.score(ids, reuse=False).tokens))


def test_every_token_is_met_as_the_model_meets_it(page):
    view = page.settled(page.state(text_a=A))["view"]
    score = page.models["smollm2"].score(A, reuse=False)
    text = view["read-texts"]["texts"][0]
    assert [token["id"] for token in text["tokens"]] == [one.id for one in score.tokens]
    for token, one in zip(text["tokens"][1:], score.tokens[1:], strict=True):
        assert (token["s"], token["r"]) == (pytest.approx(one.surprisal_bits, abs=2e-3), one.rank)
        assert token["alts"][0][1] == pytest.approx(one.alternatives[0][1], abs=2e-4)
    assert "s" not in text["tokens"][0]
    assert f"perplexity {score.perplexity:,.1f}" in text["note"]
    assert view["read-curve"]["series"][0]["y"][0] is None
    assert f"{score.perplexity:,.1f}" in str(view["formula"]["lines"])
    assert len(controls(view)) <= 6 and not view["read-texts"].get("streaming")


def test_the_most_surprising_token_is_looked_at_first(page):
    view = page.settled(page.state(text_a=A))["view"]
    bits = [token.get("s", 0) for token in view["read-texts"]["texts"][0]["tokens"]]
    place = bits.index(max(bits))
    assert view["read-texts"]["at"] == [0, place] and view["read-curve"]["index"] == place
    assert f"{max(bits):.1f} bits" in view["see"]
    other = page.settled(page.state(text_a=A), ("read-at", [0, 2]))["view"]
    assert other["read-texts"]["at"] == [0, 2]
    assert other["read-instead"]["rows"][0]["cells"][0]["share"] == 1
    first = page.settled(page.state(text_a=A), ("read-at", [0, 0]))["view"]
    assert not first["read-instead"]["rows"] and "Nothing was predicted" in first["read-instead"]["corner"]


def test_an_alternative_makes_a_second_text_coloured_by_its_change(page):
    answer = page.settled(page.state(text_a=A), ("read-at", [0, 3]))
    row = next(row for row in answer["view"]["read-instead"]["rows"] if row["action"])
    answer = page.settled(answer["state"], (row["action"]["name"], row["action"]["value"]))
    state, view = answer["state"], answer["view"]
    assert state["read_mode"] == "texts" and state["text_a"] == A and state["text_b"] != A
    assert view["read-texts"]["colour"] == "change" and view["read-texts"]["at"] == [1, 3]
    assert page.schema.read(page.schema.query(state))[0] == state


def test_a_word_is_changed_beside_the_text(page):
    answer = page.settled(page.state(text_a=A, text_b="another text", read_at=3), ("read-change", None))
    state, view = answer["state"], answer["view"]
    assert (state["read_mode"], state["text_a"], state["text_b"]) == ("texts", A, A)
    assert view["read-texts"]["colour"] == "change" and "Both texts are the same" in view["see"]
    assert len(controls(view)) <= 6
    view = page.settled(state, ("text_b", B))["view"]
    later = [token for token in view["read-texts"]["texts"][1]["tokens"] if "up" in token]
    assert len(later) >= 2 and "later tokens are the same in both" in view["see"]


def test_changes_are_differences_of_surprisals(page):
    view = page.settled(page.state(read_mode="texts", text_a=A, text_b=B, read_colour="change"))["view"]
    a, b = side(page, A), side(page, B)
    tail = alike(a.ids, b.ids)[1]
    assert tail >= 2
    tokens = view["read-texts"]["texts"][1]["tokens"]
    for i in range(1, tail + 1):
        difference = b.scores[-i].surprisal_bits - a.scores[-i].surprisal_bits
        assert tokens[-i]["up"] == pytest.approx(difference, abs=2e-3)
    assert not any("up" in token for token in tokens[:-tail])
    assert [token.get("kind") for token in tokens].count("new") == len(b.ids) - sum(alike(a.ids, b.ids))
    gone = [token for token in view["read-texts"]["texts"][0]["tokens"] if token.get("kind") == "gone"]
    assert len(gone) == len(a.ids) - sum(alike(a.ids, b.ids))
    total = sum(change(a, b).values())
    assert f"{abs(total):.1f} bits {'more' if total > 0 else 'less'}" in view["see"]


def test_beginnings_and_ends_that_are_alike():
    assert alike([1, 2, 3, 4], [1, 9, 4]) == (1, 1)
    assert alike([1, 2], [1, 2]) == (2, 0)
    assert alike([1, 1, 1], [1, 1]) == (2, 0)
    assert alike([], [1]) == (0, 0) and alike([5], [6]) == (0, 0)


def test_two_models_are_compared_by_the_character(page):
    view = page.settled(page.state(read_mode="models", text_a=A))["view"]
    titles = [text["title"] for text in view["read-texts"]["texts"]]
    assert titles == ["llama", "gpt2"]
    totals = [sum(side(page, A, name).bits) for name in ("smollm2", "tiny")]
    curve = view["read-curve"]
    assert (curve["x"][-1], curve["x_label"]) == (len(A), "character")
    for series, total in zip(curve["series"], totals, strict=True):
        assert len(series["y"]) == len(A) and series["y"] == sorted(series["y"])
        assert series["y"][-1] == pytest.approx(total, abs=2e-3)
    k, place = view["read-texts"]["at"]
    assert curve["index"] == len(page.models["smollm2"].decode(side(page, A).ids[: place + 1])) - 1 and k == 0
    each = [total / len(A) for total in totals]
    assert f"needs {min(each):.2f} bits per character" in view["see"] and f"{max(each):.2f}." in view["see"]


def test_two_models_where_there_is_one(page, monkeypatch):
    monkeypatch.setattr(scene, "HERE", {"smollm2": lambda: True, "tiny": lambda: False})
    view = page.settled(page.state(read_mode="models", text_a=A))["view"]
    assert len(view["read-texts"]["texts"]) == 1
    assert any("tiny is not here" in item.get("label", "") for item in view["rail"]["items"])


def test_a_long_text_is_cut_with_a_note_and_sweeps_in(page, monkeypatch):
    monkeypatch.setattr(read_texts, "STRIDE", 8)
    state = page.state(text_a=VERSES[:900])
    views = [answer["view"] for answer in page.answers(state)]
    coloured = [
        sum("s" in token for token in v["read-texts"]["texts"][0]["tokens"]) for v in views if "read-texts" in v
    ]
    assert coloured == sorted(coloured) and coloured[-1] == len(views[-1]["read-texts"]["texts"][0]["tokens"]) - 1
    model = page.models["smollm2"]
    dropped = model.cut(model.encode(VERSES[:900]))[1]
    assert f"the first {dropped:,} tokens were left out" in views[-1]["read-texts"]["caption"]


def test_only_what_comes_after_an_edit_is_read(page):
    model = page.models["smollm2"]
    text = VERSES[:120]
    answer = page.settled(page.state(text_a=text))
    before = model.computed
    page.settled(answer["state"], ("text_a", text + " end"))
    assert model.computed - before <= 8 < len(model.encode(text))


@pytest.mark.parametrize("mode", ["one", "texts", "models"])
@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_whatever_is_typed_is_read(page, text, mode):
    view = page.settled(page.state(read_mode=mode, text_a=text, text_b="b" + text))["view"]
    tokens = view["read-texts"]["texts"][0]["tokens"]
    shown = "".join(token["t"] for token in tokens)
    assert text.endswith(shown) and (shown == text or "left out" in view["read-texts"]["caption"])
    assert view["see"]


def test_what_cannot_be_done_is_said(page):
    state = page.settled(page.state(text_a=A))["state"]
    assert "at most 2,000" in page.step(state, ("text_a", "x" * 100_000))["error"]
    for odd in (None, 3, [0], [0, 1, 2], [2, 0], [0, -5], [0, "a"], [0, 1.5]):
        assert "error" in page.step(state, ("read-at", odd)), odd
    for odd in (None, [0, 1], [1, 0, 5], [0, 99, 5], [0, 1, 400], [0, 1, "a"], [0, -1, 5]):
        assert "error" in page.step(state, ("read-swap", odd)), odd
    assert "error" in page.step(state, ("read_mode", "three"))


def test_looking_at_a_place(page):
    read_side = side(page, A)
    assert look([read_side], {"read_side": 1, "read_at": 4}) == (0, 4)
    bits = [one.surprisal_bits or 0 for one in read_side.scores]
    assert look([read_side], {"read_side": 0, "read_at": 999}) == (0, bits.index(max(bits)))
    assert look([side(page, "")], {"read_side": 0, "read_at": -1}) == (0, None)
    assert swapped(read_side, 1, read_side.ids[1]) == A


def test_the_page_names_what_is_asked(page):
    requests = read_texts.Page(Scene(page.state(read_mode="texts", text_a=A, text_b=B))).requests
    assert [page.models["smollm2"].decode(request.ids) for request in requests] == [A, B]
