"""An estimate of energy from counts of operations."""

import math
from dataclasses import dataclass, field
from typing import Literal

from torch import Tensor

from spikelearn.checks import check_choice
from spikelearn.measure.operations import Count
from spikelearn.network import Network

CacheSize = Literal[8, 32, 1024]

#: What an estimate does not contain.
LEAVES_OUT = (
    "Counts times constants of one technology, not a measurement. Left out: static power, clock and control, routing "
    "of spikes, reading and writing of potentials, traces and activity, writing of weights, biases, the optimizer, and "
    "the loss. The figure with memory reads a weight for every operation from one cache, without reuse, as if all "
    "weights fitted into it."
)


@dataclass(frozen=True)
class Constants45nm:
    """Energies of a 45 nm process at 0.9 V, for 32 bits.

    Args:
        add, multiply: floating-point operations, pJ.
        caches: {size in KiB: energy of a read of 32 bits, pJ}, half that of the 64 bits for which they are given.

    Source: Horowitz, "Computing's energy problem (and what we can do about it)", ISSCC 2014, figure 1.1.9.
    """

    add: float = 0.9
    multiply: float = 3.7
    caches: dict[int, float] = field(default_factory=lambda: {8: 5.0, 32: 10.0, 1024: 50.0})


@dataclass(frozen=True)
class Energy:
    """An estimate, pJ per sample.

    Args:
        arithmetic: of operations and membrane updates alone.
        with_memory: the same, with the reading of a weight for every operation.
        cache: from which weights are read, KiB.
        leaves_out: what neither contains.
    """

    arithmetic: float
    with_memory: float
    cache: int
    leaves_out: str = LEAVES_OUT


def energy(
    count: Count, membrane_updates: float, *, cache: CacheSize = 32, constants: Constants45nm = Constants45nm()
) -> Energy:
    r"""Energy of one sample, $E = e_+\,AC + (e_+ + e_\times)(MAC + U)$, and with a read of a weight per AC and MAC.

    Args:
        count: effective synaptic operations of a sample, ``forward_operations`` or ``learning_operations``.
        membrane_updates: U, one multiply-accumulate each; ``membrane_updates`` for a forward pass, 0 for what learning
            adds to it.
        cache: size of the cache that weights are read from, KiB: 8, 32 or 1024.
        constants: pJ per operation.

    Raises:
        ValueError: a cache whose energy is not known.

    Source: constants as in ``Constants45nm``; the sum as is usual, for example Rathi & Roy, IEEE TNNLS 34, 2023.
    """
    check_choice("cache", str(cache), map(str, constants.caches))
    whole = constants.add + constants.multiply
    arithmetic = constants.add * count.acs + whole * (count.macs + membrane_updates)
    return Energy(arithmetic, arithmetic + constants.caches[cache] * (count.acs + count.macs), cache)


def membrane_updates(network: Network, inputs: Tensor) -> int:
    """Steps times neurons, for one sample of inputs [T, B, ...]: how often a potential is brought up to date."""
    shapes = network.shapes(inputs[0, :1])
    return len(inputs) * sum(map(math.prod, shapes.values()))
