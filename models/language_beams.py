"""Beam search: several beginnings of a text grow side by side, and the least probable ones are pruned at every token.

The arithmetic is that of ``generate(num_beams=B)`` of transformers, to the score (a test compares them). A candidate's
log-probability is the sum over its tokens; its score is that sum divided by its length to the power of the length
penalty (Wu et al. 2016, equation 14, in the simplified form that libraries use), so that a penalty over 0 favours long
texts. Texts that end are set aside; the search stops when no open beam can beat the worst of B finished ones.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from models.language import LanguageModel
from models.language_cache import from_cache, to_cache

if TYPE_CHECKING:
    from transformers import DynamicCache

MOST_BEAMS = 8


@dataclass(frozen=True)
class Beam:
    """A text that is being considered.

    Attributes:
        ids: its tokens after the prompt; log_probability: the sum of their ln p; score: with the length penalty.
        parent: the place in the step before of the beam that it grew from. finished: whether it has ended.
    """

    ids: tuple[int, ...]
    log_probability: float
    score: float
    parent: int
    finished: bool = False


@dataclass(frozen=True)
class BeamStep:
    """One round of the search.

    Attributes:
        index: the round, from 0. beams: those that go on, the best first; empty after the last round.
        pruned: the best candidates that were left behind. finished: the best ended texts so far, the best first.
    """

    index: int
    beams: tuple[Beam, ...]
    pruned: tuple[Beam, ...]
    finished: tuple[Beam, ...]


def beam_search(
    model: LanguageModel, prompt: Sequence[int], count: int, beams: int = 4, length_penalty: float = 1.0
) -> Generator[BeamStep, None, None]:
    """Grow ``beams`` texts after ``prompt`` by up to ``count`` tokens; the last step's first finished one has won.

    Raises:
        ValueError: for a number of beams outside 1..8, or a prompt and count that do not fit into the window.
    """
    if not 1 <= beams <= MOST_BEAMS:
        raise ValueError(f"beams must be from 1 to {MOST_BEAMS}, not {beams!r:.60}")
    prompt = list(prompt) or [model.start]
    if count < 1 or len(prompt) + count > model.window:
        raise ValueError(f"{len(prompt)} and {count} tokens do not fit into the window of {model.window}")
    log_p, cache = _read(model, torch.tensor([prompt]), to_cache(()))
    running, finished = [Beam((), 0.0, 0.0, 0)], []
    asked = max(2, 1 + len(model.ends)) * beams  # so many that enough are left when some of them end
    for index in range(count):
        length = index + 1
        total = log_p + torch.tensor([[beam.log_probability] for beam in running])
        values, places = total.flatten().topk(min(asked, total.numel()))
        candidates = []
        for value, place in zip(values.tolist(), places.tolist(), strict=True):
            parent, token = divmod(place, total.shape[1])
            over = token in model.ends or length == count
            ids = (*running[parent].ids, token)
            candidates.append(Beam(ids, value, value / length**length_penalty, parent, over))
        ended = [beam for beam in candidates[:beams] if beam.finished]
        finished = sorted(finished + ended, key=lambda beam: -beam.score)[:beams]
        running = [beam for beam in candidates if not beam.finished][:beams]
        kept = set(running) | set(ended)
        pruned = tuple(beam for beam in candidates if beam not in kept)
        # with B texts finished, an open one must at its present length be better than the worst of them
        hopeless = len(finished) == beams and running and running[0].score <= finished[-1].score
        if not running or hopeless:
            yield BeamStep(index, (), (*pruned, *running), tuple(finished))
            return
        yield BeamStep(index, tuple(running), pruned, tuple(finished))
        log_p, cache = _grow(model, cache, running)


def _grow(model: LanguageModel, cache: "DynamicCache", beams: list[Beam]) -> "tuple[Tensor, DynamicCache]":
    """ln p (B, V) after every beam, and the cache that goes with them: each takes its parent's."""
    parents = torch.tensor([beam.parent for beam in beams])
    layers = tuple((keys[parents], values[parents]) for keys, values in from_cache(cache))
    return _read(model, torch.tensor([[beam.ids[-1]] for beam in beams]), to_cache(layers))


@torch.inference_mode()
def _read(model: LanguageModel, ids: Tensor, cache: "DynamicCache") -> "tuple[Tensor, DynamicCache]":
    """ln p (B, V) after ``ids`` (B, T), which follow what is in ``cache``; the cache afterwards."""
    answer = model.network(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    return torch.log_softmax(answer.logits[:, -1].float(), -1), cache
