"""Part "Write": typing, taking, going back, opening earlier places, runs, loops, and what the page is sent."""

import base64
import json

import numpy as np
import pytest

from demos import autoregressive
from demos.autoregressive_parts import readings, scene, words, write, write_moves
from demos.autoregressive_parts.write_moves import ROADS, left
from demos.autoregressive_parts.write_text import MOST
from demos.stage import frame
from models import language_decoding, sampling, smollm2, zoo
from models.sampling import Rules
from tests.demos.language_page import ODD
from tests.models.conftest import small_language

TAB = autoregressive.TAB


class Driver:
    """The tab over small models, driven as the page drives it: the state is the last answer's."""

    def __init__(self, monkeypatch, **changes) -> None:
        self.models = {"smollm2": small_language("llama"), "tiny": small_language("gpt2")}
        monkeypatch.setattr(zoo, "language", self.models.__getitem__)
        monkeypatch.setattr(scene, "HERE", {name: lambda: True for name in self.models})
        monkeypatch.setattr(write_moves, "BUDGET", 0)  # one token in each request, however fast it is
        self.step, self.open, *_ = frame.handlers(TAB)
        state = TAB.schema.check(TAB.schema.defaults() | {"prompt": "Shall I compare"} | changes)
        self.take(self.open({"state": state}))

    @property
    def model(self):
        return self.models[self.state["model"]]

    def take(self, answer: dict) -> dict:
        assert "error" not in answer, answer
        self.state, self.view, self.query = answer["state"], answer["view"], answer["query"]
        return self.view

    def do(self, name: str, value=None, live: bool = False) -> dict:
        return self.take(self.ask(name, value, live))

    def ask(self, name: str, value=None, live: bool = False) -> dict:
        return self.step({"state": self.state, "actions": [{"name": name, "value": value}], "live": live})

    def run(self, action: str, most: int = 10_000) -> list[dict]:
        """A run until it ends or `most` requests were answered; the live views."""
        self.do(action)
        views = []
        while "again" in self.view and len(views) < most:
            again = self.view["again"]["action"]
            views.append(self.do(again["name"], again["value"], live=True))
        if "again" not in self.view:
            self.take(self.step({"state": self.state, "actions": []}))
        return views

    @property
    def ids(self) -> list[int]:
        return [*self.model.encode(self.state["prompt"]), *self.state["taken"]]

    def shown(self, text: int = 0) -> list[dict]:
        return self.view["write-tokens"]["texts"][text]["tokens"]


@pytest.fixture
def page(monkeypatch):
    """The part with three words."""
    return Driver(monkeypatch)


def logits(view: dict) -> np.ndarray:
    return np.frombuffer(base64.b64decode(view["write-board"]["logits"]), "<f4")


# ---- the first view


def test_the_board_gets_the_true_logits_of_the_whole_vocabulary(page):
    board = page.view["write-board"]
    np.testing.assert_allclose(logits(page.view), page.model.step(page.ids, reuse=False), atol=1e-4)
    assert len(logits(page.view)) == page.model.size
    assert set(board["seen"]) == set(page.ids)
    texts = dict(board["texts"])
    best = int(np.argmax(logits(page.view)))
    assert texts[best] == words.named(page.model, best)
    assert board["dart"] == {"seed": 7, "place": 0}
    json.dumps(page.view)


def test_the_text_tells_how_the_model_met_every_token(page):
    tokens, rows = page.shown(), page.model.score(page.ids).tokens
    assert "".join(token["t"] for token in tokens) == page.state["prompt"]
    assert "s" not in tokens[0]
    for token, row in zip(tokens[1:], rows[1:], strict=True):
        assert token["s"] == pytest.approx(row.surprisal_bits, abs=2e-3) and token["r"] == row.rank
        assert token["h"] == pytest.approx(row.entropy_bits, abs=2e-3)
        assert token["alts"][0][1] == pytest.approx(row.alternatives[0][1], abs=1e-4)


def test_at_most_six_controls_are_seen(page):
    items = page.view["rail"]["items"]
    assert len([item for item in items if item["kind"] not in ("drawer", "text")]) == 6
    knobs = [item for item in items if item["kind"] == "slider"]
    assert len(knobs) == 4 and all(item["local"] for item in knobs)


def test_the_formula_has_the_numbers_of_the_favourite(page):
    page.do("temperature", 0.5)
    p = sampling.softmax(sampling.heat(page.model.step(page.ids), 0.5))
    numbers = [piece["n"] for line in page.view["formula"]["lines"] for piece in line if isinstance(piece, dict)]
    assert numbers[0] == "0.50" and numbers[-1] == f"{p.max():.4f}"


