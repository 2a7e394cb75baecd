"""A diffusion tab of one part with a network of a few thousand random weights. `python tests/demos/small_diffusion.py`
serves it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from diffusers import UNet2DModel

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from demos import engine, uploads  # noqa: E402
from demos.diffusion_parts import picture  # noqa: E402
from demos.diffusion_parts.scene import LABELS, Scene  # noqa: E402
from demos.stage import launch  # noqa: E402
from demos.stage.state import Choice, Flag, Integer, Number, Param, Text  # noqa: E402
from models import conditions, zoo  # noqa: E402
from models.diffusion import AttributeEncoder, Denoiser  # noqa: E402
from tests.demos.driver import end, tab_of  # noqa: E402


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
def tiny_networks(monkeypatch, *caches: Any) -> Iterator[None]:
    """Inside, both sets have these networks, the parts an engine that knows no other runs, and ``caches`` nothing old.

    After it no thread computes.
    """
    monkeypatch.setattr(zoo, "denoiser", tiny)
    monkeypatch.setattr(engine, "ENGINE", own := engine.Engine())
    for one in caches:
        one.cache_clear()
    yield
    end(own)
    for one in caches:
        one.cache_clear()


def params(steps: int) -> list[Param]:
    """What the tab's state has besides the parts' own, with so many steps by default."""
    return [
        Text("prompt", 2000, "blond hair"),
        Integer("steps", 1, 100, steps),
        Choice("scheduler", tuple(LABELS)),
        Number("guidance", 0.0, 20.0, 3.0, 0.5),
        Number("eta", 0.0, 1.0, 0.0, 0.05),
        Flag("running", private=True),
    ]


TAB = tab_of("diffusion", [picture], Scene, [*params(steps=4), *uploads.PARAMS])
LAYOUT = {picture.PART.name: picture.stage}

if __name__ == "__main__":
    if not os.environ.get("SHIPPED_WEIGHTS"):
        zoo.denoiser = tiny
    launch.run_tab(TAB, LAYOUT)
