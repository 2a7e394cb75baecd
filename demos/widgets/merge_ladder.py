"""How a word becomes tokens: its bytes at the top, one merge a row, every piece as wide as the bytes in it."""

from .base import Widget


class MergeLadder(Widget):
    """Rows of pieces over the same bytes.

    Value: `{"rows": [{"label": str, "note": str, "pieces": [{"t": str, "size": bytes, "fresh": bool, "mark": bool}]}],
    "caption": str, "source": str}`. The sizes of every row have the same sum. fresh: the piece was made in this row;
    mark: what is looked for is in it. Emits nothing.
    """

    kind = "merge_ladder"
