"""What tests of the models share: real drawings that are there on every machine."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ATLAS = Path(__file__).resolve().parents[2] / "assets" / "examples" / "toons-64.webp"


@pytest.fixture(scope="session")
def drawings() -> np.ndarray:
    """The 500 held-out drawings that ship, uint8 (500, 64, 64, 3)."""
    sheet = np.asarray(Image.open(ATLAS).convert("RGB"))
    return sheet.reshape(20, 64, 25, 64, 3).swapaxes(1, 2).reshape(500, 64, 64, 3)
