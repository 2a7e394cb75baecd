"""n x m faces in one picture; 1 x 1 is the hero picture."""

from .base import Widget


class FaceSheet(Widget):
    """One picture of square cells, enlarged to fill its box.

    Value: `{"image": data URI or None, "rows": n, "cols": m, "alt": str}` and optionally `actions` (one action or None
    per cell: sent, not live, by click or Enter), `selected` (index), `caption`, `source` ("computed live on this
    machine"), `row_labels`, `col_labels`, `smooth` (False enlarges without smoothing), `notes` (a few letters per cell,
    or None: white on a dark strip at its foot; at most 64 cells), `fade` (0 to 1: how strongly it is shown), `fold`
    (several rows of four and more stand in two halves on a phone, as a single row does anyway).
    """

    kind = "face_sheet"
