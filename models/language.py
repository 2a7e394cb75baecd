"""A causal language model: text to tokens, tokens to the probabilities of what comes next, and how surprised it was.

The chain rule makes a distribution over texts out of one over tokens (Bengio et al. 2003, equation 1):

    p(w_1 ... w_T) = prod_t p(w_t | w_1 ... w_(t-1))

and a transformer (Vaswani et al. 2017) computes all factors of a known text at once, or one after another when it
writes. The network is any ``transformers`` causal model with a byte-level BPE tokenizer; what is here is the wrapper
that answers with true probabilities over the whole vocabulary, remembers what it has already read
(:mod:`models.language_cache`) and is safe to share between threads.

Surprisal is -log2 p in bits; perplexity is e to the mean of -ln p. No token is added before a text, so its first token
was predicted from nothing and has no surprisal; an empty text starts from the end-of-text token.
"""

import copy
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from tokenizers import Tokenizer

from models.language_cache import Prefixes, common, from_cache, to_cache
from models.language_tokens import Vocabulary

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WINDOW = 1024
"""Tokens that are read at most, whatever the model could: two cores read so many in about a second."""
CHUNK = 128
"""Tokens read at once: their logits over 49,152 tokens are 25 MB."""
LONGEST = 200_000
"""Characters of a text, at most; longer ones are refused."""
ALTERNATIVES = 10
REMEMBERED = 8
"""Texts whose scores are remembered, so that an edit scores only what comes after it."""


@dataclass(frozen=True)
class TokenScore:
    """How a model met one token of a text it read.

    Attributes:
        id, raw: the token and its bytes.
        surprisal_bits, rank, entropy_bits: -log2 of its probability; 1 if it was the most probable; the bits that the
            model expected. None for the first token, which nothing comes before.
        alternatives: the most probable tokens at its place, (id, probability).
    """

    id: int
    raw: bytes
    surprisal_bits: float | None
    rank: int | None
    entropy_bits: float | None
    alternatives: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class TextScore:
    """The tokens of a text in order, how many before them did not fit, and the mean over those with a surprisal."""

    tokens: tuple[TokenScore, ...]
    dropped: int

    @property
    def surprisal_bits(self) -> float | None:
        """Mean bits per token; None where no token has a surprisal."""
        known = [token.surprisal_bits for token in self.tokens if token.surprisal_bits is not None]
        return sum(known) / len(known) if known else None

    @property
    def perplexity(self) -> float | None:
        """e to the mean of -ln p: among how many equally probable tokens it was choosing, as it were."""
        return None if self.surprisal_bits is None else 2.0**self.surprisal_bits


