"""A square of the plane on which two networks play: beliefs as colour, points, lines, arrows, and a pen."""

from .base import Widget


class GameBoard(Widget):
    """One large canvas, buttons and a slider through the past under it, and a legend.

    Value; places are flat lists x, y, x, y, ... in thousandths, y upwards:

    - reach: the square goes from -reach to reach
    - heat: base64 of side x side bytes, rows from the lowest y up, 0 for "made", 255 for "real", 128 for neither; side
    - real, made: points; pushes: arrows that begin at the first made points, as they are drawn
    - lines: `{"columns": int, "points": places}`: a grid of rows of so many points, joined along rows and columns
    - modes: `{"centres": places, "radius": thousandths, "round": bool, "covered": [bool]}`; those missed are marked
    - legend: `{"low", "high", "real", "made", "lines", "pushes"}`, words; alt: the picture in words
    - buttons: `[{"name", "label", "hint"}]`
    - rewind: `{"name", "params", "run", "now", "begin", "begin_now", "what"}` or None. The page keeps about 200 of the
      moments it was shown: the values of the state's `params` (or `what`, if given) and their name `now`. The slider
      gives one back as action `name`. Another `run` forgets them all and begins with `begin`, called `begin_now`
    - pen: `{"name", "points": [[x, y]] within -1 to 1, "limit", "hint"}` or None: the canvas can be drawn on,
      with a pointer or with keys
    - caption, source: str

    Emits the buttons' names with value null; the rewind's name with a moment; the pen's name with all points: live
    while the hand moves, then once not live.
    """

    kind = "game_board"
