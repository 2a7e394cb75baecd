"""Part "Is it remembered?": the training faces that a made face resembles most, judged by what strangers resemble."""

from typing import Any

import gradio as gr
from torch import Tensor

from demos.common import faces, hero, number, source
from demos.gan_parts.faces import psi_slider
from demos.gan_parts.scene import SHEET, Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import SEED_LIMIT
from demos.training_faces import drawings, matches
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.meter import Meter
from models import metrics, zoo
from models.neighbours import Neighbours

PART = Part("remembered", "Is it remembered?", more=True, follows=True)
NEAREST = 5
WHY = {
    "portraits": "Our autoencoder's drawings of the five training pictures; the photographs are not shipped.",
    "toons": "Our autoencoder's drawings of the five training pictures; not all of them are shipped.",
}


def stage() -> None:
    """The selected face large; beside it its neighbours, the verdict and the other faces of the seed."""
    FaceSheet("remembered-face", "gan")
    with gr.Column(elem_classes=["pg-stack", "pg-brief"]):
        FaceSheet("remembered-near", "gan", elem_classes="pg-fit")
        Meter("remembered-verdict", "gan", elem_classes="pg-fit")
        FaceSheet("remembered-row", "gan", elem_classes=["pg-fit", "pg-later"])


def nearer_strangers(known: Neighbours, distance: float) -> float:
    """The share of held-out real pictures whose nearest training picture is nearer than ``distance``, 0..1."""
    return 1.0 - float(metrics.exceeded_by([distance], known.baseline)[0])


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The face at once, its neighbours as soon as they may follow, verdict and row when the hand rests."""
    face = scene.draw_faces(scene.styles[None])
    view = {"remembered-face": _hero(scene, face), "rail": {"items": _rail(scene)}}
    if live == Haste.LIVE:
        return view
    found = matches(scene.data, face, NEAREST)[0]
    near = faces(
        drawings(scene.data, found),
        NEAREST,
        "The five training pictures that are most alike, as the autoencoder draws them",
        WHY[scene.data],
        source="",
        col_labels=["nearest", "2nd", "3rd", "4th", "5th"],
        notes=[f"{match.distance:.3f}" for match in found],
    )
    if live:
        return {"remembered-near": near}
    known, distance = zoo.neighbours(scene.data), found[0].distance
    return view | {
        "remembered-near": near,
        "remembered-verdict": {"items": [_distance(known, distance), _strangers(known, distance)]},
        "remembered-row": _row(scene),
        "see": see(known, distance),
        "formula": _formula(known, distance),
    }


def _hero(scene: Scene, face: Tensor) -> dict[str, Any]:
    state = scene.state
    who = (
        "found for your photo" if state["own"] else f"seed {state['seed']}, face {state['face'] + 1}, ψ = {scene.psi:g}"
    )
    return hero(face, who, "The selected face, large")


def _row(scene: Scene) -> dict[str, Any]:
    pictures = scene.draw_faces(scene.generator.truncate(scene.w(scene.state["seed"]), scene.psi))
    return faces(
        pictures,
        SHEET // 2,
        f"Sixteen faces of seed {scene.state['seed']}; click one to ask about it",
        "Click another face to ask about it.",
        source="",
        actions=[{"name": "face", "value": i} for i in range(SHEET)],
        selected=None if scene.state["own"] else scene.state["face"],
    )


def _distance(known: Neighbours, distance: float) -> dict[str, Any]:
    limit, farthest = float(known.baseline[0]), float(known.baseline[-1])
    return {
        "label": "Distance to the nearest",
        "value": distance,
        "max": 1.05 * max(distance, farthest),
        "text": f"{distance:.3f}",
        "meaning": "training picture, between what the attribute reader sees in the one and in the other",
        "mark": limit,
        "mark_label": f"nearest real stranger, {limit:.3f}",
    }


def _strangers(known: Neighbours, distance: float) -> dict[str, Any]:
    share = nearer_strangers(known, distance)
    return {
        "label": "Real strangers that are nearer",
        "value": share,
        "max": 1.0,
        "text": f"{100 * share:.0f} %",
        "meaning": f"of {len(known.baseline):,} real pictures that were kept out of every training",
    }


def see(known: Neighbours, distance: float) -> str:
    """The verdict in words."""
    strangers = f"{len(known.baseline):,} real pictures that were kept out of training"
    if known.is_memorised(distance):
        return (
            f"Closer than any real stranger: none of {strangers} comes as near to one that was learnt from. "
            "By this test the face is remembered."
        )
    nearer = round(nearer_strangers(known, distance) * len(known.baseline))
    return (
        f"Not closer than any real stranger: {nearer:,} of {strangers} are nearer to the training set than this face. "
        "Looking like somebody is not yet copying."
    )


def _rail(scene: Scene) -> list[dict[str, Any]]:
    return [
        {"kind": "heading", "label": "Who is asked about"},
        {
            "kind": "number",
            "name": "seed",
            "label": "Seed",
            "min": 0,
            "max": SEED_LIMIT,
            "value": scene.state["seed"],
        },
        psi_slider(scene.psi),
        {"kind": "button", "name": "random", "label": "Sixteen new faces", "primary": True},
    ]


def _formula(known: Neighbours, distance: float) -> dict[str, Any]:
    middle = float(known.baseline.median())
    return {
        "title": "The test",
        "lines": [
            ["d(x) = minᵢ |φ(x) − φ(xᵢ)| = ", number(distance, 3), f",  i = 1 … {len(known):,}"],
            ["strangers: nearest ", number(float(known.baseline[0]), 3), ", median ", number(middle, 3)],
            ["remembered: d(x) < nearest?  ", {"n": "yes" if known.is_memorised(distance) else "no"}],
        ],
        "code": source(Neighbours.nearest, Neighbours.is_memorised),
    }
