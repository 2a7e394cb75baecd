"""Part "Seeds": what the noise decides. Two noises blended, one poked, and one asked for different things."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from demos import follow, prompting
from demos.diffusion_parts.scene import Scene
from demos.diffusion_parts.seeds_batches import SCHEDULER, SIDE, STEPS, Batch, Blend, Poke, Values
from demos.diffusion_parts.seeds_modes import COUNT, FEW, Blending, Mode, Poking, Wishing, plain
from demos.follow import Watch
from demos.stage.frame import Haste, Part
from demos.stage.state import DATA, SEED_LIMIT, Choice, Flag, Integer, Number
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.mask_pad import MaskPad
from models import conditions

PART = Part("seeds", "Seeds", frames=True)
PROGRESS = "seeds_progress"
ATTRIBUTES = tuple(dict.fromkeys(["hair_color", *(name for data in DATA for name in conditions.vocabulary(data))]))
SIZES = ("8", "16", "32")
PATIENCE = 50.0  # seconds that a GIF waits for a run


@dataclass(frozen=True)
class Kind:
    """One of the part's modes: its word, and what shows it."""

    label: str
    mode: type[Mode]


KINDS = {
    "blend": Kind("Blend", Blending),
    "poke": Kind("Poke", Poking),
    "values": Kind("Attribute", Wishing),
}
PARAMS = (
    Choice("seeds_mode", tuple(KINDS)),
    Integer("seeds_b", 0, SEED_LIMIT, 12),
    Flag("seeds_lerp"),
    Number("poke_x", 0.0, 1.0, 0.3, 0.0001),
    Number("poke_y", 0.0, 1.0, 0.3, 0.0001),
    Choice("poke_size", SIZES, "16"),
    Choice("seeds_attribute", ATTRIBUTES),
    follow.Progress(PROGRESS),
)
NAMED = {param.name: param for param in PARAMS}


def stage() -> None:
    """The noise to poke, which only that mode shows, and the sheet of pictures."""
    MaskPad("seeds-noise", "diffusion", elem_classes="pg-narrow")
    FaceSheet("seeds-sheet", "diffusion", elem_classes="pg-wide")


def attribute(scene: Scene) -> str:
    """The attribute whose values are shown; a set that does not know the chosen one shows its first."""
    known = scene.denoiser.conditions
    chosen = scene.state["seeds_attribute"]
    return chosen if chosen in known else next(iter(known))


def batches(scene: Scene) -> tuple[Batch, ...]:
    """What the state asks for."""
    state = scene.state
    request = scene.varied(steps=STEPS, scheduler=SCHEDULER, eta=0.0)
    if state["seeds_mode"] == "blend":
        ways = ("slerp", "lerp") if state["seeds_lerp"] else ("slerp",)
        return tuple(Blend(request, state["seeds_b"], way, COUNT) for way in ways)
    if state["seeds_mode"] == "values":
        return (Values(request, attribute(scene)),)
    side = int(state["poke_size"])
    left, top = (min(max(round(state[name] * SIDE - side / 2), 0), SIDE - side) for name in ("poke_x", "poke_y"))
    return (Poke(request, state["seeds_b"], left, top, side),)


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``seeds-follow``, ``-stop`` and ``-go-on``, and ``poke`` while this part is shown; else None."""
    if name == "poke" and state["part"] == PART.name:
        if not isinstance(value, dict) or value.keys() != {"x", "y"}:
            raise ValueError("A poke is a place with x and y.")
        return state | {f"poke_{axis}": NAMED[f"poke_{axis}"].check(value[axis]) for axis in "xy"}
    return follow.act(state, PART.name, PROGRESS, lambda: batches(Scene(state)), name, value)


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The pictures as far as they are; while a hand drags the pictures stay as they were."""
    asked = batches(scene)
    watch = follow.look(scene.state, PROGRESS, asked, live)
    records = watch.records or tuple([] for _ in asked)
    mode = KINDS[scene.state["seeds_mode"]].mode(scene, asked, records, watch.complete)
    view = {"rail": {"items": _rail(scene, watch, live)}} | watch.again("seeds-follow")
    if watch.following:
        view["play"] = {"name": "seeds-stop", "value": None}
    if live and not watch.following:
        return view | ({"seeds-noise": mode.pad()} if isinstance(mode, Poking) else {})
    if live and watch.have == sum(map(len, records)):  # nothing new since the page asked last
        return view
    view |= mode.views()
    if watch.complete and not live:
        return view | {"see": mode.see(), "formula": mode.formula()}
    pictures = sum(len(batch) for batch in mode.pictures)
    return view | {"see": f"{watch.words} {pictures} pictures in {len(asked)} batch{'es' if len(asked) > 1 else ''}."}


def frames(scene: Scene) -> list[np.ndarray]:
    """From A to B, from noise to picture, or one value after the other: the run that can be saved as a GIF.

    Raises ValueError if a run fails or takes too long.
    """
    asked = batches(scene)
    runs = [batch.run() for batch in asked]
    for run in runs:
        if not run.wait(PATIENCE) or run.failed:
            raise ValueError(run.failed or "The pictures are not finished yet. Try again in a moment.")
    return KINDS[scene.state["seeds_mode"]].mode(scene, asked, [run.records for run in runs], True).frames()


def _rail(scene: Scene, watch: Watch, live: Haste) -> list[dict[str, Any]]:
    state, mode = scene.state, scene.state["seeds_mode"]
    seed = {"kind": "number", "min": 0, "max": SEED_LIMIT, "dice": True}
    first = {"blend": "Noise A, seed", "poke": "Noise, seed", "values": "Noise of all, seed"}[mode]
    items: list[dict[str, Any]] = [
        {"kind": "choice", "name": "seeds_mode", "label": "What to do with the noise", "value": mode}
        | {"options": [{"value": name, "label": kind.label} for name, kind in KINDS.items()]},
        prompting.control(state["prompt"], scene.data, brief=bool(live)),
        seed | {"name": "seed", "label": first, "value": state["seed"]},
    ]
    if mode == "blend":
        items += [
            seed | {"name": "seeds_b", "label": "Noise B, seed", "value": state["seeds_b"]},
            {
                "kind": "toggle",
                "name": "seeds_lerp",
                "label": "Straight line, too (lerp)",
                "value": state["seeds_lerp"],
            },
        ]
    elif mode == "poke":
        sizes = [{"value": size, "label": f"{size} × {size}"} for size in SIZES]
        items += [
            seed | {"name": "seeds_b", "label": "Noise in the square, seed", "value": state["seeds_b"]},
            {"kind": "choice", "name": "poke_size", "label": "Square, pixels of 64 × 64", "options": sizes}
            | {"value": state["poke_size"]},
        ]
    else:
        known = [{"value": name, "label": plain(name)} for name in scene.denoiser.conditions]
        items.append(
            {"kind": "choice", "name": "seeds_attribute", "label": "Attribute", "options": known}
            | {"value": attribute(scene)}
        )
    items += watch.button(PART.name)
    return [*items, {"kind": "text", "name": "seeds-few", "label": f"{FEW}, so that many pictures are soon there."}]
