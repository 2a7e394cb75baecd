"""Lessons: small models that visitors teach, one at a time, in a thread of low priority.

A lesson belongs to whoever knows its key, which nobody can guess; nothing else leads to it. It lives in this process
alone and is forgotten when it is told to be, when nobody has asked about it for a while, or when newer ones need its
place. Who leaves in the middle ends the lesson: the next one begins.
"""

import contextlib
import logging
import os
import secrets
import sys
import threading
import time
from collections.abc import Callable, Generator
from enum import Enum

import torch

from demos.stage.frame import FAILED
from models import threads
from models.language import LanguageModel
from models.language_teaching import TeachStep

PATIENCE = 8.0  # seconds without a question after which a lesson under way ends, and a waiting one is given up
MEMORY = 600.0  # seconds without a question after which a taught model is forgotten
PUPILS = 4  # taught models that are kept at most
QUEUE = 8  # lessons that wait at most

Teach = Callable[[Callable[[], bool]], Generator[TeachStep, None, LanguageModel]]
log = logging.getLogger(__name__)


class Place(Enum):
    """How far a lesson is."""

    WAITING = 0
    LEARNING = 1
    OVER = 2


class Lesson:
    """One lesson, as :class:`School` hands it out; everything may be read at any time.

    steps: what was learnt so far; the list only grows. model: who was taught, once it is over. failed: a sentence if it
    could not be taught. forgotten: called with no arguments when it is forgotten; whoever kept something of it adds
    one.
    """

    def __init__(self, key: str, seconds: float, teach: Teach) -> None:
        self.key, self.seconds = key, seconds
        self.steps: list[TeachStep] = []
        self.model: LanguageModel | None = None
        self.failed: str | None = None
        self.place = Place.WAITING
        self.forgotten: list[Callable[[], None]] = []
        self._teach: Teach | None = teach
        self._asked = time.monotonic()
        self._stopping = False


class School:
    """Gives lessons, the one that came first first.

    patience, memory, pupils, queue: see the constants of this module.
    """

    def __init__(
        self, patience: float = PATIENCE, memory: float = MEMORY, pupils: int = PUPILS, queue: int = QUEUE
    ) -> None:
        self.patience, self.memory, self.pupils, self.queue = patience, memory, pupils, queue
        self._changed = threading.Condition()  # guards everything below
        self._lessons: dict[str, Lesson] = {}  # in the order in which they were asked for
        self._thread: threading.Thread | None = None

    def begin(self, seconds: float, teach: Teach) -> Lesson:
        """A new lesson with a key of its own; it begins as soon as it can.

        teach: gets a function to ask before each step whether to stop, and gives the steps and then the model; it is
        called in the lesson's thread. A ValueError inside becomes the lesson's `failed`.

        Raises:
            ValueError: if too many wait already.
        """
        with self._changed:
            self._sweep()
            if sum(lesson.place is Place.WAITING for lesson in self._lessons.values()) >= self.queue:
                raise ValueError(f"{self.queue} lessons are waiting already. Please try again in a few minutes.")
            lesson = Lesson(secrets.token_urlsafe(16), seconds, teach)
            self._lessons[lesson.key] = lesson
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="lessons", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            return lesson

    def find(self, key: str) -> Lesson | None:
        """The lesson with this key, which is kept alive by asking; None if there is none, or none any more."""
        with self._changed:
            self._sweep()
            lesson = self._lessons.get(key)
            if lesson is not None:
                lesson._asked = time.monotonic()
            return lesson

    def stop(self, key: str) -> None:
        """Ends a lesson after its present step, with what was learnt so far; one that waits is given up."""
        with self._changed:
            lesson = self._lessons.get(key)
            if lesson is not None and lesson.place is Place.LEARNING:
                lesson._stopping = True
            elif lesson is not None and lesson.place is Place.WAITING:
                self._drop(lesson)
            self._changed.notify_all()

    def forget(self, key: str) -> None:
        """Drops a lesson and the model with it; one under way ends."""
        with self._changed:
            lesson = self._lessons.get(key)
            if lesson is not None:
                self._drop(lesson)
            self._changed.notify_all()

    def before(self, lesson: Lesson) -> list[Lesson]:
        """The lessons that come before one that waits, with the one that is being given."""
        with self._changed:
            if lesson.place is not Place.WAITING:
                return []
            earlier = []
            for other in self._lessons.values():
                if other is lesson:
                    break
                if other.place is not Place.OVER:
                    earlier.append(other)
            return earlier

    def close(self, seconds: float = 10.0) -> None:
        """Forgets everything and waits until the thread has ended."""
        with self._changed:
            for lesson in list(self._lessons.values()):
                self._drop(lesson)
            thread = self._thread
            self._changed.notify_all()
        if thread is not None:
            thread.join(seconds)

    # ---- below: called with the lock held, unless said otherwise

    def _drop(self, lesson: Lesson) -> None:
        lesson._stopping = True
        lesson.model = lesson._teach = None
        self._lessons.pop(lesson.key, None)
        for tell in lesson.forgotten:
            tell()

    def _sweep(self) -> None:
        """Drops what nobody asked about for too long, and the oldest of too many."""
        now = time.monotonic()
        for lesson in list(self._lessons.values()):
            silent = now - lesson._asked
            if silent > self.memory or (lesson.place is Place.WAITING and silent > self.patience):
                self._drop(lesson)
        kept = sorted((one for one in self._lessons.values() if one.place is Place.OVER), key=lambda one: one._asked)
        for lesson in kept[: max(0, len(kept) - self.pupils)]:
            self._drop(lesson)

    def _work(self) -> None:
        """The thread: gives lessons, and watches over those that were given until none is left. Takes the lock."""
        _stand_back()
        while True:
            with self._changed:
                self._sweep()
                if not self._lessons:
                    self._thread = None
                    return
                waiting = next((one for one in self._lessons.values() if one.place is Place.WAITING), None)
                if waiting is None:
                    self._changed.wait(min(1.0, self.memory))
                    continue
                waiting.place = Place.LEARNING
            self._give(waiting)

    def _give(self, lesson: Lesson) -> None:
        """One lesson from its beginning to its end; takes the lock itself."""

        def over() -> bool:
            with self._changed:
                self._sweep()
                return lesson._stopping or time.monotonic() - lesson._asked > self.patience

        model, failed = None, None
        teach = lesson._teach
        try:
            run = teach(over) if teach else None
            while run is not None:
                try:
                    lesson.steps.append(next(run))
                except StopIteration as end:
                    model, run = end.value, None
        except ValueError as error:
            failed = " ".join(str(error).split())[:300] or FAILED
        except Exception:
            log.exception("a lesson failed")
            failed = FAILED
        with self._changed:
            lesson.failed, lesson.place, lesson._teach = failed, Place.OVER, None
            if self._lessons.get(lesson.key) is lesson:
                lesson.model = model
            self._changed.notify_all()


def _stand_back() -> None:
    """Lets everything else go first: one core less than there are, and on Linux a lower priority for this thread."""
    torch.set_num_threads(max(1, threads.ALL - 1))
    if sys.platform == "linux":  # elsewhere a thread's number may be that of another process
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 5)
