"""Part "Your photo": the style whose face comes nearest to a picture, found step by step, and what it cannot reach."""

import time
import zlib
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import gradio as gr
import numpy as np
import torch
from torch import Tensor

from demos import uploads
from demos.common import faces, number, source
from demos.gan_parts.scene import SHEET, Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import Floats, pack, unpack
from demos.widgets.curves import Curves
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.meter import Meter
from demos.widgets.picture_input import PictureInput
from models import inversion, seeding, threads, zoo
from models.gan import GANConfig, Generator
from models.inversion import STARTS, STEPS, Inversion, Objective

PART = Part("photo", "Your photo", more=True)
STYLE = GANConfig.style_size
MARK = 2  # numbers in front of the search that tell which picture it is for
PARAMS = (Floats("search", MARK + inversion.packed_limit(STYLE)),)
CHUNK = 0.08  # seconds of searching in one answer
EXAMPLE_SEED = 0  # its faces after the first sixteen are on no sheet


@dataclass(frozen=True)
class Search:
    """The search as the state has it: the picture, the objective and how far it came."""

    scene: Scene

    @property
    def state(self) -> dict[str, Any]:
        """The state of the tab."""
        return self.scene.state

    @cached_property
    def target(self) -> Tensor:
        """The picture to find, (1, 3, 64, 64): the visitor's, a held-out drawing, or a face of the generator's own."""
        if self.state["picture"]:
            return uploads.to_tensor(uploads.read_picture(self.state["picture"]))
        if self.scene.data == "toons":
            return uploads.to_tensor(uploads.example_atlas()[self.state["example"]])
        return _own_face(self.scene.generator, self.state["example"])

    @cached_property
    def objective(self) -> Objective:
        """What is minimised for this picture."""
        return Objective(self.target, self.scene.generator, zoo.attributes(self.scene.data), self.scene.components)

    @property
    def mark(self) -> tuple[int, int]:
        """Two numbers that belong to the picture and the data set; a search with others was for another picture."""
        text = f"{self.scene.data} {self.state['picture'] or self.state['example']}"
        return divmod(zlib.crc32(text.encode()), 2**16)

    @cached_property
    def inversion(self) -> Inversion:
        """How far the search for this picture came; one that has not begun where there is none."""
        numbers = unpack(self.state["search"])
        if tuple(numbers[:MARK].tolist()) == self.mark:
            return Inversion.unpack(torch.from_numpy(numbers[MARK:]), STYLE)
        return Inversion.begin(self.scene.generator)

    @property
    def begun(self) -> bool:
        """Whether anything was tried for this picture."""
        return self.inversion.tried > 0

    @property
    def finished(self) -> bool:
        """Whether all steps were taken."""
        return len(self.inversion.losses) > STEPS

    def packed(self, reached: Inversion) -> str:
        """The search as it travels with the browser."""
        return pack(np.concatenate([self.mark, reached.pack().numpy()]))

    @cached_property
    def found(self) -> Tensor:
        """The face of the best style so far, (1, 3, 64, 64); of the average one at the beginning."""
        return self.objective.draw(self.inversion.best)

    @cached_property
    def error(self) -> float:
        """Root mean square of what is missing."""
        return inversion.rms(self.target, self.found)

    @cached_property
    def average_error(self) -> float:
        """The same for the average face, which knows nothing of the picture."""
        return inversion.rms(self.target, _average_face(self.scene.generator))

    @property
    def explained(self) -> float:
        """Share of the squared difference between picture and average face that the found face makes up for."""
        return 1 - (self.error / max(self.average_error, 1e-6)) ** 2

    @cached_property
    def unusual(self) -> float:
        """Distance of the best style from the average one, where 1 is a typical style."""
        return float(self.objective.pull(self.inversion.best[None]).sqrt())


@lru_cache(maxsize=4)
@torch.no_grad()
def _average_face(generator: Generator) -> Tensor:
    with threads.for_batch(1):
        return generator.synthesis(generator.w_average[None]).clamp(-1, 1)


