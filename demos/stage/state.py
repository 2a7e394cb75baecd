"""The state of a tab: a small flat dictionary, its rules, and its form as a link.

A `Schema` is a list of `Param`s. It is the only place where the state is checked and where it becomes a query string
(`?v=1&tab=vae&seed=9`, defaults left out) and back, so the link, the page, the stories and the recipes agree.
Messages are plain sentences: they are shown to visitors.
"""

import base64
import binascii
import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import numpy as np

VERSION = "1"
DATA = ("toons", "portraits")
SEED_LIMIT = 2**31 - 1
QUERY_LIMIT = 20_000  # characters of a link that are read at all
CODE_LIMIT = 1024  # numbers in one code
PICTURE_LIMIT = 60_000  # characters of a 64x64 picture as data URI; a noisy PNG needs 17,000
GRID = 32  # codes live on k/32
RUNNING = "running"  # the private Flag of a tab with runs: whether one is on; the frame ends it, no link names it


def shown(value: Any) -> str:
    """A stranger's value as it may stand in a message: quoted, on one line, at most 40 characters."""
    text = " ".join(str(value).split()) if isinstance(value, str) else repr(value)
    return f"“{text[:40]}…”" if len(text) > 40 else f"“{text}”"


def _finite(value: Any) -> bool:
    """Whether a value is a number, not a bool, NaN or infinity (math.isfinite fails on whole numbers beyond floats)."""
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def quantise(values: Iterable[float]) -> list[float]:
    """Numbers clamped to -4..3.96875 and rounded to the grid k/32, as a link can carry them. ValueError for NaN."""
    result = []
    for value in values:
        if not math.isfinite(value):
            raise ValueError("a code holds finite numbers")
        result.append(min(127, max(-128, round(float(value) * GRID))) / GRID)
    return result


def pack(array: Any) -> str:
    """Numbers of any shape as text: float32, little-endian, row by row, in base64; "" for none. ValueError for NaN."""
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite and is refused below
        values = np.asarray(array).astype("<f4")
    if not np.isfinite(values).all():
        raise ValueError("Packed numbers are finite.")
    return base64.b64encode(values.tobytes()).decode("ascii")


def unpack(text: str) -> np.ndarray:
    """The numbers of `pack`, (N,) float32, the array's own. ValueError for damaged text, NaN or infinity."""
    try:
        raw = base64.b64decode(text, validate=True)
        values = np.frombuffer(raw, "<f4").astype(np.float32)
    except (ValueError, TypeError, binascii.Error):
        raise ValueError("Packed numbers are base64 of float32 values.") from None
    if not np.isfinite(values).all():
        raise ValueError("Packed numbers are finite.")
    return values


def pack_bits(bits: Any) -> str:
    """Yes or no of any shape as text: row by row, the first in a byte's highest bit, in base64; "" where all are no."""
    values = np.asarray(bits, bool)
    return base64.b64encode(np.packbits(values).tobytes()).decode("ascii") if values.any() else ""


