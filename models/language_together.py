"""Several texts written at the same time: one call of the network chooses the next token of all of them.

Every lane goes on from the same prompt under its own rules and darts. A network that is asked for seven texts at once
reads its weights once, so it takes about twice as long as for one, not seven times. Apart from the last digits of the
logits, whose sums are added up in another order, a lane writes what :func:`models.language_decoding.generate` writes
alone; a test compares them.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from models import sampling
from models.language import LanguageModel, TokenScore
from models.language_cache import from_cache, to_cache
from models.language_decoding import pick
from models.sampling import Rules

if TYPE_CHECKING:
    from transformers import DynamicCache


@dataclass(frozen=True)
class Lane:
    """How one of the texts is written: its rules, and the seed of its darts; None takes the most probable token."""

    rules: Rules = Rules()
    seed: int | None = 0


def write_together(
    model: LanguageModel, prompt: Sequence[int], lanes: Sequence[Lane], count: int
) -> Generator[tuple[TokenScore | None, ...], None, None]:
    """Go on from ``prompt`` in every lane by up to ``count`` tokens; yields one token of each at a time.

    How the model met a token is told by its own probabilities, before any rule. A lane whose text has ended yields
    None from then on; when all have, this is over.

    Raises:
        ValueError: without any lane, or for a prompt and count that do not fit into the window.
    """
    prompt = list(prompt) or [model.start]
    if not lanes or count < 1 or len(prompt) + count > model.window:
        raise ValueError(
            f"{len(lanes)} lanes with {len(prompt)} and {count} tokens do not fit into the window of {model.window}"
        )
    logits, cache = _read(model, np.array([prompt]), to_cache(()))
    logits, cache = _rows(logits, cache, [0] * len(lanes))
    open_lanes, seen = list(range(len(lanes))), [list(prompt) for _ in lanes]
    for index in range(count):
        scores: list[TokenScore | None] = [None] * len(lanes)
        for row, k in zip(logits, open_lanes, strict=True):
            lane = lanes[k]
            dart = None if lane.seed is None else sampling.uniform(lane.seed, index)
            chosen = pick(row, sampling.softmax(row), lane.rules, dart, seen[k])
            scores[k] = model.meet(chosen, row)
            seen[k].append(chosen)
        yield tuple(scores)
        going = [place for place, k in enumerate(open_lanes) if seen[k][-1] not in model.ends]
        if not going or index + 1 == count:
            return
        if len(going) < len(open_lanes):
            open_lanes = [open_lanes[place] for place in going]
            logits, cache = _rows(logits, cache, going)
        logits, cache = _read(model, np.array([[seen[k][-1]] for k in open_lanes]), cache)


def _rows(logits: np.ndarray, cache: "DynamicCache", places: list[int]) -> "tuple[np.ndarray, DynamicCache]":
    """The rows of a batch that go on, in this order; one may be asked for several times."""
    wanted = torch.tensor(places)
    return logits[places], to_cache(tuple((keys[wanted], values[wanted]) for keys, values in from_cache(cache)))


@torch.inference_mode()
def _read(model: LanguageModel, ids: np.ndarray, cache: "DynamicCache") -> "tuple[np.ndarray, DynamicCache]":
    """Logits, float32 (B, V), after ``ids`` (B, T), which follow what is in ``cache``; the cache afterwards."""
    answer = model.network(input_ids=torch.from_numpy(ids), past_key_values=cache, use_cache=True, logits_to_keep=1)
    return answer.logits[:, -1].float().numpy(), cache
