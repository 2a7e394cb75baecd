"""Part "Traps": maps that mislead, each beside the truth, which is known, and with the knob that causes it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np

from demos import follow
from demos.common import LIVE, number, seed_item, source
from demos.latent_map_parts import pieces
from demos.latent_map_parts.fits import EPOCHS, Moment, TrapFit
from demos.latent_map_parts.scene import Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Integer
from demos.widgets.map_board import MapBoard
from demos.widgets.meter import Meter
from models import latent_map_umap, traps
from models.latent_map_warmth import WARMTH
from models.traps import Trap

PART = Part("traps", "Traps", more=True)
MOST = max(len(traps.make(name).values) for name in traps.NAMES) - 1
PARAMS = (
    Choice("trap", traps.NAMES),
    Integer("trap_knob", 0, MOST, 0),  # position among the values that the trap offers
    follow.Progress("trap_seen"),
)
SEEN = PARAMS[-1].name
TITLES = {"noise": "Noise", "sizes": "Sizes", "distances": "Gaps", "circle": "Circle"}
ISLANDS = 6  # that have a colour: a legend of one line
GLIDE = 250  # milliseconds between two moments


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``trap`` (its knob goes back to where it springs), and ``traps-follow``."""
    if name == "trap":
        return state | {"trap": PARAMS[0].check(value), "trap_knob": 0}
    if name == "traps-follow":
        return follow.note(state, SEEN, [request(state)], value)
    return None


@lru_cache(maxsize=16)
def trap_of(name: str, seed: int) -> Trap:
    """The cloud of a trap; a few hundred points."""
    return traps.make(name, seed)


def knob(state: dict[str, Any]) -> int:
    """The value of the knob: another trap may offer fewer."""
    offered = trap_of(state["trap"], state["seed"]).values
    return offered[min(state["trap_knob"], len(offered) - 1)]


def request(state: dict[str, Any]) -> TrapFit:
    """The fit that a state asks for."""
    trap = trap_of(state["trap"], state["seed"])
    return TrapFit(knob(state), trap.min_dist, state["seed"], state["trap"])


# ---- the view


