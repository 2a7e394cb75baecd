"""A page with every widget on it, without the stage or a model: `python -m tests.browser.widget_page` shows it."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image, ImageDraw

from demos import widgets
from demos.stage import theme
from demos.stage.state import pack_bits
from demos.widgets import Controls, Curves, FaceSheet, FrameStrip, LatentPad, MaskPad, Meter, PictureInput, picture

PLAYGROUND = Path(theme.__file__).with_name("playground.js")
FRAMES = 60
LAYOUT = """
body, .gradio-container { background: var(--pg-bg) !important; font-family: Inter, system-ui, sans-serif; }
:root { --pg-accent: #4cc9a4; --pg-radius: 14px; } :root[data-theme=light] { --pg-accent: #0b7359; }
@media (min-width: 1000px) { #top { flex-wrap: nowrap !important; } #left { flex: 0 0 320px !important; } }
.gradio-container { max-width: none !important; }
"""


def face(hue: float, smile: float, noise: float = 0.0, size: int = 64) -> np.ndarray:
    """A plain face as (3, size, size) float32 in [-1, 1]: hue of the hair 0..1, smile -1..1, noise 0..1 over it."""
    big = Image.new("RGB", (4 * size, 4 * size), (193, 174, 224))
    pen = ImageDraw.Draw(big)
    unit = 4 * size / 64
    hair = tuple(int(127 + 110 * math.cos(2 * math.pi * (hue + third / 3))) for third in range(3))

    def box(x: float, y: float, w: float, h: float) -> list[float]:
        return [(x - w) * unit, (y - h) * unit, (x + w) * unit, (y + h) * unit]

    pen.ellipse(box(32, 27, 23, 22), fill=hair)
    pen.ellipse(box(32, 37, 19, 22), fill=(216, 155, 112))
    for x in (24, 40):
        pen.ellipse(box(x, 34, 4, 4.5), fill=(255, 255, 245))
        pen.ellipse(box(x, 34.5, 2.4, 2.8), fill=(78, 40, 35))
    curve = [(x * unit, (48 + smile * 4 * (1 - ((x - 32) / 8) ** 2)) * unit) for x in np.linspace(24, 40, 20)]
    pen.line(curve, fill=(120, 60, 50), width=int(1.6 * unit), joint="curve")
    clean = np.asarray(big.resize((size, size), Image.Resampling.LANCZOS), np.float32).transpose(2, 0, 1) / 127.5 - 1
    grain = np.random.default_rng(7).normal(size=clean.shape).astype(np.float32)
    return np.clip((1 - noise) * clean + noise * grain, -1, 1)


def rail(
    hair: float = 1.2, smile: float = 0.8, seed: int = 7, mode: str = "mean", words: bool = True
) -> dict[str, Any]:
    """The rail of the demo: every kind of item."""

    def slider(name: str, label: str, value: float, **more: Any) -> dict[str, Any]:
        text = f"{value:+.2f} σ".replace("-", "−")
        return {"kind": "slider", "name": name, "label": label, "min": -3, "max": 3, "step": 1 / 32} | {
            "value": value,
            "text": text,
            **more,
        }

    drawer = [slider(f"z{i}", f"z{i}", 0.0, note=f"{3 - i / 8:.1f} nats", bar=1 - i / 24) for i in range(20)]
    return {
        "items": [
            {"kind": "heading", "label": "Named sliders", "action": {"name": "reset", "label": "reset"}},
            slider("hair", "Hair length", hair),
            slider("smile", "Smile", smile),
            {"kind": "heading", "label": "Latents by KL", "note": "11 of 32 active"},
            slider("z7", "z₇", 0.31, note="3.9 nats", bar=0.97),
            slider("z2", "z₂", -1.1, note="3.4 nats", bar=0.85),
            slider(
                "z4", "z₄", 0.0, note="0.00 nats", bar=0.0, asleep="Asleep: it carries nothing, so it moves nothing."
            ),
            {"kind": "drawer", "label": "All latents", "items": drawer},
            {"kind": "choice", "name": "mode", "label": "Show", "value": mode}
            | {"options": [{"value": "mean", "label": "Mean"}, {"value": "sample", "label": "Sample"}]},
            {"kind": "choice", "name": "beta", "label": "Beta", "value": 1}
            | {"options": [{"value": b, "label": f"beta = {b}"} for b in (0, 0.5, 1, 4, 16, 64)]},
            {
                "kind": "number",
                "name": "seed",
                "label": "Seed",
                "min": 0,
                "max": 2**31 - 1,
                "value": seed,
                "dice": True,
            },
            {"kind": "toggle", "name": "words", "label": "Show labels", "value": words},
            {"kind": "button", "name": "random", "label": "Random face", "primary": True},
            {"kind": "text", "label": "Drag a slider, or use the arrow keys."},
        ]
    }


def hero(hair: float = 1.2, smile: float = 0.8, source: str = "computed live on this machine") -> dict[str, Any]:
    """The big face."""
    return {"image": picture.encode(face(hair / 6 + 0.5, smile / 3)), "rows": 1, "cols": 1, "alt": "A face"} | {
        "caption": f"hair {hair:+.2f}, smile {smile:+.2f}",
        "source": source,
    }


def traversal(selected: int | None = None) -> dict[str, Any]:
    """Two rows of eight faces that can be clicked; the third cell of the second row has no action."""
    pictures = [face(column / 8, 0.3) for column in range(8)] + [face(0.7, column / 3.5 - 1) for column in range(8)]
    actions = [{"name": "cell", "value": i} if i != 10 else None for i in range(16)]
    return {"image": picture.encode(picture.sheet(np.stack(pictures), 8)), "rows": 2, "cols": 8, "actions": actions} | {
        "alt": "Two latents, each from low to high",
        "row_labels": ["Hair", "Smile"],
        "col_labels": [f"{-3 + 6 * i / 7:+.1f}".replace("-", "−") for i in range(8)],
        "caption": "Each row moves one latent from −3 σ to +3 σ. Click a face to go there.",
        "selected": selected,
    }


def frames() -> list[list[np.ndarray]]:
    """A run from noise to a face: per frame what there is and a guess of the end."""
    return [[face(0.7, 0.5, 1 - i / (FRAMES - 1)), face(0.7, i / FRAMES, 0.0)] for i in range(FRAMES)]


ABOUT = {
    "panes": ["xₜ  what it sees", "x̂₀  its guess of the end"],
    "left": "t = 999 · noise",
    "right": "t = 0 · picture",
}
ABOUT |= {"source": "computed live on this machine", "smooth": [False, True]}


def strip(run: list[list[np.ndarray]]) -> dict[str, Any]:
    """The complete run as one atlas, standing at frame 20."""
    tiles = np.stack([tile for panes in run for tile in panes])
    captions = [f"step {i + 1} of {FRAMES} · t = {999 - round(999 * i / (FRAMES - 1))}" for i in range(FRAMES)]
    atlas = {"atlas": picture.encode(picture.sheet(tiles, 12)), "columns": 12, "tile": 64, "count": FRAMES, "index": 20}
    return ABOUT | atlas | {"captions": captions}


def streamed(run: list[list[np.ndarray]], first: int, count: int) -> dict[str, Any]:
    """The answer with frames first to first + count - 1 of a run that is still being computed."""
    tiles = np.stack([tile for panes in run[first : first + count] for tile in panes])
    atlas = picture.encode(picture.sheet(tiles, 2 * count))
    captions = [f"step {first + k + 1}" for k in range(count)]
    return FrameStrip.append("run", first, len(run), atlas, 2 * count, 64, count, captions, **ABOUT)


def complete(run: list[list[np.ndarray]]) -> dict[str, Any]:
    """The same run once it is there; Python believes that the visitor is at its end."""
    value = strip(run)
    return value | {"run": "run", "count": len(run), "index": len(run) - 1, "captions": value["captions"][: len(run)]}


def masked(mask: str | None = None) -> dict[str, Any]:
    """A face with a mask over its mouth."""
    bits = np.zeros((64, 64), bool)
    bits[44:54, 22:43] = True
    about = {"alt": "A face", "caption": "What is hatched will be painted anew.", "source": "an example", "brush": 8}
    return {"image": picture.raw(face(0.7, 0.5)), "mask": pack_bits(bits) if mask is None else mask, **about}


def pad(x: float = 0.5, y: float = -1.0) -> dict[str, Any]:
    """Two axes over a manifold of 8 x 8 faces."""
    manifold = np.stack([face(column / 8, 1 - row / 4) for row in range(8) for column in range(8)])
    axes = [{"label": f"z{i}", "min": -3, "max": 3, "value": value} for i, value in ((7, x), (2, y))]
    return {"name": "pad", "x": axes[0], "y": axes[1], "background": picture.encode(picture.sheet(manifold, 8))}


def meters(kl: float = 24.7) -> dict[str, Any]:
    """Two numbers, one of them with a mark."""
    return {
        "items": [
            {"label": "KL", "value": kl, "max": 60, "text": f"{kl} nats", "meaning": "what the code costs"},
            {"label": "Smile read back", "value": 0.91, "max": 1, "text": "91 %", "meaning": "of held-out drawings"}
            | {"mark": 0.97, "mark_label": "97 % on originals"},
        ]
    }


def curves(index: int | None = 14) -> dict[str, Any]:
    """Scores of a training of 24 moments: three lines, one of them dashed, a gap, and a mark."""
    x = [i * 65_000 for i in range(24)]
    real = [0.5 + 1.9 * math.exp(-i / 5) + 0.12 * math.sin(2.1 * i) for i in range(24)]
    made = [-0.2 - 2.1 * math.exp(-i / 7) + 0.15 * math.sin(1.3 * i) for i in range(24)]
    loss = [None if i in (5, 6) else 1.1 - 0.02 * i + 0.1 * math.cos(i) for i in range(24)]
    return {
        "title": "What the discriminator thinks",
        "x": x,
        "x_label": "images seen",
        "y_label": "score",
        "series": [
            {"label": "real faces", "y": real},
            {"label": "made faces", "y": made},
            {"label": "loss", "y": loss, "dash": True},
        ],
        "index": index,
        "marks": [{"y": 0, "label": "cannot tell"}],
        "source": "recorded while it was trained",
    }


def falling() -> dict[str, Any]:
    """One line over three decades, without a marker."""
    y = [10 ** (1 - 3 * i / 199) * (1 + 0.2 * math.sin(i / 3)) for i in range(200)]
    return {"title": "Distance", "x": list(range(200)), "x_label": "step", "y_label": "loss (log)", "log": True} | {
        "series": [{"label": "reconstruction", "y": y}],
        "marks": [{"y": 0.05, "label": "as good as it gets"}],
    }


def scored(selected: int | None = None, notes: bool = True) -> dict[str, Any]:
    """Sixteen faces, each with a score at its foot."""
    pictures = [face(i / 16, 0.3) for i in range(16)]
    value = {"image": picture.encode(picture.sheet(np.stack(pictures), 4)), "rows": 4, "cols": 4, "alt": "16 faces"}
    value |= {"actions": [{"name": "face", "value": i} for i in range(16)], "selected": selected}
    return value | ({"notes": [f"{3 - i / 2:+.1f}".replace("-", "−") for i in range(16)]} if notes else {})


def build(log: list[dict[str, Any]]) -> gr.Blocks:
    """The page; every action that Python hears is appended to log with its widget's name."""
    run = frames()
    place = {"hair": 1.2, "smile": 0.8}
    chosen = {"mode": "mean", "words": True}
    live = {"queue": False, "trigger_mode": "always_last", "show_progress": "hidden", "api_visibility": "private"}

    def heard(widget: str, event: gr.EventData) -> dict[str, Any]:
        action = {"name": event._data["name"], "value": event._data["value"]}
        log.append({"widget": widget, **action})
        return action

    def on_rail(event: gr.EventData) -> tuple[dict, dict]:
        action = heard("rail", event)
        if action["name"] in place:
            place[action["name"]] = float(action["value"])
        if action["name"] in chosen:
            chosen[action["name"]] = action["value"]
        return rail(**place, **chosen), hero(**place)

    def on_sheet(event: gr.EventData) -> dict:
        return traversal(heard("sheet", event)["value"])

    def on_pad(event: gr.EventData) -> tuple[dict, dict]:
        x, y = heard("pad", event)["value"]
        return pad(x, y), meters(round(24.7 + x, 1))

    def on_picture(event: gr.EventData) -> dict:
        action = heard("picture", event)
        if action["name"] == "crop":
            crop = action["value"]
            return {"preview": crop.pop("preview"), "crop": crop, "message": "cropped", "unusual": False}
        picture.decode_uri(action["value"])
        message = "Unlike anything I was trained on."
        return {
            "preview": action["value"],
            "crop": {"x": 0.1, "y": 0.1, "side": 0.6},
            "message": message,
            "unusual": True,
        }

    def on_frame(event: gr.EventData) -> None:
        heard("strip", event)

    def on_run() -> Iterator[dict]:
        for first in range(0, 24, 3):
            yield streamed(run[:24], first, 3)
            time.sleep(1 / 10)
        yield complete(run[:24])

    def on_mask(event: gr.EventData) -> dict:
        return masked(heard("mask", event)["value"])

    with gr.Blocks(title="Widgets", analytics_enabled=False) as demo:
        with gr.Row(elem_id="top"):
            with gr.Column(elem_id="left", scale=0, min_width=300):
                controls = Controls("rail", "demo", rail(), listened=True)
            with gr.Column(scale=3, min_width=300):
                face_sheet = FaceSheet("hero", "demo", hero(source="recorded, seed 7"))
            with gr.Column(scale=4, min_width=300):
                sheet = FaceSheet("sheet", "demo", traversal(), listened=True)
                meter = Meter("meter", "demo", meters())
        with gr.Row():
            with gr.Column(scale=4, min_width=300):
                run_button = gr.Button("Run", elem_id="run")
                frame_strip = FrameStrip("strip", "demo", strip(run), listened=True)
            with gr.Column(scale=2, min_width=300):
                latent_pad = LatentPad("pad", "demo", pad(), listened=True)
        with gr.Row():
            picture_input = PictureInput("picture", "demo", {"preview": None}, listened=True)
            mask_pad = MaskPad("mask", "demo", masked(), listened=True)
        with gr.Row():
            with gr.Column(scale=3, min_width=300):
                Curves("curves", "demo", curves())
            with gr.Column(scale=2, min_width=300):
                Curves("falling", "demo", falling())
            with gr.Column(scale=2, min_width=300):
                FaceSheet("scored", "demo", scored(5))
        controls.input(on_rail, outputs=[controls, face_sheet], **live)
        sheet.input(on_sheet, outputs=sheet, **live)
        latent_pad.input(on_pad, outputs=[latent_pad, meter], **live)
        picture_input.input(on_picture, outputs=picture_input, **live)
        frame_strip.input(on_frame, **live)
        mask_pad.input(on_mask, outputs=mask_pad, **live)
        run_button.click(
            on_run, outputs=frame_strip, show_progress="hidden", api_visibility="private", concurrency_limit=1
        )
    return demo


def head() -> str:
    """The scripts and styles of the page; `?theme=light` shows the bright room."""
    choose = 'document.documentElement.dataset.theme = location.search.includes("theme=light") ? "light" : "dark";'
    watch = """window.acts = []; document.addEventListener("act", (event) =>
        acts.push({ id: event.target.closest("[id^=demo-]")?.id, at: performance.now(), ...event.detail }));"""
    colours = [
        selector + "{" + "".join(f"--pg-{name}:{colour};" for name, colour in colours.items()) + "}"
        for selector, colours in ((":root", theme.DARK), (":root[data-theme=light]", theme.LIGHT))
    ]
    scripts = [choose, watch, PLAYGROUND.read_text(encoding="utf-8"), widgets.head()]
    return f"<style>{''.join(colours)}{LAYOUT}{widgets.css()}</style>" + "".join(
        f"<script>{text}</script>" for text in scripts
    )


@contextmanager
def served(log: list[dict[str, Any]], **settings: Any) -> Iterator[str]:
    """Serves the page on the loopback; yields its address."""
    demo = build(log)
    _, url, _ = demo.launch(
        theme=theme.Theme(),
        head=head(),
        server_name="127.0.0.1",
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        pwa=False,
        quiet=True,
        prevent_thread_lock=True,
        **settings,
    )
    try:
        yield url.rstrip("/")
    finally:
        demo.close()


if __name__ == "__main__":
    with served([]) as address:
        print(address, flush=True)
        while True:
            time.sleep(1)