class LanguageModel:
    """A causal network with its tokenizer, shared by all threads.

    Args:
        network: a transformers causal model in float32.
        tokenizer: byte-level BPE, as ``tokenizer.json`` holds it.
        name: what to call it.

    Attributes:
        size: tokens in the vocabulary. window: tokens that fit. ends: ids after which a text is over.
        start: the id that an empty text starts from. prefixes: what has been read lately.
        computed: how many tokens the network has read so far, for tests and for showing what a cache saves.
    """

    def __init__(self, network: "PreTrainedModel", tokenizer: Tokenizer, name: str = "language model"):
        self.network = network.eval().requires_grad_(False)
        self.vocabulary = Vocabulary(tokenizer)
        self.name = name
        self.size = network.get_output_embeddings().weight.shape[0]
        self.window = min(int(getattr(network.config, "max_position_embeddings", None) or WINDOW), WINDOW)
        self.ends = frozenset(_ends(network, tokenizer))
        self.start = _start(network, tokenizer)
        self.prefixes = Prefixes()
        self.computed = 0
        self._scored: deque[tuple[np.ndarray, tuple[TokenScore, ...]]] = deque(maxlen=REMEMBERED)
        self._lock = threading.Lock()

    @classmethod
    def load(cls, folder: Path, name: str | None = None) -> "LanguageModel":
        """Read a folder in the layout of the hub: ``config.json``, ``*.safetensors``, ``tokenizer.json``.

        Raises:
            FileNotFoundError: if one of them is missing, in plain words.
            ValueError: if the network is no causal model, or its tokenizer is not byte-level BPE.
        """
        folder = Path(folder)
        for wanted, what in (("config.json", "network"), ("*.safetensors", "weights"), ("tokenizer.json", "tokenizer")):
            if not list(folder.glob(wanted)):
                raise FileNotFoundError(f"{folder} holds no {what} ({wanted})")
        from transformers import AutoModelForCausalLM
        from transformers.utils import logging

        logging.disable_progress_bar()
        network = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, use_safetensors=True, attn_implementation="sdpa"
        )
        return cls(network, Tokenizer.from_file(str(folder / "tokenizer.json")), name or folder.name)

    def alone(self) -> "LanguageModel":
        """The same network with nothing read yet: what it answers follows from what it is asked and nothing before."""
        other = copy.copy(self)
        other.prefixes, other._scored, other._lock = Prefixes(), deque(maxlen=REMEMBERED), threading.Lock()
        return other

    @cached_property
    def parameters(self) -> int:
        """How many weights the network has."""
        return sum(weight.numel() for weight in self.network.parameters())

    # --- text and tokens

    def encode(self, text: str) -> list[int]:
        """Text to tokens; markup such as ``<|endoftext|>`` is taken as the characters that it is written with.

        A character that the vocabulary has no bytes for becomes U+FFFD (see ``vocabulary.spellable``); there is none
        in ours.

        Raises:
            ValueError: for something else than a text, half of a surrogate pair, or over 200,000 characters.
        """
        if not isinstance(text, str):
            raise ValueError(f"text must be a text, not {text!r:.60}")
        if len(text) > LONGEST:
            raise ValueError(f"text has {len(text):,} characters; at most {LONGEST:,} are read")
        return self.vocabulary.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Tokens to text; bytes that are no whole character become U+FFFD."""
        return self.vocabulary.decode(ids)

    def cut(self, ids: Sequence[int]) -> tuple[list[int], int]:
        """(The end of ``ids`` that fits into the window, how many were dropped before it).

        They are dropped a quarter of the window at a time, so that a text that grows by one token at a time begins
        with the same tokens for a while and what was read stays of use.
        """
        over, block = len(ids) - self.window, max(1, self.window // 4)
        dropped = -(-over // block) * block if over > 0 else 0
        return list(ids[dropped:]), dropped

    # --- the network

    def step(self, ids: Sequence[int], reuse: bool = True) -> np.ndarray:
        """Logits, float32 (size,), of the token after ``ids``, of which the end is read that fits into the window.

        Args:
            ids: tokens; none is as much as the start token.
            reuse: whether to go on from the longest beginning that was read before. The answer without it differs
                in the last digits, because sums are added up in another order, but is the same bytes every time.

        Raises:
            ValueError: for an id that the vocabulary does not have.
        """
        ids, _ = self.cut(ids)
        *_, (_, logits) = self.read(ids or [self.start], max(0, len(ids) - 1), reuse)
        return logits[-1]

    def logits(self, ids: Sequence[int]) -> np.ndarray:
        """Logits, float32 (tokens, size), after each of ``ids``, which must fit into the window."""
        return np.concatenate([part for _, part in self.read(ids, 0, reuse=False)])

    def read(self, ids: Sequence[int], first: int = 0, reuse: bool = True) -> Iterator[tuple[int, np.ndarray]]:
        """Logits after the tokens from place ``first`` on, in parts: (place of its first, float32 (n, size)).

        Tokens before ``first`` are only computed where no stored beginning covers them.

        Raises:
            ValueError: for no tokens, too many for the window, or an id that the vocabulary does not have.
        """
        known = np.asarray(ids, np.int64)
        if not 1 <= len(known) <= self.window:
            raise ValueError(f"1 to {self.window} tokens are read, not {len(known)}")
        if known.min() < 0 or known.max() >= self.size:
            raise ValueError(f"tokens are numbers from 0 to {self.size - 1}")
        done, layers = self.prefixes.longest(known[:first]) if reuse and first else (0, ())
        cache = to_cache(layers)
        while done < len(known):
            stop = min(done + CHUNK, len(known))
            asked = max(0, stop - max(first, done))
            with torch.inference_mode():
                answer = self.network(
                    input_ids=torch.from_numpy(known[done:stop])[None],
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=asked or 1,  # 0 would be all
                )
            with self._lock:
                self.computed += stop - done
            if reuse and stop == len(known):
                self.prefixes.put(known, from_cache(cache))
            done = stop
            if asked:
                yield done - asked, answer.logits[0].numpy()

    # --- reading

    def score(self, text: str | Sequence[int], reuse: bool = True) -> TextScore:
        """How the model meets every token of a text: surprisal, rank, entropy, and what else might have stood there.

        Of a text that was scored before and begins alike, only what comes after the first change is computed.

        Args:
            text: a text or its tokens; what does not fit into the window is dropped at the beginning.
            reuse: as for :meth:`step`.
        """
        ids, dropped = self.cut(self.encode(text) if isinstance(text, str) else text)
        if not ids:
            return TextScore((), 0)
        known = np.asarray(ids, np.int64)
        rows = list(self._remembered(known)) if reuse else []
        if not rows:
            rows.append(TokenScore(ids[0], self.vocabulary.raw(ids[0]), None, None, None, ()))
        if len(rows) < len(ids):
            for place, logits in self.read(ids[:-1], len(rows) - 1, reuse):
                rows += [self.meet(ids[place + 1 + i], row) for i, row in enumerate(logits)]
        if reuse:
            with self._lock:
                self._scored.append((known, tuple(rows)))
        return TextScore(tuple(rows), dropped)

    def _remembered(self, ids: np.ndarray) -> tuple[TokenScore, ...]:
        """The scores of the longest beginning of ``ids`` that was scored before."""
        with self._lock:
            parts = [rows[: common(known, ids)] for known, rows in self._scored]
        return max(parts, key=len, default=())

    def meet(self, token: int, logits: np.ndarray) -> TokenScore:
        """How surprised a model with these logits, (size,), is when this token comes."""
        log_p = log_softmax(logits)
        probabilities = np.exp(log_p)
        top = np.argpartition(-logits, min(ALTERNATIVES, len(logits)) - 1)[:ALTERNATIVES]
        top = top[np.lexsort((top, -logits[top]))]
        return TokenScore(
            id=token,
            raw=self.vocabulary.raw(token),
            surprisal_bits=float(-log_p[token] / np.log(2)) + 0.0,
            rank=int((logits > logits[token]).sum() + (logits[:token] == logits[token]).sum()) + 1,
            entropy_bits=float(-(probabilities * log_p).sum() / np.log(2)) + 0.0,
            alternatives=tuple((int(i), float(probabilities[i])) for i in top),
        )


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Logits (..., V) to ln p in float64."""
    shifted = logits.astype(np.float64) - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _ends(network: "PreTrainedModel", tokenizer: Tokenizer) -> Iterator[int]:
    for config in (network.config, network.generation_config):
        named = getattr(config, "eos_token_id", None)
        yield from [] if named is None else named if isinstance(named, list) else [named]
    if (end := tokenizer.token_to_id("<|endoftext|>")) is not None:
        yield end


def _start(network: "PreTrainedModel", tokenizer: Tokenizer) -> int:
    end = tokenizer.token_to_id("<|endoftext|>")
    candidates = (end, getattr(network.config, "bos_token_id", None), *_ends(network, tokenizer), 0)
    return next(id for id in candidates if id is not None)
