"""The tables of :mod:`models.prompt_words`, made ready to look up, and texts cut into the words that are looked up."""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from models import conditions, prompt_words

QUOTED = 40
"""Characters of a word that are quoted at most."""
NEAR = 0.7
"""How alike (difflib's ratio) a word must be to be suggested."""

_TOKEN = re.compile(
    r"(?P<word>(?:[^\W_][\u0300-\u036f]*)+(?:['’](?:[^\W_][\u0300-\u036f]*)+)*)"
    r"|(?P<emoji>[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]\ufe0f?(?:\u200d[\u2640\u2642]\ufe0f?)?)"
    r"|(?P<plus>\+)|(?P<equals>[=:])|(?P<end>[,;.!?\n\r•،。，、])"
)
# What may stand before a number that is an age, and by how much it moves it; and after one.
_AGE_BEFORE = {"aged": 0, "age": 0, "about": 0, "around": 0, "between": 0, "than": 0, "least": 0, "=": 0} | {
    **dict.fromkeys(("over", "above", "older", "past"), 1),
    **dict.fromkeys(("under", "below", "younger"), -1),
}
_AGE_AFTER = frozenset("years year old yo y o plus of age".split())
_AGE_OR = frozenset("more older over above less younger under below".split())


class Token(NamedTuple):
    """A piece of the text: its kind (word, emoji, equals, end), the word as it is compared, and where it stands."""

    kind: str
    word: str
    start: int
    end: int


class Means(NamedTuple):
    """One value that a phrase means, and the other values of the attribute that agree with it."""

    attribute: str
    value: str
    also: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Lexicon:
    """The words of one set. Keys are folded words with single blanks between them.

    Attributes:
        values: {attribute: its values}.
        alone: phrases that mean something by themselves.
        adjectives: words that mean something beside a noun.
        nouns: noun -> the attributes that it may speak of.
        outside: what the set cannot give.
        phrases: {attribute: {value: whole phrases, the canonical one first}}.
        near: what may have been meant by a word like the key: whole phrases.
        whole: every whole phrase -> what it means.
    """

    values: dict[str, tuple[str, ...]]
    alone: dict[str, tuple[Means, ...]]
    adjectives: dict[str, tuple[Means, ...]]
    nouns: dict[str, frozenset[str]]
    outside: dict[str, prompt_words.Outside]
    phrases: dict[str, dict[str, tuple[str, ...]]]
    near: dict[str, tuple[str, ...]]
    whole: dict[str, tuple[Means, ...]]

    def bind(self, adjective: str, attributes: Iterable[str]) -> tuple[Means, ...]:
        """What an adjective means beside a noun that speaks of these attributes."""
        return tuple(means for means in self.adjectives[adjective] if means.attribute in attributes)

    def canonical(self, attributes: Iterable[str], besides: str | None = None) -> tuple[str, ...]:
        """Four canonical phrases of these attributes, without those of one value."""
        rows = [
            [said[0] for v, said in self.phrases[a].items() if v != besides] for a in self.phrases if a in attributes
        ]
        turns = [row[i] for i in range(max(map(len, rows), default=0)) for row in rows if i < len(row)]
        return tuple(turns[:4])


def fold(word: str) -> str:
    """One word as it is compared: without accents, apostrophes and case, in British spelling."""
    letters = unicodedata.normalize("NFKD", word)
    plain = "".join(c for c in letters if not unicodedata.combining(c) and c not in "'’").casefold()
    return prompt_words.SPELLINGS.get(plain, plain)


def tokens(text: str) -> list[Token]:
    """The words, emoji, equals signs and ends of pieces in a text; everything else separates."""
    found = []
    for match in _TOKEN.finditer(text):
        kind, word = match.lastgroup, match.group()
        if kind == "plus":
            kind, word = "word", "plus"
        elif kind == "equals":
            word = "="
        elif kind == "emoji":
            word = word[0]  # without its variation and gender
        found.append(Token(kind, fold(word) if kind == "word" else word, match.start(), match.end()))
    return found


def age(words: list[str]) -> tuple[int, int] | None:
    """The age that some words begin with, as (how many words, years); None if they begin with none.

    "aged 70", "in her 60s" (the middle of the decade), "over 50", "65 or more", "35 to 49" (the middle).
    """
    k, shift = 0, 0
    while k < len(words) and words[k] in _AGE_BEFORE:
        shift = _AGE_BEFORE[words[k]] or shift
        k += 1
    number = re.fullmatch(r"(\d{1,3})(s|yo)?", words[k]) if k < len(words) else None
    if not number:
        return None
    marked = k > 0 or number[2] is not None
    years = int(number[1]) + (5 if number[2] == "s" else shift)
    joint = "and" if "between" in words[:k] else "to"
    k += 1
    to = k + 1 if words[k : k + 1] == [joint] else k
    if to < len(words) and re.fullmatch(r"\d{2,3}", words[to]):
        years, k, marked = (years + int(words[to])) // 2, to + 1, True
    if words[k : k + 1] == ["or"] and words[k + 1 : k + 2] and words[k + 1] in _AGE_OR:
        k, marked = k + 2, True
    while k < len(words) and words[k] in _AGE_AFTER:
        k, marked = k + 1, True
    return (k, years) if marked else None


