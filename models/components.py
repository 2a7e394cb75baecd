"""Principal components of W: the directions along which styles differ most, found without a single label.

GANSpace (Harkonen, Hertzmann, Lehtinen & Paris 2020, section 3.1): draw many w = f(z), take their principal components,
and move a face along one of them. Nobody says what a component means; one looks at what it does.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

FILE = "components.safetensors"


@dataclass(frozen=True)
class Components:
    """The first K principal components of W, the strongest first.

    Attributes:
        vectors: (K, W), each of length one, at right angles; the entry of largest size is positive in each.
        stds: (K,), the standard deviation of w along each.
        shares: (K,), the share of the variance of w that each explains; the shares of all W of them add up to 1.
    """

    vectors: Tensor
    stds: Tensor
    shares: Tensor

    def __len__(self) -> int:
        return len(self.vectors)

    def move(self, w: Tensor, k: int, strength: float) -> Tensor:
        """w + strength * std_k * v_k: styles (..., W), moved by ``strength`` standard deviations along component k.

        Raises:
            ValueError: for a component that does not exist, or a strength that is not a finite number.
        """
        if isinstance(k, bool) or not isinstance(k, int) or not 0 <= k < len(self):
            raise ValueError(f"the component must be an integer from 0 to {len(self) - 1}, not {k!r}")
        if isinstance(strength, bool) or not isinstance(strength, int | float) or not math.isfinite(strength):
            raise ValueError(f"strength must be a finite number, not {strength!r}")
        return w + strength * self.stds[k] * self.vectors[k]

    def save(self, folder: Path) -> None:
        """Write ``components.safetensors`` (float32) into ``folder``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"vectors": self.vectors, "stds": self.stds, "shares": self.shares}
        save_file({name: value.float().contiguous() for name, value in tensors.items()}, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> "Components":
        """Read what :meth:`save` wrote; FileNotFoundError if it is not there."""
        return cls(**load_file(Path(folder) / FILE))


def learn(w: Tensor, count: int = 32) -> Components:
    """The first ``count`` principal components of styles w (N, W), N >= 2, 1 <= count <= W.

    They are eigenvectors of the covariance, computed in float64. An eigenvector has no sign of its own: the entry of
    largest size is made positive, so that the same styles give the same sliders.
    """
    if w.ndim != 2 or len(w) < 2 or not 1 <= count <= w.shape[1]:
        raise ValueError(f"cannot find {count} components of styles {tuple(w.shape)}")
    centred = w.double() - w.double().mean(0)
    variances, vectors = torch.linalg.eigh(centred.T @ centred / (len(w) - 1))  # ascending, eigenvectors in columns
    variances = variances.clamp(min=0)
    total = variances.sum().clamp(min=torch.finfo(torch.float64).tiny)
    strongest = variances.flip(0)[:count]
    rows = vectors.T.flip(0)[:count]
    largest = rows.gather(1, rows.abs().argmax(1, keepdim=True))
    rows = rows * torch.where(largest < 0, -1.0, 1.0)
    return Components(rows.float(), strongest.sqrt().float(), (strongest / total).float())
