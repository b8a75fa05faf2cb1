"""Excitatory conductance-based neurons, each with an inhibitory partner that silences all others."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from spikelearn.checks import check_finite, check_flag, check_not_negative
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import MembraneNeuron, check_time
from spikelearn.neurons.parts.refractory_time import RefractoryTime
from spikelearn.neurons.parts.spike_function import SpikeFunction
from spikelearn.neurons.parts.winners import UNITS

#: One unit of potential, threshold less rest of the excitatory neurons, millivolts; their rest is 0.
UNIT = 13.0


class Partner(NamedTuple):
    """Constants of the inhibitory neurons, potentials in the excitatory neurons' unit, seconds."""

    tau_mem: float = 10e-3
    v_leak: float = 5.0 / UNIT
    v_reset: float = 20.0 / UNIT
    v_threshold: float = 25.0 / UNIT
    v_excitatory: float = 65.0 / UNIT
    refractory_time: float = 2e-3


PARTNER = Partner()


class DiehlCookLIFState(NamedTuple):
    """Potentials after reset, conductances, steps of rest, and the threshold's parts; [B, n].

    v, excitatory, inhibitory, rest: of the excitatory neurons. theta: adaptation as the presentation began. rise: what
    it has risen by since. age: steps since. partner_v, partner_excitatory, partner_rest: of the inhibitory ones.
    """

    v: Tensor
    excitatory: Tensor
    inhibitory: Tensor
    rest: Tensor
    theta: Tensor
    rise: Tensor
    age: Tensor
    partner_v: Tensor
    partner_excitatory: Tensor
    partner_rest: Tensor


