"""A diffusion tab of one part with a network of a few thousand random weights. `python tests/demos/small_diffusion.py`
serves it."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch
from diffusers import UNet2DModel

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from demos import uploads  # noqa: E402
from demos.diffusion_parts import picture, scene  # noqa: E402
from demos.diffusion_parts.engine import Engine  # noqa: E402
from demos.diffusion_parts.scene import LABELS, Scene  # noqa: E402
from demos.stage import launch  # noqa: E402
from demos.stage.frame import Tab  # noqa: E402
from demos.stage.state import Choice, Flag, Integer, Number, Schema, Text  # noqa: E402
from models import conditions, zoo  # noqa: E402
from models.diffusion import AttributeEncoder, Denoiser  # noqa: E402


@cache
def tiny(data: str) -> Denoiser:
    """A network of a few thousand random weights that knows the vocabulary of a set."""
    torch.manual_seed(0)
    unet = UNet2DModel(
        sample_size=32,
        in_channels=12,
        out_channels=12,
        layers_per_block=1,
        block_out_channels=(8, 8),
        down_block_types=("DownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
        class_embed_type="identity",
    )
    encoder = AttributeEncoder(conditions.vocabulary(data), 32).eval().requires_grad_(False)
    return Denoiser(unet.eval().requires_grad_(False), encoder)


@contextmanager
def own_engine(monkeypatch) -> Iterator[None]:
    """Inside, the parts have an engine that knows no other runs; after it no thread computes."""
    engine = Engine()
    monkeypatch.setattr(scene, "ENGINE", engine)
    yield
    for key in list(engine._runs):  # a thread that still computes when the interpreter ends aborts it
        engine.stop(key)
    while engine._threads:
        time.sleep(0.01)


SCHEMA = Schema(
    "diffusion",
    [
        Text("prompt", 2000, "blond hair"),
        Integer("steps", 1, 100, 4),
        Choice("scheduler", tuple(LABELS)),
        Number("guidance", 0.0, 20.0, 3.0, 0.5),
        Number("eta", 0.0, 1.0, 0.0, 0.05),
        Flag("running", private=True),
        *uploads.PARAMS,
        *picture.PARAMS,
    ],
    [picture.PART],
)


def act(state, action):
    """The state after one action."""
    answer = picture.act(state, action["name"], action["value"])
    return SCHEMA.assign(state, action) if answer is None else answer


TAB = Tab(
    "diffusion",
    "Diffusion",
    "#6ea8ff",
    SCHEMA,
    [picture.PART],
    act,
    lambda state, live: picture.draw(Scene(state), live),
    frames=lambda state: picture.frames(Scene(state)),
)
LAYOUT = {picture.PART.name: picture.stage}

if __name__ == "__main__":
    if not os.environ.get("SHIPPED_WEIGHTS"):
        zoo.denoiser = tiny
    launch.run_tab(TAB, LAYOUT)
