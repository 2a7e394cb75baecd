"""The task "What survives" of the part "Your picture": noised to ever higher t and walked back, what is still there?"""

from functools import cache
from typing import Any

import numpy as np
import torch

from demos.common import LIVE, faces, named_label, number, source
from demos.diffusion_parts.picture_back import asked
from demos.diffusion_parts.picture_walks import LEVELS, Level, Own
from demos.diffusion_parts.run_frames import done
from demos.follow import Watch
from demos.stage.frame import Haste
from demos.widgets.picture import sheet
from models import conditions, diffusion, editing

COLUMNS = 5
GREY = -0.6  # a cell that is still to come
TIMES = (0, *LEVELS)


def walks(own: Own) -> bool:
    """Always: it is what this task is."""
    return True


def presses(own: Own) -> bool:
    """Always."""
    return True


def controls(own: Own) -> list[dict[str, Any]]:
    """None of its own."""
    return []


def lost(levels: list[Level]) -> dict[str, int | None]:
    """For every attribute that was read off the picture, the first t from which it came back different, or None."""
    first = levels[0].values
    return {
        attribute: next((level.t for level in levels if level.values[attribute] != value), None)
        for attribute, value in first.items()
        if value is not None
    }


def kept(levels: list[Level], level: Level) -> tuple[int, int]:
    """How many attributes came back from a level as they were, of how many."""
    known = [attribute for attribute, value in levels[0].values.items() if value is not None]
    return sum(level.values[a] == levels[0].values[a] for a in known), len(known)


def draw(own: Own, watch: Watch, live: Haste) -> dict[str, Any]:
    """What came back from every t so far, the two curves, and for each attribute where it was lost."""
    records = watch.records[0] if watch.runs else []
    levels = [record for record in records if record is not None]
    if live and (watch.complete or not any(records[watch.have :])):
        return {}
    if not levels:
        return {"see": _progress(watch, levels)}
    return {
        "picture-levels": _sheet(own, levels),
        "picture-curve": _curve(levels),
        "picture-meters": {"items": _bars(levels)},
        "see": _see(own, levels) if len(levels) == len(TIMES) else _progress(watch, levels),
        "formula": _formula(levels),
    }


def frames(own: Own) -> list[np.ndarray]:
    """The picture beside what came back from every t, (64, 128, 3) uint8."""
    levels = [record for record in done(own.survey).records if record is not None]
    return [sheet(torch.cat([own.x0, level.picture]), 2) for level in levels]


def _sheet(own: Own, levels: list[Level]) -> dict[str, Any]:
    pictures = [level.picture for level in levels]
    missing = len(TIMES) - len(levels)
    notes = [
        f"t = {level.t}" + (f" · {kept(levels, level)[0]} kept" if level.t else " · the picture") for level in levels
    ]
    return faces(
        torch.cat([*pictures, torch.full((missing, 3, 64, 64), GREY)]),
        COLUMNS,
        f"The picture, and what came back from {len(levels) - 1} values of t",
        f"{own.what[0].upper()}{own.what[1:]}, and what came back. Click one to see its walk.",
        notes=notes + [f"t = {t}" for t in TIMES[len(levels) :]],
        actions=[{"name": "walk-from", "value": level.t} for level in levels] + [None] * missing,
    )


def _curve(levels: list[Level]) -> dict[str, Any]:
    rest: list[None] = [None] * (len(TIMES) - len(levels))
    shares = [sum(pair[:1]) / max(1, pair[1]) for pair in (kept(levels, level) for level in levels)]
    return {
        "x": list(TIMES),
        "x_label": "noised to t",
        "series": [
            {"label": "attributes kept, share", "y": [round(share, 4) for share in shares] + rest, "dash": False},
            {"label": "distance, rms", "y": [round(level.rms, 4) for level in levels] + rest, "dash": True},
        ],
        "source": LIVE,
    }


def _bars(levels: list[Level]) -> list[dict[str, Any]]:
    """One bar for each attribute, up to the t at which it was lost; the first to go stands first."""
    reached, ends = levels[-1].t, lost(levels)
    order = sorted(ends, key=lambda attribute: (ends[attribute] is None, ends[attribute] or 0))
    items = []
    for attribute in order:
        end = ends[attribute]
        text = f"lost at t = {end}" if end is not None else "kept" if reached == TIMES[-1] else "kept so far"
        bar = {"value": reached if end is None else end, "max": TIMES[-1], "text": text}
        items.append({"label": named_label(attribute)} | bar)
    return items


def _progress(watch: Watch, levels: list[Level]) -> str:
    back = max(0, len(levels) - 1)
    return f"The picture is noised to {len(LEVELS)} values of t and walked back; {back} came back. {watch.words}"


def _see(own: Own, levels: list[Level]) -> str:
    ends = lost(levels)
    gone = sorted({end for end in ends.values() if end is not None})
    if not gone:
        return f"Every attribute that can be read off the picture came back from every t.{asked(own)}"
    order = f"Lost first: {_those(ends, gone[0])}" + (f"; last: {_those(ends, gone[-1])}." if len(gone) > 1 else ".")
    never = sum(end is None for end in ends.values())
    rest = f" {never} of {len(ends)} came back even from t = 999, by chance or as the usual." if never else ""
    return f"What noise has drowned is made up anew on the way back. {order}{rest}{asked(own)}"


def _those(ends: dict[str, int | None], t: int) -> str:
    """``mouth and eyes (t = 100)``: what was lost at t, counted where it is much."""
    names = [named_label(attribute).lower() for attribute, end in ends.items() if end == t]
    return f"{' and '.join(names) if len(names) < 3 else f'{len(names)} attributes'} (t = {t})"


@cache
def _code() -> str:
    return source(editing.image_to_image, editing.values, conditions.read, diffusion.q_sample)


def _formula(levels: list[Level]) -> dict[str, Any]:
    level = levels[-1]
    count, known = kept(levels, level)
    return {
        "title": "What survives",
        "lines": [
            ["x₀ → xₜ = √ᾱ x₀ + √(1 − ᾱ) ε → x′₀"],
            [f"t = {level.t}:  ", number(count, 0), " of ", number(known, 0), " attributes read as before"],
            [
                "rms(x₀, x′₀) = ",
                number(level.rms, 3),
                ",  ᾱ = ",
                {"n": f"{diffusion.alpha_bar(level.t) if level.t else 1.0:.2g}"},
            ],
        ],
        "code": _code(),
    }
