"""Stories: data files that walk through the states of a tab, one sentence each, "predict, then reveal".

`demos/stories/NAME.json` is a list of `{"title": str, "steps": [step, ...]}` with steps
`{"query": "?v=1&tab=NAME&...", "say": str, "predict": str, "reveal": "?v=1&tab=NAME&..."}`. Entering a step shows the
state of `query` and the question `predict`, or `say` if there is none. Reveal shows the state of `reveal` (if there is
one) and the sentence `say`.
"""

import json
from pathlib import Path
from typing import Any

from demos.stage.state import Schema

FOLDER = Path(__file__).resolve().parents[1] / "stories"
SENTENCE_LIMIT = 240  # characters: three lines of the story cell


def load(name: str, schema: Schema, folder: Path = FOLDER) -> list[dict[str, Any]]:
    """The stories of `folder/name.json`; an empty list if there is no such file.

    Raises ValueError naming the story and step for a wrong form, a sentence too long for its cell, or a query of which
    the schema would drop anything.
    """
    file = folder / f"{name}.json"
    if not file.is_file():
        return []
    stories = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(stories, list):
        raise ValueError(f"{file.name} is a list of stories")
    for number, story in enumerate(stories, 1):
        where = f"{file.name}, story {number}"
        if not isinstance(story, dict) or story.keys() != {"title", "steps"} or not story["steps"]:
            raise ValueError(f"{where}: a story has a title and steps")
        for place, step in enumerate(story["steps"], 1):
            _check(step, schema, f"{where}, step {place}")
    return stories


def _check(step: Any, schema: Schema, where: str) -> None:
    if not isinstance(step, dict) or not {"query", "say"} <= step.keys() <= {"query", "say", "predict", "reveal"}:
        raise ValueError(f"{where}: a step has query and say, and may have predict and reveal")
    if "reveal" in step and "predict" not in step:
        raise ValueError(f"{where}: reveal needs a question to predict")
    for word in ("say", "predict"):
        text = step.get(word, "-")
        if not isinstance(text, str) or not 0 < len(text) <= SENTENCE_LIMIT:
            raise ValueError(f"{where}: {word} is a sentence of at most {SENTENCE_LIMIT} characters")
    for word in ("query", "reveal"):
        _, notices = schema.read(step.get(word, ""))
        if notices:
            raise ValueError(f"{where}: {word}: {notices[0]}")
