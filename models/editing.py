"""Pictures of one's own in a diffusion model: noised and guessed at, walked back, filled in, and compared.

*Image to image* (SDEdit, Meng et al. 2022) starts the way back not from noise but from a picture that was noised to
some t: what noise had drowned by then is invented anew, what still stood out stays. *Repair* keeps what a mask says is
known (:class:`models.diffusion.Keep`) and lets the model make up the rest.

Pictures are float32 (N, 3, 64, 64) in [-1, 1]; t is diffusers' index, and t = 0 returns a picture as it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from models import conditions, diffusion
from models.attributes import Attributes
from models.diffusion import Denoiser, DenoiseStep

SIDE = 64
AREAS = {
    "eyes": (slice(25, 39), slice(17, 47)),
    "mouth": (slice(40, 52), slice(22, 42)),
    "upper": (slice(0, SIDE // 2), slice(0, SIDE)),
    "left": (slice(0, SIDE), slice(0, SIDE // 2)),
}
"""Where a face has what, (rows, columns) in pixels: both sets are aligned, so one rectangle fits them all."""


@torch.inference_mode()
def look(
    denoiser: Denoiser,
    x0: Tensor,
    noise: Tensor,
    t: int,
    labels: Mapping[str, str] | None = None,
    guidance: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """Noise pictures to t and ask once: (x_t, the network's guess of x0 from there), both shaped like ``x0``.

    With ``labels`` and a guidance other than 0 and 1 it is asked twice (Ho & Salimans 2022, equation 6). At t = 0 both
    are the picture itself, and nothing is asked.
    """
    x_t = diffusion.q_sample(x0, noise, t)
    if t == 0:
        return x_t, x0
    wishes = [dict(labels or {})] * len(x0)
    nothing = [{}] * len(x0)
    if not labels or guidance in (0, 1):
        v = denoiser.predict(x_t, t, wishes if guidance else nothing)
    else:
        wish, free = denoiser.predict(torch.cat([x_t, x_t]), t, wishes + nothing).chunk(2)
        v = free + guidance * (wish - free)
    return x_t, diffusion.x0_from(x_t, v, t)


def image_to_image(
    denoiser: Denoiser, x0: Tensor, noise: Tensor, t: int, steps: int = 25, scheduler: str = "ddim", **options: Any
) -> Iterator[DenoiseStep]:
    """Noise pictures to the first of the sampler's steps at or below t, and walk back from there.

    ``options`` are those of :func:`models.diffusion.walk`. Nothing is yielded where no step is left, as at t = 0: the
    picture is then what it was.

    Raises:
        ValueError: naming an argument that is not allowed.
    """
    times = diffusion.timesteps(scheduler, steps, t)
    if times:
        x_t = diffusion.q_sample(x0, noise, times[0])
        yield from diffusion.denoise(denoiser, x_t, steps, scheduler, start=times[0], **options)


def area(name: str) -> Tensor:
    """One of AREAS as a mask (1, 1, 64, 64) of what is to be made anew: True there, False elsewhere."""
    mask = torch.zeros(1, 1, SIDE, SIDE, dtype=torch.bool)
    rows, columns = AREAS[name]
    mask[:, :, rows, columns] = True
    return mask


def rms(a: Tensor, b: Tensor) -> float:
    """Root mean square of the difference of two pictures, 0 to 2."""
    return float((a - b).square().mean().sqrt())


def values(reader: Attributes, x: Tensor) -> list[dict[str, str | None]]:
    """What ``reader`` reads off each picture: {attribute: value}, None where it is neither."""
    known = conditions.vocabulary(reader.config.data)
    found = conditions.read(reader, x)
    return [
        {name: known[name][int(shares[i].argmax())] if shares[i].max() > 0 else None for name, shares in found.items()}
        for i in range(len(x))
    ]
