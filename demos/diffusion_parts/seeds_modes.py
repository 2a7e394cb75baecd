"""The three things that part "Seeds" does with noise: blend two, poke one, and ask one for every value of a wish.

Each has a sheet of pictures, words and a formula that follow from what was measured, and the frames of a GIF.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from demos.common import faces, number, source
from demos.diffusion_parts.scene import LABELS, Scene
from demos.diffusion_parts.seeds_batches import SCHEDULER, SIDE, STEPS, Batch, Poke
from demos.widgets.picture import raw, sheet
from models import conditions, diffusion, paths, threads, zoo
from models.diffusion import DenoiseStep

AWAY = {"hidden": True}  # a widget that this mode has no use for
COUNT = 7  # pictures from A to B
CHANGED = 0.1  # 5 % of the range from -1 to 1: a pixel that moved farther in any colour counts as changed
SAME = 5e-3  # largest difference, of values from -1 to 1, below which pictures count as the same
FEW = f"{STEPS} steps of {LABELS[SCHEDULER]}"


def plain(value: str) -> str:
    """A name or value as a visitor reads it."""
    return value.replace("_", " ").replace("color", "colour")


def percent(share: float) -> str:
    """A share as a visitor reads it."""
    return f"{100 * share:.0f} %"


def changed(a: Tensor, b: Tensor) -> Tensor:
    """Where two pictures (3, 64, 64) differ by more than 5 % of the range in any colour, bool (64, 64)."""
    return (a - b).abs().amax(0) > CHANGED


def magnified(difference: Tensor) -> tuple[Tensor, float]:
    """Absolute differences as a picture, black for none, full for the largest, and how much they were enlarged."""
    largest = float(difference.max())
    factor = 2 / largest if largest > SAME else 1.0
    return difference * factor - 1, factor


@dataclass(frozen=True)
class Mode:
    """What is shown of a mode's batches. records: the steps of each batch so far."""

    scene: Scene
    batches: Sequence[Batch]
    records: Sequence[Sequence[DenoiseStep]]
    complete: bool = False

    @cached_property
    def pictures(self) -> list[Tensor]:
        """The newest of every batch, (N, 3, 64, 64) in [-1, 1]: the noise, then guesses of the end, then the end."""
        newest = []
        for batch, steps in zip(self.batches, self.records, strict=True):
            last = steps[-1] if steps else None
            shown = batch.noise() if last is None else last.x_next if last.index == last.of - 1 else last.x0
            newest.append(shown.clamp(-1, 1))
        return newest

    @property
    def stands(self) -> str:
        """What the pictures are, for a caption."""
        if self.complete:
            return f"{FEW}, w = {self.scene.state['guidance']:g}"
        done = min((len(steps) for steps in self.records), default=0)
        return f"the guess x̂₀ after {done} of {STEPS} steps" if done else "the noise itself"

    @property
    def calls(self) -> int:
        """Network evaluations of all pictures."""
        pairs = zip(self.records, self.pictures, strict=True)
        return sum(steps[-1].nfe * len(pictures) for steps, pictures in pairs if steps)


