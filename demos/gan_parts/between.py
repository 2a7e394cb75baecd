"""Part "Between": three ways from one face to another, and how far each of them strays from what is typical."""

import math
from functools import lru_cache
from typing import Any

import gradio as gr
import numpy as np
import torch
from torch import Tensor

from demos.common import LIVE, new_seed, number, source, stopwatch
from demos.gan_parts.faces import FRESH, psi_slider
from demos.gan_parts.scene import SHEET, Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import SEED_LIMIT, Integer
from demos.widgets.curves import Curves
from demos.widgets.frame_strip import FrameStrip
from demos.widgets.picture import encode, sheet
from models import paths

PART = Part("between", "Between", frames=True)
FRAMES = 61
HALFWAY = FRAMES // 2
BATCH = 32  # faces drawn at a time: all 183 at once leave the cache and take half as long again
FEW = 10  # while a hand drags only every tenth frame is drawn, and the one that is shown
PARAMS = (
    Integer("seed_b", 0, SEED_LIMIT, 12),
    Integer("face_b", 0, SHEET - 1, 0),
    Integer("at", 0, FRAMES - 1, HALFWAY),  # the frame that is shown
)
LABELS = {
    "lerp": "lerp  z on a straight line",
    "slerp": "slerp  z on the sphere",
    "w": "W  straight from style to style",
}


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``new-b``, ``swap``, and ``frame`` while this part is shown; None for anybody else's action."""
    if name == "new-b":
        return state | {"seed_b": new_seed(state | {"seed": state["seed_b"]}), "face_b": 0}
    if name == "swap":
        if state["own"]:
            raise ValueError("Your photo stays face A: it has no seed that B could take.")
        a = {"seed": state["seed_b"], "face": state["face_b"]}
        b = {"seed_b": state["seed"], "face_b": state["face"]}
        return state | FRESH | a | b | {"at": FRAMES - 1 - state["at"]}
    if name == "frame" and state["part"] == PART.name:
        return state | {"at": value}
    return None


def stage() -> None:
    """The strip with its three panes, and beside it what happens to z and to w on the way."""
    FrameStrip("between-strip", "gan", elem_classes="pg-wide")
    with gr.Column(elem_classes=["pg-stack"]):
        Curves("between-norm", "gan")
        Curves("between-distance", "gan", elem_classes="pg-later")


def ends(scene: Scene) -> tuple[Tensor, Tensor]:
    """The noise of A and of B, (Z,) each."""
    state = scene.state
    return scene.z(state["seed"], 1, state["face"])[0], scene.z(state["seed_b"], 1, state["face_b"])[0]


@torch.inference_mode()
def walks(scene: Scene) -> dict[str, Tensor]:
    """The styles of each path after truncation, (FRAMES, W). A photo has a w but no z, so only "w" is there for it."""
    a, b = ends(scene)
    if scene.state["own"]:
        end = scene.generator.truncate(scene.w(scene.state["seed_b"], 1, scene.state["face_b"])[0], scene.psi)
        return {"w": paths.lerp(scene.base, end, FRAMES)}
    return {
        path: scene.generator.truncate(paths.walk(scene.generator, a, b, FRAMES, path), scene.psi)
        for path in paths.PATHS
    }


def pictures(scene: Scene, picked: list[int]) -> Tensor:
    """The faces of the frames ``picked`` on every path, (len(picked), paths, 3, 64, 64)."""
    styles = torch.stack(list(walks(scene).values()), 1)[picked]
    parts = styles.flatten(0, 1).split(BATCH)
    return torch.cat([scene.draw_faces(part) for part in parts]).unflatten(0, styles.shape[:2])


@lru_cache(maxsize=4)
def _of_seeds(data: str, seed: int, face: int, seed_b: int, face_b: int, psi: float) -> tuple[str, float]:
    """The atlas of :func:`_atlas`, kept: scrubbing asks for it again and again, and it follows from these alone."""
    state = {"data": data, "seed": seed, "face": face, "seed_b": seed_b, "face_b": face_b, "psi": psi, "own": ""}
    return _atlas(Scene(state), list(range(FRAMES)))


