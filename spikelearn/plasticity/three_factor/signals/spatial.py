"""The loss's own derivative, sent down block by block."""

from spikelearn.plasticity.factors import Factors
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.three_factor.signals.base import SIGNALS, Layered


@SIGNALS.register("spatial")
class Spatial(Layered):
    r"""The loss's own derivative at a block's spikes, sent down block by block.

    $$m_l[t] = W_{l+1}^\top\, e_{l+1}[t], \qquad e_l = \text{$m_l$ across the neurons of block l}$$

    The trace says how an error crosses neurons: within a step (``instant``, ``pre``), or through their time
    (``eligibility``).

    Args:
        loss: what is descended.

    Shapes: m shaped like a block's spikes, [T, B, ...].

    Source: Neftci, Mostafa & Zenke, IEEE Signal Processing Magazine 36, 2019; at the step: Xiao et al., NeurIPS 2022.
    """

    def __init__(self, loss: Loss = CrossEntropyRate()) -> None:
        super().__init__(loss)

    @property
    def factors(self) -> Factors:
        return super().factors | {"weights"}
