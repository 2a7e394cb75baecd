"""Part "Your picture": what the encoder makes of a picture it has never seen, and what the decoder can give back."""

from typing import Any

import gradio as gr
import torch
from torch import Tensor

from demos import uploads
from demos.common import LIVE, faces, number, source
from demos.stage.frame import Part
from demos.uploads import example_atlas, read_picture, to_tensor
from demos.vae_parts.scene import Scene, prior_code
from demos.vae_parts.sliders import latent_label
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.intervals import Intervals
from demos.widgets.meter import Meter
from demos.widgets.picture_input import PictureInput
from models import seeding, vae
from models.latents import to_grid

PART = Part("picture", "Your picture")
PARAMS = uploads.PARAMS
SAMPLES = 8


def input_picture(scene: Scene) -> tuple[Tensor, str]:
    """The picture to encode, (1, 3, 64, 64), and what it is: the visitor's, a held-out drawing, or a decoded face."""
    if scene.state["picture"]:
        return to_tensor(read_picture(scene.state["picture"])), "your picture"
    if scene.data == "toons":
        return to_tensor(example_atlas()[scene.state["example"]]), "a drawing it was never shown"
    code = prior_code(scene.state["example"], scene.model.config.latent_size)
    return scene.decode(code), "a face this VAE made up (the photographs are not shipped)"


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers what `demos.uploads` does, and ``to-sliders``; None for anybody else's action."""
    if name == "to-sliders":
        scene = Scene(state)
        x, _ = input_picture(scene)
        with torch.inference_mode():
            code = to_grid(scene.model.encode(x).mean[0]).tolist()
        hidden = ["code"] if state["picture"] else []
        return state | {"code": code, "moves": {}, "part": "sliders", "hidden": hidden}
    return uploads.act(state, name, value)


def stage() -> None:
    """The input and its verdict on the left; what the network sees, gives back and is unsure of on the right."""
    with gr.Column(elem_classes=["pg-stack", "pg-narrow"]):
        PictureInput("input", "vae", elem_classes="pg-fit")
        Meter("unusual", "vae", elem_classes="pg-fit")
    with gr.Column(elem_classes=["pg-stack"]):
        FaceSheet("seen", "vae")
        FaceSheet("samples", "vae", elem_classes="pg-fit")
        Intervals("widths", "vae", elem_classes="pg-fit")


def draw(scene: Scene, live: bool) -> dict[str, Any]:
    """Picture, reconstruction and error; then samples of q(z|x), its widths, and how unusual the picture is."""
    x, what = input_picture(scene)
    with torch.inference_mode():
        posterior = scene.model.encode(x)
        reconstruction = scene.model.decode(posterior.mean)
    difference = (x - reconstruction).abs().mean(1, keepdim=True).expand(-1, 3, -1, -1)
    error = float((x - reconstruction).square().mean().sqrt())
    view = {
        "seen": faces(
            torch.cat([x, reconstruction, (2 * difference - 1).clamp(-1, 1)]),
            3,
            "The picture, its reconstruction and the difference",
            col_labels=["x  the picture", "x̂  given back", "|x − x̂|  lost"],
        ),
        "rail": {"items": _rail(scene)},
        "unusual": {"items": [_unusual(scene, error)]},
        "input": uploads.input_view(scene.state, is_unusual(scene.measured, error)),
    }
    if live:
        return view
    noise = seeding.normal(scene.state["seed"], SAMPLES, (posterior.mean.shape[1],))
    drawn = posterior.sample(noise)
    bound, _ = scene.bound(x)
    return view | {
        "samples": faces(
            scene.decode(drawn),
            SAMPLES,
            "Samples of q(z|x), decoded",
            "Eight samples of q(z|x): all of these could be that picture.",
        ),
        "widths": _widths(scene, posterior),
        "see": _see(scene, what, error),
        "formula": _formula(scene, bound),
    }


def _rail(scene: Scene) -> list[dict[str, Any]]:
    other = "Another drawing" if scene.data == "toons" else "Another face"
    return [
        {"kind": "heading", "label": "Shown to the encoder"},
        {"kind": "button", "name": "to-sliders", "label": "Take it to the sliders", "primary": True},
        {"kind": "button", "name": "another", "label": other},
        {"kind": "button", "name": "forget", "label": "Forget my picture"},
    ]


def is_unusual(measured: dict[str, Any], error: float) -> bool:
    """Whether a reconstruction error exceeds that of 99 % of the held-out pictures; ``measured`` is `zoo.metrics`."""
    return error > measured["held_out_error"]["p99"]


def _unusual(scene: Scene, error: float) -> dict[str, Any]:
    typical, limit = (scene.measured["held_out_error"][key] for key in ("median", "p99"))
    verdict = (
        "unlike anything it was trained on"
        if is_unusual(scene.measured, error)
        else "like the pictures it was trained on"
    )
    return {
        "label": "Reconstruction error",
        "value": error,
        "max": max(0.6, 1.1 * error),
        "text": f"{error:.3f} rms",
        "meaning": f"{verdict}: typical {typical:.3f}, 99 % of held-out pictures stay below {limit:.3f}",
        "mark": limit,
        "mark_label": "99 % of held-out",
    }


def _widths(scene: Scene, posterior: vae.Posterior) -> dict[str, Any]:
    return {
        "caption": "q(z|x) of every dimension, by KL: dot = mean, bar = ±1 std. A bar from −1 to 1 knows nothing.",
        "low": -4.0,
        "high": 4.0,
        "source": LIVE,
        "items": [
            {
                "label": latent_label(i),
                "mean": round(float(posterior.mean[0, i]), 3),
                "std": round(float(posterior.std[0, i]), 3),
                "asleep": not scene.active[i],
            }
            for i in scene.order
        ],
    }


def _see(scene: Scene, what: str, error: float) -> str:
    verdict = (
        "It is unlike anything this network was trained on: it gives back the nearest thing it knows."
        if is_unusual(scene.measured, error)
        else "It looks like the pictures it was trained on."
    )
    return f"The encoder reads {what} as a cloud of codes; the decoder draws the middle of that cloud. {verdict}"


def _formula(scene: Scene, bound: vae.Elbo) -> dict[str, Any]:
    return {
        "title": "What this picture costs",
        "lines": [
            ["ELBO = log p(x|z) − KL(q(z|x) ‖ p(z))"],
            ["= ", number(float(bound.reconstruction[0])), " − ", number(float(bound.kl[0]))],
            ["= ", number(float(bound.total[0])), f" nats, σ = {scene.model.config.sigma:g}"],
        ],
        "code": source(vae.VAE.encode, vae.Posterior.sample, vae.Posterior.kl, vae.elbo),
    }
