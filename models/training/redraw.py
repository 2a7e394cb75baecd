"""A start for the GAN's generator: before the game it learns to redraw real pictures from what the VAE knows of them.

A generator that begins from nothing spends most of its time finding out that faces have eyes, against a critic that
has long won. "Unbalanced GANs" (Ham, Jun & Kim 2020) therefore begin with the decoder of a VAE. Here G, which is no
decoder, learns the same from the shipped VAE: half of its noise z is a draw from the posterior q(z|x) of a real picture
(the aggregate of which the VAE has made nearly N(0, I), the distribution that G is given in the game), the rest is
noise, and G is told how far its picture is from x, in colours and in the first blocks of VGG16.
"""

import torch
from torch import Tensor, nn

from models import gan, zoo
from models.training.vgg import VGG16, perceptual_distance

PERCEPTUAL = 0.2
"""Weight of the perceptual distance beside the mean absolute error of the colours."""
FEW = 4
"""Pictures of a batch that the perceptual distance is measured on; it costs most, and they are enough to follow it."""
ALONE = 0.04
"""Share of the budget after redrawing in which only the critics learn: they have not seen a picture of G yet."""
KEPT = 5.0
"""Weight of redrawing beside the game, at its beginning; it falls to 0 with the budget.

Fooling D asks for believable pictures, not for all of them; a few that are redrawn in every step keep G from forgetting
the rest (Larsen et al. 2016, "Autoencoding beyond pixels", lower both losses together for the same reason).
"""


class Redraw:
    """What G lowers while it redraws pictures of a shipped data set; ``vgg`` may be another network like VGG16."""

    def __init__(self, data: str, where: torch.device, vgg: nn.Module | None = None):
        self.vae = zoo.vae(data).to(where)
        self.vgg = vgg or VGG16(blocks=3).to(where)

    @torch.no_grad()
    def noise(self, x: Tensor, size: int, source: torch.Generator) -> Tensor:
        """z (N, size) of pictures (N, 3, 64, 64): a draw from q(z|x), then plain noise."""
        known = self.vae.encode(x)
        draw = torch.randn(len(x), size, generator=source).to(x.device)
        code = known.mean + known.std * draw[:, : known.mean.shape[1]]
        return torch.cat([code, draw[:, code.shape[1] :]], 1)

    def loss(self, generator: gan.Generator, x: Tensor, source: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """(what is lowered, the mean absolute error of the colours, G's pictures) for pictures (N, 3, 64, 64)."""
        w = generator.style(self.noise(x, generator.config.latent_size, source))
        generator.w_average.lerp_(w.detach().float().mean(0), 0.01)
        made = generator.synthesis(w)
        error = (made - x).abs().mean()
        perceptual = perceptual_distance(self.vgg, x[:FEW], made[:FEW]).mean()
        return error + PERCEPTUAL * perceptual, error, made
