"""Compiled copies of a dense layer's weights that one presentation changes, and what they have changed by."""

from typing import Any

import numpy as np

from spikelearn.kernels.compiled import kernel

#: Neurons whose weights are copied together: 16 rows of single precision fill cache lines on the other side.
ROWS = 16


@kernel(
    takes={
        "weight": "real out n",
        "active": "short A < n",
        "bounds": "real 2",
        "private": "real A out",
        "grad": "real out n",
    },
)
def load(weight: Any, active: Any, bounds: Any, private: Any, grad: Any) -> Any:  # pragma: no cover
    """Private weights [active inputs, neurons] within the bounds; ``grad`` becomes what the bounds cut off.

    Returns the size of the largest weight, and whether all of ``grad`` is finite.
    """
    low, high = bounds[0], bounds[1]
    neurons, size = weight.shape
    # The largest of every column: a single number would be compared with one weight after the other.
    sizes, finite = np.zeros(size, weight.dtype), True
    for first in range(0, neurons, ROWS):
        last = min(first + ROWS, neurons)
        for neuron in range(first, last):
            for column in range(size):
                value = weight[neuron, column]
                cut = value - min(max(value, low), high)
                grad[neuron, column] = cut
                finite &= cut - cut == 0
                sizes[column] = abs(value) if abs(value) > sizes[column] else sizes[column]
        for number in range(active.size):
            column = active[number]
            for neuron in range(first, last):
                private[number, neuron] = min(max(weight[neuron, column], low), high)
    return (sizes.max() if size else low), finite


@kernel(
    takes={
        "weight": "real out n",
        "active": "short A < n",
        "private": "real A out",
        "counts": "real B out",
        "grad": "real out n",
    },
)
def unload(weight: Any, active: Any, private: Any, counts: Any, grad: Any) -> Any:  # pragma: no cover
    """Minus the change of the weights of all neurons that have fired; those of the others have not changed.

    Returns whether all that is written is finite.
    """
    finite = True
    for neuron in range(weight.shape[0]):
        fired = False
        for sample in range(counts.shape[0]):
            fired |= counts[sample, neuron] > 0
        if fired:
            for number in range(active.size):
                column = active[number]
                change = weight[neuron, column] - private[number, neuron]
                grad[neuron, column] = change
                finite &= change - change == 0
    return finite
