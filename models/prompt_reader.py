"""Reads a prompt word by word; :mod:`models.prompts` states the rules and is what others use."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from models import prompt_words
from models.prompt_lexicon import NEAR, Means, age, alike, lexicon, quoted, split, tokens

SEARCHES = 12
"""So often the vocabulary is searched for a near word; it is what costs time."""
AHEAD = 6
"""So many words after an adjective its noun may stand."""
ADULT, OLDEST = 18, 120
"""Ages that a prompt may name."""
LONGEST = 7
"""Words of the longest phrase."""

OPEN = "A prompt says what to show: “{word}” leaves open what there is instead."
ALONE = "“{word}” alone does not say what is meant by it."
UNKNOWN = "“{word}” is not in this model’s vocabulary."

_EMOJI = {face: phrase for faces, phrase in prompt_words.EMOJI.items() for face in faces}
_STOP = frozenset(prompt_words.STOP.split())
_NEGATIONS = frozenset(prompt_words.NEGATIONS.split())
_COLOURS = frozenset(prompt_words.COLOURS.split())
_ABSENT = ("none", "no")
_NOT_BEFORE_NOUN = _NEGATIONS | {"with", "but", "wearing", "wears"}


@dataclass
class _Noun:
    """A noun that was read: what it may speak of, where it is, and the attributes that adjectives gave it."""

    attributes: frozenset[str]
    start: int
    end: int
    word: str
    weak: bool = False
    users: set[str] = field(default_factory=set)
    after: int = 0  # the first token after it


class Reader:
    """One walk over a text; what was found is in the attributes, as in :class:`models.prompts.Prompt`."""

    def __init__(self, data: str, text: str) -> None:
        self.data, self.text = data, text
        self.words = lexicon(data)
        self.tokens = tokens(text)
        self.said: dict[str, Means] = {}
        self.unknown: dict[str, tuple[str, ...]] = {}
        self.ignored: dict[str, None] = {}
        self.contradictions: list[tuple[str, str, str]] = []
        self.why: dict[str, str] = {}
        self.places: dict[str, list[tuple[int, int]]] = {}  # of attributes
        self.spots: dict[str, list[tuple[int, int]]] = {}  # of words that are unknown or ignored
        self._nouns: dict[int, _Noun] = {}  # index of its first token -> noun
        self._context: _Noun | None = None  # the noun that a later adjective may belong to
        self._negated = False  # whether the next thing is negated
        self._since: int | None = None  # where the negations before it begin
        # tokens not understood (first, after the last), what they may mean, and why they are not
        self._pending: tuple[int, int, tuple[str, ...] | None, str] | None = None
        self._searched = 0
        self._walk()
        for noun in self._nouns.values():
            for attribute in noun.users & self.places.keys() if len(noun.users) == 1 else ():
                self.places[attribute].append((noun.start, noun.end))

    # ---- the walk

    def _walk(self) -> None:
        i = 0
        while i < len(self.tokens):
            token = self.tokens[i]
            if token.kind == "word":
                i += self._word(i)
                continue
            if token.kind == "end":
                self._end()
            elif token.kind == "emoji":
                self._emoji(i)
            i += 1
        self._end()

    def _word(self, i: int) -> int:
        """Reads what begins at token i; how many tokens it took."""
        noun = self._nouns.get(i)
        if noun:  # an adjective before it has taken it
            self._flush()
            self._context = noun
            return noun.after - i
        if length := self._age(i):
            return length
        for length, key in self._keys(i):
            if key in self.words.adjectives and (found := self._beside(i, length, key)):
                return found
            if key in self.words.alone:
                self._flush()
                self._say(self.words.alone[key], i, length)
                attributes = self.words.nouns.get(key, frozenset())
                self._context = _Noun(attributes, 0, 0, key, users=set(attributes)) if attributes else None
                return length
            if key in self.words.outside:
                return self._outside(i, length, key)
            if key in self.words.nouns:
                return self._noun(i, length, key)
            if key in self.words.adjectives:
                return self._not_understood(i, length, self.words.near[key], ALONE)
        word = self.tokens[i].word
        if word in _NEGATIONS:
            self._flush()
            self._negated = not self._negated
            self._since = self.tokens[i].start if self._since is None else self._since
        elif word in ("and", "but"):
            self._affirm()
        elif word not in _STOP:
            return self._not_understood(i, 1, None, UNKNOWN)
        return 1

    def _keys(self, i: int) -> list[tuple[int, str]]:
        """The phrases that may begin at token i, (how many tokens, words), the longest first."""
        keys, words = [], []
        for length, token in enumerate(self.tokens[i : i + LONGEST], 1):
            if token.kind in ("end", "emoji"):
                break
            words.append(token.word)
            keys.append((length, " ".join(words)))
        return keys[::-1]

    def _end(self) -> None:
        """The end of a piece: what waits for a word after it waits no longer."""
        self._flush()
        self._bare()
        self._context = None
        self._affirm()

    def _bare(self) -> None:
        """Names the noun that waits, if nothing was said of it."""
        noun = self._context
        if noun and not noun.users and not noun.weak:
            self._name(noun.word, noun.start, noun.end, self.words.canonical(noun.attributes), ALONE)

    # ---- what is understood

    def _beside(self, i: int, length: int, adjective: str) -> int | None:
        """An adjective with its noun: the bare one before it, else the one after it, else the one before it."""
        before = self._context
        bare = before is not None and not before.weak and not before.users
        noun = before if bare and self.words.bind(adjective, before.attributes) else self._ahead(i + length, adjective)
        # "long hair grey", but not "happy eyes and laughing"
        if noun is None and before and adjective not in self.words.alone:
            noun = before if self.words.bind(adjective, before.attributes) else None
        if noun is None:
            return None
        self._flush()
        means = self.words.bind(adjective, noun.attributes)
        noun.users |= {each.attribute for each in means}
        self._say(means, i, length)
        return length

    def _ahead(self, i: int, adjective: str) -> _Noun | None:
        """The noun after an adjective, over other adjectives that say something else of it."""
        between: list[str] = []
        stop = min(len(self.tokens), i + AHEAD)
        while i < stop and self.tokens[i].kind == "word":
            keys = self._keys(i)
            for length, key in keys:
                if key in self.words.nouns and key not in self.words.adjectives:
                    noun = self._nouns.get(i) or self._new_noun(i, length, key)
                    if not self._fits(adjective, between, noun):
                        return None
                    self._nouns[i] = noun
                    return noun
            known = next((each for each in keys if each[1] in self.words.adjectives), None)
            if known:
                between.append(known[1])
                i += known[0]
            elif self.tokens[i].word in _NOT_BEFORE_NOUN:
                return None
            elif any(key in self.words.alone or key in self.words.outside for _, key in keys):
                return None
            else:
                i += 1
        return None

    def _fits(self, adjective: str, between: list[str], noun: _Noun) -> bool:
        """Whether an adjective says something of a noun that those between the two do not contradict."""
        mine = {means.attribute: means for means in self.words.bind(adjective, noun.attributes)}
        nearer = [means for word in between for means in self.words.bind(word, noun.attributes)]
        values = [(means.value, mine[means.attribute]) for means in nearer if means.attribute in mine]
        return bool(mine) and all(value == means.value or value in means.also for value, means in values)

    def _new_noun(self, i: int, length: int, key: str) -> _Noun:
        weak = key in prompt_words.WEAK
        start, end = self.tokens[i].start, self.tokens[i + length - 1].end
        return _Noun(self.words.nouns[key], start, end, key, weak, after=i + length)

    def _noun(self, i: int, length: int, key: str) -> int:
        """A noun without an adjective that is understood: it waits for one, unless it ends a phrase not understood."""
        pending, noun = self._pending, self._new_noun(i, length, key)
        if pending and pending[1] == i and not noun.weak:
            self._pending = None
            start, word = self.tokens[pending[0]].start, self.tokens[pending[0]].word
            colours = {name for name in noun.attributes if name.endswith("color") and word in _COLOURS}
            fits = [each for each in self.words.adjectives if self.words.bind(each, noun.attributes)]
            close = tuple(f"{each} {key}" for each in difflib.get_close_matches(word, fits, n=3, cutoff=NEAR))
            suggestions = close or self.words.canonical(colours or noun.attributes)
            self._name(self.text[start : noun.end], start, noun.end, suggestions, UNKNOWN)
            self._go_on(i + length)
            return length
        self._flush()
        if self._context and not noun.weak:
            self._bare()
        self._context = self._nouns[i] = noun
        return length

    def _say(self, meanings: tuple[Means, ...], i: int, length: int) -> None:
        """Takes down what tokens i, i + 1, ... mean, or its opposite where they are negated."""
        start, end = self.tokens[i].start, self.tokens[i + length - 1].end
        start = start if self._since is None else self._since
        if self.tokens[i].word in _NEGATIONS:  # "no glasses" is a phrase of its own, and "or beard" goes on with it
            self._negated = True
            self._go_on(i + length)
        elif not self._negated:
            self._affirm()
        else:
            self._go_on(i + length)
            opposite = [self._opposite(means) for means in meanings]
            if None in opposite:
                attributes = {means.attribute for means in meanings}
                instead = self.words.canonical(attributes, besides=meanings[0].value)
                noun = self._nouns.get(i + length)
                end = noun.end if noun else end
                self._name(self.text[start:end], start, end, instead, OPEN)
                return
            meanings = tuple(opposite)
        for means in meanings:
            self._take(means, start, end)

    def _opposite(self, means: Means) -> Means | None:
        """What "no ..." means: the attribute's absence; of absence the one other value; else None."""
        values = self.words.values[means.attribute]
        absent = next((value for value in values if value in _ABSENT), None)
        if absent is None:
            return None
        if means.value != absent:
            # "no moustache, full beard" is no contradiction; "no beard, full beard" is
            return Means(means.attribute, absent, frozenset(values) - means.also - {means.value, absent})
        return Means(means.attribute, values[1 - values.index(absent)]) if len(values) == 2 else None

    def _take(self, new: Means, start: int, end: int) -> None:
        """One value: it replaces an earlier one, which is a contradiction unless the two agree."""
        self.places.setdefault(new.attribute, []).append((start, end))
        old = self.said.get(new.attribute)
        if old and new.value != old.value:
            if old.value in new.also:
                return
            if new.value not in old.also:
                self.contradictions.append((new.attribute, new.value, old.value))
        self.said[new.attribute] = new

    def _age(self, i: int) -> int | None:
        """A number that is an age; how many tokens it took."""
        found = age([token.word for token in self.tokens[i : i + 10]])
        if found is None:
            return None
        length, years = found
        self._flush()
        if "apparent_age" in self.words.values and ADULT <= years <= OLDEST:
            values = self.words.values["apparent_age"]
            lowest = [int(re.search(r"\d+", value)[0]) for value in values[1:]]
            self._say((Means("apparent_age", values[sum(years >= low for low in lowest)]),), i, length)
        else:
            start, end = self.tokens[i].start, self.tokens[i + length - 1].end
            reason = self.words.outside["age" if "age" in self.words.outside else "child"].reason
            self._name(self.text[start:end], start, end, (), reason)
        return length

    def _emoji(self, i: int) -> None:
        """An emoji means what its words mean; one without a meaning here is named."""
        self._flush()
        token = self.tokens[i]
        phrase = _EMOJI.get(token.word, "")
        group = self.words.outside.get(phrase)
        if phrase in self.words.whole:
            self._say(self.words.whole[phrase], i, 1)
        else:
            reason = group.reason if group else "“{word}” means nothing to this model."
            self.ignored[self._because(token.word, token.start, token.end, reason)] = None

    # ---- what is not

    def _outside(self, i: int, length: int, key: str) -> int:
        """Something that the set cannot give; with the word before it where that was not understood, either."""
        group = self.words.outside[key]
        following = next((each for each in self._keys(i + length) if each[1] in self.words.nouns), None)
        if following and key not in self.words.nouns and following[1] not in prompt_words.WEAK:
            length += following[0]  # "curly hair"
        start, end = self.tokens[i].start, self.tokens[i + length - 1].end
        if self._pending and self._pending[1] == i and group is not prompt_words.NO_GENDER:
            start = self.tokens[self._pending[0]].start
            self._pending = None
        self._flush()
        if group is prompt_words.NO_GENDER:
            self.ignored[self._because(self.text[start:end], start, end, group.reason)] = None
        else:
            self._name(self.text[start:end], start, end, tuple(split(group.instead)), group.reason)
        self._go_on(i + length)
        return length

    def _not_understood(self, i: int, length: int, suggestions: tuple[str, ...] | None, why: str) -> int:
        """Tokens that mean nothing yet; with the pending ones before them they may be a misspelt phrase."""
        before = self._pending
        typed = " ".join(token.word for token in self.tokens[i : i + length])
        if before and before[1] == i:
            both = " ".join(token.word for token in self.tokens[before[0] : i]) + f" {typed}"
            close = self._search(both, self.words.whole, 0.8)
            if close:
                self._pending = (before[0], i + length, close, UNKNOWN)
                return length
        self._flush()
        self._pending = (i, i + length, suggestions, why)
        return length

    def _search(self, typed: str, among: Iterable[str], cutoff: float) -> tuple[str, ...]:
        """Near phrases, while there is time for it."""
        if self._searched >= SEARCHES or len(typed) > 40:
            return ()
        self._searched += 1
        return tuple(difflib.get_close_matches(typed, among, n=3, cutoff=cutoff))

    def _alike(self, word: str) -> tuple[str, ...]:
        """Phrases that may be meant by one unknown word; a number may be an age."""
        if word.isdecimal() and "apparent_age" in self.words.values:
            return (f"aged {word}",) if ADULT <= int(word[:4]) <= OLDEST else ()
        if self._searched >= SEARCHES:
            return ()
        self._searched += 1
        return alike(self.data, word)

    def _flush(self) -> None:
        """Names the pending tokens: nothing that follows explains them."""
        if self._pending is None:
            return
        first, after, suggestions, why = self._pending
        self._pending = None
        start, end = self.tokens[first].start, self.tokens[after - 1].end
        if suggestions is None:
            suggestions = self._alike(self.tokens[first].word)
        self._name(self.text[start:end], start, end, suggestions, why)
        self._go_on(after)

    def _go_on(self, after: int) -> None:
        """A negation holds for one thing, and for the one after "or"."""
        if self._negated and after < len(self.tokens) and self.tokens[after].word in ("or", "nor"):
            self._since = self.tokens[after].start
        else:
            self._affirm()

    def _affirm(self) -> None:
        self._negated, self._since = False, None

    def _name(self, word: str, start: int, end: int, suggestions: tuple[str, ...], why: str) -> None:
        """Takes down something that is not understood."""
        self.unknown.setdefault(self._because(word, start, end, why), suggestions)

    def _because(self, word: str, start: int, end: int, why: str) -> str:
        """Takes down why and where; the word as it is known from here on: in lower case, on one line."""
        word = " ".join("".join(c if c.isprintable() else " " for c in word).split()).casefold()
        self.why.setdefault(word, why.replace("{word}", quoted(word)))
        self.spots.setdefault(word, []).append((start, end))
        return word
