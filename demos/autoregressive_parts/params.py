"""Parameters that only the autoregressive tab has: lists of tokens, which travel in the link as they are."""

import re
from collections.abc import Sequence
from typing import Any

from demos.stage.state import Param

LARGEST = 2**20  # no vocabulary is larger
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Tokens(Param):
    """Ids of tokens in order; in a link in base 36 with dots between them.

    limit: how many at most. derived: they follow from what is in the link, which does without them.
    """

    def __init__(self, name: str, limit: int, default: Sequence[int] = (), derived: bool = False) -> None:
        super().__init__(name, list(default), private=derived)
        self.limit, self.derived = limit, derived

    def check(self, value: Any) -> list[int]:
        """Whole numbers from 0, not too many; whether the vocabulary has them is asked where they are used."""
        if not isinstance(value, list | tuple) or len(value) > self.limit:
            raise self.refuse(value, f"a list of at most {self.limit} tokens")
        for item in value:
            if isinstance(item, bool) or not isinstance(item, int) or not 0 <= item < LARGEST:
                raise self.refuse(item, "a list of tokens, which are whole numbers from 0")
        return list(value)

    def parse(self, text: str) -> list[int]:
        """What :meth:`format` writes."""
        if not re.fullmatch(r"([0-9a-z]{1,4}(\.[0-9a-z]{1,4})*)?", text[: 5 * self.limit + 5]):
            raise self.refuse(text, "tokens as this page writes them")
        return self.check([int(part, 36) for part in text.split(".") if part])

    def format(self, value: list[int]) -> str:
        """Base 36 with dots."""
        return ".".join(map(_base36, value))


class Roads(Param):
    """Several lists of tokens: the roads that a visitor left; in a link with underscores between them."""

    def __init__(self, name: str, roads: int, tokens: int) -> None:
        super().__init__(name, [])
        self.roads, self.one = roads, Tokens(name, tokens)

    def check(self, value: Any) -> list[list[int]]:
        """A list of lists of tokens, none empty, none twice."""
        if not isinstance(value, list | tuple) or len(value) > self.roads:
            raise self.refuse(value, f"at most {self.roads} roads")
        roads = [self.one.check(road) for road in value]
        return [road for i, road in enumerate(roads) if road and road not in roads[:i]]

    def parse(self, text: str) -> list[list[int]]:
        """What :meth:`format` writes."""
        return self.check([self.one.parse(part) for part in text.split("_") if part])

    def format(self, value: list[list[int]]) -> str:
        """The roads with underscores between them."""
        return "_".join(map(self.one.format, value))


class Held(Param):
    """What the page has already, as eight letters or a count, so that it is not sent twice; "" for nothing."""

    derived = True

    def __init__(self, name: str) -> None:
        super().__init__(name, "", private=True)

    def check(self, value: Any) -> str:
        """At most eight letters of a number, decimal or not."""
        if not isinstance(value, str) or not re.fullmatch(r"[0-9a-f]{0,8}", value):
            raise self.refuse(value, "a mark of this page")
        return value

    def parse(self, text: str) -> str:
        """Never: it is about one page."""
        raise ValueError(f"{self.name} never travels in a link.")


def _base36(number: int) -> str:
    digits = ""
    while number or not digits:
        number, digit = divmod(number, 36)
        digits = DIGITS[digit] + digits
    return digits
