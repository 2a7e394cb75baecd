"""Which runs stand side by side in part "Lanes": the presets, the visitor's own, and the panes that show them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from demos.diffusion_parts.scene import LABELS, Together
from demos.stage.state import Choice, Integer, Number, Param
from models.diffusion import DenoiseStep

MOST = 4
LETTERS = "ABCD"
FIELDS = {"x_t": "xₜ", "x0": "x̂₀"}
LONG, HALF = 32, 16
"""Steps of the two runs that are often taken for one another."""

SCHEDULER = Choice("scheduler", tuple(LABELS))
STEPS = Integer("steps", 1, 100, 25)
ETA = Number("eta", 0.0, 1.0, 0.0, 0.05)
GUIDANCE = Number("guidance", 0.0, 20.0, 3.0, 0.5)
RULES = {rule.name: rule for rule in (SCHEDULER, STEPS, ETA, GUIDANCE)}


@dataclass(frozen=True)
class Lane:
    """What one run does in its own way; noise and prompt are the same for all. eta is for ddim only."""

    scheduler: str = "ddim"
    steps: int = 25
    eta: float = 0.0
    guidance: float = 3.0

    def changed(self, name: str, value: Any) -> "Lane":
        """The lane with one value changed; ValueError for one that is not allowed."""
        lane = replace(self, **{name: RULES[name].check(value)})
        if name == "eta" and lane.eta and lane.scheduler != "ddim":
            raise ValueError(f"eta is for DDIM only, not for {LABELS[lane.scheduler]}.")
        return lane if lane.scheduler == "ddim" else replace(lane, eta=0.0)

    @property
    def link(self) -> str:
        """The lane as a link carries it: ``ddim:25:0:3``, ``heun:13::3``."""
        eta = ETA.format(self.eta) if self.scheduler == "ddim" else ""
        return f"{self.scheduler}:{self.steps}:{eta}:{GUIDANCE.format(self.guidance)}"

    @classmethod
    def read(cls, text: str) -> "Lane":
        """What :attr:`link` wrote; ValueError for anything else."""
        scheduler, steps, eta, guidance = text.split(":")
        lane = cls(SCHEDULER.parse(scheduler), STEPS.parse(steps), guidance=GUIDANCE.parse(guidance))
        if (scheduler == "ddim") != bool(eta):
            raise ValueError("eta is for ddim, and only for ddim")
        return replace(lane, eta=ETA.parse(eta)) if eta else lane


class Lanes(Param):
    """One to four lanes as text, ``ddim:25:0:3;heun:13::3``: scheduler, steps, eta, guidance. It is its own link."""

    def check(self, value: Any) -> str:
        """The text in its one spelling."""
        try:
            if not isinstance(value, str) or len(value) > 200:
                raise ValueError
            lanes = [Lane.read(text) for text in value.split(";")]
            if len(lanes) > MOST:
                raise ValueError
        except ValueError:
            raise self.refuse(value, "one to four lanes like ddim:25:0:3;heun:13::3") from None
        return written(lanes)


def written(lanes: Iterable[Lane]) -> str:
    """Lanes as text."""
    return ";".join(lane.link for lane in lanes)


@dataclass(frozen=True)
class Preset:
    """A choice of lanes. lanes(guidance) gives them; label: what a visitor reads; about: what it is to show."""

    label: str
    lanes: Callable[[float], tuple[Lane, ...]]
    about: str = ""


PRESETS = {
    "stopped": Preset(
        f"Step {HALF} of {LONG} against {HALF} steps",
        lambda w: (Lane("ddim", LONG, 0.0, w), Lane("ddim", HALF, 0.0, w)),
        f"Stopping half way is not the same as walking in half as many steps. Both runs take {HALF} steps here.",
    ),
    "samplers": Preset(
        "Four samplers, 25 calls each",
        lambda w: tuple(Lane(name, 13 if name == "heun" else 25, 0.0, w) for name in ("ddim", "heun", "dpm", "euler")),
        "Heun looks twice before every step but its last, so 13 of its steps are 25 calls as well.",
    ),
    "few": Preset(
        "How few steps: 50, 20, 8, 3",
        lambda w: tuple(Lane("ddim", steps, 0.0, w) for steps in (50, 20, 8, 3)),
        "The fewer the steps, the longer each is, and the more corners are cut.",
    ),
    "eta": Preset(
        "Eta: 0, 0.3, 0.6, 1",
        lambda w: tuple(Lane("ddim", 20, eta, w) for eta in (0.0, 0.3, 0.6, 1.0)),
        "Eta is how much fresh noise DDIM adds at every step: 0 is none, 1 as much as DDPM.",
    ),
    "guidance": Preset(
        "Guidance: 1, 2, 4, 8",
        lambda w: tuple(Lane("dpm", 15, 0.0, w) for w in (1.0, 2.0, 4.0, 8.0)),
        "DPM-Solver++ with 15 steps, so that four pictures are soon there.",
    ),
}
OWN = "own"
PARAMS = (
    Choice("lanes_preset", (*PRESETS, OWN)),
    Lanes("lanes_own", "ddim:25:0:3;heun:13::3"),
    Choice("lanes_show", tuple(FIELDS)),
    Choice("lanes_reference", tuple(LETTERS.lower())),
    Number("lanes_at", 0.0, 1.0, 1.0, 0.001),
)
NAMED = {param.name: param for param in PARAMS}


def lanes_of(state: dict[str, Any]) -> tuple[Lane, ...]:
    """The lanes of a state."""
    if state["lanes_preset"] == OWN:
        return tuple(Lane.read(text) for text in state["lanes_own"].split(";"))
    return PRESETS[state["lanes_preset"]].lanes(state["guidance"])


def edited(state: dict[str, Any], lanes: Iterable[Lane]) -> dict[str, Any]:
    """The state with these lanes, which are then the visitor's own."""
    return state | {"lanes_preset": OWN, "lanes_own": NAMED["lanes_own"].check(written(lanes))}


