"""The derivative of a step's own loss, sent down block by block within the step."""

from spikelearn.plasticity.factors import Factors
from spikelearn.plasticity.losses import CrossEntropyMembrane, Loss
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Layered


@SIGNALS.register("spatial-step")
class SpatialStep(Layered):
    r"""The derivative of a step's own loss at a block's spikes, sent down block by block within the step.

    $$m_l[t] = \frac{\partial L[t]}{\partial z_l[t]}\Big|_{h[t-1]\ \mathrm{fixed}}$$

    h is every neuron's state. What an error of a block does through the time of those above is left out. It meets an
    eligibility that is carried from step to step (form=step).

    Args:
        loss: what is descended, a mean over steps.

    Shapes: m shaped like a block's spikes, [1, B, ...] of a step; dimensionless per unit of the loss.

    Source: Bohnstingl, Wozniak, Pantazi & Eleftheriou, arXiv 2007.12723, 2020 (OSTL, learning signal).
    """

    within_step = True

    def __init__(self, loss: Loss = CrossEntropyMembrane()) -> None:
        super().__init__(loss)

    @property
    def factors(self) -> Factors:
        return super().factors | {"weights"}
