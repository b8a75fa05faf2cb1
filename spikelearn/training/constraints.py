"""Constraints: what must hold after every step. They hold no state, and touch only what the step changed."""

from collections.abc import Callable, Collection

import torch

from spikelearn.checks import check_positive
from spikelearn.network import Network
from spikelearn.synapses import SparseLinear

#: Called with the network and the names of the parameters that the step changed.
Constraint = Callable[[Network, Collection[str]], None]


#: Keeps weights that are all 0 from a division by 0, unit of weight.
LEAST = 1e-10


class Bounds:
    """Clamp every weight of every synapse into [low, high]; biases are left alone.

    Args:
        low, high: unit of weight; infinite: no bound on that side.

    Raises:
        ValueError: ``low`` not below ``high``.
    """

    def __init__(self, low: float, high: float) -> None:
        for name, value in (("low", low), ("high", high)):
            if not isinstance(value, int | float) or isinstance(value, bool):
                raise ValueError(f"{name} is {value!r}, expected a number, or infinity for no bound")
        if not low < high:
            raise ValueError(f"low is {low} and high is {high}, expected low < high")
        self.low, self.high = low, high

    @torch.no_grad()
    def __call__(self, network: Network, changed: Collection[str]) -> None:
        for _, weight in _weights(network, changed):
            weight.clamp_(self.low, self.high)


class IncomingNorm:
    """Scale the weights of every neuron so that their absolute values sum to ``total``; silent ones stay zero.

    Args:
        total: unit of weight.

    Raises:
        ValueError: ``total`` not positive.

    Source: Diehl & Cook, Frontiers in Computational Neuroscience 9, 2015.
    """

    def __init__(self, total: float) -> None:
        check_positive("total", total)
        self.total = total

    @torch.no_grad()
    def __call__(self, network: Network, changed: Collection[str]) -> None:
        for name, weight in _weights(network, changed):
            sums = _incoming(network, name, weight.abs())
            weight.mul_(torch.where(sums > 0, self.total / sums, torch.ones_like(sums)))


class IncomingLength:
    r"""Scale the weights of every neuron to a Euclidean length, $w \leftarrow l\,w / (|w| + 10^{-10})$.

    Args:
        length: l, unit of weight.

    Raises:
        ValueError: ``length`` not positive.

    Source: Miconi, arXiv 2107.01729, 2021, the author's program.
    """

    def __init__(self, length: float) -> None:
        check_positive("length", length)
        self.length = length

    @torch.no_grad()
    def __call__(self, network: Network, changed: Collection[str]) -> None:
        for name, weight in _weights(network, changed):
            weight.mul_(self.length / (_incoming(network, name, weight.square()).sqrt() + LEAST))


def _incoming(network: Network, name: str, values: torch.Tensor) -> torch.Tensor:
    """Sums of ``values``, one a weight, over the weights of each neuron, at the place of every weight."""
    synapse = network.get_submodule(name.rpartition(".")[0])
    if isinstance(synapse, SparseLinear):
        return synapse.summed(values)[synapse.targets.long()].unsqueeze(1)
    return values.flatten(1).sum(1).view(-1, *[1] * (values.ndim - 1))


def _weights(network: Network, changed: Collection[str]) -> list[tuple[str, torch.nn.Parameter]]:
    """The changed weights of forward and feedback synapses; biases and the scales of norms are left out.

    Raises:
        ValueError: a reparametrised weight, which is not a parameter that can be set.
    """
    parameters, synapses = [], tuple(network.synapses())
    for name in changed:
        if name.startswith(synapses) and network.get_parameter(name).ndim > 1:
            if ".parametrizations." in name:
                raise ValueError(
                    f"{name} belongs to a reparametrised weight, which a constraint cannot set: remove the "
                    "parametrization, or the constraint"
                )
            parameters.append((name, network.get_parameter(name)))
    return parameters
