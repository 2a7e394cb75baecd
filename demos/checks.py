"""Checks of the named endpoints' arguments: each returns the value in its one form or raises a ValueError that says
which argument it was, what was given and what is allowed. gradio itself checks no types."""

import math
from typing import Any

from demos.widgets.picture import decode_uri
from models import pictures

SEED_LIMIT = 2**31 - 1


def shown(value: Any) -> str:
    """A caller's value as it may stand in a message: at most 60 characters, on one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else text[:60] + "…"


def a_number(name: str, value: Any, low: float, high: float) -> float:
    """A finite number from ``low`` to ``high``; integers are welcome, booleans and texts are not."""
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not math.isfinite(value) or not low <= value <= high:
        raise ValueError(f"{name} must be a number from {low:g} to {high:g}, not {shown(value)}")
    return float(value)


def an_integer(name: str, value: Any, low: int, high: int) -> int:
    """A whole number from ``low`` to ``high``; 7.0 counts as 7."""
    number = a_number(name, value, low, high)
    if number != int(number):
        raise ValueError(f"{name} must be a whole number from {low} to {high}, not {shown(value)}")
    return int(number)


def one_of(name: str, value: Any, options: tuple) -> Any:
    """One of ``options``."""
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(str, options))}, not {shown(value)}")
    return value


def a_code(name: str, value: Any, size: int, limit: float = 10.0) -> list[float]:
    """A list of ``size`` numbers within ``limit`` of zero."""
    if not isinstance(value, list | tuple) or len(value) != size:
        raise ValueError(f"{name} must be a list of {size} numbers, not {shown(value)}")
    return [a_number(f"{name}[{i}]", item, -limit, limit) for i, item in enumerate(value)]


def a_picture(name: str, value: Any) -> pictures.OpenedPicture:
    """An opened picture from a data URI of at most 8 MB."""
    try:
        return pictures.open_picture(decode_uri(value))
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
