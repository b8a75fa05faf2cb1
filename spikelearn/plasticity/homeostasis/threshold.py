"""Thresholds that follow the rate."""

from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.plasticity.homeostasis.base import HOMEOSTASES, Homeostasis


@HOMEOSTASES.register("threshold")
class ThresholdAdaptation(Homeostasis):
    r"""The threshold of a neuron rises where it fires above its target rate, and falls where it fires below.

    $$\Delta b_j = \eta\,dt\,(\rho - \bar r_j)$$

    once a presentation, on the bias b of its synapses, which is a threshold with a minus; until all neurons fire alike.
    A threshold that rises with every single spike is the neuron ``homeostatic-lif``.

    Args:
        target_rate: $\rho$, spikes per second.
        learning_rate: $\eta$, unit of bias per spike per step.
        tau: time constant of the running mean $\bar r$, seconds; 0: the rate of the presentation alone.

    Shapes: b [n]; rates [n], spikes per second, mean over the places of a map.

    Raises:
        ValueError: a target rate or learning rate that is not positive, a negative time constant.

    Source: Miconi, arXiv 2107.01729, 2021, the author's program; thresholds that follow the rate as in Diehl & Cook,
    Frontiers in Computational Neuroscience 9, 2015.
    """

    changes = "bias"

    def __init__(self, target_rate: float = 100.0, learning_rate: float = 0.1, tau: float = 0.0) -> None:
        super().__init__(target_rate, tau)
        check_positive("learning_rate", learning_rate)
        self.learning_rate = learning_rate

    def change(self, parameter: Tensor, rate: Tensor, dt: float) -> Tensor:
        return (self.learning_rate * dt * (self.target_rate - rate)).to(parameter)
