"""A neuron model of your own: a state, one step, a docstring. It trains with every rule at once.

In the package this is one file in ``spikelearn/neurons``, one import line in its ``__init__`` and one line in
``tests/conformance/cases.py``.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn import BPTT, NEURONS, Digits, Loader, Training, build, evaluate, fit
from spikelearn.checks import check_fraction
from spikelearn.neurons import Neuron, SpikeFunction


class AdaptiveState(NamedTuple):
    v: Tensor  # membrane potential after reset, [B, ...]
    a: Tensor  # how far the threshold is raised, [B, ...]


@NEURONS.register("adaptive-lif")
class AdaptiveLIF(Neuron):
    r"""Leaky integrate-and-fire neuron whose threshold rises with every spike and decays.

    $$v[t] = \lambda\,v[t-1] + I[t], \quad z = \Theta(v - 1 - \beta a[t-1]), \quad a[t] = \rho\,a[t-1] + z[t]$$

    then $v \leftarrow 0$ where z = 1.

    Args:
        decay: $\lambda$ per step, in [0, 1).
        decay_adaptation: $\rho$ per step, in [0, 1).
        beta: rise of the threshold per spike, unit of potential.

    Shapes: current [B, ...] per step; states ``v`` and ``a``, spikes and v have the shape of the current.

    Raises:
        ValueError: a decay outside [0, 1).

    Source: Bellec et al., NeurIPS 2018.
    """

    v_threshold, dt = 1.0, 1e-3

    def __init__(self, decay: float = 0.9, decay_adaptation: float = 0.95, beta: float = 0.2) -> None:
        super().__init__()
        check_fraction("decay", decay, below_one=True)
        check_fraction("decay_adaptation", decay_adaptation, below_one=True)
        self.decay, self.decay_adaptation, self.beta = decay, decay_adaptation, beta

    def initial_state(self, current: Tensor) -> AdaptiveState:
        return AdaptiveState(torch.zeros_like(current), torch.zeros_like(current))

    def step(
        self, state: AdaptiveState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, AdaptiveState]:
        self.check_state(state, current)
        v = self.decay * state.v + current
        z = spike_function(v - self.v_threshold - self.beta * state.a, self.inclusive)
        return z, v, AdaptiveState(v * (1.0 - z.detach()), self.decay_adaptation * state.a + z)


if __name__ == "__main__":
    torch.manual_seed(0)
    network = build("64-100-10", AdaptiveLIF, input_shape=(1, 8, 8))
    fit(Training.start(network, BPTT()), Loader(Digits("train"), 25, 64, shuffle=True), epochs=5)
    print(f"adaptive LIF: test accuracy {100 * evaluate(network, Loader(Digits('test'), 25, 64)).accuracy:.1f} %")
