"""Two latents at once: a square pad with a knob."""

from .base import Widget


class LatentPad(Widget):
    """A pad for two numbers.

    Value: `{"name": str, "x": {"label", "min", "max", "value"}, "y": the same, "background": data URI or None}`
    (without "background" the one shown stays);
    x grows to the right, y upwards; an axis may set `step` (1/32 unless told).
    Emits `{"name": value's name, "value": [x, y]}`: live while the knob moves, not live at release.
    """

    kind = "latent_pad"
