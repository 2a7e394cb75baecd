"""The GAN tab: faces that can be steered, a training that can be watched, and a game that can be lost.

Every part lives in its own module of ``demos/gan_parts``; this one puts them together. Run it alone with
``python -m demos.gan``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from demos import uploads
from demos.common import Moves, acted, credited
from demos.gan_api import ENDPOINTS
from demos.gan_parts import between, faces, game, learn, mix, photo, quiz, remembered, steer, wrong
from demos.gan_parts.scene import SHEET, Scene, move_names
from demos.stage import launch, stories
from demos.stage.frame import Haste, Tab
from demos.stage.state import Flag, Floats, Integer, Number, Schema
from demos.widgets.picture import to_uint8
from models import zoo

State = dict[str, Any]

DRAW: dict[str, Callable[[Scene, Haste], dict[str, Any]]] = {
    "faces": faces.draw,
    "steer": steer.draw,
    "between": between.draw,
    "learn": learn.draw,
    "mix": mix.draw_mix,
    "sum": mix.draw_sum,
    "remembered": remembered.draw,
    "photo": photo.draw,
    "game": game.draw,
    "quiz": quiz.draw,
    "wrong": wrong.draw,
}
layout: dict[str, Callable[[], None]] = {
    "faces": faces.stage,
    "steer": steer.stage,
    "between": between.stage,
    "learn": learn.stage,
    "mix": mix.stage_mix,
    "sum": mix.stage_sum,
    "remembered": remembered.stage,
    "photo": photo.stage,
    "game": game.stage,
    "quiz": quiz.stage,
    "wrong": wrong.stage,
}
PARTS = (
    faces.PART,
    steer.PART,
    between.PART,
    learn.PART,
    mix.MIX,
    mix.SUM,
    remembered.PART,
    photo.PART,
    game.PART,
    quiz.PART,
    wrong.PART,
)
SCHEMA = Schema(
    "gan",
    [
        Integer("face", 0, SHEET - 1, 0),
        Number("psi", 0.0, 1.5, 0.7, 0.05),
        Moves("moves", move_names),
        Floats("own", 256),
        Flag("running", private=True),
        *uploads.PARAMS,
        *steer.PARAMS,
        *between.PARAMS,
        *learn.PARAMS,
        *mix.PARAMS,
        *photo.PARAMS,
        *game.PARAMS,
        *quiz.PARAMS,
        *wrong.PARAMS,
    ],
    PARTS,
)


def act(state: State, action: dict[str, Any]) -> State:
    """The state after one action: the first part that knows the action answers, else it names a parameter."""
    new = _act(state, action)
    return new | game.FRESH if new["seed"] != state["seed"] else new  # the game on points is of the same seed


def _act(state: State, action: dict[str, Any]) -> State:
    answer = acted((faces, steer, between, learn, mix, photo, game, quiz, wrong), state, action)
    if answer is not None:
        return answer
    state = SCHEMA.assign(state, action)
    # another seed, set or face is another face: what was done to the old one goes with it
    if action["name"] == "data":
        return state | faces.FRESH | quiz.FRESH
    if action["name"] == "seed":
        return state | faces.FRESH
    if action["name"] == "face":
        return state | faces.FRESH | {"face": state["face"]}
    return state


def draw(state: State, live: Haste) -> dict[str, Any]:
    """What the present part shows, and the credit that the licences of the pictures ask for."""
    return credited(DRAW[state["part"]](Scene(state), live), state["data"])


def picture(state: State) -> np.ndarray:
    """The face that pin and compare show, (64, 64, 3) uint8."""
    scene = Scene(state)
    return to_uint8(scene.draw_faces(scene.styles[None])[0])


def frames(state: State) -> list[np.ndarray]:
    """The run that can be saved as a GIF: the walks between two faces, or the training."""
    part = learn if state["part"] == "learn" else between
    return part.frames(Scene(state))


def warm() -> None:
    """Load what the first view needs, and draw once: the first call plans the convolutions."""
    for data in zoo.DATA_SETS:
        scene = Scene(SCHEMA.defaults() | {"data": data})
        scene.scores(scene.draw_faces(scene.w(0)))
        scene.features(torch.zeros(1, 3, 64, 64))
        _ = scene.directions, scene.components, zoo.neighbours(data)


def card(state: State) -> str:
    """The model card behind (i)."""
    return zoo.card(zoo.gan_folder(state["data"]))


TAB = Tab(
    name="gan",
    label="GAN",
    accent="#ff9e4a",
    schema=SCHEMA,
    parts=PARTS,
    act=act,
    draw=draw,
    picture=picture,
    stories=stories.load("gan", SCHEMA),
    warm=warm,
    frames=frames,
    card=card,
    takes=("photo", "find it in W"),
)


def api() -> list[Callable]:
    """The named endpoints of this tab."""
    return list(ENDPOINTS)


if __name__ == "__main__":
    launch.run_tab(TAB, layout, api())
