"""Identity of e-prop: backpropagation through time with the spikes that neurons send to each other stopped."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Block, Feedback, Network
from spikelearn.neurons import LIF, AdaptiveLIF, LeakyIntegrator, Neuron, SpikeFunction
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.identities.base import DECAY, changes, compare, draw, identity, spikes_for
from spikelearn.plasticity.three_factor.e_prop import EProp
from spikelearn.plasticity.three_factor.traces import EligibilityTrace

#: Largest difference, relative to the expected change.
WITHIN = 1e-10
#: Decay of the readout, of gain 1 - KAPPA.
KAPPA = 0.75

States = tuple[Tensor, ...]


@identity("e-prop")
def e_prop() -> None:
    """Of LIF, adaptive and coupled neurons, in both forms, with closed and derived eligibilities."""
    leaky, adaptive = (
        LIF.per_step(DECAY, reset="subtract"),
        AdaptiveLIF.per_step(DECAY, 0.9, beta=0.3, reset="subtract"),
    )
    for neuron, step, states in ((leaky, _leaky, 1), (adaptive, _adaptive, 2), (_Coupled(), _coupled, 2)):
        network, batch = _recurrent(neuron), spikes_for(6, 4)
        expected = _with_stopped_spikes(network, batch, step, states)
        for rule in (EProp(), EProp(form="step"), EProp(trace=EligibilityTrace(closed=False), form="step")):
            compare("e-prop", changes(rule, network, batch), expected, WITHIN)


def _recurrent(neuron: Neuron) -> Network:
    """Eight neurons that feed each other and themselves, and a leaky readout."""
    readout = LeakyIntegrator.per_step(KAPPA)
    readout.set_constant("gain_mem", 1.0 - KAPPA)
    blocks = {"b0": Block(nn.Linear(6, 8), neuron), "b1": Block(nn.Linear(8, 4), readout)}
    network = Network(blocks, {"loop": Feedback("b0", "b0", nn.Linear(8, 8, bias=False))})
    draw(network, 0.7)
    return network


def _with_stopped_spikes(
    network: Network, batch: Batch, step: Callable[[States, Tensor], tuple[Tensor, States]], states: int
) -> dict[str, Tensor]:
    """The gradient of the cross-entropy of the readout at all steps, by a plain loop."""
    names, parameters = zip(*network.named_parameters(), strict=True)
    w_in, b_in, w_out, b_out, w_rec = parameters
    zero = torch.zeros(batch.size, 8, dtype=torch.float64)
    state, z, y = (zero,) * states, zero, torch.zeros(batch.size, 4, dtype=torch.float64)
    total = torch.zeros((), dtype=torch.float64)
    for x in batch.inputs:
        z, state = step(state, x @ w_in.T + b_in + z.detach() @ w_rec.T)
        y = KAPPA * y + (1.0 - KAPPA) * (z @ w_out.T + b_out)
        total = total + F.cross_entropy(y, batch.targets) / len(batch.inputs)
    return dict(zip(names, torch.autograd.grad(total, parameters), strict=True))


def _leaky(state: States, current: Tensor) -> tuple[Tensor, States]:
    u = DECAY * state[0] + current
    z = _Bump.apply(u - 1.0)
    return z, (u - z.detach(),)


def _adaptive(state: States, current: Tensor) -> tuple[Tensor, States]:
    v, a = state
    u = DECAY * v + current
    z = _Bump.apply(u - 0.3 * a - 1.0)
    return z, (u - z.detach(), 0.9 * a + z)


def _coupled(state: States, current: Tensor) -> tuple[Tensor, States]:
    u, w = state
    u, w = 0.8 * u - 0.3 * w + current, 0.4 * u * w.cos() + 0.7 * w
    z = _Bump.apply(u - 1.0)
    return z, (u * (1.0 - z.detach()), w + 0.2 * z)


class _CoupledState(NamedTuple):
    """Two potentials that turn into each other."""

    u: Tensor
    w: Tensor


class _Coupled(Neuron):
    """A neuron whose two states drive each other and themselves: its eligibility has no closed form here."""

    v_threshold, dt = 1.0, 1e-3

    def initial_state(self, current: Tensor) -> _CoupledState:
        return _CoupledState(torch.zeros_like(current), torch.zeros_like(current))

    def step(
        self, state: _CoupledState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, _CoupledState]:
        self.check_state(state, current)
        u = 0.8 * state.u - 0.3 * state.w + current
        w = 0.4 * state.u * state.w.cos() + 0.7 * state.w
        z = spike_function(u - 1.0)
        return z, u, _CoupledState(u * (1.0 - z.detach()), w + 0.2 * z)


class _Bump(torch.autograd.Function):
    """A spike, whose derivative is a triangle of height 0.3."""

    @staticmethod
    def forward(context: Any, over: Tensor) -> Tensor:
        context.save_for_backward(over)
        return (over > 0).to(over.dtype)

    @staticmethod
    def backward(context: Any, *errors: Tensor) -> Tensor:
        (over,) = context.saved_tensors
        return errors[0] * 0.3 * (1.0 - over.abs()).clamp(min=0.0)
