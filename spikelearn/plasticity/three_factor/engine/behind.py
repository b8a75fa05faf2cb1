"""Neurons behind a synapse: their output, and its derivative in the current of the synapse."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.network import Network, Record
from spikelearn.plasticity.three_factor.traces.base import Behind, Trace

NOTHING: Mapping[str, Tensor] = {}


class Senders(NamedTuple):
    """Blocks that are not read, by the places of their currents, of a run or of a step.

    Args:
        spikes: {block, or block.current: what the block sends}, with its graph.
        slopes: {the same: derivative of what is sent in that current, shaped like the current}.
    """

    spikes: Mapping[str, Tensor] = NOTHING
    slopes: Mapping[str, Tensor] = NOTHING

    def behind(self, arrived: Sequence[Tensor | None], before: Mapping[str, Tensor]) -> dict[str, Behind]:
        """{place: what is behind the edges into it}, where a signal came.

        Args:
            arrived: at ``spikes``.
            before: {place: trace of the slopes of the steps before, shaped like the slope}; 0 where there is none.
        """
        pairs = zip(self.slopes.items(), arrived, strict=True)
        return {
            place: Behind(signal.view_as(slope), before.get(place, torch.zeros_like(slope)))
            for (place, slope), signal in pairs
            if signal is not None
        }


def senders(trace: Trace, network: Network, record: Record, currents: Mapping[str, Tensor]) -> Senders:
    """The senders at which ``trace`` looks.

    Args:
        trace: of the rule.
        network: that was run.
        record: of the run, in which no derivative goes from one step of a block to another.
        currents: {place: what was added to the current there}.
    """
    if not trace.looks_behind:
        return Senders()
    blocks = {place: place.partition(".")[0] for place in currents}
    sent = {place: record[name].spikes for place, name in blocks.items() if name not in network.outputs}
    spikes = {place: own for place, own in sent.items() if own.requires_grad}
    slopes = {
        place: torch.autograd.grad(own, currents[place], torch.ones_like(own), retain_graph=True)[0]
        for place, own in spikes.items()
    }
    return Senders(spikes, slopes)


def steps_before(record: Tensor) -> Tensor:
    """The record one step late, which begins with 0, [T, ...]."""
    return torch.cat([torch.zeros_like(record[:1]), record[:-1]])
