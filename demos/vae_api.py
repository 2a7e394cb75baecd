"""The named endpoints of the VAE, for ``gradio_client``, notebooks and agents: the same functions the tab calls."""

from typing import Any

import torch

from demos.checks import a_code, a_number, a_picture, one_of
from demos.describe import describe
from demos.vae_parts.your_picture import is_unusual
from demos.widgets.picture import encode
from models import pictures, vae, zoo


def vae_latents(data: str, beta: float = 1.0) -> dict[str, Any]:
    """What each latent dimension of a VAE carries.

    Args:
        data: "portraits" or "toons".
        beta: 0, 0.5, 1, 4 or 16.

    Returns:
        size, kl (nats per dimension over held-out pictures), active (variance of the mean above 0.01), attributes
        (names of the labelled directions, which belong to beta = 1).
    """
    measured = zoo.metrics(zoo.vae_folder(data, zoo.check_beta(beta)))
    return {
        "size": len(measured["kl_per_dimension"]),
        "kl": measured["kl_per_dimension"],
        "active": measured["active"],
        "attributes": list(zoo.directions(data).names),
    }


@torch.inference_mode()
def vae_encode(data: str, image: str, beta: float = 1.0) -> dict[str, Any]:
    """Encode a picture and judge how well the VAE can give it back.

    Args:
        data: "portraits" or "toons".
        image: data URI of a picture of at most 8 MB; a square of at most 128 pixels is taken whole, others are
            cropped as the portraits were.
        beta: 0, 0.5, 1, 4 or 16.

    Returns:
        mean and std of q(z|x), reconstruction (data URI), error (rms in picture units, range [-1, 1]), typical_error
        (median of held-out pictures), unusual, elbo {reconstruction, kl, total, nats}: both halves are in nats.
    """
    zoo.check_data(data)
    model = zoo.vae(data, zoo.check_beta(beta))
    pixels = a_picture("image", image).pixels
    x = pictures.apply_crop(pixels, pictures.crop_for(pixels))[None]
    posterior = model.encode(x)
    reconstruction = model.decode(posterior.mean)
    bound = vae.elbo(x, posterior, reconstruction, model.config.sigma, model.config.beta)
    error = float((x - reconstruction).square().mean().sqrt())
    measured = zoo.metrics(zoo.vae_folder(data, beta))
    return {
        "mean": posterior.mean[0].tolist(),
        "std": posterior.std[0].tolist(),
        "reconstruction": encode(reconstruction[0], "png"),
        "error": error,
        "typical_error": measured["held_out_error"]["median"],
        "unusual": is_unusual(measured, error),
        "elbo": {
            "reconstruction": float(bound.reconstruction[0]),
            "kl": float(bound.kl[0]),
            "total": float(bound.total[0]),
            "nats": True,
        },
    }


@torch.inference_mode()
def vae_decode(data: str, code: list[float], beta: float = 1.0) -> dict[str, Any]:
    """Decode a code.

    Args:
        data: "portraits" or "toons".
        code: 64 numbers within -10..10.
        beta: 0, 0.5, 1, 4 or 16.

    Returns:
        image: data URI of the 64x64 picture.
    """
    zoo.check_data(data)
    model = zoo.vae(data, zoo.check_beta(beta))
    z = torch.tensor([a_code("code", code, model.config.latent_size)])
    return {"image": encode(model.decode(z)[0], "png")}


@torch.inference_mode()
def vae_edit(data: str, code: list[float], attribute: str, strength: float) -> dict[str, Any]:
    """Move a code along a labelled direction of the beta = 1 VAE and decode it.

    Args:
        data: "portraits" or "toons".
        code: 64 numbers within -10..10.
        attribute: one of the names of ``describe``'s directions.
        strength: -5..5, in standard deviations of the data along the direction.

    Returns:
        code (64 numbers) and image (data URI).
    """
    zoo.check_data(data)
    model, directions = zoo.vae(data), zoo.directions(data)
    z = torch.tensor(a_code("code", code, model.config.latent_size))
    name = one_of("attribute", attribute, tuple(directions.names))
    moved = directions.move(z, name, a_number("strength", strength, -5, 5))
    return {"code": moved.tolist(), "image": encode(model.decode(moved[None])[0], "png")}


ENDPOINTS = (describe, vae_latents, vae_encode, vae_decode, vae_edit)
