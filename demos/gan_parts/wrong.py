"""Part "What goes wrong": a generator that collapsed, truncation taken too far, and noise that is too long."""

from functools import lru_cache
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from demos.common import LIVE, faces, number, seed_item, source
from demos.gan_parts.faces import signed
from demos.gan_parts.scene import Scene
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Integer
from demos.uploads import example_atlas, to_tensor
from demos.widgets.curves import Curves
from demos.widgets.face_sheet import FaceSheet
from demos.widgets.meter import Meter
from models import gan, modes, threads, zoo

PART = Part("wrong", "What goes wrong", more=True)
FAILURES = {"collapse": "Collapse", "truncation": "Truncation", "far": "Far out"}
PSIS = (0.0, 0.25, 0.5, 0.7, 1.0, 1.25, 1.5)
SCALES = (1, 2, 3, 5, 10)
ROWS = 4  # latents that are followed through every psi and every length
TWINS = 12  # latents that both generators draw
COUNTED = 200  # faces of each kind that "Count" draws
STEP = 5  # of them at a time, so that a step of the run stays short
COUNT_SEED = 11  # their seed: the same two hundred latents for both generators, whatever sheet is shown
PARAMS = (Choice("failure", tuple(FAILURES)), Integer("counted", 0, COUNTED, 4 * STEP))


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``count``, ``count-on`` (a step of the run) and ``stop-counting``; None for anybody else's action."""
    if name == "count":
        return state | {"running": True, "counted": 0 if state["counted"] >= COUNTED else state["counted"]}
    if name == "count-on":
        if not state["running"]:  # stopped while this step was on its way
            return state
        counted = min(state["counted"] + STEP, COUNTED)
        return state | {"counted": counted, "running": counted < COUNTED}
    if name == "stop-counting":
        return state | {"running": False}
    return None


def stage() -> None:
    """One sheet that shows the failure; beside it what was measured and the curve that goes with it."""
    FaceSheet("wrong-sheet", "gan", elem_classes="pg-wide")
    with gr.Column(elem_classes=["pg-stack", "pg-brief"]):
        Meter("wrong-measured", "gan", elem_classes="pg-fit")
        Curves("wrong-curve", "gan")


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The failure that is chosen; while a count runs only its curve."""
    show = {"collapse": _collapse, "truncation": _truncation, "far": _far}[scene.state["failure"]]
    return {"rail": {"items": _rail(scene)}} | show(scene, live)


def _rail(scene: Scene) -> list[dict[str, Any]]:
    state = scene.state
    items = [
        {
            "kind": "choice",
            "name": "failure",
            "label": "What goes wrong",
            "options": [{"value": name, "label": label} for name, label in FAILURES.items()],
            "value": state["failure"],
        },
        seed_item(state["seed"]),
    ]
    if state["failure"] != "collapse":
        return items
    button = {"kind": "button", "name": "count", "label": f"Count kinds in {COUNTED} faces", "primary": True}
    if state["running"]:
        button |= {"name": "stop-counting", "label": "Stop"}
    items.append(button)
    if scene.data != "toons":
        text = f"Shown on toons: what they are made of is known, so kinds can be counted. {zoo.CREDITS['toons']}"
        items.append({"kind": "text", "name": "toons", "label": text})
    return items


# --- collapse


@torch.inference_mode()
def _kinds(which: str, seed: int, start: int, count: int) -> tuple[Tensor, Tensor]:
    """Toons ``start`` to ``start + count - 1`` and the kind of each: "real" held-out ones, "healthy" or "collapsed"."""
    with threads.for_batch(count):
        if which == "real":
            pictures = torch.cat([to_tensor(picture) for picture in example_atlas()[start : start + count]])
        else:
            generator = zoo.generator("toons", collapsed=which == "collapsed")
            z = Scene({"data": "toons"}).z(seed, count, start)
            pictures = generator(z)
        return pictures, modes.read(zoo.attributes("toons"), pictures)


@lru_cache(maxsize=4 * COUNTED // STEP)
def _step(which: str, start: int) -> tuple[int, ...]:
    """The kinds of one step of the count; they follow from the seed, so nobody draws them twice."""
    return tuple(_kinds(which, COUNT_SEED, start, STEP)[1].tolist())


def found(which: str, counted: int) -> list[int]:
    """How many different kinds were met after each step of the count, up to ``counted`` faces."""
    met: set[int] = set()
    return [len(met := met | set(_step(which, start))) for start in range(0, counted - STEP + 1, STEP)]


def _collapse(scene: Scene, live: Haste) -> dict[str, Any]:
    state = scene.state
    counts = {which: found(which, state["counted"]) for which in ("real", "healthy", "collapsed")}
    view: dict[str, Any] = {"wrong-curve": _counting(counts)}
    if state["running"]:
        view["again"] = {"action": {"name": "count-on", "value": None}, "after": 0}
    if live:
        return view
    healthy, healthy_kinds = _kinds("healthy", state["seed"], 0, TWINS)
    collapsed, collapsed_kinds = _kinds("collapsed", state["seed"], 0, TWINS)
    here = {"healthy": modes.count(healthy_kinds), "collapsed": modes.count(collapsed_kinds)}
    card = {which: zoo.metrics(zoo.gan_folder("toons", which == "collapsed"))["modes"] for which in here}
    return view | {
        "wrong-sheet": faces(
            torch.cat([healthy, collapsed]),
            TWINS // 2,
            "Two rows of faces by the healthy generator, two by the collapsed one, from the same latents",
            f"The same twelve latents twice, ψ = 1: {here['healthy']} kinds above, {here['collapsed']} below.",
            row_labels=["healthy", "", "collapsed", ""],
        ),
        "wrong-measured": {"items": [_modes("Healthy", card["healthy"]), _modes("Collapsed", card["collapsed"])]},
        "see": _see_collapse(card),
        "formula": {
            "title": "Counting kinds",
            "lines": [
                ["kinds = skin × hair style × hair colour = ", number(modes.total(), 0)],
                [
                    "these twelve: ",
                    number(here["healthy"], 0),
                    " healthy, ",
                    number(here["collapsed"], 0),
                    " collapsed",
                ],
                [f"{len(counts['real']) * STEP} counted here: ", *_three(counts)],
            ],
            "code": source(modes.read, modes.count, gan.minibatch_spread),
        },
        "play": {"name": "stop-counting" if state["running"] else "count", "value": None},
    }


def _three(counts: dict[str, list[int]]) -> list[Any]:
    """``118 real, 110 healthy, 9 collapsed`` as the parts of a formula's line."""
    last = {which: number(row[-1] if row else 0, 0) for which, row in counts.items()}
    return [last["real"], " real, ", last["healthy"], " healthy, ", last["collapsed"], " collapsed"]


