"""Runs that go on in threads while the page asks how far they are.

A run follows from its request alone: it is no visitor's state, two identical requests share it, and the answer to a
request is the same whether it was computed now, by somebody else, or before. So nothing here has to be kept: a run
that nobody asks about any more is stopped, and what is dropped can be computed again.
"""

import heapq
import itertools
import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from enum import Enum
from statistics import median
from typing import Any

from demos.stage.frame import FAILED
from models import threads

PATIENCE = 3.0  # seconds after which a run that nobody asks about is stopped, and a failure is forgotten
RECENT = 16  # finished runs that the estimates are taken from

log = logging.getLogger(__name__)


class _Place(Enum):
    IDLE = 0  # finished, failed, stopped, or not started
    WAITING = 1
    RUNNING = 2


class Run:
    """One run, as `Engine.run` hands it out. Everything may be read at any time, from any thread.

    key: what it follows from. total: how many records it will have, where that is known.
    records: those computed so far; the list only grows. finished: there will be no more.
    failed: a sentence if it could not be computed, else None. seconds: spent computing so far, waiting left out.
    """

    def __init__(self, engine: "Engine", key: Hashable, start: Callable[[], Iterable[Any]], total: int | None) -> None:
        self.key = key
        self.total = total
        self.records: list[Any] = []
        self.finished = False
        self.failed: str | None = None
        self.seconds = 0.0
        self._engine = engine
        self._start = start
        self._iterator: Iterator[Any] | None = None
        self._place = _Place.IDLE
        self._asked = time.monotonic()
        self._callers = 0  # threads inside `wait`
        self._stopping = False

    @property
    def stopped(self) -> bool:
        """Whether it rests before its end: `Engine.stop`, or nobody asked. Asking again makes it go on."""
        return self._place is _Place.IDLE and not self._done

    @property
    def waiting(self) -> int:
        """How many runs are before it, those that are being computed included; 0 once its turn has come."""
        return self._engine._waiting(self)

    @property
    def estimate(self) -> float | None:
        """Seconds until its turn comes, from what recent runs took; None if nothing was measured yet."""
        return self._engine._estimate(self)

    def wait(self, timeout: float | None = None, count: int | None = None) -> bool:
        """Blocks until there are `count` records (None: all), or it ended; False if `timeout` seconds passed before.

        Who waits asks: the run goes on. True says nothing about `failed`.
        """
        return self._engine._wait(self, timeout, count)

    @property
    def _done(self) -> bool:
        return self.finished or self.failed is not None

    @property
    def _abandoned(self) -> bool:
        return not self._callers and time.monotonic() - self._asked > PATIENCE


