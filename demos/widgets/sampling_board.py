"""The next token: its probabilities, the rules that bend them, and the dart that chooses."""

from .base import Widget


class SamplingBoard(Widget):
    """Large bars of the next token, the rules with what each takes away, and the seed's dart on the cumulative line.

    Everything is computed in the browser from the logits of the whole vocabulary, as `models/sampling.py` does it
    (`sampling_maths.js`): an event "local" of a slider that is called like a rule moves the bars without a request.

    Value: `{"mark", "logits", "texts", "seen", "rules", "dart", "here", "title", "caption", "source", "take", "throw",
    "missing", "preview"}`.

    - mark: tells sets of logits apart; the page keeps the last 128, so logits (base64 of little-endian float32, one
      for each token) may be left out where it has them. Where it has not, it emits `{"name": missing, "value": None}`.
    - texts: `[[id, text], ...]` of likely tokens and of those that matter here; they are kept with the mark
    - seen: ids that the repetition penalty applies to. rules: temperature, top_k, top_p, min_p, typical and
      repetition_penalty. dart: `{"seed", "place"}`, from which the browser computes u. here: the token that stands at
      this place of the text, or None
    - take, throw: names of actions, or None: `{"name": take, "value": id}` for a bar that was clicked, the dart, or
      the key that steps; `{"name": throw, "value": None}` for another dart
    - preview: instead of logits, the picture itself: `{"rows": [{"id", "text", "p", "q" (before the rules), "rank",
      "hit", "here", "cut"}], "rest": {"count", "p", "q"}, "entropy", "ownEntropy", "line": {"parts" (probabilities,
      the largest first), "texts", "hit" (place among them, or -1), "u", "text", "p", "rank", "id"}}`. Knobs are then
      not followed.
    """

    kind = "sampling_board"
