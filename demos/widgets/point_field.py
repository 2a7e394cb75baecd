"""A square of the plane in which particles move through time: noise, arrows of the score, densities, and a pen."""

import base64

import numpy as np

from .base import Widget


class PointField(Widget):
    """One large canvas with a scrubber and a legend under it; the page plays and scrubs a run that it was sent.

    Value; places are base64 of little-endian int16 x, y in thousandths (`places`), y upwards:

    - reach: the square goes from -reach to reach
    - count, index: moments of the run, and the one to show; captions: a word for each moment; left, right: both ends
    - sent: the moments that came along, all in order or a single one; dots: the particles at each, colour "made" or
      "real"; trails: so many of the particles leave one. A scrubber set to a moment that was not sent asks for it
    - real: the data, faint
    - field: None or `{"side", "arrows", "truth"}`: for each moment sent side x side arrows of base64 int8 x, y, rows
      from the lowest y up, 127 is one square of the grid; truth may be None
    - heat: None or `{"side", "keys", "bytes", "colour"}`: for each of these moments side x side base64 bytes, rows from
      the lowest y up; between two of them the page fades
    - legend: `{"dots", "real", "arrows", "truth", "heat"}`, words; alt: the picture in words
    - scrub: the name of the action that chooses a moment
    - pen: `{"name", "done", "points": [[x, y]] within -1 to 1, "limit", "hint"}` or None: the canvas can be drawn on,
      with a pointer or with keys
    - caption, source: str

    Emits scrub with the index: live where the moment was not sent, else once when the hand lets go or a run has played;
    the pen's name with all points, live while the hand moves, then `done` with them, not live.
    """

    kind = "point_field"

    @staticmethod
    def places(points: np.ndarray) -> str:
        """Points (..., 2) as text; none is further out than thirty squares."""
        return base64.b64encode(np.rint(1000 * points.clip(-30, 30)).astype("<i2").tobytes()).decode()
