"""Means with their widths, many in a row: what a posterior says of every latent dimension."""

from .base import Widget


class Intervals(Widget):
    """A dot and a bar for every item on one common scale.

    Value: `{"caption": str, "source": str, "low": number, "high": number, "items": [{"label": str, "mean": number,
    "std": number, "asleep": bool}]}`; low and high are the ends of the scale. Emits nothing.
    """

    kind = "intervals"
