"""The named endpoints of the diffusion model, for ``gradio_client``, notebooks and agents: what the tab calls, too."""

from typing import Any

import torch

from demos.checks import SEED_LIMIT, a_number, a_picture, an_integer, one_of
from demos.describe import describe
from demos.diffusion_parts.scene import SHAPE, Request
from demos.widgets.picture import encode
from models import conditions, diffusion, editing, pictures, seeding, threads, zoo

NOTHING: dict[str, str] = {}


def denoise(
    data: str,
    seed: int,
    steps: int = 25,
    scheduler: str = "ddim",
    guidance: float = 3.0,
    attributes: dict[str, str] = NOTHING,
    eta: float = 0.0,
) -> dict[str, Any]:
    """Walk from the noise of a seed to a picture.

    Args:
        data: "portraits" or "toons".
        seed: 0 to 2**31 - 1.
        steps: 1 to 250.
        scheduler: "ddim", "ddpm", "heun", "dpm" (DPM-Solver++ 2M) or "euler".
        guidance: w from 0 to 30; guided = unconditional + w (conditional - unconditional).
        attributes: {name: value} of ``describe``'s attributes; what is not named is left to the model.
        eta: 0 to 1, the share of DDPM's noise that DDIM adds; with ddim only.

    Returns:
        image (data URI); for every step of the sampler, from noise to data, timesteps (t), x_t and x0 (data URIs: what
        the network saw, and its guess of the end after guidance; values beyond [-1, 1] are cut); nfe (network
        evaluations for the picture).
    """
    name = one_of("scheduler", scheduler, tuple(diffusion.SCHEDULERS))
    request = Request(
        data=zoo.check_data(data),
        seed=an_integer("seed", seed, 0, SEED_LIMIT),
        steps=an_integer("steps", steps, 1, 250),
        scheduler=name,
        guidance=a_number("guidance", guidance, 0, 30),
        eta=a_number("eta", eta, 0, 1),
        labels=tuple(conditions.check(conditions.vocabulary(data), attributes).items()),
    )
    if request.eta and name != "ddim":
        raise ValueError(f"eta must be 0 with {name}: only ddim adds that noise")
    walked = []
    with threads.for_batch(1):
        for step in request.start():
            walked.append((step.timestep, encode(_seen(step.x_t), "png"), encode(_seen(step.x0), "png")))
    times, x_t, x0 = map(list, zip(*walked, strict=True))
    return {"image": encode(_seen(step.x_next), "png"), "timesteps": times, "x_t": x_t, "x0": x0, "nfe": step.nfe}


def noise_image(data: str, image: str, timestep: int, seed: int) -> dict[str, Any]:
    """Noise a picture to t, and let the network guess the picture from there in one look.

    Args:
        data: "portraits" or "toons".
        image: data URI of a picture of at most 8 MB; a square of at most 128 pixels is taken whole, others are
            cropped as the portraits were.
        timestep: t from 0 (the picture as it is, by definition) to 999 (noise).
        seed: 0 to 2**31 - 1, of the noise.

    Returns:
        noisy and x0 (data URIs: x_t, and the one-shot estimate, without attributes; values beyond [-1, 1] are cut),
        alpha_bar (the picture's share of the variance at t) and snr_db (10 log10(alpha_bar / (1 - alpha_bar))).
    """
    denoiser = zoo.denoiser(zoo.check_data(data)).counted()
    t = an_integer("timestep", timestep, 0, diffusion.TRAIN_STEPS - 1)
    noise = seeding.normal(an_integer("seed", seed, 0, SEED_LIMIT), 1, SHAPE)
    pixels = a_picture("image", image).pixels
    x = pictures.apply_crop(pixels, pictures.crop_for(pixels))[None]
    with threads.for_batch(1):
        x_t, x0 = editing.look(denoiser, x, noise, t)
    return {
        "noisy": encode(_seen(x_t), "png"),
        "x0": encode(_seen(x0), "png"),
        "alpha_bar": diffusion.alpha_bar(t),
        "snr_db": diffusion.snr_db(t),
    }


def _seen(x: torch.Tensor) -> torch.Tensor:
    """One picture of (1, 3, 64, 64) as it can be shown, (3, 64, 64) in [-1, 1]."""
    return x[0].clamp(-1, 1)


ENDPOINTS = (describe, denoise, noise_image)
