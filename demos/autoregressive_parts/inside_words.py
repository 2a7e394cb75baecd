"""What the part "Inside" says: sentences that follow from the measured numbers."""

from collections.abc import Sequence

import numpy as np

FIRST = 0.5  # a head whose last token takes more than this from the first token rests there
HIDDEN = {"\n": "⏎", "\t": "⇥", "\r": "␍"}


def label(raw: bytes, joined: bool = False) -> str:
    """A token in a map or table: without the space before a word; other spaces as signs, stray bytes in hexadecimal.

    joined: the space before a word is shown as well.
    """
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return raw.hex(" ").upper()
    body = "".join(HIDDEN.get(letter, letter if letter.isprintable() else f"<{ord(letter):02X}>") for letter in text)
    bare = body[:1] == " " and body[1:].strip() and not joined
    return body[1:] if bare else body.replace(" ", "␣")


# --- tokens ----------------------------------------------------------------------------------------------------------


def tokens(text: str, counts: tuple[int, int], at: int, last: int, learnt: int) -> str:
    """Of the merges: counts are the bytes and the pieces now."""
    size, pieces = counts
    if not text:
        return "Type something: every text is bytes first."
    if at == 0:
        return f"Every text is bytes first: {size} of them here. {learnt:,} merges were learnt, frequent pairs first."
    if at < last:
        return f"After merge {at} of {last} in each word {pieces} pieces are left of {size} bytes."
    return (
        f"{size} bytes have become {pieces} tokens, {size / pieces:.1f} bytes each. The model is given their numbers "
        "and nothing else: it never sees a letter."
    )


def spelling(letter: str, word: str, pieces: Sequence[bytes], ids: Sequence[int]) -> str:
    """Where a letter hides in the tokens of a word."""
    texts = [piece.decode("utf-8", "replace") for piece in pieces]
    inside = ", ".join(f"{text.lower().count(letter)} in “{text.strip()}”" for text in texts if letter in text.lower())
    numbers = ", ".join(f"{id:,}" for id in ids)
    found = f"“{word.strip()}” has {word.lower().count(letter)} × “{letter}” ({inside})"
    return f"{found}; the model gets {numbers}."


# --- attention -------------------------------------------------------------------------------------------------------


def telling(weights: np.ndarray, token: int) -> tuple[int, int]:
    """(layer, head) in which ``token`` takes most from a single place that is neither the first nor itself.

    weights: (layers, heads, T, T). With fewer than three places there is none, and the first head is told.
    """
    looked = weights[:, :, token, 1:token]
    if not looked.shape[-1]:
        return 0, 0
    best = int(looked.max(-1).argmax())
    return divmod(best, weights.shape[1])


def looks(weights: np.ndarray, labels: Sequence[str], layer: int, head: int, token: int) -> str:
    """Where one token looks in one head, and how many heads rest on the first token."""
    row = weights[layer, head, token]
    order = np.argsort(-row[: token + 1], kind="stable")[:3]
    most = ", ".join(f"“{labels[j]}” {row[j]:.0%}" for j in order if row[j] >= 0.01)
    words = f"Layer {layer + 1}, head {head + 1}: “{labels[token]}” looks at {most}."
    if token == 0:
        return f"{words} The first token has nothing but itself to look at."
    resting = int((weights[:, :, token, 0] > FIRST).sum())
    total = weights.shape[0] * weights.shape[1]
    return (
        f"{words} In {resting} of {total} heads more than half of its look rests on the first token: where a head has "
        "nothing to do, it looks there. A look is not yet a reason: it shows what is read, not what it is used for."
    )


# --- the lens --------------------------------------------------------------------------------------------------------


def leads_from(logits: np.ndarray) -> int:
    """The row from which on the last row's first token is first in every row; logits (layers + 1, V)."""
    first = logits.argmax(-1)
    differ = np.nonzero(first != first[-1])[0]
    return int(differ[-1]) + 1 if len(differ) else 0


def lens(answer: str, share: float, lead: int, layers: int) -> str:
    """When the answer came."""
    if lead == 0:
        when = "It leads from the very embedding on: the guess is to repeat what the last token suggests alone."
    elif lead == layers:
        when = f"It leads only after the last of {layers} layers."
    else:
        when = f"It leads from layer {lead} of {layers} on; before that other tokens do."
    return (
        f"The model says “{answer}” with {share:.0%}. {when} Each row reads the layer with the model's last norm and "
        "output matrix; early layers were never asked to speak that language."
    )
