"""Parts "Arithmetic" and "Holes": sums of faces, and why a plain autoencoder cannot be sampled."""

from typing import Any

import gradio as gr
import torch

from demos.common import faces, new_seed, number, source
from demos.stage.frame import Part
from demos.stage.state import SEED_LIMIT, Integer, Number
from demos.vae_parts.blend import certainty
from demos.vae_parts.scene import Scene, prior_code
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.meter import Meter
from models import latents, seeding, zoo

SUM = Part("arithmetic", "Arithmetic", more=True)
HOLES = Part("holes", "Holes", more=True)
PRIOR_SAMPLES = 16
STRENGTHS = 9
PARAMS = (
    Integer("a", 0, SEED_LIMIT, 3),
    Integer("b", 0, SEED_LIMIT, 5),
    Number("strength", 0.0, 2.0, 1.0, 0.05),
)


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``take-sum`` and ``again``; ``a``, ``b`` and ``strength`` are plain parameters. None for the rest."""
    if name == "take-sum":
        code = latents.to_grid(_terms(Scene(state))[3]).tolist()
        return state | {"code": code, "moves": {}, "part": "sliders"}
    if name == "again":
        return state | {"seed": new_seed(state), "code": None, "moves": {}, "hidden": []}
    return None


def _terms(scene: Scene) -> torch.Tensor:
    """Codes of A, B, C and C + strength (A - B), (4, L)."""
    size = len(scene.code)
    a, b = prior_code(scene.state["a"], size), prior_code(scene.state["b"], size)
    return torch.stack([a, b, scene.code, latents.analogy(a, b, scene.code, scene.state["strength"])])


def stage_sum() -> None:
    """A, B, C and the result in one row, and below it the result at every strength."""
    with gr.Column(elem_classes=["pg-stack"]):
        FaceSheet("sum", "vae")
        FaceSheet("strengths", "vae", elem_classes="pg-fit")


def stage_holes() -> None:
    """Samples of the prior through both decoders, and how sure the attribute reader is of each."""
    FaceSheet("holes-0", "vae")
    FaceSheet("holes-1", "vae")
    Meter("holes-sure", "vae", elem_classes="pg-narrow")


def draw_sum(scene: Scene, live: bool) -> dict[str, Any]:
    """Four faces: A, B, C and C + strength (A - B)."""
    strength = scene.state["strength"]
    codes = _terms(scene)
    view = {
        "sum": faces(
            scene.decode(codes),
            4,
            "A, B, C and their sum",
            "What A has and B lacks, given to C.",
            col_labels=["A", "− B", "+ C", "= result"],
        ),
        "rail": {"items": _sum_rail(scene)},
    }
    if live:
        return view
    steps = [2 * i / (STRENGTHS - 1) for i in range(STRENGTHS)]
    results = torch.stack([latents.analogy(codes[0], codes[1], codes[2], step) for step in steps])
    return view | {
        "strengths": faces(
            scene.decode(results),
            STRENGTHS,
            "The result at strengths from 0 to 2",
            "The result at every strength. Click one.",
            actions=[{"name": "strength", "value": step} for step in steps],
            selected=min(range(STRENGTHS), key=lambda i: abs(steps[i] - strength)),
            col_labels=[f"{step:.2f}" for step in steps],
        ),
        "see": "Differences of codes mean something: take what tells A from B, and add it to a third face.",
        "formula": {
            "title": "The sum",
            "lines": [
                ["z = z(C) + ", number(strength, 2), " · ( z(A) − z(B) )"],
                [
                    "‖z‖ = ",
                    number(float(codes[3].norm()), 2),
                    ", a face of the prior has about ",
                    number(len(codes[3]) ** 0.5, 1),
                ],
            ],
            "code": source(latents.analogy),
        },
    }


def _sum_rail(scene: Scene) -> list[dict[str, Any]]:
    seed = {"kind": "number", "min": 0, "max": SEED_LIMIT, "dice": True}
    strength = scene.state["strength"]
    return [
        {"kind": "heading", "label": "C + strength · (A − B)"},
        seed | {"name": "a", "label": "A, seed", "value": scene.state["a"]},
        seed | {"name": "b", "label": "B, seed", "value": scene.state["b"]},
        seed | {"name": "seed", "label": "C, seed", "value": scene.state["seed"]},
        {
            "kind": "slider",
            "name": "strength",
            "label": "Strength",
            "text": f"{strength:.2f}",
            "min": 0.0,
            "max": 2.0,
            "step": 0.05,
            "value": strength,
        },
        {"kind": "button", "name": "take-sum", "label": "Take it to the sliders", "primary": True},
    ]


@torch.inference_mode()
def draw_holes(scene: Scene, live: bool) -> dict[str, Any]:
    """The same sixteen codes of N(0, 1), decoded by the autoencoder and by the VAE."""
    codes = seeding.normal(scene.state["seed"], PRIOR_SAMPLES, (len(scene.code),))
    sheets = {beta: zoo.vae(scene.data, beta).decode(codes) for beta in (0.0, 1.0)}
    sure = {beta: float(certainty(scene.data, pictures).mean()) for beta, pictures in sheets.items()}
    spread = {beta: zoo.metrics(zoo.vae_folder(scene.data, beta))["code_std"] for beta in sheets}
    return {
        "holes-0": faces(sheets[0.0], 4, "Prior samples through the autoencoder", "β = 0, the plain autoencoder"),
        "holes-1": faces(sheets[1.0], 4, "Prior samples through the VAE", "β = 1, the VAE, the very same codes"),
        "holes-sure": {"items": [_sure(0.0, sure), _sure(1.0, sure)]},
        "rail": {
            "items": [
                {"kind": "heading", "label": "Sixteen codes from N(0, 1)"},
                {"kind": "button", "name": "again", "label": "Other codes", "primary": True},
            ]
        },
        "see": (
            "Nothing told the autoencoder where to put its codes, so a random code falls into a hole between them. "
            "The KL term filled the holes."
        ),
        "formula": {
            "title": "Where the codes lie",
            "lines": [
                ["spread of the codes, β = 0: ", number(spread[0.0], 2)],
                ["spread of the codes, β = 1: ", number(spread[1.0], 2), ", the prior has 1.00"],
            ],
            "code": source(seeding.normal),
        },
    }


def _sure(beta: float, sure: dict[float, float]) -> dict[str, Any]:
    return {
        "label": f"β = {beta:g}",
        "value": sure[beta],
        "max": 1.0,
        "text": f"{100 * sure[beta]:.0f} % sure",
        "meaning": "how sure the attribute reader is of what it sees",
    }
