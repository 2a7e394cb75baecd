"""Part "Faces": sixteen people who do not exist, one of them large, and what truncation does to all of them."""

from typing import Any

import gradio as gr
import torch
from torch import Tensor

from demos.common import faces, hero, new_seed, number, source, stopwatch
from demos.gan_parts.scene import SHEET, Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import SEED_LIMIT
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.meter import Meter
from models import gan, threads

PART = Part("faces", "Faces", follows=True)
COLUMNS = 4
FRESH = {"face": 0, "moves": {}, "own": "", "hidden": []}  # another sheet: what was done to the old face goes with it


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``random``; ``psi``, ``seed`` and ``face`` are plain parameters. None for anybody else's action."""
    if name == "random":
        return state | {"seed": new_seed(state)} | FRESH
    return None


def stage() -> None:
    """The sheet beside the selected face, the two meters under it."""
    FaceSheet("sheet", "gan")
    with gr.Column(elem_classes=["pg-stack"]):
        FaceSheet("face", "gan")
        Meter("quality", "gan", elem_classes="pg-fit")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The selected face at once, the sheet a little behind, scores and meters when the hand rests."""
    if live == Haste.FOLLOW:
        return {"sheet": _sheet(scene, sheet(scene, live), quick=True)}
    with stopwatch() as spent:
        face = scene.draw_faces(scene.styles[None], live)
    view = {"face": _hero(scene, face, None if live else spent[0]), "rail": {"items": rail(scene)}}
    if live:
        return view
    pictures = sheet(scene)
    logits = scene.scores(pictures)
    return view | {
        "sheet": _sheet(scene, pictures, notes=[signed(score) for score in logits.tolist()]),
        "quality": {"items": [_diversity(scene, pictures), _realism(scene, pictures)]},
        "see": _see(scene, logits),
        "formula": _formula(scene, logits),
    }


def signed(value: float) -> str:
    """``+1.3`` or ``−0.4``, with a true minus sign."""
    return f"{value:+.1f}".replace("-", "−")


def sheet(scene: Scene, live: Haste = Haste.REST) -> Tensor:
    """The sixteen faces of the seed, (16, 3, 64, 64); the selected one as it stands now, with every push."""
    w = scene.generator.truncate(scene.w(scene.state["seed"]), scene.psi)
    with threads.for_batch(1):  # two cores would spend longer on sharing this copy than on making it
        styles = w[:, None].repeat(1, scene.generator.layers, 1)
    if not scene.state["own"]:
        styles[scene.state["face"]] = scene.styles
    return scene.draw_faces(styles, live)


def _sheet(scene: Scene, pictures: Tensor, quick: bool = False, notes: list[str] | None = None) -> dict[str, Any]:
    return faces(
        pictures,
        COLUMNS,
        f"Sixteen faces of seed {scene.state['seed']}; click one to select it",
        "The discriminator's score under each: above 0 it says “real”.",
        quick=quick,
        actions=[{"name": "face", "value": i} for i in range(SHEET)],
        selected=None if scene.state["own"] else scene.state["face"],
        notes=notes,
    )


def _hero(scene: Scene, face: Tensor, milliseconds: float | None) -> dict[str, Any]:
    """milliseconds: None while a hand drags: other words in every frame cost the page more time than the face."""
    who = (
        "found for your photo" if scene.state["own"] else f"seed {scene.state['seed']}, face {scene.state['face'] + 1}"
    )
    drawn = "" if milliseconds is None else f"drawn in {milliseconds:.0f} ms · "
    return hero(face, drawn + who, "The selected face, large")


def rail(scene: Scene) -> list[dict[str, Any]]:
    """The controls of this part."""
    return [
        {"kind": "heading", "label": "Sixteen who do not exist"},
        {"kind": "number", "name": "seed", "label": "Seed", "min": 0, "max": SEED_LIMIT, "value": scene.state["seed"]},
        psi_slider(scene.psi),
        {"kind": "button", "name": "random", "label": "Sixteen new faces", "primary": True},
    ]


def psi_slider(psi: float) -> dict[str, Any]:
    """The slider of truncation, for every part that has one."""
    return {
        "kind": "slider",
        "name": "psi",
        "label": "Truncation ψ",
        "note": "0 = the average face",
        "text": f"{psi:.2f}",
        "min": 0.0,
        "max": 1.5,
        "step": 0.05,
        "value": psi,
    }


def _diversity(scene: Scene, pictures: Tensor) -> dict[str, Any]:
    value = scene.diversity(pictures)
    return {
        "label": "Diversity",
        "value": value,
        "max": max(1.2, value),
        "text": f"{100 * value:.0f} %",
        "meaning": "how far apart these sixteen are, as a share of how far apart real pictures are",
        "mark": 1.0,
        "mark_label": "real pictures",
    }


def _realism(scene: Scene, pictures: Tensor) -> dict[str, Any]:
    value = scene.likeness(pictures)
    return {
        "label": "Realism",
        "value": value,
        "max": 1.0,
        "text": f"{100 * value:.0f} %",
        "meaning": "how many unseen real pictures are less like the training set than these are, on average",
        "mark": 0.5,
        "mark_label": "real pictures",
    }


def _see(scene: Scene, logits: Tensor) -> str:
    if scene.psi == 0:
        return "ψ = 0 leaves nothing of the random numbers: sixteen times the one average face."
    start = (
        "Nobody here exists: sixteen lists of random numbers went in, sixteen faces came out, and "
        f"{int((logits > 0).sum())} of them pass for real with the network that learnt to catch them."
    )
    if scene.psi < 1:
        return f"{start} ψ = {scene.psi:g} pulls every face towards the average: they grow alike."
    push = "keeps every style as it was drawn" if scene.psi == 1 else "pushes beyond what was learnt"
    return f"{start} ψ = {scene.psi:g} {push}."


def _formula(scene: Scene, logits: Tensor) -> dict[str, Any]:
    real = scene.measured["scores"]["real"]["log_probability"]
    made = float(torch.nn.functional.logsigmoid(-logits).mean())
    return {
        "title": "The game of two players",
        "lines": [
            ["min_G max_D  E log σ(D(x)) + E log(1 − σ(D(G(z))))"],
            ["= ", number(real, 2), " on held-out pictures + ", number(made, 2), " on these sixteen"],
            ["w′ = w̄ + ψ (w − w̄),  ψ = ", number(scene.psi, 2)],
        ],
        "code": source(
            gan.Generator.style,
            gan.Generator.truncate,
            gan.Generator.synthesis,
            gan.discriminator_loss,
            gan.generator_loss,
        ),
    }
