"""A − B + C on a page: three faces, their sum, and the sum at every strength. The VAE adds codes, the GAN styles."""

from collections.abc import Callable
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from demos.common import faces
from demos.stage.state import SEED_LIMIT, Number
from demos.widgets.face_sheet import FaceSheet
from models import latents

MOST = 2.0
COUNT = 9  # strengths that are drawn
STRENGTH = Number("strength", 0.0, MOST, 1.0, 0.05)


def stage(tab: str) -> None:
    """A, B, C and the result in one row, and below it the result at every strength."""
    with gr.Column(elem_classes=["pg-stack"]):
        FaceSheet("sum", tab)
        FaceSheet("strengths", tab, elem_classes="pg-fit")


def terms(a: Tensor, b: Tensor, c: Tensor, strength: float) -> Tensor:
    """A, B, C and C + strength (A − B), codes or styles (L,) each: (4, L)."""
    return torch.stack([a, b, c, latents.analogy(a, b, c, strength)])


def row(draw: Callable[[Tensor], Tensor], found: Tensor) -> dict[str, Any]:
    """The four faces of :func:`terms`; ``draw`` turns codes (N, L) into pictures (N, 3, 64, 64)."""
    labels = ["A", "− B", "+ C", "= result"]
    return faces(draw(found), 4, "A, B, C and their sum", "What A has and B lacks, given to C.", col_labels=labels)


def strengths(draw: Callable[[Tensor], Tensor], found: Tensor, strength: float) -> dict[str, Any]:
    """The result at every strength, the nearest one to ``strength`` marked; each can be clicked."""
    a, b, c, _ = found
    steps = torch.linspace(0, MOST, COUNT).tolist()
    return faces(
        draw(torch.stack([latents.analogy(a, b, c, step) for step in steps])),
        COUNT,
        f"The result at strengths from 0 to {MOST:g}",
        "The result at every strength. Click one.",
        actions=[{"name": "strength", "value": step} for step in steps],
        selected=min(range(COUNT), key=lambda i: abs(steps[i] - strength)),
        col_labels=[f"{step:g}" for step in steps],
    )


def seeds(**values: int) -> list[dict[str, Any]]:
    """Fields for seeds: the parameter's name and its value; the last letter of the name tells which face it makes."""
    labels = {name: f"{name[-1].upper()}, seed" for name in values}
    field = {"kind": "number", "min": 0, "max": SEED_LIMIT, "dice": True}
    return [field | {"name": name, "label": labels[name], "value": value} for name, value in values.items()]


def slider(strength: float) -> dict[str, Any]:
    """How much of A − B is added."""
    about = {"kind": "slider", "name": "strength", "label": "Strength", "text": f"{strength:.2f}", "value": strength}
    return about | {"min": 0.0, "max": MOST, "step": 0.05}
