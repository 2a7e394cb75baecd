"""The prompt control of a rail: what was typed, what was understood of it, and what was not."""

from functools import lru_cache
from typing import Any

from models import prompts

NOTES = 5
"""Notes at most; a last one counts what they leave out."""
PLACEHOLDERS = {
    "portraits": "smiling, glasses, grey hair, blue background",
    "toons": "spiky pink hair, wide eyes, teal background",
}


def control(
    state_value: str, data: str, name: str = "prompt", label: str = "Prompt", brief: bool = False
) -> dict[str, Any]:
    """The rail item of a prompt; its action is ``{"name": name, "value": text}``.

    Args:
        state_value: the text, as the state holds it.
        data: "toons" or "portraits".
        brief: without the phrases for completion, which the browser then keeps: for views of a moving hand.

    Raises:
        ValueError: for an unknown set, or if the text is no text.
    """
    chips, notes, suggestions = _understood(data, state_value)
    item = {
        "kind": "prompt",
        "name": name,
        "label": label,
        "value": state_value,
        "chips": [{"label": said, "text": text} for said, text in chips],
        "notes": [
            {"text": text, "fixes": [{"label": meant, "text": fixed} for meant, fixed in fixes]}
            for text, fixes in notes
        ],
        "placeholder": PLACEHOLDERS[data],
        "limit": prompts.LIMIT,
    }
    return item if brief else item | {"suggestions": list(suggestions)}


Fixes = tuple[tuple[str, str], ...]


@lru_cache(maxsize=64)
def _understood(data: str, text: str) -> tuple[Fixes, tuple[tuple[str, Fixes], ...], tuple[str, ...]]:
    """Chips (label, text without it), notes (sentence, fixes (label, text with it)) and phrases to complete from.

    A run asks for the same prompt at every frame, hence the cache.
    """
    prompt = prompts.parse(data, text)
    chips = tuple(
        (prompts.describe(data, {name: value}), prompts.without(data, text, name))
        for name, value in prompt.attributes.items()
    )
    notes = [*_contradictions(data, prompt), *_unknown(data, text, prompt)]
    if len(notes) > NOTES:
        left = len(notes) - NOTES + 1
        notes = [*notes[: NOTES - 1], (f"… and {left} more things were not understood.", ())]
    if prompt.cut:
        read = f"{prompts.LIMIT:,}"
        notes.append((f"Only the first {read} characters are read; {prompt.cut:,} were left out.", ()))
    # what the piece that is being typed says does not count: it may become something else
    return chips, tuple(notes), tuple(prompts.offers(data, text[: prompts.last_piece(text)]))


def _contradictions(data: str, prompt: prompts.Prompt) -> list[tuple[str, Fixes]]:
    """A sentence for every contradiction and clash."""
    sentences = []
    for name, kept, dropped in dict.fromkeys(prompt.contradictions):
        first, last = (prompts.describe(data, {name: value}) for value in (dropped, kept))
        sentences.append((f"“{first}” and “{last}” contradict each other: the later one counts.", ()))
    for first, value, second, other in prompt.clashes:
        one, two = prompts.describe(data, {first: value}), prompts.describe(data, {second: other})
        sentences.append((f"No picture it learnt from shows both “{one}” and “{two}”: it is asked for both.", ()))
    return sentences


def _unknown(data: str, text: str, prompt: prompts.Prompt) -> list[tuple[str, Fixes]]:
    """A sentence for everything that was not understood, with what may have been meant."""
    found = []
    for word, suggestions in (*prompt.unknown, *((word, ()) for word in prompt.ignored)):
        fixes = ()
        if len(found) < NOTES:
            fixes = tuple((meant, prompts.corrected(data, text, word, meant)) for meant in suggestions)
        found.append((f"{prompt.why[word]}{' Did you mean' if fixes else ''}", fixes))
    return found
