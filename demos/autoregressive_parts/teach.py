"""Part "Teach it": a copy of tiny learns a pasted text while one looks on, and is compared with what it was."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from demos import follow
from demos.autoregressive_parts import asked, drafts, teach_words
from demos.autoregressive_parts.drafts import Draft
from demos.autoregressive_parts.lessons import Lesson, Place, School
from demos.autoregressive_parts.scene import Scene
from demos.common import LIVE
from demos.engine import Engine
from demos.stage.frame import Haste, Part
from demos.stage.state import Integer, Param, Text
from demos.widgets.curves import Curves
from demos.widgets.token_text import TokenText
from models import language_teaching, zoo
from models.language import LanguageModel, TokenScore
from models.language_decoding import choose
from models.sampling import Rules

PART = Part("teach", "Teach it", more=True)
SCHOOL = School()
PUPILS = Engine(slots=1, kept=8, records=1000)
"""Writes what taught models write; forgotten with them."""
LONGEST = 8000  # characters of a lesson
COUNT = 60  # tokens that are written
RULES = Rules(temperature=0.8)
PAUSE = 350  # milliseconds between two looks at a lesson
VERSES = """’Twas brillig, and the slithy toves
Did gyre and gimble in the wabe:
All mimsy were the borogoves,
And the mome raths outgrabe.

“Beware the Jabberwock, my son!
The jaws that bite, the claws that catch!
Beware the Jubjub bird, and shun
The frumious Bandersnatch!”
"""


class Key(Param):
    """What leads to a visitor's lesson: nobody else knows it, and no link carries it."""

    def __init__(self, name: str) -> None:
        super().__init__(name, "", private=True)

    def check(self, value: Any) -> str:
        """22 letters, as the school gives them, or none."""
        if not isinstance(value, str) or not re.fullmatch(r"([\w-]{22})?", value, re.ASCII):
            raise ValueError(f"{self.name} is a key of this page.")
        return value

    def parse(self, text: str) -> str:
        """Never: it opens one visitor's lesson."""
        raise ValueError(f"{self.name} never travels in a link.")


PARAMS = (
    Text("teach_text", LONGEST, VERSES, private=True),
    Text("teach_prompt", 200, "Beware the"),
    Integer("teach_seconds", 5, 60, 30),
    Key("teach_key"),
    follow.Progress("teach_seen"),
)
SEEN = PARAMS[-1].name


def pupil() -> LanguageModel:
    """Who is taught.

    Raises:
        ValueError: where its weights are not here.
    """
    try:
        return zoo.language("tiny")
    except FileNotFoundError:
        raise ValueError("tiny, which is taught here, is not in this copy of the playground.") from None


