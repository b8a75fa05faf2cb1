"""The distance of spike trains from desired ones, behind a kernel that rises and decays."""

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_count, check_fraction
from spikelearn.network import Activity, MembraneReadout, Network, StepReadout
from spikelearn.plasticity.losses.base import LOSSES, SpikingLoss
from spikelearn.traces import low_pass


@LOSSES.register("spike-trains")
class SpikeTrains(SpikingLoss):
    r"""Squared distance of spike trains from desired ones, both behind a double exponential.

    $$L = \frac12 \sum_{t,i} \big(\alpha * (s_i - \hat s_i)\big)^2[t]$$

    $\alpha$ is the kernel of two low-passes in series, each of unit area; the mean over the batch is taken. The desired
    trains $\hat s$ are the targets of every step, or, where a class is asked for, a spike every ``period`` steps at the
    output of that class and silence at the others.

    Args:
        rise, decay: factors per step of the two low-passes, in [0, 1), dimensionless.
        period: steps from one desired spike to the next.

    Shapes: output spikes s [T, B, n]; targets [B], or desired trains [T, B, n].

    Raises:
        ValueError: a value out of range; with targets of every step, a readout that gives one row of scores a sample.

    Source: van Rossum, Neural Computation 13, 2001; the kernel: Zenke & Ganguli, Neural Computation 30, 2018.
    deviation: the trains of classes.
    """

    tasks = frozenset({"classify", "per-step"})
    leaves_out_steps = False

    def __init__(self, rise: float = 0.8, decay: float = 0.9, *, period: int = 2) -> None:
        check_fraction("rise", rise, below_one=True)
        check_fraction("decay", decay, below_one=True)
        check_count("period", period)
        self.rise, self.decay, self.period = rise, decay, period

    def filtered(self, record: Tensor) -> Tensor:
        r"""$\alpha *$ a record [T, B, ...]."""
        return low_pass(low_pass(record, self.rise), self.decay)

    def desired(self, targets: Tensor, like: Tensor) -> Tensor:
        """The desired trains, shaped like the output [T, B, n]."""
        if targets.is_floating_point():
            return targets.to(like).view_as(like)
        train = (torch.arange(1, len(like) + 1, device=like.device) % self.period == 0).to(like)
        return train.view(-1, 1, 1) * F.one_hot(targets, like.shape[2]).to(like)

    def __call__(self, output: Activity, scores: Tensor, targets: Tensor, valid: Tensor | None = None) -> Tensor:
        sent = output.spikes.flatten(2)
        away = self.filtered(sent - self.desired(targets, sent))
        return 0.5 * away.square().sum() / sent.shape[1]

    def check(self, network: Network) -> None:
        super().check(network)
        readout = network.readout
        if isinstance(readout, StepReadout) and isinstance(readout.readout, MembraneReadout):
            raise ValueError(
                f"loss {self.name!r} looks at spikes, but the readout reads potentials at every step: use "
                "StepReadout(RateReadout())"
            )
