"""What the tabs share: their scenes and actions, values of their widgets, pieces of their sentences, parameters."""

import inspect
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from torch import Tensor

from demos.stage.state import SEED_LIMIT, Param
from demos.widgets.picture import encode, raw, sheet
from models import seeding, zoo

LIVE = "computed live on this machine"


@dataclass(frozen=True)
class BaseScene:
    """The state of a tab; its ``Scene`` adds all that follows from it, what is costly only when first asked for."""

    state: Mapping[str, Any]

    @property
    def data(self) -> str:
        """Name of the data set."""
        return self.state["data"]

    @property
    def seed(self) -> int:
        """The seed of whatever is drawn by lot."""
        return self.state["seed"]


def acted(parts: Iterable[Any], state: dict[str, Any], action: dict[str, Any]) -> dict[str, Any] | None:
    """The state after one action, from the first of the ``parts`` (modules) that knows it; None where none does."""
    answers = (part.act(state, action["name"], action["value"]) for part in parts)
    return next((answer for answer in answers if answer is not None), None)


def credited(view: dict[str, Any], data: str) -> dict[str, Any]:
    """The view with the credit that the licences of the pictures ask for, at the end of its rail if it has one."""
    if "rail" in view:
        view["rail"]["items"].append({"kind": "text", "name": "credit", "label": zoo.CREDITS[data]})
    return view


class Moves(Param):
    """How far each named slider was pushed, ``{name: standard deviations}``; ``smile~1.2;yaw~-0.5`` in a link.

    known() gives the names that exist; it is asked only when there is something to check.
    Kept apart from the code: many small pushes along a direction would be rounded away on the code's grid.
    """

    LIMIT = 5.0

    def __init__(self, name: str, known: Callable[[], Iterable[str]]) -> None:
        super().__init__(name, {})
        self.known = known

    def check(self, value: Any) -> dict[str, float]:
        """At most 40 names with pushes of at most 5 standard deviations, rounded to 0.01; zeros are left out."""
        if not isinstance(value, dict) or len(value) > 40:
            raise self.refuse(value, "a table of named pushes")
        known = set(self.known()) if value else set()
        for name, push in value.items():
            number = isinstance(push, int | float) and not isinstance(push, bool) and np.isfinite(push)
            if name not in known or not number or abs(push) > self.LIMIT:
                raise self.refuse(f"{name}~{push}", "a table of known names and numbers from -5 to 5")
        return {name: round(float(push), 2) for name, push in sorted(value.items()) if abs(push) >= 0.005}

    def parse(self, text: str) -> dict[str, float]:
        """``name~number`` pairs with semicolons between them."""
        try:
            pairs = [pair.rsplit("~", 1) for pair in text[:2000].split(";") if pair]
            return self.check({name: float(push) for name, push in pairs})
        except ValueError:
            raise self.refuse(text, "pairs like smile~1.2 with semicolons between them") from None

    def format(self, value: dict[str, float]) -> str:
        """The text that :meth:`parse` reads."""
        return ";".join(f"{name}~{push:g}" for name, push in value.items())


@contextmanager
def stopwatch() -> Iterator[list[float]]:
    """Yields a list that holds the milliseconds spent inside once the block is left."""
    spent: list[float] = []
    started = time.perf_counter()
    yield spent
    spent.append(1000 * (time.perf_counter() - started))


def new_seed(state: dict[str, Any]) -> int:
    """The seed that "Random" goes to from here: it follows from the present one, so a story that presses it repeats."""
    return int(seeding.generator(state["seed"], 1).integers(0, 100_000)) % (SEED_LIMIT + 1)


def seed_item(seed: int, label: str = "Seed") -> dict[str, Any]:
    """The field of a seed for a rail, with a die that draws another one."""
    return {"kind": "number", "name": "seed", "label": label, "min": 0, "max": SEED_LIMIT, "value": seed, "dice": True}


@lru_cache(maxsize=256)  # looking it up asks the disk, again and again
def source(*functions: Callable) -> str:
    """The code of these functions as it stands in ``models/``, for the dialog "the code"."""
    return "\n\n".join(inspect.cleandoc("\n" + inspect.getsource(function)) for function in functions)


def number(value: float, digits: int = 1) -> dict[str, str]:
    """A live number of a formula, with a true minus sign and thin groups of thousands."""
    return {"n": f"{value:,.{digits}f}".replace("-", "−")}


def hero(picture: Tensor, caption: str, alt: str) -> dict[str, Any]:
    """Value of a face sheet with one large face; ``picture`` is (1, 3, 64, 64) or (3, 64, 64)."""
    return {
        "image": raw(picture.reshape(3, *picture.shape[-2:])),
        "rows": 1,
        "cols": 1,
        "alt": alt,
        "caption": caption,
        "source": LIVE,
    }


def faces(
    pictures: Tensor, columns: int, alt: str, caption: str = "", quick: bool = False, **more: Any
) -> dict[str, Any]:
    """Value of a face sheet of many faces (N, 3, 64, 64); exact up to sixteen, unless it must be ``quick``."""
    return {
        "image": encode(sheet(pictures, columns), "png" if len(pictures) <= 16 and not quick else "jpeg"),
        "rows": -(-len(pictures) // columns),
        "cols": columns,
        "alt": alt,
        "caption": caption,
        "source": LIVE,
        **more,
    }


def named_label(name: str) -> str:
    """``hair color: pink`` for ``hair_color=pink``: a direction's name as a visitor reads it."""
    words = {"apparent_age": "Age (apparent)", "yaw": "Head turn", "background_blue": "Background: blue"}
    text = words.get(name, name.replace("_", " ").replace("=", ": ").replace("color", "colour"))
    return text[0].upper() + text[1:]
