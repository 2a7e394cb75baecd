"""One face as the part "Faces" shows it: every stroke of it with what it was chosen from, and that in words."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from demos.autoregressive_parts.faces_drawing import (
    DEPTH,
    LENGTH,
    MOST,
    SIDE,
    Face,
    Other,
    Stroke,
    Wish,
    others_of,
    strokes_of,
)
from demos.common import LIVE, number, source
from demos.follow import Watch, mark
from demos.widgets.picture import encode, raw
from models.image_tokens_drawing import chances, draw

COLUMNS = 16  # pictures in a row of their sheet
FEW = 3  # pictures that travel as they are: a browser takes longer to decode a small JPEG than to copy its pixels
STROKES = ("rough", "fine")
MADE = f"A face is {SIDE * SIDE} patches, each a rough and a fine stroke."


def grid(tiles: np.ndarray, columns: int) -> np.ndarray:
    """Tiles (N, h, w, 3) uint8 side by side, row by row; where there is none it is black."""
    count, height, width = tiles.shape[:3]
    rows = -(-count // columns)
    cells = np.zeros((rows * columns, height, width, 3), np.uint8)
    cells[:count] = tiles
    shape = (rows * height, columns * width, 3)
    return cells.reshape(rows, columns, height, width, 3).swapaxes(1, 2).reshape(shape)


def board(face: Face, watch: Watch, index: int, live: bool) -> dict[str, Any] | None:
    """Value of the patch board: what a page that follows does not have yet, or all there is; None for nothing."""
    records = watch.records[0] if watch.runs else []
    new = records[watch.have :] if live else records
    strokes, others = strokes_of(new), others_of(new)
    if not new:
        return None
    about = {
        "run": mark(face),
        "side": SIDE,
        "depth": DEPTH,
        "codes": strokes_of(records)[0].of,
        "index": index,
        "begin": face.picks[-1][0] if face.picks else 0,
        "complete": watch.complete,
        "source": LIVE,
    }
    if strokes:
        items = [_item(stroke) for stroke in strokes]
        there = {"from": strokes[0].index, "columns": COLUMNS, "tile": 64, "atlas": _sheet(strokes)}
        about["strokes"] = there | {"items": items}
    if others:
        at = [other.index for other in others]
        about["patches"] = {"at": at, "columns": MOST, "tile": 8, "atlas": _small(others)}
    return about


def _sheet(strokes: Sequence[Stroke]) -> str:
    pictures = grid(np.stack([stroke.picture for stroke in strokes]), COLUMNS)
    return raw(pictures) if len(strokes) <= FEW else encode(pictures, "jpeg", 90)


def _small(others: Sequence[Other]) -> str:
    """Candidates, those of a position in a row. A JPEG keeps its 8x8 squares apart, and those are just the patches."""
    rows = np.zeros((len(others), MOST, 8, 8, 3), np.uint8)
    for row, other in zip(rows, others, strict=True):
        row[: len(other.patches)] = other.patches
    return encode(grid(rows.reshape(-1, 8, 8, 3), MOST), "jpeg", 92)


def _item(stroke: Stroke) -> dict[str, Any]:
    """A stroke as the page knows it."""
    shown = {
        "codes": stroke.best,
        "chances": [round(p, 5) for p in stroke.chances],
        "chosen": stroke.chosen,
        "chance": round(stroke.chance, 6),
        "rank": stroke.rank,
        "dart": None if stroke.dart is None else round(stroke.dart, 6),
        "bits": round(stroke.surprisal, 3),
        "entropy": round(stroke.entropy, 3),
    }
    belief = [round(p, 5) for p in stroke.belief]
    return shown if belief == shown["chances"] else shown | {"belief": belief}


# ---- in words


def where(index: int) -> str:
    """A position as a visitor counts: ``patch 37 (row 5, column 5), fine stroke``."""
    place, level = divmod(index, DEPTH)
    row, column = divmod(place, SIDE)
    return f"patch {place + 1} (row {row + 1}, column {column + 1}), {STROKES[level]} stroke"


def entropies(strokes: Sequence[Stroke]) -> np.ndarray:
    """Bits of hesitation at every place, its strokes together, (SIDE * SIDE,)."""
    return np.array([stroke.entropy for stroke in strokes]).reshape(-1, DEPTH).sum(1)


def see(strokes: Sequence[Stroke], index: int) -> str:
    """What happened at the position shown and in the whole face, from its numbers."""
    if len(strokes) < LENGTH:
        return f"{MADE} It chooses them in reading order."
    stroke = strokes[index]
    hesitation = entropies(strokes)
    most, least = int(hesitation.argmax()), int(hesitation.argmin())
    chose = "You chose" if stroke.dart is None else "The dart hit"
    rank = "the most probable" if stroke.rank == 1 else f"number {stroke.rank}"
    choice = 2**stroke.entropy
    equal = f"it hesitates as among {choice:,.0f} equally likely ones" if choice >= 1.5 else "it hardly hesitates"
    return (
        f"{MADE} Here, {where(index)}: {equal} ({stroke.entropy:.1f} bits). {chose} {rank} of {stroke.of}. "
        f"It was surest of patch {least + 1} ({hesitation[least]:.1f} bits), least sure of patch {most + 1} "
        f"({hesitation[most]:.1f})."
    )


def formula(strokes: Sequence[Stroke], index: int, wish: Wish) -> dict[str, Any]:
    """The product that a face is, with the bits of the position shown and of the whole."""
    told = ", labels" if wish.labels else ""
    lines: list[list[Any]] = [[f"p(c₁ … c₁₂₈) = ∏ᵢ p(cᵢ | c₁ … cᵢ₋₁{told})"]]
    if index < len(strokes):
        stroke = strokes[index]
        here = [f"−log₂ p(c | before), i = {index + 1}: ", number(stroke.surprisal, 2), " bits;  H = "]
        guided = [";  guidance ", number(wish.guidance, 1)] if wish.guidance != 1 else []
        lines.append([*here, number(stroke.entropy, 2), *guided])
    if len(strokes) == LENGTH:
        even = LENGTH * math.log2(strokes[-1].of)
        lines.append(["−log₂ p(face) = ", number(strokes[-1].drawn, 0), f" bits; all codes alike: {even:,.0f}"])
    return {"title": "A face is a product", "lines": lines, "code": source(draw, chances)}
