"""A tab for the tests of the stage: a field of colour waves, drawn by NumPy. `python tests/demos/toy.py` serves it."""

import json
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from demos.stage import frame, launch, stories  # noqa: E402
from demos.stage.state import Choice, Code, Flag, Floats, Integer, Number, Picture, Schema, Text, pack  # noqa: E402
from demos.widgets import Curves, FaceSheet, FrameStrip, Meter  # noqa: E402
from demos.widgets.picture import encode  # noqa: E402

PARTS = (
    frame.Part("waves", "Waves", follows=True),
    frame.Part("drift", "Drift", frames=True),
    frame.Part("measure", "Measure"),
    frame.Part("plain", "Plain", more=True),
)
PARAMS = (
    Number("tilt", -3, 3, 0.0, 0.05),
    Number("hue", 0, 1, 0.35, 0.01),
    Integer("waves", 1, 9, 3),
    Choice("mix", ("sum", "product")),
    Flag("mirror"),
    Code("code", size=4),
    Text("note"),
    Picture("photo"),
    Flag("running", private=True),
    Integer("ticks", 0, 9999, 0, private=True),
    Integer("until", 0, 9999, 9999),
    Floats("walked", 16),
)


def field(state: dict, shift: float = 0.0, side: int = 64) -> np.ndarray:
    """The picture of a state: (side, side, 3) uint8."""
    rng = np.random.default_rng([state["seed"], state["data"] == "toons"])
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    if state["mirror"]:
        x = np.abs(x)
    a = np.sin(state["waves"] * (x + state["tilt"] * y) + shift + rng.uniform(0, 6))
    b = np.cos(state["waves"] * (y * 0.7 - x) - shift + rng.uniform(0, 6))
    wave = (a + b) / 2 if state["mix"] == "sum" else a * b
    bump = 0.0 if state["code"] is None else sum(c * x**i for i, c in enumerate(state["code"])) / 8
    phase = (
        2 * np.pi * (state["hue"] + 0.18 * wave[..., None] + np.array([0, 0.33, 0.67])) + np.asarray(bump)[..., None]
    )
    return np.clip(255 * (0.55 + 0.38 * np.cos(phase) + 0.06 * wave[..., None]), 0, 255).astype(np.uint8)


def act(state: dict, action: dict) -> dict:
    """The toy's actions: its parameters, `random`, `upload`, those of a run, and two that misbehave."""
    name, value = action["name"], action["value"]
    if name == "random":
        return state | {"seed": (state["seed"] * 7919 + 1) % 100_000}
    if name == "upload":
        photo = SCHEMA.params["photo"].check(value)
        return state | {"photo": photo, "code": [0.5, -0.5, 1.0, 0.0], "hidden": ["code"]}
    if name == "play":
        return state | {"running": value}
    if name == "tick":
        if state["note"] == "stumble":
            raise ValueError("The toy stumbled.")
        ticks = state["ticks"] + 1
        return state | {"ticks": ticks, "running": ticks < state["until"], "walked": pack([ticks, state["tilt"]])}
    if name == "break":
        raise RuntimeError("secret details")
    if name == "refuse":
        raise ValueError("The toy refuses.")
    return SCHEMA.assign(state, action)


def slider(state: dict, name: str, label: str, low: float, high: float, step: float, **more) -> dict:
    """An item of the rail."""
    value = state[name]
    return {
        "kind": "slider",
        "name": name,
        "label": label,
        "text": f"{value:g}",
        "min": low,
        "max": high,
        "step": step,
    } | {
        "value": value,
        **more,
    }