def stage() -> None:
    """The truth and the map side by side, and the numbers of both."""
    MapBoard("traps-truth", "map")
    MapBoard("traps-map", "map")
    with gr.Column(elem_classes=["pg-stack", "pg-narrow"]):
        Meter("traps-meters", "map", elem_classes="pg-fit")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The truth at once; the map as it descends, and what it made of the truth when it is there."""
    state = scene.state
    asked, trap = request(state), trap_of(state["trap"], state["seed"])
    watch = follow.look(state, SEEN, [asked], live)
    moments = list(watch.records[0]) if watch.runs else []
    view = {"rail": {"items": _rail(state, trap)}} | watch.again("traps-follow")
    if moments:
        sight = seen(asked, moments[-1].epoch, moments[-1])
        view |= {
            "traps-truth": _truth(trap, asked, sight),
            "traps-map": _map(trap, asked, moments[-1], sight),
            "traps-meters": {"items": _meters(trap, sight)},
        }
    elif not live:
        view["traps-truth"] = _truth(trap, asked, None)
        if WARMTH.state != "warm":  # it takes long: a map that is not there is not shown
            view |= {name: {"hidden": True} for name in ("traps-map", "traps-meters")}
    if live:
        return view
    done = watch.complete and bool(moments)
    words = see(trap, asked.n_neighbors, sight.measured) if done else pieces.waiting(watch, bool(moments))
    return view | {"see": words, "formula": _formula(trap, sight.measured if moments else None)}


@dataclass(frozen=True)
class Sight:
    """What a map of a trap looks like: islands (n,) as `models.traps` finds them, and what it measures."""

    islands: np.ndarray
    measured: dict[str, float]


@lru_cache(maxsize=256)
def _seen(asked: TrapFit, epoch: int, places: bytes) -> Sight:
    trap = trap_of(asked.name, asked.seed)
    shown = np.frombuffer(places, np.float32).reshape(-1, 2)
    return Sight(traps.islands(shown), traps.measure(trap, shown))


def seen(asked: TrapFit, epoch: int, moment: Moment) -> Sight:
    """What the map looks like at one moment of its fit, kept."""
    return _seen(asked, epoch, moment.places.tobytes())


def _colours(trap: Trap, sight: Sight | None) -> dict[str, Any] | None:
    if trap.name == "noise":
        if sight is None:
            return None
        count = min(ISLANDS, int(sight.islands.max()) + 1)
        names = [str(i + 1) for i in range(count)]
        shown = np.where(sight.islands < count, sight.islands, -1)
        return MapBoard.classes(shown, names, "Islands") if names else None
    if trap.name == "circle":
        turn = trap.groups / len(trap.groups)
        return MapBoard.amounts(turn, "place on the circle", "start", "once round")
    names = [f"cloud {i + 1}" for i in range(int(trap.groups.max()) + 1)]
    return MapBoard.classes(trap.groups, names, "drawn from")


def _board(trap: Trap, asked: TrapFit, sight: Sight | None, places: np.ndarray, **more: Any) -> dict[str, Any]:
    nothing = dict.fromkeys(("thumbs", "shown", "selection", "marks", "lines", "roads", "hull", "card", "camera"))
    return {
        **nothing,
        "points": MapBoard.points(places),
        "colours": _colours(trap, sight),
        "morph": GLIDE,
        "brush": "traps",
        "tools": ["zoom", "save"],
        "emits": {},
        **more,
    }


def _truth(trap: Trap, asked: TrapFit, sight: Sight | None) -> dict[str, Any]:
    dimensions = trap.points.shape[1]
    first = f"two of its {dimensions} dimensions" if dimensions > 2 else "both its dimensions"
    return _board(
        trap,
        asked,
        sight,
        square(trap.points[:, :2]),
        name=f"truth {trap.name} {asked.seed}",
        alt=f"The points as they were drawn, {first}.",
        caption=f"In truth · {first}",
        source="",
    )


def _map(trap: Trap, asked: TrapFit, moment: Moment, sight: Sight) -> dict[str, Any]:
    return _board(
        trap,
        asked,
        sight,
        square(moment.places),
        name=f"map {trap.name} {asked.seed}",
        alt=f"UMAP’s map of the same points, n_neighbors {asked.n_neighbors}.",
        caption=f"On the map · epoch {moment.epoch} of {EPOCHS}",
        source=LIVE,
    )


def square(places: np.ndarray) -> np.ndarray:
    """Places around their middle with a root mean square distance of 1."""
    centred = places - places.mean(0)
    return centred / (np.sqrt(np.square(centred).sum(1).mean()) or 1.0)


def _pair(what: str, truth: float, shown: float, meaning: str) -> list[dict[str, Any]]:
    """The same number in truth and on the map, on one scale."""
    most = max(truth, shown, 1e-9)
    return [
        pieces.meter(f"{what}, in truth", truth, f"{truth:.2f}", meaning, most),
        pieces.meter(f"{what}, on the map", shown, f"{shown:.2f}", "", most, mark=truth, mark_label="in truth"),
    ]


def _meters(trap: Trap, sight: Sight) -> list[dict[str, Any]]:
    found = sight.measured
    if trap.name == "noise":
        count = found["islands"]
        first = pieces.meter("Islands on the map", count, f"{count:.0f}", "in truth there is one cloud", max(count, 40))
        meaning = "how far apart two points of one island are, any two being 1"
        return [first, *_pair("Within an island", found["within_truth"], found["within_map"], meaning)]
    if trap.name == "circle":
        return _pair("Longest step along it", found["step_truth"], found["step_map"], "in radii")
    what = "Second cloud as wide as the first" if trap.name == "sizes" else "Second gap as wide as the first"
    return _pair(what, found["ratio_truth"], found["ratio_map"], "times")


# ---- words


def see(trap: Trap, n: int, found: dict[str, float]) -> str:
    """What the map makes of the truth, in words that follow from the numbers."""
    at = f"With n_neighbors {n}"
    if trap.name == "noise":
        islands = int(found["islands"])
        if islands > 1:
            return (
                f"{len(trap.points)} points of pure noise. {at} the map shows {islands} islands, yet in truth two "
                f"points of one island are {found['within_truth']:.2f} times as far apart as any two: there are no "
                "clusters."
            )
        return f"{len(trap.points)} points of pure noise. {at} the map shows one cloud, as it should."
    truth, shown = _both(found)
    if trap.name == "circle":
        torn = "it is torn open" if shown > 2 * truth and shown > 0.5 else "it stays whole"
        return (
            f"A circle in the plane: there is nothing to squeeze. {at} {torn}; its longest step is {shown:.2f} radii, "
            f"in truth {truth:.2f}."
        )
    if trap.name == "sizes":
        return (
            f"The second cloud is {truth:.1f} times as wide as the first. {at} the map shows it {shown:.1f} times as "
            "wide: UMAP evens out density, so the size of a cluster means nothing."
        )
    return (
        f"The second gap is {truth:.1f} times as wide as the first. {at} the map shows it {shown:.1f} times as wide: "
        "distances between clusters mean nothing."
    )


def _both(found: dict[str, float]) -> tuple[float, float]:
    """What was measured in truth, and the same on the map."""
    truth, shown = (next(v for name, v in found.items() if name.endswith(end)) for end in ("_truth", "_map"))
    return truth, shown


def _formula(trap: Trap, found: dict[str, float] | None) -> dict[str, Any]:
    lines: list[list[Any]] = [
        {
            "noise": ["p = exp(−(d − ρᵢ) / σᵢ): the nearest one has p = 1"],
            "sizes": ["σᵢ is chosen for each point: Σⱼ p = log₂ n_neighbors wherever it lies"],
            "distances": ["beyond n_neighbors p = 0: how far is not told"],
            "circle": ["few ties are easily broken; what is torn is not mended"],
        }[trap.name]
    ]
    if found:
        truth, shown = _both(found)
        lines.append(["in truth ", number(truth, 2), ",  on the map ", number(shown, 2)])
    return {"title": "Why", "lines": lines, "code": source(traps.make, traps.measure, latent_map_umap.fit)}


def _rail(state: dict[str, Any], trap: Trap) -> list[dict[str, Any]]:
    value = knob(state)
    about = {"kind": "slider", "name": "trap_knob", "label": trap.knob, "text": str(value)}
    return [
        pieces.choice("trap", "The trap", TITLES, state["trap"]),
        about | {"min": 0, "max": len(trap.values) - 1, "step": 1, "value": trap.values.index(value)},
        seed_item(state["seed"]),
    ]
