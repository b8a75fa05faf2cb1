"""A learning rate that stays."""

from torch import optim

from spikelearn.training.schedules.base import SCHEDULES, Schedule


@SCHEDULES.register("constant")
class Constant(Schedule):
    r"""The learning rate stays as it is, $\eta_n = \eta_0$ (unit of the optimizer) in every batch n.

    Shapes: one rate for each group of parameters.

    Source: standard.
    """

    stretched = False

    def over(self, optimizer: optim.Optimizer, updates: int, epochs: int) -> None:
        return None
