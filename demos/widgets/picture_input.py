"""A visitor's own picture: file, camera, clipboard, drop or drawing; then the crop."""

from .base import Widget


class PictureInput(Widget):
    """Takes a picture and lets the visitor move and scale its square crop.

    Value: `{"preview": data URI or None, "crop": {"x", "y", "side"} or None, "message": str, "unusual": bool}`; x and y
    are the crop's left and top edge as fractions of the preview's width and height, side is a fraction of its shorter
    side.
    Emits `{"name": "upload", "value": data URI of the original bytes}` (at most 8 MB) and `{"name": "crop", "value":
    {"preview", "x", "y", "side"}}`, live while the crop moves and not live at the end.
    """

    kind = "picture_input"
