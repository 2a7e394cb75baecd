"""What the attribute network reads off finished faces, beside what was asked for: the model does not always obey."""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch

from demos.autoregressive_parts.faces_drawing import Wish
from models import editing, prompts, threads, zoo
from models.attributes import Attributes


def heard(wish: Wish, pictures: Sequence[np.ndarray]) -> str:
    """Which labels of a wish are read back from its pictures (64, 64, 3) uint8; "" without labels or pictures."""
    if not wish.labels or not pictures:
        return ""
    return _heard(wish.data, wish.labels, tuple(picture.tobytes() for picture in pictures))


@lru_cache(maxsize=32)
def _heard(data: str, labels: tuple[tuple[str, str], ...], pictures: tuple[bytes, ...]) -> str:
    try:
        reader = zoo.attributes(data)
    except FileNotFoundError:
        return ""
    found = _read(reader, pictures)
    said = [_one(data, name, value, [one.get(name) for one in found]) for name, value in labels if name in found[0]]
    return f"Read back by another network: {'; '.join(said)}." if said else ""


@torch.inference_mode()
def _read(reader: Attributes, pictures: Sequence[bytes]) -> list[dict[str, str | None]]:
    shape = (len(pictures), 64, 64, 3)
    pixels = torch.from_numpy(np.frombuffer(b"".join(pictures), np.uint8).reshape(shape).copy())
    with threads.for_batch(len(pictures)):
        return editing.values(reader, pixels.permute(0, 3, 1, 2).float() / 127.5 - 1)


def _one(data: str, name: str, asked: str, found: Sequence[str | None]) -> str:
    """One label: "blue background", "not grey hair but dark hair", or of several faces "grey hair 11 of 16"."""
    wanted = prompts.describe(data, {name: asked})
    if len(found) > 1:
        return f"{wanted} {sum(one == asked for one in found)} of {len(found)}"
    if found[0] == asked:
        return wanted
    other = "" if found[0] is None else f" but {prompts.describe(data, {name: found[0]})}"
    return f"not {wanted}{other}"
