"""Integrate-and-fire neuron without leak."""

import torch
from torch import Tensor

from spikelearn.checks import check_flag
from spikelearn.neurons.base import NEURONS, MembraneNeuron, Reset
from spikelearn.neurons.lif import LIFState
from spikelearn.neurons.spike_function import SpikeFunction


@NEURONS.register("if")
class IF(MembraneNeuron):
    r"""Integrate-and-fire neuron: a LIF that never forgets.

    $$v[t] = v[t-1] + r\,I[t], \qquad z = \Theta(v - v_{threshold})$$

    then $v \leftarrow v_{reset}$ where z = 1 ("to_value") or $v \leftarrow v - z\,v_{threshold}$ ("subtract").
    The current is taken per step (charge), as papers do: no factor dt. It starts at 0, with a lower bound nowhere.

    Args:
        v_threshold: firing threshold, dimensionless (1 = the usual scale).
        v_reset: same unit as ``v_threshold``; not used by "subtract".
        r: ``v_threshold`` per unit of current and step.
        reset: "to_value" (exportable to NIR) or "subtract".
        dt: time step, seconds; kept for traces and export.
        inclusive: also fire at v == v_threshold.

    Shapes: current [B, ...] per step; state ``v``, spikes and v have the shape of the current.

    Raises:
        ValueError: ``r`` or ``dt`` not positive; threshold not above rest; state and current differ in shape.

    Source: Gerstner et al., Neuronal Dynamics, 2014, section 1.3 without leak; NIR node ``IF``.
    """

    def __init__(
        self,
        v_threshold: float = 1.0,
        *,
        v_reset: float = 0.0,
        r: float = 1.0,
        reset: Reset = "to_value",
        dt: float = 1e-3,
        inclusive: bool = False,
    ) -> None:
        super().__init__()
        self._set_membrane(v_threshold=v_threshold, v_reset=v_reset, v_leak=0.0, r=r, reset=reset, dt=dt)
        check_flag("inclusive", inclusive)
        self.inclusive = inclusive
        self.decay_mem, self.gain_mem, self.leak = 1.0, r, 0.0

    def initial_state(self, current: Tensor) -> LIFState:
        return LIFState(v=torch.zeros_like(current, requires_grad=False))

    def step(self, state: LIFState, current: Tensor, spike_function: SpikeFunction) -> tuple[Tensor, Tensor, LIFState]:
        self.check_state(state, current)
        v = self.integrate(state.v, current)
        z, v_next = self.fire(v, spike_function)
        return z, v, LIFState(v_next)
