"""A typed prompt, read by rule: "smiling, glasses, grey hair, blue background" -> attributes and values.

There is no language model behind it. The whole vocabulary is :mod:`models.prompt_words`; what is not in it is named,
never guessed:

- An adjective belongs to the noun after it or, where there is none, to the noun before it ("short grey hair", "hair:
  grey"). Without a noun it counts where the table says so ("short"), else it is asked back.
- "no", "not", "without" hold for the next thing said, and for the one after "or"; a comma, "and" or "but" ends them.
  They work where a set has a word for absence; "not grey hair" leaves four colours open and is asked back.
- Said twice, the later value counts, and the contradiction is reported. "Smiling, closed lips" is none.
- A number is an age beside "aged", "years", "over", "under" or another number; ages are cut into the set's classes.
- Emoji count as the words they stand for; accents, case, hyphens and American spelling make no difference.

Everything is linear in the length of the text, of which the first 2,000 characters are read.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from models import conditions, prompt_words
from models.prompt_lexicon import lexicon, tokens
from models.prompt_reader import Reader

LIMIT = 2000
"""Characters of a text that are read."""
OFFERED = 8
"""Completions at most."""
STOP = frozenset(prompt_words.STOP.split())


@dataclass(frozen=True)
class Prompt:
    """What a text asks for.

    Attributes:
        attributes: {attribute: value}, in the order of the vocabulary.
        unknown: (word, suggestions) of what was not understood: phrases that it may have meant, maybe none.
        contradictions: (attribute, value kept, value dropped); the later one is kept.
        clashes: (attribute, value, attribute, value): both are kept, but no picture of the set has them together.
        ignored: words and emoji that were understood but that the set has no label for.
        cut: characters at the end of the text that were not read.
        why: a sentence for every word of ``unknown`` and ``ignored``.
        places: where each attribute is named in the text, {attribute: ((start, end), ...)}.
        spots: where each word of ``unknown`` and ``ignored`` stands.
    """

    attributes: dict[str, str]
    unknown: tuple[tuple[str, tuple[str, ...]], ...] = ()
    contradictions: tuple[tuple[str, str, str], ...] = ()
    clashes: tuple[tuple[str, str, str, str], ...] = ()
    ignored: tuple[str, ...] = ()
    cut: int = 0
    why: dict[str, str] = field(default_factory=dict)
    places: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    spots: dict[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)


def vocabulary(data: str) -> dict[str, tuple[str, ...]]:
    """{attribute: its values} that a prompt can name: those of :func:`models.conditions.vocabulary`.

    Raises:
        ValueError: for an unknown set.
    """
    if data not in tuple(prompt_words.WORDS):
        raise ValueError(f"data is {data!r:.60}; it is one of {', '.join(prompt_words.WORDS)}")
    return conditions.vocabulary(data)


def parse(data: str, text: str) -> Prompt:
    """Reads a text; any text gives a :class:`Prompt`, at worst one without attributes.

    Raises:
        ValueError: for an unknown set, or if ``text`` is no text.
    """
    known = vocabulary(data)
    if not isinstance(text, str):
        raise ValueError(f"prompt is a text, not {text!r:.60}")
    kept = text[:LIMIT]
    if len(text) > LIMIT:  # not in the middle of a word
        kept = re.sub(r"\w{1,40}\Z", "", kept) if text[LIMIT].isalnum() else kept
    found = Reader(data, kept)
    attributes = {name: found.said[name].value for name in known if name in found.said}
    clashes = tuple(
        (first, value, second, attributes[second])
        for first, value, second in prompt_words.CLASHES[data]
        if attributes.get(first) == value and second in attributes
    )
    return Prompt(
        attributes,
        unknown=tuple(found.unknown.items()),
        contradictions=tuple(found.contradictions),
        clashes=clashes,
        ignored=tuple(found.ignored),
        cut=len(text) - len(kept),
        why=found.why,
        places={name: tuple(places) for name, places in found.places.items()},
        spots={word: tuple(places) for word, places in found.spots.items()},
    )


def describe(data: str, attributes: Mapping[str, str]) -> str:
    """The canonical prompt of some attributes: :func:`parse` gives the same attributes back.

    Raises:
        ValueError: for an unknown set, attribute or value.
    """
    known = vocabulary(data)
    conditions.check(known, attributes)
    return ", ".join(
        prompt_words.WORDS[data][name].values[attributes[name]].name for name in known if name in attributes
    )


def phrases(data: str) -> dict[str, dict[str, list[str]]]:
    """The documented vocabulary: {attribute: {value: whole phrases that mean it, the canonical one first}}.

    Raises:
        ValueError: for an unknown set.
    """
    vocabulary(data)
    return {
        name: {value: list(said) for value, said in values.items()} for name, values in lexicon(data).phrases.items()
    }


def offers(data: str, text: str = "") -> list[str]:
    """Phrases that could be said next, after ``text``: of the attributes that it does not name, canonical ones first.

    Raises:
        ValueError: for an unknown set, or if ``text`` is no text.
    """
    said = parse(data, text).attributes
    rows = [list(values.values()) for name, values in lexicon(data).phrases.items() if name not in said]
    # by turns, one of each attribute, and the first value last: it is often absence
    turns = range(1, 1 + max(map(len, rows), default=0))
    canonical = [row[turn % len(row)][0] for turn in turns for row in rows if turn <= len(row)]
    others = {phrase for row in rows for found in row for phrase in found} - set(canonical)
    return canonical + sorted(others, key=lambda phrase: (len(phrase), phrase))


def last_piece(text: str) -> int:
    """Where the piece of the text begins that is still being typed: after the last comma, line or "and"."""
    found = list(re.finditer(r"[,;.!?\n]|\s(?:and|with)\s", text))
    start = found[-1].end() if found else 0
    return start + len(text[start:]) - len(text[start:].lstrip())


def complete(data: str, text: str) -> list[str]:
    """Whole phrases, best first, at most 8, that complete the last words of the text; none of attributes already said.

    After a comma, or in an empty text, one phrase of every attribute that is not named yet.

    Raises:
        ValueError: for an unknown set, or if ``text`` is no text.
    """
    if not isinstance(text, str):
        raise ValueError(f"prompt is a text, not {text!r:.60}")
    text = text[-LIMIT:]
    words = [token for token in tokens(text) if token.kind == "word" and token.start >= last_piece(text)]
    if not words:
        return offers(data, text)[:OFFERED]
    # "grey hair blu": the longest end of the piece that begins a phrase
    for first in range(max(0, len(words) - 4), len(words)):
        typed = " ".join(token.word for token in words[first:])
        open_to = offers(data, text[: words[first].start])
        at_start = [phrase for phrase in open_to if phrase.startswith(typed)]
        inside = [phrase for phrase in open_to if f" {typed}" in phrase and phrase not in at_start and len(typed) > 1]
        if typed in at_start:  # whole already
            return []
        if at_start or inside:
            return (at_start + inside)[:OFFERED]
    return []


def without(data: str, text: str, attribute: str) -> str:
    """The text with everything taken out that speaks of one attribute; the rest still means the same.

    Raises:
        ValueError: for an unknown set, or if ``text`` is no text.
    """
    prompt = parse(data, text)
    rest = {name: value for name, value in prompt.attributes.items() if name != attribute}
    shorter = text[:LIMIT]
    for start, end in sorted(prompt.places.get(attribute, ()), reverse=True):
        shorter = f"{shorter[:start]} {shorter[end:]}"
    shorter = " ".join(shorter.replace("\n", ", ").replace("\u200d", " ").split())
    loose = re.compile(r"(?:^|(?<=\s))(?:(?:and|with|a|an|the|in|on|of)(?:\s|$))++(?=and\b|$)")
    pieces = [loose.sub("", piece.strip(" -")) for piece in shorter.split(",")]
    shorter = ", ".join(piece.strip() for piece in pieces if _says_something(piece))
    return shorter if parse(data, shorter).attributes == rest else describe(data, rest)


def _says_something(piece: str) -> bool:
    """Whether there is more in a piece of text than words that mean nothing."""
    return any(token.kind == "emoji" or token.word not in STOP for token in tokens(piece) if token.kind != "equals")


def corrected(data: str, text: str, word: str, suggestion: str) -> str:
    """The text with an unknown word of :func:`parse` replaced by one of its suggestions, wherever it stands.

    Raises:
        ValueError: for an unknown set, or if ``text`` is no text.
    """
    for start, end in sorted(parse(data, text).spots.get(word, ()), reverse=True):
        text = text[:start] + suggestion + text[end:]
    return text
