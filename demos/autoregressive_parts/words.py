"""Tokens as the page shows them: values of the widget TokenText, and names of single tokens."""

import codecs
from collections.abc import Iterable, Sequence
from typing import Any

from models.language import LanguageModel, TextScore, TokenScore

Token = dict[str, Any]
ALTERNATIVES = 6  # of each token; what is hovered over tells no more


def spelt(model: LanguageModel, ids: Sequence[int]) -> list[Token]:
    """Each token's text and id; bytes where they are no whole characters, and then the character they complete.

    ids: of one text, in order, because a character may be spread over several tokens.
    """
    reader = codecs.getincrementaldecoder("utf-8")("replace")
    found: list[Token] = []
    for id in ids:
        raw, halfway = model.vocabulary.raw(id), bool(reader.getstate()[0])
        token: Token = {"t": reader.decode(raw), "id": int(id)}
        if id in model.vocabulary.special:
            token["kind"] = "mark"
        elif halfway or token["t"].encode() != raw:
            token["raw"] = raw.hex()
        found.append(token)
    return found


def named(model: LanguageModel, id: int) -> str:
    """One token alone, as a bar names it: its text, or its bytes where they are no text, as in "<F0 9F>"."""
    raw = model.vocabulary.raw(id)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return f"<{raw.hex(' ').upper()}>"


def said(model: LanguageModel, id: int) -> str:
    """One token in a sentence: in quotes and with its direction kept to itself; white space by its name."""
    text = named(model, id)
    if text.strip():
        return f"“\u2068{text.strip()}\u2069”"
    return "a line break" if "\n" in text else "white space"


def met(model: LanguageModel, score: TextScore, kinds: Iterable[str] = ()) -> list[Token]:
    """The tokens of a text with how the model met them. kinds: of each token; "given" for what is missing."""
    tokens = spelt(model, [one.id for one in score.tokens])
    for token, one in zip(tokens, score.tokens, strict=True):
        token |= measured(model, one)
    for token, kind in zip(tokens, kinds, strict=False):
        token.setdefault("kind", kind)
    return tokens


def measured(model: LanguageModel, one: TokenScore) -> Token:
    """What the card of a token tells: surprisal, rank, entropy and what else might have stood there."""
    if one.surprisal_bits is None:
        return {}
    return {
        "s": round(one.surprisal_bits, 3),
        "r": one.rank,
        "h": round(one.entropy_bits, 3),
        "alts": [[named(model, id), round(p, 5)] for id, p in one.alternatives[:ALTERNATIVES]],
    }
