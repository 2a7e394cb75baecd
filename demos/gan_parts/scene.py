"""What every part of the GAN tab starts from: the state turned into networks, styles and faces."""

from collections.abc import Iterator
from contextlib import nullcontext
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from demos.common import BaseScene
from demos.stage.frame import Haste
from demos.stage.state import unpack
from models import metrics, precision, seeding, threads, zoo
from models.components import Components
from models.directions import Directions
from models.gan import LAYER_GROUPS, Discriminator, Generator

SHEET = 16  # faces of a seed that the first view shows
GROUPS = ("all", *LAYER_GROUPS)
COMPONENTS = 10  # principal components that have sliders


def component_name(k: int) -> str:
    """``pc1`` for the first principal component: its name in the state and in links."""
    return f"pc{k + 1}"


def move_names() -> Iterator[str]:
    """Every name a push can have: a direction of either set or a component, at all layers or at one group of them."""
    names = {name for data in zoo.DATA_SETS for name in zoo.gan_directions(data).names}
    for name in (*names, *map(component_name, range(COMPONENTS))):
        yield name
        yield from (f"{name}@{group}" for group in LAYER_GROUPS)


class Scene(BaseScene):
    """The state of the tab and all that follows from it; everything costly is computed when first asked for."""

    @property
    def psi(self) -> float:
        """Truncation: 0 is the average face, 1 leaves styles as they are."""
        return self.state["psi"]

    @cached_property
    def generator(self) -> Generator:
        """G of the data set."""
        return zoo.generator(self.data)

    @cached_property
    def discriminator(self) -> Discriminator:
        """D of the data set."""
        return zoo.discriminator(self.data)

    @cached_property
    def directions(self) -> Directions:
        """The labelled directions in W."""
        return zoo.gan_directions(self.data)

    @cached_property
    def components(self) -> Components:
        """The principal components of W."""
        return zoo.components(self.data)

    @cached_property
    def measured(self) -> dict[str, Any]:
        """What training.json says was measured."""
        return zoo.metrics(zoo.gan_folder(self.data))

    def z(self, seed: int, count: int = SHEET, start: int = 0) -> Tensor:
        """Noise of the faces ``start`` to ``start + count - 1`` of a seed, (count, Z)."""
        return seeding.normal(seed, count, (self.generator.config.latent_size,), start)

    @torch.inference_mode()
    def w(self, seed: int, count: int = SHEET, start: int = 0) -> Tensor:
        """Styles of those faces before truncation, (count, W)."""
        with threads.for_batch(1):
            return self.generator.style(self.z(seed, count, start))

    @cached_property
    def base(self) -> Tensor:
        """w of the selected face, (W,): of the visitor's photo where one was inverted, else of the seed's."""
        if self.state["own"]:
            own = torch.from_numpy(unpack(self.state["own"]).copy())
            if own.shape != self.generator.w_average.shape:
                raise ValueError("The style of a photo has as many numbers as W; this one has not.")
            return own
        return self.w(self.state["seed"], 1, self.state["face"])[0]

    def truncated(self, w: Tensor) -> Tensor:
        """``w`` (..., W) pulled towards the average by psi. What was found for a photo stays as it was found."""
        return w if self.state["own"] else self.generator.truncate(w, self.psi)

    def moved(self, styles: Tensor, moves: dict[str, float] | None = None) -> Tensor:
        """Styles (LAYERS, W) after every push of the state (or of ``moves``), each at its group of layers."""
        styles = styles.clone()
        for full_name, push in (self.state["moves"] if moves is None else moves).items():
            name, _, group = full_name.partition("@")
            rows = list(LAYER_GROUPS[group]) if group else slice(None)
            if name.startswith("pc") and name[2:].isdigit():
                styles[rows] = self.components.move(styles[rows], int(name[2:]) - 1, push)
            elif name in self.directions.names:  # names of the other data set simply do not apply here
                styles[rows] = self.directions.move(styles[rows], name, push)
        return styles

    @cached_property
    def styles(self) -> Tensor:
        """The styles of the selected face as it stands, one per layer: (LAYERS, W)."""
        return self.moved(self.truncated(self.base).expand(self.generator.layers, -1))

    @torch.inference_mode()
    def draw_faces(self, styles: Tensor, live: Haste = Haste.REST) -> Tensor:
        """Styles (N, LAYERS, W), or one w per face (N, W), -> pictures (N, 3, 64, 64) in [-1, 1].

        live: unless at rest, in numbers that are quick (see :mod:`models.precision`); the faces that follow on one
        core, however many they are, because the other answers the dragging hand.
        """
        # by fours: memory for more is taken from the system and given back each time, which costs a quarter of the time
        few = styles.split(threads.FEW) if live == Haste.FOLLOW else [styles]
        with threads.for_batch(len(few[0])), precision.in_passing() if live else nullcontext():
            return torch.cat([self.generator.synthesis(part) for part in few]).clamp(-1, 1)

    @torch.inference_mode()
    def scores(self, x: Tensor) -> Tensor:
        """The discriminator's logit of each picture (N, 3, 64, 64): above 0 it says "real", (N,)."""
        with threads.for_batch(len(x)):
            return self.discriminator(x)

    @torch.inference_mode()
    def features(self, x: Tensor) -> Tensor:
        """What the attribute network sees in pictures (N, 3, 64, 64), (N, 128)."""
        with threads.for_batch(len(x)):
            return zoo.attributes(self.data).features(x)

    def diversity(self, x: Tensor) -> float:
        """Mean distance of these pictures in attribute features, as a share of that of real pictures."""
        return metrics.diversity(self.features(x)) / self.measured["diversity"]["real"]

    def likeness(self, x: Tensor) -> float:
        """Mean share of held-out real pictures that are farther from the training set than a picture of ``x``."""
        known = zoo.neighbours(self.data)
        distances = known.nearest(self.features(x), 1)[1][:, 0]
        return float(metrics.exceeded_by(distances, known.baseline).mean())
