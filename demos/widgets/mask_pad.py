"""A small picture, large, to paint a mask on or to poke."""

from .base import Widget


class MaskPad(Widget):
    """A 64x64 picture with a brush. Mouse, finger, or keyboard: arrows move the brush, space puts it down and up.

    Value: `{"mode": "mask" (unless told) or "poke", "image": data URI or None, "mask": str, "brush": its width in
    pixels of the picture, "alt": str, "caption": str, "source": str}`.
    mode mask: what is painted is to be repainted; it is shown hatched. mask is 64x64 bits as `state.pack_bits` writes
    them, "" for none; it lives in the state, and so does undo. The brush's width (`brush` to begin with) and the eraser
    are the browser's own. Emits `{"name": "mask", "value": str}`: live while painting, not live when a stroke ends.
    mode poke: a square of `brush` pixels; `"poke": {"x", "y"}` is its middle as shares of the picture (x to the right,
    y downwards), or None. Emits `{"name": "poke", "value": {"x", "y"}}`: live while it moves, not live at release.
    """

    kind = "mask_pad"
