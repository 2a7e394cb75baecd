"""The arrows and the densities of part "In 2-D" as the page takes them, and its pictures for a GIF."""

import base64
import functools
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Tensor

from demos.diffusion_parts.points_lessons import Lesson, guess
from models import diffusion, game, threads
from models import point_diffusion as points
from models.point_diffusion import SCALE

GRID = 17  # arrows along each side
LONGEST = 3.0  # |epsilon| of an arrow as long as a square of the grid
SIDE = 32  # squares of a density along each side
QUICK_SIDE = 20  # while something moves
KEYS = 11  # moments of a run that densities are computed for
LOWEST = 20  # smallest t of a density: below it the true one is a needle on every point, thinner than a square


def places(side: int) -> Tensor:
    """The middles of side x side squares of the plane, rows from the lowest y up, (side^2, 2)."""
    middles = ((torch.arange(side) + 0.5) / side * 2 - 1) * game.REACH * SCALE
    return torch.stack(torch.meshgrid(middles, middles, indexing="xy"), -1).reshape(-1, 2)


@functools.lru_cache(maxsize=24)
def arrows(of: Lesson, step: int, walk: str, times: tuple[int, ...], sent: tuple[int, ...]) -> dict[str, Any]:
    """The score at the moments sent, times sqrt(1 - alpha_bar), which is -epsilon: a length that can be drawn.

    Whoever leads the particles draws the arrows; beside the network's stand the exact ones.
    """
    x = places(GRID)

    def field(by: str) -> str:
        ask = guess(of, step, by)
        with threads.for_batch(1), torch.no_grad():
            found = [-diffusion.noise_from(x, ask(x, t), t) for t in (times[min(k, len(times) - 2)] for k in sent)]
        shown = torch.stack(found).numpy() / LONGEST
        shown = shown / np.maximum(1, np.linalg.norm(shown, axis=-1, keepdims=True))
        return base64.b64encode(np.rint(127 * shown).astype(np.int8).tobytes()).decode()

    own = "exact" if walk == "exact" else "network"
    return {"side": GRID, "arrows": field(own), "truth": field("exact") if own == "network" else None}


@functools.lru_cache(maxsize=24)
def densities(of: Lesson, step: int, layer: str, times: tuple[int, ...], moment: int | None) -> dict[str, Any] | None:
    """The true or the learnt density at some moments of a run, or at one; None for the layers that show neither.

    Brightness is density^0.75 in units of the true one's highest value at that moment, so that both densities of a
    moment can be compared.
    """
    if layer not in ("true", "learnt"):
        return None
    last = len(times) - 1
    keys = [moment] if moment is not None else sorted({round(k * last / (KEYS - 1)) for k in range(KEYS)})
    side = SIDE if moment is None else QUICK_SIDE
    x, maps = places(side), []
    with threads.for_batch(1):
        for t in (max(times[key], LOWEST) for key in keys):
            true = points.true_log_density(of.data, x, t)
            shown = true if layer == "true" else points.learnt_log_density(of.weights(step), x, t)
            share = (0.75 * (shown - true.max())).exp().clamp(max=1)
            maps.append(np.rint(255 * share.numpy()).astype(np.uint8))
    packed = base64.b64encode(np.concatenate(maps).tobytes()).decode()
    return {"side": side, "keys": keys, "bytes": packed, "colour": "real" if layer == "true" else "made"}


PICTURE = 320
PAPER, REAL, MADE, OTHER = (14, 17, 22), (110, 72, 40), (110, 168, 255), (255, 158, 74)


def painted(data: Tensor, particles: Tensor, forward: bool) -> np.ndarray:
    """The plane at one moment, (320, 320, 3) uint8: data faint, particles bright."""
    canvas = Image.new("RGB", (PICTURE, PICTURE), PAPER)
    pen = ImageDraw.Draw(canvas)
    own = OTHER if forward else MADE
    for places, colour, size in ((data, REAL, 1), (particles, own, 2)):
        for x, y in places.numpy() / SCALE / game.REACH:
            a, b = PICTURE * (1 + x) / 2, PICTURE * (1 - y) / 2
            pen.ellipse([a - size, b - size, a + size, b + size], fill=colour)
    return np.asarray(canvas)
