"""Part "Trust": where the map is wrong, whom it tears from a picture, and what another seed would leave of it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np

from demos import follow
from demos.common import number, source
from demos.latent_map_parts import canvas, pieces
from demos.latent_map_parts.background import Measure, answers
from demos.latent_map_parts.scene import Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Integer
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.map_board import MapBoard
from demos.widgets.meter import Meter
from demos.widgets.picture import encode, sheet
from models import latent_map_trust, seeding
from models.latent_map_layouts import DEFAULT, SEEDS
from models.latent_map_trust import NEIGHBOURS, Distortion, Survival, above_chance

PART = Part("trust", "Trust")
BY = {"trust": "trust", "continuity": "continuity", "survival": "seeds"}
PARAMS = (
    Integer("trust_point", 0, pieces.MOST_POINTS, 57),
    Choice("trust_by", tuple(BY)),
    follow.Progress("trust_seen"),
)
SEEN = PARAMS[-1].name
SHOWN = 5  # neighbours of each kind whose faces are shown, in one row
SCALES = {
    "trust": ("are its neighbours here its neighbours in truth?", "drawn by lot", "all of them"),
    "continuity": ("are its true neighbours near it here?", "strewn", "all of them"),
    "survival": ("neighbours that another seed keeps", "none", "all of them"),
}


# ---- actions


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``trust-pick``, ``trust-another`` and ``trust-follow``; None for anybody else's action."""
    if name == "trust-pick":
        return state | {"trust_point": pieces.picked(pieces.flat(Scene(state)), value, real=True)}
    if name == "trust-another":
        count = Scene(state).atlas.count
        return state | {"trust_point": int(seeding.generator(state["trust_point"], 2).integers(count))}
    if name == "trust-follow":
        return follow.note(state, SEEN, questions(pieces.flat(Scene(state))), value)
    return None


def questions(scene: Scene) -> list[Measure]:
    """What has to be measured: the distortion of the layout, and what five seeds have in common."""
    return [
        Measure(scene.data, "distortion", (scene.layout.key,)),
        Measure(scene.data, "survival", (scene.layout.key.representation,)),
    ]


# ---- the neighbours of one picture


@dataclass(frozen=True)
class Around:
    """A real picture's neighbours: in truth (k,) and on the map (k,), nearest first.

    kept: whether each true one is also a neighbour on the map. ranks: of those on the map, which neighbour in truth.
    """

    point: int
    truth: np.ndarray
    shown: np.ndarray
    kept: np.ndarray
    ranks: np.ndarray


