"""Weights on their way to a file and back: float16, or a byte each where a set of networks would be too large to ship.

A byte holds a weight as a multiple of its row's scale: w = s q with q from -127 to 127 and s = max |w| / 127 (symmetric
quantisation per output channel, Krishnamoorthi 2018, section 2). Only matrices and kernels are packed so; what is small
stays float16. Everything runs in float32 in either case: only the file is smaller.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

SCALE = ".scale"
SMALL = 4096
"""Weights; tensors with fewer stay float16."""


def halves(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state of a network as it is stored by default: numbers in float16, the rest as it is."""
    return {name: (v.half() if v.is_floating_point() else v).detach().cpu().contiguous() for name, v in state.items()}


def packed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same with every large tensor (R, ...) as int8 and, under its name with ``.scale``, R scales in float32."""
    stored = {}
    for name, value in halves(state).items():
        if value.is_floating_point() and value.ndim > 1 and value.numel() >= SMALL:
            rows = value.float().flatten(1)
            scale = rows.abs().amax(1).clamp(min=1e-12) / 127
            stored[name] = (rows / scale[:, None]).round().to(torch.int8).view(value.shape)
            stored[name + SCALE] = scale
        else:
            stored[name] = value
    return stored


def opened(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """What either of them stored, numbers in float32."""
    state = {}
    for name, value in stored.items():
        if name + SCALE in stored:
            rows = stored[name + SCALE].float()
            state[name] = value.float() * rows.view(-1, *[1] * (value.ndim - 1))
        elif not name.endswith(SCALE):
            state[name] = value.float() if value.is_floating_point() else value
    return state


def repack(file: Path) -> int:
    """Store a file of weights with a byte each; returns how many bytes it has now. Doing so twice changes nothing."""
    stored = load_file(file)
    if not any(name.endswith(SCALE) for name in stored):
        save_file(packed(stored), file)
        file.chmod(0o644)
    return file.stat().st_size
