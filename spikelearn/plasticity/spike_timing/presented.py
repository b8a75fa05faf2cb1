"""Presentations that are repeated: how, and what they end in."""

from typing import NamedTuple

from torch import Tensor


class Repeats(NamedTuple):
    """How a sample is shown until neurons answer.

    Args:
        pause: steps of nothing behind every presentation.
        least_spikes: fewer than these have it repeated.
        raised_by: share of the input's strength by which each repeat raises it.
        most: repeats of a sample, at most.
    """

    pause: int
    least_spikes: int
    raised_by: float
    most: int


class Presented(NamedTuple):
    """The end of the presentations of a batch.

    Args:
        counts: spikes of the population that is read, while it was shown the input for the last time, [B, n].
        repeats: how many presentations of each sample were repeated, [B].
        grads: {weight: minus its change}; {} where nothing learned.
        rates: {block: mean firing rate, spikes per step and neuron} of each sample's last presentation, while shown.
    """

    counts: Tensor
    repeats: Tensor
    grads: dict[str, Tensor]
    rates: dict[str, float]
