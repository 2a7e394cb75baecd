"""What the state of the map tab holds besides words and numbers: places, a line drawn around points, a camera."""

import math
from collections.abc import Sequence
from typing import Any

from demos.stage.state import Param

FARTHEST = 100.0  # in units of the board
CORNERS = 60
CLASSES = 250
NEAREST = 80.0  # the camera's greatest zoom


class Numbers(Param):
    """A few numbers, each within its range, or None; ``1.5~-2`` in a link, four decimals."""

    def __init__(self, name: str, ranges: Sequence[tuple[float, float]], private: bool = False) -> None:
        super().__init__(name, None, private)
        self.ranges = tuple(ranges)

    def check(self, value: Any) -> list[float] | None:
        """None, or one finite number for each range."""
        if value is None:
            return None
        allowed = f"{len(self.ranges)} numbers within the map"
        if not isinstance(value, list | tuple) or len(value) != len(self.ranges):
            raise self.refuse(value, allowed)
        for number, (low, high) in zip(value, self.ranges, strict=True):
            good = isinstance(number, int | float) and not isinstance(number, bool)
            if not good or not math.isfinite(number) or not low <= number <= high:
                raise self.refuse(value, allowed)
        return [round(float(number), 4) for number in value]

    def parse(self, text: str) -> list[float] | None:
        """Numbers with ``~`` between them; the empty text is None."""
        try:
            return self.check([float(part) for part in text[:200].split("~")] if text else None)
        except ValueError:
            raise self.refuse(text, f"{len(self.ranges)} numbers with ~ between them") from None

    def format(self, value: list[float] | None) -> str:
        """The text that :meth:`parse` reads."""
        return "~".join(f"{number:.4f}".rstrip("0").rstrip(".") for number in value or ())


PLANE = ((-FARTHEST, FARTHEST),) * 2
CAMERA = Numbers("camera", (*PLANE, (0.1, NEAREST)))


class Hand(Param):
    """What is under the hand, ``{"point": index or -1, "place": [x, y] or None}``, or None; never in a link."""

    derived = True

    def __init__(self, name: str) -> None:
        super().__init__(name, None, private=True)
        self._place = Numbers(name, PLANE)

    def check(self, value: Any) -> dict[str, Any] | None:
        """None, or a point, or a place, or both."""
        if value is None:
            return None
        if not isinstance(value, dict) or value.keys() != {"point", "place"}:
            raise self.refuse(value, "a point and a place")
        point = value["point"]
        if isinstance(point, bool) or not isinstance(point, int) or not -1 <= point < 65_536:
            raise self.refuse(point, "the number of a point, or -1")
        place = self._place.check(value["place"])
        if point < 0 and place is None:
            raise self.refuse(value, "a point or a place")
        return {"point": point, "place": place}

    def parse(self, text: str) -> None:
        """Never: a link tells what was chosen, not where a hand was."""
        raise ValueError(f"{self.name} never travels in a link.")


class Corners(Param):
    """A line drawn around points: 3 to 60 places, or None; ``x~y~x~y`` in a link, two decimals."""

    def __init__(self, name: str) -> None:
        super().__init__(name, None)
        self._place = Numbers(name, PLANE)

    def check(self, value: Any) -> list[list[float]] | None:
        """None, or a list of places."""
        if value is None:
            return None
        if not isinstance(value, list | tuple) or not 3 <= len(value) <= CORNERS:
            raise self.refuse(value, f"3 to {CORNERS} places")
        places = [self._place.check(place) for place in value]
        if None in places:
            raise self.refuse(value, f"3 to {CORNERS} places")
        return [[round(part, 3) for part in place] for place in places]

    def parse(self, text: str) -> list[list[float]] | None:
        """Numbers with ``~`` between them, two for each corner."""
        try:
            parts = [float(part) for part in text[:4000].split("~")] if text else []
            pairs = [list(pair) for pair in zip(parts[::2], parts[1::2], strict=True)]
        except ValueError:
            raise self.refuse(text, "places as this page writes them") from None
        return self.check(pairs or None)

    def format(self, value: list[list[float]] | None) -> str:
        """The text that :meth:`parse` reads."""
        return "~".join(f"{part:.3f}".rstrip("0").rstrip(".") for place in value or () for part in place)


class Classes(Param):
    """Positions of the classes that the legend hides; ``0.3`` in a link."""

    def __init__(self, name: str) -> None:
        super().__init__(name, [])

    def check(self, value: Any) -> list[int]:
        """Different whole numbers, in order."""
        if not isinstance(value, list | tuple) or len(value) > CLASSES:
            raise self.refuse(value, "a list of classes")
        for item in value:
            if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item < CLASSES:
                raise self.refuse(item, "the position of a class")
        return sorted(set(value))

    def parse(self, text: str) -> list[int]:
        """Digits with dots between them."""
        parts = text[:2000].split(".") if text else []
        if not all(part.isascii() and part.isdigit() and len(part) < 4 for part in parts):
            raise self.refuse(text, "positions with dots between them")
        return self.check([int(part) for part in parts])

    def format(self, value: list[int]) -> str:
        """The text that :meth:`parse` reads."""
        return ".".join(map(str, value))
