"""How probable each of a few words is: after one prompt, or after two of them, side by side."""

from .base import Widget


class PairBars(Widget):
    """Words with bars of their probabilities on one scale: to both sides of the words, or to one.

    Value: `{"a": str or None, "b": str, "rows": [{"label": str, "a": p, "b": p, "text": str, "tone": "good", "bad" or
    None}], "max": number, "source": str, "caption": str}`. a and b are the prompts, over their bars; without a there is
    one side only, and rows need no a. max is the probability that a whole bar stands for. text is said of a row under
    it; tone colours its bar where there is one side, and the text then says the same in words. Emits nothing.
    """

    kind = "pair_bars"
