"""A picture that is drawn patch by patch: how far it is, what could have come at each step, and how sure each was."""

from .base import Widget


class PatchBoard(Widget):
    """A picture filling in reading order, with the candidates of the step shown; scrubbed in the browser alone.

    Value: `{"run": str, "side": places to a side, "depth": strokes at a place, "codes": how many there are, "index": k,
    "begin": step from which a run is watched, "complete": bool, "source": str}` and what there is to show:

    - "strokes": `{"from": i, "columns": c, "tile": pixels, "atlas": data URI, "items": [stroke, ...]}`; the picture
      after stroke i + n is tile n of the atlas (row by row). A stroke is `{"codes": [the candidates, most probable
      first], "chances": [theirs], "belief": [the same before rules bent them; left out where equal], "chosen": code,
      "chance": its, "rank": its, from 1, "dart": 0..1 or None where a hand chose, "bits": its, "entropy": bits}`
    - "patches": `{"at": [step, ...], "columns": c, "tile": pixels, "atlas": data URI}`; row n of the atlas holds the
      candidates of step at[n], in their order.

    What comes is added to what is there of the same `run`, so a run streams in; another run starts over. Or
    `{"message": sentence}`, and nothing else is shown.
    Emits `{"name": "frame", "value": step}`, not live, when scrubbing ends, and `{"name": "pick", "value": {"position":
    step, "code": code}}`, not live, when another candidate is taken.
    """

    kind = "patch_board"
