"""Where the attention heads of a language model look: all of them small, one of them large, and the text itself."""

import base64
from typing import Any

import numpy as np

from .base import Widget

LEVELS = 255


class HeadGrid(Widget):
    """Every layer and head as a small heat map to choose from, and the chosen one large with the tokens on both sides.

    Value: `{"mark": str, "layers": L, "heads": H, "tokens": [str], "weights": base64, "layer": l, "head": h, "token":
    i, "caption": str, "source": str}`; all counted from 0. Row i of a map is what token i takes from the tokens before
    it and from itself. `weights` (:meth:`pack`) has one byte for each of them, so a weight is told in steps of 1/255
    and one below 1/510 is drawn as nothing: what is shown in words comes from Python.
    mark: which weights these are; `weights` may be left out where the page had them under this mark lately.
    A click on a small map or an arrow key chooses a head, a click on a token or a row of the large map a token;
    pointing at one shows for a moment where it looks.
    Emits `{"name": "look", "value": [l, h, i]}`, not live, and `{"name": "look-again", "value": None}` when it does not
    have the weights.
    """

    kind = "head_grid"

    @staticmethod
    def pack(weights: np.ndarray) -> str:
        """Weights (layers, heads, T, T), each row a distribution over the places up to its own, as `weights`.

        The lower triangles with their diagonals, row by row, map by map, head by head.
        """
        rows, columns = np.tril_indices(weights.shape[-1])
        levels = np.rint(weights[..., rows, columns] * LEVELS).clip(0, LEVELS).astype(np.uint8)
        return base64.b64encode(levels.tobytes()).decode("ascii")

    @staticmethod
    def unpack(text: str, layers: int, heads: int, tokens: int) -> np.ndarray:
        """What the page reads: (layers, heads, T, T) float32 in steps of 1/255, zero above the diagonals."""
        weights: np.ndarray[Any, Any] = np.zeros((layers, heads, tokens, tokens), np.float32)
        levels = np.frombuffer(base64.b64decode(text), np.uint8).reshape(layers, heads, -1)
        rows, columns = np.tril_indices(tokens)
        weights[..., rows, columns] = levels / np.float32(LEVELS)
        return weights
