"""The named endpoints of the language models, for ``gradio_client``, notebooks and agents.

Each call reads with a memory of its own, so that the same arguments give the same bytes whatever was asked before.
"""

from typing import Any

import numpy as np

from demos.checks import SEED_LIMIT, an_integer, one_of, shown
from models import language_decoding, sampling, zoo
from models.language import LONGEST, LanguageModel
from models.language_beams import beam_search
from models.sampling import Rules

STRATEGIES = ("greedy", "sample", "typical", "beam")
TYPICAL = 0.9  # the mass that strategy "typical" keeps
BEAMS = 4


def next_token(model: str, text: str, top: int = 10) -> dict[str, Any]:
    """The most probable next tokens of a text, with their true probabilities over the whole vocabulary.

    Args:
        model: "tiny" or "smollm2" (see ``describe``).
        text: at most 200,000 characters; what does not fit into the model's context is cut at the beginning. An empty
            text starts from the end-of-text token.
        top: 1 to 100.

    Returns:
        tokens [{text, id, probability}], the most probable first; rest (the probability of all others); entropy_bits
        (of the whole distribution); truncated (tokens that were cut).
    """
    asked = _model(model)
    ids = asked.encode(_text("text", text))
    count = an_integer("top", top, 1, 100)
    kept, dropped = asked.cut(ids)
    p = sampling.softmax(asked.step(kept))
    best = sampling.ranking(p, count)
    return {
        "tokens": [_token(asked, int(id)) | {"probability": float(p[id])} for id in best],
        "rest": float(max(0.0, 1 - p[best].sum())),
        "entropy_bits": sampling.entropy_bits(p),
        "truncated": dropped,
    }


def generate_text(
    model: str,
    prompt: str,
    strategy: str = "sample",
    max_new_tokens: int = 40,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
    repetition_penalty: float = 1.0,
    seed: int = 0,
) -> dict[str, Any]:
    """Go on from a prompt, token by token.

    Args:
        model: "tiny" or "smollm2".
        prompt: at most 200,000 characters; what does not fit into the model's context is cut at the beginning.
        strategy: "greedy" takes the most probable token; "sample" throws the seed's darts; "typical" does so among
            the tokens whose surprisal is nearest to the entropy, up to a mass of 0.9; "beam" grows 4 texts side by
            side, takes the one with the best mean log-probability, and no rules.
        max_new_tokens: 1 to 512; fewer where the model ends the text.
        temperature: over 0, at most 5. top_k: 0 is off. top_p: over 0 to 1, 1 is off. min_p: 0 to 1, 0 is off.
        repetition_penalty: over 0 to 10, 1 is off.
        seed: 0 to 2**31 - 1, of the darts.

    Returns:
        text (what was written, without the prompt) and tokens [{text, id, probability, rank, entropy_bits}]: the
        model's own numbers, before any rule.
    """
    asked = _model(model)
    ids = asked.encode(_text("prompt", prompt))
    how = one_of("strategy", strategy, STRATEGIES)
    count = an_integer("max_new_tokens", max_new_tokens, 1, language_decoding.MOST)
    dart = an_integer("seed", seed, 0, SEED_LIMIT)
    rules = Rules(
        temperature=temperature,
        top_k=an_integer("top_k", top_k, 0, 1_000_000),
        top_p=top_p,
        min_p=min_p,
        typical=TYPICAL if how == "typical" else 1.0,
        repetition_penalty=repetition_penalty,
    )
    if how == "beam":
        if rules != Rules():
            raise ValueError("beam search takes no rules: leave temperature, top_k, top_p, min_p and the penalty out")
        tokens = _beam(asked, ids, count)
    else:
        steps = language_decoding.generate(asked, ids, count, rules, None if how == "greedy" else dart)
        tokens = [
            _token(asked, step.chosen)
            | {"probability": step.probability, "rank": step.rank, "entropy_bits": step.entropy_bits}
            for step in steps
        ]
    written = [token["id"] for token in tokens if token["id"] not in asked.ends]
    return {"text": asked.decode(written), "tokens": tokens}


def _beam(model: LanguageModel, ids: list[int], count: int) -> list[dict[str, Any]]:
    """The best of BEAMS texts, met token by token."""
    count = min(count, model.window - 1)
    prompt = ids[-(model.window - count) :] or [model.start]
    *_, last = beam_search(model, prompt, count, BEAMS)
    winner = list(last.finished[0].ids)
    rows = model.score([*prompt, *winner]).tokens[-len(winner) :]
    return [
        _token(model, row.id)
        | {"probability": float(np.exp2(-row.surprisal_bits)), "rank": row.rank, "entropy_bits": row.entropy_bits}
        for row in rows
    ]


def score_text(model: str, text: str) -> dict[str, Any]:
    """How surprised a model is by every token of a text.

    Args:
        model: "tiny" or "smollm2".
        text: at most 200,000 characters; what does not fit into the model's context is cut at the beginning.

    Returns:
        tokens [{text, id, surprisal_bits, rank, entropy_bits}]; nothing stands before the first one, so its three
        numbers are null; perplexity (e to the mean of -ln p of the others; null where there are none).
    """
    asked = _model(model)
    scored = asked.score(_text("text", text))
    return {
        "tokens": [
            _token(asked, row.id)
            | {"surprisal_bits": row.surprisal_bits, "rank": row.rank, "entropy_bits": row.entropy_bits}
            for row in scored.tokens
        ],
        "perplexity": scored.perplexity,
    }


def _model(name: Any) -> LanguageModel:
    """A language model of this house, with nothing read yet."""
    try:
        return zoo.language(zoo.check_language(name)).alone()
    except FileNotFoundError as reason:
        raise ValueError(str(reason)) from None


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or len(value) > LONGEST:
        what = f"one of {len(value):,}" if isinstance(value, str) else shown(value)
        raise ValueError(f"{name} must be a text of at most {LONGEST:,} characters, not {what}")
    return value


def _token(model: LanguageModel, id: int) -> dict[str, Any]:
    """A token's text, with U+FFFD where its bytes are no whole characters, and its id."""
    return {"text": model.vocabulary.raw(id).decode("utf-8", "replace"), "id": int(id)}


ENDPOINTS = (next_token, generate_text, score_text)
