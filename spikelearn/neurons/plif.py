"""Parametric leaky integrate-and-fire neuron: its leak is learned."""

from typing import Self, Unpack

import torch
from torch import Tensor, nn

from spikelearn.checks import check_finite, check_positive
from spikelearn.neurons.base import NEURONS, Neuron, fits
from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import FiringOptions, MembraneNeuron, StepOptions, check_decay, check_time


@NEURONS.register("plif")
class PLIF(MembraneNeuron):
    r"""Leaky integrate-and-fire neuron whose decay is learned with the weights.

    $$v[t] = v[t-1] + k\,(v_{leak} + r\,I[t] - v[t-1]), \qquad k = \frac{1}{1 + e^{-w}}, \qquad
      z = \Theta(v - v_{threshold})$$

    then the reset of LIF. k is $dt/\tau_{mem}$ of an Euler step and w, the parameter ``logit``, what is learned, so
    that the decay $1 - k$ stays between 0 and 1; one for the whole population, or one a neuron where tau_mem is an
    array. In the form per step the input gain is 1 whatever k is. Rules that differentiate (``bptt``) learn w; rules
    that change synapses alone leave it as it is. It starts at v_leak. It has no rate map.

    Args:
        tau_mem: membrane time constant before anything is learned, seconds, above dt.
        v_leak: resting potential, same unit as ``v_threshold``.
        options: those of ``MembraneNeuron``.

    Shapes: current [B, ...] per step; state ``v``, spikes and v have the shape of the current; ``logit`` [] or [n].

    Raises:
        ValueError: a time constant not above dt; threshold not above rest; state and current differ in shape.

    Source: Fang et al., ICCV 2021 (parametric LIF; in the form per step its decay alone is learned, as the authors'
    library has it without "decay_input").
    """

    leaks = True

    logit: nn.Parameter

    def __init__(self, tau_mem: Constant = 2e-3, *, v_leak: Constant = 0.0, **options: Unpack[FiringOptions]) -> None:
        super().__init__(**options)
        self.unit_gain = False
        self.set_constant("v_leak", given("v_leak", v_leak, check_finite))
        self._check_rest()
        tau = given("tau_mem", tau_mem, check_time)
        if bool(torch.as_tensor(tau <= self.dt).any()):
            raise ValueError(f"tau_mem is {tau_mem} s with dt {self.dt} s, expected more than dt: lower dt")
        self._set_share(self.dt / tau)

    def _set_gain(self, r: Constant, dt: float) -> None:
        """The resistance; the decay is not a constant."""
        check_positive("dt", dt, "s")
        self.dt = dt
        self.set_constant("r", given("r", r, check_positive))
        self.v_leak = 0.0

    def _set_share(self, share: Constant) -> None:
        """Begin with k = ``share``."""
        value = torch.as_tensor(share, dtype=torch.float64)
        self.logit = nn.Parameter(torch.logit(value).to(torch.get_default_dtype()))

    @classmethod
    def per_step(cls, decay: Constant = 0.9, **options: Unpack[StepOptions]) -> Self:
        r"""The form $v[t] = (1-k)\,v[t-1] + I[t]$: input gain exactly 1.

        Args:
            decay: $1 - k$ before anything is learned, factor per step, in (0, 1).
            options: as in the constructor; with v_leak, $k\,v_{leak}$ is added at each step.
        """
        decay = given("decay", decay, check_decay)
        dt = options.get("dt", 1e-3)
        check_positive("dt", dt, "s")
        if bool(torch.as_tensor(decay == 0.0).any()):
            raise ValueError(f"decay is {decay}, expected a number in (0, 1): at 0 nothing can be learned")
        neuron = cls(dt / (1.0 - decay), **options)
        neuron.unit_gain = True
        neuron._set_share(1.0 - decay)
        return neuron

    @property
    def decay_mem(self) -> Constant:  # type: ignore[override]
        """The decay per step as it is now, [] or [n]."""
        return 1.0 - torch.sigmoid(self.logit)

    def check_constants(self, current: Tensor) -> None:
        super().check_constants(current)
        if self.logit.ndim and not fits(self.logit.shape, current.shape[1:]):
            raise ValueError(
                f"logit of PLIF has shape {list(self.logit.shape)}, but the neurons are {list(current.shape[1:])}: "
                "give one tau_mem or decay for all, or one a neuron"
            )

    def integrate(self, v: Tensor, current: Tensor) -> Tensor:
        share = torch.sigmoid(self.logit)
        if self.unit_gain:
            return v + share * (self.v_leak - v) + current
        return v + share * (self.v_leak + self.r * current - v)

    def steady_rate(self, current: Tensor) -> Tensor:
        """None: the decay changes as it is learned."""
        return Neuron.steady_rate(self, current)