@lru_cache(maxsize=16)
@torch.no_grad()
def _own_face(generator: Generator, example: int) -> Tensor:
    with threads.for_batch(1):
        return generator(seeding.normal(EXAMPLE_SEED, 1, (generator.config.latent_size,), SHEET + example))


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``photo-start``, ``photo-stop``, ``photo-step``, ``photo-steer`` and what `demos.uploads` does.

    None for anybody else's action. A run that is on when the picture changes begins anew with the new one.
    """
    if name == "photo-start":
        finished = Search(Scene(state)).finished
        return state | {"running": True, "search": "" if finished else state["search"]}
    if name == "photo-stop":
        return state | {"running": False}
    if name == "photo-step":
        return _go_on(state) if state["running"] else state
    if name == "photo-steer":
        search = Search(Scene(state))
        if not search.begun:
            raise ValueError("Start the search first: there is no style to steer yet.")
        own = pack(search.inversion.best.numpy())
        return state | {"own": own, "moves": {}, "part": "steer", "running": False}
    answer = uploads.act(state, name, value)
    if answer is None:
        return None
    if name == "forget" and state["own"]:
        answer |= {"own": "", "moves": {}}  # the style was found for the picture
    return answer | {"search": ""}


def _go_on(state: dict[str, Any]) -> dict[str, Any]:
    """The state after as many steps as fit into one answer, one at least."""
    search, began = Search(Scene(state)), time.perf_counter()
    reached = search.inversion
    for count, record in enumerate(inversion.invert(search.objective, reached, STEPS), start=1):
        reached = record.inversion
        spent = time.perf_counter() - began
        if spent * (count + 1) / count > CHUNK:
            break
    return state | {"search": search.packed(reached), "running": len(reached.losses) <= STEPS}


def stage() -> None:
    """The input on the left; the picture, the nearest face and the residual on the right, over the loss and meters."""
    with gr.Column(elem_classes=["pg-stack", "pg-narrow"]):
        PictureInput("photo-input", "gan", elem_classes="pg-fit")
    with gr.Column(elem_classes=["pg-stack"]):
        FaceSheet("photo-faces", "gan")
        with gr.Row(elem_classes="pg-fit"):
            Curves("photo-curve", "gan", elem_classes="pg-low")
            Meter("photo-meters", "gan")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """Picture, best face and residual, with the loss so far; the formula when nothing moves."""
    search = Search(scene)
    running = scene.state["running"]
    view = {
        "photo-faces": _panes(search),
        "photo-curve": _curve(search),
        "photo-meters": {"items": [_error(search), _distance(search)]},
        "photo-input": uploads.input_view(scene.state, False),
        "see": _see(search),
        "rail": {"items": _rail(search)},
        "play": {"name": "photo-stop" if running else "photo-start", "value": None},
    }
    if running:
        view["again"] = {"action": {"name": "photo-step", "value": None}, "after": 0}
    if live:
        return view
    return view | {"formula": _formula(search)}


def _rail(search: Search) -> list[dict[str, Any]]:
    if search.state["running"]:
        start = {"kind": "button", "name": "photo-stop", "label": "Stop", "primary": True}
    else:
        words = "Start over" if search.finished else "Go on" if search.begun else "Start"
        start = {"kind": "button", "name": "photo-start", "label": words, "primary": not search.finished}
    steer = {"kind": "button", "name": "photo-steer", "label": "Steer this face", "primary": search.finished}
    other = "Another drawing" if search.scene.data == "toons" else "Another face"
    return [
        {"kind": "heading", "label": "Search for its style"},
        start,
        *([steer] if search.begun else []),
        {"kind": "button", "name": "another", "label": other},
        {"kind": "button", "name": "forget", "label": "Forget my picture"},
    ]


def _panes(search: Search) -> dict[str, Any]:
    residual = (search.target - search.found).abs().mean(1, keepdim=True).expand(-1, 3, -1, -1)
    found = "nearest face" if search.begun else "average face"
    return faces(
        torch.cat([search.target, search.found, (2 * residual - 1).clamp(-1, 1)]),
        3,
        "The picture, the nearest face of the generator, and what is missing",
        f"To find: {_what(search)}.",
        col_labels=["x  the picture", f"G(w)  {found}", "|x − G(w)|  missing"],
    )


def _what(search: Search) -> str:
    if search.state["picture"]:
        return "your picture"
    if search.scene.data == "toons":
        return "a drawing it was never shown"
    return "a face it made itself (the photographs are not shipped)"


def _curve(search: Search) -> dict[str, Any]:
    losses = search.inversion.losses
    return {
        "x": list(range(len(losses))),
        "x_label": "step",
        "series": [{"label": "loss L(w)", "y": [round(loss, 5) for loss in losses], "dash": False}],
        "log": True,
    }


def _error(search: Search) -> dict[str, Any]:
    return {
        "label": "Missing",
        "value": search.error,
        "max": max(0.1, 1.1 * search.error, 1.1 * search.average_error),
        "text": f"{search.error:.3f} rms",
        "mark": search.average_error,
        "mark_label": "the average face",
    }


def _distance(search: Search) -> dict[str, Any]:
    return {
        "label": "Its style",
        "value": search.unusual,
        "max": max(2.0, 1.1 * search.unusual),
        "text": f"{search.unusual:.2f}×",
        "meaning": "from the average",
        "mark": 1.0,
        "mark_label": "typical",
    }


def _see(search: Search) -> str:
    reached = search.inversion
    if not search.begun:
        return (
            "A GAN cannot read a picture, it can only draw. Press Start: it searches for the style that draws this one."
        )
    share = f"{100 * max(0.0, search.explained):.0f} %"
    so_far = f"this face makes up for {share} of what sets the picture apart from the average face"
    if reached.tried < STARTS:
        return f"{reached.tried} of {STARTS} faces tried for a place to start; so far {so_far}."
    if search.state["running"]:
        return f"Step {reached.steps} of {STEPS}, each a little downhill: {so_far}."
    rest = "The right pane is what this generator cannot draw, or the search did not find."
    return f"After {reached.steps} of {STEPS} steps {so_far}. {rest}"


@torch.no_grad()
def _formula(search: Search) -> dict[str, Any]:
    with threads.for_batch(1):
        loss, _ = search.objective(search.inversion.best[None])
    pull = f"{inversion.PULL:g}"
    return {
        "title": "The search",
        "lines": [
            [f"L(w) = P + F + {pull} R"],
            ["= ", number(float(loss.pixel), 3), " + ", number(float(loss.feature), 3), f" + {pull} · "]
            + [number(float(loss.pull), 2)],
            ["= ", number(float(loss.total), 3), " at step ", number(search.inversion.steps, 0), f" of {STEPS}"],
            ["w ← w − rate · Adam(∂L/∂w)"],
        ],
        "code": source(Objective.__call__, inversion.descend, inversion.rate),
    }
