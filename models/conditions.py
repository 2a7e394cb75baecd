"""What a diffusion model can be asked for: every attribute of a set with its values, as data, as numbers, read back.

A condition is a dictionary ``{attribute: value}``, for example ``{"hair_color": "grey", "smile": "teeth"}``. It names
as much or as little as one likes; an attribute that is not named is left to the model. Inside networks it is a row of
positions in the vocabulary, -1 where nothing is asked.

For portraits two attributes are not judged labels but measures cut into classes: the colour of the background and
where the head is turned, left and right as the viewer sees them.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import torch
from torch import Tensor

from models import attributes

NOT_ASKED = -1
BLUE_FROM, GREY_FROM = 0.27, 0.08
"""Blue less red of the background, 0 to 1: the studio's grey is slightly blue itself; below both it is neither."""
TURNED_FROM = 0.1
"""yaw, in distances of the eyes, from which on a head counts as turned."""
DERIVED = {"background": ("grey", "blue"), "turned": ("left", "ahead", "right")}
MIRRORED = {"turned": ("right", "ahead", "left")}
"""What the values of an attribute become when a picture is mirrored."""


@cache
def vocabulary(data: str) -> dict[str, tuple[str, ...]]:
    """{attribute: its values} of "toons" or "portraits", in the order that networks count them.

    Raises:
        ValueError: for an unknown set.
    """
    labels = {name: tuple(values) for name, values in attributes.names(data).items()}
    return labels | DERIVED if data == "portraits" else labels


def check(vocabulary: Mapping[str, Sequence[str]], condition: object) -> dict[str, str]:
    """``condition`` itself if it is a dictionary of known attributes and values.

    Raises:
        ValueError: naming what was given and what is allowed.
    """
    if not isinstance(condition, Mapping):
        raise ValueError(f"attributes must be an object of names and values, not {condition!r:.60}")
    for name, value in condition.items():
        if name not in vocabulary:
            known = ", ".join(vocabulary) or "none: this model is unconditional"
            raise ValueError(f"attributes: {name!r:.60} is unknown; known are {known}")
        if value not in vocabulary[name]:
            raise ValueError(f"attributes: {name} is one of {', '.join(vocabulary[name])}, not {value!r:.60}")
    return dict(condition)


def positions(vocabulary: Mapping[str, Sequence[str]], conditions: Sequence[Mapping[str, str]]) -> Tensor:
    """N conditions -> int64 (N, A): the position of each value, NOT_ASKED where an attribute is not named."""
    rows = [
        [values.index(c[name]) if name in c else NOT_ASKED for name, values in vocabulary.items()] for c in conditions
    ]
    return torch.tensor(rows, dtype=torch.int64).reshape(len(rows), len(vocabulary))


def classes(measures: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The derived attributes of N portraits from their measures: {attribute: int64 (N,)}, NOT_ASKED where unclear."""
    excess, yaw = measures["background_b"] - measures["background_r"], measures["yaw"]
    background = np.select([excess > BLUE_FROM, excess > GREY_FROM], [1, 0], NOT_ASKED)
    turned = np.select([yaw < -TURNED_FROM, yaw > TURNED_FROM, np.isfinite(yaw)], [0, 2, 1], NOT_ASKED)
    return {"background": background.astype(np.int64), "turned": turned.astype(np.int64)}


def table(data: str, labels: Mapping[str, np.ndarray], measures: Mapping[str, np.ndarray]) -> np.ndarray:
    """What is known of N pictures of a set, as conditions: int64 (N, A) in the order of the vocabulary."""
    known = dict(labels) | (classes(measures) if data == "portraits" else {})
    return np.stack([known[name] for name in vocabulary(data)], 1)


@torch.inference_mode()
def read(reader: attributes.Attributes, x: Tensor) -> dict[str, Tensor]:
    """Pictures (N, 3, 64, 64) -> {attribute: probabilities (N, K)}; of derived ones 0 or 1 (both 0: neither)."""
    found = reader.read(x)
    if reader.config.data == "portraits":
        measures = {name: value.numpy() for name, value in reader.measure(x).items()}
        for name, chosen in classes(measures).items():
            found[name] = torch.stack([torch.from_numpy(chosen == k).float() for k in range(len(DERIVED[name]))], 1)
    return found


def named(vocabulary: Mapping[str, Sequence[str]], row: Sequence[int] | Tensor) -> dict[str, str]:
    """Positions (A,) -> the condition they stand for."""
    pairs = zip(vocabulary.items(), [int(place) for place in row], strict=True)
    return {name: values[place] for (name, values), place in pairs if place != NOT_ASKED}
