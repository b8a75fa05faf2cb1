"""A learning rate that falls to 0 along a line."""

from torch import optim

from spikelearn.training.schedules.base import SCHEDULES, Schedule


@SCHEDULES.register("linear")
class Linear(Schedule):
    r"""A line down to 0 behind the last of N batches, $\eta_n = \eta_0\,(1 - n/N)$ (unit of the optimizer).

    Shapes: one rate for each group of parameters.

    Source: standard; Goodfellow, Bengio & Courville, Deep Learning, MIT Press 2016, eq. 8.14.
    """

    def over(self, optimizer: optim.Optimizer, updates: int, epochs: int) -> optim.lr_scheduler.LambdaLR:
        return optim.lr_scheduler.LambdaLR(optimizer, lambda batch: max(1.0 - batch / max(updates, 1), 0.0))
