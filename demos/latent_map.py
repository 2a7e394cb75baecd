"""The map tab: every place of latent space becomes a face, and the map says how far to believe it.

Every part lives in its own module of ``demos/latent_map_parts``; this one puts them together. Run it alone with
``python -m demos.latent_map``.
"""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from demos import uploads
from demos.common import acted, credited
from demos.latent_map_api import ENDPOINTS
from demos.latent_map_parts import circled, explore, families, knobs, methods, paths, spots, traps, trust
from demos.latent_map_parts.scene import Scene
from demos.stage import launch, stories
from demos.stage.frame import Haste, Tab, guarded
from demos.stage.state import Choice, Flag, Integer, Schema
from demos.widgets.picture import to_uint8
from models import latent_map_warmth, zoo
from models.latent_map_layouts import METHODS, MIN_DIST, N_NEIGHBORS, REPRESENTATIONS, SEEDS

State = dict[str, Any]
MODULES = (explore, paths, trust, families, knobs, methods, traps)
PARTS = tuple(module.PART for module in MODULES)
SCHEMA = Schema(
    "map",
    [
        Choice("representation", REPRESENTATIONS),
        Choice("method", METHODS),
        Choice("n_neighbors", tuple(map(str, (15, *(n for n in N_NEIGHBORS if n != 15))))),
        Choice("min_dist", tuple(f"{d:g}" for d in (0.1, *(d for d in MIN_DIST if d != 0.1)))),
        Integer("lay_seed", 0, SEEDS[-1], 0),
        Flag("solid"),  # three dimensions
        Flag("running", private=True),
        *uploads.PARAMS,
        *(param for module in MODULES for param in module.PARAMS),
    ],
    PARTS,
)


def act(state: State, action: dict[str, Any]) -> State:
    """The state after one action: the first part that knows the action answers, else it names a parameter."""
    answer = acted(MODULES, state, action)
    if answer is not None:
        return answer
    state = SCHEMA.assign(state, action)
    if action["name"] == "data":
        return state | explore.ANOTHER_SET
    return state | explore.ELSEWHERE if action["name"] in explore.LAID_BY else state


def draw(state: State, live: Haste) -> dict[str, Any]:
    """What the present part shows, and the credit that the licences of the pictures ask for."""
    module = next(module for module in MODULES if module.PART.name == state["part"])
    return credited(module.draw(Scene(state), live), state["data"])


def table(payload: dict[str, Any]) -> dict[str, str]:
    """The circled points as a CSV file; what the board's button asks for."""
    return circled.table(Scene(SCHEMA.check(payload.get("state"))))


layout: dict[str, Callable[[], None]] = {module.PART.name: module.stage for module in MODULES} | {
    explore.PART.name: functools.partial(explore.stage, guarded(table))
}


def picture(state: State) -> np.ndarray | None:
    """The face that pin and compare show, (64, 64, 3) uint8: that of the chosen spot; None in other parts."""
    if state["part"] != explore.PART.name:
        return None
    scene = Scene(state)
    with torch.inference_mode():
        return to_uint8(scene.vae.decode(spots.find(scene).code[None])[0])


def warm() -> None:
    """Load what the first view needs; umap-learn compiles itself in the background."""
    latent_map_warmth.warm_up()
    for data in zoo.DATA_SETS:
        zoo.attributes(data)
        spot = spots.find(Scene(SCHEMA.defaults() | {"data": data}))
        with torch.inference_mode():
            zoo.vae(data).decode(spot.code[None])  # the first call plans the convolutions


def card(state: State) -> str:
    """The card behind (i)."""
    return zoo.card(zoo.map_folder(state["data"]))


TAB = Tab(
    name="map",
    label="Map",
    accent="#ffd166",
    schema=SCHEMA,
    parts=PARTS,
    act=act,
    draw=draw,
    stories=stories.load("map", SCHEMA),
    warm=warm,
    picture=picture,
    card=card,
    takes=(explore.PART.name, "place it on the map"),
)


def api() -> list[Callable]:
    """The named endpoints of this tab."""
    return list(ENDPOINTS)


if __name__ == "__main__":
    launch.run_tab(TAB, layout, api())