# ---- what is sent


def test_logits_are_sent_once_and_again_whenever_the_page_may_not_have_them(page):
    assert "logits" in page.view["write-board"]
    for name, value in (("temperature", 0.4), ("top_p", 0.5), ("seed", 12), ("write_colour", "rank")):
        page.do(name, value)
        assert "logits" not in page.view["write-board"], name
    page.do("take", 20)
    assert "logits" in page.view["write-board"]
    assert "logits" in page.take(page.open({"query": page.query}))["write-board"]


def test_a_page_that_lacks_them_gets_them(page):
    page.do("temperature", 0.4)
    assert "logits" not in page.view["write-board"]
    page.do("write-send")
    assert "logits" in page.view["write-board"]


def test_a_knob_makes_no_model_read(page):
    before = page.model.computed
    for temperature in (0.3, 1.7):
        page.do("temperature", temperature)
    assert page.model.computed == before


def test_the_word_under_the_dart_is_always_sent(page):
    for seed in (1, 2, 3):
        page.do("temperature", 3.0)
        page.do("seed", seed)
        p = sampling.softmax(sampling.bend(page.model.step(page.ids), Rules(temperature=3.0)))
        hit = sampling.throw(p, sampling.uniform(seed, 0))
        assert hit in dict(page.view["write-board"]["texts"])


# ---- choosing


def test_taking_and_going_back(page):
    page.do("take", 30)
    page.do("take", 31)
    assert page.state["taken"] == [30, 31]
    assert [token.get("kind") for token in page.shown()[-2:]] == ["new", "new"]
    assert page.view["write-board"]["dart"]["place"] == 2
    page.do("write-back")
    assert page.state["taken"] == [30] and page.state["roads"] == [[30, 31]]
    page.do("write-over")
    assert page.state["taken"] == []
    page.do("write-back")
    assert page.state["prompt"] == page.model.decode(page.model.encode("Shall I compare")[:-1])


def test_who_goes_back_at_the_beginning_stays_there(page):
    page.do("prompt", "")
    page.do("write-back")
    assert page.state["prompt"] == "" and page.shown() == []
    page.do("write-send")
    np.testing.assert_allclose(logits(page.view), page.model.step([]), atol=1e-4)


def test_an_earlier_place_opens_and_another_token_there_keeps_what_follows(page):
    for id in (30, 31, 32, 33):
        page.do("take", id)
    start = len(page.model.encode("Shall I compare"))
    before = page.model.score(page.ids).tokens
    page.do("write-open", [0, start + 1])
    assert page.state["at"] == start + 1
    assert page.view["write-board"]["here"] == 31
    assert np.array_equal(logits(page.view), readings.answer(page.model, page.ids[: start + 1]))
    page.do("take", 99)
    assert page.state["taken"] == [30, 99, 32, 33] and page.state["roads"] == [[30, 31, 32, 33]]
    after = page.model.score(page.ids).tokens
    assert page.view["write-tokens"]["colour"] == "change"
    for i in (-2, -1):
        moved = after[i].surprisal_bits - before[i].surprisal_bits
        assert page.shown()[i]["up"] == pytest.approx(moved, abs=0.02)
    assert "up" not in page.shown()[start + 1]
    page.do("write-open", [0, start + 1])
    assert page.state["at"] == -1, "the place that is open closes"
    page.do("take", 5)
    assert page.view["write-tokens"]["colour"] == "surprisal", "what changed is told until the text goes on"


def test_a_token_of_the_prompt_can_be_another(page):
    page.do("take", 40)
    old = page.ids
    page.do("write-open", [0, 1])
    page.do("take", 50)
    assert page.ids[0] == old[0] and page.ids[1] == 50 and page.ids[-1] == 40
    assert page.model.decode(page.ids) == page.model.decode([old[0], 50, *old[2:]])


def test_throwing_again_is_another_seed(page):
    page.do("throw")
    assert page.state["seed"] != 7 and page.state["taken"] == []
    assert "logits" not in page.view["write-board"]


def test_roads_left():
    state = {"taken": [1, 2, 3], "roads": [[9]]}
    assert left(state, [1, 2]) == [[9], [1, 2, 3]]
    assert left(state, [1, 2, 3, 4]) == [[9]], "only going on leaves no road"
    assert left({"taken": [], "roads": []}) == []
    assert left({"taken": [9], "roads": [[9], [8]]}, [7]) == [[8], [9]]
    many = {"taken": [99], "roads": [[k] for k in range(ROADS)]}
    assert left(many) == [*[[k] for k in range(1, ROADS)], [99]]


