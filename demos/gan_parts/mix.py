"""Parts "Mix styles" and "A − B + C": faces made of two faces, layer by layer, and sums of three."""

from typing import Any

import gradio as gr
import torch
from torch import Tensor

from demos import analogies
from demos.common import faces, hero, new_seed, number, source
from demos.gan_parts.scene import Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import SEED_LIMIT, Flag, Integer
from demos.widgets.face_sheet import FaceSheet
from models import gan, latents
from models.gan import LAYER_GROUPS

MIX = Part("mix", "Mix styles", more=True)
SUM = Part("sum", "A − B + C", more=True)
OTHERS = 6  # faces of the second seed to mix with
PARAMS = (
    Integer("other", 0, OTHERS - 1, 0),
    Flag("mix_coarse"),
    Flag("mix_middle", True),
    Flag("mix_fine", True),
    Integer("sum_a", 0, SEED_LIMIT, 3),
    Integer("sum_b", 0, SEED_LIMIT, 5),
    analogies.STRENGTH,
)
FROM = {
    "coarse": "Coarse from B: pose, shape, hair",
    "middle": "Middle from B: features",
    "fine": "Fine from B: colour, light",
}


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``mix`` (one cell of the table), ``new-others`` and ``new-terms``; None for anybody else's action."""
    if name == "mix":
        groups = list(LAYER_GROUPS)
        cells = len(groups) * OTHERS
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < cells:
            raise ValueError(f"mix is the number of a cell from 0 to {cells - 1}, not {value!r}.")
        row, other = divmod(value, OTHERS)
        return state | {"other": other} | {f"mix_{group}": i == row for i, group in enumerate(groups)}
    if name == "new-others":
        return state | {"seed_b": new_seed(state | {"seed": state["seed_b"]})}
    if name == "new-terms":
        a = new_seed(state | {"seed": state["sum_a"]})
        return state | {"sum_a": a, "sum_b": new_seed(state | {"seed": a})}
    return None


def stage_mix() -> None:
    """The mixture large; beside it the two faces it is made of, and every group of layers of every B."""
    FaceSheet("mixed", "gan")
    with gr.Column(elem_classes=["pg-stack"]):
        FaceSheet("pair", "gan")
        FaceSheet("mixes", "gan")


def stage_sum() -> None:
    """A, B, C and the result, and the result at every strength."""
    analogies.stage("gan")


def mixture(a: Tensor, b: Tensor, groups: list[str]) -> Tensor:
    """Styles ``a`` (LAYERS, W) with the layers of ``groups`` taken from ``b``."""
    styles = a.clone()
    for group in groups:
        styles[list(LAYER_GROUPS[group])] = b[list(LAYER_GROUPS[group])]
    return styles


def draw_mix(scene: Scene, live: Haste) -> dict[str, Any]:
    """A, B and the mixture; then the table of single groups."""
    state, layers = scene.state, scene.generator.layers
    others = scene.generator.truncate(scene.w(state["seed_b"], OTHERS), scene.psi)[:, None].expand(-1, layers, -1)
    a, b = scene.styles, others[state["other"]]
    groups = [group for group in LAYER_GROUPS if state[f"mix_{group}"]]
    pictures = scene.draw_faces(torch.stack([a, b, mixture(a, b, groups)]))
    view = {
        "mixed": hero(
            pictures[2], f"A with {' and '.join(groups) or 'nothing'} of B", "The mixture of face A and face B"
        ),
        "pair": faces(pictures[:2], 2, "Face A and face B", col_labels=["A", "B"]),
        "rail": {"items": _mix_rail(scene)},
    }
    if live:
        return view
    table = torch.stack([mixture(a, b, [group]) for group in LAYER_GROUPS for b in others])
    chosen = list(LAYER_GROUPS).index(groups[0]) * OTHERS + state["other"] if len(groups) == 1 else None
    return view | {
        "mixes": faces(
            scene.draw_faces(torch.cat([others, table])),
            OTHERS,
            "Six faces B on top; below, A with one group of layers of each",
            "Click a B, or A with one group of its layers.",
            actions=[{"name": "other", "value": i} for i in range(OTHERS)]
            + [{"name": "mix", "value": i} for i in range(len(table))],
            row_labels=["B", *LAYER_GROUPS],
            selected=state["other"] if chosen is None else OTHERS + chosen,
        ),
        "see": (
            "Every layer has a style of its own, so one face can take them from two. "
            f"Here {' and '.join(groups) or 'no'} layers come from B."
        ),
        "formula": _mix_formula(a, b, groups),
    }


def _mix_rail(scene: Scene) -> list[dict[str, Any]]:
    state = scene.state
    return [
        {"kind": "heading", "label": "Which layers come from B"},
        *[
            {"kind": "toggle", "name": f"mix_{group}", "label": label, "value": state[f"mix_{group}"]}
            for group, label in FROM.items()
        ],
        {"kind": "number", "name": "seed_b", "label": "B, seed", "min": 0, "max": SEED_LIMIT, "value": state["seed_b"]},
        {"kind": "button", "name": "new-others", "label": "Six other B", "primary": True},
    ]


def _mix_formula(a: Tensor, b: Tensor, groups: list[str]) -> dict[str, Any]:
    taken = sum(len(LAYER_GROUPS[group]) for group in groups)
    return {
        "title": "One face, two styles",
        "lines": [
            ["G( w₁ … w₉ ):  ", number(float(len(a) - taken), 0), " layers of A, ", number(float(taken), 0), " of B"],
            ["‖w(A) − w(B)‖ = ", number(float((a - b).norm(dim=1).mean()), 2)],
        ],
        "code": source(mixture, gan.Generator.synthesis),
    }


def _terms(scene: Scene) -> Tensor:
    """w of A, B, C and C + strength (A - B), each truncated: (4, W)."""
    a, b = (scene.truncated(scene.w(scene.state[name], 1)[0]) for name in ("sum_a", "sum_b"))
    return analogies.terms(a, b, scene.styles.mean(0), scene.state["strength"])


def draw_sum(scene: Scene, live: Haste) -> dict[str, Any]:
    """Four faces: A, B, C and C + strength (A - B)."""
    strength, w = scene.state["strength"], _terms(scene)
    view = {"sum": analogies.row(scene.draw_faces, w), "rail": {"items": _sum_rail(scene)}}
    if live:
        return view
    return view | {
        "strengths": analogies.strengths(scene.draw_faces, w, strength),
        "see": (
            f"Styles can be added like arrows: C plus {strength:g} times the way from B to A. "
            "What A and B share cancels; what only A has arrives on C, if W holds it on one straight line."
        ),
        "formula": {
            "title": "Arithmetic in W",
            "lines": [
                ["w = w(C) + ", number(strength, 2), " ( w(A) − w(B) )"],
                ["‖w(A) − w(B)‖ = ", number(float((w[0] - w[1]).norm()), 2)],
            ],
            "code": source(latents.analogy),
        },
    }


def _sum_rail(scene: Scene) -> list[dict[str, Any]]:
    state = scene.state
    return [
        {"kind": "heading", "label": "Three faces", "note": "C is the selected face"},
        *analogies.seeds(sum_a=state["sum_a"], sum_b=state["sum_b"]),
        analogies.slider(state["strength"]),
        {"kind": "button", "name": "new-terms", "label": "Another A and B", "primary": True},
    ]
