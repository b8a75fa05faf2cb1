"""Leaky integrate-and-fire neuron whose synapses are conductances, excitatory and inhibitory."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_finite
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import MembraneNeuron
from spikelearn.neurons.parts.refractory_time import RefractoryTime
from spikelearn.neurons.parts.spike_function import SpikeFunction

#: Which conductance a step has: that of its beginning, or the mean of its decay.
WithinStep = Literal["held", "mean"]


class ConductanceLIFState(NamedTuple):
    """v: potential after reset; excitatory, inhibitory: conductances, in units of the leak's; rest: steps; [B, ...]."""

    v: Tensor
    excitatory: Tensor
    inhibitory: Tensor
    rest: Tensor


@NEURONS.register("conductance-lif")
class ConductanceLIF(MembraneNeuron, RefractoryTime):
    r"""Leaky integrate-and-fire neuron with excitatory and inhibitory conductances $g_e$ and $g_i$.

    $$\tau_{mem}\,\dot v = (v_{leak} - v) + g_e\,(v_{excitatory} - v) + g_i\,(v_{inhibitory} - v), \qquad
      \tau_x\,\dot g_x = -g_x$$

    A spike raises a conductance by the weight of its synapse, $g_x \leftarrow g_x + \max(I_x, 0)$ with $I_x$ what
    arrives in a step: what is below 0 opens nothing. What is computed: $g_x[t] = e^{-dt/\tau_x} g_x[t-1] +
    \max(I_x[t], 0)$, then, exactly for conductances that stay during a step (as they are at its beginning, or at the
    mean of their decay in it, ``within_step``),
    $v[t] = v_\infty + (v[t-1] - v_\infty)\,e^{-dt\,G/\tau_{mem}}$ with $G = 1 + g_e + g_i$ and
    $v_\infty = (v_{leak} + g_e v_{excitatory} + g_i v_{inhibitory})/G$; a spike where $v[t] > v_{threshold}$, and the
    potential goes to v_reset, where it stays for ``refractory_time`` while conductances go on. It starts at v_leak,
    conductances closed. Potentials never leave the reversal potentials; inhibition near v_leak divides. It has no rate
    map.

    Its currents are ``excitatory``, which a synapse drives where nothing is said, and ``inhibitory``
    (``Feedback(..., current="inhibitory")``, or ``inject={"block.inhibitory": ...}``).

    Args:
        tau_mem, tau_excitatory, tau_inhibitory: time constants of membrane and conductances, seconds.
        v_excitatory, v_inhibitory: reversal potentials, same unit as ``v_threshold``.
        v_leak, v_reset: resting and reset potential, same unit.
        v_threshold: firing threshold, dimensionless (1 = the usual scale).
        refractory_time: for which v is held at v_reset, seconds, rounded to whole steps.
        within_step: "held", as Brian 2's ``exponential_euler``, or "mean", whose error falls with the square of dt.
        dt: time step, seconds.
        inclusive: also fire at v == v_threshold.

    Shapes: currents {name: [B, ...]} per step; states, spikes and v have the shape of a current.

    Raises:
        ValueError: a time not positive; a threshold not above rest; v_excitatory not above v_threshold, or v_inhibitory
            above it; state and current differ in shape.

    Source: Destexhe, Neural Computation 9, 1997; Diehl & Cook, Frontiers in Computational Neuroscience 9, 2015 (whose
    conductances and reversal potentials are the defaults, in units of threshold minus rest). deviation: no threshold
    that adapts, by default no refractory time, and 10 ms in place of 100 ms for tau_mem, since a run has some 25 steps.
    """

    currents = ("excitatory", "inhibitory")
    leaks = True

    v_excitatory: Constant
    v_inhibitory: Constant
    tau_excitatory: Constant
    tau_inhibitory: Constant
    share_excitatory: Constant
    share_inhibitory: Constant
    decay_excitatory: Constant
    decay_inhibitory: Constant

    def __init__(
        self,
        tau_mem: Constant = 10e-3,
        tau_excitatory: Constant = 1e-3,
        tau_inhibitory: Constant = 2e-3,
        *,
        v_excitatory: Constant = 5.0,
        v_inhibitory: Constant = -2.7,
        v_threshold: Constant = 1.0,
        v_reset: Constant = 0.0,
        v_leak: Constant = 0.0,
        refractory_time: Constant = 0.0,
        within_step: WithinStep = "held",
        dt: float = 1e-3,
        inclusive: bool = False,
    ) -> None:
        super().__init__(v_threshold, v_reset=v_reset, dt=dt, inclusive=inclusive)
        self._set_leak(tau_mem, v_leak, "exact")
        self._check_rest()
        self.set_constant("v_excitatory", given("v_excitatory", v_excitatory, check_finite))
        self.set_constant("v_inhibitory", given("v_inhibitory", v_inhibitory, check_finite))
        for low, high in (self.v_inhibitory, self.v_threshold), (self.v_threshold, self.v_excitatory):
            if not bool(torch.as_tensor(low < high).all()):
                raise ValueError(
                    f"v_inhibitory is {v_inhibitory}, v_threshold {v_threshold} and v_excitatory {v_excitatory}, "
                    "expected them in rising order: excitation must be able to reach the threshold, inhibition must not"
                )
        self._set_decay_of("excitatory", tau_excitatory, "exact")
        self._set_decay_of("inhibitory", tau_inhibitory, "exact")
        self._set_refractory_time(refractory_time)
        check_choice("within_step", within_step, ("held", "mean"))
        self.within_step = within_step
        for name in ("excitatory", "inhibitory"):
            decay, tau = getattr(self, f"decay_{name}"), getattr(self, f"tau_{name}")
            self.set_constant(f"share_{name}", 1.0 if within_step == "held" else (1.0 - decay) * tau / dt)

    def initial_state(self, current: Tensor) -> ConductanceLIFState:
        v = super().initial_state(current).v
        return ConductanceLIFState(v, *(torch.zeros_like(v) for _ in range(3)))

    def step(
        self, state: ConductanceLIFState, current: Mapping[str, Tensor], spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, ConductanceLIFState]:
        self.check_state(state, current)
        excitatory = self.decay_excitatory * state.excitatory + current["excitatory"].relu()
        inhibitory = self.decay_inhibitory * state.inhibitory + current["inhibitory"].relu()
        g_e, g_i = self.share_excitatory * excitatory, self.share_inhibitory * inhibitory
        whole = 1.0 + g_e + g_i
        settled = (self.v_leak + self.v_excitatory * g_e + self.v_inhibitory * g_i) / whole
        v = settled + (state.v - settled) * torch.exp(-self.dt / self.tau_mem * whole)
        v = self.held(v, state.rest, self.v_reset)
        z, v_next = self.fire(v, spike_function)
        return z, v, ConductanceLIFState(v_next, excitatory, inhibitory, self.rested(z, state.rest))

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: conductances multiply, so that no clamped line gives the rate."""
        return Neuron.steady_rate(self, current)
