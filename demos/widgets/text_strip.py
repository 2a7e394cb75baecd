"""Moments of a text that changes: one of them large, scrubbed and played in the browser alone."""

from .base import Widget


class TextStrip(Widget):
    """One text at a time in large letters, what stands beside it, and a scrubber over the moments.

    Value: `{"run": str, "frames": [{"text": str, "note": str}], "prompt": str, "index": k, "captions": [str], "left":
    str, "right": str, "source": str, "beside": {"title": str, "texts": [str], "notes": [str]} or None}`. prompt stands
    before every text, in the tab's colour; note is said of the moment, over the text. beside: one smaller text for each
    moment (or for none of them: ""), with its own note. run: what the texts follow from; moments of the same run stay
    where the visitor is.
    From one moment to the next the new text sweeps over the old one; with reduced motion it is simply there.
    Emits `{"name": "frame", "value": k}`, not live, when scrubbing ends. Before each paint of another moment the tab's
    root gets a CustomEvent `strip-index` with detail `{name, index}`, so that `Curves` move with it. Space plays, the
    presenter's arrows step.
    """

    kind = "text_strip"
