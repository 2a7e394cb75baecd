"""Augmentation inside a GAN's game: the discriminator sees real and made pictures only through random changes.

With 1,500 pictures a discriminator soon knows them by heart and stops helping. Shown through changes that it cannot
undo, and with the changes differentiable so that the generator learns through them (Zhao et al. 2020, DiffAugment), it
has to judge what a face is. Each change happens with probability p, and p follows how sure D is of the real pictures
(Karras et al. 2020, "Training GANs with limited data", section 3). As long as p stays below 0.8 the changes do not
leak: most pictures that D sees are unchanged, so made pictures that were all shifted or grey would give G away.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TARGET = 0.6
"""Where p settles: the mean of sign(D(x)) over real pictures; 0 is guessing, 1 is knowing all of them."""
MOST = 0.8
PICTURES_TO_ONE = 500_000
"""Pictures over which p would go from 0 to 1, as in the paper. Five times as fast, p follows a young generator, whose
pictures are easy to tell for other reasons, and hides the details that both still have to learn."""


class Augment(nn.Module):
    """Shift, turn, zoom; brightness, contrast, saturation; one grey square. Each group with probability p per picture.

    ``p`` is a buffer, so that a resumed run continues with it.
    """

    def __init__(self, p: float):
        super().__init__()
        self.register_buffer("p", torch.tensor(p))
        self.register_buffer("sureness", torch.tensor(0.0))

    def adapt(self, real_logits: Tensor) -> None:
        """Move p up when D is surer of the real pictures (logits (N,)) than TARGET, else down."""
        self.sureness.lerp_(real_logits.detach().sign().mean(), 0.05)
        step = len(real_logits) / PICTURES_TO_ONE
        self.p.add_(step if self.sureness > TARGET else -step).clamp_(0.0, MOST)

    def forward(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Pictures (N, 3, H, W) in [-1, 1] -> the same, some of them changed; float32."""
        if float(self.p) <= 0:
            return x
        x = _move(x, self._chosen(x, generator), generator)
        x = _colour(x, self._chosen(x, generator), generator)
        return _cut(x, self._chosen(x, generator), generator)

    def _chosen(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """(N,) of 0 and 1: which pictures a change happens to."""
        return (torch.rand(len(x), generator=generator) < self.p.cpu()).float()


def _move(x: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """Shift by up to 1/8 of the side, turn by about 6 degrees, zoom by about 10 %; mirrored beyond the edge."""
    count = len(x)
    shift = (torch.rand(count, 2, generator=generator) - 0.5) * 0.5 * chosen[:, None]
    angle = torch.randn(count, generator=generator) * math.radians(6.0) * chosen
    zoom = (torch.randn(count, generator=generator) * 0.1 * chosen).exp()
    cosine, sine = angle.cos() / zoom, angle.sin() / zoom
    matrix = torch.stack([cosine, -sine, shift[:, 0], sine, cosine, shift[:, 1]], 1).view(count, 2, 3)
    grid = F.affine_grid(matrix.to(x.device), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def _colour(x: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """x' = contrast (mean + saturation (x - grey) + grey - mean) + brightness, factors around 1."""
    draws = torch.randn(3, len(x), generator=generator) * chosen
    brightness, contrast, saturation = (d.to(x.device)[:, None, None, None] for d in draws)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * (0.5 * saturation).exp()
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * (0.3 * contrast).exp() + 0.2 * brightness


def _cut(x: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """A square of half the side, anywhere, becomes grey (DeVries & Taylor 2017)."""
    count, _, height, width = x.shape
    centre = torch.rand(count, 2, generator=generator)
    rows = (torch.arange(height) / height - centre[:, :1]).abs() < 0.25
    columns = (torch.arange(width) / width - centre[:, 1:]).abs() < 0.25
    hole = (rows[:, :, None] & columns[:, None, :]).float() * chosen[:, None, None]
    return x * (1.0 - hole.to(x.device))[:, None]
