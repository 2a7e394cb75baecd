"""Part "Faces": a face drawn token by token, the roads it could have taken, and halves of faces completed."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import gradio as gr
import numpy as np

from demos import follow, uploads
from demos.autoregressive_parts import faces_board, faces_drawing, faces_sheets
from demos.autoregressive_parts.faces_drawing import DEPTH, LENGTH, SIDE, Face, Stroke, Wish, veiled
from demos.autoregressive_parts.faces_heard import heard
from demos.autoregressive_parts.faces_picks import Picks
from demos.autoregressive_parts.scene import Scene
from demos.follow import Watch
from demos.prompting import control
from demos.stage.frame import Haste, Part
from demos.stage.state import SEED_LIMIT, Choice, Integer, Number, Text
from demos.widgets.curves import Curves
from demos.widgets.frame_strip import FrameStrip
from demos.widgets.patch_board import PatchBoard
from demos.widgets.picture_input import PictureInput
from models import prompts, zoo

PART = Part("faces", "Faces", frames=True)
VIEWS = {"one": "One face", "half": "Lower half", "sixteen": "Sixteen"}
SEEN = "faces_seen"
FIRST, LAST = 68, LENGTH - 1
"""Where a newcomer looks: half of the face is drawn, and an eye is about to be. And the finished face."""
GUIDANCE = 2.0
FRAME = Integer("faces_frame", 0, LAST, FIRST)
MOMENT = Integer("faces_moment", 0, SIDE * SIDE, SIDE * SIDE)
PICKS = Picks("faces_picks")
PARAMS = (
    Choice("faces_view", tuple(VIEWS)),
    Text("faces_prompt", 2000, "grey hair, blue background"),
    Text("faces_wish", 2000),  # of what completes a given half: nothing, unless a visitor asks
    Number("faces_temperature", 0.0, 2.0, 1.0, 0.05),
    Integer("faces_top_k", 0, faces_drawing.CODES, 0),
    Number("faces_guidance", 0.0, 10.0, GUIDANCE, 0.5),
    PICKS,
    FRAME,
    Integer("faces_rows", 1, SIDE - 1, SIDE // 2),
    MOMENT,
    follow.Progress(SEEN),
    *uploads.PARAMS,
)
ASKS = ("data", "seed", "faces_prompt", "faces_temperature", "faces_top_k", "faces_guidance")
WIDGETS = {
    "one": ("faces-board",),
    "half": ("faces-input", "faces-strip", "faces-bits"),
    "sixteen": ("faces-strip", "faces-spread"),
}
ABSENT = {
    view: dict.fromkeys({name for names in WIDGETS.values() for name in names} - set(here), {"hidden": True})
    for view, here in WIDGETS.items()
}


class Asked:
    """What the state asks the model for."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.state = scene, scene.state

    @cached_property
    def missing(self) -> str | None:
        """A sentence where the weights of the set are not here, else None."""
        return faces_drawing.missing(self.scene.data)

    @cached_property
    def wish(self) -> Wish:
        """Which model draws, and how."""
        labels = prompts.parse(self.scene.data, self.state[_prompt(self.state)]).attributes
        guidance = self.state["faces_guidance"] if labels else 1.0
        rules = self.state["faces_temperature"], self.state["faces_top_k"], guidance
        return Wish(self.scene.data, tuple(labels.items()), *rules)

    @cached_property
    def request(self) -> Face | faces_drawing.Sheet:
        """The drawing of the present view."""
        if self.state["faces_view"] == "one":
            known = zoo.image_tokens(self.scene.data).config.codes
            picks = tuple((position, code) for position, code in self.state["faces_picks"] if code < known)
            return Face(self.wish, self.scene.seed, picks)
        if self.state["faces_view"] == "half":
            return faces_sheets.half(self.wish, self.scene)
        return faces_sheets.sixteen(self.wish, self.scene.seed)

    @property
    def length(self) -> int:
        """Records of the request until the last stroke is drawn."""
        return LENGTH if isinstance(self.request, Face) else self.request.moments


