"""What tokens are made of: bytes, and the merges that made them.

Byte-level BPE (Radford et al. 2019, section 2.2) writes a text as UTF-8 and merges neighbouring bytes that often stand
together, so every text can be written and a rare one only takes more tokens. A model never sees letters, only the
numbers of the merged pieces: that is why it cannot spell. A character of several bytes, an emoji say, may be spread
over several tokens, none of which is a character.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from tokenizers import Tokenizer

_VISIBLE = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
_HIDDEN = [byte for byte in range(256) if byte not in _VISIBLE]
LETTER_OF = {byte: chr(byte) for byte in _VISIBLE} | {byte: chr(256 + i) for i, byte in enumerate(_HIDDEN)}
"""The character that a byte is written as in a vocabulary: bytes that cannot be seen get one from U+0100 on."""
BYTE_OF = {letter: byte for byte, letter in LETTER_OF.items()}
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


@dataclass(frozen=True)
class Merge:
    """One merge on the way from bytes to tokens: the pieces after it, and where the new one stands among them.

    ``rank`` is the merge's place in the list that was learnt: low numbers are frequent pairs.
    """

    pieces: tuple[bytes, ...]
    place: int
    rank: int


class Vocabulary:
    """A byte-level BPE tokenizer that writes every text and gives back every byte.

    Raises:
        ValueError: if the tokenizer is of another kind.
    """

    def __init__(self, tokenizer: Tokenizer):
        self._file = json.loads(tokenizer.to_str())
        kinds = [part.get("type") for part in _parts(self._file.get("decoder"), "decoders")]
        if self._file["model"]["type"] != "BPE" or "ByteLevel" not in kinds:
            raise ValueError("the tokenizer is not byte-level BPE; models whose tokenizer is can be shown here")
        if self._file.get("normalizer"):
            raise ValueError("the tokenizer changes a text before it reads it, so the text cannot be given back")
        tokenizer.encode_special_tokens = True  # markup that a visitor types is text
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer = tokenizer
        self.special = {token["id"]: token["content"] for token in self._file["added_tokens"]}
        self._raw = {id: self._bytes_of(token, id) for token, id in tokenizer.get_vocab().items()}
        self._missing = frozenset(range(256)) - {raw[0] for raw in self._raw.values() if len(raw) == 1}

    def _bytes_of(self, token: str, id: int) -> bytes:
        if id in self.special or any(letter not in BYTE_OF for letter in token):
            return token.encode()
        return bytes(BYTE_OF[letter] for letter in token)

    def raw(self, id: int) -> bytes:
        """The bytes of a token; of a number that the vocabulary does not use, none."""
        return self._raw.get(int(id), b"")

    def spellable(self, text: str) -> str:
        """``text`` with U+FFFD for every character that the vocabulary has no bytes for; ours has all bytes."""
        if self._missing.isdisjoint(text.encode()):
            return text
        return "".join(letter if self._missing.isdisjoint(letter.encode()) else REPLACEMENT for letter in text)

    def encode(self, text: str) -> list[int]:
        """Text to tokens.

        Raises:
            ValueError: if it holds half of a surrogate pair, which is no character.
        """
        try:
            return self.tokenizer.encode(self.spellable(text), add_special_tokens=False).ids
        except UnicodeEncodeError as error:
            raise ValueError(f"text holds half of a surrogate pair at character {error.start}") from None

    def decode(self, ids: Sequence[int]) -> str:
        """Tokens to text; bytes that are no whole character become U+FFFD."""
        return b"".join(self.raw(id) for id in ids).decode("utf-8", "replace")

    @cached_property
    def ranks(self) -> dict[tuple[str, str], int]:
        """{pair: its place in the list of merges}, in the letters of the vocabulary."""
        pairs = (pair.split(" ") if isinstance(pair, str) else pair for pair in self._file["model"]["merges"])
        return {(left, right): rank for rank, (left, right) in enumerate(pairs)}

    def words(self, text: str) -> list[str]:
        """The parts of a text that no merge crosses, in the letters of the vocabulary."""
        return [part for part, _ in self.tokenizer.pre_tokenizer.pre_tokenize_str(self.spellable(text))]

    def merges(self, word: str) -> list[Merge]:
        """How one of :meth:`words` becomes tokens: its bytes, then one merge after another, the lowest rank first.

        The first entry shows the bytes, with place and rank -1; the last one shows the tokens.
        """
        pieces = list(word)
        steps = [Merge(tuple(self._letters(piece) for piece in pieces), -1, -1)]
        while True:
            pairs = [(self.ranks.get(pair, len(self.ranks)), i) for i, pair in enumerate(pairwise(pieces))]
            rank, place = min(pairs, default=(len(self.ranks), 0))
            if rank == len(self.ranks):
                return steps
            pieces[place : place + 2] = [pieces[place] + pieces[place + 1]]
            steps.append(Merge(tuple(self._letters(piece) for piece in pieces), place, rank))

    @staticmethod
    def _letters(piece: str) -> bytes:
        return bytes(BYTE_OF[letter] for letter in piece)


def _parts(part: dict | None, name: str) -> list[dict]:
    """A component of tokenizer.json as a list, whether it is alone, in a sequence, or missing."""
    return [] if part is None else part.get(name, [part])
