"""Part "Sliders": one face, the sliders that make it, and what each of them does from end to end."""

from typing import Any

import torch

from demos.common import faces, hero, named_label, new_seed, number, source, stopwatch
from demos.stage.frame import Part
from demos.vae_parts.scene import Scene
from demos.widgets.face_sheet import FaceSheet
from models import vae
from models.latents import to_grid, traverse

PART = Part("sliders", "Sliders")
NAMED_RANGE = 3.0  # standard deviations of the data: beyond, the decoder has seen almost nothing
STEPS = 7
RARELY = 0.5
FIRST_NAMES = {
    "portraits": ("smile", "apparent_age", "eyeglasses"),
    "toons": ("hair_color=silver", "hair_style=spiky", "eyes=wide"),
}
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def latent_label(dimension: int) -> str:
    """``z₁₂``: how a latent dimension is written."""
    return f"z{dimension}".translate(SUBSCRIPTS)


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``random``, ``recentre``, ``z<dimension>`` and every named slider; None for anybody else's action."""
    if name == "random":
        return state | {"seed": new_seed(state), "code": None, "moves": {}, "hidden": []}
    if name == "recentre":
        return state | {"code": [0.0] * Scene(state).model.config.latent_size, "moves": {}, "hidden": []}
    scene = Scene(state)
    if name in scene.directions.names:
        wanted = _checked(name, value, 5.0)
        pushed = state["moves"].get(name, 0.0) + wanted - scene.strength(name)
        return state | {"moves": state["moves"] | {name: max(-5.0, min(5.0, pushed))}}
    if name.startswith("z") and name[1:].isdigit() and int(name[1:]) < len(scene.base):
        dimension = int(name[1:])
        code = scene.base.clone()
        code[dimension] += _checked(name, value, 10.0) - scene.code[dimension]
        return state | {"code": to_grid(code).tolist()}
    return None


