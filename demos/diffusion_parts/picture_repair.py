"""The task "Repair" of the part "Your picture": what a mask covers is made up anew, from three seeds."""

from functools import cache
from itertools import combinations
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import Tensor

from demos.common import LIVE, number, source
from demos.diffusion_parts.picture_back import asked
from demos.diffusion_parts.picture_walks import AGAIN, FILLINGS, REPAIRERS, Own
from demos.diffusion_parts.run_frames import done
from demos.diffusion_parts.scene import LABELS
from demos.follow import Watch, mark
from demos.stage.frame import Haste
from demos.stage.state import pack_bits
from demos.widgets.frame_strip import FrameStrip
from demos.widgets.picture import encode, raw, sheet, to_uint8
from models import diffusion
from models.diffusion import DenoiseStep

AREAS = {"eyes": "Eyes", "mouth": "Mouth", "upper": "Top", "left": "Left", "own": "Own"}
FILLING = {"replace": "Replace", "repaint": "RePaint"}
COLUMNS = 15  # tiles in a row of the atlas
BRUSH = 8


def walks(own: Own) -> bool:
    """Whether something is to be made anew, and it is asked for."""
    return own.state["walked"] and bool(own.mask.any())


def presses(own: Own) -> bool:
    """Whether there is anything to fill in."""
    return bool(own.mask.any())


def controls(own: Own) -> list[dict[str, Any]]:
    """What is to be made anew, and how."""

    def choice(key: str, label: str, words: dict[str, str]) -> dict[str, Any]:
        options = [{"value": value, "label": word} for value, word in words.items()]
        return {"kind": "choice", "name": key, "label": label, "options": options, "value": own.state[key]}

    return [choice("area", "Make anew, or paint", AREAS), choice("filling", "Method", FILLING)]


def changed_outside(own: Own, x: Tensor) -> int:
    """Pixels outside the mask that any of the fillings (FILLINGS, 3, 64, 64) shows otherwise than the picture does."""
    shown = np.stack([to_uint8(filling) for filling in x.clamp(-1, 1)])
    return int(((shown != own.pixels).any((0, 3)) & ~own.mask).sum())


def spread(own: Own, x: Tensor) -> float:
    """How far the fillings are from one another inside the mask: mean rms of two of them."""
    inside = x[:, :, torch.from_numpy(own.mask)]
    return fmean(float((a - b).square().mean().sqrt()) for a, b in combinations(inside, 2))


def draw(own: Own, watch: Watch | None, live: Haste) -> dict[str, Any]:
    """The mask on the picture, and three fillings of it: to begin with, on their way, or done."""
    view: dict[str, Any] = {}
    if not (live and watch and watch.following):  # a page that follows a run has it
        view["picture-mask"] = {
            "image": encode(own.pixels, "png"),
            "mask": pack_bits(own.mask),
            "brush": BRUSH,
            "alt": f"{own.what}, and what is to be made anew",
            "caption": "Hatched: to be made anew. Paint on it.",
        }
    if watch is None:
        return view | _begin(own, live)
    if not watch.runs and live:
        return view
    records = watch.records[0] if watch.runs else []
    if not watch.complete:
        first = watch.have if live else 0
        if not live:
            view |= _begin(own, live)
        if len(records) > first:
            view["picture-strip"] = _added(own, records, first)
        return view | {"see": f"Filling in, three seeds at once. {watch.words}"}
    if live:
        return view
    filled, count = records[-1].x_next.clamp(-1, 1), len(records) + 1
    changed, apart = changed_outside(own, filled), spread(own, filled)
    return view | {
        "picture-strip": {
            **_about(own),
            "run": mark(own.mend),
            "atlas": encode(sheet(_tiles(records, filled), COLUMNS), "webp", 92),
            "columns": COLUMNS,
            "tile": 64,
            "count": count,
            "index": min(own.state["walk_frame"], count - 1),
            "captions": [*map(_caption, records), "filled in"],
        },
        "picture-meters": {"items": _meters(own, changed, apart)},
        "see": _see(own, changed, apart),
        "formula": _formula(own, records[-1].nfe),
    }


def frames(own: Own) -> list[np.ndarray]:
    """The three fillings side by side at every step, (64, 192, 3) uint8."""
    if not walks(own):
        return [sheet(own.mend.empty().clamp(-1, 1), FILLINGS)]
    records = done(own.mend).records
    return [sheet(frame, FILLINGS) for frame in _tiles(records, records[-1].x_next).split(FILLINGS)]


