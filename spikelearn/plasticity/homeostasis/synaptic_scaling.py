"""All synapses of a neuron grow or shrink in proportion."""

from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.plasticity.hebbian.competition import by_neuron
from spikelearn.plasticity.homeostasis.base import HOMEOSTASES, Homeostasis


@HOMEOSTASES.register("synaptic-scaling")
class SynapticScaling(Homeostasis):
    r"""Weights of a neuron that fires too little grow in proportion, those of one that fires too much shrink.

    $$\Delta w_{ji} = \eta\,\Big(1 - \frac{\bar r_j}{\rho}\Big)\,|w_{ji}|$$

    once a presentation, with the running mean $\bar r$ of the rate. What a neuron has learned, the proportions of its
    weights of one sign, stays; inhibitory weights, below 0, go the other way.

    Args:
        target_rate: $\rho$, spikes per second.
        learning_rate: $\eta$, share of a weight per presentation where the neuron is silent.
        tau: time constant of the running mean, seconds; 0: the rate of the presentation alone.

    Shapes: w [n, ...]; rates [n], spikes per second, mean over the places of a map.

    Raises:
        ValueError: a target rate or learning rate that is not positive, a negative time constant.

    Source: Turrigiano, Leslie, Desai, Rutherford & Nelson, Nature 391, 1998; as an equation van Rossum, Bi &
    Turrigiano, Journal of Neuroscience 20, 2000, without its integral of the error.
    """

    def __init__(self, target_rate: float = 50.0, learning_rate: float = 0.01, tau: float = 10.0) -> None:
        super().__init__(target_rate, tau)
        check_positive("learning_rate", learning_rate)
        self.learning_rate = learning_rate

    def change(self, parameter: Tensor, rate: Tensor, dt: float) -> Tensor:
        strength = self.learning_rate * (1.0 - rate / self.target_rate)
        return by_neuron(strength.to(parameter), parameter) * parameter.abs()
