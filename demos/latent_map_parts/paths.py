"""Part "Paths": two roads between two pictures, straight on the map and straight in latent space, scrubbed together."""

from collections.abc import Sequence
from typing import Any

import gradio as gr
import numpy as np

from demos import follow
from demos.common import LIVE, number, source
from demos.latent_map_parts import canvas, pieces
from demos.latent_map_parts.background import answers
from demos.latent_map_parts.roads import COLUMNS, FRAMES, Walk, Walked
from demos.latent_map_parts.scene import Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Integer
from demos.widgets.curves import Curves
from demos.widgets.frame_strip import FrameStrip
from demos.widgets.map_board import MapBoard
from demos.widgets.picture import encode, sheet
from models import latent_map_trust, seeding
from models.latent_map import LatentMap
from models.latent_map_records import Road

PART = Part("paths", "Paths", frames=True)
HALFWAY = FRAMES // 2
PARAMS = (
    Integer("road_a", 0, pieces.MOST_POINTS, 40),
    Integer("road_b", 0, pieces.MOST_POINTS, 1234),
    Choice("road_end", ("a", "b")),  # which end the next click sets
    Integer("road_at", 0, FRAMES - 1, HALFWAY),
    follow.Progress("roads_seen"),
)
SEEN = PARAMS[-1].name
NAMES = ["on the map", "in latent space"]


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``road-pick``, ``-swap`` and ``-another``, ``roads-follow``, and ``frame`` while this part is shown."""
    if name == "frame" and state["part"] == PART.name:
        return state | {"road_at": value}
    if name == "road-pick":
        end = state["road_end"]
        point = pieces.picked(pieces.flat(Scene(state)), value)
        return state | {f"road_{end}": point, "road_end": "b" if end == "a" else "a"}
    if name == "road-swap":
        return state | {"road_a": state["road_b"], "road_b": state["road_a"], "road_at": FRAMES - 1 - state["road_at"]}
    if name == "road-another":
        ends = seeding.generator(state["road_a"], state["road_b"]).choice(Scene(state).atlas.count, 2, replace=False)
        return state | dict(zip(("road_a", "road_b"), map(int, ends), strict=True))
    if name == "roads-follow":
        return follow.note(state, SEEN, [request(pieces.flat(Scene(state)))], value)
    return None


def request(scene: Scene) -> Walk:
    """The two roads of a state, as a question to the map."""
    a, b = (pieces.chosen(scene, name) for name in ("road_a", "road_b"))
    return Walk(scene.data, a, b, scene.layout.key)


# ---- the view


def stage() -> None:
    """The map with both roads; beside it both strips of faces, and how far each may be trusted."""
    MapBoard("paths-board", "map")
    with gr.Column(elem_classes=["pg-stack"]):
        FrameStrip("paths-strip", "map", elem_classes="pg-slim")
        with gr.Row(elem_classes=["pg-foot", "pg-later"]):
            Curves("paths-trust", "map")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """Both roads, once the map has found them; until then their ends, and the face that both begin with."""
    scene = pieces.flat(scene)
    asked = request(scene)
    watch = follow.look(scene.state, SEEN, [asked], live)
    (walked,) = answers(watch, [asked])
    view = {"rail": {"items": _rail(scene)}} | watch.again("roads-follow")
    at = scene.state["road_at"]
    if walked is None:
        return view | {
            "paths-board": _board(scene, ()),
            "paths-strip": _start(scene, asked),
            "paths-trust": _trust((), 0),
            "see": watch.failed or "Looking for both roads…",
            "formula": _formula((), at),
        }
    view["paths-board"] = _board(scene, walked.roads)
    if live:
        return view
    return view | {
        "paths-strip": _strip(scene, asked, walked, at),
        "paths-trust": _trust(walked.roads, at),
        "see": see(walked),
        "formula": _formula(walked.roads, at),
    }


def frames(scene: Scene) -> list[np.ndarray]:
    """Both faces of every frame side by side, (64, 128, 3) uint8 each: the run that can be saved as a GIF."""
    pictures = request(pieces.flat(scene)).pictures()
    return [sheet(pair, 2) for pair in pictures.unflatten(0, (FRAMES, 2))]


def _board(scene: Scene, roads: Sequence[Road]) -> dict[str, Any]:
    layout = scene.layout
    ends = {letter: pieces.chosen(scene, f"road_{letter}") for letter in "ab"}
    return canvas.board(
        scene,
        marks=[{"point": point, "kind": letter.upper()} for letter, point in ends.items()],
        roads=[
            {"label": label, "xy": canvas.to_board(layout, road.places), "dash": dash, "at": scene.state["road_at"]}
            for label, road, dash in zip(NAMES, roads, (False, True), strict=False)
        ],
        follows="paths-strip",
        emits={"click": "road-pick"},
        tools=["zoom", "save"],
        alt="A map with two roads from {} to {}.".format(*(pieces.named(scene.atlas, end) for end in ends.values())),
        caption=pieces.layout_title(scene),
    )


def _start(scene: Scene, asked: Walk) -> dict[str, Any]:
    """The strip while the roads are looked for: both begin with the face of A. Another run: it moves nobody's frame."""
    code = scene.atlas.vectors["latent"][[asked.a]]
    return FrameStrip.append(
        run=f"{follow.mark(asked)} start",
        index=0,
        of=FRAMES,
        atlas=encode(sheet(pieces.decoded(scene, code.repeat(2, 0)), 2)),
        columns=2,
        tile=64,
        count=1,
        captions=["t = 0.00"],
        notes=[["…", "…"]],
        panes=[f"{name}  …" for name in NAMES],
        left=f"A · {pieces.named(scene.atlas, asked.a)}",
        right=f"B · {pieces.named(scene.atlas, asked.b)}",
        source=LIVE,
    )


