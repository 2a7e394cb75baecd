"""The part "Teach it": lessons one at a time, found by their key alone, stopped, forgotten; texts before and after."""

import gc
import time
import weakref

import pytest

from demos.autoregressive_parts import drafts, lessons, teach, teach_words
from demos.autoregressive_parts.lessons import Place, School
from demos.engine import Engine
from models import language_teaching
from models.language_teaching import TeachStep
from tests.demos.driver import controls
from tests.demos.language_page import ODD, Page

POEM = "so long lives this and this gives life to thee " * 4


@pytest.fixture
def school(monkeypatch):
    """A school of its own, closed in the end."""
    school = School(patience=20.0, memory=60.0, pupils=2, queue=3)
    monkeypatch.setattr(teach, "SCHOOL", school)
    yield school
    school.close()


@pytest.fixture
def page(monkeypatch, school):
    """The part over small models; a lesson takes six steps, a text eight tokens."""
    real = language_teaching.teach
    monkeypatch.setattr(
        language_teaching, "teach", lambda model, text, seconds, stop, seed: real(model, text, seconds, stop, seed, 6)
    )
    monkeypatch.setattr(teach, "COUNT", 8)
    engines = [Engine(slots=1), Engine(slots=1)]
    monkeypatch.setattr(drafts, "ENGINE", engines[0])
    monkeypatch.setattr(teach, "PUPILS", engines[1])
    yield Page(monkeypatch, teach)
    while any(engine._threads for engine in engines):
        time.sleep(0.01)


