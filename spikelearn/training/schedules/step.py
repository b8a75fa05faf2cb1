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
        first: share of the batches before which it does not fall, in [0, 1]; 0.6 leaves the first fall out.

    Shapes: one rate for each group of parameters.

    Raises:
        ValueError: ``factor`` or ``first`` outside [0, 1].

    Source: standard; the steps as in Xiao et al., NeurIPS 2021, the authors' program.
    """

    def __init__(self, factor: float = 0.1, first: float = 0.0) -> None:
        check_fraction("factor", factor)
        check_fraction("first", first)
        self.factor, self.first = factor, first

    def over(self, optimizer: optim.Optimizer, updates: int, epochs: int) -> optim.lr_scheduler.LambdaLR:
        falls = [round(share * updates) for share in STEPS if share >= self.first]
        return optim.lr_scheduler.LambdaLR(
            optimizer, lambda batch: self.factor ** sum(batch >= fall > 0 for fall in falls)
        )
