"""A tab of the one part "Faces" with image-token models of a few thousand random weights. `python
tests/demos/small_tokens.py` serves it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from demos.autoregressive_parts import faces, faces_drawing  # noqa: E402
from demos.autoregressive_parts.scene import Scene  # noqa: E402
from demos.engine import Engine  # noqa: E402
from demos.stage import launch  # noqa: E402
from demos.stage.state import Flag  # noqa: E402
from models import conditions, zoo  # noqa: E402
from models.image_tokens import ImageTokens, ImageTokensConfig  # noqa: E402
from tests.demos.driver import end, tab_of  # noqa: E402


@cache
def tiny(data: str) -> ImageTokens:
    """A model with random weights that knows the vocabulary of a set, and whose probabilities are far from equal."""
    zoo.check_data(data)
    sizes = {"widths": (8, 8, 8), "codes": 64, "code_size": 4, "size": 16, "layers": 1, "heads": 2}
    config = ImageTokensConfig(conditions.vocabulary(data), data, **sizes)
    torch.manual_seed(0)
    networks = config.autoencoder().eval().requires_grad_(False), config.transformer().eval().requires_grad_(False)
    networks[0].blank.normal_()
    networks[1].head.weight.mul_(30)
    networks[1].asked.null.normal_()
    return ImageTokens(config, *networks)


@contextmanager
def own_engine(monkeypatch) -> Iterator[Engine]:
    """Inside, the part has an engine that knows no other drawings; after it no thread computes."""
    engine = Engine(kept=16, records=4000)
    monkeypatch.setattr(faces_drawing, "ENGINE", engine)
    yield engine
    end(engine)


TAB = tab_of(
    "autoregressive",
    [faces],
    Scene,
    [Flag("running", private=True)],
    picture=lambda state: faces.picture(Scene(state)),
    takes=(faces.PART.name, "complete it"),
)
LAYOUT = {faces.PART.name: faces.stage}

if __name__ == "__main__":
    if not os.environ.get("SHIPPED_WEIGHTS"):
        zoo.image_tokens = tiny
    launch.run_tab(TAB, LAYOUT)