def until(condition, seconds: float = 10.0) -> None:
    """Wait for another thread."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def dull(count: int, model=None, pause: float = 0.0):
    """A lesson of some steps that ends with `model`."""

    def teach(over):
        for index in range(1, count + 1):
            if over():
                break
            time.sleep(pause)
            yield TeachStep(index, pause * index, index / count, 1.0 / index)
        return model

    return teach


# ---- the school


def test_one_lesson_at_a_time_in_the_order_of_asking(school):
    first, second = school.begin(1, dull(1000, "a", 0.01)), school.begin(1, dull(3, "b"))
    until(lambda: first.steps)
    assert second.place is Place.WAITING and school.before(second) == [first]
    school.stop(first.key)
    until(lambda: second.place is Place.OVER)
    assert (first.model, second.model) == ("a", "b") and len(first.steps) < 1000
    assert school.before(second) == []


def test_keys_cannot_be_guessed_and_lead_to_one_lesson(school):
    one, other = school.begin(1, dull(1, "mine")), school.begin(1, dull(1, "theirs"))
    assert one.key != other.key and len(one.key) == 22
    until(lambda: other.place is Place.OVER)
    assert school.find(one.key).model == "mine" and school.find(other.key).model == "theirs"
    assert school.find("x" * 22) is None and school.find("") is None


def test_who_leaves_ends_the_lesson_and_is_forgotten():
    school = School(patience=0.5, memory=60.0)  # a busy machine may take seconds to end the lesson
    gone = school.begin(60, dull(10_000, "gone", 0.01))
    waiting = school.begin(60, dull(1, "waiting"))
    waiting._asked = gone._asked  # both left at once, however long this machine took from one line to the next
    until(lambda: gone.place is Place.OVER)
    assert gone.model == "gone" and waiting.place is not Place.OVER, "nobody waited for it"
    told = []
    gone.forgotten.append(lambda: told.append(1))
    school.memory = 0.1
    until(lambda: school._thread is None)
    assert school.find(gone.key) is None and gone.model is None and told == [1]


def test_only_so_many_models_are_kept_and_so_many_wait(school):
    found = []
    for name in "abc":
        found.append(school.begin(1, dull(1, name)))
        until(lambda: found[-1].place is Place.OVER)
        time.sleep(0.02)
    assert school.find(found[2].key) and school.find(found[1].key)
    assert school.find(found[0].key) is None and found[0].model is None
    busy = school.begin(60, dull(10_000, "busy", 0.01))
    until(lambda: busy.steps)
    for _ in range(3):
        school.begin(1, dull(1))
    with pytest.raises(ValueError, match="3 lessons are waiting already"):
        school.begin(1, dull(1))


def test_a_lesson_that_fails_says_why_and_the_next_one_begins(school):
    def broken(over):
        raise ValueError("this cannot be taught")
        yield

    def crashed(over):
        raise RuntimeError("inside")
        yield

    failed, odd, fine = school.begin(1, broken), school.begin(1, crashed), school.begin(1, dull(1, "m"))
    until(lambda: fine.place is Place.OVER)
    assert failed.failed == "this cannot be taught" and odd.failed == lessons.FAILED and fine.model == "m"


# ---- the part


def test_a_lesson_from_the_click_to_both_texts(page, school):
    state = page.state(teach_text=POEM, teach_prompt="so long lives")
    before = page.settled(state)["view"]["teach-texts"]["texts"]
    assert before[1]["tokens"] == [] and before[0]["tokens"]
    answer = page.settled(state, ("teach-go", None))
    texts = answer["view"]["teach-texts"]["texts"]
    assert texts[0]["tokens"] == before[0]["tokens"], "the same prompt and darts"
    assert texts[1]["tokens"] != texts[0]["tokens"] and texts[1]["note"] == "after 6 steps of learning"
    assert "6 steps in" in answer["view"]["see"]
    assert len(answer["view"]["teach-curve"]["series"][0]["y"]) == 6
    assert len(controls(answer["view"])) <= 6
    assert page.models["tiny"].name == "gpt2", "the shared model is as it was"


def test_two_visitors_do_not_meet(page, school):
    mine = page.settled(page.state(teach_text=POEM, teach_prompt="so"), ("teach-go", None))
    theirs = page.settled(page.state(teach_text="xyz " * 40, teach_prompt="so"), ("teach-go", None))
    keys = [answer["state"]["teach_key"] for answer in (mine, theirs)]
    assert keys[0] != keys[1]
    models = [school.find(key).model for key in keys]
    assert models[0] is not models[1] and models[0] is not page.models["tiny"]
    again = page.settled(mine["state"])
    assert again["view"]["teach-texts"] == mine["view"]["teach-texts"], "the other lesson changed nothing of it"
    for answer in (mine, theirs):
        link = page.schema.query(answer["state"])
        assert answer["state"]["teach_key"] not in link and "teach_text" not in link
        assert page.schema.read(link)[0]["teach_key"] == ""
    stranger = page.settled(page.state(teach_prompt="so"))
    assert stranger["view"]["teach-texts"]["texts"][1]["tokens"] == []


def test_what_is_forgotten_is_gone(page, school):
    answer = page.settled(page.state(teach_text=POEM), ("teach-go", None))
    key = answer["state"]["teach_key"]
    model = weakref.ref(school.find(key).model)
    forgotten = page.step(answer["state"], ("teach-forget", None))
    assert forgotten["state"]["teach_key"] == "" and school.find(key) is None
    assert not [run for run in teach.PUPILS._runs if run.key == key], "nor is what it wrote kept"
    until(lambda: (gc.collect(), model() is None)[1])
    old = page.settled(answer["state"])["view"]
    assert old["see"] == teach_words.GONE and old["teach-texts"]["texts"][1]["tokens"] == []


def test_a_waiting_visitor_is_told_and_others_are_answered(page, school):
    school.begin(30, dull(10_000, None, 0.01))
    started = time.monotonic()
    answer = page.step(page.state(teach_text=POEM), ("teach-go", None))
    assert "Waiting: 1 lesson is before yours" in answer["view"]["see"]
    assert answer["view"]["again"]["action"]["name"] == "teach-follow"
    assert "teach-stop" in [item.get("name") for item in answer["view"]["rail"]["items"]]
    stopped = page.step(answer["state"], ("teach-stop", None))
    assert school.find(answer["state"]["teach_key"]) is None and "error" not in stopped
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_any_text_is_taught_or_refused_in_words(page, text):
    answer = page.step(page.state(teach_text=text, teach_prompt=text), ("teach-go", None))
    if not text.strip():
        assert "no text to learn from" in answer["error"]
    else:
        assert page.settled(answer["state"])["view"]["see"]


def test_odd_keys_are_refused(page):
    for wrong in ("short", "x" * 23, "é" * 22, None, 5, ["x"]):
        assert "error" in page.step(page.schema.defaults() | {"teach_key": wrong})
        assert "error" in page.step(page.state(), ("teach_key", wrong))


def test_without_tiny_it_says_so(page):
    del page.models["tiny"]
    assert "is not in this copy" in page.step(page.state())["error"]
