"""What the part "Your picture" computes, as requests: a picture walked back, walked back from many t, and filled in.

A request is all that its result depends on, the picture itself included, and so it is its own name in the engine.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from demos import engine, uploads
from demos.diffusion_parts.scene import SHAPE, Request, Scene
from demos.engine import Run
from demos.stage.state import SEED_LIMIT, unpack_bits
from demos.uploads import example_atlas, read_picture
from demos.widgets.picture import to_uint8
from models import diffusion, editing, prompts, seeding, threads, zoo
from models.diffusion import DenoiseStep, Keep

LEVELS = (100, 200, 300, 400, 500, 600, 700, 800, 999)
"""t at which "What survives" noises the picture; nearly all is lost by 800."""
FILLINGS = 3
"""Seeds that a repair shows side by side."""
AGAIN = {"replace": 1, "repaint": 3}
"""How often a repair takes every step."""
REPAIRERS = ("ddim", "ddpm")
EXAMPLE_SEED, EXAMPLE_PSI, FIRST_EXAMPLE = 0, 0.7, 16


def tensor(picture: bytes) -> Tensor:
    """The 64x64 RGB bytes of a picture -> (1, 3, 64, 64) in [-1, 1]."""
    return uploads.to_tensor(np.array(bytearray(picture), np.uint8).reshape(64, 64, 3))


@dataclass(frozen=True)
class Back:
    """A picture noised to ``level`` and walked back from there."""

    picture: bytes
    level: int
    request: Request

    @property
    def steps(self) -> int:
        """Steps of the sampler that lie at or below ``level``; none at t = 0."""
        return len(diffusion.timesteps(self.request.scheduler, self.request.steps, self.level))

    def look(self) -> tuple[Tensor, Tensor]:
        """x_t at ``level`` and the one-shot guess of the picture from there, (1, 3, 64, 64) each."""
        request = self.request
        with threads.for_batch(1):
            denoiser = zoo.denoiser(request.data).counted()
            return editing.look(
                denoiser, tensor(self.picture), request.noise(), self.level, request.asked, request.guidance
            )

    def start(self) -> Iterator[DenoiseStep]:
        """The steps from ``level`` down, computed as they are taken."""
        request = self.request
        denoiser = zoo.denoiser(request.data).counted()
        return editing.image_to_image(denoiser, tensor(self.picture), request.noise(), self.level, **request.options())

    def run(self) -> Run:
        """The run of this request, begun if it was not."""
        return engine.ENGINE.run(self, self.start, self.steps)


@dataclass(frozen=True)
class Level:
    """What came back from t: the picture, (1, 3, 64, 64), how far it is from the first one, and what is read off it."""

    t: int
    picture: Tensor
    rms: float
    values: dict[str, str | None]


@dataclass(frozen=True)
class Survey:
    """A picture walked back from every one of LEVELS; records are a Level where one is reached, None for a step."""

    picture: bytes
    request: Request

    def start(self) -> Iterator[Level | None]:
        """The picture itself as level 0, then level by level, the lowest first: it takes the fewest steps."""
        reader, x0 = zoo.attributes(self.request.data), tensor(self.picture)
        yield Level(0, x0, 0.0, editing.values(reader, x0)[0])
        for level in LEVELS:
            back = Back(self.picture, level, self.request)
            picture = None if back.steps else back.look()[1]  # where no step is left the guess is all there is
            for step in back.start():
                picture = step.x_next
                yield None
            picture = picture.clamp(-1, 1)
            yield Level(level, picture, editing.rms(x0, picture), editing.values(reader, picture)[0])

    def run(self) -> Run:
        """The run of this request, begun if it was not."""
        steps = sum(Back(self.picture, level, self.request).steps + 1 for level in LEVELS) + 1
        return engine.ENGINE.run(self, self.start, steps)


@dataclass(frozen=True)
class Mend:
    """A picture whose masked part is made up anew, from FILLINGS seeds at once.

    mask: 64x64 bits as ``numpy.packbits`` packs them, 1 where it is to be made anew. again: how often each step is
    taken, more than once is RePaint.
    """

    picture: bytes
    mask: bytes
    again: int
    request: Request

    @property
    def seeds(self) -> list[int]:
        """The seed of the request and those after it."""
        return [(self.request.seed + k) % (SEED_LIMIT + 1) for k in range(FILLINGS)]

    @property
    def steps(self) -> int:
        """Records of its run."""
        return len(diffusion.timesteps(self.request.scheduler, self.request.steps))

    def anew(self) -> Tensor:
        """The mask, (1, 1, 64, 64) bool: True where the picture is made anew."""
        bits = np.unpackbits(np.frombuffer(self.mask, np.uint8)).astype(bool)
        return torch.from_numpy(bits).reshape(1, 1, 64, 64)

    def noise(self) -> Tensor:
        """x_T of every seed, (FILLINGS, 3, 64, 64)."""
        return torch.cat([seeding.normal(seed, 1, SHAPE) for seed in self.seeds])

    def empty(self) -> Tensor:
        """The picture with noise where it is to be made anew, (FILLINGS, 3, 64, 64)."""
        return torch.where(self.anew(), self.noise(), tensor(self.picture))

    def start(self) -> Iterator[DenoiseStep]:
        """The steps, all seeds in one batch, computed as they are taken."""
        keep = Keep(tensor(self.picture), (~self.anew()).float(), self.again)
        options = self.request.options() | {"seeds": self.seeds, "keep": keep}
        return diffusion.denoise(zoo.denoiser(self.request.data).counted(), self.noise(), **options)

    def run(self) -> Run:
        """The run of this request, begun if it was not."""
        return engine.ENGINE.run(self, self.start, self.steps)


@cache
def _made(data: str, example: int) -> np.ndarray:
    """A face of the generator's of ``data``, (64, 64, 3) uint8: the photographs themselves are not shipped."""
    generator = zoo.generator(data)
    z = seeding.normal(EXAMPLE_SEED, 1, (generator.config.latent_size,), FIRST_EXAMPLE + example)
    with torch.inference_mode(), threads.for_batch(1):
        return to_uint8(generator(z, EXAMPLE_PSI)[0].clamp(-1, 1))


