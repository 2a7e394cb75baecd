"""What follows what: a causal transformer over the codes of a picture (Vaswani et al. 2017; Radford et al. 2019).

At position i it is told all codes before i and answers one score for each of the 512 that could come at i. It is the
network of a language model, with two changes: a position is a row, a column and a stroke (rough or fine), each with a
vector of its own, and the condition, what was asked for, is added at every position.
"""

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.diffusion import AttributeEncoder


class Cache:
    """Keys and values of the positions that were computed, layer by layer; ``length`` says of how many."""

    def __init__(self) -> None:
        self.length = 0
        self.layers: dict[int, tuple[Tensor, Tensor]] = {}

    def extend(self, layer: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Append (N, heads, new, size) to a layer and return all of it."""
        if layer in self.layers:
            known = self.layers[layer]
            k, v = torch.cat([known[0], k], 2), torch.cat([known[1], v], 2)
        self.layers[layer] = k, v
        return k, v


class _Block(nn.Module):
    """Attention, then a network of two layers, each on a normalised copy and added back (pre-norm)."""

    def __init__(self, size: int, heads: int, dropout: float):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(size), nn.LayerNorm(size)
        self.to_qkv, self.from_heads = nn.Linear(size, 3 * size), nn.Linear(size, size)
        self.widen, self.narrow = nn.Linear(size, 4 * size), nn.Linear(4 * size, size)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, layer: int, cache: Cache | None) -> Tensor:
        """x (N, new, size) of the new positions; those before them are in the cache."""
        count, new, size = x.shape
        q, k, v = self.to_qkv(self.norm1(x)).view(count, new, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        before = cache.length if cache else 0
        if cache:
            k, v = cache.extend(layer, k, v)
        # position i sees 0..i: for one new position that is everything there is
        seen = None
        if before and new > 1:
            seen = torch.ones(new, before + new, dtype=torch.bool, device=x.device).tril(before)
        h = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=not before and new > 1)
        x = x + self.dropout(self.from_heads(h.transpose(1, 2).reshape(count, new, size)))
        return x + self.dropout(self.narrow(F.gelu(self.widen(self.norm2(x)))))


class TokenTransformer(nn.Module):
    """Codes so far and a condition -> scores of the next code.

    Args:
        vocabulary: {attribute: its values} that can be asked for.
        side, depth, codes: of the autoencoder. size: of the vectors. layers, heads: of the transformer.
        dropout: share of what every half of a block adds that is dropped in training.
    """

    def __init__(
        self,
        vocabulary: Mapping[str, Sequence[str]],
        side: int,
        depth: int,
        codes: int,
        size: int,
        layers: int,
        heads: int,
        dropout: float = 0.0,
    ):
        super().__init__()
        self.depth, self.codes = depth, codes
        self.length = side * side * depth
        place, level = torch.arange(self.length) // depth, torch.arange(self.length) % depth
        self.register_buffer("at", torch.stack([place // side, place % side, level]), persistent=False)
        self.words = nn.Embedding(depth * codes, size)
        self.row, self.column, self.level = (
            nn.Embedding(side, size),
            nn.Embedding(side, size),
            nn.Embedding(depth, size),
        )
        self.start = nn.Parameter(torch.zeros(size))
        self.asked = AttributeEncoder(vocabulary, size)
        self.blocks = nn.ModuleList(_Block(size, heads, dropout) for _ in range(layers))
        self.norm = nn.LayerNorm(size)
        self.head = nn.Linear(size, depth * codes)
        self.dropout = nn.Dropout(dropout)
        for table in (self.words, self.row, self.column, self.level):
            nn.init.normal_(table.weight, std=0.1)
        nn.init.normal_(self.head.weight, std=0.02)

    def forward(self, tokens: Tensor, condition: Tensor, cache: Cache | None = None) -> Tensor:
        """The first T codes (N, T), T < length, and ``asked(positions)`` (N, size) -> scores (N, T + 1, codes).

        Row i of the scores is of position i. With a cache, rows that it already knows are neither computed again nor
        returned; it must have seen the same codes and condition.
        """
        first, count = cache.length if cache else 0, len(tokens)
        new = tokens.shape[1] + 1 - first
        level = self.at[2]
        before = self.words(tokens[:, max(0, first - 1) :] + level[max(0, first - 1) : tokens.shape[1]] * self.codes)
        x = before if first else torch.cat([self.start.expand(count, 1, -1), before], 1)
        row, column, stroke = self.at[:, first : first + new]
        x = x + self.row(row) + self.column(column) + self.level(stroke) + condition[:, None]
        x = self.dropout(x)
        for layer, block in enumerate(self.blocks):
            x = block(x, layer, cache)
        if cache:
            cache.length = first + new
        scores = self.head(self.norm(x)).float().view(count, new, self.depth, self.codes)
        return scores.gather(2, stroke.view(1, -1, 1, 1).expand(count, -1, 1, self.codes))[:, :, 0]