def _begin(own: Own, live: Haste) -> dict[str, Any]:
    """What a repair starts from: the picture with noise where it is to be made anew."""
    tiles = sheet(own.mend.empty().clamp(-1, 1), FILLINGS)
    share = f"{100 * own.mask.mean():.0f} %"
    words = f"{share} of the picture is to be made anew: noise, one for each seed. Press Fill it in." + asked(own)
    return {
        "picture-strip": {
            **_about(own),
            "atlas": raw(tiles) if live else encode(tiles, "png"),
            "columns": FILLINGS,
            "tile": 64,
            "count": 1,
            "index": 0,
            "captions": ["to be filled in" if own.mask.any() else "nothing to fill in"],
        },
        "see": words if own.mask.any() else "Nothing is masked. Paint on the picture, or choose a part of the face.",
        "picture-meters": {"items": []},
        "formula": _formula(own, 0),
    }


def _about(own: Own) -> dict[str, Any]:
    return {
        "panes": [f"x_t  seed {seed}" for seed in own.mend.seeds],
        "smooth": True,
        "left": "t = 999 · noise",
        "right": "t = 0 · filled in",
        "source": LIVE,
    }


def _added(own: Own, records: list[DenoiseStep], first: int) -> dict[str, Any]:
    """The frames from ``first`` on, for a page that has those before."""
    new = records[first:]
    return FrameStrip.append(
        run=mark(own.mend),
        index=first,
        of=own.mend.steps + 1,
        atlas=encode(sheet(_tiles(new), COLUMNS), "jpeg"),
        columns=COLUMNS,
        tile=64,
        count=len(new),
        captions=[_caption(record) for record in new],
        **_about(own),
    )


def _tiles(records: list[DenoiseStep], filled: Tensor | None = None) -> Tensor:
    """x_t of every record, and what came of it, (FILLINGS N, 3, 64, 64)."""
    pictures = [record.x_t for record in records]
    return torch.cat([*pictures, *([] if filled is None else [filled])]).clamp(-1, 1)


def _caption(record: DenoiseStep) -> str:
    return f"step {record.index + 1} of {record.of} · t = {record.timestep}"


def _meters(own: Own, changed: int, apart: float) -> list[dict[str, Any]]:
    outside = int((~own.mask).sum())
    return [
        {
            "label": "Changed outside",
            "value": changed,
            "max": max(1, outside),
            "text": f"{changed:,} pixels",
            "meaning": f"of {outside:,} outside the mask",
        },
        {"label": "Fillings differ", "value": apart, "max": max(1.0, apart), "text": f"{apart:.2f} rms"}
        | {"meaning": "two seeds, inside the mask"},
    ]


def _sampler(own: Own) -> str:
    chosen, used = own.request.scheduler, own.mend.request.scheduler
    return "" if chosen in REPAIRERS else f" {LABELS[chosen]} cannot repair, so {LABELS[used]} does."


def _see(own: Own, changed: int, apart: float) -> str:
    outside = "Outside the mask not one pixel changed" if not changed else f"Outside the mask {changed} pixels changed"
    method = (
        "After every step what is known is put back, with as much noise as belongs there."
        if own.state["filling"] == "replace"
        else f"Every step is taken {AGAIN['repaint']} times, noised again between, so that both sides find together."
    )
    return f"{method} {outside}; inside, two fillings differ by {apart:.2f} rms.{_sampler(own)}{asked(own)}"


@cache
def _code() -> str:
    return source(diffusion.Keep, diffusion.walk)


def _formula(own: Own, nfe: int) -> dict[str, Any]:
    share = float(own.mask.mean())
    lines: list[list[Any]] = [
        ["xₜ ← m ⊙ (√ᾱ x₀ + √(1 − ᾱ) ε) + (1 − m) ⊙ xₜ"],
        ["known: m = 1 on ", number(100 * (1 - share), 0), " % of the pixels"],
        ["times each step is taken: ", number(own.mend.again, 0)],
    ]
    if nfe:
        lines.append(["evaluations for each picture: ", number(nfe, 0)])
    return {"title": "The repair", "lines": lines, "code": _code()}
