"""A learning rate that falls by the same factor in every epoch."""

import math

from torch import optim

from spikelearn.checks import check_positive
from spikelearn.training.schedules.base import SCHEDULES, Schedule


@SCHEDULES.register("exponential")
class Exponential(Schedule):
    r"""The same factor from epoch to epoch, $\eta_k = \eta_0\,e^{-\rho k}$ in epoch k.

    Args:
        rate: $\rho$, per epoch.

    Shapes: one rate for each group of parameters.

    Raises:
        ValueError: ``rate`` not positive.

    Source: standard; the rate as in Gerlinghoff, Luo, Goh & Wong, arXiv 2211.05412, 2022, the authors' program.
    """

    stretched = False

    def __init__(self, rate: float = 0.04) -> None:
        check_positive("rate", rate, "per epoch")
        self.rate = rate

    def over(self, optimizer: optim.Optimizer, updates: int, epochs: int) -> optim.lr_scheduler.LambdaLR:
        an_epoch = max(updates // max(epochs, 1), 1)
        return optim.lr_scheduler.LambdaLR(optimizer, lambda batch: math.exp(-self.rate * (batch // an_epoch)))
