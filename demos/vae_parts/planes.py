"""Parts "Pad" and "Manifold": two latent dimensions at a time, as a hand moves or as one sheet of faces."""

from typing import Any

import torch

from demos.common import faces, hero, number, source, stopwatch
from demos.stage.frame import Part
from demos.stage.state import Integer
from demos.vae_parts.scene import Scene
from demos.vae_parts.sliders import latent_label
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.latent_pad import LatentPad
from demos.widgets.picture import encode, sheet
from models import latents

PAD = Part("pad", "Pad", more=True)
MANIFOLD = Part("manifold", "Manifold", more=True)
SIZE = 64
REACH = 3.0  # prior standard deviations to either side
PAD_SIDE = 9  # faces along one side of the pad's background
PAD_REACH = 4.0 * (PAD_SIDE - 1) / PAD_SIDE  # the middles of its cells: the pad itself goes from -4 to 4
SIDE = 20  # faces along one side of the manifold
CELL = 40  # pixels of one of them: 400 faces at 64 would be a megabyte of picture for a screen that shows fewer
PARAMS = (Integer("across", 0, SIZE - 1, 0), Integer("up", 0, SIZE - 1, 1))  # places in the order of KL


def axes(scene: Scene) -> tuple[int, int]:
    """The two dimensions in use; when both choices name the same place, the next one is taken for ``up``."""
    across, up = scene.state["across"], scene.state["up"]
    if across == up:
        up = (up + 1) % len(scene.order)
    return scene.order[across], scene.order[up]


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``pad`` with [x, y]; ``across`` and ``up`` arrive as texts from the choice. None for other actions."""
    if name == "pad":
        scene = Scene(state)
        pair = isinstance(value, list) and len(value) == 2
        if not pair or not all(isinstance(v, int | float) and not isinstance(v, bool) and abs(v) <= 4 for v in value):
            raise ValueError("A place on the pad is two numbers from -4 to 4.")
        code = scene.base.clone()
        for dimension, wanted in zip(axes(scene), value, strict=True):
            code[dimension] += wanted - scene.code[dimension]
        return state | {"code": latents.to_grid(code).tolist()}
    if name in ("across", "up"):
        if not isinstance(value, str) or not value.isdigit():
            raise ValueError(f"{name} is a place in the order of KL.")
        return state | {name: int(value)}
    return None


def stage_pad() -> None:
    """The pad and the face, side by side."""
    LatentPad("plane", "vae")
    FaceSheet("pad-face", "vae")


def stage_manifold() -> None:
    """One sheet of 400 faces, and beside it the one that was clicked."""
    FaceSheet("sheet", "vae")
    FaceSheet("manifold-face", "vae")


def _pictures(scene: Scene, side: int, reach: float) -> torch.Tensor:
    across, up = axes(scene)
    steps = torch.linspace(-reach, reach, side)
    return scene.decode(latents.plane(scene.code, across, up, steps, steps.flip(0)))


def draw_pad(scene: Scene, live: bool) -> dict[str, Any]:
    """The face at the knob; when the hand rests also a faint sheet of the plane under it."""
    across, up = axes(scene)
    with stopwatch() as spent:
        picture = scene.decode(scene.code)
    value = {
        "name": "pad",
        "x": {"label": latent_label(across), "min": -4.0, "max": 4.0, "value": round(float(scene.code[across]), 4)},
        "y": {"label": latent_label(up), "min": -4.0, "max": 4.0, "value": round(float(scene.code[up]), 4)},
    }
    view = {
        "pad-face": hero(picture, f"decoded in {spent[0]:.0f} ms", "The face at the knob's place"),
        "plane": value,
        "rail": {"items": _rail(scene)},
    }
    if live:
        return view
    around = torch.nn.functional.interpolate(_pictures(scene, PAD_SIDE, PAD_REACH), size=CELL, mode="area")
    value["background"] = encode(sheet(around, PAD_SIDE))
    return view | {
        "see": f"Left and right move {latent_label(across)}, up and down {latent_label(up)}; all else stays as it is.",
        "formula": _formula(scene),
    }


def draw_manifold(scene: Scene, live: bool) -> dict[str, Any]:
    """Four hundred faces on a grid over two dimensions; a click goes there."""
    across, up = axes(scene)
    steps = torch.linspace(-REACH, REACH, SIDE)
    with stopwatch() as spent:
        pictures = _pictures(scene, SIDE, REACH)
    small = torch.nn.functional.interpolate(pictures, size=CELL, mode="area")
    places = [[round(float(x), 3), round(float(y), 3)] for y in steps.flip(0) for x in steps]
    return {
        "sheet": faces(
            small,
            SIDE,
            "Faces over a plane of two latent dimensions",
            f"{SIDE * SIDE} faces decoded in {spent[0]:.0f} ms. Across {latent_label(across)}, up {latent_label(up)}, "
            f"each from −{REACH:g} to +{REACH:g}. Click a face to go there.",
            actions=[{"name": "pad", "value": place} for place in places],
        ),
        "manifold-face": hero(
            scene.decode(scene.code), "the face at the present place", "The face at the present place"
        ),
        "rail": {"items": _rail(scene)},
        "see": "A plane through code space: neighbours on the plane are neighbours in looks, and nowhere is a gap.",
        "formula": _formula(scene),
    }


def _rail(scene: Scene) -> list[dict[str, Any]]:
    awake = [i for i, dimension in enumerate(scene.order) if scene.active[dimension]]
    options = [
        {"value": str(i), "label": f"{latent_label(scene.order[i])}  ·  {scene.kl[scene.order[i]]:.2f} nats"}
        for i in sorted({*awake, scene.state["across"], scene.state["up"]})
    ]
    choice = {"kind": "choice", "options": options}
    return [
        choice | {"name": "across", "label": "Across", "value": str(scene.state["across"])},
        choice | {"name": "up", "label": "Up", "value": str(scene.state["up"])},
        {"kind": "button", "name": "random", "label": "Another face", "primary": True},
    ]


def _formula(scene: Scene) -> dict[str, Any]:
    across, up = axes(scene)
    x, y = float(scene.code[across]), float(scene.code[up])
    return {
        "title": "The place",
        "lines": [
            [f"z = (…, {latent_label(across)} = ", number(x, 2), f", {latent_label(up)} = ", number(y, 2), ", …)"],
            ["x̂ = decode(z)"],
        ],
        "code": source(latents.plane),
    }
