"""A learning rate that rises first, then falls."""

from torch import optim

from spikelearn.training.schedules.base import SCHEDULES, Schedule


@SCHEDULES.register("one-cycle")
class OneCycle(Schedule):
    r"""One cycle: from $\eta_0/25$ on half a cosine to $\eta_0$ after 30 % of the batches, then to $\eta_0/250\,000$.

    $\eta_0$ is the learning rate, unit of the optimizer; the momentum stays as it is.

    Shapes: one rate for each group of parameters.

    Source: Smith & Topin, arXiv 1708.07120, 2017; torch's ``OneCycleLR``.
    """

    def over(self, optimizer: optim.Optimizer, updates: int, epochs: int) -> optim.lr_scheduler.OneCycleLR:
        peak = [group["lr"] for group in optimizer.param_groups]
        return optim.lr_scheduler.OneCycleLR(
            optimizer, max_lr=peak, total_steps=max(updates, 2) + 1, cycle_momentum=False
        )
