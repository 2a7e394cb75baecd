"""What tests of the models share: real drawings that are there on every machine."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.training.harness import Run

ATLAS = Path(__file__).resolve().parents[2] / "assets" / "examples" / "toons-64.webp"


@pytest.fixture(scope="session")
def drawings() -> np.ndarray:
    """The 500 held-out drawings that ship, uint8 (500, 64, 64, 3)."""
    sheet = np.asarray(Image.open(ATLAS).convert("RGB"))
    return sheet.reshape(20, 64, 25, 64, 3).swapaxes(1, 2).reshape(500, 64, 64, 3)


@pytest.fixture
def stopped(monkeypatch) -> Callable[[Callable[[], None], int], None]:
    """``stopped(train, steps)`` calls a training that ends after so many of its steps, as if stopped by hand."""

    def call(train: Callable[[], None], steps: int) -> None:
        generators = Run._generators
        with monkeypatch.context() as patch:
            patch.setattr(Run, "_generators", lambda run: itertools.islice(generators(run), steps))
            train()

    return call
