"""Roads not taken, for the part "Write": every continuation a visitor left, as a tree that leads back to all of them.

A road is the tokens from the prompt on. The state knows the present one ("taken") and those that were left ("roads");
where they begin alike they share a branch.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from demos.autoregressive_parts import readings, words
from demos.autoregressive_parts.params import Tokens
from demos.autoregressive_parts.scene import Scene
from demos.autoregressive_parts.write_moves import left
from demos.autoregressive_parts.write_text import MOST
from demos.common import number, source
from demos.stage.state import Flag
from demos.widgets.road_tree import RoadTree
from models.language import LanguageModel

SHOWN = Flag("roads_shown")
PARAMS = (SHOWN,)
TAKEN = Tokens("taken", MOST)
HEAD, TAIL = 8, 5  # tokens of a long branch that are shown before and after what is folded
Road = Sequence[int]


# ---- the state


def begins(road: Road, other: Road) -> bool:
    """Whether ``other`` begins with ``road``."""
    return list(other[: len(road)]) == list(road)


def turn(state: dict[str, Any], taken: Road) -> dict[str, Any]:
    """The state on another road; the present one is kept among those that were left, if it is no part of one."""
    taken = TAKEN.check(list(taken)[:MOST])
    roads = left(state, taken)
    ends = [road for road in roads if not any(road != other and begins(road, other) for other in roads)]
    return state | {"taken": taken, "roads": ends, "at": -1, "running": False}


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``road-go`` with the tokens up to a place in the tree, ``roads-show`` and ``roads-hide``."""
    if name == "road-go":
        return turn(state, TAKEN.check(value))
    if name in ("roads-show", "roads-hide"):
        return state | {SHOWN.name: name == "roads-show"}
    return None


# ---- the tree


@dataclass
class Branch:
    """Tokens between two places where roads part. parent: the number of the branch before it, -1 for the prompt.

    here: the present road ends with it. on: the present road goes through it.
    """

    ids: list[int]
    parent: int
    on: bool = False
    here: bool = False
    before: list[int] = field(default_factory=list)

    @property
    def path(self) -> list[int]:
        """All tokens from the prompt to its end."""
        return [*self.before, *self.ids]


Chances = Mapping[tuple[int, ...], float | None]
"""The probability of the last token of a beginning, by all its tokens."""


def branches(roads: Sequence[Road], present: Road | None = None, chances: Chances | None = None) -> list[Branch]:
    """The tree of some roads, each branch after the one it grows from; the present road parts where it ends.

    chances: where roads part, the more probable one comes first; without them the one that was named first.
    """
    every = [tuple(road) for road in roads if road] + ([tuple(present)] if present else [])
    stops = {tuple(present)} if present else set()
    found: list[Branch] = []

    def grow(at: tuple[int, ...], parent: int) -> None:
        heads = list(dict.fromkeys(road[len(at)] for road in every if len(road) > len(at) and begins(at, road)))
        if chances:
            heads.sort(key=lambda head: -(chances.get((*at, head)) or 0))
        for head in heads:
            path = (*at, head)
            while True:
                on = {road[len(path)] for road in every if len(road) > len(path) and begins(path, road)}
                if len(on) != 1 or path in stops:
                    break
                path = (*path, *on)
            mine = present is not None and len(path) <= len(present) and begins(path, present)
            found.append(Branch(list(path[len(at) :]), parent, mine, mine and len(path) == len(present), list(at)))
            grow(path, len(found) - 1)

    grow((), -1)
    return found


def chips(
    model: LanguageModel, before: Road, ids: Road, probabilities: Sequence[float | None] = ()
) -> list[dict[str, Any]]:
    """A branch as the tokens that the widget shows; of a long one the middle is folded.

    before: the tokens since the prompt, which a character of several tokens may have begun in.
    """
    spelt = words.spelt(model, [*before, *ids])[len(before) :]
    for i, p in enumerate(probabilities):
        spelt[i]["p"] = None if p is None else round(p, 5)
    if len(ids) <= HEAD + TAIL + 2:
        return spelt
    folded = list(ids[HEAD : len(ids) - TAIL])
    return [*spelt[:HEAD], {"fold": folded}, *spelt[len(ids) - TAIL :]]


def root(model: LanguageModel, ids: Road) -> str:
    """The end of the prompt, as the tree's root says it."""
    text = " ".join(model.decode(list(ids)[-24:]).split())
    return text if len(text) <= 48 else f"…{text[-46:]}"


def known(scene: Scene) -> list[list[int]]:
    """The roads that were left, as the model can read them."""
    return [[id for id in road if id < scene.model.size] for road in scene.state["roads"]]


