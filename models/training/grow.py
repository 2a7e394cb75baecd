"""Growing a GAN: both networks begin with small pictures and take the larger sizes one by one (Karras et al. 2018).

Which way a head looks, where the hair ends and what colour it has can all be seen at 16 pixels, where a picture costs
40 % of what it costs at 64. Learnt there first, the same minutes show the networks more pictures, the discriminator
cannot win by the details that the generator does not have yet, and the last size has only those left to learn. The
generator already writes its picture size by size; the discriminator gets an entrance for each small size, which is
thrown away when the run is over.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import gan

STAGES = ((0.0, 16, 4), (0.15, 32, 2), (0.4, 64, 1))
"""(share of the budget where it begins, pixels, size of a batch as a multiple of ``--batch``)."""
FADE = 0.04
"""Share of the budget over which the layers of a new size are faded in."""


@dataclass(frozen=True)
class Stage:
    """How far a run has grown: pictures of ``size`` pixels, ``batch`` times the usual batch, new layers at ``fade``."""

    size: int
    batch: int
    fade: float


GROWN = Stage(64, 1, 1.0)


def stage(progress: float) -> Stage:
    """The stage at ``progress``, a share of the budget from 0 to 1."""
    begin, size, batch = max(entry for entry in STAGES if entry[0] <= progress)
    return Stage(size, batch, 1.0 if begin == 0 else min(1.0, (progress - begin) / FADE))


def shrink(x: Tensor, size: int) -> Tensor:
    """Pictures (N, 3, 64, 64) -> (N, 3, size, size), by averages."""
    return x if x.shape[-1] == size else F.avg_pool2d(x, x.shape[-1] // size)


def synthesis(generator: gan.Generator, styles: Tensor, now: Stage) -> Tensor:
    """Styles (N, LAYERS, W) -> pictures (N, 3, now.size, now.size); a new size is faded in over the doubled old one."""
    before = None
    for picture in generator.growth(styles):
        if picture.shape[-1] == now.size:
            break
        before = picture
    if now.fade == 1:
        return picture
    return torch.lerp(gan.double(before), picture, now.fade)


class Entrances(nn.Module):
    """A discriminator's first layers for pictures of 16 and 32 pixels: colours straight to what it has at that size."""

    def __init__(self, config: gan.GANConfig):
        super().__init__()
        self.at = nn.ModuleDict({str(32 >> i): gan.Conv(3, config.critic_widths[i], 1) for i in range(2)})

    def forward(self, discriminator: gan.Discriminator, x: Tensor, now: Stage) -> Tensor:
        """Pictures (N, 3, now.size, now.size) -> logits (N,), float32."""
        h = self._enter(discriminator, x)
        falls = {64: 0, 32: 0, 16: 1}[now.size]
        if now.fade < 1:
            if now.size < 64:
                h = discriminator.fall[falls](h)
                falls += 1
            h = torch.lerp(self._enter(discriminator, F.avg_pool2d(x, 2)), h, now.fade)
        for fall in discriminator.fall[falls:]:
            h = fall(h)
        return discriminator.judge(h)

    def _enter(self, discriminator: gan.Discriminator, x: Tensor) -> Tensor:
        size = x.shape[-1]
        return gan.leak(discriminator.stem(x) if size == 64 else self.at[str(size)](x))
