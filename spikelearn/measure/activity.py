"""Activity of the neurons of each block, and the silent ones among them."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from spikelearn.checks import check_fraction
from spikelearn.loading import Loader
from spikelearn.measure.isolation import same_random_numbers
from spikelearn.network import Network, Record, evaluating
from spikelearn.plasticity import Batch
from spikelearn.synapses import float_type

#: Mean rate, spikes per step, from which a neuron is called saturated.
SATURATED = 0.9


@dataclass(frozen=True)
class BlockActivity:
    """Activity of the neurons of one block; None where they do not fire.

    Args:
        rate: mean, spikes per step and neuron.
        silent: share of neurons without a spike in any step of any sample.
        saturated: share of neurons whose mean rate over all steps and samples is at least the one asked for.
        reason: why there is nothing to say; empty where there is.
    """

    rate: float | None = None
    silent: float | None = None
    saturated: float | None = None
    reason: str = ""


class ActivityCount:
    """Spikes of every neuron, added up over batches: for loops that run the network anyway.

    Args:
        network: whose records are added.
        saturated: mean rate from which a neuron is called saturated, spikes per step, in [0, 1].

    Shapes: records [T, B, ...].

    Raises:
        ValueError: a rate outside [0, 1].
    """

    def __init__(self, network: Network, *, saturated: float = SATURATED) -> None:
        check_fraction("saturated", saturated)
        self.firing = {name: block.neuron.fires for name, block in network.blocks.items()}
        self.saturated = saturated
        self.counts: dict[str, Tensor] = {}
        self.presented = 0

    def add(self, record: Record) -> None:
        """Count the spikes of one run, all of whose blocks are recorded."""
        steps, samples = record.output.spikes.shape[:2]
        self.presented += steps * samples
        for name, seen in record.items():
            if self.firing[name]:
                # A mask's factor makes a spike another number.
                count = (seen.spikes.detach() != 0).sum((0, 1))
                self.counts[name] = self.counts[name] + count if name in self.counts else count

    def result(self) -> dict[str, BlockActivity]:
        """{block: activity} of all that was added."""
        return {name: self._of(name, fires) for name, fires in self.firing.items()}

    def _of(self, name: str, fires: bool) -> BlockActivity:
        if not fires:
            return BlockActivity(reason="its neurons do not fire")
        if name not in self.counts:
            return BlockActivity(reason="no sample was presented")
        rates = self.counts[name].double() / self.presented
        silent, saturated = (rates == 0).double().mean(), (rates >= self.saturated).double().mean()
        return BlockActivity(float(rates.mean()), float(silent), float(saturated))


def activity(
    network: Network, inputs: Tensor, masks: Mapping[str, Tensor] | None = None, *, saturated: float = SATURATED
) -> dict[str, BlockActivity]:
    """{block: activity} for one batch, in evaluation.

    Args:
        network: left as it was.
        inputs: [T, B, ...], as ``Network.run`` takes them.
        masks: as in ``Network.run``.
        saturated: as in ``ActivityCount``, spikes per step.
    """
    count = ActivityCount(network, saturated=saturated)
    _present(network, count, inputs, masks or {})
    return count.result()


def loader_activity(
    network: Network, loader: Loader, *, device: torch.device | str = "cpu", saturated: float = SATURATED
) -> dict[str, BlockActivity]:
    """{block: activity} over every sample of a loader, in evaluation.

    Args:
        network: left as it was.
        loader: the samples.
        device: where the network lies.
        saturated: as in ``ActivityCount``, spikes per step.
    """
    count = ActivityCount(network, saturated=saturated)
    for samples in loader.epoch():
        batch = Batch.of(samples, loader.task).to(torch.device(device), float_type(network))
        _present(network, count, batch.inputs, {})
    return count.result()


@torch.no_grad()
def _present(network: Network, count: ActivityCount, inputs: Tensor, masks: Mapping[str, Tensor]) -> None:
    with same_random_numbers(network), evaluating(network), network.presentation():
        count.add(network.run(inputs, masks=masks)[0])
