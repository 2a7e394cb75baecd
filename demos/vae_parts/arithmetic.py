"""Parts "Arithmetic" and "Holes": sums of faces, and why a plain autoencoder cannot be sampled."""

from typing import Any

import torch

from demos import analogies
from demos.common import faces, new_seed, number, seed_item, source
from demos.stage.frame import Part
from demos.stage.state import SEED_LIMIT, Integer
from demos.vae_parts.blend import certainty
from demos.vae_parts.scene import Scene, prior_code
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.meter import Meter
from models import latents, seeding, zoo

SUM = Part("arithmetic", "Arithmetic", more=True)
HOLES = Part("holes", "Holes", more=True)
PRIOR_SAMPLES = 16
PARAMS = (
    Integer("a", 0, SEED_LIMIT, 3),
    Integer("b", 0, SEED_LIMIT, 5),
    analogies.STRENGTH,
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
    a, b = (prior_code(scene.state[name], len(scene.code)) for name in ("a", "b"))
    return analogies.terms(a, b, scene.code, scene.state["strength"])


def stage_sum() -> None:
    """A, B, C and the result, and the result at every strength."""
    analogies.stage("vae")


def stage_holes() -> None:
    """Samples of the prior through both decoders, and how sure the attribute reader is of each."""
    FaceSheet("holes-0", "vae")
    FaceSheet("holes-1", "vae")
    Meter("holes-sure", "vae", elem_classes="pg-narrow")


def draw_sum(scene: Scene, live: bool) -> dict[str, Any]:
    """Four faces: A, B, C and C + strength (A - B)."""
    strength = scene.state["strength"]
    codes = _terms(scene)
    view = {"sum": analogies.row(scene.decode, codes), "rail": {"items": _sum_rail(scene)}}
    if live:
        return view
    return view | {
        "strengths": analogies.strengths(scene.decode, codes, strength),
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
    state = scene.state
    return [
        {"kind": "heading", "label": "C + strength · (A − B)"},
        *analogies.seeds(a=state["a"], b=state["b"]),
        seed_item(state["seed"], "C, seed"),
        analogies.slider(state["strength"]),
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