def around(scene: Scene) -> Around:
    """The neighbours of the chosen point in the layout's own space and on the layout."""
    layout, atlas = scene.layout, scene.atlas
    point = scene.state["trust_point"] % atlas.count
    k = min(NEIGHBOURS, (atlas.count - 1) // 2)
    truth, _ = atlas.true_neighbours(point, k, layout.key.representation)
    real = atlas.real(layout.key.representation).astype(np.float64)
    distances = np.square(real - real[point]).sum(1)
    distances[point] = np.inf
    shown = latent_map_trust.nearest_others(layout.points[: atlas.count], k, np.array([point]))[0]
    ranks = 1 + (distances[None] < distances[shown, None]).sum(1)
    return Around(point, truth, shown, np.isin(truth, shown), ranks)


# ---- the view


def stage() -> None:
    """The map with lines to the true neighbours; beside it their faces and the numbers."""
    MapBoard("trust-board", "map")
    with gr.Column(elem_classes=["pg-stack"]):
        FaceSheet("trust-faces", "map")
        Meter("trust-meters", "map", elem_classes=["pg-fit", "pg-brief"])


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The neighbours at once; the colours and numbers when they are measured."""
    scene = pieces.flat(scene)
    asked = questions(scene)
    watch = follow.look(scene.state, SEEN, asked, live)
    told, kept = answers(watch, asked)
    near = around(scene)
    view = {"rail": {"items": _rail(scene)}, "trust-board": _board(scene, near, told, kept)}
    view |= {"trust-meters": {"items": _meters(scene, near, told, kept)}} | watch.again("trust-follow")
    if live:
        return view
    words = see(scene, near, told, kept)
    return view | {
        "trust-faces": _faces(scene, near),
        "see": f"{words} {watch.failed or ''}".strip(),
        "formula": _formula(scene),
    }


def _values(scene: Scene, told: Distortion | None, kept: Survival | None) -> np.ndarray | None:
    """What the real points are coloured by, 0 to 1."""
    by = scene.state["trust_by"]
    if by == "survival":
        return None if kept is None else kept.kept
    return None if told is None else above_chance(getattr(told, by))


def _board(scene: Scene, near: Around, told: Distortion | None, kept: Survival | None) -> dict[str, Any]:
    values = _values(scene, told, kept)
    colours = None
    if values is not None:
        whole = np.full(len(scene.atlas), np.nan)
        whole[: len(values)] = values
        colours = MapBoard.amounts(whole, *SCALES[scene.state["trust_by"]])
    lines = [
        {"from": near.point, "to": int(other), "strength": 0.9 if kept_too else 0.5}
        for other, kept_too in zip(near.truth, near.kept, strict=True)
    ]
    title = pieces.named(scene.atlas, near.point)
    return canvas.board(
        scene,
        colours=colours,
        lines=lines,
        marks=[{"point": near.point, "kind": "pin", "label": title}],
        pictures=False,
        emits={"click": "trust-pick"},
        tools=["zoom", "save"],
        alt=f"A map coloured by how far to believe it, with lines from {title} to its true neighbours.",
        source="laid out beforehand",
        caption=pieces.layout_title(scene),
    )


def _faces(scene: Scene, near: Around) -> dict[str, Any]:
    each = min(SHOWN, len(near.truth))
    points = np.concatenate([near.truth[:each], near.shown[:each]])
    notes = ["kept" if kept else "torn away" for kept in near.kept[:each]]
    notes += [_rank(int(rank)) for rank in near.ranks[:each]]
    return {
        "image": _drawn(scene.data, tuple(map(int, points)), each),
        "rows": 2,
        "cols": each,
        "row_labels": ["in truth", "on the map"],
        "notes": notes,
        "actions": [{"name": "trust_point", "value": int(point)} for point in points],
        "alt": f"The nearest pictures to {pieces.named(scene.atlas, near.point)}, in truth and on the map.",
        "caption": f"Nearest to {pieces.named(scene.atlas, near.point)}, and their ranks in truth",
        "source": "drawn by the VAE",
    }


@lru_cache(maxsize=64)
def _drawn(data: str, points: tuple[int, ...], columns: int) -> str:
    """The faces of some points, side by side, kept: the colours change under them."""
    scene = Scene({"data": data})
    return encode(sheet(pieces.decoded(scene, scene.atlas.vectors["latent"][list(points)]), columns))


def _rank(rank: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(rank % 10 if rank % 100 not in (11, 12, 13) else 0, "th")
    return f"{rank:,}{ending}"


def _meters(scene: Scene, near: Around, told: Distortion | None, kept: Survival | None) -> list[dict[str, Any]]:
    layout = scene.layout
    own = None if told is None else float(told.trust[near.point])
    return [
        pieces.share_meter(
            "Trustworthiness of the map",
            layout.trustworthiness,
            "½ is chance: neighbours drawn by lot",
            **({} if own is None else {"mark": own, "mark_label": f"this picture {own:.3f}"}),
        ),
        pieces.share_meter("Continuity of the map", layout.continuity, "are true neighbours still neighbours?"),
        pieces.share_meter(
            "Survives another seed",
            None if kept is None else float(kept.kept.mean()),
            "share of a point’s 15 neighbours, UMAP at its default knobs",
            **({} if kept is None else _always(kept)),
        ),
    ]


def _always(kept: Survival) -> dict[str, Any]:
    always = float(kept.always.mean())
    return {"mark": always, "mark_label": f"survives all {len(SEEDS) - 1} others: {always:.3f}"}


def see(scene: Scene, near: Around, told: Distortion | None, kept: Survival | None) -> str:
    """What the map did to this picture, and how much of it is luck."""
    title, count, lost = pieces.named(scene.atlas, near.point), len(near.kept), int((~near.kept).sum())
    farthest = int(near.ranks.max())
    words = (
        f"Of the {count} true neighbours of {title} this map shows {count - lost} beside it and tears {lost} away "
        f"(the thinner lines). In their place it draws in strangers, down to its {_rank(farthest)} neighbour in truth."
        if lost
        else f"All {count} true neighbours of {title} are beside it here: that is rare."
    )
    if told is None or kept is None:
        return f"{words} {pieces.MEASURING}"
    share = 100 * float(kept.kept.mean())
    return f"{words} Another seed would keep {share:.0f} % of a picture’s neighbours on the map."


def _formula(scene: Scene) -> dict[str, Any]:
    layout, n = scene.layout, scene.atlas.count
    k = min(NEIGHBOURS, (n - 1) // 2)
    scale = 2 / (n * k * (2 * n - 3 * k - 1))
    return {
        "title": "Trustworthiness",
        "lines": [
            ["T = 1 − 2 / (n k (2n − 3k − 1)) · Σᵢ Σⱼ max(0, r(i, j) − k)"],
            [
                "n = ",
                number(n, 0),
                ", k = ",
                number(k, 0),
                ":  the strangers’ ranks sum to ",
                number((1 - layout.trustworthiness) / scale, 0),
            ],
            ["T = ", number(layout.trustworthiness, 3), ",  continuity = ", number(layout.continuity, 3)],
        ],
        "code": source(latent_map_trust.local_trust, latent_map_trust.survival),
    }


def _rail(scene: Scene) -> list[dict[str, Any]]:
    state, key = scene.state, scene.layout.key
    seed = pieces.choice("lay_seed", "Seed of the layout", {s: str(s) for s in SEEDS}, state["lay_seed"])
    default = (key.n_neighbors, key.min_dist) == (DEFAULT.n_neighbors, DEFAULT.min_dist)
    seeds = [seed] if key.method == "umap" and default else []
    return [
        pieces.choice("trust_by", "Coloured by", BY, state["trust_by"]),
        *seeds,
        pieces.representation_choice(scene),
        pieces.method_choice(scene),
        pieces.button("trust-another", "Another picture", primary=True),
    ]
