"""A recorded training, moment by moment: what the parts "Watch it learn" of several tabs share."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from demos.widgets.picture import encode
from models.zoo import Replay

MOMENTS = 24
TILE = 256  # pixels of one moment: 4x4 faces of 64
COLUMNS = 6  # moments in a row of the stored sheets
RECORDED = "recorded during training"
Moments = Sequence[dict[str, float]]


def tiles(run: Replay) -> np.ndarray:
    """The sixteen faces at every moment of a run, (moments, TILE, TILE, 3) uint8."""
    with Image.open(run.sheet) as image:
        pixels = np.asarray(image.convert("RGB"))
    cells = pixels.reshape(-1, TILE, COLUMNS, TILE, 3).transpose(0, 2, 1, 3, 4)
    return cells.reshape(-1, TILE, TILE, 3)[: len(run.moments)]


def enlarged(sixteen: np.ndarray, face: int) -> np.ndarray:
    """One of the sixteen faces of every moment (moments, TILE, TILE, 3), as large as all of them."""
    side = TILE // 4
    y, x = face // 4 * side, face % 4 * side
    one = [Image.fromarray(moment[y : y + side, x : x + side]) for moment in sixteen]
    return np.stack([face.resize((TILE, TILE), Image.Resampling.BICUBIC) for face in one])


def atlas(panes: np.ndarray) -> str:
    """Panes (moments, panes, TILE, TILE, 3) as one picture: six moments to a row, the panes of a moment together."""
    count, width = panes.shape[:2]
    rows = -(-count // COLUMNS)
    full = np.zeros((rows * COLUMNS, *panes.shape[1:]), np.uint8)
    full[:count] = panes
    cells = full.reshape(rows, COLUMNS * width, TILE, TILE, 3).transpose(0, 2, 1, 3, 4)
    return encode(cells.reshape(rows * TILE, COLUMNS * width * TILE, 3), "webp", 88)


def strip(panes: Sequence[str], picture: str, at: int, captions: Sequence[str], **more: Any) -> dict[str, Any]:
    """Value of the strip: ``picture`` is an :func:`atlas`, ``captions`` has a sentence for every moment."""
    return {
        "panes": list(panes),
        "atlas": picture,
        "columns": COLUMNS * len(panes),
        "tile": TILE,
        "count": len(captions),
        "index": at,
        "captions": list(captions),
        "left": "start",
        "right": "end",
    } | more


def curve(strip: str, at: int, title: str, y_label: str, series: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """Value of curves over the moments whose marker follows ``strip``."""
    return {
        "title": title,
        "x": list(range(1, len(series[0]["y"]) + 1)),
        "x_label": "moment",
        "y_label": y_label,
        "series": series,
        "index": at,
        "follows": strip,
        "log": False,
        "marks": [],
        "source": RECORDED,
    } | more


def caption(moments: Moments) -> str:
    """How many pictures had been seen at one moment of one run, or of several that are shown together."""
    seen = list(dict.fromkeys(f"{moment['images_seen']:,.0f}" for moment in moments))
    return f"{' and '.join(seen)} pictures seen"


@cache
def record(folder: Path) -> dict[str, Any]:
    """The training.json of a weights folder."""
    return json.loads((folder / "training.json").read_text())
