"""A neuron model of your own: a state, one step, a docstring. It trains with every rule at once.

On the command line: ``spikelearn train --import neuron.py --neuron resting-lif``. In the package this is one file in
``spikelearn/neurons``, one import line in its ``__init__`` and one line in ``tests/conformance/cases.py``; there,
``refractory_lif.py`` is this model with its rest as a time, one a neuron if need be.
"""

from typing import NamedTuple, Unpack

import torch
from torch import Tensor

from spikelearn.checks import check_count
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.membrane import LeakyNeuron, LeakyOptions
from spikelearn.neurons.parts.spike_function import SpikeFunction


class RestingState(NamedTuple):
    v: Tensor  # membrane potential after reset, [B, ...]
    rest: Tensor  # steps for which the neuron still rests, [B, ...]


@NEURONS.register("resting-lif")
class RestingLIF(LeakyNeuron):
    r"""Leaky integrate-and-fire neuron that rests after a spike, deaf to its input.

    The equations of ``LIF``, but v = 0 during the ``refractory`` steps that follow a spike.

    Args:
        refractory: how long it rests, steps.
        options: those of ``LeakyNeuron`` and ``MembraneNeuron``.

    Shapes: current [B, ...] per step; states ``v`` and ``rest``, spikes and v have the shape of the current.

    Raises:
        ValueError: a negative number of steps, and where ``LeakyNeuron`` does.

    Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3.
    """

    def __init__(self, tau_mem: float = 20e-3, *, refractory: int = 2, **options: Unpack[LeakyOptions]) -> None:
        super().__init__(tau_mem, **options)
        check_count("refractory", refractory, least=0)
        self.refractory = refractory

    def initial_state(self, current: Tensor) -> RestingState:
        v = super().initial_state(current).v
        return RestingState(v, torch.zeros_like(v))

    def step(
        self, state: RestingState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, RestingState]:
        self.check_state(state, current)
        v = self.integrate(state.v, current) * (state.rest == 0)
        z, v_next = self.fire(v, spike_function)
        rest = torch.where(z > 0, self.refractory, (state.rest - 1).clamp(min=0))
        return z, v, RestingState(v_next, rest.to(v))

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: charge balance does not know of the rest."""
        return Neuron.steady_rate(self, current)


if __name__ == "__main__":
    from spikelearn import BPTT, Digits, Loader, Training, build, evaluate, fit

    torch.manual_seed(0)
    network = build("64-100-10", RestingLIF, input_shape=(1, 8, 8))
    training = Training.start(network, BPTT())
    fit(training, Loader(Digits("train"), 25, 64, shuffle=True), epochs=10)
    print(f"resting LIF: test accuracy {100 * evaluate(network, Loader(Digits('test'), 25, 64)).accuracy:.1f} %")
