"""What every part of the diffusion tab starts from: the state turned into requests, and requests into runs."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from demos import engine
from demos.common import BaseScene
from demos.engine import Run
from models import diffusion, metrics, prompts, seeding, threads, zoo
from models.diffusion import Denoiser, DenoiseStep

SHAPE = (3, 64, 64)
LABELS = {"ddim": "DDIM", "ddpm": "DDPM", "heun": "Heun", "dpm": "DPM-Solver++", "euler": "Euler"}


@dataclass(frozen=True)
class Request:
    """A walk from the noise of a seed to a picture: all that its result depends on, and so its name in the engine."""

    data: str
    seed: int
    steps: int = 25
    scheduler: str = "ddim"
    guidance: float = 3.0
    eta: float = 0.0
    labels: tuple[tuple[str, str], ...] = ()

    @property
    def asked(self) -> dict[str, str]:
        """The condition: {attribute: value}."""
        return dict(self.labels)

    @property
    def nfe(self) -> int:
        """Network evaluations that the walk will take, per picture."""
        once = 2 * self.steps - 1 if self.scheduler == "heun" else self.steps
        return once * (2 if self.labels and self.guidance not in (0, 1) else 1)

    def noise(self) -> Tensor:
        """x_T of the seed, (1, 3, 64, 64)."""
        return seeding.normal(self.seed, 1, SHAPE)

    def options(self) -> dict[str, Any]:
        """The arguments of :func:`models.diffusion.walk` after the noise."""
        return {
            "steps": self.steps,
            "scheduler": self.scheduler,
            "guidance": self.guidance,
            "labels": self.asked,
            "eta": self.eta,
            "seeds": [self.seed],
        }

    def start(self) -> Iterator[DenoiseStep]:
        """The steps, computed one by one as they are taken."""
        return diffusion.denoise(zoo.denoiser(self.data).counted(), self.noise(), **self.options())

    def run(self) -> Run:
        """The run of this request, begun if it was not."""
        return engine.ENGINE.run(self, self.start, self.steps)


@dataclass(frozen=True)
class Together:
    """Several requests walked in step, one call of the network for all their pictures; records are (lane, step)."""

    lanes: tuple[Request, ...]

    def start(self) -> Iterator[tuple[int, DenoiseStep]]:
        """(lane, step), computed as they are taken."""
        walks = [diffusion.walk(lane.noise(), **lane.options()) for lane in self.lanes]
        return diffusion.denoise_together(zoo.denoiser(self.lanes[0].data).counted(), walks)

    def run(self) -> Run:
        """The run of all lanes, begun if it was not."""
        return engine.ENGINE.run(self, self.start, sum(lane.steps for lane in self.lanes))


class Scene(BaseScene):
    """The state of the tab and all that follows from it; everything costly is computed when first asked for."""

    @cached_property
    def denoiser(self) -> Denoiser:
        """The network of the data set, with a counter of its own."""
        return zoo.denoiser(self.data).counted()

    @cached_property
    def prompt(self) -> prompts.Prompt:
        """The prompt as it was understood."""
        return prompts.parse(self.data, self.state["prompt"])

    @cached_property
    def request(self) -> Request:
        """What the state asks for."""
        state = self.state
        scheduler = state["scheduler"]
        return Request(
            data=self.data,
            seed=self.seed,
            steps=state["steps"],
            scheduler=scheduler,
            guidance=state["guidance"],
            eta=state["eta"] if scheduler == "ddim" else 0.0,
            labels=tuple(self.prompt.attributes.items()),
        )

    def varied(self, **changes: Any) -> Request:
        """The state's request with some of its fields changed."""
        return replace(self.request, **changes)

    @cached_property
    def measured(self) -> dict[str, Any]:
        """What training.json says was measured."""
        return zoo.metrics(zoo.diffusion_folder(self.data))

    @torch.inference_mode()
    def features(self, x: Tensor) -> Tensor:
        """What the attribute network sees in pictures (N, 3, 64, 64), (N, 128)."""
        with threads.for_batch(len(x)):
            return zoo.attributes(self.data).features(x.clamp(-1, 1))

    def likeness(self, x: Tensor) -> float:
        """Mean share of held-out real pictures that are farther from the training set than a picture of ``x``."""
        known = zoo.neighbours(self.data)
        distances = known.nearest(self.features(x), 1)[1][:, 0]
        return float(metrics.exceeded_by(distances, known.baseline).mean())