def _counting(counts: dict[str, list[int]]) -> dict[str, Any]:
    labels = {"healthy": "healthy", "collapsed": "collapsed", "real": "held-out drawings"}
    return {
        "title": "Different kinds met so far",
        "x": [STEP * i for i in range(len(counts["real"]) + 1)],
        "x_label": "faces drawn",
        "y_label": "kinds",
        "series": [
            {"label": label, "y": [0, *counts[which]], "dash": which == "real"} for which, label in labels.items()
        ],
        "source": f"{LIVE}, seed {COUNT_SEED}",
    }


def _modes(label: str, card: dict[str, Any]) -> dict[str, Any]:
    return {
        "label": label,
        "value": card["samples"],
        "max": card["total"],
        "text": f"{card['samples']} of {card['total']}",
        "meaning": "kinds in 1,000 faces, measured after training",
        "mark": card["real"],
        "mark_label": f"1,000 real drawings: {card['real']}",
    }


def _see_collapse(card: dict[str, dict[str, Any]]) -> str:
    healthy, collapsed = card["healthy"]["samples"], card["collapsed"]["samples"]
    blind = (
        "Its discriminator saw one picture at a time and never noticed the repetition. "
        if not zoo.generator("toons", collapsed=True).config.statistics
        else ""
    )
    return (
        f"A generator that has found a face that passes may draw it again and again. {blind}In 1,000 faces the healthy "
        f"run draws {healthy} kinds of people, this one {collapsed}: {healthy / collapsed:.1f} times fewer."
        if collapsed < healthy
        else f"In 1,000 faces the healthy run draws {healthy} kinds of people, the other one {collapsed}."
    )


# --- truncation


