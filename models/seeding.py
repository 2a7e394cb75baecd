"""Random numbers that belong to an item and not to its batch: item i of a seed is the same alone, in any batch, today
and after a restart. There is no global generator."""

import numpy as np
import torch


def generator(seed: int, i: int) -> np.random.Generator:
    """The generator of item ``i`` (both at least 0; ValueError otherwise)."""
    if seed < 0 or i < 0:
        raise ValueError(f"seed is {seed} and the item is {i}; both are at least 0")
    return np.random.default_rng(np.random.SeedSequence([seed, i]))


def normal(seed: int, count: int, shape: tuple[int, ...], start: int = 0) -> torch.Tensor:
    """Standard normal numbers, float32 (count, *shape), of the items ``start`` to ``start + count - 1``."""
    numbers = np.empty((count, *shape), dtype=np.float32)
    for k in range(count):
        numbers[k] = generator(seed, start + k).standard_normal(shape, dtype=np.float32)
    return torch.from_numpy(numbers)


def torch_generator(seed: int, i: int) -> torch.Generator:
    """The torch generator of item ``i``, for libraries that draw with torch; numbers differ from :func:`generator`."""
    return torch.Generator().manual_seed(int(generator(seed, i).integers(2**63)))
