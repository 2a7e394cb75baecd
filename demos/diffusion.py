"""The diffusion tab: one real run from noise to a face, seen from every side.

Every part lives in its own module of ``demos/diffusion_parts``; this one puts them together. Run it alone with
``python -m demos.diffusion``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from demos import uploads
from demos.common import acted, credited
from demos.diffusion_api import ENDPOINTS
from demos.diffusion_parts import decides, guidance, lanes, learn, picture, points, run, seeds, wrong
from demos.diffusion_parts.scene import LABELS, Scene
from demos.stage import launch, stories
from demos.stage.frame import Haste, Tab
from demos.stage.state import Choice, Flag, Integer, Number, Schema, Text
from models import zoo

State = dict[str, Any]
MODULES = (run, lanes, picture, seeds, guidance, decides, points, learn, wrong)
PARTS = tuple(module.PART for module in MODULES)
layout: dict[str, Callable[[], None]] = {module.PART.name: module.stage for module in MODULES}
SCHEMA = Schema(
    "diffusion",
    [
        Text("prompt", 2000, "grey hair, blue background"),
        Integer("steps", 1, 100, 25),
        Choice("scheduler", tuple(LABELS)),
        Number("guidance", 0.0, 20.0, 3.0, 0.5),
        Number("eta", 0.0, 1.0, 0.0, 0.05),
        Flag("running", private=True),
        *uploads.PARAMS,
        *(param for module in MODULES for param in module.PARAMS),
    ],
    PARTS,
)


def act(state: State, action: dict[str, Any]) -> State:
    """The state after one action: the first part that knows the action answers, else it names a parameter."""
    answer = acted(MODULES, state, action)
    return run.asked(SCHEMA.assign(state, action), action["name"]) if answer is None else answer


def draw(state: State, live: Haste) -> dict[str, Any]:
    """What the present part shows, and the credit that the licences of the pictures ask for."""
    module = next(module for module in MODULES if module.PART.name == state["part"])
    view = module.draw(Scene(state), live)
    return view if state["part"] == points.PART.name else credited(view, state["data"])


def shown(state: State) -> np.ndarray | None:
    """The picture that pin and compare show, (64, 64, 3) uint8."""
    return run.picture(Scene(state))


def frames(state: State) -> list[np.ndarray]:
    """The run of the present part that can be saved as a GIF."""
    module = next(module for module in MODULES if module.PART.name == state["part"])
    return module.frames(Scene(state))


def warm() -> None:
    """Load what the first view needs, and ask once: the first call plans the convolutions."""
    for data in zoo.DATA_SETS:
        scene = Scene(SCHEMA.defaults() | {"data": data})
        scene.denoiser.predict(scene.request.noise(), 999)
        zoo.attributes(data)


def card(state: State) -> str:
    """The model card behind (i)."""
    return zoo.card(zoo.diffusion_folder(state["data"]))


TAB = Tab(
    name="diffusion",
    label="Diffusion",
    accent="#6ea8ff",
    schema=SCHEMA,
    parts=PARTS,
    act=act,
    draw=draw,
    picture=shown,
    stories=stories.load("diffusion", SCHEMA),
    warm=warm,
    frames=frames,
    card=card,
    takes=("picture", "noise it"),
    slow=True,
)


def api() -> list[Callable]:
    """The named endpoints of this tab."""
    return list(ENDPOINTS)


if __name__ == "__main__":
    launch.run_tab(TAB, layout, api())
