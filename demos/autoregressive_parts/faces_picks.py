"""The parameter that only faces have: codes that a visitor chose in place of the darts."""

from typing import Any

from demos.autoregressive_parts.faces_drawing import CODES, LENGTH
from demos.stage.state import Param


class Picks(Param):
    """Codes that were chosen by hand, as (position, code) pairs in the order of drawing; ``72.19_80.301`` in a link."""

    LIMIT = 32

    def __init__(self, name: str) -> None:
        super().__init__(name, [])

    def check(self, value: Any) -> list[list[int]]:
        """At most LIMIT pairs of whole numbers, their positions ascending."""
        if not isinstance(value, list | tuple) or len(value) > self.LIMIT:
            raise self.refuse(value, f"at most {self.LIMIT} codes chosen by hand")
        before = -1
        for pair in value:
            two = isinstance(pair, list | tuple) and len(pair) == 2
            if not two or any(isinstance(item, bool) or not isinstance(item, int) for item in pair):
                raise self.refuse(pair, "pairs of a position and a code")
            if not before < pair[0] < LENGTH or not 0 <= pair[1] < CODES:
                raise self.refuse(pair, f"positions below {LENGTH} in order, each with a code below {CODES}")
            before = pair[0]
        return [list(pair) for pair in value]

    def parse(self, text: str) -> list[list[int]]:
        """What :meth:`format` writes."""
        try:
            pairs = [[int(number) for number in pair.split(".")] for pair in text[: 10 * self.LIMIT].split("_") if pair]
        except ValueError:
            raise self.refuse(text, "codes chosen by hand, as this page writes them") from None
        return self.check(pairs)

    def format(self, value: list[list[int]]) -> str:
        """``position.code`` pairs with underscores between them."""
        return "_".join(f"{position}.{code}" for position, code in value)
