"""Inside a language model: where each head looks, and what each layer would say if it were the last.

*Attention* weights are softmax(q k / sqrt(d)) (Vaswani et al. 2017, equation 1): how much each place takes from each
place before it. The fast kernels never write them down, so a twin of the network that shares its weights computes them
the plain way. A large weight shows where a head looked, not that the answer depends on it.

*The logit lens* (nostalgebraist 2020) reads the residual stream after every layer with the model's own last norm and
output matrix: the guess grows as it goes up. Early layers were never asked to speak that language.
"""

import copy
import threading
from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from models.language import LanguageModel

MOST = 128
"""Tokens whose attention is shown at most: 30 layers of 9 heads over 128 places are 18 MB."""
NORMS = ("norm", "ln_f", "final_layer_norm", "final_layernorm")
"""What transformers' causal models call the norm before the output matrix."""

_twins: WeakKeyDictionary[LanguageModel, nn.Module] = WeakKeyDictionary()
_lock = threading.Lock()


def _twin(model: LanguageModel) -> nn.Module:
    """The same network, sharing every weight, with attention computed the plain way; the other stays as it is."""
    with _lock:
        if model not in _twins:
            shared = [*model.network.parameters(), *model.network.buffers()]
            twin = copy.deepcopy(model.network, {id(tensor): tensor for tensor in shared})
            twin.set_attn_implementation("eager")
            _twins[model] = twin
        return _twins[model]


def _fitting(model: LanguageModel, ids: Sequence[int], most: int) -> Tensor:
    if not 1 <= len(ids) <= min(most, model.window):
        raise ValueError(f"1 to {min(most, model.window)} tokens can be looked into, not {len(ids)}")
    if min(ids) < 0 or max(ids) >= model.size:
        raise ValueError(f"tokens are numbers from 0 to {model.size - 1}")
    return torch.tensor([list(ids)])


@torch.inference_mode()
def attention(model: LanguageModel, ids: Sequence[int]) -> np.ndarray:
    """Weights, float32 (layers, heads, T, T): row i is what place i takes from places 0 to i, and sums to 1.

    Raises:
        ValueError: for no tokens or more than 128.
    """
    answer = _twin(model)(input_ids=_fitting(model, ids, MOST), output_attentions=True, use_cache=False)
    return torch.cat(answer.attentions).float().numpy()


@torch.inference_mode()
def logit_lens(model: LanguageModel, ids: Sequence[int]) -> np.ndarray:
    """Logits, float32 (layers + 1, V), of the token after ``ids``, read from the embedding and after every layer.

    The last row is what the model says.

    Raises:
        ValueError: for no tokens, too many, or a network whose last norm has none of the known names.
    """
    base = model.network.base_model
    norm = next((getattr(base, name) for name in NORMS if hasattr(base, name)), None)
    if norm is None:
        raise ValueError(f"{model.name} has no last norm that is known here, so its layers cannot be read")
    answer = model.network(
        input_ids=_fitting(model, ids, model.window), output_hidden_states=True, use_cache=False, logits_to_keep=1
    )
    # transformers hands out the last layer's state with the norm already applied
    states = torch.cat([state[:, -1] for state in answer.hidden_states[:-1]])
    rows = model.network.get_output_embeddings()(norm(states))
    return torch.cat([rows, answer.logits[:, -1]]).float().numpy()
