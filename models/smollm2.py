"""The pretrained language model: where it comes from, and how it becomes a folder that `LanguageModel.load` reads.

SmolLM2-135M-Instruct (Hugging Face, Apache-2.0) comes as a quantised GGUF file inside a Python package that is pinned
by its hash and never imported. It is read once with the ``gguf`` library, whose tensors are plain NumPy arrays, and
written as float16 safetensors with its tokenizer into the cache; that takes seconds, loading it afterwards about two.
Where the package cannot be had, the same model is asked of the hub, whose weights are not quantised.

The environment variable ``PLAYGROUND_LANGUAGE_MODEL`` names another model: a local folder, or an id on the hub.
`python -m models.smollm2` makes the model ready and says where it is.
"""

import json
import os
import shutil
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from models import fetch

SETTING = "PLAYGROUND_LANGUAGE_MODEL"
HUB_ID = "HuggingFaceTB/SmolLM2-135M-Instruct"
FOLDER = "SmolLM2-135M-Instruct"
FILES = ("config.json", "generation_config.json", "tokenizer.json", "*.safetensors", "*.safetensors.index.json")

CARD = """# SmolLM2-135M-Instruct

A Llama-like transformer of 135 million weights by Hugging Face (Apache-2.0), trained by them on two trillion tokens of
English text and code and then on instructions: https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct

Here it is read from a file whose weights were rounded to four bits (Q4_1) and runs in float32, so its probabilities
differ a little from those of the original. The setting PLAYGROUND_LANGUAGE_MODEL puts another model in its place.

Small as it is, it says false things with confidence, counts badly, and believes what the internet of its training text
believed: the parts "What goes wrong" and "What it believes" measure both.
"""
"""What the page says of it behind (i)."""

Say = Callable[[str], None]


def chosen() -> str:
    """What the setting names, or an empty text."""
    return os.environ.get(SETTING, "").strip()


def title() -> str:
    """What the model that is set is called."""
    return Path(chosen()).name or FOLDER


def ready() -> Path | None:
    """The folder of the model if it can be loaded now, without any network; None where it must be fetched first."""
    if not chosen():
        folder = fetch.cache_dir() / FOLDER
    elif Path(chosen()).expanduser().is_dir():
        return Path(chosen()).expanduser()
    else:
        folder = _hub_folder(chosen())
    return folder if (folder / "config.json").is_file() else None


def prepare(say: Say = lambda text: None) -> Path:
    """The folder of the model, fetched and converted where that is still to be done.

    Args:
        say: is told what happens, in a few words that a page can show.

    Raises:
        RuntimeError: if it cannot be had, in plain words.
    """
    found = ready()
    if found:
        return found
    if chosen():
        return _from_hub(chosen(), say)
    try:
        return _from_package(say)
    except (RuntimeError, ImportError, ValueError, KeyError, OSError, zipfile.BadZipFile) as reason:
        try:
            return _from_hub(HUB_ID, say, fetch.cache_dir() / FOLDER)
        except RuntimeError as other:
            first = (str(reason).strip().splitlines() or ["no reason given"])[-1]
            raise RuntimeError(
                f"{FOLDER} could not be fetched as a package ({first}), nor from the hub ({other})"
            ) from reason


class Waiting:
    """:func:`prepare` in the background, for a page that is already open.

    ``text`` says what is going on, ``folder`` is there when it is done, ``problem`` when it failed; ``start`` may be
    called again after a failure.
    """

    def __init__(self) -> None:
        self.text, self.problem = "", ""
        self.folder: Path | None = None
        self._began = 0.0
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Begin, unless it is running or done."""
        with self._lock:
            if self.running or self.folder:
                return
            self.problem, self._began = "", time.monotonic()
            self._thread = threading.Thread(target=self._work, daemon=True, name="language model")
            self._thread.start()

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def seconds(self) -> float:
        """Seconds since it began; 0 before."""
        return time.monotonic() - self._began if self._began else 0.0

    def wait(self, seconds: float | None = None) -> Path | None:
        """Wait until it has ended, and return the folder if there is one."""
        if self._thread:
            self._thread.join(seconds)
        return self.folder

    def _say(self, text: str) -> None:
        self.text = text

    def _work(self) -> None:
        try:
            self.folder = prepare(self._say)
            self.text = f"{title()} is ready"
        except Exception as reason:  # whatever it is, the page must be able to say it
            self.problem = self.text = str(reason) or type(reason).__name__


# --- from the hub ----------------------------------------------------------------------------------------------------


def _hub_folder(name: str) -> Path:
    return fetch.cache_dir() / "hub" / name.replace("/", "--")


def _from_hub(name: str, say: Say, target: Path | None = None) -> Path:
    """A model of the hub in the cache; only configuration, tokenizer and safetensors are fetched."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    target = target or _hub_folder(name)
    target.parent.mkdir(parents=True, exist_ok=True)
    say(f"downloading {name} from the hub")
    with tempfile.TemporaryDirectory(dir=target.parent) as place:
        try:
            snapshot_download(name, local_dir=place, allow_patterns=list(FILES))
        except HFValidationError:
            raise RuntimeError(f"{name!r:.80} is neither a folder nor an id on the hub") from None
        except HfHubHTTPError as reason:
            raise RuntimeError(f"{name} is not to be had: {str(reason).splitlines()[0]}") from reason
        except Exception as reason:  # no network has many names
            raise RuntimeError(f"the hub cannot be reached: {type(reason).__name__}") from reason
        shutil.rmtree(Path(place) / ".cache", ignore_errors=True)
        if not list(Path(place).glob("*.safetensors")):
            raise RuntimeError(f"{name} has no safetensors on the hub; other formats are not opened")
        _move(Path(place), target)
    return target


