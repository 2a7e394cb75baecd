"""The engine of runs, with fake iterators: who computes, who waits, who shares, and what becomes of the rest."""

import logging
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from demos import engine as module
from demos.engine import Engine
from demos.stage.frame import FAILED

LONG = 20.0  # seconds that a wait never takes here: the machine may be busy


class Gate:
    """An endless iterator of 0, 1, 2... that gives as many as it was allowed to; counts its starts."""

    def __init__(self) -> None:
        self.allowed = threading.Semaphore(0)
        self.starts = 0
        self.closed = threading.Event()

    def __call__(self):
        self.starts += 1
        try:
            number = 0
            while self.allowed.acquire(timeout=LONG):
                yield number
                number += 1
        finally:
            self.closed.set()

    def allow(self, count: int = 1) -> None:
        self.allowed.release(count)


def numbers(count: int, pause: float = 0.0):
    """start() of a run of `count` records that takes `pause` seconds each."""

    def start():
        for number in range(count):
            time.sleep(pause)
            yield number

    return start


def until(true, seconds: float = LONG) -> None:
    """Waits for something that another thread does."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def ask_now_and_then(engine, key, gate, stop):
    """A page: asks twenty times a second."""
    while not stop.is_set():
        engine.run(key, gate)
        time.sleep(0.05)


@pytest.fixture
def hasty(monkeypatch):
    """Runs count as abandoned after 0.2 seconds, so that the tests need not wait for three."""
    monkeypatch.setattr(module, "PATIENCE", 0.2)


def test_a_run_is_read_while_it_grows_and_then_stays():
    engine, gate = Engine(), Gate()
    run = engine.run("a", gate, total=5)
    assert (run.records, run.finished, run.failed, run.total) == ([], False, None, 5)
    gate.allow(2)
    assert run.wait(LONG, count=2) and run.records == [0, 1] and not run.finished
    assert not run.wait(0.05, count=3), "the third is not allowed yet"
    assert not run.wait(0), "nor is the end"
    done = engine.run("b", numbers(3, 0.01))
    assert done.wait(LONG) and done.finished and done.records == [0, 1, 2] and done.failed is None
    assert 0.03 <= done.seconds < LONG and done.waiting == 0 and done.estimate == 0 and not done.stopped
    assert engine.run("b", pytest.fail) is done, "a finished run is not started again"
    engine.stop("a")
    gate.allow()


def test_two_at_once_advance_and_a_third_waits_and_says_how_long():
    engine = Engine()
    gates = {name: Gate() for name in "abcd"}
    assert engine.run("first", numbers(4, 0.02), total=4).wait(LONG)  # something to estimate from
    a, b, c, d = [engine.run(name, gate, total=10) for name, gate in gates.items()]
    for gate in gates.values():
        gate.allow(1)
    assert a.wait(LONG, 1) and b.wait(LONG, 1)
    assert (a.waiting, b.waiting, c.waiting, d.waiting) == (0, 0, 2, 3)
    assert not c.wait(0.1, 1) and c.records == [] and gates["c"].starts == 0
    pace = {run: run.seconds / len(run.records) for run in (a, b)}
    assert a.estimate == 0
    assert c.estimate == pytest.approx(9 * min(pace.values())), "the first slot to become free"
    # then d has the other slot, or follows c
    recent = engine._recent[-1][0] / 4
    assert d.estimate == pytest.approx(sorted([9 * pace[a], 9 * pace[b], 9 * min(pace.values()) + 10 * recent])[1])
    engine.stop("a")
    gates["a"].allow()
    assert c.wait(LONG, 1) and (c.waiting, d.waiting) == (0, 2)
    assert not d.wait(0.05, 1)
    for name, gate in gates.items():
        engine.stop(name)
        gate.allow(2)


def test_an_estimate_is_unknown_before_anything_was_measured():
    engine, gates = Engine(slots=1), [Gate(), Gate()]
    first, second = [engine.run(number, gate, total=3) for number, gate in enumerate(gates)]
    until(lambda: second.waiting == 1)
    assert second.estimate is None and first.estimate == 0
    gates[0].allow(3)
    assert first.wait(LONG, 1) and second.estimate is not None, "the pace of the run before it"
    for number in (1, 0):
        engine.stop(number)
    gates[0].allow()


def test_stop_ends_a_run_at_its_next_step_and_asking_makes_it_go_on():
    engine, gate = Engine(), Gate()
    run = engine.run("a", gate)
    gate.allow(2)
    assert run.wait(LONG, 2)
    engine.stop("a")
    gate.allow()  # the step under way comes to its end
    until(lambda: run.stopped)
    gate.allow(3)
    time.sleep(0.1)
    assert run.records == [0, 1, 2] and not run.finished and engine.known("a") is run
    assert run.stopped, "looking at a run does not start it"
    assert engine.run("a", gate) is run and run.wait(LONG, 6)
    assert run.records == list(range(6)) and gate.starts == 1, "it went on where it stood"
    engine.stop("a")
    gate.allow()
    engine.stop("nobody asked for this one")
    assert engine.known("nobody asked for this one") is None


def test_stop_takes_a_run_out_of_the_queue():
    engine, gates = Engine(slots=1), [Gate(), Gate(), Gate()]
    runs = [engine.run(number, gate) for number, gate in enumerate(gates)]
    until(lambda: runs[2].waiting == 2)
    engine.stop(1)
    assert (runs[1].waiting, runs[2].waiting) == (0, 1) and runs[1].stopped
    engine.stop(0)
    gates[0].allow()
    gates[2].allow()
    assert runs[2].wait(LONG, 1) and gates[1].starts == 0
    engine.stop(2)
    gates[2].allow()


def test_a_run_that_nobody_asks_about_is_stopped_and_others_take_its_slot(hasty):
    engine, left, page = Engine(slots=1), Gate(), Gate()
    run = engine.run("left", left)
    assert engine.run("also left", Gate()).waiting <= 2
    time.sleep(0.3)
    stop = threading.Event()
    visitor = threading.Thread(target=ask_now_and_then, args=(engine, "page", page, stop))
    visitor.start()
    try:
        left.allow()
        page.allow()
        until(lambda: engine.known("page") is not None and engine.known("page").records == [0])
        assert run.stopped and run.records == [0], "it ended at its step"
        assert engine.known("also left").stopped and not engine.known("also left").records
        page.allow(100)
        time.sleep(0.4)
        assert not engine.known("page").stopped, "somebody asks: it goes on"
    finally:
        stop.set()
        visitor.join()
    engine.stop("page")
    page.allow()  # the step that holds the slot
    left.allow()
    assert run.wait(LONG, 2) and run.records == [0, 1] and left.starts == 1
    left.allow()


def test_who_waits_asks(hasty):
    engine = Engine()
    run = engine.run("export", numbers(8, 0.1))
    assert run.wait(LONG) and run.finished and run.records == list(range(8))


def test_a_stop_of_one_visitor_does_not_keep_the_other_one_waiting():
    engine, gate = Engine(), Gate()
    run = engine.run("a", gate)
    with ThreadPoolExecutor(1) as other:
        waiting = other.submit(run.wait, LONG, 3)
        until(lambda: run._callers == 1)
        engine.stop("a")
        gate.allow(3)
        assert waiting.result() and run.records == [0, 1, 2]
    engine.stop("a")
    gate.allow()


def test_equal_requests_share_a_run():
    engine, gate = Engine(), Gate()
    first = engine.run(("toons", 7, 25), gate)
    second = engine.run(("toons", 7, 25), Gate())
    assert second is first
    gate.allow(2)
    assert second.wait(LONG, 2) and gate.starts == 1
    assert engine.run(("toons", 8, 25), numbers(1)) is not first
    engine.stop(("toons", 7, 25))
    gate.allow()


def test_errors_become_sentences(caplog, hasty):
    def refused():
        yield 1
        raise ValueError("steps is 0;\n it must be 1 to 250")

    def broken():
        raise RuntimeError("secret details")

    engine = Engine()
    run = engine.run("refused", refused)
    assert run.wait(LONG) and run.failed == "steps is 0; it must be 1 to 250"
    assert run.records == [1] and not run.finished and not run.stopped
    with caplog.at_level(logging.ERROR):
        run = engine.run("broken", broken)
        assert run.wait(LONG) and run.failed == FAILED
    assert "secret details" in caplog.text, "the log has what the visitor does not get"
    assert engine.run("broken", numbers(2)) is run, "told for a while"
    time.sleep(0.3)
    again = engine.run("broken", numbers(2))
    assert again is not run and again.wait(LONG) and again.records == [0, 1]
    assert engine.run("silent", lambda: (_ for _ in ()).throw(ValueError())).wait(LONG)
    assert engine.known("silent").failed == FAILED


def test_only_the_runs_asked_for_last_are_kept():
    engine = Engine(kept=3)
    for key in "abc":
        assert engine.run(key, numbers(2)).wait(LONG)
    kept = engine.run("a", pytest.fail)  # asked for again: now b is the oldest
    for key in "de":
        assert engine.run(key, numbers(2)).wait(LONG)
        until(lambda: not engine._running)
    assert engine.known("b") is None and engine.known("c") is None and engine.known("a") is kept
    gate = Gate()
    gate.allow(1)
    assert engine.run("b", gate).wait(LONG, 1) and gate.starts == 1, "computed anew"
    engine.stop("b")
    gate.allow()


def test_long_runs_are_dropped_by_their_records_and_their_iterators_are_closed():
    engine, gate = Engine(kept=10, records=10), Gate()
    gate.allow(7)
    old = engine.run("old", gate)
    assert old.wait(LONG, 7)
    engine.stop("old")
    gate.allow()
    until(lambda: old.stopped)
    assert engine.run("new", numbers(9)).wait(LONG)
    until(lambda: engine.known("old") is None)
    assert gate.closed.wait(LONG) and old.records == list(range(8)), "who holds the handle can still read"
    assert not old.wait(LONG, 9), "nothing computes it any more"
    assert engine.run("long", numbers(50)).wait(LONG)
    until(lambda: engine.known("new") is None)
    assert len(engine.known("long").records) == 50, "one run may be longer than that"


def test_no_thread_is_left_when_nothing_is_to_do():
    before = threading.active_count()
    engine = Engine()
    runs = [engine.run(key, numbers(3, 0.01)) for key in range(5)]
    assert all(run.wait(LONG) for run in runs)
    until(lambda: threading.active_count() <= before and engine._threads == 0)
    assert engine.run("later", numbers(3)).wait(LONG)


def test_many_callers_at_once():
    """Forty threads ask for a dozen runs, wait, stop and read: never more than two compute, each is started once."""
    engine, lock = Engine(slots=2, kept=32), threading.Lock()
    starts, at_once, most = Counter(), Counter(), []

    def start(key):
        def records():
            starts[key] += 1
            for number in range(10):
                with lock:
                    at_once["now"] += 1
                    most.append(at_once["now"])
                time.sleep(0.0005)
                with lock:
                    at_once["now"] -= 1
                yield key, number

        return records

    def visit(visitor):
        rng = random.Random(visitor)
        for _ in range(25):
            key = rng.randrange(12)
            run = engine.run(key, start(key), total=10)
            estimate = run.estimate
            assert run.key == key and run.waiting >= 0 and (estimate is None or estimate >= 0)
            seen = list(run.records)
            assert seen == [(key, number) for number in range(len(seen))]
            what = rng.random()
            if what < 0.3:
                engine.stop(key)
            elif what < 0.7:
                assert run.wait(LONG, rng.randint(1, 12))
        return True

    with ThreadPoolExecutor(40) as pool:
        assert all(pool.map(visit, range(40)))
    for key in range(12):
        run = engine.run(key, start(key))
        assert run.wait(LONG) and run.records == [(key, number) for number in range(10)]
    assert max(most) <= 2 and set(starts.values()) == {1}
    until(lambda: engine._threads == 0)
    assert not engine._queue and not engine._running


def test_an_answer_with_the_first_record_comes_at_once():
    engine = Engine()
    engine.run("warm", numbers(1)).wait(LONG)
    began = time.perf_counter()
    assert engine.run("a", numbers(3)).wait(LONG, 1)
    spent = time.perf_counter() - began
    print(f"first record after {1000 * spent:.2f} ms")
    assert spent < 0.2
