"""Synaptic trace: a population that sends on what arrives, filtered as a synapse and a membrane would."""

from typing import NamedTuple, Self

import torch
from torch import Tensor

from spikelearn.checks import check_flag
from spikelearn.neurons.base import NEURONS
from spikelearn.neurons.parts.constants import Constant
from spikelearn.neurons.parts.membrane import Discretisation
from spikelearn.neurons.parts.spike_function import SpikeFunction
from spikelearn.neurons.parts.synaptic_filter import SynapticFilter, decays_given


class SynapticTraceState(NamedTuple):
    """q: what arrives, filtered once; p: filtered twice; both [B, ...]."""

    q: Tensor
    p: Tensor


@NEURONS.register("synaptic-trace")
class SynapticTrace(SynapticFilter):
    r"""Population that sends the postsynaptic potential of what arrives, a real value in place of spikes.

    $$q[t] = \alpha\,q[t-1] + (1-\alpha)\,I[t], \qquad p[t] = \lambda\,p[t-1] + (1-\lambda)\,r\,q[t]$$

    $\alpha = e^{-dt/\tau_{syn}}$, $\lambda = e^{-dt/\tau_{mem}}$ ("exact") or $1 - dt/\tau$ ("euler"). Between spikes
    and the weights behind them it makes the trace that meets these weights a part of the network: then a change of the
    weights counts at once for all spikes of the past, and a bias is not filtered. In front of it stands a synapse
    without weights (``nn.Identity()``, a pool); ``spike-response`` neurons whose own decays are 0 stand behind the
    weights. It starts at 0, and v is p.

    Args:
        tau_mem, tau_syn: membrane and synaptic time constant, seconds.
        r: resistance, unit of v per unit of current.
        discretisation: "exact" or "euler".
        dt: time step, seconds.

    Shapes: current [B, ...] per step; states ``q`` and ``p``, what is sent and v have the shape of the current.

    Raises:
        ValueError: a time not positive; a time constant < dt with "euler"; state and current differ in shape.

    Source: Kaiser, Mostafa & Neftci, Frontiers in Neuroscience 14, 2020 (P and Q of DECOLLE).
    """

    fires = False
    graded = True
    v_threshold = float("inf")

    def __init__(
        self,
        tau_mem: Constant = 10e-3,
        tau_syn: Constant = 5e-3,
        *,
        r: Constant = 1.0,
        discretisation: Discretisation = "exact",
        dt: float = 1e-3,
    ) -> None:
        super().__init__()
        self._set_filters(tau_mem, tau_syn, r, dt, discretisation)

    @classmethod
    def per_step(
        cls, decay_mem: Constant = 0.9, decay_syn: Constant = 0.85, *, unit_gain: bool = False, dt: float = 1e-3
    ) -> Self:
        r"""The form with decays per step.

        Args:
            decay_mem, decay_syn: $\lambda$ and $\alpha$ per step, in [0, 1).
            unit_gain: both gains 1, in place of $1-\lambda$ and $1-\alpha$.
            dt: as in the constructor.
        """
        check_flag("unit_gain", unit_gain)
        decays = decays_given(mem=decay_mem, syn=decay_syn)
        times = {f"tau_{name}": dt / (1.0 - decay) for name, decay in decays.items()}
        neuron = cls(**times, discretisation="euler", dt=dt)
        neuron._set_decays(unit_gain, **decays)
        return neuron

    def initial_state(self, current: Tensor) -> SynapticTraceState:
        p = super().initial_state(current).v
        return SynapticTraceState(torch.zeros_like(p), p)

    def step(
        self, state: SynapticTraceState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, SynapticTraceState]:
        self.check_state(state, current)
        q, p = self.filtered(state.q, state.p, current)
        return p, p, SynapticTraceState(q, p)
