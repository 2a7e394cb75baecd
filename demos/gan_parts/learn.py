"""Part "Watch it learn": the training of the shipped generator, moment by moment, beside one that was made to fail."""

from functools import cache
from typing import Any

import gradio as gr
import numpy as np

from demos import replays
from demos.common import number, source
from demos.gan_parts.faces import signed
from demos.gan_parts.scene import Scene
from demos.replays import MOMENTS, RECORDED, Moments, caption
from demos.stage.frame import Haste, Part
from demos.stage.state import Choice, Integer
from demos.widgets.curves import Curves
from demos.widgets.frame_strip import FrameStrip
from models import gan, modes, zoo

PART = Part("learn", "Watch it learn", frames=True)
STRIP = "learn-strip"
SHOWS = {
    "modes": "Kinds of toons",
    "frechet": "Distance from real",
    "diversity": "Diversity",
    "losses": "Losses",
    "augment": "Augmentation",
}
PANES = {
    "toons": ["healthy", "made to collapse"],
    "portraits": ["sixteen faces", "the first of them"],
}
PARAMS = (Integer("moment", 0, MOMENTS - 1, MOMENTS - 1), Choice("curve", tuple(SHOWS), "modes"))


def act(state: dict[str, Any], name: str, value: Any) -> dict[str, Any] | None:
    """Answers ``frame`` while this part is shown; ``moment`` and ``curve`` are plain parameters."""
    if name == "frame" and state["part"] == PART.name:
        return state | {"moment": value}
    return None


def stage() -> None:
    """The strip; beside it the curve that was chosen and what the discriminator thought."""
    FrameStrip(STRIP, "gan", elem_classes="pg-wide")
    with gr.Column(elem_classes=["pg-stack"]):
        Curves("learn-curve", "gan")
        Curves("learn-scores", "gan", elem_classes="pg-later")


def runs(data: str) -> dict[str, zoo.Replay]:
    """The recorded trainings of a set: the healthy one, and for toons the one that was made to collapse."""
    found = {"healthy": zoo.replay(data)}
    return found | {"collapsed": zoo.replay(data, collapsed=True)} if data == "toons" else found


@cache
def tiles(data: str) -> np.ndarray:
    """What each pane shows at every moment, (MOMENTS, 2, TILE, TILE, 3) uint8: both runs, or the run and one face."""
    sheets = [replays.tiles(run) for run in runs(data).values()]
    if len(sheets) == 1:
        sheets.append(replays.enlarged(sheets[0], 0))
    return np.stack(sheets, 1)


@cache
def atlas(data: str) -> str:
    """The tiles in one picture, six moments to a row, the two panes of a moment side by side."""
    return replays.atlas(tiles(data))


def frames(scene: Scene) -> list[np.ndarray]:
    """Both panes of every moment side by side, (256, 512, 3) uint8 each: the run that can be saved as a GIF."""
    return [np.concatenate(list(moment), 1) for moment in tiles(scene.data)]


def draw(scene: Scene, live: Haste) -> dict[str, Any]:
    """The whole training in one atlas: the browser scrubs it alone, and both curves follow it."""
    found = runs(scene.data)
    at = scene.state["moment"]
    first = found["healthy"].moments
    rows = list(zip(*(run.moments for run in found.values()), strict=True))
    view = {
        STRIP: replays.strip(
            PANES[scene.data],
            atlas(scene.data),
            at,
            [caption(row) for row in rows],
            notes=[notes(row) for row in rows],
            source=f"{RECORDED}: always the same sixteen latents, ψ = 1",
        ),
        "rail": {"items": _rail(scene)},
    }
    if live:
        return view
    moments = {name: run.moments for name, run in found.items()}
    return view | {
        "learn-scores": _scores(moments, at),
        "learn-curve": _curve(scene, moments, at),
        "see": see(moments, at),
        "formula": _formula(first[at], at),
    }


def notes(moments: Moments) -> list[str]:
    """What stands under the panes: how many kinds of toons each run draws, or how far from real photographs it is."""
    if len(moments) == 1:
        return ["", f"distance from real ones {moments[0]['frechet']:.2f}"]
    return [f"{moment['modes']:.0f} of {modes.total()} kinds" for moment in moments]


