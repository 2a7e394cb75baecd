"""Part "Steer": one face, and sliders that nobody told the generator about."""

from typing import Any

import torch

from demos.common import faces, hero, named_label, number, source, stopwatch
from demos.gan_parts.scene import COMPONENTS, GROUPS, Scene, component_name
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice
from demos.widgets.face_sheet import FaceSheet
from models import attributes, components, directions, gan

PART = Part("steer", "Steer")
PARAMS = (Choice("group", GROUPS),)
REACH = 3.0  # standard deviations of W to either side
STEPS = 7
RARELY = 0.5
FIRST_NAMES = {"portraits": ("smile", "apparent_age"), "toons": ("hair_color=silver", "background=coral")}
GROUP_LABELS = {"all": "All", "coarse": "Coarse", "middle": "Middle", "fine": "Fine"}
GROUP_WORDS = {
    "all": "every layer, 4 to 64 pixels",
    "coarse": "4 and 8 pixels: pose, shape of the face, hair",
    "middle": "16 pixels: the features of the face",
    "fine": "32 and 64 pixels: colour and light",
}


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``recentre`` and the sliders, which push at the layers of ``group``; None for anybody else's action."""
    if name == "recentre":
        return state | {"moves": {}}
    scene = Scene(state)
    if name in scene.directions.names or name in map(component_name, range(COMPONENTS)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= 5:
            raise ValueError(f"{named_label(name)} is a number from -5 to 5, not {value!r}.")
        return state | {"moves": state["moves"] | {_key(state, name): float(value)}}
    return None


def _key(state: dict[str, Any], name: str) -> str:
    return name if state["group"] == "all" else f"{name}@{state['group']}"


def stage() -> None:
    """One large face, and beside it what every slider does from end to end."""
    FaceSheet("steered", "gan")
    FaceSheet("walk", "gan")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The face at once; when the hand rests also the sheet, the formula and the sentence."""
    with stopwatch() as spent:
        face = scene.draw_faces(scene.styles[None], live)
    score = float(scene.scores(face)[0])
    caption = f"drawn in {spent[0]:.0f} ms · D’s score {score:+.1f}".replace("-", "−")
    view = {"steered": hero(face, caption, "The selected face with every push"), "rail": {"items": _rail(scene, live)}}
    if live:
        return view
    return view | {"walk": _walk(scene), "see": _see(scene), "formula": _formula(scene)}


def _shown(scene: Scene) -> list[str]:
    """Sliders that need no drawer: two names and the two strongest components."""
    names = [name for name in FIRST_NAMES[scene.data] if name in scene.directions.names]
    return [*names, component_name(0), component_name(1)]


def slider_label(name: str) -> str:
    """A direction's name as a visitor reads it; a component is "Component 1"."""
    return f"Component {name[2:]}" if name.startswith("pc") and name[2:].isdigit() else named_label(name)


def _slider(scene: Scene, name: str) -> dict[str, Any]:
    value = scene.state["moves"].get(_key(scene.state, name), 0.0)
    if name.startswith("pc") and name[2:].isdigit():
        share = float(scene.components.shares[int(name[2:]) - 1])
        note = f"{100 * share:.0f} % of W"
    else:
        reached = scene.directions.facts[name].get("reached", 1.0)
        note = f"reached by {100 * reached:.0f} %" if reached < RARELY else None
    return {
        "kind": "slider",
        "name": name,
        "label": slider_label(name),
        "note": note,
        "text": f"{value:+.1f} σ".replace("-", "−"),
        "min": -REACH,
        "max": REACH,
        "step": 0.05,
        "value": value,
    }


def _rail(scene: Scene, live: Haste) -> list[dict[str, Any]]:
    shown = _shown(scene)
    options = [{"value": group, "label": label} for group, label in GROUP_LABELS.items()]
    items = [
        {"kind": "choice", "name": "group", "label": "Push at", "options": options, "value": scene.state["group"]},
        {"kind": "heading", "label": "Named", "note": "learnt from labels"},
        *[_slider(scene, name) for name in shown[:-2]],
        {"kind": "heading", "label": "Components", "note": "found without labels"},
        *[_slider(scene, name) for name in shown[-2:]],
        {"kind": "button", "name": "recentre", "label": "Take all pushes back"},
    ]
    names = [name for name in scene.directions.names if name not in shown]
    drawers = [
        {"kind": "drawer", "name": "names", "label": f"{len(names)} more names"},
        {"kind": "drawer", "name": "components", "label": f"{COMPONENTS - 2} more components"},
    ]
    if not live:  # while a hand moves, the sliders in the drawers stay as they are
        drawers[0]["items"] = [_slider(scene, name) for name in names]
        drawers[1]["items"] = [_slider(scene, component_name(k)) for k in range(2, COMPONENTS)]
    return items + drawers


def _walk(scene: Scene) -> dict[str, Any]:
    names = [*_shown(scene), component_name(2)]
    steps = torch.linspace(-REACH, REACH, STEPS).tolist()
    moves = scene.state["moves"]
    base = scene.truncated(scene.base).expand(scene.generator.layers, -1)
    styles = [scene.moved(base, moves | {_key(scene.state, name): step}) for name in names for step in steps]
    return faces(
        scene.draw_faces(torch.stack(styles)),
        STEPS,
        "Each row moves one slider from its left end to its right end",
        "Each row moves one slider, left to right. Click a face to go there.",
        actions=[{"name": name, "value": step} for name in names for step in steps],
        row_labels=[
            slider_label(name).rpartition(": ")[2].replace("Component", "PC").partition(" (")[0] for name in names
        ],
        col_labels=[f"{step:+.0f} σ".replace("-", "−") if step else "0" for step in steps],
    )


def _see(scene: Scene) -> str:
    moves = scene.state["moves"]
    where = GROUP_WORDS[scene.state["group"]]
    strongest = max(moves, key=lambda name: abs(moves[name]), default=None)
    name = (strongest or "").partition("@")[0]
    if name in scene.directions.leakage:
        label, row = name.partition("=")[0], scene.directions.leakage[name]
        labels = attributes.names(scene.data)  # readings of measures are in other units
        others = sorted(((row[other], other) for other in row if other in labels and other != label), reverse=True)
        own = f"its own label by {row[label]:.2f} and " if label in labels else ""
        share, other = others[0]
        return (
            f"“{named_label(name)}” leaks. Measured from −2 to +2 σ, it changes {own}"
            f"{named_label(other).lower()} by {share:.2f} (0: untouched, 1: every face changes its class)."
        )
    share = 100 * float(scene.components.shares[:COMPONENTS].sum())
    return (
        f"The generator never saw a label. Ten components hold {share:.0f} % of the variance of its styles; the names "
        f"were found afterwards. You push at {where}."
    )


def _formula(scene: Scene) -> dict[str, Any]:
    moves = scene.state["moves"]
    length = float((scene.styles - scene.truncated(scene.base)).norm(dim=1).mean())
    typical = float(scene.components.stds.square().sum().sqrt())
    return {
        "title": "A push in W",
        "lines": [
            ["w′ = w + Σ aᵢ σᵢ vᵢ,  ", number(float(len(moves)), 0), " pushes"],
            ["‖w′ − w‖ = ", number(length, 2), " per layer; W itself is ", number(typical, 2), " wide"],
        ],
        "code": source(components.Components.move, directions.Directions.move, gan.StyledConv.forward),
    }
