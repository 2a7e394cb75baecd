"""Part "Explore": the whole map, every place of which has a face; circled points; and a picture of one's own."""

from typing import Any

import gradio as gr
import numpy as np

from demos import prompting, uploads
from demos.common import named_label, number, source
from demos.latent_map_parts import canvas, circled, colours, spots, you
from demos.latent_map_parts.params import CAMERA, Classes, Corners, Hand, Numbers
from demos.latent_map_parts.params import PLANE as ANYWHERE
from demos.latent_map_parts.scene import Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Integer, Param, Text
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.map_board import MapBoard
from demos.widgets.meter import Meter
from demos.widgets.picture_input import PictureInput
from models import prompts
from models.latent_map import LatentMap
from models.latent_map_layouts import METHODS
from models.latent_map_records import Projection
from models.latent_map_trust import shepard

PART = Part("explore", "Explore")
ABOUT = ("place", "circle", "you")  # what the column beside the board speaks of
PARAMS: tuple[Param, ...] = (
    colours.PARAM,
    Classes("off"),
    Text("search", 400),
    Integer("point", -1, 65_535, -1),
    Numbers("at", ANYWHERE),
    Corners("circle"),
    CAMERA,
    Choice("about", ABOUT),
    Hand("hand"),
)
HAND = next(param for param in PARAMS if param.name == "hand")
ELSEWHERE = {"circle": None, "hand": None}  # another layout: what was drawn on the old one means nothing
ANOTHER_SET = {**ELSEWHERE, "point": -1, "at": None, "camera": None, "off": [], "search": "", "about": "place"}
LAID_BY = ("representation", "method", "n_neighbors", "min_dist", "lay_seed", "solid")
METHOD_NAMES = {"umap": "UMAP", "tsne": "t-SNE", "pca": "PCA"}
ANY = ""


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers what the board emits (``board-...``), the search, the filters, and what `demos.uploads` does."""
    if name == "board-hover":
        return state | {"hand": HAND.check(value)}
    if name == "board-click":
        chosen = HAND.check(value)
        if chosen is None:
            raise ValueError("A click is on a point or on a place.")
        place = chosen["place"] if chosen["point"] < 0 else None
        return state | {"point": chosen["point"], "at": place, "about": "place", "hand": None}
    if name == "board-lasso":
        return state | {"circle": value, "about": "circle" if value else "place", "hand": None}
    if name == "board-legend":
        return state | {"off": value}
    if name == "board-camera":
        return state | {"camera": value}
    if name == "colour":
        return state | {"colour": value, "off": []}
    if name.startswith("only-"):
        return state | {"search": _only(state, name.removeprefix("only-"), value)}
    if name == "you":
        return state | {"about": "you"}
    if name == "walk":
        return state | {"about": "place"}
    if name == "wait":
        return dict(state)
    if name in ("upload", "another"):
        return uploads.act(state, name, value) | {"about": "you"}
    return uploads.act(state, name, value)


def _only(state: dict[str, Any], label: str, value: Any) -> str:
    """The search with one label asked for, or no longer."""
    known = prompts.vocabulary(state["data"])
    if label not in known or value != ANY and value not in known[label]:
        raise ValueError("There is no such filter on this map.")
    wanted = dict(prompts.parse(state["data"], state["search"]).attributes) | {label: value}
    return prompts.describe(state["data"], {name: word for name, word in wanted.items() if word != ANY})


def stage(*functions: Any) -> None:
    """The board, and beside it the face with its trust, or the visitor's picture; ``functions`` serve the board."""
    with gr.Column(elem_classes=["pg-wide"]):
        MapBoard("board", "map", server_functions=list(functions))
    with gr.Column(elem_classes=["pg-stack", "pg-beside"]):
        PictureInput("you", "map", elem_classes="pg-fit")
        FaceSheet("kin", "map")
        FaceSheet("face", "map")
        Meter("facts", "map", elem_classes="pg-fit")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """Under a moving hand: the face there, its trust and the card. At rest the whole map as well."""
    state = scene.state
    if live and state["about"] == "you":
        # a hand that walks meanwhile has its card; the column keeps speaking of the visitor's picture
        waiting = you.waits(scene)
        card = spots.card(scene.atlas, state["hand"]["point"]) if state["hand"] else None
        return {"board": {"card": card}} | ({"again": _again()} if waiting else {})
    spot = spots.find(scene, state["hand"])
    if live:
        return {"face": spots.face(scene, spot), "facts": spots.trust(spot)} | {
            "board": {"card": spots.card(scene.atlas, spot.point) if state["hand"] else None}
        }
    chosen = circled.points(scene)
    board = _board(scene, chosen)
    view: dict[str, Any] = {"rail": {"items": _rail(scene)}, "you": {"hidden": True}, "kin": {"hidden": True}}
    if state["about"] == "you":
        return view | _you(scene, board)
    if state["about"] == "circle" and state["hand"] is None and chosen is not None and chosen.any():
        view |= {"face": circled.mean_face(scene, chosen), "facts": circled.meter(scene, chosen)}
        words = {"see": _see_circled(scene, chosen), "formula": _formula_circled(scene, chosen)}
    else:
        view |= {"face": spots.face(scene, spot), "facts": spots.trust(spot)}
        words = {"see": _see(scene, spot), "formula": _formula(spot)}
    mark = {"point": spot.point} if spot.point >= 0 else {"at": spot.at}
    pinned = state["point"] >= 0 or state["at"] is not None
    if state["hand"] is None and (pinned or state["about"] == "place"):
        board["marks"] = [mark | {"kind": "pin"}]
    board["card"] = spots.card(scene.atlas, spot.point)
    return view | words | {"board": board}


