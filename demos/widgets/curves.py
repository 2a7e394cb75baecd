"""Lines over a common axis: losses, scores and norms, with a marker that moves with a strip of frames."""

from .base import Widget


class Curves(Widget):
    """Some series of numbers over the same x.

    Value: `{"title": str, "x": [number, ascending], "x_label": str, "y_label": str, "series": [{"label": str, "y":
    [number or None], "dash": bool}], "index": k or None, "follows": name of a FrameStrip or None, "log": bool, "marks":
    [{"y": number, "label": str}], "source": str}`; all but x and series may be missing. Every y has the length of x, at
    most six series are told apart; None leaves a gap, and on a log scale so does what is not above 0.
    index is where the marker stands; the legend tells every series' value there, without a marker the last one.
    follows: the marker moves with the frame k that this strip of the same tab shows, to x[k], in the browser alone.
    whole: lines are as strong beyond the marker, which is a place and not a time.
    marks are horizontal lines with a word. Emits nothing.
    """

    kind = "curves"
