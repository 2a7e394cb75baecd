"""The first view of "Inside": a text in pieces, and how one word of it becomes tokens, merge by merge."""

from typing import Any

from demos.autoregressive_parts import inside_words
from demos.autoregressive_parts.scene import Scene
from demos.common import LIVE, number, source
from models.language import LanguageModel
from models.language_tokens import Merge, Vocabulary

MOST_MERGES = 40
LONGEST = 240  # characters of a text that are taken apart: all of them have to fit a screen as bytes
WIDEST = 24  # bytes of a word whose merges are shown


def shown(scene: Scene) -> str:
    """The text that is taken apart: what was typed, and went on since."""
    return scene.model.vocabulary.spellable(scene.model.decode(scene.ids))[:LONGEST]


def words_of(scene: Scene) -> list[list[Merge]]:
    """For every word of the text its steps from bytes to tokens."""
    vocabulary = scene.model.vocabulary
    return [vocabulary.merges(word) for word in vocabulary.words(shown(scene))]


def last_merge(words: list[list[Merge]]) -> int:
    """How many merges the word with most of them took."""
    return min(MOST_MERGES, max((len(steps) - 1 for steps in words), default=0))


def after(steps: list[Merge], merge: int, last: int) -> tuple[bytes, ...]:
    """The pieces of a word that has had so many merges, or all of its own; from ``last`` on it has had all."""
    return steps[-1 if merge >= last else min(merge, len(steps) - 1)].pieces


def word_at(words: list[list[Merge]], merge: int, place: int) -> int:
    """Which word the piece at a place belongs to, when every word has had so many merges."""
    last = last_merge(words)
    for i, steps in enumerate(words):
        place -= len(after(steps, merge, last))
        if place < 0:
            return i
    raise ValueError("There is no such piece.")


def chosen(scene: Scene, words: list[list[Merge]]) -> int:
    """The word whose merges are shown: the one that was chosen, else the one with most of them."""
    wanted = scene.state["inside_word"]
    if 1 <= wanted <= len(words):
        return wanted - 1
    return max(range(len(words)), key=lambda i: len(words[i]), default=0)


def rail(scene: Scene) -> list[dict[str, Any]]:
    """The slider over merges, and the word that everybody asks about."""
    last = last_merge(words_of(scene))
    at = min(scene.state["inside_merge"], last)
    return [
        {
            "kind": "slider",
            "name": "inside_merge",
            "label": "Merges in each word",
            "min": 0,
            "max": max(1, last),
            "step": 1,
            "value": at,
            "text": str(at),
        },
        {"kind": "button", "name": "inside-strawberry", "label": "How many r in strawberry?"},
    ]


def draw(scene: Scene) -> dict[str, Any]:
    """The text in pieces, the merges of one word, and what they come to."""
    model, text, words = scene.model, shown(scene), words_of(scene)
    last = last_merge(words)
    at = min(scene.state["inside_merge"], last)
    word = chosen(scene, words)
    now = [after(steps, at, last) for steps in words]
    size, tokens = len(text.encode()), sum(len(steps[-1].pieces) for steps in words)
    pieces = [_piece(piece) for part in now for piece in part]
    see = inside_words.tokens(text, (size, len(pieces)), at, last, len(model.vocabulary.ranks))
    view = {"inside-ladder": {"rows": [], "source": LIVE}}
    if words:
        steps = words[word]
        view["inside-ladder"] = ladder(model, steps, at if at < last else len(steps) - 1)
        spelt = b"".join(steps[-1].pieces).decode("utf-8", "replace")
        if at == last and (letter := commonest(spelt)):
            begin = sum(len(one[-1].pieces) for one in words[:word])
            ids = model.encode(text)[begin : begin + len(steps[-1].pieces)]
            see = f"{see} {inside_words.spelling(letter, spelt, steps[-1].pieces, ids)}"
    return view | {
        "inside-tokens": {
            "texts": [{"title": "In pieces", "note": f"{len(pieces)}", "tokens": pieces}],
            "colour": "none",
            "at": [0, sum(map(len, now[:word]))] if words else None,
            "action": "inside-word",
            "empty": "Type something.",
            "caption": "Click a piece to see how its word was made.",
        },
        "inside-numbers": {
            "items": [
                _count("characters", len(text), size, "what you see"),
                _count("bytes", size, size, "what a file holds (UTF-8)"),
                _count("tokens", tokens, size, "what the model is given"),
            ]
        },
        "see": see,
        "formula": {
            "title": "Byte-level BPE",
            "lines": [
                ["merge the pair that was learnt first, again and again"],
                ["bytes → tokens: ", number(size, 0), " → ", number(tokens, 0)],
                ["vocabulary: ", number(model.size, 0), ",  merges: ", number(len(model.vocabulary.ranks), 0)],
            ],
            "code": source(Vocabulary.merges),
        },
    }


def ladder(model: LanguageModel, steps: list[Merge], at: int) -> dict[str, Any]:
    """Value of a MergeLadder: a word from its bytes to what it is after ``at`` merges.

    Of a word of more than WIDEST bytes only the beginning is shown.
    """
    word = b"".join(steps[0].pieces)
    letter = commonest(word.decode("utf-8", "replace")).encode()
    rows = []
    for step in steps[: at + 1]:
        pieces, room = [], WIDEST
        for place, piece in enumerate(step.pieces):
            if room <= 0:
                break
            cut = piece[:room]
            pieces.append(
                {
                    "t": inside_words.label(cut, joined=True),
                    "size": len(cut),
                    "fresh": place == step.place,
                    "mark": bool(letter) and letter in cut.lower(),
                }
            )
            room -= len(cut)
        made = f"merge {step.rank + 1:,}" if step.rank >= 0 else f"{len(step.pieces)} bytes"
        rows.append({"label": str(len(rows)) if rows else "bytes", "note": made, "pieces": pieces})
    if len(rows) > 1 and at == len(steps) - 1:
        rows[-1]["label"] = "tokens" if len(step.pieces) > 1 else "token"
    cut = f" Only its first {WIDEST} bytes are shown." if len(word) > WIDEST else ""
    told = f"Low numbers were learnt first: frequent pairs, of {len(model.vocabulary.ranks):,}.{cut}"
    return {"rows": rows, "caption": told, "source": LIVE}


def commonest(text: str) -> str:
    """The letter that is there most often, or "" where there is none; of equals the last in the alphabet."""
    letters = [letter for letter in text.lower() if letter.isalpha() and letter.isascii()]
    return max(sorted(set(letters), reverse=True), key=letters.count, default="")


def _piece(piece: bytes) -> dict[str, Any]:
    try:
        return {"t": piece.decode(), "kind": "new"}
    except UnicodeDecodeError:
        return {"t": "", "raw": piece.hex(), "kind": "new"}


def _count(label: str, value: int, most: int, meaning: str) -> dict[str, Any]:
    return {"label": label, "value": value, "max": max(1, most), "text": str(value), "meaning": meaning}
