"""What the part "Teach it" says of a lesson, and its curve."""

import math
from typing import Any

from demos.autoregressive_parts.lessons import Lesson, Place
from demos.common import LIVE, number, source
from models import language_teaching

GONE = "The taught copy is forgotten: nobody asked about it for a while. Teach it again."
POINTS = 240  # of the curve


def see(lesson: Lesson | None, had: bool, before: list[Lesson]) -> str:
    """How the lesson goes. had: there was one; before: those that come first."""
    if lesson is None:
        start = "A copy of tiny learns your text by ordinary training: each step lowers −ln p of its tokens a little."
        return GONE if had else start
    if lesson.failed:
        return lesson.failed
    if lesson.place is Place.WAITING:
        left = sum(max(0.0, one.seconds - (one.steps[-1].seconds if one.steps else 0.0)) for one in before)
        lessons = "1 lesson is" if len(before) == 1 else f"{len(before)} lessons are"
        return f"Waiting: {lessons} before yours, at most {left:.0f} s." if before else "Your lesson begins."
    if lesson.place is Place.OVER and len(lesson.steps) == 1:
        return f"Only 1 step in {lesson.steps[-1].seconds:.0f} s: too few to change much. Give it more time."
    if not lesson.steps:
        return "It reads the text for the first time." if lesson.place is Place.LEARNING else "Stopped before a step."
    first, now = lesson.steps[0], average(lesson)
    loss = f"Its loss fell from {bits(first.loss):.2f} to {bits(now):.2f} bits per token"
    if lesson.place is Place.LEARNING:
        left = max(0.0, lesson.seconds - lesson.steps[-1].seconds)
        return f"Step {len(lesson.steps)}, {left:.0f} s left. {loss}."
    return (
        f"{counted(lesson)} in {lesson.steps[-1].seconds:.0f} s. {loss}: each of its tokens is {times(lesson)} "
        "as probable as before (geometric mean). What it learnt of one page it may have lost of others."
    )


def counted(lesson: Lesson) -> str:
    """How many steps were taken."""
    return "1 step" if len(lesson.steps) == 1 else f"{len(lesson.steps)} steps"


def bits(nats: float) -> float:
    """Nats as bits."""
    return nats / math.log(2)


def average(lesson: Lesson) -> float:
    """The loss of the latest steps, nats per token; single steps read different windows."""
    latest = [step.loss for step in lesson.steps[-4:]]
    return sum(latest) / len(latest)


def times(lesson: Lesson) -> str:
    """How many times as probable a token of the text has become, as a geometric mean, in words."""
    ratio = math.exp(min(50.0, lesson.steps[0].loss - average(lesson)))
    return f"{ratio:.1f} times" if ratio < 99.5 else f"{ratio:,.0f} times"


def curve(lesson: Lesson) -> dict[str, Any]:
    """The loss of every step, or of so many of them as can be told apart."""
    steps = lesson.steps[:]
    shown = steps[:: max(1, -(-len(steps) // POINTS))]
    return {
        "title": "Loss while it learns",
        "x": [step.index for step in shown],
        "x_label": "step",
        "y_label": "bits per token",
        "series": [{"label": "your text", "y": [round(bits(step.loss), 4) for step in shown], "dash": False}],
        "index": None,
        "source": LIVE,
    }


def formula(lesson: Lesson | None) -> dict[str, Any]:
    """What each step lowers, with the numbers of the last one."""
    lines: list[list[Any]] = [["L = − (1/T) Σ ln p(w_t | w_<t),  θ ← θ − η AdamW(∇L)"]]
    if lesson is not None and lesson.steps:
        last, rate = lesson.steps[-1], number(1e4 * language_teaching.RATE)
        lines.append([f"step {last.index}: L = ", number(last.loss, 3), " nats,  η = ", rate, "·10⁻⁴"])
    return {"title": "Fine-tuning", "lines": lines, "code": source(language_teaching.teach)}
