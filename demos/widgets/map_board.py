"""A map of thousands of points: thumbnails that thin out into dots, zoomed, walked over, circled, turned in space."""

import base64
from typing import Any

import numpy as np

from .base import Widget

UNKNOWN = 255


class MapBoard(Widget):
    """One canvas of points that keep their identity: where their places change, they glide from old to new ones.

    Every name of the value may be left out: then what was shown stays; None takes it away. A value at rest should name
    them all. Equal texts cost nothing to repaint. Places are in the units of the points' box, y upwards.

    What lies on it:

    - points: `MapBoard.points(places)`: `{"count", "x", "y", "z" (or None), "box" [[low, high] of x, y (, z)]}`, the
      axes as base64 of little-endian uint16 between low and high; "ids" (base64 uint16) if the points are not the
      pictures 0, 1, 2... of `thumbs`. Three axes make it a view in space that a drag turns.
    - thumbs: `[{"url", "columns", "side", "start", "count"}]`: atlases; picture `start` is the first of its atlas
    - colours: `MapBoard.classes(...)` or `MapBoard.amounts(...)`: a class (with a legend that hides it; "off": those
      that are hidden) or a number (with a scale) for each point
    - shown: `MapBoard.bits(...)`: the points that are not filtered away; None for all. Others stay as faint dots
    - selection: bits of the points that were circled, or None
    - marks: `[{"point" or "at" [x, y (, z)], "kind" ("pin", "you" or a letter that is shown), "label"}]`
    - lines: `[{"from", "to" (a point, or a place [x, y]), "strength" 0..1, "label" (optional)}]`
    - roads: `[{"label", "xy" [[x, y], ...], "dash" (bool), "at" (index shown as a bead, or None)}]`, at most four
    - hull: `[[x, y], ...]`, the line that was drawn around the selection, or None
    - card: `{"point", "title", "words" [str], "image" (a large picture, optional)}`: about the point under the hand;
      the enlarged thumbnail is there at once, the words follow

    How it behaves:

    - name: another name is another map: the camera starts afresh and nothing glides
    - camera: [x, y, zoom] to fly to, zoom 1 shows all; None shows all
    - morph: milliseconds of a glide (700 unless told); 0 jumps
    - brush: a word; boards of a tab with the same word show one another's hovered point and lasso
    - follows: name of a FrameStrip of the same tab: the beads of the roads are where its frame is, in the browser alone
    - pictures: False draws dots only
    - tools: of "zoom", "lasso", "save"; all unless told
    - emits: `{"hover", "click", "lasso", "legend", "camera"}`: names of actions, each may be missing
    - alt, caption, source: words; hint: a few words over an empty corner

    Emits, by the names above:

    - hover, live, at most once a frame: `{"point": index or -1, "place": [x, y]}`, or None when the hand has left; in
      space only points have places that a hand can name, and `place` is None. Arrow keys move the same hand.
    - click, not live: the same; space and Enter do it, too
    - lasso, not live: `[[x, y], ...]`, 3 to 28 corners, or None when it is taken away; there is none in space
    - legend, not live: the classes that are hidden now; camera, not live: [x, y, zoom] once it rests
    """

    kind = "map_board"

    @staticmethod
    def points(places: np.ndarray, ids: np.ndarray | None = None) -> dict[str, Any]:
        """Places (n, 2) or (n, 3), finite, as the value's `points`; exact to a 65,535th of the box."""
        places = np.asarray(places, np.float64)
        if places.ndim != 2 or not len(places) or places.shape[1] not in (2, 3) or not np.isfinite(places).all():
            raise ValueError(f"a board shows finite places (n, 2) or (n, 3), not {places.shape}")
        low, high = places.min(0), places.max(0)
        span = np.where(high > low, high - low, 1.0)
        whole = np.rint((places - low) / span * 65535).astype("<u2")
        axes = {name: _text(whole[:, i]) for i, name in enumerate("xyz"[: places.shape[1]])}
        box = [[float(a), float(a + b)] for a, b in zip(low, span, strict=True)]
        named = {} if ids is None else {"ids": _text(np.asarray(ids).astype("<u2"))}
        return {"count": len(places), "z": None, **axes, "box": box, **named}

    @staticmethod
    def classes(
        values: np.ndarray,
        names: list[str],
        label: str,
        off: list[int] | None = None,
        palette: list[str] | None = None,
    ) -> dict[str, Any]:
        """Colours by class: values (n,) are positions in names, -1 where unknown; at most 250 names.

        palette: "#rrggbb" of each class, where classes are colours themselves; the page keeps them off its ground.
        """
        if len(names) > 250:
            raise ValueError(f"a legend has at most 250 names, not {len(names)}")
        whole = np.where(np.asarray(values) < 0, UNKNOWN, values).astype(np.uint8)
        own = {"palette": list(palette)} if palette else {}
        return {
            "kind": "classes",
            "values": _text(whole),
            "names": list(names),
            "label": label,
            "off": off or [],
            **own,
        }

    @staticmethod
    def amounts(values: np.ndarray, label: str, low: str, high: str, span: tuple[float, float] = (0, 1)) -> dict:
        """Colours by a number: values (n,), NaN where unknown; low and high are words for the ends of span."""
        values = np.asarray(values, np.float64)
        share = np.clip((values - span[0]) / ((span[1] - span[0]) or 1.0), 0, 1)
        whole = np.where(np.isfinite(values), np.rint(254 * np.nan_to_num(share)), UNKNOWN).astype(np.uint8)
        return {"kind": "number", "values": _text(whole), "label": label, "low": low, "high": high}

    @staticmethod
    def bits(chosen: np.ndarray) -> str:
        """Yes or no for each point (n,), as text."""
        return _text(np.packbits(np.asarray(chosen, bool)))


def _text(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
