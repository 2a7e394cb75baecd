"""What leaves the page as a file: a run as a GIF, or in one picture."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from demos.widgets.picture import encode

GIF_SIDE = 512  # pixels of the longer side, at most
GIF_FRAMES = 240
CONTACTS = 8  # frames in a contact sheet
CONTACT_SIDE = 256  # pixels of the shorter side of each, at least
GAP = 8


def animate(frames: Sequence[np.ndarray], milliseconds: int = 80) -> str:
    """An endless GIF of frames ((H, W, 3) uint8, one size), enlarged to at most 512 pixels, as a data URI.

    All frames share one palette, so that nothing flickers; the last frame stays for a second. ValueError for none.
    """
    if not 0 < len(frames) <= GIF_FRAMES:
        raise ValueError(f"A GIF has 1 to {GIF_FRAMES} frames, not {len(frames)}.")
    height, width = frames[0].shape[:2]
    scale = max(1.0, GIF_SIDE / max(height, width))
    size = (round(width * scale), round(height * scale))
    palette = Image.fromarray(np.concatenate(frames, axis=1)).quantize(256)
    enlarged = [Image.fromarray(frame).resize(size, Image.Resampling.BICUBIC) for frame in frames]
    pictures = [picture.quantize(palette=palette) for picture in enlarged]
    durations = [milliseconds] * (len(pictures) - 1) + [1000]
    buffer = io.BytesIO()
    pictures[0].save(
        buffer, "GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0, optimize=True
    )
    return "data:image/gif;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def contacts(frames: Sequence[np.ndarray]) -> str:
    """Eight frames, evenly spread from the first to the last, in one PNG in reading order, as a data URI.

    frames: (H, W, 3) uint8, one size; fewer than eight are all shown. Pixels stay pixels. ValueError for none.
    """
    if not len(frames):
        raise ValueError("There is no frame to show.")
    chosen = [frames[k] for k in np.unique(np.linspace(0, len(frames) - 1, CONTACTS).round().astype(int))]
    height, width = chosen[0].shape[:2]
    scale = -(-CONTACT_SIDE // min(height, width)) if min(height, width) < CONTACT_SIDE else 1
    height, width = height * scale, width * scale
    columns = len(chosen) if width <= height else -(-len(chosen) // 2)
    rows = -(-len(chosen) // columns)
    sheet = np.full((rows * (height + GAP) + GAP, columns * (width + GAP) + GAP, 3), 255, np.uint8)
    for k, frame in enumerate(chosen):
        y, x = (k // columns) * (height + GAP) + GAP, (k % columns) * (width + GAP) + GAP
        sheet[y : y + height, x : x + width] = frame.repeat(scale, 0).repeat(scale, 1)
    return encode(sheet, "png")
