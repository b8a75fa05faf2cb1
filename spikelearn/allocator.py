"""Keep freed memory in the process instead of returning it to the system."""

import ctypes
import os
import sys
from contextlib import suppress
from functools import cache

#: glibc's names for two settings, and the environment's names for the same.
TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")

#: Free memory that is kept, and the largest piece that is kept so; bytes.
KEPT, LARGEST = (1 << 31) - 1, 1 << 30


@cache
def keep_freed_memory() -> bool:
    """Let glibc keep what is freed, for the whole process; returns whether it was told so.

    By default it hands the memory of large tensors back and has it filled with zeros again in every training step,
    which may cost as much as the arithmetic. The most memory that is held does not change, but it stays held. What
    the environment says about it is left alone, and so is another C library.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in VARIABLES):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST)) and bool(mallopt(TRIM_THRESHOLD, KEPT))


def give_back_freed_memory() -> None:
    """Have glibc hand back, once, what was freed and kept; another C library is left alone."""
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
