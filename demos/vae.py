"""The VAE tab: latent sliders, your own picture, blends, the beta family and the maps of code space.

Every part lives in its own module of ``demos/vae_parts``; this one puts them together. Run it alone with
``python -m demos.vae``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from demos.common import Moves, acted, credited
from demos.stage import launch, stories
from demos.stage.frame import Tab
from demos.stage.state import Code, Schema
from demos.vae_api import ENDPOINTS
from demos.vae_parts import arithmetic, beta, blend, planes, sliders, your_picture
from demos.vae_parts.scene import Scene
from demos.widgets.picture import to_uint8
from models import zoo

State = dict[str, Any]

DRAW: dict[str, Callable[[Scene, bool], dict[str, Any]]] = {
    "sliders": sliders.draw,
    "picture": your_picture.draw,
    "blend": blend.draw,
    "beta": beta.draw,
    "pad": planes.draw_pad,
    "manifold": planes.draw_manifold,
    "arithmetic": arithmetic.draw_sum,
    "holes": arithmetic.draw_holes,
}
layout: dict[str, Callable[[], None]] = {
    "sliders": sliders.stage,
    "picture": your_picture.stage,
    "blend": blend.stage,
    "beta": beta.stage,
    "pad": planes.stage_pad,
    "manifold": planes.stage_manifold,
    "arithmetic": arithmetic.stage_sum,
    "holes": arithmetic.stage_holes,
}
PARTS = (
    sliders.PART,
    your_picture.PART,
    blend.PART,
    beta.PART,
    planes.PAD,
    planes.MANIFOLD,
    arithmetic.SUM,
    arithmetic.HOLES,
)
SCHEMA = Schema(
    "vae",
    [
        Code("code", size=64),
        Moves("moves", lambda: [name for data in zoo.DATA_SETS for name in zoo.directions(data).names]),
        *your_picture.PARAMS,
        *blend.PARAMS,
        *beta.PARAMS,
        *planes.PARAMS,
        *arithmetic.PARAMS,
    ],
    PARTS,
)


def act(state: State, action: dict[str, Any]) -> State:
    """The state after one action: the first part that knows the action answers, else it names a parameter."""
    answer = acted((sliders, your_picture, blend, planes, arithmetic), state, action)
    if answer is not None:
        return answer
    state = SCHEMA.assign(state, action)
    # another seed or set is another face: what was set by hand belonged to the old one
    if action["name"] in ("seed", "data"):
        state = state | {"code": None, "moves": {}, "hidden": []}
    return state


def draw(state: State, live: bool) -> dict[str, Any]:
    """What the present part shows, and the credit that the licences of the pictures ask for."""
    return credited(DRAW[state["part"]](Scene(state), live), state["data"])


def picture(state: State) -> np.ndarray:
    """The face that pin and compare show, (64, 64, 3) uint8."""
    scene = Scene(state)
    return to_uint8(scene.decode(scene.code)[0])


def frames(state: State) -> list[np.ndarray]:
    """The run that can be saved as a GIF: the two blends."""
    return blend.frames(Scene(state))


def warm() -> None:
    """Load what the first view needs, and decode once: the first call plans the convolutions."""
    for data in zoo.DATA_SETS:
        zoo.directions(data)
        with torch.inference_mode():
            zoo.vae(data).decode(torch.zeros(1, 64))


def card(state: State) -> str:
    """The model card behind (i): the member of the family that is shown."""
    chosen = float(state["beta"]) if state["part"] == "beta" else 1.0
    return zoo.card(zoo.vae_folder(state["data"], chosen))


TAB = Tab(
    name="vae",
    label="VAE",
    accent="#4cc9a4",
    schema=SCHEMA,
    parts=PARTS,
    act=act,
    draw=draw,
    picture=picture,
    stories=stories.load("vae", SCHEMA),
    warm=warm,
    frames=frames,
    card=card,
    takes=("picture", "encode it"),
)


def api() -> list[Callable]:
    """The named endpoints of this tab."""
    return list(ENDPOINTS)


if __name__ == "__main__":
    launch.run_tab(TAB, layout, api())
