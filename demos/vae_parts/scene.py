"""What every part of the VAE tab starts from: the state turned into a network, a code and what is known about both."""

import inspect
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from demos.stage.state import SEED_LIMIT, Param
from demos.widgets.picture import encode, raw, sheet
from models import seeding, threads, zoo
from models.latents import to_grid
from models.vae import VAE, Elbo, elbo

LIVE = "computed live on this machine"


class Moves(Param):
    """How far each named slider was pushed, ``{name: standard deviations}``; ``smile~1.2;yaw~-0.5`` in a link.

    Kept apart from the code: many small pushes along a direction would be rounded away on the code's grid.
    """

    LIMIT = 5.0

    def __init__(self, name: str) -> None:
        super().__init__(name, {})

    def check(self, value: Any) -> dict[str, float]:
        """At most 40 names with pushes of at most 5 standard deviations, rounded to 0.01; zeros are left out."""
        if not isinstance(value, dict) or len(value) > 40:
            raise self.refuse(value, "a table of named pushes")
        known = {name for data in zoo.DATA_SETS for name in zoo.directions(data).names}
        for name, push in value.items():
            number = isinstance(push, int | float) and not isinstance(push, bool) and np.isfinite(push)
            if name not in known or not number or abs(push) > self.LIMIT:
                raise self.refuse(f"{name}~{push}", "a table of known names and numbers from -5 to 5")
        return {name: round(float(push), 2) for name, push in sorted(value.items()) if abs(push) >= 0.005}

    def parse(self, text: str) -> dict[str, float]:
        """``name~number`` pairs with semicolons between them."""
        try:
            pairs = [pair.rsplit("~", 1) for pair in text[:2000].split(";") if pair]
            return self.check({name: float(push) for name, push in pairs})
        except ValueError:
            raise self.refuse(text, "pairs like smile~1.2 with semicolons between them") from None

    def format(self, value: dict[str, float]) -> str:
        """The text that :meth:`parse` reads."""
        return ";".join(f"{name}~{push:g}" for name, push in value.items())


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Yields a list that holds the milliseconds spent inside once the block is left."""
    spent: list[float] = []
    started = time.perf_counter()
    yield spent
    spent.append(1000 * (time.perf_counter() - started))


def prior_code(seed: int, size: int) -> Tensor:
    """The code of ``seed``: item 0 of N(0, 1), put on the grid that links can carry; (size,)."""
    return to_grid(seeding.normal(seed, 1, (size,))[0])


def new_seed(state: dict[str, Any]) -> int:
    """The seed that "Random" goes to from here: it follows from the present one, so a story that presses it repeats."""
    return int(seeding.generator(state["seed"], 1).integers(0, 100_000)) % (SEED_LIMIT + 1)


@dataclass(frozen=True)
class Scene:
    """The state of the tab and all that follows from it; everything costly is computed when first asked for."""

    state: dict[str, Any]

    @property
    def data(self) -> str:
        """Name of the data set."""
        return self.state["data"]

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


def source(*functions: Callable) -> str:
    """The code of these functions as it stands in ``models/``, for the dialog "the code"."""
    return "\n\n".join(inspect.cleandoc("\n" + inspect.getsource(function)) for function in functions)


def number(value: float, digits: int = 1) -> dict[str, str]:
    """A live number of a formula, with a true minus sign and thin groups of thousands."""
    return {"n": f"{value:,.{digits}f}".replace("-", "−")}


def hero(picture: Tensor, caption: str, alt: str) -> dict[str, Any]:
    """Value of a face sheet with one large face; ``picture`` is (1, 3, 64, 64) or (3, 64, 64)."""
    return {
        "image": raw(picture.reshape(3, *picture.shape[-2:])),
        "rows": 1,
        "cols": 1,
        "alt": alt,
        "caption": caption,
        "source": LIVE,
    }


def faces(pictures: Tensor, columns: int, alt: str, caption: str = "", **more: Any) -> dict[str, Any]:
    """Value of a face sheet of many faces (N, 3, 64, 64)."""
    return {
        "image": encode(sheet(pictures, columns), "png" if len(pictures) <= 16 else "jpeg"),
        "rows": -(-len(pictures) // columns),
        "cols": columns,
        "alt": alt,
        "caption": caption,
        "source": LIVE,
        **more,
    }