def _strip(scene: Scene, asked: Walk, walked: Walked, at: int) -> dict[str, Any]:
    return {
        "run": follow.mark(asked),
        "panes": [f"{name}  · {road.length:.1f} long" for name, road in zip(NAMES, walked.roads, strict=True)],
        "atlas": walked.atlas,
        "columns": COLUMNS,
        "tile": 64,
        "count": FRAMES,
        "index": at,
        "captions": [f"t = {i / (FRAMES - 1):.2f}" for i in range(FRAMES)],
        "notes": [[f"trust {100 * road.trust[i]:.0f} %" for road in walked.roads] for i in range(FRAMES)],
        "left": f"A · {pieces.named(scene.atlas, asked.a)}",
        "right": f"B · {pieces.named(scene.atlas, asked.b)}",
        "source": f"{2 * FRAMES} codes, decoded by the VAE, {LIVE}",
    }


def _trust(roads: Sequence[Road], at: int) -> dict[str, Any]:
    return {
        "x": [round(i / (FRAMES - 1), 4) for i in range(FRAMES)],
        "x_label": "t, from A to B",
        "series": [
            {"label": f"trust {label}, %", "y": [round(100 * float(y), 2) for y in road.trust], "dash": dash}
            for label, road, dash in zip(NAMES, roads, (False, True), strict=False)
        ],
        "index": at,
        "follows": "paths-strip",
    }


# ---- words


def see(walked: Walked) -> str:
    """What the two roads have in common and what they have not, in words that follow from the numbers."""
    on_map, straight = walked.roads
    if straight.length < 1e-6:
        return "A and B are the same picture: both roads stay where they are."
    times = on_map.length / straight.length
    least = [100 * float(road.trust.min()) for road in walked.roads]
    return (
        f"Straight on the map is {times:.1f} times as far through latent space as straight there. "
        f"A and B differ in {walked.differ} of {walked.attributes} attributes; on the way the map’s road changes one "
        f"{walked.changes[0]} times, the straight one {walked.changes[1]} times. "
        f"Where they are least to be believed, trust is {least[0]:.0f} % and {least[1]:.0f} %."
    )


def _formula(roads: Sequence[Road], at: int) -> dict[str, Any]:
    t = at / (FRAMES - 1)
    start, end = number(1 - t, 2), number(t, 2)
    lines: list[list[Any]] = [
        ["map: y = ", start, " y(A) + ", end, " y(B),  z = Σ wᵢ zᵢ"],
        ["latent: z = ", start, " z(A) + ", end, " z(B),  y = Σ wᵢ yᵢ"],
    ]
    if roads:
        on_map, straight = roads
        lines += [
            ["length Σ |Δz| = ", number(on_map.length), " and ", number(straight.length)],
            ["trust = ", number(on_map.trust[at], 2), " and ", number(straight.trust[at], 2)],
        ]
    return {
        "title": "Two ways to go straight",
        "lines": lines,
        "code": source(LatentMap.road_on_map, LatentMap.road_in_latent, latent_map_trust.shepard),
    }


def _rail(scene: Scene) -> list[dict[str, Any]]:
    return [
        {"kind": "heading", "label": "Two pictures"},
        pieces.choice("road_end", "The next click sets", {"a": "A", "b": "B"}, scene.state["road_end"]),
        pieces.button("road-another", "Another pair", primary=True),
        pieces.button("road-swap", "Swap A and B"),
        pieces.method_choice(scene),
        pieces.representation_choice(scene),
    ]
