"""You are here: a picture that is not on the map, put where it belongs, with those it truly resembles."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from demos import uploads
from demos.common import faces
from demos.latent_map_parts import canvas
from demos.latent_map_parts.scene import Scene
from demos.latent_map_parts.spots import labels, percent
from demos.vae_parts.scene import prior_code
from models.latent_map_records import Projection
from models.latent_map_warmth import WARMTH

NEIGHBOURS = 5
STRANGER = 0.01  # of the real pictures are lonelier: fewer, and it is like none of them
WAIT_MS = 700  # between two looks at whether umap-learn is ready


def picture(scene: Scene) -> tuple[Tensor, str]:
    """The picture to place, (3, 64, 64), and what it is."""
    if scene.state["picture"]:
        return uploads.to_tensor(uploads.read_picture(scene.state["picture"]))[0], "Your picture"
    example = scene.state["example"]
    if scene.data == "toons":
        return uploads.to_tensor(uploads.example_atlas()[example])[0], "A drawing that no model saw"
    with torch.inference_mode():
        return scene.vae.decode(prior_code(example, scene.vae.config.latent_size)[None])[0], "A face the VAE made up"


def waits(scene: Scene) -> str:
    """Why nothing can be placed yet, as a sentence; "" if it can."""
    if scene.layout.key.method != "umap" or WARMTH.state == "warm":
        return ""
    if WARMTH.state == "failed":
        raise ValueError(f"UMAP could not be started: {WARMTH.reason}")
    WARMTH.start()
    return "UMAP is warming up: it compiles itself once, in some twenty seconds. Then the picture is placed."


def place(scene: Scene) -> Projection:
    """Where the picture belongs; tens of milliseconds. The example, which the map has, is put down anew."""
    anew = not scene.state["picture"]
    return scene.atlas.project(picture(scene)[0], scene.vae, scene.reader, scene.layout.key, anew)


def marks(scene: Scene, found: Projection) -> dict[str, Any]:
    """The star on the board, and lines to those whom the picture truly resembles; a ring where the example was."""
    at = canvas.to_board(scene.layout, found.point)
    was = [] if found.known is None or scene.state["picture"] else [{"point": found.known, "kind": "pin"}]
    near = found.neighbours[:NEIGHBOURS].tolist()
    lines = [{"from": at, "to": point, "strength": 1 - k / NEIGHBOURS} for k, point in enumerate(near)]
    label = "the example is here" if not scene.state["picture"] else "you are here"
    return {"marks": [{"at": at, "kind": "you", "label": label}, *was], "lines": lines}


def neighbours(scene: Scene, found: Projection) -> dict[str, Any]:
    """Value of a face sheet: the picture, then its true neighbours, given back by the VAE; a click goes there."""
    shown, what = picture(scene)
    near = found.neighbours[:NEIGHBOURS]
    with torch.inference_mode():
        decoded = scene.vae.decode(torch.from_numpy(scene.atlas.vectors["latent"][near]))
    space = {"latent": "codes", "features": "features", "pixels": "pixels"}[scene.layout.key.representation]
    distances = [f"{distance:.2f}" for distance in found.distances[: len(near)]]
    return faces(
        torch.cat([shown[None], decoded]),
        3,
        f"{what}, and the {len(near)} real pictures with the nearest {space}, and how far they are",
        source="",
        actions=[None, *({"name": "board-click", "value": {"point": int(point), "place": None}} for point in near)],
        notes=["this one", *distances],
    )


def meter(found: Projection) -> dict[str, Any]:
    """Value of a meter: how far to believe the star."""
    kept = round(found.kept * len(found.neighbours))
    stranger = "a stranger: hardly any is so far from all others" if found.alike < STRANGER else ""
    return {
        "items": [
            {
                "label": "Trust",
                "value": found.trust,
                "max": 1.0,
                "text": percent(found.trust),
                "meaning": f"{kept} of {len(found.neighbours)} true neighbours lie around it",
            },
            {
                "label": "Alike",
                "value": found.alike,
                "max": 1.0,
                "text": percent(found.alike),
                "meaning": stranger or "of real pictures are as far from all others",
            },
        ]
    }


def see(scene: Scene, found: Projection) -> str:
    """What happened, in plain words."""
    _, what = picture(scene)
    kin = labels(scene.atlas, int(found.neighbours[0]))
    if found.known is not None and scene.state["picture"]:
        return f"{what}: it is on the map already, so it lies on itself. Lines lead to those it truly resembles."
    if found.known is not None:
        away = scene.layout.points[found.known] - found.point
        gaps = float(np.linalg.norm(away)) / scene.layout.spacing
        return (
            f"{what}, though the map has it. Here it was put down anew, as yours would be: {gaps:.1f} times the usual "
            f"gap between neighbours from its own place (the ring). Its nearest of kin: {kin}."
        )
    return (
        f"{what} was read by the same network as the others and set down among those it resembles most, who did not "
        f"move. Its nearest of kin: {kin}."
    )
