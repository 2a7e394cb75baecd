"""Several faces drawn in step, as the part "Faces" shows them: one picture completed three times, and sixteen seeds."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from demos import uploads
from demos.autoregressive_parts.faces_board import FEW, grid
from demos.autoregressive_parts.faces_drawing import DEPTH, LENGTH, SIDE, Moment, Sheet, Wish
from demos.autoregressive_parts.scene import Scene
from demos.common import LIVE, number, source
from demos.diffusion_parts.picture_walks import Own, tensor
from demos.follow import Watch, mark
from demos.stage.frame import Haste
from demos.stage.state import SEED_LIMIT, Integer
from demos.widgets.frame_strip import FrameStrip
from demos.widgets.picture import encode, raw, to_uint8
from models import zoo
from models.image_tokens import keep
from models.image_tokens_drawing import draw as draw_codes

COMPLETIONS, SIXTEEN = 3, 16
COLUMNS = 16  # tiles of 64 pixels in a row of the atlas


def half(wish: Wish, scene: Scene) -> Sheet:
    """The upper rows of the picture of the state, completed: by its own codes, and by three seeds."""
    rows = scene.state["faces_rows"]
    own = said(scene.data, Own(scene).picture)
    kept = own[: rows * SIDE * DEPTH]
    seeds = [scene.seed, *(_after(scene.seed, k) for k in range(COMPLETIONS))]
    return Sheet(wish, tuple(seeds), (own, *[kept] * COMPLETIONS), rows, pace=1)


def sixteen(wish: Wish, seed: int) -> Sheet:
    """The seed and the fifteen after it."""
    return Sheet(wish, tuple(_after(seed, k) for k in range(SIXTEEN)))


def take(state: dict[str, Any], value: Any) -> dict[str, Any]:
    """The state in which face k of the sixteen is drawn alone. Raises ValueError where there is none."""
    k = Integer("face", 0, SIXTEEN - 1, 0).check(value)
    return state | {"faces_view": "one", "seed": _after(state["seed"], k), "faces_picks": []}


def _after(seed: int, k: int) -> int:
    return (seed + k) % (SEED_LIMIT + 1)


@lru_cache(maxsize=16)
def said(data: str, picture: bytes) -> tuple[int, ...]:
    """The 128 codes of a picture given as its 64x64 RGB bytes."""
    return tuple(zoo.image_tokens(data).encode(tensor(picture))[0].tolist())


def controls(scene: Scene) -> list[dict[str, Any]]:
    """What is given of the picture, and which picture it is."""
    rows = scene.state["faces_rows"]
    other = "Another drawing" if scene.data == "toons" else "Another face"
    slider = {"kind": "slider", "name": "faces_rows", "label": "Rows given", "text": f"{rows} of {SIDE}"}
    mine = {"kind": "button", "name": "forget", "label": "Forget my picture"}
    return [
        slider | {"min": 1, "max": SIDE - 1, "step": 1, "value": rows},
        mine if scene.state["picture"] else {"kind": "button", "name": "another", "label": other},
    ]


def draw(scene: Scene, sheet: Sheet, watch: Watch, live: Haste) -> dict[str, Any]:
    """The strip as far as it is; at rest the words, the formula and the picture that is completed."""
    moments: list[Moment] = watch.records[0] if watch.runs else []
    if live and not watch.following:
        return {}
    words = _see(scene, sheet, moments[-1]) if watch.complete else watch.words or "Stopped before it began."
    view: dict[str, Any] = {
        "see": words,
        ("faces-bits" if sheet.given else "faces-spread"): _bits(scene, sheet, moments),
    }
    new = moments[watch.have :] if live else moments
    if watch.complete and not live:
        view["faces-strip"] = _strip(sheet, moments, scene.state["faces_moment"])
    elif new:
        view["faces-strip"] = _more(sheet, new, watch.have if live else 0)
    if live:
        return view
    if sheet.given:
        view["faces-input"] = uploads.input_view(scene.state, False)
    return view | {"formula": _formula(sheet, moments)}


def together(moment: Moment, sheet: Sheet) -> np.ndarray:
    """The faces of a moment in one picture: completions side by side, sixteen in four rows."""
    return grid(moment.pictures, len(sheet.seeds) if sheet.given else SIDE // 2)


def _about(sheet: Sheet) -> dict[str, Any]:
    panes = [""]
    if sheet.given:
        panes = ["its own codes", *(f"seed {seed}" for seed in sheet.seeds[1:])]
    begins = f"{sheet.rows} rows given" if sheet.given else "nothing drawn"
    about = {"panes": panes, "smooth": True, "left": begins, "right": f"{SIDE * SIDE} patches", "source": LIVE}
    takes = [{"name": "faces-take", "value": k} for k in range(SIXTEEN)]
    return about | {"cells": None if sheet.given else {"columns": SIDE // 2, "actions": takes}}


def _tiles(sheet: Sheet, moments: Sequence[Moment]) -> dict[str, Any]:
    """Atlas, columns and tile of some moments."""
    if sheet.given:
        tiles, columns = np.concatenate([moment.pictures for moment in moments]), COLUMNS
    else:
        tiles, columns = np.stack([together(moment, sheet) for moment in moments]), COLUMNS // 4
    pictures = grid(tiles, min(columns, len(tiles)))
    few = len(moments) <= FEW and sheet.given
    atlas = raw(pictures) if few else encode(pictures, "jpeg", 90)
    return {"atlas": atlas, "columns": min(columns, len(tiles)), "tile": tiles.shape[1]}


def _strip(sheet: Sheet, moments: Sequence[Moment], index: int) -> dict[str, Any]:
    return {
        **_about(sheet),
        **_tiles(sheet, moments),
        "run": mark(sheet),
        "count": len(moments),
        "index": min(index, len(moments) - 1),
        "captions": [_caption(moment) for moment in moments],
        "notes": [_notes(sheet, moment) for moment in moments],
    }


def _bits(scene: Scene, sheet: Sheet, moments: Sequence[Moment]) -> dict[str, Any]:
    """Bits so far, place by place: of every ending, or the cheapest, mean and dearest of sixteen faces."""
    places = [sheet.rows * SIDE + k * sheet.pace for k in range(sheet.moments)]
    if sheet.given:
        lines = {label: [moment.bits[k] for moment in moments] for k, label in enumerate(_about(sheet)["panes"])}
    else:
        lines = {
            "dearest so far": [max(moment.bits) for moment in moments],
            "mean": [sum(moment.bits) / len(moment.bits) for moment in moments],
            "cheapest so far": [min(moment.bits) for moment in moments],
        }
    missing = [None] * (len(places) - len(moments))
    return {
        "title": "Bits so far: how much of the face could not be foreseen",
        "x": places,
        "x_label": "patches drawn",
        "series": [{"label": label, "y": [*(round(b, 2) for b in bits), *missing]} for label, bits in lines.items()],
        "index": min(scene.state["faces_moment"], sheet.moments - 1),
        "follows": "faces-strip",
        "source": LIVE,
    }


def _more(sheet: Sheet, new: Sequence[Moment], have: int) -> dict[str, Any]:
    return FrameStrip.append(
        run=mark(sheet),
        index=have,
        of=sheet.moments,
        count=len(new),
        captions=[_caption(moment) for moment in new],
        notes=[_notes(sheet, moment) for moment in new],
        **_tiles(sheet, new),
        **_about(sheet),
    )


def _caption(moment: Moment) -> str:
    return f"{moment.places} of {SIDE * SIDE} patches" if moment.places else "nothing drawn yet"


def _notes(sheet: Sheet, moment: Moment) -> list[str]:
    return [f"{bits:.0f} bits" for bits in moment.bits] if sheet.given else []


# ---- in words


def _see(scene: Scene, sheet: Sheet, end: Moment) -> str:
    bits = end.bits
    if not sheet.given:
        return (
            f"Sixteen seeds, drawn in step by one network: the cheapest face takes {min(bits):.0f} bits, the dearest "
            f"{max(bits):.0f}. The order is always the same, top left to bottom right, so nobody sees the chin before "
            "the hair. Click one to see how it is drawn."
        )
    own = Own(scene)
    codes = zoo.image_tokens(scene.data)
    back = to_uint8(codes.decode([list(sheet.given[0])])[0])
    lost = float(np.sqrt(np.mean((back.astype(float) - own.pixels) ** 2)) / 127.5)
    what = f"{own.what[0].upper()}{own.what[1:]}"
    given = "row is" if sheet.rows == 1 else f"{sheet.rows} rows are"
    ending = ", ".join(f"{b:.0f}" for b in bits[1:])
    return (
        f"{what}, said in {LENGTH} codes (off by {lost:.2f} rms). The upper {given} given; three seeds draw the rest. "
        f"Its own ending would take {bits[0]:.0f} bits, the drawn ones take {ending}."
    )


def _formula(sheet: Sheet, moments: Sequence[Moment]) -> dict[str, Any]:
    begin = sheet.rows * SIDE * DEPTH
    given = f" | c₁ … c{_low(begin)}" if begin else ""
    lines: list[list[Any]] = [[f"p(c{_low(begin + 1)} … c{_low(LENGTH)}{given}) = ∏ᵢ p(cᵢ | c₁ … cᵢ₋₁)"]]
    if moments:
        bits = moments[-1].bits
        drawn = bits[1:] if sheet.given else bits
        if sheet.given:
            lines.append(["−log₂ p(its own ending) = ", number(bits[0], 0), " bits"])
        lines.append(["−log₂ p, mean of the drawn: ", number(sum(drawn) / len(drawn), 0), " bits"])
    title = "What comes after what is given" if sheet.given else "A face is a product"
    return {"title": title, "lines": lines, "code": source(keep, draw_codes)}


def _low(number: int) -> str:
    """A number as an index below the line."""
    return str(number).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))
