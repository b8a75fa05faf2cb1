"""A learning rate that falls in steps."""

from torch import optim

from spikelearn.checks import check_fraction
from spikelearn.training.schedules.base import SCHEDULES, Schedule

#: Where the rate falls, in parts of all batches.
STEPS = (0.3, 0.6, 0.9)


@SCHEDULES.register("step")
class Step(Schedule):
    r"""Times ``factor`` after 30, 60 and 90 % of the batches.

    Args:
        factor: dimensionless, in [0, 1].

    Shapes: one rate for each group of parameters.

    Raises:
        ValueError: ``factor`` outside [0, 1].

    Source: standard; the steps as in Xiao et al., NeurIPS 2021, the authors' program.
    """

    def __init__(self, factor: float = 0.1) -> None:
        check_fraction("factor", factor)
        self.factor = factor

    def over(self, optimizer: optim.Optimizer, updates: int, epochs: int) -> optim.lr_scheduler.LambdaLR:
        return optim.lr_scheduler.LambdaLR(
            optimizer, lambda batch: self.factor ** sum(batch >= round(share * updates) > 0 for share in STEPS)
        )
