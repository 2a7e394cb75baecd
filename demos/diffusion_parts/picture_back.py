"""The task "Noise it" of the part "Your picture": forward to any t, a guess from there, and the walk back."""

from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from demos.common import LIVE, number, source
from demos.diffusion_parts.picture_walks import Own
from demos.diffusion_parts.run_frames import done
from demos.follow import Watch, mark
from demos.stage.frame import Haste
from demos.widgets.frame_strip import FrameStrip
from demos.widgets.picture import encode, raw, sheet
from models import diffusion, editing, prompts, zoo
from models.diffusion import DenoiseStep

PANES = ["x_t  noised", "x̂₀  its guess", "x₀  the picture", "|x₀ − x̂₀|  what changed"]
COLUMNS = 16  # tiles in a row of the atlas


def walks(own: Own) -> bool:
    """Whether there is a way back to be walked, and it is asked for."""
    return own.state["walked"] and own.back.steps > 0


def presses(own: Own) -> bool:
    """Whether the button that begins a walk means anything."""
    return own.back.steps > 0


def controls(own: Own) -> list[dict[str, Any]]:
    """The slider of t."""
    t = own.state["noised"]
    note = f"{_decibels(diffusion.snr_db(t))}" if t else "the picture itself"
    words = {"label": "Noise it to", "text": f"t = {t}", "note": note}
    return [{"kind": "slider", "name": "noised", "min": 0, "max": 999, "step": 1, "value": t} | words]


def draw(own: Own, watch: Watch | None, live: Haste) -> dict[str, Any]:
    """The strip: where the walk begins, as it goes on, or whole; the words and the formula that go with it."""
    if watch is None:
        return _begin(own, live)
    if not watch.runs and live:
        return {}
    records = watch.records[0] if watch.runs else []
    if not watch.complete:
        view, first = ({}, watch.have) if live else (_begin(own, live), 0)
        if len(records) > first:
            view["picture-strip"] = _added(own, records, first)
        return view | {"see": _progress(own, watch)}
    if live:
        return {}
    came = records[-1].x_next.clamp(-1, 1)
    x_t, guess = own.back.look()
    kept, read = _kept(own, came)
    count = len(records) + 1
    return {
        "picture-strip": {
            **_about(own),
            "run": mark(own.back),
            "atlas": encode(sheet(_tiles(own, records, came), COLUMNS), "webp", 90),
            "columns": COLUMNS,
            "tile": 64,
            "count": count,
            "index": min(own.state["walk_frame"], count - 1),
            "captions": [*map(_caption, records), "t = 0 · what came back"],
            "notes": [*(_notes(own, r) for r in records), ["", _away(own, came), "", f"{kept} of {read} kept"]],
        },
        "see": _see(own, guess, came, kept, read),
        "formula": _formula(own, x_t, guess, came),
    }


def frames(own: Own) -> list[np.ndarray]:
    """The four panes of every frame side by side, (64, 256, 3) uint8; one frame where nothing was walked."""
    if not walks(own):
        return [sheet(_quad(own, *own.back.look()), len(PANES))]
    records = done(own.back).records
    tiles = _tiles(own, records, records[-1].x_next.clamp(-1, 1))
    return [sheet(frame, len(PANES)) for frame in tiles.split(len(PANES))]


def _begin(own: Own, live: Haste) -> dict[str, Any]:
    """The picture at t and the guess from there: what follows the hand on the slider."""
    x_t, guess = own.back.look()
    t = own.state["noised"]
    tiles = _quad(own, x_t, guess)
    return {
        "picture-strip": {
            **_about(own),
            "atlas": raw(sheet(tiles, len(PANES))) if live else encode(sheet(tiles, len(PANES)), "png"),
            "columns": len(PANES),
            "tile": 64,
            "count": 1,
            "index": 0,
            "captions": [f"t = {t} · {'noised, and one guess' if t else 'the picture itself'}"],
            "notes": [[_decibels(diffusion.snr_db(t)) if t else "", _away(own, guess), "", ""]],
        },
        "see": _see_begin(own, guess),
        "formula": _formula(own, x_t, guess, None),
    }


def _about(own: Own) -> dict[str, Any]:
    return {
        "panes": PANES,
        "smooth": [False, True, True, True],
        "left": f"t = {own.state['noised']} · noised",
        "right": "t = 0 · picture",
        "source": f"{own.what[0].upper()}{own.what[1:]}; the rest {LIVE} · values of x_t beyond ±1 are cut",
    }


