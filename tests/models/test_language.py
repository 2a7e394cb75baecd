"""The wrapper against transformers itself: the same logits, cached or not, and a text comes back as it went in."""

import math
import threading

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from models import sampling
from models.language import LONGEST, LanguageModel
from models.language_cache import Prefixes, common
from models.language_tokens import Vocabulary

ODD = [
    "",
    " ",
    "\0",
    "".join(map(chr, range(256))),
    "\U00010ffff\U00040000\ue000\ufffd",
    "e\u0301 é ﬁ Ǆ",
    "שלום مرحبا \u202eabc\u202c",
    "👩‍👩‍👧‍👦 🏳️‍🌈 漢字かな",
    "<|endoftext|><b>${x}</b>{{y}} %s \\n\r\n\t",
    "  two  spaces\n\n\n",
]


def bare(model: LanguageModel, ids: list[int]) -> np.ndarray:
    """Logits (T, V) as transformers answers without a cache."""
    with torch.inference_mode():
        return model.network(input_ids=torch.tensor([ids]), use_cache=False).logits[0].numpy()


# ---- tokens


@pytest.mark.parametrize("text", ODD, ids=range(len(ODD)))
def test_every_text_comes_back(llama, text):
    ids = llama.encode(text)
    assert llama.decode(ids) == text
    assert b"".join(llama.vocabulary.raw(id) for id in ids) == text.encode()
    assert not set(ids) & llama.ends, "markup that is typed is text"


def test_random_texts_come_back(llama):
    dice = np.random.default_rng(0)
    for _ in range(50):
        points = dice.integers(0, 0x110000, 40)
        text = "".join(chr(point) for point in points if not 0xD800 <= point < 0xE000)
        assert llama.decode(llama.encode(text)) == text


def test_a_character_may_be_several_tokens_and_none_of_them_is_text(llama):
    ids = llama.encode("🙂")
    assert len(ids) == 4 and [llama.vocabulary.raw(id) for id in ids] == [bytes([b]) for b in "🙂".encode()]
    assert llama.decode(ids[:2]) == "\ufffd"


def test_texts_that_are_none_are_refused(llama):
    for wrong in (None, 5, b"bytes", ["list"]):
        with pytest.raises(ValueError, match="text must be a text"):
            llama.encode(wrong)
    with pytest.raises(ValueError, match="surrogate pair at character 2"):
        llama.encode("ab\ud800")
    with pytest.raises(ValueError, match="at most 200,000"):
        llama.encode("x" * (LONGEST + 1))
    with pytest.raises(ValueError, match="numbers from 0 to 399"):
        llama.step([400])
    with pytest.raises(ValueError, match="numbers from 0 to 399"):
        llama.step([-1])


def test_merges_lead_from_bytes_to_the_tokens(llama, verses):
    for text in (verses, "Thou shalt 🙂 not"):
        found = []
        for word in llama.vocabulary.words(text):
            steps = llama.vocabulary.merges(word)
            assert all(len(piece) == 1 for piece in steps[0].pieces)
            for before, after in zip(steps, steps[1:], strict=False):
                i = after.place
                assert before.pieces[:i] == after.pieces[:i] and before.pieces[i + 2 :] == after.pieces[i + 1 :]
                assert before.pieces[i] + before.pieces[i + 1] == after.pieces[i]
            found += steps[-1].pieces
        assert found == [llama.vocabulary.raw(id) for id in llama.encode(text)]


