"""The base of losses with a target for every step."""

from abc import abstractmethod

import torch
from torch import Tensor

from spikelearn.checks import check_flag
from spikelearn.network import Activity, Network, StepReadout
from spikelearn.plasticity.losses.base import Loss
from spikelearn.traces import over_steps, step_weights


class StepLoss(Loss):
    r"""A loss at every step, $L = \frac1B\sum_b \frac{1}{|V_b|}\sum_{t \in V_b} l_b[t]$, $V_b$ a sample's valid steps.

    The mean is taken over a sample's own steps first, so that the mean over shards of a batch is that of the batch.
    """

    tasks = frozenset({"per-step"})
    last: bool

    @property
    def is_mean_over_steps(self) -> bool:
        return not self.last

    def _set_last(self, last: bool) -> None:
        check_flag("last", last)
        self.last = last

    @abstractmethod
    def each(self, scores: Tensor, targets: Tensor) -> Tensor:
        """l [T, B] of scores [T, B, n] and targets [T, B] or [T, B, n]."""

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        if self.last:
            steps, batch = scores.shape[:2]
            at = torch.full((batch,), steps - 1, device=scores.device) if valid is None else _last(valid)
            rows = torch.arange(batch, device=scores.device)
            return self.each(scores[at, rows].unsqueeze(0), targets[at, rows].unsqueeze(0)).mean()
        each = self.each(scores, targets)
        if valid is None:
            return each.mean()
        return over_steps(each, step_weights(valid, dtype=each.dtype)).mean()

    def check(self, network: Network) -> None:
        if not isinstance(network.readout, StepReadout):
            raise ValueError(
                f"loss {self.name!r} takes scores of every step, but the readout "
                f"{type(network.readout).__name__} gives one row a sample: use StepReadout({_inside(network)}) "
                "(--task per-step)"
            )


def _last(valid: Tensor) -> Tensor:
    """The last valid step of each sample, [B]."""
    return len(valid) - 1 - valid.flip(0).to(torch.uint8).argmax(0)


def _inside(network: Network) -> str:
    fires = all(network.blocks[name].neuron.fires for name in network.outputs)
    return "RateReadout()" if fires else "MembraneReadout()"