@dataclass(frozen=True)
class Taught(Draft):
    """A text by a visitor's taught model: found by its key alone."""

    key: str

    @property
    def engine(self) -> Engine:
        """Apart from what others read."""
        return PUPILS

    def model(self) -> LanguageModel:
        """The taught model. Raises ValueError once it is forgotten."""
        return self._lesson()[1]

    def write(self) -> Iterator[TokenScore]:
        """The tokens; between two of them nothing here holds on to the model."""
        self._lesson()[0].forgotten.append(lambda: PUPILS.forget(self))
        ids = list(self.ids)
        for index in range(self.count):
            step = choose(self.model(), ids, self.rules, self.seed, index)
            yield drafts.score_of(step)
            if step.last:
                return
            ids.append(step.chosen)

    def _lesson(self) -> tuple[Lesson, LanguageModel]:
        lesson = SCHOOL.find(self.key)
        if lesson is None or lesson.model is None:
            raise ValueError(teach_words.GONE)
        return lesson, lesson.model


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``teach-go``, ``-stop``, ``-forget`` and ``-follow``."""
    if name == "teach-go":
        return _begin(state)
    if name == "teach-stop":
        SCHOOL.stop(state["teach_key"])
        return state
    if name == "teach-forget":
        SCHOOL.forget(state["teach_key"])
        return state | {"teach_key": ""}
    if name == "teach-follow":
        scene = Scene(state)
        return follow.note(state, SEEN, asked_for(scene, SCHOOL.find(state["teach_key"])), value)
    return None


def _begin(state: dict[str, Any]) -> dict[str, Any]:
    text, seconds, seed = state["teach_text"], state["teach_seconds"], state["seed"]
    if not text.strip():
        raise ValueError("There is no text to learn from. Paste or type one.")

    def teach(over: Any) -> Iterator[Any]:
        return language_teaching.teach(pupil(), text, float(seconds), over, seed)

    SCHOOL.forget(state["teach_key"])
    return state | {"teach_key": SCHOOL.begin(float(seconds), teach).key}


def asked_for(scene: Scene, lesson: Lesson | None) -> list[Draft]:
    """The texts that are shown: what tiny writes, and what the taught copy writes once there is one."""
    ids = tuple(pupil().encode(scene.state["teach_prompt"]))
    about = ("tiny", ids, RULES, scene.seed, COUNT)
    taught = [Taught(*about, lesson.key)] if lesson is not None and lesson.model is not None else []
    return [Draft(*about), *taught]


# ---- the view


def stage() -> None:
    """Before and after side by side; the loss under them."""
    with gr.Column(elem_classes=["pg-stack"]):
        TokenText("teach-texts", "autoregressive")
        Curves("teach-curve", "autoregressive")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """Both texts as far as they are written, and the lesson as far as it has come."""
    key = scene.state["teach_key"]
    lesson = SCHOOL.find(key) if key else None
    watch = follow.look(scene.state, SEEN, asked_for(scene, lesson), live)
    going = lesson is not None and lesson.place is not Place.OVER
    view = {
        "teach-curve": teach_words.curve(lesson) if lesson is not None and lesson.steps else {"hidden": True},
        "rail": {"items": _rail(scene, lesson, going)},
        "see": _see(lesson, bool(key), watch),
        "formula": teach_words.formula(lesson),
    }
    if watch.runs or not live:
        view["teach-texts"] = _texts(scene, lesson, watch)
    if going or watch.following:
        have = sum(map(len, watch.records))
        pause = follow.PAUSE if watch.following else PAUSE
        view["again"] = {"action": {"name": "teach-follow", "value": have}, "after": pause}
    if going:
        view["play"] = {"name": "teach-stop", "value": None}
    return view


def _texts(scene: Scene, lesson: Lesson | None, watch: follow.Watch) -> dict[str, Any]:
    model = pupil()
    ids = model.encode(scene.state["teach_prompt"])
    written = [*watch.records, [], []][:2]
    notes = ["as it was trained", ""]
    if lesson is not None and lesson.steps:
        notes[1] = f"after {teach_words.counted(lesson)} of learning"
    texts = [
        drafts.shown(model, ids, list(records), title=title, note=note)
        for records, title, note in zip(written, ("Before", "After"), notes, strict=True)
    ]
    if len(watch.records) < 2:
        texts[1] = {"title": "After", "note": "not taught yet", "tokens": []}
    return {
        "texts": texts,
        "colour": "surprisal",
        "at": None,
        "action": None,
        "streaming": watch.following,
        "empty": "Teach it, and see what it writes then.",
        "caption": f"The same prompt, the same darts (seed {scene.seed}), temperature {RULES.temperature:g}.",
        "source": LIVE,
    }


def _rail(scene: Scene, lesson: Lesson | None, going: bool) -> list[dict[str, Any]]:
    state = scene.state
    items = [
        asked.text("teach_text", "The lesson: any text", state["teach_text"], LONGEST, "Paste a text"),
        asked.text("teach_prompt", "Then it goes on from", state["teach_prompt"], 200),
        {
            "kind": "slider",
            "name": "teach_seconds",
            "label": "Seconds",
            "min": 5,
            "max": 60,
            "step": 5,
            "value": state["teach_seconds"],
            "text": f"{state['teach_seconds']} s",
        },
    ]
    if going:
        items.append({"kind": "button", "name": "teach-stop", "label": "Stop", "primary": True})
    else:
        again = "Teach it again" if lesson is not None else "Teach it"
        items.append({"kind": "button", "name": "teach-go", "label": again, "primary": True})
    if lesson is not None and not going:
        items.append({"kind": "button", "name": "teach-forget", "label": "Forget it now"})
    return [
        *items,
        {
            "kind": "text",
            "name": "teach-private",
            "label": "Your copy is yours alone: it is kept in this process, and forgotten when you are gone.",
        },
    ]


def _see(lesson: Lesson | None, had: bool, watch: follow.Watch) -> str:
    words = teach_words.see(lesson, had, SCHOOL.before(lesson) if lesson is not None else [])
    return f"{words} {watch.failed}" if watch.failed and watch.failed != words else words
