"""In which numbers a network computes: float32, or bfloat16 where the processor multiplies it quickly.

bfloat16 keeps float32's range and 8 bits of its precision. A processor that has instructions for it (AMX, AVX512-BF16)
does about twice as much with it per second; another one takes up to ten times as long. Training uses it wherever it is
quick. What a visitor looks at is always computed in float32, except for what is gone in the next moment: the pictures
under a moving hand.
"""

import contextlib
import platform
from functools import cache

import torch


@cache
def bfloat16_is_quick() -> bool:
    """Whether this processor has instructions for bfloat16."""
    if platform.machine() != "x86_64":
        return False
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def in_passing() -> contextlib.AbstractContextManager:
    """Inside, networks on the CPU compute in whatever is quickest: right to about a 256th of the range."""
    return torch.autocast("cpu", torch.bfloat16) if bfloat16_is_quick() else contextlib.nullcontext()