@dataclass(frozen=True)
class Own:
    """What the state says of the visitor's picture: which it is, and what is to be done with it."""

    scene: Scene

    @property
    def state(self) -> dict[str, Any]:
        """The state of the tab."""
        return self.scene.state

    @cached_property
    def pixels(self) -> np.ndarray:
        """The picture, (64, 64, 3) uint8: the visitor's, a held-out drawing, or a face that the GAN made."""
        if self.state["picture"]:
            return read_picture(self.state["picture"])
        if self.scene.data == "toons":
            return example_atlas()[self.state["example"]]
        return _made(self.scene.data, self.state["example"])

    @property
    def what(self) -> str:
        """What the picture is, in words."""
        if self.state["picture"]:
            return "your picture"
        if self.scene.data == "toons":
            return "a drawing it was never shown"
        return "a face that the GAN made (the photographs are not shipped)"

    @property
    def picture(self) -> bytes:
        """Its 64x64 RGB bytes."""
        return np.ascontiguousarray(self.pixels).tobytes()

    @cached_property
    def x0(self) -> Tensor:
        """The picture, (1, 3, 64, 64) in [-1, 1]."""
        return tensor(self.picture)

    @cached_property
    def request(self) -> Request:
        """The sampler of the state, with the wish of this part."""
        wish = prompts.parse(self.scene.data, self.state["wish"]).attributes
        return replace(self.scene.request, labels=tuple(wish.items()))

    @cached_property
    def back(self) -> Back:
        """The walk back from the t of the state."""
        return Back(self.picture, self.state["noised"], self.request)

    @cached_property
    def survey(self) -> Survey:
        """The walks back from all levels."""
        return Survey(self.picture, self.request)

    @cached_property
    def mask(self) -> np.ndarray:
        """What is to be made anew, (64, 64) bool: what was painted, or the chosen part of the face."""
        if self.state["area"] == "own":
            return unpack_bits(self.state["mask"], 64 * 64).reshape(64, 64)
        return editing.area(self.state["area"])[0, 0].numpy()

    @cached_property
    def mend(self) -> Mend:
        """The repair; a sampler that cannot repair gives way to DDIM."""
        request = self.request
        if request.scheduler not in REPAIRERS:
            request = replace(request, scheduler="ddim", eta=0.0)
        return Mend(self.picture, np.packbits(self.mask).tobytes(), AGAIN[self.state["filling"]], request)

    @property
    def asked(self) -> Back | Survey | Mend:
        """What the present task computes."""
        return {"noise": self.back, "survives": self.survey, "repair": self.mend}[self.state["task"]]
