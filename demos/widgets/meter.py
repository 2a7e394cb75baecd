"""Numbers with their bars and what they mean."""

from .base import Widget


class Meter(Widget):
    """A list of measured numbers.

    Value: `{"items": [{"label", "value", "max", "text" (the number in words, with its unit), "meaning", "mark" (a value
    to compare with, optional), "mark_label"}]}`. Emits nothing.
    """

    kind = "meter"