def _checked(name: str, value: Any, limit: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= limit:
        raise ValueError(f"{name} is a number from {-limit:g} to {limit:g}, not {value!r}.")
    return float(value)


def stage() -> None:
    """One large face, and beside it the sheet of what every slider does."""
    FaceSheet("face", "vae")
    FaceSheet("walk", "vae")


def draw(scene: Scene, live: bool) -> dict[str, Any]:
    """The face at once; when the hand rests also the sheet, the formula and the sentence."""
    with stopwatch() as spent:
        picture = scene.decode(scene.code)
    caption = f"decoded in {spent[0]:.0f} ms · seed {scene.state['seed']}"
    view = {"face": hero(picture, caption, "The face that the decoder draws from the present code")}
    view["rail"] = {"items": _rail(scene, live)}
    if live:
        return view
    return view | {"walk": _walk(scene), "see": _see(scene), "formula": _formula(scene, picture)}


def _named_slider(scene: Scene, name: str) -> dict[str, Any]:
    strength = scene.strength(name)
    return {
        "kind": "slider",
        "name": name,
        "label": named_label(name),
        "note": _reach(scene, name),
        "text": f"{strength:+.1f} σ".replace("-", "−"),
        "min": -NAMED_RANGE,
        "max": NAMED_RANGE,
        "step": 0.05,
        "value": round(strength, 2),
    }


def _reach(scene: Scene, name: str) -> str | None:
    """A warning for sliders that seldom arrive where their name says: classes in the middle are overshot."""
    share = scene.directions.facts[name].get("reached", 1.0)
    return f"reached by {100 * share:.0f} %" if share < RARELY else None


def _latent_slider(scene: Scene, dimension: int) -> dict[str, Any]:
    value = float(scene.code[dimension])
    kl = scene.kl[dimension]
    asleep = None
    if not scene.active[dimension]:
        asleep = "asleep: the encoder says the same for every picture, so the decoder learnt to ignore it"
    return {
        "kind": "slider",
        "name": f"z{dimension}",
        "label": latent_label(dimension),
        "note": f"{kl:.2f} nats",
        "bar": kl / max(scene.kl),
        "text": f"{value:+.2f}".replace("-", "−"),
        "min": -4.0,
        "max": 4.0,
        "step": 0.0625,
        "value": round(value, 4),
        "asleep": asleep,
    }


def _shown(scene: Scene) -> tuple[tuple[str, ...], list[int]]:
    """Names and dimensions of the sliders that need no drawer."""
    return FIRST_NAMES[scene.data], scene.order[:2]


def _rail(scene: Scene, live: bool) -> list[dict[str, Any]]:
    names, dimensions = _shown(scene)
    rest_names = [name for name in scene.directions.names if name not in names]
    awake = sum(scene.active)
    items = [
        {"kind": "heading", "label": "Named sliders", "action": {"name": "recentre", "label": "average face"}},
        *[_named_slider(scene, name) for name in names],
        {"kind": "heading", "label": "Latents by KL", "note": f"{awake} of {len(scene.kl)} active"},
        *[_latent_slider(scene, dimension) for dimension in dimensions],
        {"kind": "button", "name": "random", "label": "Random face", "primary": True},
    ]
    drawers = [
        {"kind": "drawer", "name": "names", "label": f"{len(rest_names)} more names"},
        {"kind": "drawer", "name": "latents", "label": f"All {len(scene.kl)} latents"},
    ]
    if not live:  # while a hand moves, the hundred sliders in the drawers stay as they are
        drawers[0]["items"] = [_named_slider(scene, name) for name in rest_names]
        drawers[1]["items"] = [_latent_slider(scene, i) for i in scene.order if i not in dimensions]
    return items + drawers


def _walk(scene: Scene) -> dict[str, Any]:
    names, _ = _shown(scene)
    dimensions = scene.order[:3]
    steps = torch.linspace(-NAMED_RANGE, NAMED_RANGE, STEPS)
    rows = [torch.stack([scene.directions.place(scene.code, name, float(s)) for s in steps]) for name in names]
    rows += [traverse(scene.code, dimension, steps) for dimension in dimensions]
    sliders = [*names, *(f"z{dimension}" for dimension in dimensions)]
    return faces(
        scene.decode(torch.cat(rows)),
        STEPS,
        "Each row moves one slider from its left end to its right end",
        "Each row moves one slider, left to right. Click a face to go there.",
        actions=[{"name": slider, "value": float(step)} for slider in sliders for step in steps],
        row_labels=[
            *(named_label(name).rpartition(": ")[2].partition(" (")[0] for name in names),
            *(latent_label(d) for d in dimensions),
        ],
        col_labels=[f"{step:+.0f} σ".replace("-", "−") if step else "0" for step in steps],
    )


def _see(scene: Scene) -> str:
    awake, size = sum(scene.active), len(scene.kl)
    pictures = f"{scene.measured['training_pictures']:,} {'photographs' if scene.data == 'portraits' else 'drawings'}"
    if scene.state["moves"]:
        return _leak(scene, max(scene.state["moves"], key=lambda name: abs(scene.state["moves"][name])))
    sleepers = f" The other {size - awake} carried nothing and fell asleep." if awake < size else ""
    return (
        f"{awake} numbers make this face. The encoder learnt them by having to describe {pictures} "
        f"in as few nats as it could.{sleepers}"
    )


def _leak(scene: Scene, name: str) -> str:
    """What a push along this direction drags along, as it was measured on held-out pictures."""
    if name not in scene.directions.names:
        return "This push belongs to the other set of pictures: here it does nothing."
    label, row = name.partition("=")[0], scene.directions.leakage[name]
    labels = scene.measured["accuracy_from_pictures"]  # the readings that are shares of changed classes
    others = sorted(
        ((share, other) for other, share in row.items() if other != label and other in labels), reverse=True
    )
    changes = [f"{named_label(other).lower()} by {share:.2f}" for share, other in others[:2]]
    if label in labels:
        changes.insert(0, f"its own label by {row[label]:.2f}")
    return (
        f"“{named_label(name)}” was learnt by regression, and it leaks: from −2 to +2 σ it changes "
        f"{', '.join(changes)} (0: untouched, 1: every face changes class)."
    )


def _formula(scene: Scene, picture: torch.Tensor) -> dict[str, Any]:
    bound, reconstruction = scene.bound(picture)
    sigma = scene.model.config.sigma
    squares = float((picture - reconstruction).square().sum()) / (2 * sigma**2)
    constant = float(-bound.reconstruction[0]) - squares
    return {
        "title": "What this face would cost",
        "lines": [
            ["log p(x|z) = −‖x − x̂‖² / 2σ² − c = −", number(squares), " − ", number(constant, 0)],
            [
                "ELBO = ",
                number(float(bound.reconstruction[0])),
                " − ",
                number(1.0, 0),
                " × ",
                number(float(bound.kl[0])),
            ],
            ["= ", number(float(bound.total[0])), f" nats, σ = {sigma:g}"],
        ],
        "code": source(vae.VAE.decode, vae.elbo, vae.log_likelihood, vae.Posterior.kl),
    }
