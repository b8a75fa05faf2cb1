"""Reward for every spike of the right output neuron, punishment for those of others."""

from collections import deque

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_count, check_not_negative, check_shape
from spikelearn.network import Network, Record
from spikelearn.plasticity.batch import Batch
from spikelearn.plasticity.spike_timing.rewards.base import REWARDS, Payments, Reward, output_of
from spikelearn.tasks import check_targets


@REWARDS.register("target-spikes")
class TargetSpikes(Reward):
    r"""1 for a spike of the output neuron of the true class, minus ``punishment`` for one of any other.

    $$r[t] = \sum_j (y_j - p\,(1 - y_j))\, z_j[t - d]$$

    with $y_j$ = 1 at the true class, the sum over the neurons that are read. Of real targets (the task regress),
    $y_j$ = 1 where that of the neuron is above 0: it should fire. What is paid at a step was done d steps before.

    Args:
        punishment: p, dimensionless; None: 1 over the number of wrong classes, so that firing alike pays nothing.
        delay: d, steps; 0 for rules whose reward meets the spikes of its own step, as ``dopamine-stdp``.

    Shapes: z [T, B, classes], r [T, B], dimensionless; targets [B], [T, B] of the task per-step, or
    [B, n] of regress.

    Raises:
        ValueError: a negative punishment, a negative delay, an output without a neuron for each class.

    Source: Florian, Neural Computation 19, 2007: reward for a spike that should be, punishment for one that should not,
    in the task of the exclusive or.
    """

    def __init__(self, punishment: float | None = None, delay: int = 1) -> None:
        if punishment is not None:
            check_not_negative("punishment", punishment)
        check_count("delay", delay, least=0)
        self.punishment, self.delay = punishment, delay

    def payments(self, network: Network, batch: Batch) -> Payments:
        return _OfSpikes(network, batch, self)


class _OfSpikes(Payments):
    def __init__(self, network: Network, batch: Batch, reward: TargetSpikes) -> None:
        self.network, self.batch, self.reward = network, batch, reward
        self.due: deque[Tensor] = deque()

    def at(self, t: int, record: Record) -> Tensor:
        spikes = output_of(self.network, record, "for the spikes of classes")
        right = self._right(t, spikes)
        given = self.reward.punishment
        punishment = 1.0 / max(spikes.shape[1] - 1, 1) if given is None else given
        self.due.append(((right - punishment * (1.0 - right)) * spikes).sum(1))
        return self.due.popleft() if len(self.due) > self.reward.delay else torch.zeros_like(self.due[0])

    def _right(self, t: int, spikes: Tensor) -> Tensor:
        """1 where a neuron should fire, else 0, [B, n]."""
        targets = self.batch.targets[t] if self.batch.task.per_step else self.batch.targets
        if targets.is_floating_point():
            check_shape(
                "targets", targets, spikes.shape, "one number for each output neuron, above 0 if it should fire"
            )
            return (targets > 0).to(spikes.dtype)
        check_targets(targets, spikes.shape[1])
        return F.one_hot(targets, spikes.shape[1]).to(spikes.dtype)