def _prompt(state: Mapping[str, Any]) -> str:
    """The name of the parameter that says what the present view asks for."""
    return "faces_wish" if state["faces_view"] == "half" else "faces_prompt"


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """The state after an action of this part; None for anybody else's.

    ``pick`` takes another candidate, ``faces-unpick`` leaves the choice to the darts again, ``frame`` is where a strip
    or the board was scrubbed to; ``faces-take`` draws one of the sixteen alone; ``faces-again``, ``-stop``, ``-go-on``
    and ``-follow`` begin, stop, resume and follow a drawing. What is asked for leaves no code chosen by hand in its
    place.
    """
    here = state["part"] == PART.name
    if name in ASKS and (here or state["faces_picks"]):
        moved = {"faces_frame": LAST} if here and state["faces_frame"] == FIRST else {}
        return state | {name: value, "faces_picks": []} | moved
    if name == "frame" and here:
        return state | {("faces_frame" if state["faces_view"] == "one" else "faces_moment"): value}
    if name == "pick" and here:
        return _pick(state, value)
    if name == "faces-unpick":
        return state | {"faces_picks": []}
    if name == "faces-take":
        return faces_sheets.take(state, value) | {"faces_frame": LAST}
    if name.startswith("faces-"):
        return _drawing(state, name, value)
    answer = uploads.act(state, name, value)
    return answer and answer | ({"faces_view": "half"} if name == "upload" else {})


def _pick(state: dict[str, Any], value: Any) -> dict[str, Any]:
    """The state after a candidate was taken: what was chosen by hand after it is forgotten, for it came from there."""
    if not isinstance(value, dict) or value.keys() != {"position", "code"}:
        raise ValueError("A pick is a position and a code.")
    position, code = value["position"], value["code"]
    PICKS.check([[position, code]])
    picks = PICKS.check([*(pick for pick in state["faces_picks"] if pick[0] < position), [position, code]])
    return follow.resume(state, SEEN) | {"faces_picks": picks, "faces_frame": LAST}