def draw(state: dict, live: frame.Haste) -> dict:
    """The toy's view; `asked` is how hastily it was drawn."""
    if live is frame.Haste.FOLLOW:
        return {"meter": {"items": [{"label": "ticks", "value": state["ticks"], "max": 9999}]}}
    now = field(state)
    source = "computed live on this machine"
    rail = {
        "items": [
            {
                "kind": "heading",
                "label": "The waves",
                "note": "4 of 6 active",
                "action": {"name": "reset", "label": "reset"},
            },
            slider(state, "tilt", "Tilt", -3, 3, 0.05, note="3.9 nats", bar=0.9),
            slider(state, "hue", "Hue", 0, 1, 0.01, note="2.1 nats", bar=0.5),
            slider(state, "waves", "Waves", 1, 9, 1),
            {"kind": "toggle", "name": "mirror", "label": "Mirrored", "value": state["mirror"]},
            {
                "kind": "choice",
                "name": "mix",
                "label": "Mixed as",
                "value": state["mix"],
                "options": [{"value": mix, "label": mix} for mix in ("sum", "product")],
            },
            {"kind": "text", "label": state["note"]},
            {"kind": "button", "name": "random", "label": "Random field", "primary": True},
        ]
    }
    hero = {"image": encode(now), "rows": 1, "cols": 1, "alt": "a field of waves", "caption": f"seed {state['seed']}"}
    view = {"rail": rail, "hero": hero | {"source": source}, "asked": live.name}
    if state["running"]:
        view["again"] = {"action": {"name": "tick", "value": None}, "after": 20}
    if live:
        return view
    if state["part"] == "plain":
        view["play"] = {"name": "play", "value": not state["running"]}
    tilts = np.linspace(-3, 3, 8)
    for row, name in enumerate(("sheet", "mirrored")):
        rows = [[field(state | {"tilt": t, "mirror": bool(row), "waves": w}) for t in tilts] for w in (3, 6)]
        view[name] = {
            "image": encode(np.concatenate([np.concatenate(r, axis=1) for r in rows])),
            "rows": 2,
            "cols": 8,
            "alt": "eight tilts",
            "actions": [{"name": "tilt", "value": round(float(t) * 20) / 20} for _ in range(2) for t in tilts],
            "caption": "Each row tilts the waves from −3 to +3. Click one to go there.",
        }
    view["see"] = (
        "Two waves cross, and their height picks a colour from a wheel. Three numbers describe this field; "
        "move one and watch which stripes stay where they are."
    )
    view["formula"] = {
        "title": "What it computes",
        "lines": [
            ["w = ½ sin ( ", {"n": str(state["waves"])}, " (x + ", {"n": f"{state['tilt']:g}"}, " y) ) + ½ cos ( … )"],
            ["colour = wheel ( ", {"n": f"{state['hue']:g}"}, " + 0.18 w )"],
        ],
        "code": "def field(state):\n    return wheel(hue + 0.18 * wave)  # <b>not bold</b>\n",
    }
    if state["part"] == "drift":
        frames = run(state)
        atlas = np.concatenate([np.concatenate([f, 255 - f], axis=1) for f in frames])
        view["strip"] = {
            "panes": ["x  the field", "255 − x  its negative"],
            "atlas": encode(atlas),
            "columns": 2,
            "tile": 64,
            "count": len(frames),
            "index": len(frames) - 1,
            "captions": [f"step {i}" for i in range(len(frames))],
            "left": "first",
            "right": "last",
            "source": source,
        }
        shades = [float(f[0, 0].mean()) for f in frames]
        view["curves"] = {
            "title": "Brightness of a corner",
            "x": list(range(len(frames))),
            "x_label": "step",
            "series": [{"label": "field", "y": shades}, {"label": "negative", "y": [255 - s for s in shades]}],
            "index": 0,
            "follows": "strip",
        }
    if state["part"] == "measure":
        view["meter"] = {
            "items": [{"label": "brightness", "value": 0.5, "max": 1, "text": "0.50", "meaning": "the mean"}]
        }
    return view


def run(state: dict) -> list[np.ndarray]:
    """Twelve frames of the drifting field."""
    return [field(state, shift) for shift in np.linspace(0, 2 * np.pi, 12)]


def card(state: dict) -> str:
    """A model card."""
    return f"# Waves\n\nNot trained at all, on {state['data']}."


STORIES = [
    {
        "title": "How tilt works",
        "steps": [
            {"query": "?v=1&tab=toy&tilt=-2", "say": "The stripes lean left."},
            {
                "query": "?v=1&tab=toy",
                "predict": "which way will they lean?",
                "reveal": "?v=1&tab=toy&tilt=2",
                "say": "To the right.",
            },
        ],
    },
    {"title": "Colour", "steps": [{"query": "?v=1&tab=toy&hue=0.9", "say": "The wheel turned."}]},
]

SCHEMA = Schema("toy", PARAMS, PARTS)


def layout() -> dict:
    """The stage of each part."""
    import gradio as gr

    def drift() -> None:
        FrameStrip("strip", "toy")
        Curves("curves", "toy")

    def waves() -> None:
        FaceSheet("hero", "toy")
        with gr.Column(elem_classes=["pg-stack"]):
            FaceSheet("sheet", "toy", elem_classes="pg-fit")
            FaceSheet("mirrored", "toy", elem_classes="pg-fit")

    return {
        "waves": waves,
        "drift": drift,
        "measure": lambda: Meter("meter", "toy"),
        "plain": lambda: None,
    }


def tab(name: str = "toy", label: str = "Toy", accent: str = "#4cc9a4", recording: Path | None = None) -> frame.Tab:
    """The toy as a tab; other names make further tabs of the same kind."""
    schema = SCHEMA if name == "toy" else Schema(name, PARAMS, PARTS)
    return frame.Tab(
        name,
        label,
        accent,
        schema,
        PARTS,
        act,
        draw,
        picture=field,
        stories=STORIES if name == "toy" else (),
        recording=recording,
        frames=run,
        card=card,
        takes=("measure", "measure it"),
    )


def other_layout(name: str) -> dict:
    """The stage of a further tab."""
    return {
        part.name: (lambda part=part: FaceSheet("hero" if part.name == "waves" else part.name, name)) for part in PARTS
    }


def main() -> None:
    """Serves the toy and, with TOY_TABS=2 and more, further tabs."""
    folder = os.environ.get("TOY_STORIES")
    if folder:
        Path(folder, "toy.json").write_text(json.dumps(STORIES), encoding="utf-8")
        stories.load("toy", SCHEMA, Path(folder))
    recording = Path(os.environ["TOY_RECORDING"]) if "TOY_RECORDING" in os.environ else None
    entries = [(tab(recording=recording), layout(), [])]
    accents = list(launch.theme.ACCENTS)
    labels = ("Second", "Diffusion", "Next token", "Map", "Side by side")
    for number in range(1, int(os.environ.get("TOY_TABS", "2"))):
        name = f"toy{number + 1}"
        entries.append((tab(name, labels[number - 1], accents[number - 1]), other_layout(name), []))
    launch.run(launch.page(entries))


if __name__ == "__main__":
    main()
