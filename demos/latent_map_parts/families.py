"""Part "Models": where each generative family lives among the real pictures, and where it never goes."""

from typing import Any

import gradio as gr
import numpy as np

from demos import follow
from demos.common import number, source
from demos.latent_map_parts import canvas, pieces
from demos.latent_map_parts.background import Measure, answers
from demos.latent_map_parts.scene import Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Flag
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.map_board import MapBoard
from demos.widgets.picture import encode, sheet
from demos.widgets.table import Table
from models import latent_map_families, metrics
from models.latent_map import REAL
from models.latent_map_families import BALL, Visit
from models.latent_map_records import Source

PART = Part("families", "Models")
FAMILIES = ("gan", "gan-collapsed", "vae", "diffusion", "image-tokens")
PARAMS = (
    Choice("family", FAMILIES),
    Flag("family_missing", True),  # whether what the family never draws stands out
    follow.Progress("families_seen"),
)
SEEN = PARAMS[-1].name
SHOWN = 6  # faces of each kind, in one row: thumbnails are small, so few of them are shown large
FEWEST = 30  # pictures of one value, below which nothing is said about them


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``families-follow``; the family is a parameter."""
    if name == "families-follow":
        return follow.note(state, SEEN, questions(Scene(state)), value)
    return None


def there(scene: Scene) -> list[Source]:
    """The families on this map, in the order of FAMILIES."""
    found = {one.name: one for one in scene.atlas.sources}
    return [found[name] for name in FAMILIES if name in found]


def shown(scene: Scene) -> Source:
    """The family of the state, or the first one there is on a map without it."""
    families = there(scene)
    if not families:
        raise ValueError("No family has samples on this map.")
    return next((one for one in families if one.name == scene.state["family"]), families[0])


def short(family: Source) -> str:
    """What a family is called where there is little room: its title without how it was drawn."""
    return family.title.partition(",")[0]


def questions(scene: Scene) -> list[Measure]:
    """How every family visits the real pictures, the floor first."""
    return [Measure(scene.data, "visit", (name,)) for name in (REAL, *(one.name for one in there(scene)))]


# ---- the view


def stage() -> None:
    """The map; beside it the table of all families, and faces that one draws and never draws."""
    MapBoard("families-board", "map")
    with gr.Column(elem_classes=["pg-stack"]):
        Table("families-table", "map", elem_classes="pg-fit")
        FaceSheet("families-faces", "map")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The samples at once; what is never visited, and the table, as it is measured."""
    scene = pieces.flat(scene)
    asked = questions(scene)
    watch = follow.look(scene.state, SEEN, asked, live)
    visits = dict(zip((one.arguments[0] for one in asked), answers(watch, asked), strict=True))
    family = shown(scene)
    visit = visits[family.name]
    view = {
        "rail": {"items": _rail(scene, family)},
        "families-board": _board(scene, family, visit),
        "families-table": _table(scene, family, visits),
    } | watch.again("families-follow")
    if live:
        return view
    return view | {
        "families-faces": _faces(scene, family, visit),
        "see": watch.failed or see(scene, family, visit, visits[REAL]),
        "formula": _formula(visit),
    }


def _board(scene: Scene, family: Source, visit: Visit | None) -> dict[str, Any]:
    """Real pictures are grey, or stand out where nobody comes; the samples of one family lie on them."""
    count = scene.atlas.count
    ids = np.concatenate([np.arange(count), np.arange(family.start, family.start + family.count)])
    values = np.full(len(ids), -1)
    values[count:] = 0
    names = [family.title]
    if visit is not None and scene.state["family_missing"]:
        values[:count][visit.asked & ~visit.visited] = 1
        names.append("real, never visited")
    layout = scene.layout
    return canvas.board(
        scene,
        points=MapBoard.points(layout.points[ids] / layout.scale, ids),
        colours=MapBoard.classes(values, names, "grey: real pictures"),
        pictures=False,
        morph=0,
        emits={},
        tools=["zoom", "save"],
        alt=f"Real pictures and {family.count} samples of {family.title} on one map.",
        caption=pieces.layout_title(scene),
        source="samples placed among the real pictures beforehand",
    )


