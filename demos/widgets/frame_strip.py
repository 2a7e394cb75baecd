"""A run of frames: streamed in while it is computed, then scrubbed in the browser alone."""

from typing import Any

from .base import Widget


class FrameStrip(Widget):
    """Panes side by side, a row of thumbnails and a scrubber.

    Value, complete: `{"panes": [label, ...], "atlas": data URI, "columns": c, "tile": side in pixels, "count": n,
    "index": k, "captions": [str], "left": str, "right": str, "source": str, "smooth": bool}`; the tile of pane p of
    frame i is number `i * len(panes) + p` of the atlas, row by row (`picture.sheet`). Optionally `notes`, a list of
    words per frame, one for each pane, shown under it.
    Value, streaming: `FrameStrip.append(...)`, at most 30 a second; index 0 starts over.
    Emits `{"name": "frame", "value": i}`, not live, when scrubbing ends. Before every paint of another frame the tab's
    root gets a CustomEvent `strip-index` with detail `{name, index}`, so that other widgets (`Curves`) move with it.
    """

    kind = "frame_strip"

    @staticmethod
    def append(index: int, of: int, images: list[str], caption: str = "", **about: Any) -> dict[str, Any]:
        """The value that adds one frame: one data URI per pane in images; about may set panes, left, right, source."""
        return {**about, "append": {"index": index, "of": of, "images": images, "caption": caption}}
