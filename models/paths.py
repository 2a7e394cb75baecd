"""Ways from one face to another: on a straight line, on the sphere, and through W.

In 128 dimensions nearly all of N(0, 1) lies close to a sphere of radius sqrt(128): noise has a typical length. The
straight line between two such points leaves the sphere. Halfway between independent z, which are at right angles but
for chance, it is only sqrt(1/2) = 0.71 times as long, and a generator has hardly ever seen a z like that. Walking on
the sphere keeps the length (Shoemake 1985 for rotations, White 2016, section 2.1, for the latents of generators).

Points are float32 (dim,); a path is (frames, dim) from the one to the other, both included.
"""

import torch
from torch import Tensor

from models.gan import Generator
from models.latents import blend

PATHS = ("lerp", "slerp", "w")


def lerp(a: Tensor, b: Tensor, frames: int) -> Tensor:
    """(1 - t) a + t b at ``frames`` >= 2 equal steps of t: (dim,) twice -> (frames, dim), the ends exact.

    Raises:
        ValueError: for points of different or other shapes, or fewer than two frames.
    """
    _check(a, b, frames)
    return _with_ends(blend(a, b, frames), a, b)


def slerp(a: Tensor, b: Tensor, frames: int) -> Tensor:
    """The great circle from a to b at ``frames`` >= 2 equal angles: (dim,) twice -> (frames, dim), the ends exact.

    Shoemake 1985: sin((1 - t) theta) / sin(theta) a + sin(t theta) / sin(theta) b for a and b of length one, written
    here as cos(t theta) a + sin(t theta) p with p at right angles to a, which also holds where sin(theta) = 0. Between
    points of different lengths the direction goes so and the length changes linearly, so that equal lengths are kept.
    Between opposite points every great circle is as short; the one through the axis that a leans on least is taken.
    A point of length 0 has no direction and takes that of the other.

    Raises:
        ValueError: as :func:`lerp`.
    """
    _check(a, b, frames)
    u, v = a.double(), b.double()
    lengths = torch.stack([u.norm(), v.norm()])
    if lengths.min() == 0:
        return lerp(a, b, frames)
    u, v = u / lengths[0], v / lengths[1]
    across = v - (u @ v) * u
    if u @ v < 0 and across.norm() < 1e-7:
        axis = torch.zeros_like(u)
        axis[u.abs().argmin()] = 1.0
        across = axis - (u @ axis) * u
    across = across / across.norm().clamp(min=torch.finfo(torch.float64).tiny)
    t = torch.linspace(0, 1, frames, dtype=torch.float64)[:, None]
    turned = t * angle(a, b)
    points = (torch.cos(turned) * u + torch.sin(turned) * across) * torch.lerp(lengths[0], lengths[1], t)
    return _with_ends(points.to(a.dtype), a, b)


def angle(a: Tensor, b: Tensor) -> float:
    """The angle theta between two points (dim,) that are not 0, 0 to pi; Kahan's form, exact for small angles, too."""
    u, v = a.double() / a.double().norm(), b.double() / b.double().norm()
    return float(2 * torch.atan2((u - v).norm(), (u + v).norm()))


def walk(generator: Generator, a: Tensor, b: Tensor, frames: int, path: str) -> Tensor:
    """The styles met on the way from noise ``a`` to noise ``b``, (Z,) twice -> (frames, W), not truncated.

    path: "lerp" and "slerp" lay the path through z and map every point of it to W; "w" maps the two ends and goes
    straight from the one style to the other.

    Raises:
        ValueError: for another path, and as :func:`lerp`.
    """
    if path not in PATHS:
        raise ValueError(f"path must be one of {', '.join(PATHS)}, not {path!r}")
    if path == "w":
        _check(a, b, frames)
        return lerp(*generator.style(torch.stack([a, b])), frames)
    return generator.style((lerp if path == "lerp" else slerp)(a, b, frames))


def _check(a: Tensor, b: Tensor, frames: int) -> None:
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"a path joins two points of one size, not {tuple(a.shape)} and {tuple(b.shape)}")
    if isinstance(frames, bool) or not isinstance(frames, int) or frames < 2:
        raise ValueError(f"a path has at least 2 frames, not {frames!r}")


def _with_ends(points: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Arithmetic arrives at the ends only nearly; a walk that starts at a face starts at that face."""
    points[0], points[-1] = a, b
    return points