def quoted(word: str) -> str:
    """A visitor's word for a sentence of ours: short, and in whatever direction it is written it turns nothing else."""
    short = word if len(word) <= QUOTED else f"{word[: QUOTED - 1]}…"
    rightward = all(unicodedata.bidirectional(c) not in ("R", "AL", "AN") for c in short)
    return short if rightward else f"\u2068{short}\u2069"


def split(words: str) -> list[str]:
    """The items of a list with commas, as in the tables."""
    return [word for word in words.split(", ") if word]


@lru_cache(maxsize=4)
def lexicon(data: str) -> Lexicon:
    """The words of "toons" or "portraits", ready to look up.

    Raises:
        ValueError: for an unknown set.
    """
    values = conditions.vocabulary(data)
    table = prompt_words.WORDS[data]
    also = {
        (attribute, value, word): frozenset(split(others))
        for (attribute, value), (others, words) in prompt_words.ALSO[data].items()
        for word in split(words)
    }
    alone: dict[str, list[Means]] = {}
    adjectives: dict[str, list[Means]] = {}
    nouns: dict[str, set[str]] = {}
    phrases: dict[str, dict[str, tuple[str, ...]]] = {}
    near: dict[str, list[str]] = {}
    whole: dict[str, list[Means]] = {}
    for attribute in values:
        names = split(table[attribute].nouns)
        for noun in names:
            nouns.setdefault(noun, set()).add(attribute)
        phrases[attribute] = {}
        for value in values[attribute]:
            said = table[attribute].values[value]

            def means(word: str, attribute: str = attribute, value: str = value) -> Means:
                return Means(attribute, value, also.get((attribute, value, word), frozenset()))

            joined = {f"{word} {names[0]}": word for word in split(said.adjectives)}
            for phrase, word in joined.items():
                adjectives.setdefault(word, []).append(means(word))
                near.setdefault(word, []).append(phrase)
                whole.setdefault(phrase, []).append(means(word))
            for phrase in dict.fromkeys([said.name, *split(said.alone)]):
                # an adjective and its noun are found as such: so several adjectives can share the noun
                if phrase not in joined:
                    alone.setdefault(phrase, []).append(means(phrase))
                    whole.setdefault(phrase, []).append(means(phrase))
            # as the value is written elsewhere: "hair_color=grey"
            raw = " = ".join(" ".join(map(fold, name.replace("_", " ").split())) for name in (attribute, value))
            alone.setdefault(raw, []).append(means(raw))
            phrases[attribute][value] = tuple(dict.fromkeys([said.name, *split(said.alone), *joined]))
    # a whole phrase is its own best suggestion; an adjective that cannot stand alone leads to those it is part of
    near = {word: (word,) if word in alone else tuple(found) for word, found in near.items()}
    near = {phrase: (phrase,) for phrase in whole} | near
    near = dict.fromkeys(nouns, ()) | near
    frozen = [{key: tuple(found) for key, found in each.items()} for each in (alone, adjectives)]
    outside = {word: group for group in prompt_words.OUTSIDE[data] for word in split(group.words)}
    bound = {noun: frozenset(names) for noun, names in nouns.items()}
    found = Lexicon(values, *frozen, bound, outside, phrases, near, {key: tuple(each) for key, each in whole.items()})
    near |= {noun: found.canonical(names) for noun, names in bound.items() if not near[noun]}
    return found


@lru_cache(maxsize=2048)
def alike(data: str, typed: str) -> tuple[str, ...]:
    """Whole phrases that may be meant by a word that is not in the vocabulary, the likeliest first, at most three."""
    if not 3 <= len(typed) <= 30:
        return ()
    words = lexicon(data)
    found = difflib.get_close_matches(typed, words.near, n=4, cutoff=NEAR)
    # of phrases that mean the same the nearest is enough
    distinct: dict[frozenset[tuple[str, str]], str] = {}
    for phrase in (phrase for word in found for phrase in words.near[word]):
        distinct.setdefault(frozenset(means[:2] for means in words.whole[phrase]), phrase)
    return tuple(distinct.values())[:3]
