"""Faces, token by token: a picture is 128 codes, and a transformer guesses each from those before it.

The two halves are :mod:`models.image_tokens_autoencoder`, which turns pictures into codes and back (VQ-VAE, van den
Oord et al. 2017; residual codes, Lee et al. 2022), and :mod:`models.image_tokens_transformer`, which learns their
order (the idea of PixelRNN, van den Oord et al. 2016, with patches as in DALL-E, Ramesh et al. 2021). Drawing is what
a language model does: p(picture) = prod_i p(code_i | codes before i, condition), one code after the other; that is
:mod:`models.image_tokens_drawing`.

Pictures are float32 (N, 3, 64, 64) in [-1, 1]. Codes are int64 (N, length) in the order of drawing: the places of the
8x8 grid in reading order, at every place the rough stroke, then the fine one; OPEN (-1) is what is not drawn yet.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models import packing
from models.image_tokens_autoencoder import OPEN, PatchAutoencoder
from models.image_tokens_transformer import TokenTransformer

__all__ = ["OPEN", "ImageTokens", "ImageTokensConfig", "keep", "take"]


@dataclass(frozen=True)
class ImageTokensConfig:
    """What it takes to rebuild both networks.

    Attributes:
        vocabulary: {attribute: its values} that can be asked for.
        data: name of the data set.
        widths, codes, depth, code_size: of :class:`PatchAutoencoder`.
        size, layers, heads: of :class:`TokenTransformer`.
    """

    vocabulary: Mapping[str, Sequence[str]] = field(default_factory=dict)
    data: str = "toons"
    widths: tuple[int, ...] = (48, 96, 192)
    codes: int = 512
    depth: int = 2
    code_size: int = 32
    size: int = 256
    layers: int = 4
    heads: int = 8

    def autoencoder(self) -> PatchAutoencoder:
        """A new autoencoder with random weights."""
        return PatchAutoencoder(self.widths, self.codes, self.depth, self.code_size)

    def transformer(self, dropout: float = 0.0) -> TokenTransformer:
        """A new transformer with random weights; ``dropout`` is for training."""
        side = 64 // 2 ** len(self.widths)
        shape = (side, self.depth, self.codes, self.size, self.layers, self.heads)
        return TokenTransformer(self.vocabulary, *shape, dropout)


class ImageTokens:
    """Both halves of the model, ready for inference; what goes in and comes out is on the CPU."""

    def __init__(self, config: ImageTokensConfig, autoencoder: PatchAutoencoder, transformer: TokenTransformer):
        self.config, self.autoencoder, self.transformer = config, autoencoder, transformer
        self.side, self.patch, self.places = autoencoder.side, autoencoder.patch, autoencoder.places
        self.length = self.places * config.depth

    @classmethod
    def load(cls, folder: Path) -> "ImageTokens":
        """Read a model written by :meth:`save`; it runs in float32, in evaluation mode, without gradients.

        Raises:
            FileNotFoundError: if the folder holds no weights.
        """
        config = json.loads((Path(folder) / "config.json").read_text())
        config["widths"] = tuple(config["widths"])
        config["vocabulary"] = {name: tuple(values) for name, values in config["vocabulary"].items()}
        config = ImageTokensConfig(**config)
        networks = config.autoencoder(), config.transformer()
        for network, name in zip(networks, ("autoencoder", "transformer"), strict=True):
            network.load_state_dict(packing.opened(load_file(Path(folder) / f"{name}.safetensors")))
            network.eval().requires_grad_(False)
        return cls(config, networks[0].to(memory_format=torch.channels_last), networks[1])

    def save(self, folder: Path) -> None:
        """Write ``autoencoder.safetensors``, ``transformer.safetensors`` (float16) and ``config.json``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        networks: dict[str, nn.Module] = {"autoencoder": self.autoencoder, "transformer": self.transformer}
        for name, network in networks.items():
            save_file(packing.halves(network.state_dict()), folder / f"{name}.safetensors")
        (folder / "config.json").write_text(json.dumps(asdict(self.config), indent=1) + "\n")

    @property
    def conditions(self) -> dict[str, tuple[str, ...]]:
        """{attribute: its values} that can be asked for."""
        return self.transformer.asked.vocabulary

    @torch.no_grad()  # and not inference mode: codes are there to be changed
    def encode(self, pictures: Tensor) -> Tensor:
        """Pictures (N, 3, 64, 64) -> codes (N, length).

        Raises:
            ValueError: for pictures of another shape.
        """
        if pictures.ndim != 4 or pictures.shape[1:] != (3, 64, 64):
            raise ValueError(f"pictures must be (N, 3, 64, 64), not {tuple(pictures.shape)}")
        pictures = pictures.to(self.autoencoder.blank.device, memory_format=torch.channels_last)
        return self.autoencoder.quantise(self.autoencoder.vectors(pictures)).flatten(1).cpu()

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, length) -> pictures (N, 3, 64, 64).

        A place of which nothing is drawn is mid-grey (0), one with only its rough stroke shows that. A patch is drawn
        in the light of its neighbours, so patches that are there change a little as others come in.

        Raises:
            ValueError: for codes of another shape or outside OPEN..codes - 1.
        """
        codes = self.check(codes).to(self.autoencoder.blank.device)
        return self.autoencoder.decode(codes.view(len(codes), self.places, self.config.depth)).cpu()

    def position(self, index: int) -> tuple[int, int, int, int]:
        """Position 0..length - 1 in the order of drawing -> (place, row, column, level); level 0 is rough."""
        place, level = divmod(index, self.config.depth)
        return place, *divmod(place, self.side), level

    def check(self, codes: Tensor | Sequence) -> Tensor:
        """``codes`` as int64 (N, length). Raises ValueError naming what is wrong with them."""
        codes = torch.as_tensor(codes)
        if codes.ndim == 1:
            codes = codes[None]
        if codes.ndim != 2 or codes.shape[1] != self.length or codes.is_floating_point() or codes.dtype == torch.bool:
            raise ValueError(f"codes must be whole numbers of shape (N, {self.length}), not {tuple(codes.shape)}")
        if len(codes) and not OPEN <= int(codes.min()) <= int(codes.max()) < self.config.codes:
            raise ValueError(f"codes go from 0 to {self.config.codes - 1}, or are {OPEN} where nothing is drawn")
        return codes.long()

    def open(self) -> Tensor:
        """The codes of an empty grid, int64 (1, length)."""
        return torch.full((1, self.length), OPEN)


def keep(model: ImageTokens, codes: Tensor, rows: int) -> Tensor:
    """Codes (N, length) of which only the first ``rows`` rows of the grid are left, the rest OPEN: half a face."""
    codes = model.check(codes).clone()
    codes[:, rows * model.side * model.config.depth :] = OPEN
    return codes


def take(model: ImageTokens, codes: Tensor, index: int, code: int) -> Tensor:
    """The other road: codes (N, length) with ``code`` at position ``index`` and nothing after it.

    Give them to :func:`models.image_tokens_drawing.draw` with ``start=index`` and the same seeds, and it goes on from
    there with the same darts.
    """
    codes = model.check(codes).clone()
    codes[:, index] = code
    codes[:, index + 1 :] = OPEN
    return model.check(codes)
