"""Walks through code space: traversals, planes, blends and arithmetic. Codes are float32 tensors, last dimension L."""

import torch
from torch import Tensor

GRID = 1 / 32  # codes that a visitor sets lie on this grid within -4..3.97, so that a link of 8-bit values is exact


def to_grid(code: Tensor) -> Tensor:
    """Round each value to a multiple of 1/32 and keep it within one signed byte of them, -4 to 3.97."""
    return (code / GRID).round().clamp(-128, 127) * GRID


def traverse(code: Tensor, dimension: int, values: Tensor) -> Tensor:
    """Copies of ``code`` (L,) in which one dimension takes each of ``values`` (n,): (n, L)."""
    codes = code.expand(len(values), -1).clone()
    codes[:, dimension] = values
    return codes


def plane(code: Tensor, x: int, y: int, xs: Tensor, ys: Tensor) -> Tensor:
    """Copies of ``code`` (L,) over a grid of two dimensions, row by row: rows follow ``ys``, columns ``xs``; (n, L)."""
    codes = code.expand(len(ys), len(xs), -1).clone()
    codes[:, :, x] = xs
    codes[:, :, y] = ys[:, None]
    return codes.flatten(0, 1)


def blend(a: Tensor, b: Tensor, frames: int) -> Tensor:
    """Straight line from ``a`` to ``b`` in ``frames`` steps, both ends included; any equal shapes: (frames, ...)."""
    weights = torch.linspace(0, 1, frames).view(-1, *[1] * a.dim())
    return a + weights * (b - a)


def analogy(a: Tensor, b: Tensor, c: Tensor, strength: float = 1.0) -> Tensor:
    """``c + strength * (a - b)``: what ``a`` has and ``b`` lacks, given to ``c`` (Mikolov et al. 2013's arithmetic)."""
    return c + strength * (a - b)
