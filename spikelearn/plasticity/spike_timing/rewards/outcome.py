"""Reward at the end of a presentation, for the answer."""

import torch
from torch import Tensor

from spikelearn.checks import check_finite
from spikelearn.network import Network, Record
from spikelearn.plasticity.batch import Batch
from spikelearn.plasticity.spike_timing.rewards.base import REWARDS, Payments, Reward, output_of
from spikelearn.tasks import check_targets


@REWARDS.register("outcome")
class Outcome(Reward):
    r"""``right`` at the last step of a presentation where the answer is the true class, else ``wrong``; before it 0.

    $$r[T-1] = \begin{cases} r_+ & \arg\max_j \sum_{t < T-1} z_j[t] = y \\ r_- & \text{otherwise} \end{cases}$$

    It comes late: what an eligibility has kept of the presentation is what learns. A tie, silence too, is wrong.

    Args:
        right, wrong: $r_+$ and $r_-$, dimensionless.

    Shapes: z [T, B, classes], r [T, B], dimensionless; targets [B].

    Raises:
        ValueError: targets for every step, an output without a neuron for each class.

    Source: Fremaux & Gerstner, Frontiers in Neural Circuits 9, 2016, reward at the end of a trial.
    """

    def __init__(self, right: float = 1.0, wrong: float = -1.0) -> None:
        check_finite("right", right)
        check_finite("wrong", wrong)
        self.right, self.wrong = right, wrong

    def payments(self, network: Network, batch: Batch) -> Payments:
        if batch.task.name != "classify":
            raise ValueError(
                f"the reward outcome is for one class a sample, but the task is {batch.task}: take target-spikes"
            )
        return _OfAnswer(network, batch, self)


class _OfAnswer(Payments):
    def __init__(self, network: Network, batch: Batch, reward: Outcome) -> None:
        self.network, self.batch, self.reward = network, batch, reward
        self.counts: Tensor | None = None

    def at(self, t: int, record: Record) -> Tensor:
        spikes = output_of(self.network, record, "for the answer")
        before = torch.zeros_like(spikes) if self.counts is None else self.counts
        self.counts = before + spikes
        if t < len(self.batch.inputs) - 1:
            return torch.zeros_like(spikes[:, 0])
        check_targets(self.batch.targets, spikes.shape[1])
        true = before.gather(1, self.batch.targets.unsqueeze(1))
        right = (before >= true).sum(1) == 1
        return torch.where(right, self.reward.right, self.reward.wrong).to(spikes.dtype)
