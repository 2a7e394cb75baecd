"""A small table of measured numbers, each with its bar; a row or a cell may be pressed."""

from .base import Widget


class Table(Widget):
    """Numbers in rows and columns.

    Value: `{"corner": str, "columns": [str], "rows": [{"label": str, "note": str, "cells": [cell], "action": action or
    None, "selected": bool}], "caption": str, "source": str}`. A cell is `{"text": str, "share": 0..1 or None (no bar),
    "action": action or None, "selected": bool, "best": bool (set in bold)}`. Of a row and of a cell all but label,
    cells and text may be missing. Sends, not live, a row’s action when its label is pressed and a cell’s when the
    cell is; both are buttons then.
    """

    kind = "table"
