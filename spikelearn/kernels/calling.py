"""Helpers for callers of compiled loops; numba is not imported before the first call."""

from typing import Any

import torch
from torch import Tensor


def array(tensor: Tensor) -> Any:
    """The values of a CPU tensor as a numpy array that shares their memory."""
    return tensor.detach().numpy()


def flat(tensor: Tensor) -> Any:
    """The entries of a CPU tensor, one after the other, as a numpy array; bool as bytes."""
    entries = tensor.contiguous().view(-1)
    return array(entries.view(torch.uint8) if entries.dtype == torch.bool else entries)


def share_threads() -> int:
    """Give parallel kernels as many threads as torch uses, and return the number; each of them begins by it.

    Numba starts its threads when it is first asked. By that it tells GNU OpenMP, which torch asks too, to use all
    cores.
    """
    import numba

    wanted = torch.get_num_threads()
    threads: int = min(wanted, numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    if numba.get_num_threads() != threads:
        numba.set_num_threads(threads)
    if torch.get_num_threads() != wanted:
        torch.set_num_threads(wanted)
    return threads
