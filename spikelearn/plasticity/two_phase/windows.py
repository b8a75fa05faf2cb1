"""Mean rates of presentations, for rules that compare presentations and need no single step."""

from collections.abc import Iterable, Mapping
from typing import Literal, NamedTuple

from torch import Tensor, nn

from spikelearn.network import Network
from spikelearn.plasticity.base import firing_rates
from spikelearn.synapses import as_float, correlate, is_linear, trainable
from spikelearn.synapses.structure import is_constant_in_time

#: How the positions of a map, which share weights, are taken together.
Positions = Literal["mean", "sqrt", "released"]

NOTHING: Mapping[str, Tensor] = {}


class Met(NamedTuple):
    """Inputs that met the weights of one edge.

    Args:
        prefix: of the names of its parameters.
        synapse: the edge's.
        pre: mean of the steps, [1, B, ...]; all of them, [T, B, ...], where the synapse is not linear in its input.
        target: the block behind it.
    """

    prefix: str
    synapse: nn.Module
    pre: Tensor
    target: str


class Window(NamedTuple):
    """One presentation of a batch.

    Args:
        met: what met the weights of every edge with something to learn.
        rates: {block: mean of what it sent, per step, [B, ...]}.
        scores: [B, outputs].
        firing: {block: mean firing rate, spikes per step}.
    """

    met: list[Met]
    rates: dict[str, Tensor]
    scores: Tensor
    firing: dict[str, float]


def present(
    network: Network, inputs: Tensor, masks: Mapping[str, Tensor], inject: Mapping[str, Tensor] = NOTHING
) -> Window:
    """Run a batch, and keep the means.

    Args:
        network: within a presentation.
        inputs, masks, inject: as ``Network.run`` takes them.
    """
    record, _ = network.run(inputs, masks=masks, inject=inject)
    met = [
        Met(prefix, synapse, _kept(synapse, pre), target)
        for prefix, synapse, pre, target in network.edges(record)
        if trainable(synapse)
    ]
    rates = {name: mean(seen.spikes, network.blocks[name]) for name, seen in record.items()}
    return Window(met, rates, network.scores(record), firing_rates(network, record))


def mean(record: Tensor, like: nn.Module) -> Tensor:
    """The mean over the steps, in the type of the weights of ``like``; bytes are counted in whole numbers."""
    if len(record) == 1 or is_constant_in_time(record):
        return as_float(record[0], like)
    return as_float(record.sum(0), like) / len(record)


def _kept(synapse: nn.Module, pre: Tensor) -> Tensor:
    if is_linear(synapse) or is_constant_in_time(pre):
        return mean(pre, synapse).unsqueeze(0)
    return as_float(pre, synapse)


def products(terms: Iterable[tuple[Window, Mapping[str, Tensor]]], positions: Positions) -> dict[str, Tensor]:
    r"""{parameter: $\frac1B \sum_b \frac1n \sum_p \mathrm{post}_p \otimes \mathrm{pre}_p$}, summed over the terms.

    p goes over the n positions of a map ("mean"; "sqrt": they are divided by $\sqrt n$; "released": maps count
    negatively, and are divided by B once more). Neurons that are no map have one position.

    Args:
        terms: presentations, each with {block: factor behind the synapse [B, ...]}.
        positions: as above.
    """
    total: dict[str, Tensor] = {}
    for window, factors in terms:
        for met in window.met:
            post = _weighed(factors[met.target], positions).unsqueeze(0) / len(met.pre)
            for name, change in correlate(met.synapse, met.pre, post.expand(len(met.pre), *post.shape[1:])).items():
                key = met.prefix + name
                total[key] = total[key] + change if key in total else change
    return total


def _weighed(factor: Tensor, positions: Positions) -> Tensor:
    samples, number = len(factor), factor[0, :1].numel()
    if positions == "released" and factor.ndim > 2:
        return factor / (-number * samples**2)
    return factor / (samples * (number**0.5 if positions == "sqrt" else number))
