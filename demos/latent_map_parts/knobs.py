"""Part "Knobs": what n_neighbors and min_dist do, on layouts made beforehand and in a fit while you watch."""

from typing import Any

import gradio as gr

from demos import follow
from demos.latent_map_parts import canvas, knobs_live, pieces
from demos.latent_map_parts.background import Measure, answers
from demos.latent_map_parts.knobs_words import objective_formula, see
from demos.latent_map_parts.scene import Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice
from demos.widgets.curves import Curves
from demos.widgets.map_board import MapBoard
from demos.widgets.meter import Meter
from demos.widgets.table import Table
from models.latent_map_layouts import MIN_DIST, N_NEIGHBORS, Key
from models.latent_map_umap import Objective

PART = Part("knobs", "Knobs", more=True)
MEANINGS = {
    "trustworthiness": "trustworthiness; the bars begin at chance, ½",
    "continuity": "continuity: are true neighbours still near?",
}
MODES = {"grid": "made beforehand", "live": "a live fit"}
PARAMS = (Choice("knobs_mode", tuple(MODES)), follow.Progress("knobs_seen"), *knobs_live.PARAMS)
SEEN = PARAMS[1].name


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``knob-n`` and ``knob-d`` (places on the grid), ``knob-cell``, ``knobs-follow``, and the live fit's."""
    if name == "knob-n":
        return state | {"n_neighbors": str(N_NEIGHBORS[_place(value, len(N_NEIGHBORS))])}
    if name == "knob-d":
        return state | {"min_dist": f"{MIN_DIST[_place(value, len(MIN_DIST))]:g}"}
    if name == "knob-cell":
        if not isinstance(value, list) or len(value) != 2:
            raise ValueError("A cell of the grid is a row and a column.")
        row, column = value
        return act(act(state, "knob-d", row), "knob-n", column)
    if name == "knobs-follow":
        return follow.note(state, SEEN, questions(on_grid(Scene(state))), value)
    return knobs_live.act(state, name, value)


def _place(value: Any, count: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value not in range(count):
        raise ValueError(f"The knob has {count} positions, counted from 0.")
    return int(value)


def on_grid(scene: Scene) -> Scene:
    """The same on the layouts that were made for the whole grid: UMAP of latent codes, first seed, in the plane."""
    return pieces.plain(scene, method="umap", representation="latent", solid=False, lay_seed=0)


def questions(scene: Scene) -> list[Measure]:
    """What has to be measured of the layout."""
    return [Measure(scene.data, "objective", (scene.layout.key,))]


# ---- the view


def stage() -> None:
    """The board; beside it the grid of all cells or the progress of the fit, and the numbers."""
    MapBoard("knobs-board", "map")
    with gr.Column(elem_classes=["pg-stack"]):
        Table("knobs-trust", "map", elem_classes="pg-fit")
        Table("knobs-continuity", "map", elem_classes="pg-fit")
        Curves("knobs-descent", "map")
        Meter("knobs-meters", "map", elem_classes=["pg-fit", "pg-brief"])


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """A layout of the grid, or the live fit; while a hand moves a knob only the board and the rail."""
    if scene.state["knobs_mode"] == "live":
        return knobs_live.draw(pieces.flat(scene), live, _mode(scene))
    scene = on_grid(scene)
    asked = questions(scene)
    watch = follow.look(scene.state, SEEN, asked, live)
    (found,) = answers(watch, asked)
    view = {
        "rail": {"items": _rail(scene)},
        "knobs-board": _board(scene),
        "knobs-trust": _grid(scene, "trustworthiness"),
        "knobs-continuity": _grid(scene, "continuity"),
        "knobs-meters": {"items": _meters(scene, found)},
    } | watch.again("knobs-follow")
    if live:
        return view
    return view | {
        "knobs-descent": {"hidden": True},
        "see": watch.failed or see(scene),
        "formula": objective_formula(found, scene.layout.key.min_dist),
    }


def _board(scene: Scene) -> dict[str, Any]:
    return canvas.board(
        scene,
        colours=pieces.colours_by_label(scene),
        emits={},
        tools=["zoom", "save"],
        alt="The map for these knobs; every picture keeps its identity while it glides.",
        caption=pieces.layout_title(scene),
        source="",  # the rail says it
    )


def _grid(scene: Scene, measure: str) -> dict[str, Any]:
    """A measure of every layout of the grid. measure: "trustworthiness" or "continuity"."""
    here, layouts = scene.layout.key, scene.atlas.layouts
    cells = {(n, d): layouts.get(Key(n_neighbors=n, min_dist=d).name) for n in N_NEIGHBORS for d in MIN_DIST}
    best = max((getattr(one, measure) for one in cells.values() if one), default=None)

    def cell(row: int, column: int) -> dict[str, Any]:
        n, d = N_NEIGHBORS[column], MIN_DIST[row]
        if cells[n, d] is None:
            return {"text": "not made"}
        value = getattr(cells[n, d], measure)
        return {
            "text": f"{value:.3f}",
            "share": 2 * value - 1,
            "action": {"name": "knob-cell", "value": [row, column]},
            "selected": (here.n_neighbors, here.min_dist) == (n, d),
            "best": value == best,
        }

    return {
        "corner": "min_dist ↓  n_neighbors →",
        "columns": [str(n) for n in N_NEIGHBORS],
        "rows": [
            {"label": f"{d:g}", "cells": [cell(row, column) for column in range(len(N_NEIGHBORS))]}
            for row, d in enumerate(MIN_DIST)
        ],
        "caption": MEANINGS[measure],
        "source": "measured beforehand",
    }


def _meters(scene: Scene, found: Objective | None) -> list[dict[str, Any]]:
    thousand = None if found is None else found.cross_entropy / 1000
    words = "" if thousand is None else f"{thousand:,.0f} thousand nats"
    meaning = "what UMAP descends; to be compared along one n_neighbors only"
    return [pieces.meter("Cross-entropy", thousand, words, meaning, 1.0 if thousand is None else 2 * thousand)]


def _mode(scene: Scene) -> dict[str, Any]:
    return pieces.choice("knobs_mode", "Layouts", MODES, scene.state["knobs_mode"])


def _rail(scene: Scene) -> list[dict[str, Any]]:
    key = scene.layout.key

    def slider(name: str, label: str, options: tuple, value: float, note: str) -> dict[str, Any]:
        place = options.index(value)
        about = {"kind": "slider", "name": name, "label": label, "note": note, "text": f"{value:g}"}
        return about | {"min": 0, "max": len(options) - 1, "step": 1, "value": place}

    return [
        _mode(scene),
        slider("knob-n", "n_neighbors", N_NEIGHBORS, key.n_neighbors, "few: detail, many: the whole"),
        slider("knob-d", "min_dist", MIN_DIST, key.min_dist, "how tightly they are packed"),
        pieces.label_choice(scene),
    ]
