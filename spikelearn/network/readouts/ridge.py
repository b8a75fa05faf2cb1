"""Scores by ridge regression."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from spikelearn.checks import check_positive
from spikelearn.network.readouts.base import READOUTS
from spikelearn.network.readouts.fitted import FittedReadout, centred_parts


@READOUTS.register("ridge")
class RidgeReadout(FittedReadout):
    r"""Ridge regression of one-hot classes on firing rates, in closed form.

    $$W, b = \arg\min \sum_n \lVert W a_n + b - y_n \rVert^2 + \lambda \lVert W \rVert^2$$

    over training samples n with rates $a_n$ in spikes per step; b is not penalised. What is computed: with centred
    rates A and classes Y, $W^T = (A^T A + \lambda 1)^{-1} A^T Y$ in double precision.

    Args:
        units: number of neurons that are read.
        classes: number of classes.
        penalty: $\lambda$, squared spikes per step, summed over samples.

    Shapes: output spikes z [T, B, units] -> scores [B, classes].

    Raises:
        ValueError: a penalty not positive.

    Source: Hoerl & Kennard, Technometrics 12, 1970; as a readout of a reservoir, Jaeger, GMD Report 148, 2001.
    """

    def __init__(self, units: int, classes: int, *, penalty: float = 1.0) -> None:
        super().__init__(units, classes)
        check_positive("penalty", penalty)
        self.penalty = penalty

    def solved(self, read: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        wanted = one_hot(targets, len(self.head.bias)).double()
        mean, level = read.mean(0, dtype=torch.float64), wanted.mean(0)
        gram = self.penalty * torch.eye(len(mean), dtype=torch.float64)
        met = torch.zeros(len(mean), len(level), dtype=torch.float64)
        for rates, targeted in centred_parts(read, wanted - level, mean):
            gram.addmm_(rates.T, rates)
            met.addmm_(rates.T, targeted)
        weight = torch.linalg.solve(gram, met).T
        return weight, level - weight @ mean
