"""How a codebook learns: every entry follows the mean of what it is chosen for; one that is never chosen is replaced.

van den Oord et al. 2017, appendix A.1: with n_i the moving average of how often entry i is chosen in a batch, and m_i
that of the sum of the vectors it is chosen for, the entry is e_i = m_i / n_i. No gradient is needed. An entry that was
placed badly is never chosen and never moves; such dead entries become vectors of the batch (Dhariwal et al. 2020,
"Jukebox", section 3.2).
"""

import torch
from torch import Tensor, nn

from models.image_tokens_autoencoder import nearest

DECAY = 0.99
DEAD = 0.05
"""Share of the mean use below which an entry counts as dead."""


class CodebookLearner(nn.Module):
    """The moving averages n (``uses``, (depth, K)) and m (``sums``, (depth, K, C)); a module, so that they resume.

    At first nothing was ever used, so the first batch fills the codebooks.
    """

    def __init__(self, codebooks: Tensor):
        super().__init__()
        self.register_buffer("uses", torch.zeros(codebooks.shape[:2]))
        self.register_buffer("sums", torch.zeros_like(codebooks))

    def go_on_from(self, codebooks: Tensor) -> None:
        """Start from codebooks (depth, K, C) that were learnt before: all of their entries are alive."""
        self.uses.fill_(1.0)
        self.sums.copy_(codebooks)

    @torch.no_grad()
    def learn(self, codebooks: Tensor, vectors: Tensor, source: torch.Generator | None) -> None:
        """Move ``codebooks`` (depth, K, C) towards ``vectors`` (M, C), in place.

        source: where the numbers come from that choose new places for dead entries; None leaves them dead.
        """
        rest = vectors
        for level, codebook in enumerate(codebooks):
            uses, sums = self.uses[level], self.sums[level]
            if source is not None:
                self._revive(codebook, uses, sums, rest, source)
            chosen = nearest(rest, codebook)
            left = rest - codebook[chosen]
            uses.lerp_(torch.bincount(chosen, minlength=len(codebook)).to(uses.dtype), 1 - DECAY)
            sums.lerp_(torch.zeros_like(sums).index_add_(0, chosen, rest), 1 - DECAY)
            codebook.copy_(torch.where(uses[:, None] > 1e-3, sums / uses[:, None].clamp_min(1e-3), codebook))
            rest = left

    def _revive(self, codebook: Tensor, uses: Tensor, sums: Tensor, rest: Tensor, source: torch.Generator) -> None:
        """Dead entries of one codebook become random rows of ``rest`` (M, C) and count as used averagely."""
        mean = len(rest) / len(codebook)
        dead = (uses < DEAD * mean).nonzero()[:, 0]
        new = rest[torch.randint(len(rest), (len(dead),), generator=source).to(rest.device)]
        codebook[dead], uses[dead], sums[dead] = new, mean, mean * new
