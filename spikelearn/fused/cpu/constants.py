"""Constants of neurons in kernels: one number for all, or an array of one a neuron, by one source.

Numba compiles a kernel for the types that it meets: with numbers these functions leave nothing behind.
"""

from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from spikelearn.kernels.vectors import stack_array

U = np.uint64

#: Neurons (of all samples) that a thread carries through time together: their state stays in the first cache.
BLOCK = 2048

#: What a kernel writes down for each of them.
for_block = stack_array(BLOCK)


def of_block(constant: Any, low: Any, count: int) -> Any:  # pragma: no cover
    """What ``at`` reads for the ``count`` neurons from ``low`` on; an array [n] stands for every sample."""
    raise NotImplementedError("called in kernels alone")


def at(constant: Any, n: Any) -> Any:  # pragma: no cover
    """The constant of the neuron ``n`` of a block."""
    raise NotImplementedError("called in kernels alone")


@overload(of_block, strict=False)
def _of_block(constant: Any, low: Any, count: Any) -> Any:
    return _piece if isinstance(constant, types.Array) else _same


@overload(at, strict=False)
def _at(constant: Any, n: Any) -> Any:
    return _entry if isinstance(constant, types.Array) else _number


def _piece(constant: Any, low: Any, count: Any) -> Any:  # pragma: no cover
    values = np.empty(BLOCK, constant.dtype)
    for n in range(count):
        values[U(n)] = constant[(low + U(n)) % U(len(constant))]
    return values


def _same(constant: Any, low: Any, count: Any) -> Any:  # pragma: no cover
    return constant


def _entry(constant: Any, n: Any) -> Any:  # pragma: no cover
    return constant[n]


def _number(constant: Any, n: Any) -> Any:  # pragma: no cover
    return constant
