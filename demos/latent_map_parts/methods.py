"""Part "Side by side": three maps of the same pictures with one brush: three methods, or three representations."""

from itertools import combinations
from typing import Any

import numpy as np

from demos import follow
from demos.common import number, source
from demos.latent_map_parts import canvas, circled, pieces
from demos.latent_map_parts.background import Measure, answers
from demos.latent_map_parts.params import Corners
from demos.latent_map_parts.scene import Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Integer
from demos.widgets.map_board import MapBoard
from models import latent_map_layouts, latent_map_trust
from models.latent_map_layouts import METHODS, REPRESENTATIONS, Layout

PART = Part("methods", "Side by side", more=True)
COMPARE = {"methods": "methods", "representations": "spaces"}
LINE = Corners("brush_line")
PARAMS = (
    Choice("compare", tuple(COMPARE)),
    Integer("brush_point", 0, pieces.MOST_POINTS, 57),
    Integer("brush_board", 0, 2, 0),  # the board on which the lasso was drawn
    LINE,
    follow.Progress("methods_seen"),
)
SEEN = PARAMS[-1].name
BOARDS = ("methods-a", "methods-b", "methods-c")


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``brush-pick-0`` to ``-2`` and ``brush-lasso-0`` to ``-2`` (of each board), and ``methods-follow``."""
    if name == "methods-follow":
        return follow.note(state, SEEN, questions(Scene(state)), value)
    what, _, board = name.rpartition("-")
    if what not in ("brush-pick", "brush-lasso") or board not in ("0", "1", "2"):
        return None
    if what == "brush-pick":
        scene = of_board(Scene(state), int(board))
        return state | {"brush_point": pieces.picked(scene, value, real=True)}
    return state | {"brush_board": int(board), "brush_line": LINE.check(value)}


def of_board(scene: Scene, board: int) -> Scene:
    """The same with the layout of one of the three boards, at the default knobs."""
    if scene.state["compare"] == "methods":
        changes = {"method": METHODS[board]}
    else:
        changes = {"representation": REPRESENTATIONS[board]}
    return pieces.plain(scene, solid=False, n_neighbors="15", min_dist="0.1", lay_seed=0, **changes)


def questions(scene: Scene) -> list[Measure]:
    """Whose neighbours are whose: every board's neighbours, to be compared."""
    return [Measure(scene.data, "neighbours_shown", (of_board(scene, board).layout.key,)) for board in range(3)]


# ---- the view


def stage() -> None:
    """Three boards side by side."""
    for name in BOARDS:
        MapBoard(name, "map")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The three boards at once; how far they agree when that is measured."""
    boards = [of_board(scene, board) for board in range(3)]
    layouts = [one.layout for one in boards]
    asked = questions(scene)
    watch = follow.look(scene.state, SEEN, asked, live)
    found = answers(watch, asked)
    chosen = _chosen(scene, layouts)
    view = {name: _board(one, board, chosen) for board, (name, one) in enumerate(zip(BOARDS, boards, strict=True))}
    view |= {"rail": {"items": _rail(scene)}} | watch.again("methods-follow")
    if live:
        return view
    words = watch.failed or pieces.MEASURING if any(one is None for one in found) else agree(scene, layouts, found)
    return view | {"see": f"{_of_lasso(scene, chosen)}{words}", "formula": _formula(layouts)}


def _title(scene: Scene, layout: Layout) -> str:
    return pieces.METHOD_NAMES[layout.key.method] if scene.state["compare"] == "methods" else layout.key.representation


def _chosen(scene: Scene, layouts: list[Layout]) -> np.ndarray | None:
    """Which points lie within the lasso, (N,) bool; None without one."""
    line = scene.state["brush_line"]
    if line is None:
        return None
    layout = layouts[scene.state["brush_board"]]
    return circled.inside(layout.points / layout.scale, line)


def _board(scene: Scene, board: int, chosen: np.ndarray | None) -> dict[str, Any]:
    layout, state = scene.layout, scene.state
    point = state["brush_point"] % scene.atlas.count
    here = chosen is not None and state["brush_board"] == board
    near, _ = scene.atlas.true_neighbours(point, representation=layout.key.representation)
    return canvas.board(
        scene,
        name=f"{scene.data} {board}",
        colours=pieces.colours_by_label(scene),
        selection=None if chosen is None else MapBoard.bits(chosen),
        hull=state["brush_line"] if here else None,
        marks=[{"point": point, "kind": "pin", "label": pieces.named(scene.atlas, point)}],
        lines=[{"from": point, "to": int(other), "strength": 0.4} for other in near],
        brush="methods",
        emits={"click": f"brush-pick-{board}", "lasso": f"brush-lasso-{board}"},
        alt=f"{_title(scene, layout)}, one of three maps of the same pictures.",
        caption=f"{_title(scene, layout)} · trust {layout.trustworthiness:.3f} · continuity {layout.continuity:.3f}",
        source="",
    )


# ---- words


def agree(scene: Scene, layouts: list[Layout], near: list[np.ndarray]) -> str:
    """How many neighbours two of the maps have in common; near: (count, k) of each."""
    titles = [_title(scene, layout) for layout in layouts]
    pairs = combinations(range(3), 2)
    shares = {(a, b): float((near[a][:, :, None] == near[b][:, None, :]).any(2).mean()) for a, b in pairs}
    parts = [f"{titles[a]} and {titles[b]} {100 * share:.0f} %" for (a, b), share in shares.items()]
    return f"Of a picture’s 15 neighbours, two of these maps have in common: {', '.join(parts)}."


def _of_lasso(scene: Scene, chosen: np.ndarray | None) -> str:
    if chosen is None:
        return "Hover, click or circle points on one map and find them on the others. "
    label, count = pieces.label_shown(scene), int(chosen.sum())
    if not count:
        return "Nothing is inside the line. "
    of_points = scene.atlas.labels[label][chosen]
    shares = np.bincount(of_points[of_points >= 0], minlength=len(scene.atlas.values[label])) / count
    most = int(shares.argmax())
    value = scene.atlas.values[label][most].replace("_", " ")
    return f"{count:,} circled; {100 * shares[most]:.0f} % have {pieces.label_words(label)} {value}. "


def _formula(layouts: list[Layout]) -> dict[str, Any]:
    what = {
        "umap": "UMAP: Σ p log(p / q) + (1 − p) log((1 − p) / (1 − q)) over pairs",
        "tsne": "t-SNE: Σ p log(p / q), p and q summing to 1 over all pairs",
        "pca": "PCA: the two directions of the greatest variance",
    }
    methods = dict.fromkeys(layout.key.method for layout in layouts)
    lines: list[list[Any]] = [[what[method]] for method in methods]
    trust: list[Any] = ["trustworthiness "]
    for layout in layouts:
        trust += [" · " if len(trust) > 1 else "", number(layout.trustworthiness, 3)]
    return {
        "title": "What each of them keeps",
        "lines": [*lines, trust],
        "code": source(latent_map_layouts.align, latent_map_trust.distortion),
    }


def _rail(scene: Scene) -> list[dict[str, Any]]:
    by_method = scene.state["compare"] == "methods"
    return [
        pieces.choice("compare", "Compare three", COMPARE, scene.state["compare"]),
        pieces.representation_choice(scene) if by_method else pieces.method_choice(scene),
        pieces.label_choice(scene),
        {
            "kind": "text",
            "label": "The lines lead to the 15 true neighbours of the pinned picture, in each map’s own space.",
        },
    ]
