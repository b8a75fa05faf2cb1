"""Accuracy and firing rates of a network on the samples of a loader."""

from collections import defaultdict
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.datasets import Loader
from spikelearn.network import Network, evaluating
from spikelearn.plasticity import Batch, firing_rates


class Evaluation(NamedTuple):
    """accuracy in 0..1; rates {block: spikes per step and neuron}; samples: how many were presented."""

    accuracy: float
    rates: dict[str, float]
    samples: int


def correct(scores: Tensor, targets: Tensor) -> int:
    """How many samples have their target as the class of the highest score (the lowest number wins a tie)."""
    return int((scores.argmax(1) == targets).sum())


@torch.no_grad()
def evaluate(
    network: Network,
    loader: Loader,
    *,
    device: torch.device | str = "cpu",
    between: Callable[[], None] = lambda: None,
) -> Evaluation:
    """Present every sample once, in evaluation mode, and count.

    Args:
        network: left as it was, the mode of each module included.
        loader: the samples.
        device: where the network lies.
        between: called between batches, for example to stop.
    """
    hits, seen = 0, 0
    sums: defaultdict[str, float] = defaultdict(float)
    with evaluating(network):
        for inputs, targets in loader.epoch():
            between()
            record, _ = network.run(Batch(inputs, targets).to(torch.device(device)).inputs)
            count = len(targets)
            hits += correct(network.scores(record).cpu(), targets)
            seen += count
            for name, rate in firing_rates(network, record).items():
                sums[name] += rate * count
    return Evaluation(hits / seen, {name: total / seen for name, total in sums.items()}, seen)
