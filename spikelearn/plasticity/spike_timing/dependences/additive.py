"""Every weight changes alike."""

from torch import Tensor

from spikelearn.plasticity.spike_timing.dependences.base import DEPENDENCES, Dependence


@DEPENDENCES.register("additive")
class Additive(Dependence):
    """Changes do not depend on the weight, $f_+(w) = f_-(w) = 1$; bounds cut them.

    Shapes: w [out, in], unit of weight; factors are dimensionless.

    Source: Song, Miller & Abbott, Nature Neuroscience 3, 2000.
    """

    def factors(self, weight: Tensor, low: float, high: float) -> tuple[Tensor | float, Tensor | float]:
        return 1.0, 1.0
