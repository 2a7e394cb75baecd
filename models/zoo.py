"""The one list of shipped models: where the weights lie, loaded when first asked for, once, by whoever comes first.

Nothing is read at import. Each model has its own lock, so two visitors who arrive together wait for one load, and a
visitor of another model does not wait at all.
"""

import json
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from models.attributes import Attributes
from models.directions import Directions
from models.vae import VAE

WEIGHTS = Path(__file__).resolve().parents[1] / "assets" / "weights"
DATA_SETS = ("toons", "portraits")
CREDITS = {
    "portraits": "Trained on official portraits: "
    "Chris McAndrew / UK Parliament (CC BY 3.0); US Congress (public domain).",
    "toons": "Drawings adapted from ToonHead by Johan Melin (CC BY 4.0), rendered with DiceBear.",
}
BETAS = (0.0, 0.5, 1.0, 4.0, 16.0)

_loaded: dict[tuple, Any] = {}
_locks: dict[tuple, threading.Lock] = {}
_guard = threading.Lock()


def _once(key: tuple, load: Callable[[], Any]) -> Any:
    """The object stored under ``key``; ``load`` makes it on the first call, and only once however many threads ask."""
    if key in _loaded:
        return _loaded[key]
    with _guard:
        lock = _locks.setdefault(key, threading.Lock())
    with lock:
        if key not in _loaded:
            _loaded[key] = load()
    return _loaded[key]


def check_data(data: object) -> str:
    """``data`` itself if it names a shipped data set.

    Raises:
        ValueError: naming what was given and what is allowed.
    """
    if not isinstance(data, str) or data not in DATA_SETS:
        raise ValueError(f"data must be one of {', '.join(DATA_SETS)}, not {data!r}")
    return data


def check_beta(beta: object) -> float:
    """``beta`` as a float if a VAE was trained with it.

    Raises:
        ValueError: naming what was given and what is allowed.
    """
    if isinstance(beta, bool) or not isinstance(beta, int | float) or beta not in BETAS:
        raise ValueError(f"beta must be one of {', '.join(f'{b:g}' for b in BETAS)}, not {beta!r}")
    return float(beta)


def vae_folder(data: str, beta: float = 1.0) -> Path:
    """Folder of the VAE trained on ``data`` with this ``beta``; raises ValueError for unknown ones."""
    return WEIGHTS / f"vae-{check_data(data)}-beta{check_beta(beta):g}"


def vae(data: str, beta: float = 1.0) -> VAE:
    """The VAE trained on ``data`` with this ``beta``, ready for float32 inference."""
    folder = vae_folder(data, beta)
    return _once(("vae", folder), lambda: VAE.load(folder))


def attributes(data: str) -> Attributes:
    """The network that reads labels off pictures of ``data``."""
    folder = WEIGHTS / f"attributes-{check_data(data)}"
    return _once(("attributes", folder), lambda: Attributes.load(folder))


def directions(data: str) -> Directions:
    """The labelled directions in the code space of the beta = 1 VAE of ``data``."""
    folder = vae_folder(data)
    return _once(("directions", folder), lambda: Directions.load(folder))


@cache
def metrics(folder: Path) -> dict:
    """What was measured when the model in ``folder`` was trained: the ``metrics`` of its training.json."""
    return json.loads((folder / "training.json").read_text())["metrics"]


@cache
def card(folder: Path) -> str:
    """The model card of ``folder`` without its front matter."""
    return (folder / "README.md").read_text().split("---", 2)[2].strip()


def loaded() -> list[str]:
    """Names of the models that are in memory now (a test asserts that opening the page loads none)."""
    return sorted("-".join(map(str, (key[0], key[1].name))) for key in _loaded)
