"""The state of part "In 2-D", what it means, and what every action does."""

import functools
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from demos.diffusion_parts import points_lessons as lessons
from demos.diffusion_parts.points_lessons import EVERY, Lesson
from demos.gan_parts.game_moves import SMILE, Drawing
from demos.stage.state import Choice, Flag, Integer
from models import point_diffusion as points
from models.point_diffusion import LESSON

SHAPES = {
    "spiral": "Spiral",
    "moons": "Two moons",
    "ring": "Ring of 8 spots",
    "grid-9": "Grid of 9 spots",
    "grid-25": "Grid of 25 spots",
    "disc": "Disc",
    "drawing": "Draw your own",
}
WALKS = {"network": "Network", "exact": "Exact", "forward": "Forward"}
LAYERS = {"particles": "Particles", "score": "Score", "true": "True density", "learnt": "Learnt density"}
STEPS = ("5", "10", "25", "50", "100")
PARAMS = (
    Choice("points_shape", tuple(SHAPES)),
    Drawing("points_drawing"),
    Integer("points_learnt", 0, LESSON, LESSON),
    Choice("points_walk", tuple(WALKS)),
    Choice("points_layer", tuple(LAYERS)),
    Choice("points_steps", STEPS, "50"),
    Flag("points_noisy"),
    Integer("points_t", 0, 999, 0),
)
NAMED = {param.name: param for param in PARAMS}
CHUNK_MS = 45.0  # what a drawn update of a lesson may take
STRIDE = 40  # steps that it learns at most, so that a lesson kept by the server is watched like any other


@dataclass(frozen=True)
class Present:
    """What a state means now.

    reached: the steps of the network that is shown; behind: more are asked for than the server has learnt yet.
    frame: the moment shown, of ``times``. eta: 0 or 1.
    """

    lesson: Lesson
    reached: int
    behind: bool
    walk: str
    times: list[int]
    frame: int
    eta: float
    seed: int

    @property
    def path(self) -> Tensor:
        """The particles at every moment, (moments, 400, 2)."""
        step = self.reached if self.walk == "network" else 0  # the other walks need no network
        return lessons.walk(self.lesson, step, self.walk, self.seed, len(self.times) - 1, self.eta)

    @property
    def asked(self) -> int:
        """The t at which the score and the densities are looked at: at the end, that of the last step."""
        return self.times[min(self.frame, len(self.times) - 2)]

    @functools.cached_property
    def guess(self) -> points.Guess:
        """Who leads the particles; on the way forward it is the network that is looked at."""
        return lessons.guess(self.lesson, self.reached, "exact" if self.walk == "exact" else "network")


def drawn(state: dict[str, Any]) -> tuple[tuple[float, float], ...]:
    """The visitor's points, or a smile until there are some."""
    return tuple(map(tuple, state["points_drawing"])) or SMILE


def present(state: dict[str, Any], sketch: bool = False) -> Present:
    """The lesson of a state, learnt a little further where it is behind. sketch: a drawing that still changes."""
    rules = lessons.rules_of(state["points_shape"], drawn(state))
    # every point of a stroke makes another shape: those on the way are not worth keeping
    lesson = Lesson(rules) if sketch else lessons.lesson(rules)
    wanted = state["points_learnt"] // EVERY * EVERY
    reached = lesson.advance(wanted, CHUNK_MS)
    times = points.times(int(state["points_steps"]))
    return Present(
        lesson,
        reached,
        reached < wanted,
        state["points_walk"],
        times,
        _frame_at(times, state["points_t"]),
        float(state["points_noisy"]),
        state["seed"],
    )


def _frame_at(times: list[int], t: int) -> int:
    return min(range(len(times)), key=lambda k: abs(times[k] - t))


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers the actions of this part; None for anybody else's."""
    if name == "points-learn":
        start = 0 if state["points_learnt"] >= LESSON else state["points_learnt"]
        return state | {"points_learnt": start, "running": True, "points_walk": "network"}
    if name == "points-pause":
        return state | {"running": False}
    if name == "points-run":
        return _run(state) if state["running"] else state
    if name == "points-wait":
        return state
    if name == "points-at":
        times = points.times(int(state["points_steps"]))
        return state | {"points_t": times[Integer("moment", 0, len(times) - 1, 0).check(value)]}
    if name in ("points-draw", "points-drawn"):
        if state["points_shape"] != "drawing":
            raise ValueError("Choose “Draw your own” first.")
        changed = {"points_drawing": NAMED["points_drawing"].check(value), "points_learnt": 0, "points_t": 0}
        return state | changed | {"points_walk": "network", "running": name == "points-drawn"}
    if name == "points-clear":
        return state | {"points_drawing": [], "points_learnt": LESSON, "running": False}
    if name == "points_shape":
        return state | {name: NAMED[name].check(value), "points_learnt": LESSON, "running": False}
    if name == "points_learnt":
        return state | {name: NAMED[name].check(value) // EVERY * EVERY, "running": False}
    return state | {name: NAMED[name].check(value)} if name in NAMED else None


def _run(state: dict[str, Any]) -> dict[str, Any]:
    """What one drawn update of a lesson learns."""
    lesson = lessons.lesson(lessons.rules_of(state["points_shape"], drawn(state)))
    now = state["points_learnt"] // EVERY * EVERY
    if lesson.reached < now:  # forgotten meanwhile: `present` makes up for it first
        return state
    reached = lesson.advance(min(now + STRIDE, LESSON), CHUNK_MS)
    return state | {"points_learnt": reached, "running": reached < LESSON}
