"""A small network that reads a face: labels, measures, and the features by which two pictures are called alike.

One network per data set. Its held-out accuracy is the ceiling beside which every other accuracy is printed: what it
cannot read off a real picture, nobody can expect to find again in a generated one. Its features are what "nearest
picture", "trust" and "mode" mean everywhere else.

Pictures are float32 tensors (N, 3, 64, 64) in [-1, 1].
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

WEIGHTS = Path(__file__).resolve().parents[1] / "assets" / "weights"


@dataclass(frozen=True)
class AttributesConfig:
    """What it takes to rebuild the network.

    Attributes:
        labels: label -> its values, in the order of the probabilities.
        measures: measure -> (mean, standard deviation) over the training data; the network works in between.
        widths: channels at 32, 16 and 8 pixels.
        features: length of the feature vector.
        dropout: share of the features that is dropped in training before the heads.
        data: name of the data set.
    """

    labels: dict[str, list[str]]
    measures: dict[str, tuple[float, float]] = field(default_factory=dict)
    widths: tuple[int, ...] = (48, 96, 160)
    features: int = 128
    dropout: float = 0.0
    data: str = "toons"


class _Block(nn.Module):
    """Residual block of two 3x3 convolutions with batch normalisation (He et al. 2016)."""

    def __init__(self, width: int):
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x))))))


class Attributes(nn.Module):
    """Convolutions down to 8x8, one feature vector, and on it one linear head per label and one for the measures."""

    def __init__(self, config: AttributesConfig):
        super().__init__()
        self.config = config
        widths = config.widths
        # 2x2 pixels folded into channels: nothing is lost, and the first layer is four times cheaper.
        layers: list[nn.Module] = [nn.PixelUnshuffle(2), nn.Conv2d(12, widths[0], 3, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(widths[0]), nn.ReLU(), _Block(widths[0])]
        for before, after in zip(widths, widths[1:], strict=False):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
            layers += [_Block(after)]
        self.body = nn.Sequential(*layers)
        # Where something is counts (a turned head), so the last 4x4 places stay apart; few channels keep it small.
        self.squeeze = nn.Conv2d(widths[-1], 48, 1, bias=False)
        self.to_features = nn.Linear(48 * 16, config.features, bias=False)
        self.norm = nn.BatchNorm1d(config.features)
        self.dropout = nn.Dropout(config.dropout)
        self.heads = nn.ModuleDict({name: nn.Linear(config.features, len(v)) for name, v in config.labels.items()})
        self.measured = nn.Linear(config.features, len(config.measures)) if config.measures else None

    def _features(self, x: Tensor) -> Tensor:
        if x.ndim != 4 or x.shape[1:] != (3, 64, 64):
            raise ValueError(f"pictures must be (N, 3, 64, 64), not {tuple(x.shape)}")
        h = F.adaptive_avg_pool2d(F.relu(self.squeeze(self.body(x))), 4)
        return self.norm(self.to_features(h.flatten(1)).float())

    def forward(self, x: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Pictures (N, 3, 64, 64) -> ({label: logits (N, K)}, measures (N, M) in training standard deviations)."""
        h = self.dropout(self._features(x))
        logits = {name: head(h).float() for name, head in self.heads.items()}
        return logits, self.measured(h).float() if self.measured else h.new_zeros(len(h), 0)

    def read(self, x: Tensor) -> dict[str, Tensor]:
        """Pictures (N, 3, 64, 64) -> {label: probabilities (N, K) of its values}."""
        return {name: logits.softmax(1) for name, logits in self(x)[0].items()}

    def measure(self, x: Tensor) -> dict[str, Tensor]:
        """Pictures (N, 3, 64, 64) -> {measure: (N,)}, in the units of the data's table."""
        scaled = self(x)[1]
        return {n: scaled[:, i] * std + mean for i, (n, (mean, std)) in enumerate(self.config.measures.items())}

    def features(self, x: Tensor) -> Tensor:
        """Pictures (N, 3, 64, 64) -> (N, 128) of length one: the nearer two of them, the more alike the pictures."""
        return F.normalize(self._features(x), dim=1)

    def activations(self, x: Tensor) -> list[Tensor]:
        """Pictures (N, 3, 64, 64) -> what each residual block gives: at 32, 16 and 8 pixels, (N, width, side, side)."""
        seen, h = [], x
        for layer in self.body:
            h = layer(h)
            if isinstance(layer, _Block):
                seen.append(h)
        return seen

    def save(self, folder: Path) -> None:
        """Write ``model.safetensors`` (float16) and ``config.json`` into ``folder``."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        state = {
            name: (value.half() if value.is_floating_point() else value).detach().cpu().contiguous()
            for name, value in self.state_dict().items()
        }
        save_file(state, folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(asdict(self.config), indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "Attributes":
        """Read a network written by :meth:`save`; it runs in float32, in evaluation mode, without gradients.

        Raises:
            FileNotFoundError: if the folder holds no weights.
        """
        model = cls(read_config(folder))
        state = load_file(Path(folder) / "model.safetensors")
        model.load_state_dict({n: v.float() if v.is_floating_point() else v for n, v in state.items()})
        return model.eval().requires_grad_(False).to(memory_format=torch.channels_last)


def read_config(folder: Path) -> AttributesConfig:
    """The configuration beside some weights, without loading them."""
    config = json.loads((Path(folder) / "config.json").read_text())
    config["widths"] = tuple(config["widths"])
    config["measures"] = {name: tuple(scale) for name, scale in config["measures"].items()}
    return AttributesConfig(**config)


def names(data: str) -> dict[str, list[str]]:
    """{label: its values} of a shipped set, "toons" or "portraits"; reads one small file.

    Raises:
        ValueError: for a set that has no shipped network.
    """
    folder = WEIGHTS / f"attributes-{data}"
    if "/" in data or not (folder / "config.json").is_file():
        known = sorted(p.name.removeprefix("attributes-") for p in WEIGHTS.glob("attributes-*"))
        raise ValueError(f"data is {data!r}; it is one of {', '.join(known)}")
    return read_config(folder).labels
