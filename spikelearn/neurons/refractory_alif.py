"""Leaky integrate-and-fire neuron with an adaptive threshold and a refractory time: the one of e-prop."""

from typing import Any, NamedTuple, Self, TypedDict, Unpack

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_finite
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import Discretisation, LeakyNeuron, Reset, StepOptions, check_decay
from spikelearn.neurons.parts.spike_function import SpikeFunction


class RefractoryALIFState(NamedTuple):
    """v: membrane potential before reset; a: adaptation, spikes; spiked: spikes to be subtracted; rest: steps."""

    v: Tensor
    a: Tensor
    spiked: Tensor
    rest: Tensor


class Options(TypedDict, total=False):
    """Options of ``LeakyNeuron`` but for the reset; types and defaults stand in its constructors."""

    v_threshold: Constant
    v_reset: Constant
    v_leak: Constant
    r: Constant
    dt: float
    inclusive: bool
    discretisation: Discretisation


@NEURONS.register("refractory-alif")
class RefractoryALIF(LeakyNeuron):
    r"""Adaptive leaky integrate-and-fire neuron that rests after a spike, as the authors of e-prop have it.

    $$v[t] = \lambda\,v[t-1] + (1-\lambda)(v_{leak} + r\,I[t]) - v_{threshold}\,z[t-1], \qquad
      a[t] = \rho\,a[t-1] + z[t-1]$$

    $$x[t] = \frac{v[t] - \beta\,a[t] - v_{threshold}}{v_{threshold}}, \qquad
      z[t] = \Theta(x[t]) \ \text{where it does not rest, else 0}$$

    It rests for ``refractory`` steps after a spike, while its membrane goes on. Three things differ from
    ``adaptive-lif``: the reset comes a step late and does not decay before; the spike function sees the distance to the
    threshold in units of v_threshold, so that its derivative is $\psi(x)/v_{threshold}$; a resting neuron neither fires
    nor has a derivative. With ``beta`` 0 it is a LIF; a tensor mixes both kinds in one population. $\lambda$ and
    $\rho$ are as in ``adaptive-lif``. Derivatives run through z into a; through the reset as the spike function says.
    The potential that it reports is $v - \beta\,a$, at most v_leak while it rests. It starts at v_leak.

    Args:
        tau_mem, tau_adaptation: time constants of membrane and threshold, seconds.
        beta: rise of the threshold per spike, same unit as ``v_threshold``. A program whose adaptation grows by
            $1-\rho$ per spike (LightALIF) has $\beta$ larger by $1/(1-\rho)$.
        refractory: how long it rests, steps. The authors' program counts the step of the spike too: one more.
        reset: "subtract", the only one.
        options: v_leak and discretisation, as ``LeakyNeuron`` says, and those of ``MembraneNeuron``.

    Shapes: current [B, ...] per step; states, spikes and v have the shape of the current.

    Raises:
        ValueError: a negative number of steps; a time or threshold not positive; a time constant < dt with "euler";
            threshold not above rest; state and current differ in shape.

    Source: Bellec et al., Nature Communications 11, 2020, and the authors' program (EligALIF; with beta 0 and tau_mem
    given, LightLIF).
    """

    tau_adaptation: Constant
    decay_adaptation: Constant
    beta: Constant

    def __init__(
        self,
        tau_mem: Constant = 20e-3,
        tau_adaptation: Constant = 200e-3,
        *,
        beta: Constant = 0.2,
        refractory: int = 2,
        reset: Reset = "subtract",
        **options: Unpack[Options],
    ) -> None:
        check_choice("reset", reset, ("subtract",))
        super().__init__(tau_mem, reset=reset, **options)
        self.set_constant("beta", given("beta", beta, check_finite))
        self._set_decay_of("adaptation", tau_adaptation, self.discretisation)
        check_count("refractory", refractory, least=0)
        self.refractory = refractory
        if bool(torch.as_tensor(self.v_threshold <= 0.0).any()):
            raise ValueError(f"v_threshold is {self.v_threshold}, expected a positive one: distances are in its unit")

    @classmethod
    def per_step(
        cls,
        decay: Constant = 0.9,
        decay_adaptation: Constant = 0.95,
        *,
        beta: Constant = 0.2,
        refractory: int = 2,
        **options: Unpack[StepOptions],
    ) -> Self:
        r"""The form that papers use, $v[t] = \mathrm{decay}\cdot v[t-1] + I[t]$: input gain exactly 1.

        Args:
            decay, decay_adaptation: factors $\lambda$ and $\rho$ per step, in [0, 1).
            beta, refractory: as in the constructor.
            options: as in the constructor; with v_leak, $(1-\lambda)\,v_{leak}$ is added at each step.
        """
        decay = given("decay", decay, check_decay)
        decay_adaptation = given("decay_adaptation", decay_adaptation, check_decay)
        decays = {"mem": decay, "adaptation": decay_adaptation}
        return cls._of_decays(decays, 1.0 / (1.0 - decay), {**options}, beta=beta, refractory=refractory)

    def initial_state(self, current: Tensor) -> RefractoryALIFState:
        v = super().initial_state(current).v
        return RefractoryALIFState(v, *(torch.zeros_like(v) for _ in range(3)))

    def step(
        self, state: RefractoryALIFState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, RefractoryALIFState]:
        self.check_state(state, current)
        v = self.integrate(state.v, current) - self.v_threshold * state.spiked
        compared = v - self.beta * state.a
        free = state.rest == 0
        z = spike_function((compared - self.v_threshold) / self.v_threshold, self.inclusive) * free
        spiked = z if spike_function.reset_gradient else z.detach()
        rest = torch.where(z > 0, self.refractory, (state.rest - 1).clamp(min=0)).to(v)
        reported = torch.where(free, compared, compared.clamp(max=self.v_leak))
        return z, reported, RefractoryALIFState(v, self.decay_adaptation * state.a + z, spiked, rest)

    def threshold_rise(self, state: Any) -> Tensor:
        rise: Tensor = self.beta * state.a
        return rise

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: charge balance knows neither of the rest nor of how far the threshold has risen."""
        return Neuron.steady_rate(self, current)
