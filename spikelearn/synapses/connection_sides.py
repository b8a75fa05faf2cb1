"""Listed connections by what meets them and by their targets, for changes that follow spikes of either side."""

from typing import NamedTuple, Self

import numpy as np
import torch
from torch import Tensor


class ConnectionSides(NamedTuple):
    """K connections, found from either side.

    Args:
        columns, targets: which entries of both sides each connection joins, int64 [K].
        of_pre, of_post: the same as kernels read them, int32 [K].
        first_by_pre, first_by_post: where the connections of every entry begin in the lists, and K; int64 [n + 1].
        by_pre, by_post: numbers of the connections, entry after entry, int32 [K].
    """

    columns: Tensor
    targets: Tensor
    of_pre: np.ndarray
    of_post: np.ndarray
    first_by_pre: np.ndarray
    by_pre: np.ndarray
    first_by_post: np.ndarray
    by_post: np.ndarray

    @classmethod
    def of(cls, columns: Tensor, targets: Tensor, pre: int, post: int) -> Self:
        """From the entries that the connections join, of ``pre`` and ``post`` there are."""
        from spikelearn.kernels.doors import vouch

        sides: list[np.ndarray] = []
        ends = [values.numpy(force=True).astype(np.int32) for values in (columns, targets)]
        for end, size in zip(ends, (pre, post), strict=True):
            first = np.zeros(size + 1, np.int64)
            np.cumsum(np.bincount(end, minlength=size), out=first[1:])
            order = torch.from_numpy(end).argsort(stable=True).numpy().astype(np.int32)
            vouch(first, len(end))
            vouch(order, len(end))
            vouch(end, size)
            sides += [first, order]
        return cls(columns, targets, *ends, *sides)
