"""Part "Your picture": what the encoder makes of a picture it has never seen, and what the decoder can give back."""

import io
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from demos.stage.frame import Part
from demos.stage.state import PICTURE_LIMIT, Integer, Param, Picture, Text
from demos.vae_parts.scene import LIVE, Scene, faces, new_seed, number, prior_code, source
from demos.vae_parts.sliders import latent_label
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.intervals import Intervals
from demos.widgets.meter import Meter
from demos.widgets.picture import decode_uri, encode
from demos.widgets.picture_input import PictureInput
from models import pictures, seeding, vae
from models.latents import to_grid

PART = Part("picture", "Your picture")
EXAMPLES = Path(__file__).resolve().parents[2] / "assets" / "examples" / "toons-64.webp"
SAMPLES = 8
FORGOTTEN = {"picture": None, "preview": None, "crop": None, "note": ""}


class CropParam(Param):
    """Where the visitor's picture is cropped: centre x, y and side as shares, or None. Private like the picture."""

    def __init__(self) -> None:
        super().__init__("crop", None, private=True)

    def check(self, value: Any) -> list[float] | None:
        """None, or three numbers: x and y within -1 to 2, side within 0.02 to 4."""
        if value is None:
            return None
        numbers = isinstance(value, list | tuple) and len(value) == 3
        if not numbers or not all(isinstance(v, int | float) and not isinstance(v, bool) for v in value):
            raise self.refuse(value, "three numbers: x, y and side")
        x, y, side = map(float, value)
        if not (-1 <= x <= 2 and -1 <= y <= 2 and 0.02 <= side <= 4):
            raise self.refuse(value, "x and y from -1 to 2, side from 0.02 to 4")
        return [x, y, side]


CROP = CropParam()
PARAMS = (
    Picture("picture"),
    Picture("preview"),
    CROP,
    Text("note", 400, private=True),
    Integer("example", 0, 499, 3),
)


@cache
def example_atlas() -> np.ndarray:
    """500 held-out drawings, (500, 64, 64, 3) uint8, as shipped in one picture of 25 columns."""
    atlas = np.asarray(Image.open(EXAMPLES).convert("RGB"))
    rows, columns = atlas.shape[0] // 64, atlas.shape[1] // 64
    return atlas.reshape(rows, 64, columns, 64, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 64, 64, 3)


def to_tensor(pixels: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 -> (1, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 127.5 - 1


def input_picture(scene: Scene) -> tuple[Tensor, str]:
    """The picture to encode, (1, 3, 64, 64), and what it is: the visitor's, a held-out drawing, or a decoded face."""
    if scene.state["picture"]:
        return to_tensor(read_picture(scene.state["picture"])), "your picture"
    if scene.data == "toons":
        return to_tensor(example_atlas()[scene.state["example"]]), "a drawing it was never shown"
    code = prior_code(scene.state["example"], scene.model.config.latent_size)
    return scene.decode(code), "a face this VAE made up (the photographs are not shipped)"


def read_picture(uri: str) -> np.ndarray:
    """The 64x64 picture that the page keeps, (64, 64, 3) uint8; ValueError if it is not one."""
    pixels = pictures.open_picture(decode_uri(uri)).pixels
    if pixels.shape != (64, 64, 3):
        raise ValueError("The picture in the state must be 64x64.")
    return pixels


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``upload``, ``crop``, ``forget``, ``another`` and ``to-sliders``; None for anybody else's action."""
    if name == "upload":
        opened = pictures.open_picture(decode_uri(value))
        crop = pictures.crop_for(opened.pixels)
        note = " ".join([f"Cropped as the training pictures were: {crop.method}.", *opened.notes])
        return state | {
            "picture": encode(pictures.apply_crop(opened.pixels, crop), "png"),
            "preview": _preview(opened.pixels),
            "crop": [crop.x, crop.y, crop.side],
            "note": note[:400],
        }
    if name == "crop":
        if not isinstance(value, dict) or not state["preview"]:
            raise ValueError("There is no picture to crop yet.")
        x, y, side = CROP.check([value.get(key) for key in ("x", "y", "side")])
        across, down = _spans(state["preview"], side)
        chosen = CROP.check([x + across / 2, y + down / 2, side])
        pixels = pictures.open_picture(decode_uri(state["preview"])).pixels
        crop = pictures.Crop(*chosen, method="chosen by hand")
        return state | {
            "picture": encode(pictures.apply_crop(pixels, crop), "png"),
            "crop": chosen,
            "note": "Cropped by hand.",
        }
    if name == "forget":
        return state | FORGOTTEN
    if name == "another":
        return state | FORGOTTEN | {"example": new_seed(state | {"seed": state["example"]}) % 500}
    if name == "to-sliders":
        scene = Scene(state)
        x, _ = input_picture(scene)
        with torch.inference_mode():
            code = to_grid(scene.model.encode(x).mean[0]).tolist()
        hidden = ["code"] if state["picture"] else []
        return state | {"code": code, "moves": {}, "part": "sliders", "hidden": hidden}
    return None


def _preview(pixels: np.ndarray) -> str:
    """The opened picture as the page keeps it for cropping: a JPEG small enough to travel with every request."""
    for side in (512, 384, 256):
        image = Image.fromarray(pixels)
        image.thumbnail((side, side))
        uri = encode(np.asarray(image), quality=80)
        if len(uri) < PICTURE_LIMIT:
            return uri
    return encode(np.asarray(image), quality=40)


def _spans(preview: str, side: float) -> tuple[float, float]:
    """A crop's side, a share of the shorter side, as shares of the preview's width and height."""
    width, height = Image.open(io.BytesIO(decode_uri(preview))).size
    shorter = min(width, height)
    return side * shorter / width, side * shorter / height


def _input(scene: Scene, unusual: bool) -> dict[str, Any]:
    """The page gives crops by their top left corner, `models.pictures` by their centre."""
    state = scene.state
    crop = None
    if state["crop"] and state["preview"]:
        x, y, side = state["crop"]
        across, down = _spans(state["preview"], side)
        crop = {"x": x - across / 2, "y": y - down / 2, "side": side}
    return {"preview": state["preview"], "crop": crop, "message": state["note"], "unusual": unusual}


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
        "input": _input(scene, is_unusual(scene.measured, error)),
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