def byte_level(alphabet: str, **parts) -> Tokenizer:
    made = Tokenizer(models.BPE({letter: i for i, letter in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    for name, part in parts.items():
        setattr(made, name, part)
    return made


def test_what_a_vocabulary_has_no_bytes_for_becomes_visible():
    letters = "".join(sorted(set(pre_tokenizers.ByteLevel.alphabet()) - {chr(256 + 4)}))  # no byte 4
    vocabulary = Vocabulary(byte_level(letters))
    assert vocabulary.spellable("a\x04b é\x04") == "a\ufffdb é\ufffd"
    assert vocabulary.decode(vocabulary.encode("a\x04b")) == "a\ufffdb"
    assert vocabulary.decode(vocabulary.encode("a\x05b")) == "a\x05b"


def test_tokenizers_that_cannot_give_a_text_back_are_refused():
    letters = "".join(pre_tokenizers.ByteLevel.alphabet())
    with pytest.raises(ValueError, match="not byte-level BPE"):
        Vocabulary(byte_level(letters, decoder=decoders.Metaspace()))
    with pytest.raises(ValueError, match="changes a text before"):
        Vocabulary(byte_level(letters, normalizer=normalizers.Lowercase()))


# ---- logits


def test_logits_are_those_of_transformers(language, verses):
    ids = language.encode(verses)[: language.window]
    expected = bare(language, ids)
    assert np.allclose(language.logits(ids), expected, atol=1e-4)
    assert np.allclose(language.step(ids), expected[-1], atol=1e-4)
    assert sampling.softmax(language.step(ids)).sum() == pytest.approx(1, abs=1e-12)


def test_an_empty_text_starts_from_the_end_of_text_token(llama):
    assert llama.start == 0
    assert np.allclose(llama.step([]), bare(llama, [0])[-1], atol=1e-5)


def test_a_cached_prefix_gives_the_same_logits(language, verses):
    ids = language.encode(verses)[:60]
    for n in (20, 21, 22, 40, 10, 60, 59):
        assert np.allclose(language.step(ids[:n]), bare(language, ids[:n])[-1], atol=1e-4)
    edited = [*ids[:30], 5, *ids[31:]]
    assert np.allclose(language.step(edited), bare(language, edited)[-1], atol=1e-4)
    assert np.allclose(language.step(ids), bare(language, ids)[-1], atol=1e-4), "the other branch is unharmed"


def test_only_what_changed_is_computed(llama, verses):
    ids = llama.encode(verses)[:60]

    def cost(read) -> int:
        before = llama.computed
        read()
        return llama.computed - before

    assert cost(lambda: llama.step(ids[:40])) == 40
    assert cost(lambda: llama.step(ids[:41])) == 1
    assert cost(lambda: llama.step(ids[:41])) == 1, "the last token alone"
    edited = [*ids[:30], 5, *ids[31:41]]
    assert cost(lambda: llama.step(edited)) == 11
    assert cost(lambda: llama.step(ids[:45])) == 4, "the first branch is still known"
    assert cost(lambda: llama.step(ids[:45], reuse=False)) == 45


def test_without_reuse_the_answer_is_the_same_bytes_whatever_was_read_before(llama, verses):
    ids = llama.encode(verses)[:40]
    first = llama.step(ids, reuse=False)
    llama.step(ids[:17])
    llama.step(ids)
    assert np.array_equal(llama.step(ids, reuse=False), first)


def test_long_texts_are_cut_in_steps_that_keep_the_cache_of_use(llama):
    assert llama.window == 64
    assert llama.cut(range(64)) == (list(range(64)), 0)
    kept, dropped = llama.cut(range(65))
    assert dropped == 16 and kept == list(range(16, 65))
    assert {llama.cut(range(n))[1] for n in range(65, 81)} == {16}
    assert llama.cut(range(81))[1] == 32
    ids = [int(i) for i in np.random.default_rng(0).integers(1, 400, 90)]
    assert np.allclose(llama.step(ids), bare(llama, ids[32:])[-1], atol=1e-4)
    with pytest.raises(ValueError, match="1 to 64 tokens"):
        llama.logits(ids)


def test_a_hundred_thousand_characters_are_read_to_their_end(llama, verses):
    text = (verses * 200)[:100_000]
    found = llama.score(text)
    assert len(found.tokens) <= llama.window
    assert found.dropped + len(found.tokens) == len(llama.encode(text))
    assert text.encode().endswith(b"".join(token.raw for token in found.tokens))


def test_many_threads_get_what_one_gets(llama, verses):
    ids = llama.encode(verses)
    texts = [[*ids[: 20 + k], k + 1, *ids[20 + k : 30 + k]] for k in range(8)]
    expected = [bare(llama, text)[-1] for text in texts]
    wrong = []

    def visitor(mine: int) -> None:
        for k in range(24):
            which = (mine + k) % 8
            if not np.allclose(llama.step(texts[which]), expected[which], atol=1e-4):
                wrong.append((mine, which))

    threads = [threading.Thread(target=visitor, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# ---- what is kept


def entry(*ids: int) -> tuple[np.ndarray, tuple]:
    return np.array(ids), ((torch.tensor(ids).float().reshape(1, 1, -1, 1),) * 2,)


def test_prefixes_are_found_by_tokens_and_the_oldest_go():
    kept = Prefixes(most=10)
    kept.put(*entry(1, 2, 3, 4))
    kept.put(*entry(1, 2, 9))
    assert len(kept) == 2 and kept.tokens == 7
    n, layers = kept.longest(np.array([1, 2, 3, 7]))
    assert n == 3 and layers[0][0].flatten().tolist() == [1, 2, 3]
    assert kept.longest(np.array([5])) == (0, ())
    kept.put(*entry(1, 2, 3, 4, 5))  # takes the place of its own beginning
    assert len(kept) == 2 and kept.tokens == 8
    kept.put(*entry(1, 2))  # is known already, as the beginning of [1, 2, 9]
    assert len(kept) == 2
    kept.put(*entry(7, 7, 7))  # the longest has not been used for longest
    assert kept.longest(np.array([1, 2, 3, 4, 5]))[0] == 2 and kept.tokens == 6
    kept.put(*entry(*range(50, 90)))
    assert len(kept) == 1 and kept.tokens == 40
    assert common(np.array([]), np.array([1])) == 0


# ---- reading


def test_scores_are_minus_log_p_and_perplexity_is_e_to_the_mean_loss(language, verses):
    ids = language.encode(verses)[:60]
    found = language.score(ids)
    with torch.inference_mode():
        loss = float(language.network(input_ids=torch.tensor([ids]), labels=torch.tensor([ids])).loss)
    assert found.perplexity == pytest.approx(math.exp(loss), rel=1e-5)
    assert found.dropped == 0 and [token.id for token in found.tokens] == ids
    first = found.tokens[0]
    assert (first.surprisal_bits, first.rank, first.entropy_bits, first.alternatives) == (None, None, None, ())
    for place, row in enumerate(bare(language, ids)[:-1], start=1):
        token, p = found.tokens[place], sampling.softmax(row)
        assert token.surprisal_bits == pytest.approx(-math.log2(p[token.id]), abs=1e-4)
        assert token.entropy_bits == pytest.approx(sampling.entropy_bits(p), abs=1e-4)
        assert token.rank == pytest.approx(sampling.rank(row, token.id), abs=1)
        assert [p for _, p in token.alternatives] == pytest.approx(np.sort(p)[::-1][:10].tolist(), abs=1e-5)


def test_an_edit_scores_only_what_comes_after_it(llama, verses):
    ids = llama.encode(verses)[:60]
    llama.score(ids)
    edited = [*ids[:50], 9, *ids[51:]]
    before = llama.computed
    found = llama.score(edited)
    assert llama.computed - before == 10, "tokens 49 to 58 are read to guess 50 to 59"
    fresh = llama.score(edited, reuse=False)
    assert found.perplexity == pytest.approx(fresh.perplexity, rel=1e-4)
    assert [token.id for token in found.tokens] == [token.id for token in fresh.tokens]
    before = llama.computed
    assert llama.score(edited) == found and llama.computed == before
    assert llama.score(edited[:20]).tokens == found.tokens[:20] and llama.computed == before


def test_nothing_and_one_token_have_no_perplexity(llama):
    assert llama.score("").tokens == () and llama.score("").perplexity is None
    one = llama.score("a")
    assert len(one.tokens) == 1 and one.perplexity is None


# ---- files


def test_a_folder_is_read_back_and_incomplete_ones_are_refused(language, tmp_path, verses):
    folder = tmp_path / "model"
    with pytest.raises(FileNotFoundError, match="holds no network"):
        LanguageModel.load(folder)
    language.network.save_pretrained(folder, max_shard_size="50KB")
    with pytest.raises(FileNotFoundError, match="holds no tokenizer"):
        LanguageModel.load(folder)
    language.vocabulary.tokenizer.save(str(folder / "tokenizer.json"))
    again = LanguageModel.load(folder)
    ids = again.encode(verses)[:40]
    assert ids == language.encode(verses)[:40]
    assert np.allclose(again.step(ids), language.step(ids), atol=1e-5)
    assert (again.name, again.window, again.ends, again.start) == ("model", 64, {0}, 0)
    assert len(list(folder.glob("*.safetensors"))) > 1
    for file in folder.glob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))
    with pytest.raises(FileNotFoundError, match="holds no weights"):
        LanguageModel.load(folder)
