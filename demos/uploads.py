"""A visitor's own picture, for every tab that takes one: uploaded, cropped, kept by the page and forgotten.

Without an upload there is an example, a held-out drawing. Nothing here is stored: the page sends the 64x64 picture and
a small preview with every request, and no link carries them.
"""

import io
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from demos.common import new_seed
from demos.stage.state import PICTURE_LIMIT, Integer, Param, Picture, Text
from demos.widgets.picture import decode_uri, encode
from models import pictures

EXAMPLES = Path(__file__).resolve().parents[1] / "assets" / "examples" / "toons-64.webp"
EXAMPLE_COUNT = 500
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
    Integer("example", 0, EXAMPLE_COUNT - 1, 3),
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


def read_picture(uri: str) -> np.ndarray:
    """The 64x64 picture that the page keeps, (64, 64, 3) uint8; ValueError if it is not one."""
    pixels = pictures.open_picture(decode_uri(uri)).pixels
    if pixels.shape != (64, 64, 3):
        raise ValueError("The picture in the state must be 64x64.")
    return pixels


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``upload``, ``crop``, ``forget`` and ``another``; None for anybody else's action."""
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
        return state | FORGOTTEN | {"example": new_seed(state | {"seed": state["example"]}) % EXAMPLE_COUNT}
    return None


def input_view(state: dict[str, Any], unusual: bool) -> dict[str, Any]:
    """Value of the PictureInput: the page gives crops by their top left corner, `models.pictures` by their centre."""
    crop = None
    if state["crop"] and state["preview"]:
        x, y, side = state["crop"]
        across, down = _spans(state["preview"], side)
        crop = {"x": x - across / 2, "y": y - down / 2, "side": side}
    return {"preview": state["preview"], "crop": crop, "message": state["note"], "unusual": unusual}


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