def _drawing(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Begins, follows, stops and resumes the drawing of the present view."""
    if name not in ("faces-again", "faces-stop", "faces-go-on", "faces-follow"):
        return None
    asked = Asked(Scene(state))
    if asked.missing:
        return state
    if name == "faces-again":
        return follow.anew(state, SEEN, [asked.request])
    return follow.act(state, PART.name, SEEN, lambda: [asked.request], name, value)


def stage() -> None:
    """The board of one face; or a strip of several with their bits, and the picture beside it whose half is given."""
    PatchBoard("faces-board", "autoregressive")
    PictureInput("faces-input", "autoregressive", elem_classes="pg-narrow")
    with gr.Column(elem_classes=["pg-stack"]):
        FrameStrip("faces-strip", "autoregressive", elem_classes="pg-bare")
        Curves("faces-bits", "autoregressive", elem_classes=["pg-fit", "pg-low"])
    Curves("faces-spread", "autoregressive", elem_classes="pg-later")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The drawing of the present view as far as it is; a dragging hand moves only its own control."""
    asked = Asked(scene)
    view = scene.state["faces_view"]
    if asked.missing:
        shown = {"faces-board": {"message": asked.missing}, "see": asked.missing, "formula": _product()}
        return ABSENT["one"] | shown | {"rail": {"items": _rail(scene, None, live)}}
    watch = follow.look(scene.state, SEEN, [asked.request], live)
    drawn = _one(asked, watch, live) if view == "one" else faces_sheets.draw(scene, asked.request, watch, live)
    ends = "" if live else heard(asked.wish, _ends(asked, watch))
    drawn |= {"rail": {"items": _rail(scene, watch, live, ends)}} | watch.again("faces-follow")
    if watch.following:
        drawn["play"] = {"name": "faces-stop", "value": None}
    return drawn if live else ABSENT[view] | drawn


def _ends(asked: Asked, watch: Watch) -> list[np.ndarray]:
    """The finished faces that were drawn here, of a half without the one that was given; none before they are."""
    if not watch.runs or len(watch.records[0]) < asked.length:
        return []
    if isinstance(asked.request, Face):
        return [watch.records[0][LAST].picture]
    return list(watch.records[0][-1].pictures[1 if asked.request.given else 0 :])


def _product() -> dict[str, Any]:
    return faces_board.formula([], 0, Wish(zoo.DATA_SETS[0]))


def _one(asked: Asked, watch: Watch, live: Haste) -> dict[str, Any]:
    """The board, and what is to be said of it; while it is drawn the page hears how far it is."""
    index, face = asked.state["faces_frame"], asked.request
    if live and not watch.following:
        return {}
    if watch.following:
        face.look_at(face.picks[-1][0] if face.picks and index == LAST else index)
    value = faces_board.board(face, watch, index, bool(live))
    strokes = faces_drawing.strokes_of(watch.records[0]) if watch.runs else []
    view = {"faces-board": value} if value else {}
    if live and len(strokes) == LENGTH <= watch.have and not watch.complete:
        return view  # all is said already
    view["see"] = faces_board.see(strokes, index) if len(strokes) == LENGTH else _far(watch, strokes)
    if live and len(strokes) < LENGTH:
        return view
    return view | {"formula": faces_board.formula(strokes, index, asked.wish)}


def _far(watch: Watch, strokes: list[Stroke]) -> str:
    """How far a face is that is not there yet."""
    if watch.failed or not strokes:
        return watch.words or "Stopped before the first patch."
    return f"{'Stopped after' if watch.stopped else 'Drawing:'} {len(strokes) // DEPTH} of {SIDE * SIDE} patches."


# ---- the rail


def _rail(scene: Scene, watch: Watch | None, live: Haste, ends: str = "") -> list[dict[str, Any]]:
    state, view = scene.state, scene.state["faces_view"]
    options = [{"value": value, "label": label} for value, label in VIEWS.items()]
    items = [
        {"kind": "choice", "name": "faces_view", "label": "", "options": options, "value": view},
        control(state[_prompt(state)], scene.data, _prompt(state), "Ask for", brief=bool(live)),
    ]
    if ends:
        items.append({"kind": "text", "name": "faces-heard", "label": ends})
    seed = {"kind": "number", "name": "seed", "label": "Seed of the darts", "min": 0, "max": SEED_LIMIT}
    if view == "half":
        items += faces_sheets.controls(scene)
    items += [seed | {"value": scene.seed, "dice": True}, _temperature(state)]
    press = watch.button(PART.name) if watch else []
    if watch and view != "half":
        press = press or [{"kind": "button", "name": "faces-again", "label": "Draw again"}]
    items += press
    if view == "one" and state["faces_picks"]:
        count = len(state["faces_picks"])
        label = f"{count} choice{'' if count == 1 else 's'} of yours"
        items.append(
            {"kind": "heading", "label": label, "action": {"name": "faces-unpick", "label": "back to the darts"}}
        )
    items.append({"kind": "drawer", "name": "faces-rules", "label": _rules(state), "items": _bending(state, scene)})
    return [*items, {"kind": "text", "name": "faces-credit", "label": zoo.CREDITS[scene.data]}]


def _temperature(state: dict[str, Any]) -> dict[str, Any]:
    value = state["faces_temperature"]
    note = {0: "always the most probable", 1: "as the model believes"}.get(value, "")
    slider = {"kind": "slider", "name": "faces_temperature", "label": "Temperature", "note": note}
    return slider | {"text": f"{value:.2f}", "min": 0, "max": 2, "step": 0.05, "value": value}


def _rules(state: dict[str, Any]) -> str:
    top_k, guidance = state["faces_top_k"], state["faces_guidance"]
    changed = [f"top-k {top_k}"] * bool(top_k) + [f"guidance {guidance:g}"] * (guidance != GUIDANCE)
    return f"Top-k and guidance{': ' if changed else ''}{', '.join(changed)}"


def _bending(state: dict[str, Any], scene: Scene) -> list[dict[str, Any]]:
    top_k, guidance = state["faces_top_k"], state["faces_guidance"]
    asks = prompts.parse(scene.data, state[_prompt(state)]).attributes
    sleeps = {} if asks else {"asleep": "Nothing is asked for, so there is nothing to be guided to."}
    first = {"kind": "slider", "name": "faces_top_k", "label": "Top-k", "text": str(top_k) if top_k else "off"}
    second = {"kind": "slider", "name": "faces_guidance", "label": "Guidance", "text": f"{guidance:.1f}"}
    return [
        first | {"min": 0, "max": faces_drawing.CODES, "step": 1, "value": top_k},
        second | {"min": 0, "max": 10, "step": 0.5, "value": guidance} | sleeps,
    ]


# ---- what leaves the page


def picture(scene: Scene) -> np.ndarray | None:
    """The finished face, (64, 64, 3) uint8; waits for it. None where there is no single face, or no model."""
    asked = Asked(scene)
    if asked.missing or scene.state["faces_view"] != "one":
        return None
    return faces_drawing.come(asked.request).records[LAST].picture


def frames(scene: Scene) -> list[np.ndarray]:
    """The drawing place by place, what is not drawn yet dark: the run that can be saved as a GIF.

    Raises:
        ValueError: without a model, or if a drawing could not be computed.
    """
    asked = Asked(scene)
    if asked.missing:
        raise ValueError(asked.missing)
    records = faces_drawing.come(asked.request).records
    if isinstance(asked.request, Face):
        strokes = faces_drawing.strokes_of(records)[DEPTH - 1 :: DEPTH]
        return [veiled(stroke.picture, stroke.place + 1) for stroke in strokes]
    return [faces_sheets.together(moment, asked.request) for moment in records]