def _move(made: Path, target: Path) -> None:
    """Let a complete folder take its name at once; another process may have been quicker, which is as good."""
    try:
        made.rename(target)
        made.mkdir()  # its TemporaryDirectory wants to remove something
    except OSError:
        if not (target / "config.json").is_file():
            raise


# --- from the package ------------------------------------------------------------------------------------------------


def _from_package(say: Say) -> Path:
    say("downloading SmolLM2, 93 MB, once")
    wheel = fetch.fetch("smollm2")
    target = fetch.cache_dir() / FOLDER
    with tempfile.TemporaryDirectory(dir=target.parent) as place:
        say("unpacking SmolLM2")
        with zipfile.ZipFile(wheel) as archive:
            member = next(name for name in archive.namelist() if name.endswith(".gguf"))
            unpacked = archive.extract(member, Path(place) / "package")
        say("converting SmolLM2, once")
        made = Path(place) / FOLDER
        convert(Path(unpacked), made)
        made.chmod(0o755)
        try:
            made.rename(target)
        except OSError:
            if not (target / "config.json").is_file():  # else another process was quicker, which is as good
                raise
    return target


LAYER_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
"""What llama.cpp and transformers call the same matrix of a layer."""


def convert(file: Path, folder: Path) -> None:
    """A Llama-like GGUF file to ``config.json``, ``model.safetensors`` (float16) and ``tokenizer.json``.

    Raises:
        RuntimeError: if the file holds another kind of network or tokenizer.
    """
    from gguf import GGUFReader
    from gguf.quants import dequantize
    from safetensors.numpy import save_file

    reader = GGUFReader(file)
    facts = {name: field.contents() for name, field in reader.fields.items() if not name.startswith("GGUF.")}
    kinds = facts.get("general.architecture"), facts.get("tokenizer.ggml.model"), facts.get("tokenizer.ggml.pre")
    if kinds != ("llama", "gpt2", "smollm"):
        raise RuntimeError(f"{file.name} is {'/'.join(map(str, kinds))}; llama/gpt2/smollm is what can be converted")
    config = _config(facts)
    heads = {"attn_q": config["num_attention_heads"], "attn_k": config["num_key_value_heads"]}
    tensors = {}
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        part = tensor.name.split(".")[-2]
        if part in heads:
            values = _halves(values, heads[part])
        # all of it: one float32 tensor would be used where it lies in the file, and keep the whole file in memory
        tensors[_name(tensor.name)] = np.ascontiguousarray(values.astype(np.float16))
    folder.mkdir(parents=True)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    _tokenizer(facts).save(str(folder / "tokenizer.json"))


def _name(name: str) -> str:
    """A tensor's name as transformers has it."""
    whole = {"token_embd.weight": "model.embed_tokens.weight", "output_norm.weight": "model.norm.weight"}
    if name in whole:
        return whole[name]
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{LAYER_NAMES[part]}.weight"


def _halves(weights: np.ndarray, heads: int) -> np.ndarray:
    """Rows of q or k from the order of llama.cpp, whose rotary pairs are neighbours, to that of transformers, where
    the partner is half a head away."""
    rows, columns = weights.shape
    return weights.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _config(facts: dict) -> dict:
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": len(facts["tokenizer.ggml.tokens"]),
        "hidden_size": facts["llama.embedding_length"],
        "intermediate_size": facts["llama.feed_forward_length"],
        "num_hidden_layers": facts["llama.block_count"],
        "num_attention_heads": facts["llama.attention.head_count"],
        "num_key_value_heads": facts["llama.attention.head_count_kv"],
        "max_position_embeddings": facts["llama.context_length"],
        "rms_norm_eps": facts["llama.attention.layer_norm_rms_epsilon"],
        "rope_parameters": {"rope_type": "default", "rope_theta": facts["llama.rope.freq_base"]},
        "tie_word_embeddings": True,
        "hidden_act": "silu",
        "bos_token_id": facts["tokenizer.ggml.bos_token_id"],
        "eos_token_id": facts["tokenizer.ggml.eos_token_id"],
        "dtype": "float16",
    }


def _tokenizer(facts: dict):
    """The byte-level BPE that the file describes: digits alone, words as GPT-2 splits them."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    tokens = facts["tokenizer.ggml.tokens"]
    merges = [tuple(pair.split(" ")) for pair in facts["tokenizer.ggml.merges"]]
    made = Tokenizer(models.BPE({token: id for id, token in enumerate(tokens)}, merges))
    words = [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    made.pre_tokenizer = pre_tokenizers.Sequence(words)
    made.decoder = decoders.ByteLevel()
    control = 3  # token_type of a token that no text is made of
    kinds = zip(tokens, facts["tokenizer.ggml.token_type"], strict=True)
    made.add_special_tokens([AddedToken(token, special=True) for token, kind in kinds if kind == control])
    return made


def main() -> int:
    """Make the model ready; 1 with the reason when that fails."""
    try:
        print(f"{title()}: {prepare(print)}")
    except RuntimeError as reason:
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
