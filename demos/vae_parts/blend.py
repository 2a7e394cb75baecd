"""Part "Blend": from one face to another by mixing pixels, and by walking between their codes."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from demos.common import LIVE, new_seed, number, source
from demos.stage.frame import Part
from demos.stage.state import SEED_LIMIT, Integer
from demos.vae_parts.scene import Scene, prior_code
from demos.widgets.frame_strip import FrameStrip
from demos.widgets.meter import Meter
from demos.widgets.picture import encode, sheet
from models import latents, zoo

PART = Part("blend", "Blend", frames=True)
FRAMES = 33
COLUMNS = 11
PARAMS = (Integer("seed_b", 0, SEED_LIMIT, 12), Integer("frame", 0, FRAMES - 1, FRAMES // 2))


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``new-b`` and ``swap``; ``seed_b`` and ``frame`` are plain parameters. None for anybody else's action."""
    if name == "new-b":
        return state | {"seed_b": new_seed(state | {"seed": state["seed_b"]})}
    if name == "swap":
        swapped = {"seed": state["seed_b"], "seed_b": state["seed"], "code": None, "moves": {}, "hidden": []}
        return state | swapped | {"frame": FRAMES - 1 - state["frame"]}
    return None


def stage() -> None:
    """The strip with its two rows, and how sure the attribute reader is of the frame shown."""
    FrameStrip("strip", "vae")
    Meter("likeness", "vae", elem_classes="pg-narrow")


@torch.inference_mode()
def blends(scene: Scene, frames: int = FRAMES) -> tuple[Tensor, Tensor]:
    """Pixel blend and latent blend of the same two faces, each (frames, 3, 64, 64)."""
    code_b = prior_code(scene.state["seed_b"], len(scene.code))
    ends = scene.decode(torch.stack([scene.code, code_b]))
    return latents.blend(ends[0], ends[1], frames), scene.decode(latents.blend(scene.code, code_b, frames))


@torch.inference_mode()
def certainty(data: str, x: Tensor) -> Tensor:
    """How sure the attribute network is of what it sees: the mean over labels of its highest probability, (N,)."""
    readings = zoo.attributes(data).read(x)
    return torch.stack([p.amax(1) for p in readings.values()]).mean(0)


def frames(scene: Scene) -> list[np.ndarray]:
    """Both rows of every frame as one picture, (128, 64, 3) uint8 each: the run that can be saved as a GIF."""
    pixel, latent = blends(scene)
    return [sheet(torch.stack([a, b]), 1) for a, b in zip(pixel, latent, strict=True)]


def draw(scene: Scene, live: bool) -> dict[str, Any]:
    """The whole strip in one atlas: the browser scrubs it alone."""
    pixel, latent = blends(scene)
    sure = torch.stack([certainty(scene.data, pixel), certainty(scene.data, latent)])
    pairs = torch.stack([pixel, latent], 1).flatten(0, 1)
    shares = [round(100 * i / (FRAMES - 1)) for i in range(FRAMES)]
    view = {
        "strip": {
            "panes": ["pixels mixed", "codes mixed, then decoded"],
            "atlas": encode(sheet(pairs, COLUMNS * 2)),
            "columns": COLUMNS * 2,
            "tile": 64,
            "count": FRAMES,
            "index": scene.state["frame"],
            "captions": [f"{100 - share} % A + {share} % B" for share in shares],
            "left": f"A · seed {scene.state['seed']}",
            "right": f"B · seed {scene.state['seed_b']}",
            "source": LIVE,
        },
        "rail": {"items": _rail(scene)},
    }
    if live:
        return view
    middle = sure[:, FRAMES // 4 : -(FRAMES // 4)].mean(1)
    return view | {
        "likeness": {"items": [_likeness("Pixels mixed", middle[0]), _likeness("Codes mixed", middle[1])]},
        "see": (
            "One pane fades two pictures into each other: halfway you see both at once. In the other the decoder draws "
            "the codes in between: halfway is one face of its own."
        ),
        "formula": _formula(scene),
    }


def _rail(scene: Scene) -> list[dict[str, Any]]:
    seed = {"kind": "number", "min": 0, "max": SEED_LIMIT, "dice": True}
    return [
        {"kind": "heading", "label": "Two faces"},
        seed | {"name": "seed", "label": "Face A, seed", "value": scene.state["seed"]},
        seed | {"name": "seed_b", "label": "Face B, seed", "value": scene.state["seed_b"]},
        {"kind": "button", "name": "swap", "label": "Swap A and B"},
        {"kind": "button", "name": "new-b", "label": "Another B", "primary": True},
    ]


def _likeness(label: str, value: Tensor) -> dict[str, Any]:
    return {
        "label": label,
        "value": float(value),
        "max": 1.0,
        "text": f"{100 * float(value):.0f} % sure",
        "meaning": "how sure the attribute reader is of what it sees, over the middle half of the strip",
    }


def _formula(scene: Scene) -> dict[str, Any]:
    weight = scene.state["frame"] / (FRAMES - 1)
    a, b = number(1 - weight, 2), number(weight, 2)
    return {
        "title": "The two ways",
        "lines": [["pixels: ", a, " x(A) + ", b, " x(B)"], ["codes: decode( ", a, " z(A) + ", b, " z(B) )"]],
        "code": source(latents.blend),
    }
