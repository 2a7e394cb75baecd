"""Writing: records that fit together, beams that score as transformers' do, loops that are found; and the inside."""

import numpy as np
import pytest
import torch

from models import language_inside, sampling
from models.language_beams import beam_search
from models.language_decoding import choose, distinct, find_loop, generate
from models.sampling import Rules

PROMPT = "Shall I compare"


def greedy_of_transformers(model, ids: list[int], count: int, **more) -> list[int]:
    answer = model.network.generate(
        torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=count, do_sample=False, **more
    )
    return answer[0, len(ids) :].tolist()


# ---- one token after another


def test_greedy_is_that_of_transformers(language):
    ids = language.encode(PROMPT)
    for more in ({}, {"repetition_penalty": 1.7}):
        found = [step.chosen for step in generate(language, ids, 20, Rules(**more), seed=None)]
        assert found == greedy_of_transformers(language, ids, 20, **more)


def test_records_tell_what_led_to_a_token(llama):
    rules = Rules(temperature=1.5, top_k=30)
    ids = llama.encode(PROMPT)
    for index, step in enumerate(generate(llama, PROMPT, 12, rules, seed=3)):
        assert step.index == index and step.context == tuple(ids) and step.dropped == 0
        assert np.allclose(step.logits, llama.step(ids), atol=1e-5)
        assert step.probabilities.sum() == pytest.approx(1)
        assert step.dart == sampling.uniform(3, index)
        assert step.chosen == sampling.throw(step.stages[-1].after, step.dart)
        assert step.probability == step.probabilities[step.chosen]
        assert step.surprisal_bits == pytest.approx(-np.log2(step.probability))
        assert step.entropy_bits == pytest.approx(sampling.entropy_bits(step.probabilities))
        assert step.rank == sampling.rank(step.logits, step.chosen) <= 30
        assert step.raw == llama.vocabulary.raw(step.chosen)
        assert step.last == (step.chosen in llama.ends)
        ids.append(step.chosen)


def test_a_seed_writes_the_same_text_again_and_another_seed_another(llama):
    def write(seed: int) -> list[int]:
        return [step.chosen for step in generate(llama, PROMPT, 15, Rules(temperature=2.0), seed)]

    assert write(1) == write(1)
    assert len({tuple(write(seed)) for seed in range(4)}) == 4


def test_writing_goes_on_where_the_window_ends(llama):
    llama.ends = frozenset()
    steps = list(generate(llama, "", 100, Rules(temperature=2.0), seed=0))
    assert len(steps) == 100
    for step in steps:
        assert len(step.context) + step.dropped == step.index and len(step.context) <= llama.window
        assert step.context == tuple(before.chosen for before in steps[step.dropped : step.index])
    assert steps[-1].dropped == 48


def test_the_end_of_text_ends_it(llama, monkeypatch):
    logits = np.zeros(llama.size, np.float32)
    logits[0] = 50
    monkeypatch.setattr(llama, "step", lambda *_: logits)
    [step] = generate(llama, PROMPT, 10)
    assert step.last and step.chosen == 0


@pytest.mark.parametrize("count", [0, 513, 1.5, True, None])
def test_counts_out_of_range_are_refused(llama, count):
    with pytest.raises(ValueError, match="count must be"):
        next(generate(llama, PROMPT, count))
    with pytest.raises(ValueError, match="seed must be"):
        choose(llama, [1], seed=-1)


# ---- beams


@pytest.mark.parametrize("beams", [1, 2, 5])
@pytest.mark.parametrize("penalty", [0.0, 1.0, 2.0])
def test_beams_score_as_in_transformers(language, beams, penalty):
    ids = language.encode(PROMPT)
    if beams == 1:
        expected, score = greedy_of_transformers(language, ids, 12), None
    else:
        answer = language.network.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids)),
            max_new_tokens=12,
            num_beams=beams,
            num_return_sequences=beams,
            length_penalty=penalty,
            do_sample=False,
            return_dict_in_generate=True,
            output_scores=True,
        )
        expected = answer.sequences[0, len(ids) :].tolist()
        score = answer.sequences_scores.tolist()
    *_, last = beam_search(language, ids, 12, beams, penalty)
    best = last.finished[0]
    assert list(best.ids) == expected[: len(best.ids)]
    if score:
        assert [beam.score for beam in last.finished] == pytest.approx(score, abs=1e-4)


def test_texts_that_end_are_set_aside_as_in_transformers(llama):
    with torch.inference_mode():
        llama.network.get_input_embeddings().weight[0] *= 3  # the end becomes likely here and there
    ended = 0
    for prompt in ("Rough winds", "But thy", "So long", "When in", "And every"):
        ids = llama.encode(prompt)
        answer = llama.network.generate(
            torch.tensor([ids]),
            attention_mask=torch.ones(1, len(ids)),
            max_new_tokens=10,
            num_beams=3,
            num_return_sequences=3,
            do_sample=False,
            return_dict_in_generate=True,
            output_scores=True,
        )
        *_, last = beam_search(llama, ids, 10, 3)
        assert [beam.score for beam in last.finished] == pytest.approx(answer.sequences_scores.tolist(), abs=1e-4)
        ended += sum(beam.ids[-1] == 0 for beam in last.finished)
    assert ended, "nothing ended, so nothing was tested"