def tree(scene: Scene, chances: Chances) -> dict[str, Any]:
    """The roads of the state as a value of :class:`RoadTree`."""
    model, present = scene.model, scene.taken
    roads = known(scene)
    ends = {tuple(road) for road in (*roads, present) if road}
    nodes = []
    for branch in branches(roads, present, chances):
        p = [chances[tuple(branch.path[: len(branch.before) + i + 1])] for i in range(len(branch.ids))]
        node = {"parent": branch.parent, "kind": "now" if branch.on else "left"}
        note = f"{bits(branch.path, chances):.1f} bits" if tuple(branch.path) in ends else ""
        tokens = chips(model, branch.before, branch.ids, p)
        nodes.append(node | {"tokens": tokens, "here": branch.here, "note": note})
    count = sum(not any(node["parent"] == i for node in nodes) for i in range(len(nodes)))
    return {
        "root": {"t": root(model, scene.prompt), "here": not present},
        "nodes": nodes,
        "action": "road-go",
        "alt": f"A tree of {count} roads from the prompt on; the present one is marked.",
        "legend": [["now", "the present road"], ["left", "roads you left; click to return"]],
        "caption": "The thicker a line, the more probable the token it leads to. Bits: of the whole road.",
    }


def bits(road: Road, chances: Chances) -> float:
    """The surprisal of a whole road: -log2 of the product of its tokens' probabilities (the chain rule)."""
    each = [chances[tuple(road[: i + 1])] for i in range(len(road))]
    return -sum(math.log2(p) for p in each if p) + 0.0


def all_chances(scene: Scene) -> dict[tuple[int, ...], float | None]:
    """The probability of every token of every road of the state."""
    found: dict[tuple[int, ...], float | None] = {}
    for road in (*known(scene), scene.taken):
        found |= {tuple(road[: i + 1]): p for i, p in enumerate(_probabilities(scene, road))}
    return found


def _probabilities(scene: Scene, road: Road) -> list[float | None]:
    """What the model gave every token of a road, by its own probabilities; None for a first one after nothing."""
    ids, dropped = scene.model.cut([*scene.prompt, *road])
    scores = readings.scores(scene.model, ids)[max(0, len(scene.prompt) - dropped) :]
    missing = len(road) - len(scores)
    return [None] * missing + [None if s.surprisal_bits is None else 2.0**-s.surprisal_bits for s in scores]


# ---- in the part "Write"


def stage() -> None:
    """The tree; it takes the place of the board."""
    RoadTree("write-roads", "autoregressive", elem_classes="pg-wide")


def shown(state: Mapping[str, Any]) -> bool:
    """Whether the tree stands where the board stood: as the visitor wishes, while there is a road and no run."""
    return bool(state[SHOWN.name] and state["roads"] and not state["running"])


def draw(scene: Scene) -> dict[str, Any]:
    """The tree in the place of the board and what it tells, or no tree."""
    if not shown(scene.state):
        return {"write-roads": {"hidden": True}}
    chances = all_chances(scene)
    return {
        "write-roads": tree(scene, chances),
        "write-board": {"hidden": True},
        "see": see(scene, chances),
        "formula": _formula(scene, chances),
    }


def see(scene: Scene, chances: Chances) -> str:
    """How probable the roads are as a whole."""
    left_behind = known(scene)
    count = "one road" if len(left_behind) == 1 else f"{len(left_behind)} roads"
    said = f"You left {count}. Every road is a text that the model might have written; click a token to go there."
    if not scene.taken:
        return said
    return (
        f"{said} The present one has {bits(scene.taken, chances):.1f} bits, the most probable one that you left "
        f"{min(bits(road, chances) for road in left_behind):.1f}: each bit halves the probability."
    )


def _formula(scene: Scene, chances: Chances) -> dict[str, Any]:
    road = scene.taken or known(scene)[-1]
    each = [p for i in range(len(road)) if (p := chances[tuple(road[: i + 1])])]
    shown_ones = [number(p, 3) for p in each[:3]]
    product = [part for p in shown_ones for part in (p, " · ")][:-1]
    lines = [["p(road) = Π p(token | all before it)"]]
    if each:
        lines.append([*product, " · …" if len(each) > 3 else "", " = 2^−", number(bits(road, chances))])
    return {"title": "The probability of a road", "lines": lines, "code": source(LanguageModel.read)}


def buttons(state: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What changes between the board and the tree, once a road was left."""
    if shown(state):
        return [{"kind": "button", "name": "roads-hide", "label": "The next token"}]
    count = len(state["roads"])
    label = f"Roads not taken ({count})"
    return [{"kind": "button", "name": "roads-show", "label": label}] if count and not state["running"] else []