class Engine:
    """Computes runs in at most `slots` threads; further runs wait in the order of their requests.

    A run that is alone takes all cores; of several each takes one, for two that share theirs hinder one another.

    kept: runs that rest (finished or stopped) stay so many, those asked for last, with at most `records` records.
    Threads are there only while there is something to compute.
    """

    def __init__(self, slots: int = 2, kept: int = 32, records: int = 800) -> None:
        self.slots = slots
        self.kept = kept
        self.most_records = records
        self._changed = threading.Condition()  # guards everything below, and tells of every change
        self._runs: OrderedDict[Hashable, Run] = OrderedDict()  # last asked for last
        self._queue: deque[Run] = deque()
        self._running: list[Run] = []
        self._threads = 0
        self._recent: deque[tuple[float, int]] = deque(maxlen=RECENT)  # (seconds, records) of finished runs

    def run(self, key: Hashable, start: Callable[[], Iterable[Any]], total: int | None = None) -> Run:
        """The run of a request: the one there is, or a new one that begins as soon as it can.

        key: everything the result depends on. start() gives the records, one at a time; it is called in the run's
        thread, and may be continued in another one, so no thread-bound context stays open across a `yield`. A
        ValueError inside becomes the run's `failed`, any other error a plain sentence there and an entry in the log.
        A run that was stopped goes on where it stood; a failure is told for `PATIENCE` seconds, then tried again.
        """
        with self._changed:
            run = self._runs.get(key)
            if run is None or (run.failed is not None and run._abandoned):
                run = self._runs[key] = Run(self, key, start, total)
            self._ask(run)
            self._drop()
            return run

    def known(self, key: Hashable) -> Run | None:
        """The run of a request if there is one; it is neither started nor kept alive by this."""
        with self._changed:
            return self._runs.get(key)

    def stop(self, key: Hashable) -> None:
        """Ends a run after its present step, or its waiting. Whoever else asks for it makes it go on."""
        with self._changed:
            run = self._runs.get(key)
            if run is None:
                return
            run._stopping = True
            if run._place is _Place.WAITING:
                self._queue.remove(run)
                run._place = _Place.IDLE
            self._changed.notify_all()

    def forget(self, key: Hashable) -> None:
        """Drops a run that has ended, so that who asks next sees it computed again; one under way is left alone."""
        with self._changed:
            run = self._runs.get(key)
            if run is not None and run._done:
                del self._runs[key]

    # ---- all below: called with the lock held, unless said otherwise

    def _ask(self, run: Run) -> None:
        """Notes that somebody wants the run: it is kept, and goes on if it rests before its end."""
        if run.failed is None:
            run._asked = time.monotonic()
        run._stopping = False
        self._runs.move_to_end(run.key)
        if not run.stopped:
            return
        for other in [other for other in self._queue if other._abandoned]:
            self._queue.remove(other)
            other._place = _Place.IDLE
        if self._threads < self.slots:
            threading.Thread(target=self._work, name="run", daemon=True).start()
            self._threads += 1
        run._place = _Place.WAITING
        self._queue.append(run)

    def _wait(self, run: Run, timeout: float | None, count: int | None) -> bool:
        """`Run.wait`; takes the lock itself."""
        until = None if timeout is None else time.monotonic() + timeout
        with self._changed:
            run._callers += 1
            try:
                while not run._done and (count is None or len(run.records) < count):
                    if self._runs.get(run.key) is not run:
                        return False  # dropped long ago: nothing computes it any more
                    self._ask(run)
                    left = None if until is None else until - time.monotonic()
                    if left is not None and left <= 0:
                        return False
                    self._changed.wait(left)
                return True
            finally:
                run._callers -= 1
                if run.failed is None:
                    run._asked = time.monotonic()

    def _work(self) -> None:
        """A thread: computes what waits until nothing does. Takes the lock itself."""
        while True:
            with self._changed:
                while self._queue and self._queue[0]._abandoned:
                    self._queue.popleft()._place = _Place.IDLE
                if not self._queue:
                    self._threads -= 1
                    return
                run = self._queue.popleft()
                run._place = _Place.RUNNING
                self._running.append(run)
                self._changed.notify_all()
            while self._step(run):
                pass

    def _step(self, run: Run) -> bool:
        """Computes one record; whether the run goes on. Takes the lock itself."""
        record, failed, ended = None, None, False
        with self._changed:
            cores = threads.ALL if len(self._running) == 1 else 1
        began = time.perf_counter()
        try:
            with threads.cores(cores):
                if run._iterator is None:
                    run._iterator = iter(run._start())
                record = next(run._iterator)
        except StopIteration:
            ended = True
        except ValueError as error:
            failed = " ".join(str(error).split())[:300] or FAILED
        except Exception:
            log.exception("a run failed")
            failed = FAILED
        with self._changed:
            run.seconds += time.perf_counter() - began
            if failed is None and not ended:
                run.records.append(record)
            if ended:
                self._recent.append((run.seconds, len(run.records)))
            if ended or failed:
                run.finished, run.failed = ended, failed
                run._asked = time.monotonic()
                run._iterator = run._start = None
            goes_on = not (run._done or run._stopping or run._abandoned)
            if not goes_on:
                run._place = _Place.IDLE
                self._running.remove(run)
                self._drop()
            self._changed.notify_all()
        return goes_on

    def _drop(self) -> None:
        """Forgets the resting runs that are too many, those first that nobody asked for the longest time."""
        resting = [run for run in self._runs.values() if run._place is _Place.IDLE]
        count, records = len(resting), sum(len(run.records) for run in resting)
        for run in resting[:-1]:
            if count <= self.kept and records <= self.most_records:
                return
            if run._callers:
                continue
            count, records = count - 1, records - len(run.records)
            run._iterator = None
            del self._runs[run.key]

    def _waiting(self, run: Run) -> int:
        """`Run.waiting`; takes the lock itself."""
        with self._changed:
            return len(self._running) + len(self._before(run)) if run._place is _Place.WAITING else 0

    def _before(self, run: Run) -> list[Run]:
        """The runs in the queue that come first; those that nobody asks about any more do not count."""
        earlier = itertools.takewhile(lambda other: other is not run, self._queue)
        return [other for other in earlier if not other._abandoned]

    def _estimate(self, run: Run) -> float | None:
        """`Run.estimate`; takes the lock itself."""
        with self._changed:
            if run._place is not _Place.WAITING:
                return 0.0
            lasting = [self._left(other) for other in self._running]
            following = [self._left(other) for other in self._before(run)]
        if None in lasting or None in following:
            return None
        free = [0.0] * (self.slots - len(lasting)) + lasting  # when each slot is free again
        heapq.heapify(free)
        for seconds in following:
            heapq.heapreplace(free, free[0] + seconds)
        return free[0]

    def _left(self, run: Run) -> float | None:
        """Seconds that a run still needs: from its own pace, else from the recent ones'; None if neither is known."""
        done = len(run.records)
        if run.total and done:
            return max(0, run.total - done) * run.seconds / done
        if not self._recent:
            return None
        if run.total:
            return run.total * median(seconds / max(1, records) for seconds, records in self._recent)
        return max(0.0, median(seconds for seconds, _ in self._recent) - run.seconds)


ENGINE = Engine()
"""The one of every request that names none of its own. Looked up here each time, so that tests can replace it."""
