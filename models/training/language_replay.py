"""The replay of the language model's training: from noise to letters, words and sentences, in about a dozen moments.

``replay.json`` beside the weights holds

- ``prompts``, ``seed``, ``temperature``: what every sample below was asked with;
- ``moments``: one per look, ``step``, ``tokens_seen``, ``seconds``, ``bits_per_character`` of held-out text, and
  ``samples``, what was written after each prompt by the averaged weights of then;
- ``baselines``: the same number for guessing uniformly, and for n-grams from letter frequencies (``order`` 1) up, with
  ``samples`` of each.

The moments lie at powers of two of the share of the budget: most happens at the beginning.
"""

import math
from collections.abc import Sequence

import numpy as np

from models.language import LanguageModel, log_softmax
from models.language_decoding import generate
from models.ngrams import NGrams
from models.sampling import Rules

MOMENTS = 12
PROMPTS = ("ROMEO.\n", "What is love? ", "[Enter a Ghost")
SEED = 7
TEMPERATURE = 0.8
TOKENS = 60
CHARACTERS = 150
ORDERS = (1, 2, 3, 4, 5, 6)
STRIDE = 2
"""A window of held-out text is read in full, and counted from the middle on, where there is enough before it."""


def share(index: int) -> float:
    """The share of the budget at which moment ``index`` lies: 0, 1/1024, 1/512 ... 1/2, 1."""
    return 2.0 ** (index - MOMENTS + 1) if index else 0.0


def bits_per_character(model: LanguageModel, ids: Sequence[int]) -> tuple[float, float]:
    """(bits per character, perplexity per token) of text in tokens; the first token only begins it.

    Windows overlap, so that every token but the first few has half a window before it at least. An end-of-text token
    is not counted: it is no character.
    """
    size, known = model.window, np.asarray(ids, np.int64)
    bits, counted, characters = 0.0, 0, 0
    done = 1  # tokens before this place are counted
    while done < len(known):
        begin = max(0, done - size // STRIDE)
        part = known[begin : begin + size]
        places = np.arange(done - begin, len(part))
        logits = model.logits(part[:-1])[places - 1]
        aims = part[places]
        lost = -log_softmax(logits)[np.arange(len(aims)), aims] / math.log(2)
        text = np.array([aim not in model.ends for aim in aims.tolist()])
        bits, counted = bits + float(lost[text].sum()), counted + int(text.sum())
        characters += len(model.decode(aims[text].tolist()))
        done = begin + len(part)
    return bits / characters, 2.0 ** (bits / counted)


def moment(model: LanguageModel, held_out: Sequence[int]) -> dict:
    """What one look at the model finds: its loss on held-out tokens, and what it writes."""
    bits, perplexity = bits_per_character(model, held_out)
    return {
        "bits_per_character": round(bits, 4),
        "perplexity": round(perplexity, 2),
        "samples": [write(model, prompt) for prompt in PROMPTS],
    }


def write(model: LanguageModel, prompt: str, count: int = TOKENS, seed: int = SEED) -> str:
    """What the model writes after a prompt."""
    steps = generate(model, prompt, count, Rules(temperature=TEMPERATURE), seed)
    return model.decode([step.chosen for step in steps if not step.last])


def baselines(counted: NGrams, held_out: str) -> list[dict]:
    """Uniform, letter frequencies and n-grams: their bits per character of held-out text, and what they write."""
    letters = len(counted.characters)
    rows = [{"order": 0, "name": "uniform", "bits_per_character": round(math.log2(letters), 4), "samples": []}]
    for order in ORDERS[: counted.order]:
        model = counted.shorter(order)
        rows.append(
            {
                "order": order,
                "name": "letter frequencies" if order == 1 else f"{order}-grams",
                "bits_per_character": round(model.bits_per_character(held_out), 4),
                "samples": ["".join(model.sample(prompt, CHARACTERS, SEED)) for prompt in PROMPTS],
            }
        )
    return rows