def _atlas(scene: Scene, picked: list[int]) -> tuple[str, float]:
    """Every frame of every path in one picture, and the milliseconds it took; those not picked show the nearest."""
    with stopwatch() as spent:
        drawn = pictures(scene, picked)
    nearest = [min(range(len(picked)), key=lambda k: abs(picked[k] - i)) for i in range(FRAMES)]
    return encode(sheet(drawn[nearest].flatten(0, 1), _columns(scene))), spent[0]


def _columns(scene: Scene) -> int:
    return 33 if not scene.state["own"] else 11


def frames(scene: Scene) -> list[np.ndarray]:
    """The panes of every frame side by side, (64, 192, 3) uint8 each: the run that can be saved as a GIF."""
    drawn = pictures(scene, list(range(FRAMES)))
    return [sheet(panes, len(panes)) for panes in drawn]


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """All frames of all paths in one atlas: the browser scrubs it alone, and both curves follow it."""
    state, labels = scene.state, ["w"] if scene.state["own"] else paths.PATHS
    if live:
        atlas, spent = _atlas(scene, sorted({*range(0, FRAMES, FEW), state["at"]}))
    elif state["own"]:  # what belongs to a visitor is not kept
        atlas, spent = _atlas(scene, list(range(FRAMES)))
    else:
        atlas, spent = _of_seeds(*(state[name] for name in ("data", "seed", "face", "seed_b", "face_b")), psi=scene.psi)
    view = {
        "between-strip": {
            "panes": [LABELS[path] for path in labels],
            "atlas": atlas,
            "columns": _columns(scene),
            "tile": 64,
            "count": FRAMES,
            "index": state["at"],
            "captions": [f"t = {i / (FRAMES - 1):.2f}" for i in range(FRAMES)],
            "left": "A · your photo" if state["own"] else f"A · seed {state['seed']}, face {state['face'] + 1}",
            "right": f"B · seed {state['seed_b']}, face {state['face_b'] + 1}",
            "source": f"{LIVE}, {FRAMES * len(labels)} faces in {spent / 1000:.1f} s",
        },
        "rail": {"items": _rail(scene)},
    }
    if live:
        return view
    lengths = _lengths(scene)
    far = _distances(scene)
    return view | {
        "between-norm": _norm_curve(scene, lengths),
        "between-distance": _distance_curve(scene, far),
        "see": see(scene, lengths, far),
        "formula": _formula(scene, lengths),
    }


def _lengths(scene: Scene) -> dict[str, list[float]]:
    """|z| of every frame on the two paths through z; none for a photo."""
    if scene.state["own"]:
        return {}
    a, b = ends(scene)
    return {
        "lerp": paths.lerp(a, b, FRAMES).norm(dim=1).tolist(),
        "slerp": paths.slerp(a, b, FRAMES).norm(dim=1).tolist(),
    }


def _distances(scene: Scene) -> dict[str, list[float]]:
    """How far the drawn styles lie from the average face, in units of the root mean square distance before truncation.

    The first component explains the share ``shares[0]`` of the variance of w, so all of it is stds[0]^2 / shares[0].
    """
    components = scene.components
    typical = float(components.stds[0]) / math.sqrt(float(components.shares[0]))
    average = scene.generator.w_average
    return {path: ((w - average).norm(dim=1) / typical).tolist() for path, w in walks(scene).items()}


def _curve(
    scene: Scene, title: str, label: str, series: dict[str, list[float]], mark: tuple[float, str]
) -> dict[str, Any]:
    return {
        "title": title,
        "x": [round(i / (FRAMES - 1), 4) for i in range(FRAMES)],
        "x_label": "t, from A to B",
        "series": [
            {"label": "W" if path == "w" else path, "y": [round(y, 4) for y in values], "dash": False}
            for path, values in series.items()
        ],
        "y_label": label,
        "index": scene.state["at"],
        "follows": "between-strip",
        "log": False,
        "marks": [{"y": round(mark[0], 4), "label": mark[1]}] if series else [],
        "source": LIVE,
    }


