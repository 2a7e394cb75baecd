"""Teach a small model a text while you watch: ordinary training on a copy of it, with a low learning rate.

Each step takes windows of the text at random and lowers -ln p of its tokens with AdamW, as the model itself was
trained. A minute on one page of text makes a model that recites it; that is the lesson. The model that was given stays
as it is, and the copy belongs to whoever asked.
"""

import copy
import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from models import seeding
from models.language import LanguageModel

RATE = 3e-4
WARM_UP = 10
WINDOW = 128
BATCH = 4
LONGEST_SECONDS = 60.0
LARGEST = 30_000_000
"""Weights of a model that is taught, at most: larger ones would not learn anything in a minute on two cores."""


@dataclass(frozen=True)
class TeachStep:
    """One step of learning.

    Attributes:
        index: from 1. seconds: since the beginning. progress: the share of the time that is over, 0 to 1.
        loss: mean -ln p, nats per token, of the windows of this step, before it was taken.
    """

    index: int
    seconds: float
    progress: float
    loss: float


def teach(
    model: LanguageModel,
    text: str,
    seconds: float = 30.0,
    stop: Callable[[], bool] = lambda: False,
    seed: int = 0,
    steps: int | None = None,
) -> Generator[TeachStep, None, LanguageModel]:
    """Train a copy of ``model`` on ``text``; yields every step and returns the copy (see :func:`finish`).

    Args:
        model: who learns; at most 30M weights. It is not changed.
        text: at least two tokens.
        seconds: over 0, at most 60.
        stop: asked before every step; true ends the lesson with what was learnt so far.
        seed: which windows are taken.
        steps: end after so many steps instead, for results that do not depend on the machine.

    Raises:
        ValueError: for a text that is too short, a time out of range or a model that is too large.
    """
    ids = model.encode(text)
    if len(ids) < 2:
        raise ValueError("text must have at least two tokens to learn from")
    if not isinstance(seconds, int | float) or not math.isfinite(seconds) or not 0 < seconds <= LONGEST_SECONDS:
        raise ValueError(f"seconds must be over 0 and at most {LONGEST_SECONDS:g}, not {seconds!r:.60}")
    if model.parameters > LARGEST:
        raise ValueError(f"{model.name} has {model.parameters:,} weights; at most {LARGEST:,} are taught here")
    # a caller may be in inference mode, whose tensors cannot carry gradients; so here, and again in every step
    with torch.inference_mode(False):
        known = torch.tensor(ids)
        pupil = copy.deepcopy(model.network).requires_grad_(True)  # without dropout, which would need dice
        optimiser = torch.optim.AdamW(pupil.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=0.0)
    began, index = time.monotonic(), 0
    while not stop():
        index += 1
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, index / WARM_UP)
        with torch.inference_mode(False), torch.enable_grad():
            batch = _windows(known, min(WINDOW, model.window), seed, index)
            loss = pupil(input_ids=batch, labels=batch, use_cache=False).loss
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(pupil.parameters(), 1.0)
            optimiser.step()
        spent = time.monotonic() - began
        share = index / steps if steps else spent / seconds
        yield TeachStep(index, spent, min(1.0, share), float(loss.detach()))
        if share >= 1:
            break
    return LanguageModel(pupil, model.vocabulary.tokenizer, f"{model.name}, taught")


def _windows(ids: Tensor, size: int, seed: int, index: int) -> Tensor:
    """A batch (B, T) of neighbouring tokens from random places; the whole text where it is shorter."""
    size = min(size, len(ids))
    places = seeding.generator(seed, index).integers(0, len(ids) - size + 1, BATCH)
    return torch.stack([ids[place : place + size] for place in places.tolist()])


def finish(lesson: Generator[TeachStep, None, LanguageModel]) -> LanguageModel:
    """Run a lesson to its end without looking."""
    while True:
        try:
            next(lesson)
        except StopIteration as end:
            return end.value
