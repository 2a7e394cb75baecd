"""What tests of the models share: real drawings that are there on every machine."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.language import LanguageModel
from models.training import language_text
from models.training.harness import Run

ATLAS = Path(__file__).resolve().parents[2] / "assets" / "examples" / "toons-64.webp"


@pytest.fixture(scope="session")
def drawings() -> np.ndarray:
    """The 500 held-out drawings that ship, uint8 (500, 64, 64, 3)."""
    sheet = np.asarray(Image.open(ATLAS).convert("RGB"))
    return sheet.reshape(20, 64, 25, 64, 3).swapaxes(1, 2).reshape(500, 64, 64, 3)


VERSES = (Path(__file__).parent / "verses.txt").read_text()


def small_language(kind: str = "llama") -> LanguageModel:
    """A causal model of a few thousand random weights, decided enough to prefer something, with 400 tokens."""
    from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

    tokenizer = language_text.learn_tokens(language_text.Texts("verses", (VERSES,), ()), 400)
    ends = {"bos_token_id": 0, "eos_token_id": 0}
    torch.manual_seed(0)
    if kind == "llama":
        sizes = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
        config = LlamaConfig(
            **sizes,
            **ends,
            num_key_value_heads=2,
            vocab_size=400,
            max_position_embeddings=64,
            initializer_range=0.4,
            tie_word_embeddings=True,
        )
        return LanguageModel(LlamaForCausalLM(config), tokenizer, kind)
    config = GPT2Config(**ends, n_embd=32, n_layer=2, n_head=4, vocab_size=400, n_positions=64, initializer_range=0.4)
    return LanguageModel(GPT2LMHeadModel(config), tokenizer, kind)


@pytest.fixture(params=["llama", "gpt2"])
def language(request) -> LanguageModel:
    """A small model of either kind that is used here, with nothing read yet."""
    return small_language(request.param)


@pytest.fixture
def llama() -> LanguageModel:
    """The one with rotary positions."""
    return small_language("llama")


@pytest.fixture
def verses() -> str:
    """Two sonnets (Shakespeare, public domain)."""
    return VERSES


@pytest.fixture
def stopped(monkeypatch) -> Callable[[Callable[[], None], int], None]:
    """``stopped(train, steps)`` calls a training that ends after so many of its steps, as if stopped by hand."""

    def call(train: Callable[[], None], steps: int) -> None:
        generators = Run._generators
        with monkeypatch.context() as patch:
            patch.setattr(Run, "_generators", lambda run: itertools.islice(generators(run), steps))
            train()

    return call
