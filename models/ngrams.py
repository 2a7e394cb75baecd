"""What counting can do: an interpolated Kneser-Ney model of characters, the baseline that a trained network must beat.

An n-gram model guesses the next character from the n - 1 before it, by how often each has followed them. What was never
seen must be possible too, so a discount D is taken from every count and given to the guess from one character less
(Kneser & Ney 1995, interpolated as by Chen & Goodman 1999, equation 24):

    p(c | h) = max(N(h c) - D, 0) / N(h .) + D |{c : N(h c) > 0}| / N(h .) * p(c | h without its first character)

and below the longest order N counts not how often but after how many different characters (h c) has stood. The last
guess, from nothing, is uniform. D follows from the counts themselves: n1 / (n1 + 2 n2) for each order, where n1 grams
were met once and n2 twice (equation 26). An order of 1 is nothing but the frequencies of letters.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from models import sampling

UNKNOWN = "\N{REPLACEMENT CHARACTER}"
"""Stands for every character that the text did not have; a text that has one costs what a uniform guess would."""


@dataclass(frozen=True)
class _Level:
    """The grams of one length: sorted codes and their counts; and of their beginnings the totals and how many followed.

    A code is the gram read as a number whose digits are characters.
    """

    grams: np.ndarray
    counts: np.ndarray
    histories: np.ndarray
    totals: np.ndarray
    followers: np.ndarray
    discount: float


class NGrams:
    """A model of characters that looks at ``order - 1`` of them.

    Args:
        characters: the alphabet; a character's place in it is its number. UNKNOWN is added at the end.
        order: length of the longest grams.
        grams, counts: sorted codes, int64, of all grams of that length, and how often each was met.
    """

    def __init__(self, characters: str, order: int, grams: np.ndarray, counts: np.ndarray):
        self.characters = characters.replace(UNKNOWN, "") + UNKNOWN
        self.order, self.grams, self.counts = order, grams, counts
        self._number = {character: i for i, character in enumerate(self.characters)}
        self._levels = self._build()

    @classmethod
    def of(cls, text: str, order: int) -> "NGrams":
        """Count a text.

        Raises:
            ValueError: if it is shorter than ``order``, or so rich in characters that a gram is no 63-bit number.
        """
        characters = "".join(sorted(set(text) - {UNKNOWN}))
        if not 1 <= order <= len(text):
            raise ValueError(f"order must be from 1 to the length of the text, {len(text)}, not {order}")
        if (len(characters) + 1) ** order >= 2**63:
            raise ValueError(f"grams of {order} out of {len(characters)} characters are too many to number")
        empty = cls(characters, order, np.empty(0, np.int64), np.empty(0, np.int64))
        grams, counts = np.unique(empty._codes(empty.numbers(text), order), return_counts=True)
        return cls(characters, order, grams, counts)

    def shorter(self, order: int) -> "NGrams":
        """The model that looks at less, from the same counts."""
        if not 1 <= order <= self.order:
            raise ValueError(f"order must be from 1 to {self.order}, not {order}")
        codes = self.grams // len(self.characters) ** (self.order - order)
        grams, first = np.unique(codes, return_index=True)  # codes are sorted, since grams are
        return NGrams(self.characters, order, grams, np.add.reduceat(self.counts, first))

    def numbers(self, text: str) -> np.ndarray:
        """Characters as places in the alphabet, int64; those it does not have as UNKNOWN's."""
        last = len(self.characters) - 1
        return np.array([self._number.get(character, last) for character in text], np.int64)

    def _codes(self, numbers: np.ndarray, length: int) -> np.ndarray:
        """The code of the gram of ``length`` at every place where one begins."""
        codes = np.zeros(max(0, len(numbers) - length + 1), np.int64)
        for i in range(length):
            codes = codes * len(self.characters) + numbers[i : i + len(codes)]
        return codes

    def _build(self) -> list[_Level]:
        base = len(self.characters)
        grams, counts = self.grams, self.counts
        levels = []
        for length in range(self.order, 0, -1):
            once, twice = int((counts == 1).sum()), int((counts == 2).sum())
            discount = once / (once + 2 * twice) if once else 0.5
            histories, first = np.unique(grams // base, return_index=True)
            totals = np.add.reduceat(counts, first) if len(first) else counts
            followers = np.diff(np.append(first, len(grams)))
            levels.append(_Level(grams, counts, histories, totals, followers, discount))
            # one character less at the front; how many different ones stood there
            grams, counts = np.unique(grams % base ** (length - 1), return_counts=True)
        return levels[::-1]

    def likelihoods(self, text: str) -> np.ndarray:
        """p of every character of ``text`` given those before it, float64 (len(text),)."""
        numbers, base = self.numbers(text), len(self.characters)
        p = np.full(len(numbers), 1.0 / base)
        for length, level in enumerate(self._levels, start=1):
            codes = self._codes(numbers, length)  # at their last character, the one that is guessed
            here = p[length - 1 :]
            place, known = _find(level.histories, codes // base)
            at, met = _find(level.grams, codes)
            total = np.where(known, level.totals[place], 1)
            count = np.where(met, level.counts[at], 0)
            back = level.discount * level.followers[place] / total
            better = np.maximum(count - level.discount, 0) / total + back * here
            p[length - 1 :] = np.where(known, better, here)
        return p

    def bits_per_character(self, text: str) -> float:
        """Mean -log2 p over the characters of ``text``."""
        return float(-np.log2(self.likelihoods(text)).mean())

    def probabilities(self, before: str) -> np.ndarray:
        """p of every character of the alphabet after ``before``, float64 (characters,)."""
        numbers, base = self.numbers(before[-(self.order - 1) :] if self.order > 1 else ""), len(self.characters)
        p = np.full(base, 1.0 / base)
        for length, level in enumerate(self._levels, start=1):
            if length - 1 > len(numbers):
                break
            history = 0
            for number in numbers[len(numbers) - length + 1 :]:
                history = history * base + int(number)
            place = int(np.searchsorted(level.histories, history))
            if place == len(level.histories) or level.histories[place] != history:
                break
            begin, end = np.searchsorted(level.grams, [history * base, (history + 1) * base])
            seen = np.zeros(base)
            seen[level.grams[begin:end] % base] = np.maximum(level.counts[begin:end] - level.discount, 0)
            p = (seen + level.discount * level.followers[place] * p) / level.totals[place]
        return p

    def sample(self, prompt: str, count: int, seed: int) -> Iterator[str]:
        """``count`` characters after ``prompt``, one at a time, chosen by the darts of ``seed``; never UNKNOWN."""
        text = prompt
        for place in range(count):
            p = self.probabilities(text)
            p[-1] = 0.0
            character = self.characters[sampling.throw(p / p.sum(), sampling.uniform(seed, place))]
            yield character
            text = text[-self.order :] + character

    def save(self, folder: Path) -> None:
        """Write ``ngrams.safetensors`` and ``ngrams.json`` into ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        save_file({"grams": self.grams, "counts": self.counts.astype(np.uint32)}, folder / "ngrams.safetensors")
        facts = {"order": self.order, "characters": self.characters}
        (folder / "ngrams.json").write_text(json.dumps(facts, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "NGrams":
        """Read what :meth:`save` wrote. Raises FileNotFoundError where there is nothing."""
        facts = json.loads((Path(folder) / "ngrams.json").read_text())
        stored = load_file(Path(folder) / "ngrams.safetensors")
        return cls(facts["characters"], facts["order"], stored["grams"], stored["counts"].astype(np.int64))


def _find(sorted_codes: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where ``wanted`` codes lie (some place for those that are missing), and which are there."""
    if not len(sorted_codes):
        return np.zeros(len(wanted), np.int64), np.zeros(len(wanted), bool)
    places = np.searchsorted(sorted_codes, wanted).clip(max=len(sorted_codes) - 1)
    return places, sorted_codes[places] == wanted
