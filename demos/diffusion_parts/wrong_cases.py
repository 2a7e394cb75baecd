"""What a failure of part "What goes wrong" is, and those of the sampler: too few steps, too much guidance, noise left.

All runs of a failure begin from the same noise and differ in the one knob that causes it; everything else is as the tab
opens with. Those of the prompt are in `wrong_prompts`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch.nn.functional as F
from torch import Tensor

from demos.common import number
from demos.diffusion_parts.guidance import excess, found, percent
from demos.diffusion_parts.scene import LABELS, Request, Scene
from models import diffusion, editing, prompts

WISH = "grey hair, blue background"  # for a failure that needs one, where the visitor asks for nothing
NOTICED = 0.1  # a share by which a measure must differ to be called different


@dataclass(frozen=True)
class Lane:
    """One run of a failure: the words over its picture, what it follows from, and the prompt that its labels are of."""

    label: str
    request: Request
    prompt: str


@dataclass(frozen=True)
class Measured:
    """What came out: a note under every picture, bars of a meter, a sentence or two, lines of the formula."""

    notes: list[str]
    bars: list[dict[str, Any]]
    see: str
    lines: list[list[Any]]


@dataclass(frozen=True)
class Failure:
    """One way to go wrong.

    label: what the choice calls it. knob: the control of "The run" that causes it. lanes(scene): the runs; the first of
    them is the worst. measure(scene, lanes, ends): what their pictures (N, 3, 64, 64) show. caption: under the sheet.
    code: the functions that did it.
    """

    label: str
    knob: str
    caption: str
    lanes: Callable[[Scene], tuple[Lane, ...]]
    measure: Callable[[Scene, Sequence[Lane], Tensor], Measured]
    code: tuple[Callable, ...]


def lane(scene: Scene, label: str, prompt: str | None = None, **changes: Any) -> Lane:
    """A run from the state's noise with the state's wish, or another; all but ``changes`` as the tab opens with."""
    text = scene.state["prompt"] if prompt is None else prompt
    labels = tuple(prompts.parse(scene.data, text).attributes.items())
    return Lane(label, Request(scene.data, scene.seed, labels=labels, **changes), text)


def bar(label: str, value: float, text: str, most: float = 1.0, **more: Any) -> dict[str, Any]:
    """One row of the meter."""
    return {"label": label, "value": value, "max": most, "text": text} | more


# ---- too few steps


def few(scene: Scene) -> tuple[Lane, ...]:
    """Ever more steps of DDIM."""
    return tuple(lane(scene, f"{steps} steps", steps=steps) for steps in (2, 3, 5, 25, 100))


def of_few(scene: Scene, lanes: Sequence[Lane], ends: Tensor) -> Measured:
    """How far each picture is from that of the most steps."""
    ends = ends.clamp(-1, 1)
    far = [editing.rms(end, ends[-1]) for end in ends]
    words = [f"{value:.2f}" for value in far]
    told = ", ".join(f"{one.request.steps} steps {value}" for one, value in zip(lanes[:-1], words[:-1], strict=True))
    usual = far[-2]
    sign = "far nearer" if usual < far[0] / 2 else "nearer" if usual < far[0] else "no nearer"
    return Measured(
        ["the yardstick" if one is lanes[-1] else f"{value} away" for one, value in zip(lanes, words, strict=True)],
        [
            bar(one.label, value, f"{value:.3f}", max(*far, 1e-6), meaning="rms from 100 steps")
            for one, value in zip(lanes[:-1], far[:-1], strict=True)
        ],
        "A step goes straight where the way is curved, so long steps cut the corners. The same noise ends this far "
        f"from what 100 steps make of it: {told}. {lanes[-2].request.steps} steps come {sign} than "
        f"{lanes[0].request.steps}.",
        [
            ["rms = √ mean (x − x₁₀₀)²"],
            ["2 steps ", number(far[0], 3), f",  {lanes[-2].request.steps} steps ", number(usual, 3)],
        ],
    )


# ---- too much guidance


def strong(scene: Scene) -> tuple[Lane, ...]:
    """Ever less guidance."""
    wish = None if scene.prompt.attributes else WISH
    return tuple(lane(scene, f"w = {w:g}", wish, guidance=w) for w in (20.0, 8.0, 3.0, 1.0))


def of_strong(scene: Scene, lanes: Sequence[Lane], ends: Tensor) -> Measured:
    """How far colours lie beyond what a picture can hold, and what was heard of the wish."""
    asked = lanes[0].request.asked
    seen, beyond = found(scene.data, asked, ends), [excess(end) for end in ends]
    most, usual = beyond[0], beyond[2]
    verdict = f"colours lie {percent(most)} of the range beyond what a picture can hold, on average"
    verdict += f"; at w = 3 {percent(usual)}" if most > (1 + NOTICED) * usual else ", no farther than at w = 3"
    heard = [len(names) for names in seen]
    more = "more" if heard[0] > heard[2] else "no more" if heard[0] == heard[2] else "even less"
    return Measured(
        [f"{count} of {len(asked)} seen" for count in heard],
        [
            bar(one.label, share, percent(share), max(*beyond, 1e-6), meaning="excess: colours beyond ±1")
            for one, share in zip(lanes, beyond, strict=True)
        ],
        f"Guidance goes w times as far as asking changes the guess. At w = 20 {verdict}. Of what was asked "
        f"(“{prompts.describe(scene.data, asked)}”) {more} is seen for it: {heard[0]} of {len(asked)}, at w = 3 "
        f"{heard[2]}.",
        [
            ["x̂₀ = x̂₀(∅) + w (x̂₀(prompt) − x̂₀(∅))"],
            ["excess = mean of max(|x| − 1, 0) / 2:  w = 20 ", number(100 * most, 2), " %"],
            ["w = 3 ", number(100 * usual, 2), " %,  w = 1 ", number(100 * beyond[3], 2), " %"],
        ],
    )


# ---- samplers that stop too early


def rough(scene: Scene) -> tuple[Lane, ...]:
    """Samplers that need more steps than they get, and one that gets enough."""
    plans = [("ddpm", 5), ("euler", 4), ("ddim", 5), ("ddim", 25)]
    return tuple(lane(scene, f"{LABELS[name]}, {steps}", scheduler=name, steps=steps) for name, steps in plans)


def grain(x: Tensor) -> float:
    """Root mean square of what is finer than 3 pixels: of a picture (N, 3, 64, 64) less the mean around every pixel."""
    around = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), "reflect"), 3, stride=1)
    return float((x - around).square().mean().sqrt())


def of_rough(scene: Scene, lanes: Sequence[Lane], ends: Tensor) -> Measured:
    """How much of each picture is grain, against that of enough steps."""
    fine = [grain(end[None]) for end in ends.clamp(-1, 1)]
    usual = fine[-1]
    times = [value / max(usual, 1e-6) for value in fine]
    told = []
    for one, ratio in zip(lanes[:-1], times[:-1], strict=True):
        verdict = "as much"
        if ratio > 1 + NOTICED:
            verdict = f"{ratio:.1f} times as much: noise is left"
        elif ratio < 1 - NOTICED:
            verdict = f"{ratio:.1f} times as much: smoother"
        told.append(f"{one.label} steps: {verdict}")
    return Measured(
        [f"grain {value:.3f}" for value in fine],
        [
            bar(f"{one.label} steps", value, f"{value:.3f}", max(*fine, 1e-6), mark=usual, mark_label="DDIM, 25")
            for one, value in zip(lanes[:-1], fine[:-1], strict=True)
        ],
        "Some samplers need more steps than others. Grain is what is finer than 3 pixels; measured against that of 25 "
        f"steps of DDIM. {'; '.join(told)}.",
        [
            ["grain = rms of x − (mean of 3×3 pixels)"],
            [f"{lanes[0].label}: ", number(fine[0], 3), f",  {lanes[-1].label}: ", number(usual, 3)],
        ],
    )


STEPS = Failure(
    "Too few steps",
    "Steps",
    "Under each: rms from the picture of 100 steps.",
    few,
    of_few,
    (diffusion.make_scheduler, editing.rms),
)
GUIDANCE = Failure(
    "Over-guidance",
    "Guidance",
    "Seen: what the attribute network finds of the wish.",
    strong,
    of_strong,
    (excess, diffusion.walk),
)
NOISE = Failure(
    "Noise left",
    "Scheduler and steps",
    "Grain: rms of what is finer than 3 pixels.",
    rough,
    of_rough,
    (grain, diffusion.make_scheduler),
)