def _again() -> dict[str, Any]:
    return {"action": {"name": "wait", "value": None}, "after": you.WAIT_MS}


def _board(scene: Scene, chosen: np.ndarray | None) -> dict[str, Any]:
    state, atlas = scene.state, scene.atlas
    left = colours.found(scene)
    flat = scene.layout.key.dimensions == 2
    emits = {"hover": "board-hover", "click": "board-click", "legend": "board-legend"}
    if flat:
        emits |= {"lasso": "board-lasso", "camera": "board-camera"}
    shown = f"{int(colours.visible(scene).sum()):,} of {len(atlas):,} points" if left is not None else ""
    drawn = next((source.drawn_by for source in atlas.sources if source.drawn_by), "")
    layout = scene.layout
    return canvas.board(
        scene,
        colours=colours.value(scene),
        shown=None if left is None else MapBoard.bits(left),
        selection=None if chosen is None else MapBoard.bits(chosen),
        hull=state["circle"] if flat else None,
        camera=state["camera"],
        emits=emits,
        alt=f"{len(atlas):,} faces laid out by {METHOD_NAMES[layout.key.method]}; like lies beside like.",
        hint=shown or ("" if flat else "drag to turn"),
        caption=f"{METHOD_NAMES[layout.key.method]} of {atlas.count:,} real pictures"
        + (f" and {len(atlas) - atlas.count:,} samples" if len(atlas) > atlas.count else "")
        + f", trustworthiness {layout.trustworthiness:.2f}"
        + (f"; thumbnails: {drawn}" if drawn else ""),
        source="laid out beforehand, faces decoded live",
    )


def _rail(scene: Scene) -> list[dict[str, Any]]:
    state, atlas = scene.state, scene.atlas
    wanted, missing = colours.asked(scene)
    find = prompting.control(state["search"], scene.data, "search", "Find")
    find["placeholder"] = "pink hair, beard" if scene.data == "toons" else "glasses, grey hair"
    find["notes"] += [
        {"text": f"This map knows nothing of “{name.replace('_', ' ')}”.", "fixes": []} for name in missing
    ]
    filters = [
        {
            "kind": "choice",
            "name": f"only-{name}",
            "label": named_label(name),
            "value": wanted.get(name, ANY),
            "options": [
                {"value": ANY, "label": "any"},
                *({"value": word, "label": word.replace("_", " ")} for word in words),
            ],
        }
        for name, words in atlas.values.items()
    ]
    methods = [{"value": name, "label": METHOD_NAMES[name]} for name in METHODS]
    return [
        {"kind": "choice", "name": "colour", "label": "Colour by", "value": colours.chosen(scene)}
        | {"options": colours.options(atlas)},
        find,
        {"kind": "drawer", "name": "filters", "label": "Filter by factor", "items": filters},
        {"kind": "choice", "name": "method", "label": "Laid out by", "value": state["method"], "options": methods},
        {"kind": "toggle", "name": "solid", "label": "In space (3-D)", "value": state["solid"]}
        | ({"note": "t-SNE is flat"} if state["method"] == "tsne" else {}),
        *_mode(state),
    ]