def _table(scene: Scene, family: Source, visits: dict[str, Visit | None]) -> dict[str, Any]:
    def cell(value: float | None, percent: bool = True) -> dict[str, Any]:
        return {"text": "…"} if value is None else {"text": f"{100 * value:.0f} %", "share": value}

    def row(label: str, visit: Visit | None, **more: Any) -> dict[str, Any]:
        numbers = (None,) * 3 if visit is None else (visit.precision, visit.recall, visit.never_visited)
        return {"label": label, "cells": [cell(value) for value in numbers], **more}

    rows = [
        row(
            short(one),
            visits[one.name],
            action={"name": "family", "value": one.name},
            selected=one.name == family.name,
        )
        for one in there(scene)
    ]
    floor = row("real ones (the floor)", visits[REAL])
    size = min(latent_map_families.SET, scene.atlas.count // 2)
    return {
        "corner": "family",
        "columns": ["precision", "recall", "never visited"],
        "rows": [*rows, floor],
        "caption": f"{size} against {size}, in the attribute network’s features",
        "source": "measured now",
    }


def _spread(points: np.ndarray) -> np.ndarray:
    """SHOWN of some points, evenly through their list."""
    return points[np.linspace(0, len(points) - 1, min(SHOWN, len(points))).astype(int)]


def _faces(scene: Scene, family: Source, visit: Visit | None) -> dict[str, Any]:
    made = _spread(np.arange(family.start, family.start + family.count))
    missing = np.empty(0, np.int64) if visit is None else np.flatnonzero(visit.asked & ~visit.visited)
    real = _spread(missing) if len(missing) >= SHOWN else missing[:0]
    points = np.concatenate([made, real])
    drawn_by = scene.atlas.sources[0].drawn_by
    return {
        "image": encode(sheet(pieces.small_faces(scene.atlas, points), len(made))),
        "rows": len(points) // len(made),
        "cols": len(made),
        "row_labels": ["it draws", *(["never drawn"] if len(real) else [])],
        "alt": f"Samples of {family.title}, and real pictures that none of them resembles.",
        "caption": "samples, and real ones that no sample is near" if len(real) else "samples",
        "source": drawn_by or f"thumbnails of {scene.atlas.sources[0].side} pixels",
    }


# ---- words


def worst(scene: Scene, visit: Visit) -> tuple[str, str, float, int] | None:
    """The label and value whose real pictures are visited least: (label, value, share never visited, how many)."""
    found = []
    for label, values in scene.atlas.values.items():
        of_real = scene.atlas.labels[label][: scene.atlas.count]
        for position, value in enumerate(values):
            mine = (of_real == position) & visit.asked
            if mine.sum() >= FEWEST:
                found.append((label, value, float(1 - visit.visited[mine].mean()), int(mine.sum())))
    return max(found, key=lambda one: one[2], default=None)


def see(scene: Scene, family: Source, visit: Visit | None, floor: Visit | None) -> str:
    """What the family covers, in words that follow from the numbers."""
    if visit is None or floor is None:
        return f"{family.count} samples of {family.title} among {scene.atlas.count:,} real pictures. {pieces.MEASURING}"
    missing = 100 * visit.never_visited
    words = (
        f"{missing:.0f} % of the neighbourhoods of real pictures hold not one sample of {family.title}; as many real "
        f"pictures in its place would miss {100 * floor.never_visited:.0f} %."
    )
    least = worst(scene, visit)
    if least and least[2] > visit.never_visited:
        label, value, share, count = least
        kind = label.replace("_", " ").replace("color", "colour")
        words += f" It misses most where {kind} is {value.replace('_', ' ')}: {100 * share:.0f} % of {count:,}."
    return words


def _formula(visit: Visit | None) -> dict[str, Any]:
    lines: list[list[Any]] = [[f"visited(i): some sample lies nearer to i than its {BALL}th real neighbour"]]
    if visit is not None:
        asked, missed = int(visit.asked.sum()), int((visit.asked & ~visit.visited).sum())
        lines.append(
            ["never visited = ", number(missed, 0), " / ", number(asked, 0), " = ", number(visit.never_visited, 3)]
        )
        lines.append(["precision = ", number(visit.precision, 3), ",  recall = ", number(visit.recall, 3)])
    return {
        "title": "Coverage",
        "lines": lines,
        "code": source(latent_map_families.Reference, metrics.precision_recall),
    }


def _rail(scene: Scene, family: Source) -> list[dict[str, Any]]:
    return [
        pieces.choice("family", "Family", {one.name: short(one) for one in there(scene)}, family.name),
        {
            "kind": "toggle",
            "name": "family_missing",
            "label": "Show what it never draws",
            "value": scene.state["family_missing"],
        },
        pieces.representation_choice(scene),
        pieces.method_choice(scene),
    ]
