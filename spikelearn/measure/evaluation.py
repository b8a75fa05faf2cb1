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
    """What a network made of a loader's samples.

    Args:
        accuracy: share of samples whose target has the highest score, in 0..1; the lowest number wins a tie.
        unique_accuracy: share of samples whose target alone has the highest score, in 0..1: a tie is an error, and so
            is silence.
        rates: {block: spikes per step and neuron}.
        samples: how many were presented.
    """

    accuracy: float
    unique_accuracy: float
    rates: dict[str, float]
    samples: int


def correct(scores: Tensor, targets: Tensor) -> int:
    """How many samples have their target as the class of the highest score (the lowest number wins a tie)."""
    return int((scores.argmax(1) == targets).sum())


def correct_unique(scores: Tensor, targets: Tensor) -> int:
    """How many samples have their target, and no other class, at the highest score."""
    highest = scores == scores.amax(1, keepdim=True)
    return int((highest.sum(1).eq(1) & highest.gather(1, targets.unsqueeze(1)).squeeze(1)).sum())


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
    hits, unique_hits, seen = 0, 0, 0
    sums: defaultdict[str, float] = defaultdict(float)
    with evaluating(network):
        for inputs, targets in loader.epoch():
            between()
            with network.presentation():
                record, _ = network.run(Batch(inputs, targets).to(torch.device(device)).inputs)
                scores = network.scores(record).cpu()
            count = len(targets)
            hits += correct(scores, targets)
            unique_hits += correct_unique(scores, targets)
            seen += count
            for name, rate in firing_rates(network, record).items():
                sums[name] += rate * count
    rates = {name: total / seen for name, total in sums.items()}
    return Evaluation(hits / seen, unique_hits / seen, rates, seen)
