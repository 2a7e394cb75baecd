"""Part "Beta": one picture through the whole family, from plain autoencoder to collapse."""

from typing import Any

import gradio as gr
import torch

from demos.common import faces, number, source
from demos.stage.frame import Part
from demos.stage.state import Choice
from demos.vae_parts.scene import Scene
from demos.vae_parts.your_picture import input_picture
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.meter import Meter
from models import vae, zoo

PART = Part("beta", "Beta")
NAMES = tuple(f"{beta:g}" for beta in zoo.BETAS)
PARAMS = (Choice("beta", NAMES, "1"),)
SAYS = {
    "0": "β = 0, a plain autoencoder: the code is free, so every dimension is used and nothing orders them.",
    "0.5": "β = 0.5: the code is cheap, so detail is kept, but codes lie further from the prior that we draw from.",
    "1": "β = 1, the VAE: a nat of reconstruction and a nat of code cost the same. Here the ELBO bounds log p(x).",
    "4": "β = 4: the code is dear. What costs more than it saves is dropped, small things first: the picture blurs.",
    "16": "β = 16: only what moves many pixels is worth its price.",
}


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """``beta`` is a plain parameter and ``another`` belongs to "Your picture"; nothing is answered here."""
    return None


def stage() -> None:
    """The input and the chosen member's answer large, the whole family in a row, and what each pays."""
    with gr.Column(elem_classes=["pg-stack"]):
        FaceSheet("member", "vae")
        FaceSheet("family", "vae", elem_classes="pg-fit")
    with gr.Column(elem_classes=["pg-stack", "pg-narrow"]):
        Meter("split", "vae", elem_classes="pg-fit")


def draw(scene: Scene, live: bool) -> dict[str, Any]:
    """All five reconstructions, the chosen one large, and the two halves of its ELBO."""
    x, what = input_picture(scene)
    chosen = NAMES.index(scene.state["beta"])
    results = [scene.bound(x, beta) for beta in zoo.BETAS]
    reconstructions = torch.cat([reconstruction for _, reconstruction in results])
    errors = [float((x - r).square().mean().sqrt()) for _, r in results]
    kls = [float(bound.kl[0]) for bound, _ in results]
    view = {
        "member": faces(
            torch.cat([x, reconstructions[chosen : chosen + 1]]),
            2,
            f"The picture and its reconstruction with beta {NAMES[chosen]}",
            f"{what.partition(' (')[0]}, and what β = {NAMES[chosen]} gives back",
            col_labels=["x", f"x̂ at β = {NAMES[chosen]}"],
        ),
        "family": faces(
            reconstructions,
            len(NAMES),
            "The same picture through the five members of the family",
            "The same picture through the whole family. Click one.",
            actions=[{"name": "beta", "value": name} for name in NAMES],
            selected=chosen,
            col_labels=[f"β = {name}" for name in NAMES],
        ),
        "rail": {"items": _rail(scene)},
    }
    if live:
        return view
    awake = [sum(zoo.metrics(zoo.vae_folder(scene.data, beta))["active"]) for beta in zoo.BETAS]
    return view | {
        "split": {"items": [_error(errors, chosen), _cost(kls, chosen), _awake(awake, chosen, len(scene.kl))]},
        "see": f"{SAYS[NAMES[chosen]]} {_sleep(scene, awake[chosen])}",
        "formula": _formula(results[chosen][0], scene.model.config.sigma),
    }


def _sleep(scene: Scene, awake: int) -> str:
    """How long the code is on average and how much of it is still in use, as measured on held-out pictures."""
    beta = float(scene.state["beta"])
    length = zoo.metrics(zoo.vae_folder(scene.data, beta))["elbo"]["kl"]
    cost = f"A code costs {length:.0f} nats on average; " if beta else ""
    return f"{cost}{awake} of {len(scene.kl)} dimensions are awake."


def _rail(scene: Scene) -> list[dict[str, Any]]:
    return [
        {
            "kind": "choice",
            "name": "beta",
            "label": "β, the price of a nat of code",
            "options": [{"value": name, "label": name} for name in NAMES],
            "value": scene.state["beta"],
        },
        {"kind": "button", "name": "another", "label": "Another picture", "primary": True},
    ]


def _error(errors: list[float], chosen: int) -> dict[str, Any]:
    return {
        "label": "Reconstruction error",
        "value": errors[chosen],
        "max": 1.1 * max(errors),
        "text": f"{errors[chosen]:.3f} rms",
        "meaning": "how far the answer is from the picture, per colour value",
        "mark": errors[NAMES.index("1")],
        "mark_label": "β = 1",
    }


def _cost(kls: list[float], chosen: int) -> dict[str, Any]:
    one = NAMES.index("1")
    text = "not charged" if chosen == 0 else f"{kls[chosen]:.1f} nats"
    return {
        "label": "KL, the length of the code",
        "value": kls[chosen] if chosen else 0.0,
        "max": 1.1 * max(kls[1:]),
        "text": text,
        "meaning": "what it costs to tell this picture's code from any other",
        "mark": kls[one],
        "mark_label": "β = 1",
    }


def _awake(awake: list[int], chosen: int, size: int) -> dict[str, Any]:
    return {
        "label": "Active dimensions",
        "value": awake[chosen],
        "max": size,
        "text": f"{awake[chosen]} of {size}",
        "meaning": "dimensions whose mean varies over the data by more than 0.01 (Burda et al. 2016)",
        "mark": awake[NAMES.index("1")],
        "mark_label": "β = 1",
    }


def _formula(bound: vae.Elbo, sigma: float) -> dict[str, Any]:
    return {
        "title": "The split",
        "lines": [
            ["log p(x|z) − β · KL(q(z|x) ‖ p(z))"],
            [
                "= ",
                number(float(bound.reconstruction[0])),
                " − ",
                number(bound.beta, 1),
                " × ",
                number(float(bound.kl[0])),
            ],
            ["= ", number(float(bound.total[0])), f" nats, σ = {sigma:g}"],
        ],
        "code": source(vae.elbo, vae.log_likelihood, vae.Posterior.kl),
    }
