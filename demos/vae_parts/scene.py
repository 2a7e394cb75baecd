"""What every part of the VAE tab starts from: the state turned into a network, a code and what is known about both."""

from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from demos.common import BaseScene
from models import seeding, threads, zoo
from models.latents import to_grid
from models.vae import VAE, Elbo, elbo


def prior_code(seed: int, size: int) -> Tensor:
    """The code of ``seed``: item 0 of N(0, 1), put on the grid that links can carry; (size,)."""
    return to_grid(seeding.normal(seed, 1, (size,))[0])


class Scene(BaseScene):
    """The state of the tab and all that follows from it; everything costly is computed when first asked for."""

    @cached_property
    def model(self) -> VAE:
        """The beta = 1 network of the data set."""
        return zoo.vae(self.data)

    @cached_property
    def measured(self) -> dict[str, Any]:
        """What training.json says was measured on held-out pictures."""
        return zoo.metrics(zoo.vae_folder(self.data))

    @cached_property
    def order(self) -> list[int]:
        """Latent dimensions, the one with most KL first."""
        return sorted(range(len(self.kl)), key=lambda i: -self.kl[i])

    @property
    def kl(self) -> list[float]:
        """Mean KL of each dimension over held-out pictures, nats."""
        return self.measured["kl_per_dimension"]

    @property
    def active(self) -> list[bool]:
        """Which dimensions carry anything (Burda et al. 2016: the variance of their mean exceeds 0.01)."""
        return self.measured["active"]

    @cached_property
    def base(self) -> Tensor:
        """The code before the named sliders: the one set by hand, else the seed's; (L,)."""
        code = self.state["code"]
        size = self.model.config.latent_size
        if code is None or len(code) != size:
            return prior_code(self.state["seed"], size)
        return torch.tensor(code)

    @cached_property
    def directions(self) -> Any:
        """The labelled directions of this data set."""
        return zoo.directions(self.data)

    @cached_property
    def code(self) -> Tensor:
        """The code that is decoded: base plus every named push; (L,)."""
        code = self.base
        for name, push in self.state["moves"].items():
            if name in self.directions.names:  # names of the other data set simply do not apply here
                code = self.directions.move(code, name, push)
        return code

    @cached_property
    def _strengths(self) -> dict[str, float]:
        return dict(zip(self.directions.names, self.directions.coordinates(self.code).tolist(), strict=True))

    def strength(self, name: str) -> float:
        """Where the code lies along a named direction, in standard deviations of the data."""
        return self._strengths[name]

    @torch.inference_mode()
    def decode(self, codes: Tensor) -> Tensor:
        """Codes (L,) or (N, L) -> pictures (N, 3, 64, 64)."""
        codes = codes.reshape(-1, codes.shape[-1])
        with threads.for_batch(len(codes)):
            return self.model.decode(codes)

    @torch.inference_mode()
    def bound(self, x: Tensor, beta: float = 1.0) -> tuple[Elbo, Tensor]:
        """ELBO of pictures (N, 3, 64, 64) under the member of the family with this beta, and the reconstructions.

        The reconstruction term is taken at the mean of q(z|x), so that the number does not flicker while one drags.
        """
        model = zoo.vae(self.data, beta)
        with threads.for_batch(len(x)):
            posterior = model.encode(x)
            reconstruction = model.decode(posterior.mean)
        return elbo(x, posterior, reconstruction, model.config.sigma, beta), reconstruction
