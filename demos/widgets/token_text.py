"""Texts as the tokens they are made of, coloured by how a model met them."""

from .base import Widget


class TokenText(Widget):
    """One text, or several side by side, token by token; hover or focus on a token tells everything about it.

    Value: a dictionary with

    - texts: `[{"title", "note", "badge", "tokens": [token, ...], "open"}, ...]`; all but tokens may be missing. They
      stand side by side, on a phone one below the other. open: true draws the place after the last token, where the
      next one will stand; it can be clicked like a token.
    - colour: "surprisal" (0 to 12 bits), "rank" (1-10, 11-100, 101-1,000, beyond), "change" (bits since before) or
      "none". The legend follows from it.
    - at: `[text, place]` of the token that is marked, or null; a place after the last token is the open one.
    - action: a name, or null. A click or Enter on token i of text k emits `{"name": action, "value": [k, i]}`.
    - poster: true for texts that a part is about: short ones in large letters, long ones in at most half its height.
    - streaming: true while tokens are being written: the end stays in sight and the open place blinks.
    - empty: what a text without tokens says; caption, source: the line below.
    - append: instead of texts, `{"text": k, "from": n, "tokens": [token, ...]}`: text k keeps its first n tokens and
      goes on with these. What else is given beside it changes, the rest stays; of the text only tokens change.

    A token: `{"t": its text, "raw": its bytes as hex, "id", "s": surprisal in bits, "r": rank, "h": entropy in bits
    that the model expected, "up": bits more (or, negative, less) than before, "kind", "alts": [[text, p], ...]}`. raw
    stands only where its bytes are no whole characters of their own; t is then the character that they complete, or
    "". All but t may be missing or null. kind: "given" (typed; the default), "new" (written by a model), "mark" (a
    token that is no text, such as the end of one) or "gone" (struck through).
    """

    kind = "token_text"
