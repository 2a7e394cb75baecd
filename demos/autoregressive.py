"""The autoregressive tab: the next token, how it is chosen, and the same with faces.

Every part lives in its own module of ``demos/autoregressive_parts``; this one puts them together. Run it alone with
``python -m demos.autoregressive``.
"""

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from demos import image_tokens_api
from demos.autoregressive_api import ENDPOINTS
from demos.autoregressive_parts import (
    beams,
    beliefs,
    faces,
    inside,
    learn,
    read,
    readings,
    strategies,
    teach,
    write,
    wrong,
)
from demos.autoregressive_parts.params import Roads, Tokens
from demos.autoregressive_parts.scene import Scene, fetch
from demos.common import acted
from demos.describe import describe
from demos.stage import launch, stories
from demos.stage.frame import Haste, Tab
from demos.stage.state import Choice, Flag, Integer, Number, Schema, Text
from models import smollm2, zoo

State = dict[str, Any]
MODULES = (write, read, strategies, beams, faces, inside, learn, teach, beliefs, wrong)
PARTS = tuple(module.PART for module in MODULES)
layout: dict[str, Callable[[], None]] = {module.PART.name: module.stage for module in MODULES}
SCHEMA = Schema(
    "autoregressive",
    [
        Choice("model", ("smollm2", "tiny")),
        Text("prompt", 2000, "The capital of France is"),
        Tokens("taken", 256),  # since the prompt
        Roads("roads", 12, 256),  # those that were left, each from the prompt on
        Number("temperature", 0.05, 3.0, 1.0, 0.05),
        Integer("top_k", 0, 200, 0),
        Number("top_p", 0.01, 1.0, 1.0, 0.01),
        Number("min_p", 0.0, 1.0, 0.0, 0.01),
        Number("typical", 0.01, 1.0, 1.0, 0.01),
        Number("repetition_penalty", 0.5, 3.0, 1.0, 0.05),
        Flag("running", private=True),
        *(param for module in MODULES for param in module.PARAMS),
    ],
    PARTS,
)


def act(state: State, action: dict[str, Any]) -> State:
    """The state after one action: the first part that knows the action answers, else it names a parameter."""
    if action["name"] == "fetch-model":
        fetch()
        return state
    answer = acted(MODULES, state, action)
    after = SCHEMA.assign(state, action) if answer is None else answer
    return write.remembered(state, after, action["name"])


def draw(state: State, live: Haste) -> dict[str, Any]:
    """What the present part shows."""
    module = next(module for module in MODULES if module.PART.name == state["part"])
    return module.draw(Scene(state), live)


def warm() -> None:
    """Load what the first view needs; on a Space the pretrained model is fetched in the background."""
    if os.environ.get("SPACE_ID"):
        fetch()
    scene = Scene(SCHEMA.defaults())
    readings.scores(scene.model, scene.ids)


def shown(state: State) -> np.ndarray | None:
    """The face that pin and compare show, (64, 64, 3) uint8; None in the parts of text."""
    return faces.picture(Scene(state)) if state["part"] == faces.PART.name else None


def frames(state: State) -> list[np.ndarray]:
    """The face being drawn, for a GIF."""
    return faces.frames(Scene(state))


def card(state: State) -> str:
    """The card behind (i): that of the model that the present part shows, where it is ours."""
    if state["part"] == faces.PART.name:
        return zoo.card(zoo.image_tokens_folder(state["data"]))
    if Scene(state).name == "smollm2" and state["part"] not in (learn.PART.name, teach.PART.name):
        return smollm2.CARD
    return zoo.card(zoo.language_folder("tiny"))


TAB = Tab(
    name="autoregressive",
    label="Autoregressive",
    accent="#d78bff",
    schema=SCHEMA,
    parts=PARTS,
    act=act,
    draw=draw,
    picture=shown,
    stories=stories.load("autoregressive", SCHEMA),
    warm=warm,
    frames=frames,
    card=card,
    takes=(faces.PART.name, "draw its lower half anew"),
    slow=True,
)


def api() -> list[Callable]:
    """The named endpoints of this tab."""
    return [describe, *ENDPOINTS, *image_tokens_api.ENDPOINTS]


if __name__ == "__main__":
    launch.run_tab(TAB, layout, api())
