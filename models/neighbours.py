"""Is it remembered? The training pictures that a made picture resembles most, and what "too near" would mean.

Pictures are alike when their features are near (`models.attributes`). How near is suspicious cannot be said in numbers
of its own, so it is said with strangers: real pictures that were held out of every training have a nearest training
picture, too, and nobody copied those. A made picture that is nearer to the training set than all of them is remembered.

The training pictures themselves are not needed for this, and photographs do not ship. What ships is the feature vector
of each, and its code in the beta = 0 VAE, from which that model draws its own picture of it.
"""

from dataclasses import dataclass
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

FILE = "neighbours.safetensors"
SPARE = 8  # candidates beyond k whose distances are computed again, exactly


@dataclass(frozen=True)
class Neighbours:
    """Every training picture of a set by its features and its code.

    Attributes:
        features: float32 (N, D), what the attribute network says of each training picture; rows of length one.
        codes: float32 (N, L), posterior means of the same pictures in the beta = 0 VAE.
        baseline: float32 (M,), ascending: the distance of each held-out real picture to its nearest training picture.
    """

    features: Tensor
    codes: Tensor
    baseline: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def nearest(self, features: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
        """The k nearest training pictures of every row, nearest first.

        features: float32 (n, D). Returns (indices int64 (n, k), Euclidean distances float32 (n, k)).

        Raises:
            ValueError: for features of another size, or a k that is not 1..N.
        """
        if features.ndim != 2 or features.shape[1] != self.features.shape[1] or not 1 <= k <= len(self):
            raise ValueError(f"cannot find {k} neighbours of {tuple(features.shape)} among {len(self)}")
        squared = self.features.square().sum(1) - 2 * features @ self.features.T
        candidates = squared.topk(min(k + SPARE, len(self)), largest=False).indices
        # Once more by differences: the expanded square loses its digits exactly where pictures are the same.
        distances = (features[:, None] - self.features[candidates]).norm(dim=2)
        order = distances.argsort(dim=1, stable=True)[:, :k]
        return candidates.gather(1, order), distances.gather(1, order)

    def is_memorised(self, distance: float | Tensor) -> bool | Tensor:
        """Whether a nearest training picture at this distance is nearer than that of any held-out real picture.

        A number gives a bool, a tensor of distances a tensor of bools.
        """
        return distance < float(self.baseline[0])

    def save(self, folder: Path) -> None:
        """Write ``neighbours.safetensors`` into ``folder``: float16, the baseline float32."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {"features": self.features.half(), "codes": self.codes.half(), "baseline": self.baseline.float()}
        save_file({name: value.contiguous() for name, value in tensors.items()}, folder / FILE)

    @classmethod
    def load(cls, folder: Path) -> "Neighbours":
        """Read what :meth:`save` wrote, as float32; FileNotFoundError if it is not there."""
        return cls(**{name: value.float() for name, value in load_file(Path(folder) / FILE).items()})