def _lines(at: int, title: str, y_label: str, series: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    return replays.curve(STRIP, at, title, y_label, series, **more)


def _series(moments: dict[str, Moments], keys: dict[str, str]) -> list[dict[str, Any]]:
    """One line per run and key; ``keys`` gives each key's word. The second run is dashed."""
    lines = []
    for run, (name, rows) in enumerate(moments.items()):
        for key, word in keys.items():
            label = word if len(moments) == 1 else ", ".join(filter(None, [name, word]))
            lines.append({"label": label, "y": [round(row[key], 5) for row in rows], "dash": run > 0})
    return lines


def _scores(moments: dict[str, Moments], at: int) -> dict[str, Any]:
    series = _series(moments, {"score_real": "real", "score_made": "made"})
    return _lines(at, "What the discriminator says", "mean logit", series, marks=[{"y": 0, "label": "cannot tell"}])


def chosen(scene: Scene) -> str:
    """The curve that is shown: the choice of the state where this set has it (photographs have no counted kinds)."""
    wanted = scene.state["curve"]
    return "frechet" if wanted == "modes" and scene.data != "toons" else wanted


def _curve(scene: Scene, moments: dict[str, Moments], at: int) -> dict[str, Any]:
    what = chosen(scene)
    if what == "losses":
        series = _series(moments, {"d_loss": "D", "g_loss": "G"})
        return _lines(at, "Losses of both players", "nats", series)
    word = "" if len(moments) > 1 else SHOWS[what].split()[0].lower()
    series = _series(moments, {what: word})
    if what == "modes":
        total = modes.total()
        marks = [{"y": total, "label": f"all {total} there are"}]
        title = "Kinds of toons among 1,000 samples"
        return _lines(at, title, "skin × hair style × hair colour", series, marks=marks)
    if what == "diversity":
        marks = [{"y": scene.measured["diversity"]["real"], "label": "real pictures"}]
        return _lines(at, "Diversity of 1,000 samples", "mean distance in features", series, marks=marks)
    if what == "frechet":
        return _lines(at, "Distance from real pictures", "Fréchet, attribute features", series)
    return _lines(at, "How often D's pictures are changed", "p", series)


def finished() -> tuple[int, int]:
    """Kinds of toons that the shipped generators draw among 1,000: the healthy one and the one made to collapse."""
    folders = zoo.gan_folder("toons"), zoo.gan_folder("toons", collapsed=True)
    healthy, collapsed = (zoo.metrics(folder)["modes"]["samples"] for folder in folders)
    return healthy, collapsed


def see(moments: dict[str, Moments], at: int) -> str:
    """What had happened at the moment shown, in words that follow from the numbers."""
    now, start = moments["healthy"][at], moments["healthy"][0]
    when = f"After {now['images_seen']:,.0f} pictures"
    if "collapsed" not in moments:
        change = "nearer" if now["frechet"] < start["frechet"] else "no nearer"
        words = f"{when} its faces are {change} to real ones than at the start" if at else "It starts from nothing"
        return (
            f"{words}: a Fréchet distance of {now['frechet']:.2f}, at the start {start['frechet']:.2f}. "
            f"The discriminator gives real pictures {signed(now['score_real'])} on average, and made ones "
            f"{signed(now['score_made'])}."
        )
    other = moments["collapsed"][at]
    healthy, collapsed = finished()
    ratio = healthy / max(collapsed, 1)
    end = f"{ratio:.1f} times as many" if ratio > 1 else "no more"
    return (
        f"{when} the healthy run draws {now['modes']:.0f} of {modes.total()} kinds of toons, the one made to collapse "
        f"{other['modes']:.0f} after {other['images_seen']:,.0f} of its own. "
        f"Finished, it is {healthy} against {collapsed}: {end}."
    )


def _rail(scene: Scene) -> list[dict[str, Any]]:
    shows = {name: label for name, label in SHOWS.items() if name != "modes" or scene.data == "toons"}
    return [
        {"kind": "heading", "label": "The training, moment by moment"},
        {
            "kind": "choice",
            "name": "curve",
            "label": "First curve",
            "options": [{"value": name, "label": label} for name, label in shows.items()],
            "value": chosen(scene),
        },
        *[{"kind": "text", "label": text} for text in recipes(scene.data)],
    ]


def recipes(data: str) -> list[str]:
    """How the runs were trained and in what they differ, from the arguments that the recipe noted down."""
    record = replays.record(zoo.gan_folder(data))
    healthy, minutes = record["arguments"], record["training_minutes"]
    last = f" So in the last {minutes:.0f} of {minutes + record['minutes_before']:.0f} minutes."
    augmentation = f"augmentation from p = {healthy['augment']:g} on" if healthy["augment"] else "no augmentation"
    more = ", redrawing of real pictures beside the game" * bool(healthy.get("redraw"))
    more += ", a second critic on VGG16" * bool(healthy.get("eyes"))
    texts = [
        f"Healthy: {augmentation}, R1 with γ = {healthy['gamma']:g}, minibatch statistics, mixed styles{more}; both "
        f"players learn at {healthy['rate']:g}.{last if record['minutes_before'] else ''}"
    ]
    if data == "toons":
        collapsed = replays.record(zoo.gan_folder(data, collapsed=True))
        rates = collapsed["rates"]
        same = abs(collapsed["minutes_before"] - minutes - record["minutes_before"]) < 1
        begun = "the healthy run" if same else "an earlier healthy run, not the one above,"
        texts.append(
            f"Made to collapse: it began as {begun} after {collapsed['minutes_before']:g} minutes and went on "
            f"with none of these; the generator learns at {rates['generator']:g}, the discriminator at "
            f"{rates['discriminator']:g}."
        )
    return texts


def _formula(moment: dict[str, float], at: int) -> dict[str, Any]:
    return {
        "title": f"Both losses, healthy run, moment {at + 1}",
        "lines": [
            ["L(D) = −E log σ(D(x)) − E log(1 − σ(D(G(z)))) = ", number(moment["d_loss"], 2)],
            ["L(G) = −E log σ(D(G(z))) = ", number(moment["g_loss"], 2)],
            ["R1 = E |∇D(x)|² = ", number(moment["r1"], 2), ",  p = ", number(moment["augment"], 2)],
        ],
        "code": source(gan.discriminator_loss, gan.generator_loss, gan.r1_penalty),
    }