def _truncation(scene: Scene, live: Haste) -> dict[str, Any]:
    w = scene.w(scene.state["seed"], ROWS)
    average = scene.draw_faces(scene.generator.w_average[None]).expand(ROWS, -1, -1, -1)
    others = scene.draw_faces(torch.cat([scene.generator.truncate(w, psi) for psi in PSIS if psi]))
    pictures = torch.cat([average, others]).unflatten(0, (len(PSIS), ROWS)).transpose(0, 1).flatten(0, 1)
    scores = scene.scores(pictures).tolist()
    sweep = scene.measured["psi"]
    real = scene.measured["diversity"]["real"]
    diversity = {row["psi"]: row["diversity"] / real for row in sweep}
    precision = {row["psi"]: row["precision"] for row in sweep}
    return {
        "wrong-sheet": faces(
            pictures,
            len(PSIS),
            f"{ROWS} latents, one a row, at {len(PSIS)} values of psi",
            "One latent a row. Under each face D(x): above 0 the network says “real”.",
            col_labels=[f"ψ = {psi:g}" for psi in PSIS],
            notes=[signed(score) for score in scores],
        ),
        "wrong-measured": {"items": [_spread(psi, diversity[psi]) for psi in (PSIS[1], 1.0)]},
        "wrong-curve": {
            "title": "What ψ trades",
            "x": list(diversity),
            "x_label": "ψ",
            "series": [
                {"label": "diversity (real = 1)", "y": list(diversity.values())},
                {"label": "share that lies among real pictures", "y": list(precision.values()), "dash": True},
            ],
            "index": PSIS.index(1.0),
            "source": "measured after training, 200 faces each",
        },
        "see": (
            f"Pulled too hard, everybody becomes the one average face: at ψ = {PSIS[1]:g} faces differ "
            f"{100 * diversity[PSIS[1]]:.0f} % as much as real ones. Beyond ψ = 1 the generator is asked for styles it "
            f"hardly ever drew: {100 * precision[1.0]:.0f} % of faces lie among real pictures at ψ = 1, "
            f"{100 * precision[PSIS[-1]]:.0f} % at ψ = {PSIS[-1]:g}."
        ),
        "formula": {
            "title": "Truncation",
            "lines": [
                ["w′ = w̄ + ψ (w − w̄)"],
                ["‖w − w̄‖ = ", number(_length(w - scene.generator.w_average), 1), " for these four, on average"],
                ["ψ = 1.5 goes to ", number(1.5 * _length(w - scene.generator.w_average), 1)],
            ],
            "code": source(gan.Generator.truncate),
        },
    }


def _length(x: Tensor) -> float:
    """Mean length of rows (N, D)."""
    return float(x.norm(dim=1).mean())


def _spread(psi: float, share: float) -> dict[str, Any]:
    return {
        "label": f"Diversity at ψ = {psi:g}",
        "value": share,
        "max": max(1.2, share),
        "text": f"{100 * share:.0f} %",
        "meaning": "how far apart 200 faces are",
        "mark": 1.0,
        "mark_label": "real pictures",
    }


# --- far from the prior


def _far(scene: Scene, live: Haste) -> dict[str, Any]:
    z = scene.z(scene.state["seed"], ROWS)
    longer = torch.stack([row * scale for row in z for scale in SCALES])
    with torch.inference_mode():
        w = scene.generator.style(longer)
    pictures = scene.draw_faces(w)
    logits = scene.scores(pictures)
    lengths = longer.norm(dim=1)
    mean = logits.unflatten(0, (ROWS, len(SCALES))).mean(0).tolist()
    size = scene.generator.config.latent_size
    verdict = "finds them less real" if mean[-1] < mean[0] else "does not object, for nobody ever showed it such faces"
    return {
        "wrong-sheet": faces(
            pictures,
            len(SCALES),
            f"{ROWS} latents, one a row, made {', '.join(map(str, SCALES))} times as long",
            "One latent a row. Under each face ‖z‖ and D(x).",
            col_labels=["z", *(f"{scale} z" for scale in SCALES[1:])],
            notes=[
                f"‖z‖ {length:.0f} · {signed(score)}" for length, score in zip(lengths, logits.tolist(), strict=True)
            ],
        ),
        "wrong-measured": {
            "items": [
                {
                    "label": "‖z‖ of this seed's faces",
                    "value": _length(z),
                    "max": 2 * size**0.5,
                    "text": f"{_length(z):.1f}",
                    "meaning": f"{size} numbers from N(0, 1) nearly always have about this length",
                    "mark": size**0.5,
                    "mark_label": f"√{size} = {size**0.5:.1f}",
                }
            ]
        },
        "wrong-curve": {
            "title": "Mean score of the four faces",
            "x": list(SCALES),
            "x_label": "times as long",
            "y_label": "D(x)",
            "series": [{"label": "D(G(s z))", "y": [round(score, 3) for score in mean]}],
            "marks": [{"y": 0.0, "label": "it cannot tell"}],
            "source": LIVE,
        },
        "see": (
            f"The generator only ever met noise of length {size**0.5:.1f} or so. Make it longer and it answers all the "
            "same, from a place where nobody taught it faces. "
            f"The discriminator {verdict}: {signed(mean[0])} on average at z, {signed(mean[-1])} at {SCALES[-1]} z."
        ),
        "formula": {
            "title": "Out of the prior",
            "lines": [
                ["x = G(s · z),  z ~ N(0, 1)"],
                ["‖z‖ = ", number(_length(z), 1), f",  ‖{SCALES[-1]} z‖ = ", number(SCALES[-1] * _length(z), 1)],
                ["‖w − w̄‖ grows from ", *_growth(scene, w)],
            ],
            "code": source(gan.Generator.style),
        },
    }


def _growth(scene: Scene, w: Tensor) -> list[Any]:
    """Distance to the average style at the shortest and at the longest z, as parts of a formula's line."""
    away = (w - scene.generator.w_average).unflatten(0, (ROWS, len(SCALES)))
    return [number(_length(away[:, 0]), 1), " to ", number(_length(away[:, -1]), 1)]