def test_beams_grow_from_their_parents_and_the_pruned_are_worse(llama):
    steps = list(beam_search(llama, llama.encode(PROMPT), 6, 3))
    assert steps[-1].beams == () and len(steps[-1].finished) == 3
    for before, step in zip(steps, steps[1:], strict=False):
        for beam in (*step.beams, *step.pruned):
            assert beam.ids[:-1] == before.beams[beam.parent].ids
            assert beam.log_probability < before.beams[beam.parent].log_probability
        if step.beams:
            assert min(b.log_probability for b in step.beams) >= max(b.log_probability for b in step.pruned)
    best = steps[-1].finished[0]
    ids = llama.encode(PROMPT)
    scored = llama.score([*ids, *best.ids], reuse=False).tokens[len(ids) :]
    assert best.log_probability == pytest.approx(-np.log(2) * sum(token.surprisal_bits for token in scored), abs=1e-3)
    with pytest.raises(ValueError, match="beams must be"):
        next(beam_search(llama, ids, 5, 9))
    with pytest.raises(ValueError, match="do not fit"):
        next(beam_search(llama, ids, 64, 2))


# ---- loops


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        ([*range(20), *[1, 2, 3] * 5], (20, 3, 5)),
        ([7] * 12, (0, 1, 12)),
        ([9, 8, *[7] * 13], (2, 1, 13)),
        ([*range(30), *range(100, 164), *range(100, 164), *range(100, 164)], (30, 64, 3)),
        ([*[1, 2] * 9, 1], (0, 2, 9)),
    ],
)
def test_made_loops_are_found(ids, found):
    loop = find_loop(ids)
    assert (loop.start, loop.period, loop.times) == found


@pytest.mark.parametrize(
    "ids",
    [[], [1], [7] * 11, [1, 2, 3] * 3, [*[1, 2, 3] * 6, 4], list(range(200)), [*range(65)] * 3],
    ids=["empty", "one", "never never never", "a refrain", "left again", "counting", "too long a period"],
)
def test_what_is_no_loop_is_not_called_one(ids):
    assert find_loop(ids) is None


def test_clean_text_has_no_loop_at_any_place(llama, verses):
    ids = llama.encode(verses)
    assert not any(find_loop(ids[:n]) for n in range(len(ids)))


def test_distinct_n():
    assert distinct([1, 2, 1, 2, 1], 2) == 0.5
    assert distinct([1, 2, 3], 1) == 1.0
    assert distinct([1], 2) is None


# ---- inside


def test_attention_is_a_distribution_over_what_came_before(language, verses):
    ids = language.encode(verses)[:30]
    found = language_inside.attention(language, ids)
    assert found.shape == (2, 4, 30, 30)
    assert np.allclose(found.sum(-1), 1, atol=1e-5)
    assert (np.triu(found, 1) == 0).all()
    assert language.network.config._attn_implementation == "sdpa", "the shared network stays as it is"
    twin = language_inside._twin(language)
    shared = zip(language.network.parameters(), twin.parameters(), strict=True)
    assert all(a.data_ptr() == b.data_ptr() for a, b in shared), "no weight is there twice"
    with torch.inference_mode():
        assert np.allclose(twin(torch.tensor([ids])).logits[0], language.logits(ids), atol=1e-4)


def test_attention_is_the_equation(llama, verses):
    """The first layer's weights from its own matrices, without rotary positions at place 0 and with them elsewhere."""
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb, repeat_kv

    ids = torch.tensor([llama.encode(verses)[:12]])
    base = llama.network.base_model
    layer = base.layers[0]
    with torch.inference_mode():
        x = layer.input_layernorm(base.embed_tokens(ids))
        q = layer.self_attn.q_proj(x).view(1, 12, 4, 8).transpose(1, 2)
        k = layer.self_attn.k_proj(x).view(1, 12, 2, 8).transpose(1, 2)
        q, k = apply_rotary_pos_emb(q, k, *base.rotary_emb(x, torch.arange(12)[None]))
        weights = q @ repeat_kv(k, 2).transpose(2, 3) / 8**0.5
        weights = weights.masked_fill(torch.ones(12, 12).triu(1).bool(), -torch.inf).softmax(-1)
    assert np.allclose(language_inside.attention(llama, ids[0].tolist())[0], weights[0], atol=1e-5)


def test_the_last_row_of_the_lens_is_what_the_model_says(language, verses):
    ids = language.encode(verses)[:30]
    found = language_inside.logit_lens(language, ids)
    assert found.shape == (3, 400)
    assert np.allclose(found[-1], language.step(ids), atol=1e-4)
    seen = []
    last = language.network.base_model
    block = (last.layers if hasattr(last, "layers") else last.h)[-1]
    hook = block.register_forward_hook(lambda _, __, out: seen.append(out if isinstance(out, torch.Tensor) else out[0]))
    with torch.inference_mode():
        language.network(torch.tensor([ids]), use_cache=False)
        norm = last.norm if hasattr(last, "norm") else last.ln_f
        expected = language.network.get_output_embeddings()(norm(seen[0][0, -1]))
    hook.remove()
    assert np.allclose(found[-1], expected, atol=1e-4), "the norm is applied once, not twice"
    assert not np.allclose(found[0], found[-1], atol=0.1)


def test_too_much_to_look_into_is_refused(llama):
    for wrong in ([], [1] * 65, [400]):
        with pytest.raises(ValueError, match="tokens"):
            language_inside.attention(llama, wrong)