def unpack_bits(text: str, count: int) -> np.ndarray:
    """The bits of `pack_bits`, (count,) bool, the array's own; all no for "". ValueError if they are not so many."""
    if text == "":
        return np.zeros(count, bool)
    try:
        raw = base64.b64decode(text, validate=True)
    except (ValueError, TypeError, binascii.Error):
        raise ValueError("Packed bits are base64 of bytes.") from None
    bits = np.unpackbits(np.frombuffer(raw, np.uint8))
    if len(raw) != -(-count // 8) or bits[count:].any():
        raise ValueError(f"These are not {count:,} packed bits.")
    return bits[:count].astype(bool)


class Param(ABC):
    """One value of the state: its name, default and rules.

    private: the value came from a visitor and never enters a link or a recipe.
    derived: the value follows from the others, which are in the link: it is private and yet nothing is left out.
    """

    derived = False

    def __init__(self, name: str, default: Any, private: bool = False) -> None:
        self.name = name
        self.default = default
        self.private = private

    @abstractmethod
    def check(self, value: Any) -> Any:
        """The value in its one canonical form; ValueError with a sentence if it is not allowed."""

    def parse(self, text: str) -> Any:
        """The value that `text` in a link stands for; ValueError if there is none."""
        return self.check(text)

    def format(self, value: Any) -> str:
        """The value as text for a link, before percent-encoding."""
        return str(value)

    def refuse(self, value: Any, allowed: str) -> ValueError:
        """The error for a value that is not allowed."""
        return ValueError(f"{self.name} is {allowed}, not {shown(value)}.")


class Choice(Param):
    """One of a few words."""

    def __init__(self, name: str, options: Sequence[str], default: str | None = None, private: bool = False) -> None:
        super().__init__(name, options[0] if default is None else default, private)
        self.options = tuple(options)

    def check(self, value: Any) -> str:
        """One of the options."""
        if not isinstance(value, str) or value not in self.options:
            raise self.refuse(value, f"one of {', '.join(self.options)}")
        return value


class Integer(Param):
    """A whole number from low to high, both included."""

    def __init__(self, name: str, low: int, high: int, default: int, private: bool = False) -> None:
        super().__init__(name, default, private)
        self.low, self.high = low, high

    def check(self, value: Any) -> int:
        """A whole number in range; 7.0 counts as 7, True and "7" do not."""
        if not _finite(value) or not self.low <= value <= self.high or value != int(value):
            raise self.refuse(value, f"a whole number from {self.low} to {self.high}")
        return int(value)

    def parse(self, text: str) -> int:
        """Digits with an optional minus sign."""
        if len(text) > 20 or not text.isascii() or not text.removeprefix("-").isdigit():
            raise self.refuse(text, f"a whole number from {self.low} to {self.high}")
        return self.check(int(text))


class Number(Param):
    """A number from low to high in steps, both included."""

    def __init__(
        self, name: str, low: float, high: float, default: float, step: float = 0.01, private: bool = False
    ) -> None:
        super().__init__(name, default, private)
        self.low, self.high, self.step = low, high, step
        self.decimals = max(0, -Decimal(str(step)).as_tuple().exponent, -Decimal(str(low)).as_tuple().exponent)

    def check(self, value: Any) -> float:
        """A finite number in range, rounded to the nearest step."""
        if not _finite(value) or not self.low - 1e-9 <= value <= self.high + 1e-9:
            raise self.refuse(value, f"a number from {self.low:g} to {self.high:g}")
        snapped = self.low + round((value - self.low) / self.step) * self.step
        return float(round(min(max(snapped, self.low), self.high), self.decimals)) + 0.0  # no -0.0

    def parse(self, text: str) -> float:
        """A decimal number."""
        try:
            value = float(text) if len(text) <= 30 and text.isascii() and "_" not in text else math.nan
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise self.refuse(text, f"a number from {self.low:g} to {self.high:g}")
        return self.check(value)

    def format(self, value: float) -> str:
        """The shortest text that reads back as the same number."""
        return repr(value).removesuffix(".0")


class Flag(Param):
    """On or off; 1 or 0 in a link."""

    def __init__(self, name: str, default: bool = False, private: bool = False) -> None:
        super().__init__(name, default, private)

    def check(self, value: Any) -> bool:
        """True or False, nothing else."""
        if not isinstance(value, bool):
            raise self.refuse(value, "on or off")
        return value

    def parse(self, text: str) -> bool:
        """1 or 0."""
        if text not in ("0", "1"):
            raise self.refuse(text, "1 or 0")
        return text == "1"

    def format(self, value: bool) -> str:
        """1 or 0."""
        return "1" if value else "0"


class Code(Param):
    """A latent code on the grid k/32, or None while none is set; unpadded base64url of the bytes k + 128 in a link.

    size: how many numbers, if that is fixed.
    """

    def __init__(
        self, name: str, default: Sequence[float] | None = None, size: int | None = None, private: bool = False
    ) -> None:
        self.size = size
        super().__init__(name, None if default is None else quantise(default), private)

    def check(self, value: Any) -> list[float] | None:
        """None, or a list of numbers within -4..4, rounded to the grid."""
        if value is None:
            return None
        if not isinstance(value, list | tuple) or not 0 < len(value) <= CODE_LIMIT:
            raise self.refuse(value, f"a list of 1 to {CODE_LIMIT} numbers")
        if self.size is not None and len(value) != self.size:
            raise ValueError(f"{self.name} is a list of {self.size} numbers, not of {len(value)}.")
        for item in value:
            if not _finite(item) or abs(item) > 4:
                raise self.refuse(item, "a list of numbers from -4 to 4")
        return quantise(value)

    def parse(self, text: str) -> list[float] | None:
        """Unpadded base64url; the empty text is None."""
        if not text:
            return None
        try:
            if len(text) > 2 * CODE_LIMIT or not text.isascii():
                raise ValueError
            raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (ValueError, binascii.Error):
            raise self.refuse(text, "a code as this page writes it") from None
        return self.check([(byte - 128) / GRID for byte in raw])

    def format(self, value: list[float] | None) -> str:
        """Unpadded base64url; the empty text for None."""
        raw = bytes(round(item * GRID) + 128 for item in value or ())
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


class Text(Param):
    """Any text of at most `limit` characters."""

    def __init__(self, name: str, limit: int = 2000, default: str = "", private: bool = False) -> None:
        super().__init__(name, default, private)
        self.limit = limit

    def check(self, value: Any) -> str:
        """A text that is short enough and valid Unicode."""
        if not isinstance(value, str):
            raise self.refuse(value, "a text")
        if len(value) > self.limit:
            raise ValueError(f"{self.name} is a text of at most {self.limit:,} characters, not of {len(value):,}.")
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError(f"{self.name} is a text of whole characters; this one has half a surrogate pair.")
        return value


class Picture(Param):
    """A small picture of the visitor's as a data URI, or None. Always private."""

    def __init__(self, name: str) -> None:
        super().__init__(name, None, private=True)

    def check(self, value: Any) -> str | None:
        """None, or a short data URI of a JPEG, PNG or WebP picture."""
        if value is None:
            return None
        kinds = tuple(f"data:image/{kind};base64," for kind in ("jpeg", "png", "webp"))
        if not isinstance(value, str) or not value.startswith(kinds) or not value.isascii():
            raise self.refuse(value, "a picture as data URI")
        if len(value) > PICTURE_LIMIT:
            raise ValueError(f"{self.name} is a small picture; this one has {len(value):,} characters.")
        return value

    def parse(self, text: str) -> str | None:
        """Never: a link carries no picture."""
        raise ValueError(f"{self.name} never travels in a link.")


class Floats(Param):
    """Many numbers that travel with the browser, as `pack` writes them; "" while there are none. Always private.

    size_limit: how many numbers at most. derived: they only save computing what the link tells anyway.
    """

    def __init__(self, name: str, size_limit: int, derived: bool = False) -> None:
        super().__init__(name, "", private=True)
        self.size_limit = size_limit
        self.derived = derived

    def check(self, value: Any) -> str:
        """Packed finite numbers, not too many, in the one spelling that `pack` gives them."""
        if not isinstance(value, str):
            raise self.refuse(value, "packed numbers")
        if len(value) > 4 * -(-4 * self.size_limit // 3):
            raise ValueError(f"{self.name} holds at most {self.size_limit:,} numbers.")
        try:
            values = unpack(value)
        except ValueError as error:
            raise ValueError(f"{self.name} is damaged: {error}") from None
        if len(values) > self.size_limit:
            raise ValueError(f"{self.name} holds at most {self.size_limit:,} numbers.")
        return pack(values)

    def parse(self, text: str) -> str:
        """Never: a link carries no snapshot."""
        raise ValueError(f"{self.name} never travels in a link.")


class Bits(Param):
    """What a visitor drew, `count` times yes or no, as `pack_bits` writes it; "" for nothing. Always private."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__(name, "", private=True)
        self.count = count

    def check(self, value: Any) -> str:
        """Packed bits of the right number, in the one spelling that `pack_bits` gives them."""
        if not isinstance(value, str) or len(value) > 4 * -(-self.count // 24):
            raise self.refuse(value, f"a drawing of {self.count:,} points")
        try:
            return pack_bits(unpack_bits(value, self.count))
        except ValueError as error:
            raise ValueError(f"{self.name} is damaged: {error}") from None

    def parse(self, text: str) -> str:
        """Never: a link carries no drawing."""
        raise ValueError(f"{self.name} never travels in a link.")


class Schema:
    """The parameters of one tab: `data`, `seed`, `part`, the tab's own, and `pin`, in this order.

    tab: its name in the link; params: the tab's own; parts: names (or objects with a `name`), the first is the default.
    Raises ValueError when two parameters share a name.
    """

    def __init__(self, tab: str, params: Sequence[Param], parts: Sequence[Any] = ()) -> None:
        names = [part if isinstance(part, str) else part.name for part in parts] or ["main"]
        shared = [Choice("data", DATA), Integer("seed", 0, SEED_LIMIT, 7), Choice("part", names)]
        self.tab = tab
        self.params = {param.name: param for param in [*shared, *params, Text("pin", 4000)]}
        if len(self.params) != len(params) + 4 or {"v", "tab", "hidden"} & self.params.keys():
            raise ValueError("a tab's parameters have names of their own, other than data, seed, part, pin, v and tab")

    def defaults(self) -> dict[str, Any]:
        """A fresh state."""
        return {name: param.default for name, param in self.params.items()} | {"hidden": []}

    def check(self, raw: Any) -> dict[str, Any]:
        """The state that `raw` is, checked strictly: missing values are defaults, anything odd is a ValueError."""
        if not isinstance(raw, dict):
            raise ValueError("A state is a dictionary.")
        state = self.defaults()
        for name, value in raw.items():
            if name == "hidden":
                state["hidden"] = self._hidden(value)
            elif name in self.params:
                state[name] = self.params[name].check(value)
            else:
                raise ValueError(f"There is no parameter called {shown(name)}.")
        return state

    def clean(self, raw: Any) -> tuple[dict[str, Any], list[str]]:
        """The state that `raw` comes closest to, and a sentence for each thing that was dropped."""
        state, notices = self.defaults(), []
        if not isinstance(raw, dict):
            return state, ["That is not a state of this page; it was ignored."]
        for name, value in list(raw.items())[:200]:
            try:
                state |= {name: self.check({name: value})[name]}
            except ValueError as error:
                notices.append(f"Dropped: {error}")
        return state, notices

    def assign(self, state: dict[str, Any], action: dict[str, Any]) -> dict[str, Any]:
        """The state after an action that is called like a parameter; ValueError for another name or a bad value."""
        name = action["name"]
        if name not in self.params:
            raise ValueError(f"There is no action called {shown(name)}.")
        return state | {name: self.params[name].check(action.get("value"))}

    def left_out(self, state: dict[str, Any]) -> list[str]:
        """Names of the values that no link carries: different from their default, and the visitor's own."""
        return [
            name
            for name, param in self.params.items()
            if (param.private or name in state.get("hidden", ())) and state[name] != param.default
            if name != RUNNING and not param.derived
        ]

    def query(self, state: dict[str, Any]) -> str:
        """The link's query string, with "?", without defaults and without what came from an upload."""
        absent = {*self.left_out(state), *(name for name, param in self.params.items() if param.private)}
        pairs = [("v", VERSION), ("tab", self.tab)]
        for name, param in self.params.items():
            if name not in absent and state[name] != param.default:
                pairs.append((name, param.format(state[name])))
        return "?" + urlencode(pairs, quote_via=quote, safe="")

    def read(self, query: Any) -> tuple[dict[str, Any], list[str]]:
        """The state of a query string (with or without "?") and a sentence for each thing that was dropped.

        Names that begin with two underscores belong to gradio and are passed over.
        """
        state, notices = self.defaults(), []
        if not isinstance(query, str) or len(query) > QUERY_LIMIT:
            return state, ["The link is not one of this page; it was ignored."]
        try:
            pairs = parse_qsl(query.removeprefix("?"), keep_blank_values=True, errors="strict", max_num_fields=100)
        except ValueError:  # UnicodeDecodeError is one, too
            return state, ["The link is damaged; it was ignored."]
        seen = set()
        for name, text in pairs:
            if name.startswith("__"):
                continue
            if name in seen:
                notices.append(f"The link names {shown(name)} twice; the first one counts.")
                continue
            seen.add(name)
            try:
                if name == "v":
                    if text != VERSION:
                        notices.append(f"The link is of version {shown(text)}; this page reads version {VERSION}.")
                elif name == "tab":
                    if text != self.tab:
                        notices.append(f"The link is for the tab {shown(text)}, not for this one.")
                elif name not in self.params:
                    notices.append(f"Dropped from the link: there is no parameter called {shown(name)}.")
                else:
                    state[name] = self.params[name].parse(text)
            except ValueError as error:
                notices.append(f"Dropped from the link: {error}")
        return state, notices

    def _hidden(self, value: Any) -> list[str]:
        known = isinstance(value, list) and all(isinstance(name, str) and name in self.params for name in value)
        if not known:
            raise ValueError("hidden is a list of names of parameters.")
        return [name for name in self.params if name in value]
