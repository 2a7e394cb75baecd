"""Pictures as words: an autoencoder whose code is a grid of entries of a dictionary (van den Oord et al. 2017, VQ-VAE).

An encoder turns a 64x64 picture into 8x8 vectors, one for every 8x8 pixels. Each vector is replaced by the nearest
entry of a codebook of 512, what is left over by the nearest entry of a second one, and their sum goes to the decoder
(Lee et al. 2022, "Autoregressive image generation using residual quantization", section 3.1): a rough stroke and a
fine stroke at every place. So a picture is 128 numbers from 0 to 511, in reading order, rough before fine. The grid is
8x8 and not 16x16 because a person has to see it fill, and because two cores have to learn what follows what: 128 steps
instead of 256, each of which draws something that can be recognised.

Pictures are float32 tensors (N, 3, 64, 64) in [-1, 1]. Codes here are int64 (N, places, depth); OPEN is a stroke that
has not been drawn.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

OPEN = -1
"""Stands in codes where nothing has been chosen yet."""
SIDE = 64


def nearest(vectors: Tensor, codebook: Tensor) -> Tensor:
    """Vectors (M, C) -> the positions of the nearest rows of ``codebook`` (K, C), int64 (M,).

    |v - e|^2 = |v|^2 - 2 v.e + |e|^2, and |v|^2 is the same for every e. Always float32: half the digits of bfloat16
    would choose another entry now and then.
    """
    with torch.autocast(vectors.device.type, enabled=False):
        return (codebook.square().sum(1) - 2 * vectors @ codebook.T).argmin(1)


class _Block(nn.Module):
    """Residual block of two 3x3 convolutions (He et al. 2016), one group norm at its entry."""

    def __init__(self, width: int):
        super().__init__()
        self.norm = nn.GroupNorm(8, width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(F.leaky_relu(self.conv1(F.leaky_relu(self.norm(x), 0.1)), 0.1))


class PatchAutoencoder(nn.Module):
    """Encoder, codebooks and decoder.

    Args:
        widths: channels at 32, 16, ... pixels; every further one halves the grid's side.
        codes: entries of a codebook. depth: codebooks, each for what the one before left over.
        code_size: length of an entry; small, so that no entry is out of reach (Yu et al. 2022, section 3.2).
    """

    def __init__(self, widths: tuple[int, ...], codes: int, depth: int, code_size: int):
        super().__init__()
        self.side = SIDE // 2 ** len(widths)
        self.patch = SIDE // self.side
        # 2x2 pixels folded into channels, in and out: the layers at 64 pixels would cost most and see least
        encoder: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(12, widths[0], 3, padding=1), _Block(widths[0])]
        decoder: list[nn.Module] = [nn.Conv2d(code_size, widths[-1], 3, padding=1), _Block(widths[-1])]
        for a, b in zip(widths, widths[1:], strict=False):
            encoder += [nn.Conv2d(a, b, 4, stride=2, padding=1), _Block(b)]
        for a, b in zip(widths[::-1], widths[-2::-1], strict=False):
            decoder += [_Block(a), nn.Conv2d(a, b, 3, padding=1), nn.Upsample(scale_factor=2.0, mode="bilinear")]
        last = max(8, widths[0] // 2)
        encoder += [_Block(widths[-1]), nn.GroupNorm(8, widths[-1]), nn.Conv2d(widths[-1], code_size, 1)]
        decoder += [_Block(widths[0]), nn.Conv2d(widths[0], 4 * last, 3, padding=1), nn.PixelShuffle(2)]
        decoder += [nn.LeakyReLU(0.1), nn.Conv2d(last, 3, 3, padding=1)]
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder)
        self.blank = nn.Parameter(torch.zeros(code_size))
        self.register_buffer("codebooks", torch.randn(depth, codes, code_size))

    @property
    def places(self) -> int:
        """Patches of a picture."""
        return self.side**2

    def vectors(self, x: Tensor) -> Tensor:
        """Pictures (N, 3, 64, 64) -> what the codebooks have to say, float32 (N, places, code_size)."""
        return self.encoder(x).float().flatten(2).transpose(1, 2)

    def quantise(self, vectors: Tensor) -> Tensor:
        """(N, places, code_size) -> codes (N, places, depth): of every codebook the entry nearest to what is left."""
        rest, codes = vectors.flatten(0, 1), []
        for codebook in self.codebooks:
            codes.append(nearest(rest, codebook))
            rest = rest - codebook[codes[-1]]
        return torch.stack(codes, 1).view(*vectors.shape[:2], -1)

    def look_up(self, codes: Tensor) -> Tensor:
        """Codes (N, places, depth) -> the sums of their entries (N, places, code_size).

        An open fine stroke adds nothing; a place whose rough stroke is open gets the learnt vector ``blank``.
        """
        entries = [codebook[codes[..., level].clamp_min(0)] for level, codebook in enumerate(self.codebooks)]
        total = sum(torch.where(codes[..., d, None] == OPEN, 0.0, entry) for d, entry in enumerate(entries))
        return torch.where(codes[..., :1] == OPEN, self.blank, total)

    def paint(self, vectors: Tensor) -> Tensor:
        """(N, places, code_size) -> pictures (N, 3, 64, 64), not clamped, nothing left out."""
        grid = vectors.transpose(1, 2).reshape(len(vectors), -1, self.side, self.side)
        return self.decoder(grid.contiguous(memory_format=torch.channels_last)).float()

    def drawn(self, codes: Tensor) -> Tensor:
        """Codes (N, places, depth) -> (N, 1, 64, 64) of 0 and 1: the pixels of the places whose rough stroke is."""
        grid = (codes[..., 0] != OPEN).float().view(-1, 1, self.side, self.side)
        return F.interpolate(grid, scale_factor=float(self.patch))

    def decode(self, codes: Tensor) -> Tensor:
        """Codes (N, places, depth) -> pictures in [-1, 1]; a place that is not drawn is mid-grey, exactly 0.

        A patch is drawn in the light of its neighbours, so it still changes a little while they come in.
        """
        return self.paint(self.look_up(codes)).clamp(-1, 1) * self.drawn(codes)
