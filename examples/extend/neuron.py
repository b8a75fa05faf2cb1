"""A neuron model of your own: a state, one step, a docstring. It trains with every rule at once.

In the package this is one file in ``spikelearn/neurons``, one import line in its ``__init__`` and one line in
``tests/conformance/cases.py``.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn import BPTT, NEURONS, Digits, Loader, Training, build, evaluate, fit
from spikelearn.checks import check_count, check_fraction
from spikelearn.neurons import Neuron, SpikeFunction
from spikelearn.plasticity import OptimizerChoice


class RefractoryState(NamedTuple):
    v: Tensor  # membrane potential after reset, [B, ...]
    rest: Tensor  # steps for which the neuron still rests, [B, ...]


@NEURONS.register("refractory-lif")
class RefractoryLIF(Neuron):
    r"""Leaky integrate-and-fire neuron that rests after a spike, deaf to its input.

    $$v[t] = \lambda\,v[t-1] + I[t], \qquad z = \Theta(v - 1), \qquad v \leftarrow 0 \ \text{where} \ z = 1$$

    and v = 0 during the ``refractory`` steps that follow a spike.

    Args:
        decay: $\lambda$ per step, in [0, 1).
        refractory: how long it rests, steps.

    Shapes: current [B, ...] per step; states ``v`` and ``rest``, spikes and v have the shape of the current.

    Raises:
        ValueError: a decay outside [0, 1), a negative number of steps.

    Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3.
    """

    v_threshold, dt = 1.0, 1e-3

    def __init__(self, decay: float = 0.9, refractory: int = 2) -> None:
        super().__init__()
        check_fraction("decay", decay, below_one=True)
        check_count("refractory", refractory, least=0)
        self.decay, self.refractory = decay, refractory

    def initial_state(self, current: Tensor) -> RefractoryState:
        return RefractoryState(torch.zeros_like(current), torch.zeros_like(current))

    def step(
        self, state: RefractoryState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, RefractoryState]:
        self.check_state(state, current)
        v = (self.decay * state.v + current) * (state.rest == 0)
        z = spike_function(v - self.v_threshold, self.inclusive)
        rest = torch.where(z > 0, self.refractory, (state.rest - 1).clamp(min=0))
        return z, v, RefractoryState(v * (1.0 - z.detach()), rest.to(v))


if __name__ == "__main__":
    torch.manual_seed(0)
    network = build("64-100-10", RefractoryLIF, input_shape=(1, 8, 8))
    training = Training.start(network, BPTT(), optimizer=OptimizerChoice("adam", 5e-3))
    fit(training, Loader(Digits("train"), 25, 64, shuffle=True), epochs=5)
    print(f"refractory LIF: test accuracy {100 * evaluate(network, Loader(Digits('test'), 25, 64)).accuracy:.1f} %")
