"""What the generative families put on a map: as many samples of each whose weights are there, always the same ones."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from models import image_tokens_drawing, seeding, zoo
from models.diffusion import Denoiser
from models.training.diffusion_report import SAMPLER, STEPS
from models.training.diffusion_report import draw as denoise
from models.training.vae_report import in_batches

SEED = 11
BATCH = 50


@dataclass(frozen=True)
class Family:
    """One family: its title, and ``draw(count)`` -> pictures (count, 3, 64, 64) in [-1, 1]."""

    title: str
    draw: Callable[[int], Tensor]


def families(data: str) -> dict[str, Family]:
    """Every family whose weights for ``data`` ship; nothing is loaded before it draws."""
    found = {"gan": Family("GAN", lambda count: _gan(data, count, collapsed=False))}
    if data == "toons":
        found["gan-collapsed"] = Family("GAN that collapsed", lambda count: _gan(data, count, collapsed=True))
    found["vae"] = Family("VAE, codes from the prior", lambda count: _vae(data, count))
    if (zoo.diffusion_folder(data) / "unet").is_dir():
        title = f"diffusion, {STEPS} steps of {'DPM-Solver++' if SAMPLER == 'dpm' else SAMPLER}"
        found["diffusion"] = Family(title, lambda count: _diffusion(zoo.denoiser(data), count))
    if (zoo.image_tokens_folder(data) / "config.json").is_file():
        found["image-tokens"] = Family("image tokens", lambda count: _image_tokens(data, count))
    return found


@torch.inference_mode()
def _gan(data: str, count: int, collapsed: bool) -> Tensor:
    """Not truncated: the map shows all that the generator knows."""
    generator = zoo.generator(data, collapsed)
    return in_batches(generator, seeding.normal(SEED, count, (generator.config.latent_size,)), BATCH)


@torch.inference_mode()
def _vae(data: str, count: int) -> Tensor:
    model = zoo.vae(data)
    return in_batches(model.decode, seeding.normal(SEED, count, (model.config.latent_size,)), BATCH).clamp(-1, 1)


def _diffusion(denoiser: Denoiser, count: int) -> Tensor:
    return denoise(denoiser, seeding.normal(SEED, count, (3, denoiser.size, denoiser.size)), STEPS).clamp(-1, 1)


@torch.inference_mode()
def _image_tokens(data: str, count: int) -> Tensor:
    model = zoo.image_tokens(data)
    parts = []
    for start in range(0, count, BATCH):
        seeds = [SEED * 100_000 + i for i in range(start, min(start + BATCH, count))]
        *_, last = image_tokens_drawing.draw(model, seeds)
        parts.append(model.decode(last.codes).clamp(-1, 1))
    return torch.cat(parts)
