"""Keys and values that attention has computed once, kept by the tokens they belong to.

What a causal model computes at a place depends only on the tokens up to there, so texts that begin alike share that
work: after an edit only the changed end is read again, and a road not taken starts where it branched off. Nothing here
belongs to a visitor: entries are found by tokens alone, and the least recently used ones go first.
"""

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

if TYPE_CHECKING:
    from transformers import DynamicCache

Layers = tuple[tuple[Tensor, Tensor], ...]
"""Keys and values of every layer, each (1, heads, tokens, size). They are never written to: a longer text gets longer
tensors of its own, so several threads may read one entry."""


class Prefixes:
    """A bounded store of :data:`Layers` by tokens; every method may be called from any thread.

    Args:
        most: tokens that all entries together may hold; one entry alone may always stay.
    """

    def __init__(self, most: int = 2048):
        self.most = most
        self._entries: OrderedDict[bytes, tuple[np.ndarray, Layers]] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def tokens(self) -> int:
        """Tokens that all entries together hold."""
        with self._lock:
            return sum(len(ids) for ids, _ in self._entries.values())

    def longest(self, ids: np.ndarray) -> tuple[int, Layers]:
        """(n, layers) of the longest stored beginning of ``ids``, n tokens long; (0, ()) where there is none."""
        with self._lock:
            best, found = 0, None
            for key, (known, _) in self._entries.items():
                shared = common(known, ids)
                if shared > best:
                    best, found = shared, key
            if found is None:
                return 0, ()
            self._entries.move_to_end(found)
            layers = self._entries[found][1]
        return best, tuple((keys[..., :best, :], values[..., :best, :]) for keys, values in layers)

    def put(self, ids: np.ndarray, layers: Layers) -> None:
        """Keep ``layers`` of ``ids``; entries that are a beginning of it go, since it serves for them, too."""
        with self._lock:
            for key, (known, _) in list(self._entries.items()):
                shared = common(known, ids)
                if shared == len(ids) < len(known):
                    self._entries.move_to_end(key)
                    return
                if shared == len(known):
                    del self._entries[key]
            self._entries[ids.tobytes()] = (ids.copy(), layers)
            held = sum(len(known) for known, _ in self._entries.values())
            while held > self.most and len(self._entries) > 1:
                _, (gone, _) = self._entries.popitem(last=False)
                held -= len(gone)


def common(a: np.ndarray, b: np.ndarray) -> int:
    """How many tokens two texts share from the start."""
    size = min(len(a), len(b))
    differ = a[:size] != b[:size]
    return int(differ.argmax()) if differ.any() else size


def to_cache(layers: Layers) -> "DynamicCache":
    """A transformers cache that starts with ``layers``, without copying them."""
    from transformers.cache_utils import DynamicCache, DynamicLayer

    cache = DynamicCache()
    for keys, values in layers:
        layer = DynamicLayer()
        layer.lazy_initialization(keys, values)
        layer.keys, layer.values = keys, values
        cache.layers.append(layer)
    return cache


def from_cache(cache: "DynamicCache") -> Layers:
    """What a transformers cache holds now."""
    return tuple((layer.keys, layer.values) for layer in cache.layers)