class Blending(Mode):
    """Noises between two seeds, on the sphere and maybe straight."""

    @cached_property
    def norms(self) -> list[list[float]]:
        """Length of every noise, batch by batch."""
        return [batch.noise().flatten(1).norm(dim=1).tolist() for batch in self.batches]

    def views(self) -> dict[str, Any]:
        """A row of noises, and of the pictures that each way makes of it; the numbers are the lengths of the noises."""
        a, b = self.scene.seed, self.scene.state["seeds_b"]
        rows = [self.batches[0].noise().clamp(-1, 1), *self.pictures]
        notes = [None] * COUNT + [f"{norm:.1f}" for norms in self.norms for norm in norms]
        value = faces(
            torch.cat(rows),
            COUNT,
            f"{COUNT} noises from seed {a} to seed {b}, and the pictures made of them",
            f"{self.stands}; the numbers are ‖x_T‖, and noise beyond ±1 is cut",
            quick=not self.complete,
            row_labels=["noise", *(batch.way for batch in self.batches)],
            col_labels=["A", *[f"{k} ∕ {COUNT - 1}" for k in range(1, COUNT - 1)], "B"],
            notes=notes,
            fold=True,
        )
        return {"seeds-noise": AWAY, "seeds-sheet": value}

    def see(self) -> str:
        """How long the noises are, and what becomes of the middle one."""
        if self.scene.seed == self.scene.state["seeds_b"]:
            return "A and B are the same noise: there is nothing between them."
        middle = [norms[COUNT // 2] for norms in self.norms]
        typical = math.sqrt(self.batches[0].noise()[0].numel())
        if len(middle) == 1:
            steps = self.neighbours
            uneven = ": equal steps in noise are not equal steps in pictures" if max(steps) > 1.5 * min(steps) else ""
            return (
                f"Slerp turns noise A into noise B and keeps its length: {middle[0]:.1f} halfway, {typical:.1f} is "
                f"typical. Neighbouring pictures differ by {min(steps):.2f} to {max(steps):.2f} rms{uneven}."
            )
        slerp, lerp = (float(pictures[COUNT // 2].std()) for pictures in self.pictures)
        less = "less" if lerp < slerp else "no less"
        return (
            f"Halfway, slerp's noise is {middle[0]:.1f} long and lerp's {middle[1]:.1f}. Noise of this size is "
            f"{typical:.1f} ± 0.7 long, so the network never met one like lerp's. Its picture has {less} contrast: "
            f"pixels spread by {lerp:.2f} about their mean, in slerp's by {slerp:.2f}."
        )

    @property
    def neighbours(self) -> list[float]:
        """Root mean square difference of each picture on the sphere from the next."""
        row = self.pictures[0]
        return (row[1:] - row[:-1]).square().mean((1, 2, 3)).sqrt().tolist()

    def formula(self) -> dict[str, Any]:
        """The two ways, and the lengths halfway."""
        a, b = self.batches[0].noise().flatten(1)[[0, -1]]
        theta = math.degrees(paths.angle(a, b)) if self.scene.seed != self.scene.state["seeds_b"] else 0.0
        halfway: list[Any] = []
        for batch, norms in zip(self.batches, self.norms, strict=True):
            halfway += [f"  {batch.way} ", number(norms[COUNT // 2])]
        return {
            "title": "Between two noises",
            "lines": [
                ["slerp: x_T = ( sin((1 − t)θ) A + sin(tθ) B ) ∕ sin θ,  θ = ", number(theta), "°"],
                ["lerp: x_T = (1 − t) A + t B"],
                ["‖x_T‖ at t = ½:", *halfway, ",  typical √12,288 = ", number(math.sqrt(a.numel()))],
                [f"{FEW}, all in one batch: ", number(self.calls, 0), " network calls"],
            ],
            "code": source(paths.slerp, paths.lerp),
        }

    def frames(self) -> list[np.ndarray]:
        """From A to B, each way in its own column."""
        return [sheet(torch.stack(row), len(row)) for row in zip(*self.pictures, strict=True)]


class Poking(Mode):
    """One noise, and the same with a square of another in it."""

    @property
    def poke(self) -> Poke:
        """What was changed."""
        (batch,) = self.batches
        return batch

    def pad(self) -> dict[str, Any]:
        """The noise with the square that can be moved."""
        state = self.scene.state
        return {
            "mode": "poke",
            "image": raw(self.scene.request.noise()[0].clamp(-1, 1)),
            "brush": self.poke.side,
            "poke": {"x": state["poke_x"], "y": state["poke_y"]},
            "alt": f"The noise of seed {self.scene.seed}",
            "caption": f"x_T of seed {self.scene.seed}, cut at ±1. Move the square.",
            "source": "",
        }

    def views(self) -> dict[str, Any]:
        """The noise to poke, and what becomes of it without, with, and the difference."""
        difference, factor = magnified((self.pictures[0][0] - self.pictures[0][1]).abs())
        value = faces(
            torch.cat([self.pictures[0], difference[None]]),
            3,
            "The picture, the one of the poked noise, and their difference",
            self.stands,
            quick=not self.complete,
            col_labels=["original", "poked", f"|difference| × {factor:.1f}"],
        )
        return {"seeds-noise": self.pad(), "seeds-sheet": value}

    @cached_property
    def spread(self) -> tuple[float, float, float]:
        """Share of pixels that changed by more than 5 %: of all, of those in the square, of those outside."""
        moved, mask = changed(*self.pictures[0]), self.poke.mask
        return tuple(float(part.float().mean()) for part in (moved, moved[mask], moved[~mask]))

    def see(self) -> str:
        """How far the poke spread."""
        whole, inside, outside = self.spread
        small = self.poke.side**2 / SIDE**2
        if whole == 0:
            return f"The square is {percent(small)} of the noise, and no pixel of the picture changed by more than 5 %."
        far = (
            "most of the change lies outside the square" if outside * (1 - small) > inside * small else "it stays near"
        )
        return (
            f"The square is {percent(small)} of the noise. {percent(whole)} of the pixels changed by more than 5 %: "
            f"{percent(inside)} of those inside it, {percent(outside)} of those outside. So {far}."
        )

    def formula(self) -> dict[str, Any]:
        """The poke, and what it changed."""
        whole, inside, outside = self.spread
        apart = (self.pictures[0][0] - self.pictures[0][1]).abs().mean(0)
        mask = self.poke.mask
        return {
            "title": "A poke at the noise",
            "lines": [
                ["x_T′ = m ⊙ B + (1 − m) ⊙ x_T,  Σm = ", number(float(mask.sum()), 0), " of 4,096 pixels"],
                ["changed by more than 5 %: ", number(100 * whole), " %"],
                ["inside ", number(100 * inside), " %,  outside ", number(100 * outside), " %"],
                ["mean |Δx₀|: inside ", number(float(apart[mask].mean()), 3)]
                + [",  outside ", number(float(apart[~mask].mean()), 3)],
            ],
            "code": source(diffusion.denoise, diffusion.Denoiser.predict),
        }

    def frames(self) -> list[np.ndarray]:
        """Original, poked and their difference, step by step."""
        shown = [step.x0 for step in self.records[0]] + [self.records[0][-1].x_next]
        pairs = [pair.clamp(-1, 1) for pair in shown]
        return [sheet(torch.cat([pair, magnified((pair[0] - pair[1]).abs())[0][None]]), 3) for pair in pairs]


class Wishing(Mode):
    """One noise, asked for every value of one attribute."""

    @property
    def values(self) -> tuple[str, ...]:
        """What the pictures after the first are asked for."""
        (batch,) = self.batches
        return batch.values

    @cached_property
    def read(self) -> list[float]:
        """How sure the attribute network is that each picture shows what it was asked for."""
        (batch,) = self.batches
        with threads.for_batch(len(self.values)):
            found = conditions.read(zoo.attributes(self.scene.data), self.pictures[0][1:])[batch.attribute]
        return [float(row[k]) for k, row in enumerate(found)]

    def views(self) -> dict[str, Any]:
        """Every value; where the number is odd, the last cell shows where the pictures differ."""
        (batch,) = self.batches
        pictures = self.pictures[0]
        words = ["not asked", *map(plain, self.values)]
        if self.complete:
            words = [words[0], *(f"{word} · {percent(p)}" for word, p in zip(words[1:], self.read, strict=True))]
        caption = self.stands
        if len(words) > 4 and len(words) % 2:
            pictures = torch.cat([pictures, magnified(pictures.amax(0) - pictures.amin(0))[0][None]])
            words.append("where they differ")
        columns = len(words) if len(words) < 5 else len(words) // 2
        value = faces(
            pictures,
            columns,
            f"The same noise asked for every value of {plain(batch.attribute)}",
            f"{caption}; %: how sure the attribute network is of what was asked" if self.complete else caption,
            quick=not self.complete,
            notes=words,
        )
        return {"seeds-noise": AWAY, "seeds-sheet": value}

    def see(self) -> str:
        """Whether the wish came true, and how much else it moved."""
        (batch,) = self.batches
        first, rest = self.pictures[0][0], self.pictures[0][1:]
        if float((rest - rest[:1]).abs().max()) < SAME:
            why = ": with guidance 0 nothing is asked for" if self.scene.state["guidance"] == 0 else ""
            return f"All values give the same picture{why}."
        true = sum(p > 0.5 for p in self.read)
        shares = [float(changed(first, one).float().mean()) for one in rest]
        return (
            f"One noise, asked for every {plain(batch.attribute)}: {true} of {len(rest)} are read back as asked. "
            f"Against the picture that was not asked, {percent(min(shares))} to {percent(max(shares))} of the pixels "
            "change by more than 5 %; the noise is the same in all."
        )

    def formula(self) -> dict[str, Any]:
        """Guidance, and how many wishes came true."""
        true = sum(p > 0.5 for p in self.read)
        w = self.scene.state["guidance"]
        return {
            "title": "One noise, several wishes",
            "lines": [
                ["x_T = noise of seed ", {"n": str(self.scene.seed)}, " for all"],
                ["v = v(nothing) + ", number(w), " ( v(wish) − v(nothing) )"],
                ["read back as asked: ", number(true, 0), " of ", number(len(self.values), 0)],
                [f"{FEW}, all in one batch: ", number(self.calls, 0), " network calls"],
            ],
            "code": source(diffusion.Denoiser.predict, diffusion.AttributeEncoder.forward),
        }

    def frames(self) -> list[np.ndarray]:
        """One value after the other."""
        return [sheet(picture[None], 1) for picture in self.pictures[0]]
