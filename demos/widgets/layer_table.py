"""What each layer of a language model would say if it were the last: a table whose colour is probability."""

from .base import Widget


class LayerTable(Widget):
    """Rows of tokens, the most probable first; the deeper a cell's colour, the more probable.

    Value: `{"head": [str], "rows": [{"label": str, "cells": [{"t": str, "p": number, "answer": bool}], "lead": bool}],
    "caption": str, "source": str}`. answer: the token that the last row says; lead: from this row on it leads to the
    end. Rows share the height there is. Emits nothing.
    """

    kind = "layer_table"
