"""What part "In 2-D" says: sentences that follow from what was measured, and formulas with the numbers in them."""

import functools
import math
from typing import Any

import torch
from torch import Tensor

from demos.common import number, source
from demos.diffusion_parts import points_lessons as lessons
from demos.diffusion_parts.points_moves import Present
from models import diffusion
from models import point_diffusion as points
from models.point_diffusion import LESSON

CLOSE = 0.05  # nats between two sets of points that look alike: two sets of real ones are up to 0.02 apart
FEW = 25  # steps of a sampler below which corners are cut
MOST = f"{math.log(2):.3f}"  # nats between two that never meet


def see(state: dict[str, Any], now: Present, whole: bool) -> str:
    """What there is to see; of whole runs it tells how good 1,000 particles led in the same way are."""
    if now.behind:
        wanted = f"{now.reached:,} of {state['points_learnt']:,} steps"
        return f"Learning: {wanted}. The same data and seed, so the same network every time."
    if now.walk == "forward":
        t = now.times[now.frame]
        kept = f"a point has kept {100 * math.sqrt(diffusion.alpha_bar(t)):.1f} % of its place, the rest is noise"
        return (
            f"Forward needs no network: at t = {t} {kept if t else 'nothing has happened yet'}. "
            "From right to left the shape dissolves until nothing of it can be seen."
        )
    if now.walk == "network" and not now.reached:
        return "The network has seen nothing yet: it leads nobody anywhere. Press Learn and watch."
    if not whole:
        seen, distances = now.lesson.distances(now.reached)
        return (
            f"After {seen[-1]:,} steps the made points are {distances[-1]:.3f} nats from the shape, of at most {MOST}."
        )
    steps = len(now.times) - 1
    step = now.reached if now.walk == "network" else 0
    found = lessons.verdict(now.lesson, step, now.walk, now.seed, steps, now.eta)
    far = f"The made points are {found.js:.3f} nats from the shape, of at most {MOST}."
    near = f"{found.from_data:.3f} from the nearest of the 500 points learnt, fresh real ones {found.from_fresh:.3f}"
    if now.walk == "exact" and found.from_data < found.from_fresh:
        return (
            f"The exact score belongs to 500 points, and leads back to them: it copies. Made points lie {near}. {far}"
        )
    if found.js < CLOSE:
        what = "They are new" if found.from_data > found.from_fresh / 2 else "They are nearly copies"
        return f"{steps} steps turn pure noise into the shape. {far} {what}: they lie {near}."
    able = now.walk == "exact" or now.reached == LESSON
    why = "in so few steps they cut corners" if steps < FEW and able else "they do not fill it yet"
    return f"{steps} steps lead the particles towards the shape, but {why}. {far}"


def _pair(place: Tensor, digits: int = 2) -> list[Any]:
    return ["(", number(float(place[0]), digits), ", ", number(float(place[1]), digits), ")"]


def formula(now: Present) -> dict[str, Any]:
    """The score and one step, in the numbers of the first of the particles that are followed."""
    moment = min(now.frame, len(now.times) - 2)
    t = now.times[moment]
    x, ahead = now.path[moment, :1], now.path[moment + 1, 0]
    with torch.no_grad():
        epsilon = diffusion.noise_from(x, now.guess(x, t), t)[0]
    rest = math.sqrt(1 - diffusion.alpha_bar(t))
    truth = points.true_score(now.lesson.data, x, t)[0]
    if now.walk == "forward":
        kept = math.sqrt(diffusion.alpha_bar(t))
        step = ["x_t = √ᾱ_t x₀ + √(1 − ᾱ_t) ε = ", number(kept, 3), " x₀ + ", number(rest, 3), " ε"]
    else:
        spread, noisy = ("1−ᾱ′−σ²", " + σz") if now.eta else ("1−ᾱ′", "")
        step = [f"x′ = √ᾱ′ x̂₀ + √({spread}) ε̂{noisy} = ", *_pair(ahead)]
    by = "exact" if now.walk == "exact" else "learnt"
    return {
        "title": f"One particle’s score at t = {t}",
        "lines": [
            [f"{by}: −ε̂ / √(1−ᾱ_t) = ", *_pair(-epsilon / rest, 1)],
            ["true: ∇log p_t(x) = ", *_pair(truth, 1)],
            step,
        ],
        "code": _code(),
    }


@functools.cache
def _code() -> str:
    return source(points.true_score, points.v_loss, points.learn, points.step_back, points.reverse)