def _mode(state: dict[str, Any]) -> list[dict[str, Any]]:
    if state["about"] != "you":
        return [{"kind": "button", "name": "you", "label": "Where would my picture be?", "primary": True}]
    return [
        {"kind": "button", "name": "walk", "label": "Walk over the map again", "primary": True},
        {"kind": "button", "name": "another", "label": "Another example"},
        *([{"kind": "button", "name": "forget", "label": "Forget my picture"}] if state["picture"] else []),
    ]


def _you(scene: Scene, board: dict[str, Any]) -> dict[str, Any]:
    """The column of the visitor's picture, and the star on the board; while UMAP warms up, why there is none yet."""
    waiting = you.waits(scene)
    view = {"face": {"hidden": True}, "you": uploads.input_view(scene.state, False), "board": board}
    if waiting:
        return (
            view
            | {"facts": {"hidden": True}, "see": waiting, "formula": _formula_you(None), "again": _again()}
            | {"board": board | {"hint": "UMAP is warming up…"}}
        )
    found = you.place(scene)
    view["you"]["unusual"] = found.alike < you.STRANGER
    return view | {
        "board": board | you.marks(scene, found),
        "kin": you.neighbours(scene, found),
        "facts": you.meter(found),
        "see": you.see(scene, found),
        "formula": _formula_you(found),
    }


def _see(scene: Scene, spot: spots.Spot) -> str:
    left = colours.found(scene)
    if left is not None and scene.state["hand"] is None and scene.state["point"] < 0 and scene.state["at"] is None:
        said = prompts.describe(scene.data, colours.asked(scene)[0])
        return (
            f"{int(left.sum()):,} of {len(left):,} points are left: {said}. Do they lie together, or all over the map?"
        )
    if spot.point >= 0:
        what = spots.title(scene.atlas, spot.point)
        return (
            f"{what}: {spots.labels(scene.atlas, spot.point)}. Like lies beside like; move between the points, and "
            "the faces that would live there appear."
        )
    near = spots.labels(scene.atlas, int(spot.place.neighbours[0]))
    return (
        f"Nothing lies here. The face is a mixture of its {len(spot.place.weights)} neighbours on the map; the nearest "
        f"is {near}. It fades where the map deserves no trust."
    )


def _see_circled(scene: Scene, chosen: np.ndarray) -> str:
    count = int(chosen.sum())
    rows = circled.mix(scene, chosen)
    points = "point" if count == 1 else "points"
    if not rows:
        return f"{count:,} {points} circled. No label is more common among them than on the whole map."
    name, word, share, usual = rows[0]
    said = prompts.describe(scene.data, {name: word})
    return (
        f"{count:,} {points} circled. What tells them apart most: {said}, {spots.percent(share)} of them against "
        f"{spots.percent(usual)} on the whole map. The face is the mean of their codes, decoded."
    )


def _formula(spot: spots.Spot) -> dict[str, Any]:
    trust, weights = spot.place.trust, spot.place.weights
    return {
        "title": "A face for every place",
        "lines": [
            ["z(x, y) = Σ wᵢ zᵢ,  wᵢ ∝ ((R − dᵢ) / R dᵢ)²"],
            ["w₁ = ", number(float(weights[0]), 2), ", w₂ = ", number(float(weights[1]), 2), f"  of {len(weights)}"],
            ["trust = ", number(trust.neighbours, 2), " × ", number(trust.agreement, 2), " × ", number(trust.reach, 2)]
            + [" = ", number(trust.value, 2)],
        ],
        "code": source(LatentMap.decode, LatentMap._trust, shepard),
    }


def _formula_circled(scene: Scene, chosen: np.ndarray) -> dict[str, Any]:
    return {
        "title": "The mean face",
        "lines": [["z̄ = 1/n Σ zᵢ,  n = ", number(float(chosen.sum()), 0)], ["x̂ = decode(z̄)"]],
        "code": source(LatentMap.mean_code, circled.inside),
    }


def _formula_you(found: Projection | None) -> dict[str, Any]:
    lines = [["y = argmin Σⱼ CE(pⱼ, qⱼ),  neighbours held fixed"]]
    if found is not None:
        lines.append(["d₁ = ", number(float(found.distances[0]), 2), ", kept ", number(100 * found.kept, 0), " %"])
        lines.append(["trust = ", number(found.trust, 2)])
    return {"title": "Where it settles", "lines": lines, "code": source(LatentMap.project, LatentMap.put)}
