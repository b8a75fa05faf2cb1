"""Spike response neuron: postsynaptic potentials add up, and a spike leaves a refractory potential behind."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_finite, check_flag, check_not_negative
from spikelearn.neurons.base import NEURONS
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import Discretisation, Reset
from spikelearn.neurons.parts.spike_function import SpikeFunction
from spikelearn.neurons.parts.synaptic_filter import SynapticFilter, decays_given


class SpikeResponseState(NamedTuple):
    """q: synaptic current; p: postsynaptic potential; r: refractory potential of the step to come; all [B, ...]."""

    q: Tensor
    p: Tensor
    r: Tensor


@NEURONS.register("spike-response")
class SpikeResponse(SynapticFilter):
    r"""Neuron whose potential is that of its inputs and a refractory one, without a reset of the membrane.

    $$q[t] = \alpha\,q[t-1] + (1-\alpha)\,I[t], \qquad p[t] = \lambda\,p[t-1] + (1-\lambda)\,r\,q[t]$$

    $$v[t] = p[t] + r[t], \qquad z[t] = \Theta(v[t] - v_{threshold}), \qquad
      r[t+1] = \gamma\,r[t] - (1-\gamma)\,w\,z[t]$$

    w is ``refractory``; with ``reset`` "to_value" a spike takes the postsynaptic potential itself away,
    $r[t+1] = \gamma\,r[t] - p[t]\,z[t]$. $\alpha = e^{-dt/\tau_{syn}}$, $\lambda = e^{-dt/\tau_{mem}}$ and
    $\gamma = e^{-dt/\tau_{refractory}}$ ("exact"), or $1 - dt/\tau$ ("euler"). It starts at 0. Since no reset reaches
    the membrane, p is the weighted sum of filtered inputs at all times, and what the past does to a synapse is two
    traces of its input (trace ``double-exponential``). The input arrives within the step; the authors' program is one
    step later at every layer (``delay`` 1 of a block). It has no rate map.

    Args:
        tau_mem, tau_syn, tau_refractory: time constants of membrane, synapse and refractory potential, seconds.
        refractory: w, unit of v_threshold; not used by "to_value".
        v_threshold: firing threshold, unit of the weights; 0 as the authors have it, where biases take its place.
        r: input resistance, unit of v per unit of current.
        reset: "subtract" or "to_value".
        discretisation: "exact" or "euler".
        dt: time step, seconds.
        inclusive: also fire at v == v_threshold.

    Shapes: current [B, ...] per step; states, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive; a negative ``refractory``; a time constant < dt with "euler"; state and current
            differ in shape.

    Source: Gerstner et al., Neuronal Dynamics, 2014, section 6.4 (spike response model); as Kaiser, Mostafa & Neftci,
    Frontiers in Neuroscience 14, 2020, and their program have it (LIFLayer; "to_value": LIFLayerRefractory).
    """

    refractory: Constant
    tau_refractory: Constant
    decay_refractory: Constant
    gain_refractory: Constant

    def __init__(
        self,
        tau_mem: Constant = 10e-3,
        tau_syn: Constant = 5e-3,
        tau_refractory: Constant = 2e-3,
        *,
        refractory: Constant = 1.0,
        v_threshold: Constant = 0.0,
        r: Constant = 1.0,
        reset: Reset = "subtract",
        discretisation: Discretisation = "exact",
        dt: float = 1e-3,
        inclusive: bool = False,
    ) -> None:
        super().__init__()
        check_choice("reset", reset, ("subtract", "to_value"))
        check_flag("inclusive", inclusive)
        self._set_filters(tau_mem, tau_syn, r, dt, discretisation)
        self.reset, self.inclusive = reset, inclusive
        self.set_constant("v_threshold", given("v_threshold", v_threshold, check_finite))
        self.set_constant("refractory", given("refractory", refractory, check_not_negative))
        decay = self._set_decay_of("refractory", tau_refractory, discretisation)
        self.set_constant("gain_refractory", (1.0 - decay) * self.refractory)

    @classmethod
    def per_step(
        cls,
        decay_mem: Constant = 0.9,
        decay_syn: Constant = 0.85,
        decay_refractory: Constant = 0.65,
        *,
        refractory: Constant = 1.0,
        v_threshold: Constant = 0.0,
        reset: Reset = "subtract",
        unit_gain: bool = False,
        dt: float = 1e-3,
        inclusive: bool = False,
    ) -> Self:
        r"""The form with decays per step, as the authors give them.

        Args:
            decay_mem, decay_syn, decay_refractory: $\lambda$, $\alpha$ and $\gamma$ per step, in [0, 1).
            unit_gain: the gains of all three are 1, in place of 1 - decay (the program's LIFLayerNonorm).
            refractory, v_threshold, reset, dt, inclusive: as in the constructor.
        """
        check_flag("unit_gain", unit_gain)
        decays = decays_given(mem=decay_mem, syn=decay_syn, refractory=decay_refractory)
        times = {f"tau_{name}": dt / (1.0 - decay) for name, decay in decays.items()}
        options = {"refractory": refractory, "v_threshold": v_threshold, "reset": reset, "inclusive": inclusive}
        neuron = cls(**times, **options, discretisation="euler", dt=dt)  # type: ignore[arg-type]
        neuron._set_decays(unit_gain, **decays)
        neuron.set_constant("gain_refractory", neuron.gain_refractory * neuron.refractory)
        return neuron

    def initial_state(self, current: Tensor) -> SpikeResponseState:
        p = super().initial_state(current).v
        return SpikeResponseState(torch.zeros_like(p), p, torch.zeros_like(p))

    def step(
        self, state: SpikeResponseState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, SpikeResponseState]:
        self.check_state(state, current)
        q, p = self.filtered(state.q, state.p, current)
        v = p + state.r
        z = spike_function(v - self.v_threshold, self.inclusive)
        spiked = z if spike_function.reset_gradient else z.detach()
        taken = self.gain_refractory if self.reset == "subtract" else p
        return z, v, SpikeResponseState(q, p, self.decay_refractory * state.r - spiked * taken)