@NEURONS.register("diehl-cook-lif")
class DiehlCookLIF(MembraneNeuron, RefractoryTime):
    r"""A population of excitatory neurons with inhibitory partners, one to one, each of which inhibits all but its own.

    $$\tau_{mem}\,\dot v = (v_{leak} - v) + g_e\,(v_{excitatory} - v) + g_i\,(v_{inhibitory} - v), \qquad
      z = \Theta(v - v_{threshold} - \theta + \theta_{start})$$

    $$\tau_x\,\dot g_x = -g_x, \qquad g_e \leftarrow g_e + \max(I, 0), \qquad
      g_{i,j} \leftarrow g_{i,j} + \mathrm{inhibition} \sum_{k \neq j} p_k, \qquad
      \tau_{theta}\,\dot\theta = -\theta, \quad \theta \leftarrow \theta + \theta_{plus}\,z$$

    A spike z of neuron j raises the conductance of its partner by ``excitation``; the partner, a leaky neuron with
    $\tau\,\dot v = (v_{rest} - v) + g\,(v_{excitatory} - v)$ and constants of its own, answers with the spike p.

    What is computed, in this order at each step: all of these equations by one Euler step from the values before it
    (a conductance fades by $1 - dt/\tau_x$), which leads v no further than to where it would come to rest,
    $(v_{leak} + g_e v_{excitatory} + g_i v_{inhibitory}) / (1 + g_e + g_i)$; spikes; then what arrives in the step
    enters the conductances, which so act from the next step on; reset to v_reset, where v stays for
    ``refractory_time``. In training mode a presentation leaves $\theta$ to the next one, in the buffer ``theta``, [n]:
    its fall is taken once, over the steps of the presentation, which is exact where single precision would round it
    away. Of a batch of B samples fall and rises are means, or with ``summed`` sums, as if they had been shown one after
    the other. In evaluation mode $\theta$ stands still. The potential that is reported is
    $v - \theta + \theta_{start}$; $\theta$ has no derivative. It has no rate map.

    Args:
        tau_mem, tau_excitatory, tau_inhibitory: time constants of membrane and conductances, seconds.
        v_excitatory, v_inhibitory: reversal potentials, same unit as ``v_threshold``.
        v_leak, v_reset: resting and reset potential, same unit.
        v_threshold: firing threshold where $\theta = \theta_{start}$, dimensionless (1 = the usual scale, 13 mV).
        refractory_time: for which v is held at v_reset, seconds, rounded to whole steps.
        theta_plus: rise of the threshold per spike, same unit.
        theta_start: $\theta$ before training, same unit.
        tau_theta: time constant of its fall, seconds; 1e4 is for 400 neurons. Thresholds stand at $\theta$ where n
            neurons send $n\,\theta\,T / (\tau_{theta}\,\theta_{plus})$ spikes in a time T: fewer ask for a shorter one.
        excitation, inhibition: weights to and from the partners, in units of the leak's conductance; inhibition 0: no
            competition.
        summed: whether the rises of a batch, and the times for which $\theta$ falls, are summed, not averaged.
        dt: time step, seconds; no longer than a time constant.
        inclusive: also fire at v == v_threshold.

    Shapes: current [B, n] per step; states, spikes and v have the shape of the current.

    Raises:
        ValueError: a time not positive or, but for tau_theta, below dt; a negative weight, rise or start; a threshold
            not above rest; state and current differ in shape.

    Source: Diehl & Cook, Frontiers in Computational Neuroscience 9, 2015, and the authors' program, whose constants are
    the defaults, potentials in units of 13 mV above -65 mV. deviation: a presentation begins at rest, not where the one
    before has ended; inputs arrive without the program's random delays of up to 10 ms; the membrane is held while a
    neuron rests, where the program only bars spikes; an Euler step ends where v would come to rest. Beyond it, once
    many partners have answered at once, the inhibition itself makes all neurons fire, over and over.
    """

    leaks = True
    kept = ("theta",)

    theta: Tensor
    v_excitatory: Constant
    v_inhibitory: Constant
    tau_excitatory: Constant
    tau_inhibitory: Constant
    decay_excitatory: Constant
    decay_inhibitory: Constant
    theta_plus: Constant
    theta_start: Constant
    tau_theta: Constant

    def __init__(
        self,
        tau_mem: Constant = 100e-3,
        tau_excitatory: Constant = 1e-3,
        tau_inhibitory: Constant = 2e-3,
        *,
        v_excitatory: Constant = 65.0 / UNIT,
        v_inhibitory: Constant = -35.0 / UNIT,
        v_threshold: Constant = 1.0,
        v_reset: Constant = 0.0,
        v_leak: Constant = 0.0,
        refractory_time: Constant = 5e-3,
        theta_plus: Constant = 0.05 / UNIT,
        theta_start: Constant = 20.0 / UNIT,
        tau_theta: Constant = 1e4,
        excitation: float = 10.4,
        inhibition: float = 17.0,
        summed: bool = False,
        dt: float = 0.5e-3,
        inclusive: bool = False,
    ) -> None:
        super().__init__(v_threshold, v_reset=v_reset, dt=dt, inclusive=inclusive)
        self._set_leak(tau_mem, v_leak, "euler")
        self._check_rest()
        self.set_constant("v_excitatory", given("v_excitatory", v_excitatory, check_finite))
        self.set_constant("v_inhibitory", given("v_inhibitory", v_inhibitory, check_finite))
        self._set_decay_of("excitatory", tau_excitatory, "euler")
        self._set_decay_of("inhibitory", tau_inhibitory, "euler")
        self._set_refractory_time(refractory_time)
        for name, value in (("theta_plus", theta_plus), ("theta_start", theta_start)):
            self.set_constant(name, given(name, value, check_not_negative))
        self.set_constant("tau_theta", given("tau_theta", tau_theta, check_time))
        check_not_negative("excitation", excitation)
        check_not_negative("inhibition", inhibition)
        check_flag("summed", summed)
        self.excitation, self.inhibition, self.summed = excitation, inhibition, summed
        self.partner_steps = float(round(PARTNER.refractory_time / dt))
        start = self.theta_start
        self.register_buffer("theta", start.clone() if isinstance(start, Tensor) else torch.tensor(start))

    def initial_state(self, current: Tensor) -> DiehlCookLIFState:
        if current.ndim != 2:
            raise ValueError(
                f"DiehlCookLIF is driven by a current of shape {list(current.shape)}, expected [B, n]: its neurons "
                "are one population, so put it behind a dense layer"
            )
        v = super().initial_state(current).v
        zero = torch.zeros_like(v)
        theta = zero + self.theta.to(v)
        return DiehlCookLIFState(v, zero, zero, zero, theta, zero, zero, zero + PARTNER.v_leak, zero, zero)

    def step(
        self, state: DiehlCookLIFState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, DiehlCookLIFState]:
        self.check_state(state, current)
        answer, partner_v, partner_rest = self._answer(state)
        drive = (self.v_leak - state.v) + state.excitatory * (self.v_excitatory - state.v)
        drive = drive + state.inhibitory * (self.v_inhibitory - state.v)
        v = self.held(state.v + self._euler(state, drive), state.rest, self.v_reset)
        compared = v - ((state.theta - self.theta_start) + state.rise)
        z, v_next = self.fire(v, spike_function, compared)
        fired = z.detach()
        rise = state.rise + self.theta_plus * fired if self.training else state.rise
        others = answer.sum(UNITS, keepdim=True) - answer
        return (
            z,
            compared,
            DiehlCookLIFState(
                v_next,
                self.decay_excitatory * state.excitatory + current.relu(),
                self.decay_inhibitory * state.inhibitory + self.inhibition * others,
                self.rested(fired, state.rest),
                state.theta,
                rise,
                state.age + 1.0,
                partner_v,
                self.decay_excitatory * state.partner_excitatory + self.excitation * fired,
                partner_rest,
            ),
        )

    def _euler(self, state: DiehlCookLIFState, drive: Tensor) -> Tensor:
        """What the potentials change by: an Euler step, but not beyond where the conductances draw them."""
        step, total = self.dt / self.tau_mem, (1.0 + state.excitatory) + state.inhibitory
        return torch.where(step * total > 1.0, drive / total, step * drive)

    def _answer(self, state: DiehlCookLIFState) -> tuple[Tensor, Tensor, Tensor]:
        """The partners' spikes, their potentials after reset, and the steps for which they rest."""
        before = state.partner_v.detach()
        drive = (PARTNER.v_leak - before) + state.partner_excitatory * (PARTNER.v_excitatory - before)
        v = before + (self.dt / PARTNER.tau_mem) * drive
        v = torch.where(state.partner_rest > 0.0, PARTNER.v_reset, v)
        spikes = v > PARTNER.v_threshold
        left = (state.partner_rest - 1.0).clamp(min=0.0)
        return spikes.to(v), v.masked_fill(spikes, PARTNER.v_reset), left.masked_fill(spikes, self.partner_steps)

    def keep(self, state: DiehlCookLIFState) -> None:
        age = state.age.sum(0, keepdim=True) if self.summed else state.age
        fallen = state.theta.detach() * torch.exp(-self.dt * age / torch.as_tensor(self.tau_theta).to(state.v))
        rise = state.rise.detach()
        self._buffers["theta"] = (fallen.mean(0) + (rise.sum(0) if self.summed else rise.mean(0))).to(self.theta)

    def threshold_rise(self, state: Any) -> Tensor:
        rise: Tensor = (state.theta - self.theta_start) + state.rise
        return rise

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: which neurons fire depends on all of them."""
        return Neuron.steady_rate(self, current)


def rows_of(state: DiehlCookLIFState) -> Tensor:
    """The rows of the compiled loops' state, [rows, B, n], with traces at 0."""
    trace = torch.zeros_like(state.v)
    return torch.stack([*state[:6], *state[7:], trace, trace])


def state_of(rows: Tensor, age: Tensor) -> DiehlCookLIFState:
    """The neurons' state from the rows of the compiled loops'."""
    before, after = rows[:6].unbind(0), rows[6:9].unbind(0)
    return DiehlCookLIFState._make((*before, age, *after))


def constants_of(neuron: DiehlCookLIF) -> tuple[list[Any], list[Any]]:
    """The numbers of neurons and of partners, as the compiled loops take them."""
    own: list[Any] = [neuron.dt / neuron.tau_mem, neuron.v_leak, neuron.v_reset, neuron.v_threshold]
    own += [neuron.v_excitatory, neuron.v_inhibitory, neuron.decay_excitatory, neuron.decay_inhibitory]
    own += [neuron.rest_steps, neuron.theta_plus if neuron.training else 0.0, neuron.theta_start]
    own += [neuron.excitation, neuron.inhibition]
    partner: list[Any] = [neuron.dt / PARTNER.tau_mem, PARTNER.v_leak, PARTNER.v_reset, PARTNER.v_threshold]
    partner += [PARTNER.v_excitatory, neuron.decay_excitatory, neuron.partner_steps, neuron.excitation]
    return own, partner
