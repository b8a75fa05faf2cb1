"""Neuron of two compartments: a dendrite that synapses drive, and a soma that fires by chance."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_flag, check_not_negative, check_positive
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import check_time, decay_per_step
from spikelearn.neurons.parts.spike_function import SpikeFunction
from spikelearn.neurons.parts.streams import streams, uniform

#: Of the odds against a spike, which become 0 where the rate cannot be as high as was drawn.
LEAST = 1e-30


class TwoCompartmentState(NamedTuple):
    """v, dendrite: potentials of soma and dendrite; i: synaptic current; stream: random numbers; all [B, ...]."""

    v: Tensor
    dendrite: Tensor
    i: Tensor
    stream: Tensor


@NEURONS.register("two-compartment")
class TwoCompartment(Neuron):
    r"""A dendrite that is driven by synapses drives a soma, which conductances may pull elsewhere; the soma fires.

    $$\tau_{syn}\,\dot i = -i, \qquad \tau_{mem}\,\dot V = (v_{leak} - V) + \frac{r}{\tau_{syn}}\,i, \qquad
      \tau_{mem}\,\dot U = (v_{leak} - U) + c\,(V - U) + g_e\,(v_{excitatory} - U) + g_i\,(v_{inhibitory} - U)$$

    $$\phi(U) = \frac{\phi_{max}}{1 + k\,e^{\beta\,(v_{threshold} - U)}}, \qquad P(z[t] = 1) = 1 - e^{-\phi(U[t])\,dt}$$

    Nothing is reset, and the soma does not drive the dendrite. Without conductances the soma comes to what the dendrite
    predicts of it, $V^* = (v_{leak} + c\,V) / (1 + c)$, which ``urbanczik-senn`` learns by. What is computed:
    $i \leftarrow e^{-dt/\tau_{syn}} i + I$ with I what arrives at the dendrite; V over the step exactly; U exactly for
    conductances and a dendrite that stay as they are now; then z by chance. A spike of weight w moves V by
    $w\,r\,(e^{-t/\tau_{mem}} - e^{-t/\tau_{syn}}) / (\tau_{mem} - \tau_{syn})$. The potential that it reports is
    $U - \xi$ with the noise $\xi$ that makes it fire with that probability, as ``escape-noise-lif`` does. It has no
    rate map.

    Its currents are ``dendrite``, which a synapse drives where nothing is said, and the conductances of the soma,
    ``excitatory`` and ``inhibitory``, $g_e$ and $g_i$ of the step in units of the leak's; below 0 they open nothing.

    Args:
        tau_mem, tau_syn: time constants of both membranes and of the synaptic current, seconds.
        r: integral of the potential that a spike of weight 1 leaves, unit of potential times seconds.
        coupling: c, conductance from dendrite to soma, in units of the leak's.
        rate: $\phi_{max}$, spikes per second.
        slope: $\beta$, per unit of potential.
        odds: k, dimensionless: at ``v_threshold`` the rate is $\phi_{max}/(1 + k)$.
        v_threshold, v_leak, v_excitatory, v_inhibitory: thresholds of the rate, rest and reversal potentials.
        dt: time step, seconds.
        inclusive: also fire where the potential that is reported equals v_threshold.

    Shapes: currents {name: [B, ...]} per step; states, spikes and v have the shape of a current.

    Raises:
        ValueError: a time, ``rate``, ``slope``, ``odds`` or ``r`` not positive, tau_syn not below tau_mem, a negative
            coupling; state and current differ in shape.

    Source: Urbanczik & Senn, Neuron 81, 2014, whose constants are the defaults, in their units; NEST's
    ``pp_cond_exp_mc_urbanczik`` has the same equations. deviation: no dead time; r is chosen for few and strong inputs.
    """

    currents = ("dendrite", "excitatory", "inhibitory")
    random = True

    tau_mem: Constant
    tau_syn: Constant
    r: Constant
    coupling: Constant
    v_leak: Constant
    v_excitatory: Constant
    v_inhibitory: Constant
    decay_mem: Constant
    decay_syn: Constant
    gain: Constant

    def __init__(
        self,
        tau_mem: Constant = 10e-3,
        tau_syn: Constant = 3e-3,
        *,
        r: Constant = 10e-3,
        coupling: Constant = 18.0,
        rate: float = 150.0,
        slope: float = 5.0,
        odds: float = 0.5,
        v_threshold: Constant = 1.0,
        v_leak: Constant = 0.0,
        v_excitatory: Constant = 14 / 3,
        v_inhibitory: Constant = -1 / 3,
        dt: float = 1e-3,
        inclusive: bool = False,
    ) -> None:
        super().__init__()
        check_positive("dt", dt, "s")
        check_flag("inclusive", inclusive)
        for name, value in (("rate", rate), ("slope", slope), ("odds", odds)):
            check_positive(name, value)
        self.rate, self.slope, self.odds, self.dt, self.inclusive = rate, slope, odds, dt, inclusive
        self.set_constant("tau_mem", given("tau_mem", tau_mem, check_time))
        self.set_constant("tau_syn", given("tau_syn", tau_syn, check_time))
        if not bool(torch.as_tensor(self.tau_syn < self.tau_mem).all()):
            raise ValueError(f"tau_syn is {tau_syn} and tau_mem {tau_mem}, expected tau_syn below tau_mem")
        self.set_constant("r", given("r", r, check_positive))
        self.set_constant("coupling", given("coupling", coupling, check_not_negative))
        potentials = {"v_threshold": v_threshold, "v_leak": v_leak}
        potentials |= {"v_excitatory": v_excitatory, "v_inhibitory": v_inhibitory}
        for name, potential in potentials.items():
            self.set_constant(name, given(name, potential, check_finite))
        self.set_constant("decay_mem", decay_per_step(self.tau_mem, dt, "exact", "tau_mem"))
        self.set_constant("decay_syn", decay_per_step(self.tau_syn, dt, "exact", "tau_syn"))
        self.set_constant("gain", self.r * (self.decay_mem - self.decay_syn) / (self.tau_mem - self.tau_syn))

    def initial_state(self, current: Tensor) -> TwoCompartmentState:
        """At rest, with streams that follow from the samples' places in the batch."""
        if self.per_neuron:
            self.check_constants(current)
        v = torch.zeros_like(current, requires_grad=False) + self.v_leak
        return TwoCompartmentState(v, v, torch.zeros_like(v), streams(torch.arange(len(current)), "", current))

    def step(
        self, state: TwoCompartmentState, current: Mapping[str, Tensor], spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, TwoCompartmentState]:
        self.check_state(state, current)
        i = self.decay_syn * state.i + current["dendrite"]
        # The current decays on during the step, so that what is left behind it is decay_syn i.
        dendrite = self.v_leak + self.decay_mem * (state.dendrite - self.v_leak) + self.gain * i
        g_e, g_i = current["excitatory"].relu(), current["inhibitory"].relu()
        whole = 1.0 + self.coupling + g_e + g_i
        pulled = self.v_leak + self.coupling * dendrite + g_e * self.v_excitatory + g_i * self.v_inhibitory
        v = pulled / whole + (state.v - pulled / whole) * torch.exp(-self.dt / self.tau_mem * whole)
        u, stream = uniform(state.stream, v.dtype)
        drawn = torch.log1p(-u).neg_().div_(self.dt)
        compared = v + ((self.rate / drawn - 1.0) / self.odds).clamp(min=LEAST).log() / self.slope
        z = spike_function(compared - self.v_threshold, self.inclusive)
        return z, compared, TwoCompartmentState(v, dendrite, i, stream)

    def firing_rate(self, v: Tensor) -> Tensor:
        r"""$\phi(U)$, spikes per second, of potentials [B, ...]."""
        return self.rate * torch.sigmoid(self.slope * (v - self.v_threshold) - math.log(self.odds))

    def log_slope(self, v: Tensor) -> Tensor:
        r"""$\mathrm{d} \ln \phi / \mathrm{d} U$ of potentials [B, ...], per unit of potential."""
        return self.slope * torch.sigmoid(self.slope * (self.v_threshold - v) + math.log(self.odds))

    def predicted(self, dendrite: Tensor) -> Tensor:
        """$V^*$, what a dendrite's potential [B, ...] predicts of the soma's."""
        return (self.v_leak + self.coupling * dendrite) / (1.0 + self.coupling)