@dataclass(frozen=True)
class Pane:
    """One picture of the row: a lane seen through ``field``, to its end or stopped before step ``stop`` (from 0)."""

    letter: str
    lane: int
    field: str
    words: str
    stop: int | None = None

    def length(self, steps: int) -> int:
        """Frames of the pane: one for each step of its lane, and the picture; or those until it is stopped."""
        return steps + 1 if self.stop is None else self.stop + 1

    def there(self, records: int, steps: int) -> int:
        """How many of its frames there are after so many steps of its lane."""
        return min(records + (records == steps), self.length(steps))

    def nfe(self, steps: list[DenoiseStep]) -> int:
        """Network evaluations that its last frame took; a stopped x_t needs no more than the steps before it."""
        if self.stop is None or self.field == "x0":
            return steps[-1 if self.stop is None else self.stop].nfe
        return steps[self.stop - 1].nfe


def panes_of(state: dict[str, Any], together: Together) -> tuple[Pane, ...]:
    """The panes of a state; every lane has one, but for the preset that looks at one run twice."""
    if state["lanes_preset"] == "stopped":
        return (
            Pane("A", 0, "x_t", f"{LONG} steps, to the end"),
            Pane("B", 0, "x_t", f"after {HALF} of {LONG}: xₜ", HALF),
            Pane("C", 0, "x0", f"after {HALF} of {LONG}: its guess x̂₀", HALF),
            Pane("D", 1, "x_t", f"a run of {HALF} steps"),
        )
    lanes, field = together.lanes, state["lanes_show"]
    same = {name: len({getattr(lane, name) for lane in lanes}) == 1 for name in RULES}
    panes = []
    for number, lane in enumerate(lanes):
        words = [] if same["scheduler"] and same["steps"] else [f"{LABELS[lane.scheduler]} {lane.steps}"]
        if same["scheduler"] and not same["steps"]:
            words = [f"{lane.steps} step{'' if lane.steps == 1 else 's'}"]
        words += [] if same["eta"] else [f"η {lane.eta:g}"]
        words += [] if same["guidance"] else [f"w {lane.guidance:g}"]
        words = words or [f"{LABELS[lane.scheduler]} {lane.steps}"]
        panes.append(Pane(LETTERS[number], number, field, ", ".join(words)))
    return tuple(panes)
