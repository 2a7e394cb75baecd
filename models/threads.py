"""How many cores one computation takes.

A single 64x64 face is so little work that two threads spend longer waiting for each other than they save, and on a
busy machine very much longer; a sheet of fifty is worth all cores. torch keeps the number per calling thread.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch

ALL = torch.get_num_threads()
FEW = 4  # pictures up to which one core is faster


@contextmanager
def cores(count: int) -> Iterator[None]:
    """Inside, torch takes so many cores."""
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(ALL)


def for_batch(pictures: int) -> AbstractContextManager[None]:
    """Inside, torch takes one core for a few pictures and all of them for more."""
    return cores(1 if pictures <= FEW else ALL)
