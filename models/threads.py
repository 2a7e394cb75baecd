"""How many cores one computation takes.

A single 64x64 face is so little work that two threads spend longer waiting for each other than they save, and on a
busy machine very much longer; a sheet of fifty is worth all cores. torch keeps the number per calling thread.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

ALL = torch.get_num_threads()
FEW = 4  # pictures up to which one core is faster


@contextmanager
def for_batch(pictures: int) -> Iterator[None]:
    """Inside, torch takes one core for a few pictures and all of them for more."""
    torch.set_num_threads(1 if pictures <= FEW else ALL)
    try:
        yield
    finally:
        torch.set_num_threads(ALL)
