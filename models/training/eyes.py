"""A second discriminator for the GAN's recipe, one that can already see: small heads on features of a frozen network.

The first discriminator has to learn what an edge is before it can tell G that its edges are soft. Judging features of a
network that was trained to see (Sauer et al. 2021, "Projected GANs"; Kumari et al. 2022, "Ensembling off-the-shelf
models for GAN training") tells it so from the first step. Here they are the first blocks of VGG16, mixed by fixed
random 1x1 convolutions, so that no head can look at a few easy channels alone; the heads judge patches with the hinge
loss, and spectral normalisation keeps them smooth. They serve the recipe only: what ships and what the page shows is
the first discriminator. A Frechet distance in VGG features is then measured with what was trained against, and so it
flatters; the card's other numbers do not.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from models.training.vgg import VGG16

BLOCKS = 3
MIXED, WIDTH = 64, 64


class Eyes(nn.Module):
    """Pictures (N, 3, 64, 64) in [-1, 1] -> logits of their patches, one tensor (N, 1, h, w) per block of VGG16.

    Only the heads are learnt; ``learnt()`` names their weights. ``vgg`` may be another network that answers with a list
    of activations, of the channels ``widths``.
    """

    def __init__(self, vgg: nn.Module | None = None, widths: tuple[int, ...] = (64, 128, 256)):
        super().__init__()
        self._vgg = [vgg or VGG16(BLOCKS)]  # in a list: its weights are neither saved nor averaged
        self.mixes = nn.ModuleList(nn.Conv2d(width, MIXED, 1, bias=False) for width in widths)
        for mix in self.mixes:
            nn.init.orthogonal_(mix.weight)
        self.mixes.requires_grad_(False)
        self.heads = nn.ModuleList(_head() for _ in widths)

    def learnt(self) -> list[nn.Parameter]:
        """The weights of the heads."""
        return list(self.heads.parameters())

    def forward(self, x: Tensor) -> list[Tensor]:
        """The patches' logits, above 0 "real"."""
        seen = self._vgg[0].to(x.device)(x)
        # of every channel the typical size differs a hundredfold; a head sees each place's pattern, not its strength
        parts = zip(self.heads, self.mixes, seen, strict=True)
        return [head(mix(F.normalize(h.float(), dim=1) * h.shape[1] ** 0.5)) for head, mix, h in parts]


def _head() -> nn.Sequential:
    """Two halvings and a logit for each place that is left."""
    return nn.Sequential(
        spectral_norm(nn.Conv2d(MIXED, WIDTH, 4, 2, 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(WIDTH, WIDTH, 4, 2, 1)),
        nn.LeakyReLU(0.2),
        spectral_norm(nn.Conv2d(WIDTH, 1, 3, 1, 1)),
    )


def eyes_loss(real: list[Tensor], made: list[Tensor]) -> Tensor:
    """Hinge loss of the heads (Lim & Ye 2017): mean of max(0, 1 - D(x)) + max(0, 1 + D(G(z))), summed over heads."""
    return torch.stack([F.relu(1 - a).mean() + F.relu(1 + b).mean() for a, b in zip(real, made, strict=True)]).sum()


def fooled_loss(made: list[Tensor]) -> Tensor:
    """What G lowers to please the heads: mean of -D(G(z)), summed over heads."""
    return torch.stack([-logits.mean() for logits in made]).sum()