def _norm_curve(scene: Scene, lengths: dict[str, list[float]]) -> dict[str, Any]:
    size = scene.generator.config.latent_size
    title = "Length of the noise z" if lengths else "A photo has a w, but no z"
    return _curve(scene, title, "|z|", lengths, (math.sqrt(size), f"typical, √{size}"))


def _distance_curve(scene: Scene, far: dict[str, list[float]]) -> dict[str, Any]:
    mark = (scene.psi, f"typical at ψ = {scene.psi:g}")
    return _curve(scene, "Distance from the average face, in W", "typical distances", far, mark)


def see(scene: Scene, lengths: dict[str, list[float]], far: dict[str, list[float]]) -> str:
    """What happens halfway, in words that follow from the numbers: lerp need not always be the nearer one."""
    state = scene.state
    if state["own"]:
        return "Your photo was found in W and has no z: only the path through W leads from it to B."
    if (state["seed"], state["face"]) == (state["seed_b"], state["face_b"]):
        return "A and B are the same face: every path stays where it is."
    size = scene.generator.config.latent_size
    middle = f"Halfway, lerp's z is {lengths['lerp'][HALFWAY]:.1f} long and slerp's {lengths['slerp'][HALFWAY]:.1f}"
    typical = f"{middle}; {math.sqrt(size):.1f} is typical."
    if scene.psi == 0:
        return f"{typical} But ψ = 0 leaves nothing of either: all of it is the average face."
    lerp, w = (_against(far[path][HALFWAY], far["slerp"][HALFWAY]) for path in ("lerp", "w"))
    return f"{typical} Against slerp's, lerp's middle face lies {lerp} the average in W, that of the W path {w} it."


def _against(distance: float, other: float) -> str:
    """How one distance compares with another: "19 % closer to", "3 % farther from" or "as far from"."""
    percent = round(100 * (distance / other - 1))
    return f"{abs(percent)} % {'closer to' if percent < 0 else 'farther from'}" if percent else "as far from"


def _rail(scene: Scene) -> list[dict[str, Any]]:
    state = scene.state
    seed = {"kind": "number", "min": 0, "max": SEED_LIMIT, "dice": True}
    swap = [] if state["own"] else [{"kind": "button", "name": "swap", "label": "Swap A and B"}]
    moved = [{"kind": "text", "label": "A is shown without the pushes of “Steer”."}] if state["moves"] else []
    return [
        {"kind": "heading", "label": "Two faces"},
        seed | {"name": "seed", "label": "Face A, seed", "value": state["seed"]},
        seed | {"name": "seed_b", "label": "Face B, seed", "value": state["seed_b"]},
        psi_slider(scene.psi),
        *swap,
        {"kind": "button", "name": "new-b", "label": "Another B", "primary": True},
        *moved,
    ]


def _formula(scene: Scene, lengths: dict[str, list[float]]) -> dict[str, Any]:
    at = scene.state["at"]
    t = at / (FRAMES - 1)
    start, end = number(1 - t, 2), number(t, 2)
    style = ["W: w = ", start, " w(A) + ", end, " w(B)"]
    if not lengths:
        return {"title": "The one way", "lines": [style], "code": source(paths.lerp)}
    theta = math.degrees(paths.angle(*ends(scene)))
    return {
        "title": "The three ways",
        "lines": [
            ["lerp: z = ", start, " z(A) + ", end, " z(B),  |z| = ", number(lengths["lerp"][at])],
            [
                "slerp: turned by ",
                number(t * theta),
                "° of θ = ",
                number(theta),
                "°,  |z| = ",
                number(lengths["slerp"][at]),
            ],
            style,
        ],
        "code": source(paths.lerp, paths.slerp, paths.walk),
    }