# ---- typing


def test_typing_changes_the_text_and_tells_what_that_did(page):
    page.do("take", 30)
    words = page.model.decode(page.ids)
    assert page.view["write-field"]["items"][0]["value"] == words
    page.do("prompt", words)
    assert page.state["taken"] == [30], "nothing was typed"
    page.do("prompt", words.replace("Shall", "Will"))
    assert page.state["taken"] == [] and page.state["prompt"] == words.replace("Shall", "Will")
    assert page.view["write-tokens"]["colour"] == "change"
    assert any("up" in token for token in page.shown())


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_whatever_is_typed_is_read(page, text):
    view = page.do("prompt", text)
    assert view["write-field"]["items"][0]["value"] == text
    read = b"".join(bytes.fromhex(t["raw"]) if "raw" in t else t["t"].encode() for t in page.shown())
    assert text.encode().endswith(read)
    page.run("write-go", 3)
    assert page.take(page.open({"query": page.query}))["write-field"]["items"][0]["value"].startswith(text)


def test_a_text_that_does_not_fit_is_cut_with_a_note(page):
    page.do("prompt", "compare thee " * 150)
    assert "do not fit" in page.view["write-tokens"]["caption"]
    assert len(page.shown()) <= page.model.window
    page.do("write-open", [0, 0])
    assert page.state["at"] == len(page.ids) - len(page.shown())


@pytest.mark.parametrize("text", ["x" * 2001, "x" * 100_000, 5, None, ["a"], "a\ud800"])
def test_texts_that_cannot_be_are_refused(page, text):
    answer = page.ask("prompt", text)
    assert 10 < len(answer["error"]) < 300
    assert "Traceback" not in answer["error"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("take", -1),
        ("take", 400),
        ("take", "1"),
        ("take", None),
        ("take", 1.5),
        ("write-open", None),
        ("write-open", [0]),
        ("write-open", [0, -1]),
        ("write-open", ["a", {}]),
        ("write-run", 10**9),
        ("temperature", 0),
        ("temperature", "hot"),
        ("top_k", 2.5),
        ("model", "gpt-5"),
        ("taken", [1] * 257),
        ("taken", ["a"]),
        ("roads", [[1, "b"]]),
        ("write_before", "x"),
    ],
)
def test_what_makes_no_sense_is_refused(page, name, value):
    before = page.state
    answer = page.ask(name, value)
    if name == "write-run":  # no run is on: nothing to do
        assert answer["state"]["taken"] == before["taken"]
    else:
        assert 10 < len(answer["error"]) < 300


# ---- runs


def test_a_run_writes_what_generate_writes(page):
    views = page.run("write-go", 6)
    page.do("write-stop")
    written = page.state["taken"]
    ids = page.model.encode("Shall I compare")
    steps = list(language_decoding.generate(page.model, ids, len(written), Rules(), 7))
    assert written == [step.chosen for step in steps] and len(written) >= 6
    assert not page.state["running"]
    assert all(view["write-tokens"]["append"]["tokens"] for view in views)


def test_what_a_run_sends_adds_up_to_the_text(page):
    tokens = list(page.shown())
    for view in page.run("write-go", 5):
        append = view["write-tokens"]["append"]
        assert append["from"] == len(tokens)
        tokens = tokens[: append["from"]] + append["tokens"]
        preview = view["write-board"]["preview"]
        total = sum(row["p"] for row in preview["rows"]) + preview["rest"]["p"]
        assert total == pytest.approx(1) and sum(row["hit"] for row in preview["rows"]) == 1
        assert preview["line"]["id"] == append["tokens"][-1]["id"]
        assert "logits" not in view["write-board"]
        assert len(json.dumps(view)) < 20_000
    page.do("write-stop")
    assert page.shown() == tokens
    assert "logits" in page.view["write-board"]


def test_a_run_ends_with_the_text_or_when_it_is_full(page, monkeypatch):
    monkeypatch.setattr(page.model, "ends", frozenset(range(0, 400, 3)))
    page.run("write-go")
    assert page.state["taken"][-1] % 3 == 0 and not page.state["running"]
    assert "ended" in page.view["write-board"]["title"]
    assert page.view["write-board"]["here"] == page.state["taken"][-1]
    assert "over" in page.ask("write-go")["error"]
    monkeypatch.setattr(page.model, "ends", frozenset())
    page.run("write-go")
    assert len(page.state["taken"]) == MOST and "play" in page.view
    assert f"{MOST} tokens" in page.ask("take", 5)["error"]


