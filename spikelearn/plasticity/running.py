"""Rates and scores of a run whose parts are let go as they pass."""

import torch
from torch import Tensor

from spikelearn.network import Activity, FittedReadout, LinearReadout, MembraneReadout, Network, RateReadout, Record
from spikelearn.plasticity.base import firing_rates


def is_plain_rate(readout: torch.nn.Module) -> bool:
    """Tell whether scores follow from the numbers of spikes alone."""
    plain = type(readout) in (RateReadout, LinearReadout)  # a subclass may read otherwise
    return isinstance(readout, FittedReadout) or (isinstance(readout, RateReadout) and plain and readout.decay == 1.0)


class RunningRecord:
    """Rates and scores of a run that is seen part by part, of which as little is kept as the readout allows."""

    def __init__(self, network: Network) -> None:
        self.network, self.steps = network, 0
        self.spikes: dict[str, float] = {}
        self.counts: Tensor | None = None
        self.potentials: Tensor | None = None
        self.outputs: list[Activity] = []

    def add(self, record: Record) -> None:
        steps = len(record.output.spikes)
        self.steps += steps
        for name, rate in firing_rates(self.network, record).items():
            self.spikes[name] = self.spikes.get(name, 0.0) + steps * rate
        if is_plain_rate(self.network.readout):
            counts = record.output.spikes.sum(0)
            self.counts = counts if self.counts is None else self.counts + counts
        elif type(self.network.readout) is MembraneReadout:
            potentials = record.output.v.sum(0)
            self.potentials = potentials if self.potentials is None else self.potentials + potentials
        else:
            self.outputs.append(record.output)

    def rates(self) -> dict[str, float]:
        return {name: spikes / self.steps for name, spikes in self.spikes.items()}

    def scores(self) -> Tensor:
        readout = self.network.readout
        if self.counts is not None:
            assert isinstance(readout, RateReadout)
            return readout.of_rate(self.counts / self.steps)
        if self.potentials is not None:
            assert isinstance(readout, MembraneReadout)
            return readout.of_potential(self.potentials / self.steps)
        scores: Tensor = readout(Activity(*(torch.cat(parts) for parts in zip(*self.outputs, strict=True))))
        return scores
