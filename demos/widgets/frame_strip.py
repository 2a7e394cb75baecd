"""A run of frames: streamed in while it is computed, then scrubbed in the browser alone."""

from collections.abc import Sequence
from typing import Any

from .base import Widget


class FrameStrip(Widget):
    """Panes side by side, a row of thumbnails and a scrubber. A click on one of several panes enlarges it.

    Value, complete: `{"run": str, "panes": [label, ...], "rows": r, "atlas": data URI, "columns": c, "tile": side in
    pixels, "count": n, "index": k, "captions": [str], "notes": [[str]], "left": str, "right": str, "source": str,
    "smooth": bool or one per pane}`; the tile of pane p of frame i is number `i * len(panes) + p` of the atlas, row by
    row (`picture.sheet`). Optional: `run`, what the frames follow from: after frames of the same run the visitor stays
    where they are, and `index` does not move them; `rows` (1) of panes; `notes`, words per frame, one for each pane,
    shown under it; `cells` for a single pane that holds several pictures, `{"columns": n, "actions": [action or
    None]}`: a click on one of them sends its action.
    Lanes, runs of different lengths side by side: `"lengths": [n_p, ...]`, one for each pane, in place of `count`. The
    tiles of the atlas, and the notes, then go lane by lane: all n_0 of the first, then the n_1 of the second. There are
    as many places as the longest lane has frames (`captions` has one for each), and every lane shows the frame at the
    same fraction of its run.
    Value, streaming: `FrameStrip.append(...)`; the frames of another run start over.
    Emits `{"name": "frame", "value": i}`, not live, when scrubbing ends. Before every paint of another frame the tab's
    root gets a CustomEvent `strip-index` with detail `{name, index}`, so that other widgets (`Curves`) move with it.
    """

    kind = "frame_strip"

    @staticmethod
    def append(
        run: str,
        index: int | Sequence[int],
        of: int,
        atlas: str,
        columns: int,
        tile: int,
        count: int | Sequence[int],
        captions: Sequence[str] = (),
        notes: Sequence[Sequence[str]] = (),
        **about: Any,
    ) -> dict[str, Any]:
        """The value that adds the `count` frames from `index` on to a run that will have `of` of them.

        atlas: their tiles, laid out as in the complete value; `picture.raw` spares the browser the decoding of a few.
        captions, notes: theirs. about: panes, rows, left, right, source, smooth, where they are to change.
        With lanes about has `lengths`, index and count are one number per lane (count 0: nothing new), `of` is the
        longest length, and captions are those of all places. Frames that are there already may come again.
        """
        added = {"run": run, "index": index, "of": of, "atlas": atlas, "columns": columns, "tile": tile, "count": count}
        return {**about, "append": {**added, "captions": list(captions), "notes": [list(words) for words in notes]}}
