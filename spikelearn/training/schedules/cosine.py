"""A learning rate that falls to 0 along half a cosine."""

from torch import optim

from spikelearn.training.schedules.base import SCHEDULES, Schedule


@SCHEDULES.register("cosine")
class Cosine(Schedule):
    r"""Half a cosine down to 0 over N batches, $\eta_n = \eta_0\,(1 + \cos(\pi n/N))/2$ (unit of the optimizer).

    Shapes: one rate for each group of parameters.

    Source: Loshchilov & Hutter, ICLR 2017, without restarts; torch's ``CosineAnnealingLR``.
    """

    def over(self, optimizer: optim.Optimizer, updates: int, epochs: int) -> optim.lr_scheduler.CosineAnnealingLR:
        return optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=max(updates, 1))
