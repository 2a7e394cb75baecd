"""A variational autoencoder, whole: the network, its posterior and the bound it maximises.

A VAE (Kingma & Welling 2014, "Auto-Encoding Variational Bayes") learns two maps at once. The *encoder* reads a
picture x and answers with a distribution over codes, q(z|x) = N(mean, std^2), one number per dimension. The *decoder*
draws a picture from a code. It is trained to maximise the evidence lower bound (their equation 3)

    ELBO = E_q[ log p(x|z) ]  -  beta * KL( q(z|x) || p(z) ),        p(z) = N(0, 1)

With beta = 1 this bounds log p(x); other values of beta are the beta-VAE (Higgins et al. 2017), and beta = 0 leaves a
plain autoencoder. Here p(x|z) = N(x; decoder(z), sigma^2) with one fixed sigma, so both terms are in nats and can be
added, compared and argued about.

Pictures are float32 tensors (N, 3, 64, 64) in [-1, 1]; codes are (N, L) with L = 64.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models import packing


@dataclass(frozen=True)
class VAEConfig:
    """What it takes to rebuild the network.

    Attributes:
        latent_size: length L of a code.
        widths: channels at 64, 32, 16, 8 and 4 pixels, as the encoder meets them.
        sigma: standard deviation of p(x|z) per colour value, in picture units (the range [-1, 1] has length 2).
        beta: weight of the KL term the network was trained with.
        data: name of the data set.
    """

    latent_size: int = 64
    widths: tuple[int, ...] = (32, 64, 96, 128, 128)
    sigma: float = 0.3
    beta: float = 1.0
    data: str = "toons"


@dataclass(frozen=True)
class Posterior:
    """The encoder's answer q(z|x) = N(mean, std^2), dimension by dimension.

    Attributes:
        mean: (N, L).
        std: (N, L), positive.
    """

    mean: Tensor
    std: Tensor

    def sample(self, noise: Tensor) -> Tensor:
        """Reparametrised sample z = mean + std * noise (Kingma & Welling 2014, section 2.4); noise is (N, L)."""
        return self.mean + self.std * noise

    def kl(self) -> Tensor:
        """KL( q(z|x) || N(0, 1) ) in nats per dimension, (N, L).

        Closed form of Kingma & Welling 2014, appendix B: 0.5 * (mean^2 + std^2 - 1 - log std^2).
        """
        return 0.5 * (self.mean.square() + self.std.square() - 1.0) - self.std.log()


@dataclass(frozen=True)
class Elbo:
    """The bound and its two halves in nats, each (N,). ``total = reconstruction - beta * kl``."""

    reconstruction: Tensor
    kl: Tensor
    total: Tensor
    beta: float


def log_likelihood(x: Tensor, reconstruction: Tensor, sigma: float) -> Tensor:
    """log N(x; reconstruction, sigma^2) in nats, summed over pixels and colours: (N, 3, H, W) twice -> (N,)."""
    squares = (x - reconstruction).square().flatten(1)
    constant = 0.5 * math.log(2.0 * math.pi) + math.log(sigma)
    return -(squares.sum(1) / (2.0 * sigma**2) + constant * squares.shape[1])


def elbo(x: Tensor, posterior: Posterior, reconstruction: Tensor, sigma: float, beta: float = 1.0) -> Elbo:
    """Evidence lower bound of each picture with a one-sample estimate of the reconstruction term.

    Args:
        x: pictures (N, 3, H, W).
        posterior: q(z|x).
        reconstruction: decoder(z) for a z drawn from (or the mean of) the posterior, (N, 3, H, W).
        sigma: standard deviation of p(x|z).
        beta: weight of the KL term (Higgins et al. 2017, equation 4); 1 gives the bound of Kingma & Welling.
    """
    rec = log_likelihood(x, reconstruction, sigma)
    kl = posterior.kl().sum(1)
    return Elbo(rec, kl, rec - beta * kl, beta)


class _Block(nn.Module):
    """Residual block (He et al. 2016) that may double the picture's side between its two 3x3 convolutions.

    Built for a CPU, where moving memory costs more than multiplying: one group norm at the entry, leaky ReLU, and
    everything that can be done before the doubling is done before it.
    """

    def __init__(self, inputs: int, outputs: int, double: bool):
        super().__init__()
        self.double = double
        self.norm = nn.GroupNorm(8, inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def _resize(self, x: Tensor) -> Tensor:
        return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False) if self.double else x

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.leaky_relu(self.norm(x), 0.1))
        h = self.conv2(F.leaky_relu(self._resize(h), 0.1))
        return self._resize(self.skip(x)) + h


class VAE(nn.Module):
    """Convolutional VAE for 64x64 pictures: four halvings down to 4x4, a code, four doublings back up."""

    def __init__(self, config: VAEConfig | None = None):
        super().__init__()
        self.config = config = config or VAEConfig()
        widths = config.widths
        self.stem = nn.Conv2d(3, widths[0], 3, padding=1)
        self.down = nn.ModuleList(
            nn.Sequential(nn.LeakyReLU(0.1), nn.Conv2d(a, b, 4, stride=2, padding=1), nn.GroupNorm(8, b))
            for a, b in zip(widths, widths[1:], strict=False)
        )
        self.to_posterior = nn.Linear(widths[-1] * 16, 2 * config.latent_size)
        self.from_code = nn.Linear(config.latent_size, widths[-1] * 16)
        self.first = _Block(widths[-1], widths[-1], double=False)
        self.up = nn.ModuleList(_Block(a, b, double=True) for a, b in zip(widths[::-1], widths[-2::-1], strict=False))
        self.to_rgb = nn.Conv2d(widths[0], 3, 3, padding=1)

    def encode(self, x: Tensor) -> Posterior:
        """Pictures (N, 3, 64, 64) in [-1, 1] -> q(z|x). The log-variance is kept within +-12: no KL overflows."""
        h = self.stem(x)
        for stage in self.down:
            h = stage(h)
        mean, log_variance = self.to_posterior(F.leaky_relu(h, 0.1).flatten(1)).float().chunk(2, dim=1)
        return Posterior(mean, (0.5 * log_variance.clamp(-12.0, 12.0)).exp())

    def decode(self, z: Tensor) -> Tensor:
        """Codes (N, L) -> the mean of p(x|z), pictures (N, 3, 64, 64) in [-1, 1]."""
        h = self.first(self.from_code(z).view(-1, self.config.widths[-1], 4, 4))
        for stage in self.up:
            h = stage(h)
        return torch.tanh(self.to_rgb(F.leaky_relu(h, 0.1)).float())

    def save(self, folder: Path) -> None:
        """Write ``model.safetensors`` (float16) and ``config.json`` into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file(packing.halves(self.state_dict()), folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(asdict(self.config), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "VAE":
        """Read a network written by :meth:`save`; it runs in float32, in evaluation mode, without gradients.

        Raises:
            FileNotFoundError: if the folder holds no weights.
        """
        config = json.loads((Path(folder) / "config.json").read_text())
        model = cls(VAEConfig(**{**config, "widths": tuple(config["widths"])}))
        model.load_state_dict(packing.opened(load_file(Path(folder) / "model.safetensors")))
        return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)