def test_a_fast_model_writes_several_tokens_in_one_request(page, monkeypatch):
    monkeypatch.setattr(write_moves, "BUDGET", 60)
    monkeypatch.setattr(page.model, "ends", frozenset())
    page.run("write-go", 1)
    assert len(page.state["taken"]) == MOST


def test_space_plays_and_stops(page):
    assert page.view["play"] == {"name": "write-go", "value": None}
    page.do("write-go")
    assert page.view["play"] == {"name": "write-stop", "value": None} and "again" in page.view
    page.do("write-stop")
    assert page.view["play"]["name"] == "write-go" and "again" not in page.view


def test_typing_ends_a_run(page):
    page.run("write-go", 2)
    page.do("prompt", "Thou art")
    assert not page.state["running"] and page.state["taken"] == []


# ---- loops


@pytest.fixture
def looped(monkeypatch):
    """The part with a text that has gone round six times."""
    page = Driver(monkeypatch, taken=[30, 31, 32, 33] * 6)
    monkeypatch.setattr(page.model, "ends", frozenset())
    return page


def test_a_loop_is_told_and_the_penalty_is_measured(looped):
    own = looped.state["taken"]
    assert looped.view["write-tokens"]["texts"][0]["badge"] == "in a loop: 4 tokens, 6 times"
    assert any(item["name"] == "write-cure" for item in looped.view["write-moves"]["items"])
    views = looped.run("write-cure")
    cure = looped.state["write_cure"]
    steps = language_decoding.generate(
        looped.model, looped.model.encode("Shall I compare"), len(own), Rules(repetition_penalty=1.2), 7
    )
    assert cure == [step.chosen for step in steps] and len(cure) == len(own)
    assert views[-1]["write-tokens"]["append"]["text"] == 1
    texts = looped.view["write-tokens"]["texts"]
    assert texts[1]["badge"] == "no loop in 24 tokens" and not language_decoding.find_loop(cure)
    assert looped.state["taken"] == own, "nothing was changed without being asked"
    looped.do("write-keep")
    assert looped.state["taken"] == cure and looped.state["repetition_penalty"] == 1.2
    assert own in looped.state["roads"]


def test_a_measured_penalty_is_forgotten_when_a_knob_moves(looped):
    looped.run("write-cure")
    looped.do("write-open", [0, 2])
    assert looped.state["write_cure"], "looking changes nothing"
    looped.do("temperature", 0.5)
    assert looped.state["write_cure"] == [] and len(looped.view["write-tokens"]["texts"]) == 1


def test_clean_text_is_no_loop(page):
    page.run("write-go", 20)
    page.do("write-stop")
    assert page.view["write-tokens"]["texts"][0]["badge"] == ""
    assert not any(item["name"] == "write-cure" for item in page.view["write-moves"]["items"])


# ---- models


def test_another_model_goes_on_with_the_same_text(page):
    for id in (30, 31):
        page.do("take", id)
    words = page.model.decode(page.ids)
    page.do("model", "tiny")
    assert page.model is page.models["tiny"]
    assert page.model.decode(page.ids) == words


def test_while_the_pretrained_model_is_not_here_tiny_answers(monkeypatch):
    page = Driver(monkeypatch)
    monkeypatch.setattr(scene, "HERE", {"smollm2": lambda: False, "tiny": lambda: True})
    monkeypatch.setattr(scene, "WAITING", smollm2.Waiting())
    page.do("temperature", 0.9)
    notes = [item["label"] for item in page.view["rail"]["items"] if item["kind"] == "text"]
    assert any("not here yet" in note and "tiny answers" in note for note in notes)
    page.do("take", 30)
    assert page.state["model"] == "tiny" and page.state["taken"] == [30], "tokens are of the model that wrote them"


def test_no_model_at_all_is_a_sentence(monkeypatch):
    page = Driver(monkeypatch)

    def missing(name):
        raise FileNotFoundError("assets/weights/none holds no weights")

    monkeypatch.setattr(zoo, "language", missing)
    assert "No language model is here yet" in page.ask("temperature", 0.5)["error"]


# ---- links


def test_a_link_brings_everything_back(page):
    page.do("temperature", 0.7)
    for id in (30, 31, 32):
        page.do("take", id)
    page.do("write-back")
    page.do("write-open", [0, 1])
    view, query = page.view, page.query
    page.take(page.open({"query": query}))
    assert page.query == query
    for name in ("write-tokens", "write-field", "formula"):
        assert page.view[name] == view[name]
    assert page.state["roads"] == [[30, 31, 32]]


def test_the_part_is_the_tabs_first():
    assert autoregressive.PARTS[0] is write.PART