def _added(own: Own, records: list[DenoiseStep], first: int) -> dict[str, Any]:
    """The frames from ``first`` on, for a page that has those before."""
    new = records[first:]
    return FrameStrip.append(
        run=mark(own.back),
        index=first,
        of=own.back.steps + 1,
        atlas=encode(sheet(_tiles(own, new), COLUMNS), "jpeg"),
        columns=COLUMNS,
        tile=64,
        count=len(new),
        captions=[_caption(record) for record in new],
        notes=[_notes(own, record) for record in new],
        **_about(own),
    )


def _quad(own: Own, x_t: Tensor, x0: Tensor) -> Tensor:
    """The four panes of one frame, (4, 3, 64, 64)."""
    changed = (own.x0 - x0.clamp(-1, 1)).abs().mean(1, keepdim=True).expand(-1, 3, -1, -1)
    return torch.cat([x_t, x0, own.x0, 2 * changed - 1]).clamp(-1, 1)


def _tiles(own: Own, records: list[DenoiseStep], came: Tensor | None = None) -> Tensor:
    """The panes of every record, and of the picture that came back, (4 N, 3, 64, 64)."""
    quads = [_quad(own, record.x_t, record.x0) for record in records]
    return torch.cat([*quads, *([] if came is None else [_quad(own, came, came)])])


def _caption(record: DenoiseStep) -> str:
    return f"step {record.index + 1} of {record.of} · t = {record.timestep}"


def _notes(own: Own, record: DenoiseStep) -> list[str]:
    return [_decibels(record.snr_db), _away(own, record.x0), "", ""]


def _away(own: Own, x: Tensor) -> str:
    return f"{editing.rms(own.x0, x.clamp(-1, 1)):.2f} rms away"


def _decibels(snr: float) -> str:
    return f"SNR {snr:+.1f} dB".replace("-", "−")


def _kept(own: Own, came: Tensor) -> tuple[int, int]:
    """How many attributes are read off both alike, of how many that could be read off the picture."""
    before, after = editing.values(zoo.attributes(own.scene.data), torch.cat([own.x0, came]))
    known = [attribute for attribute, value in before.items() if value is not None]
    return sum(before[attribute] == after[attribute] for attribute in known), len(known)


def asked(own: Own) -> str:
    """ " Asked for: pink hair." after a sentence, or nothing."""
    if not own.request.labels:
        return ""
    return f" Asked for: {prompts.describe(own.scene.data, own.request.asked)}."


def _progress(own: Own, watch: Watch) -> str:
    return f"Noised to t = {own.state['noised']}, and on the way back. {watch.words}"


def _see_begin(own: Own, guess: Tensor) -> str:
    t = own.state["noised"]
    if t == 0:
        return "At t = 0 nothing was added: this is the picture itself, and image to image gives it back unchanged."
    share = f"{100 * diffusion.alpha_bar(t):.2g} %"
    away = editing.rms(own.x0, guess.clamp(-1, 1))
    text = (
        f"At t = {t} the picture's share of the variance is {share}, the rest is noise. Asked once, the network "
        f"guesses a picture {away:.2f} rms away.{asked(own)}"
    )
    if own.back.steps == 0:
        return f"{text} No step of the sampler lies below: this guess is all the way back there is."
    return text


def _see(own: Own, guess: Tensor, came: Tensor, kept: int, read: int) -> str:
    first, last = (editing.rms(own.x0, x.clamp(-1, 1)) for x in (guess, came))
    word = "nearer to" if last < first else "farther from"
    return (
        f"Noised to t = {own.state['noised']} and walked back in {own.back.steps} steps, the picture kept {kept} of "
        f"{read} attributes. It is {last:.2f} rms away, {word} the picture than the one-shot guess ({first:.2f}): "
        f"what noise had drowned is made up anew.{asked(own)}"
    )


@cache
def _code() -> str:
    return source(diffusion.q_sample, editing.look, editing.image_to_image)


def _formula(own: Own, x_t: Tensor, guess: Tensor, came: Tensor | None) -> dict[str, Any]:
    t = own.state["noised"]
    share = diffusion.alpha_bar(t) if t else 1.0
    lines: list[list[Any]] = [
        ["xₜ = √ᾱ x₀ + √(1 − ᾱ) ε,  ᾱ = ", {"n": f"{share:.2g}"}],
        ["= ", number(share**0.5, 3), " x₀ + ", number((1 - share) ** 0.5, 3), " ε"],
        ["rms(x₀, x̂₀) = ", number(editing.rms(own.x0, guess.clamp(-1, 1)), 3), " after one look"],
    ]
    if came is not None:
        lines.append(["rms(x₀, x′₀) = ", number(editing.rms(own.x0, came), 3), f" after {own.back.steps} steps"])
    return {"title": f"Noised to t = {t}", "lines": lines, "code": _code()}
