"""Hand-computable numbers of the adaptive threshold, and where its derivative runs."""

import math

import pytest
import torch

from spikelearn.export.nir import to_graph
from spikelearn.network import build
from spikelearn.neurons import HARD, LIF, AdaptiveLIF, AdaptiveLIFState, SpikeFunction, Triangle

F64 = torch.float64


def run(neuron, currents, function=HARD):
    record = torch.as_tensor(currents, dtype=F64).reshape(-1, 1, 1)
    state, spikes, potentials, adapted = neuron.initial_state(record[0]), [], [], []
    for now in record:
        z, v, state = neuron.step(state, now, function)
        spikes.append(z.item())
        potentials.append(v.item())
        adapted.append(state.a.item())
    return spikes, potentials, adapted, state


def test_the_threshold_rises_at_a_spike_and_falls_back():
    neuron = AdaptiveLIF.per_step(0.5, 0.5, beta=0.4)
    spikes, v, a, state = run(neuron, [1.2, 1.2, 1.2, 1.2, 0.0])
    # v: 1.2 fires | 1.2 against 1.4 | 1.8 against 1.2 fires | 1.2 against 1.5 | 0.6 against 1.25
    assert spikes == [1.0, 0.0, 1.0, 0.0, 0.0]
    assert v == pytest.approx([1.2, 0.8, 1.6, 0.7, 0.35], abs=1e-15)
    assert a == pytest.approx([1.0, 0.5, 1.25, 0.625, 0.3125], abs=1e-15)
    assert state.v.item() == pytest.approx(0.6, abs=1e-15)


def test_what_is_subtracted_does_not_rise():
    neuron = AdaptiveLIF.per_step(0.5, 0.5, beta=0.4, reset="subtract")
    spikes, v, a, state = run(neuron, [1.2, 1.4, 1.4])
    # v: 1.2 fires, 0.2 left | 1.5 against 1.4 fires, 0.5 left | 1.65 against 1.6 fires, 0.65 left
    assert spikes == [1.0, 1.0, 1.0]
    assert v == pytest.approx([1.2, 1.1, 1.05], abs=1e-15)
    assert a == pytest.approx([1.0, 1.5, 1.75], abs=1e-15)
    assert state.v.item() == pytest.approx(0.65, abs=1e-15)


def test_equality_fires_only_if_inclusive():
    start = AdaptiveLIFState(torch.zeros(1, 1, dtype=F64), torch.ones(1, 1, dtype=F64))
    for inclusive in (False, True):
        neuron = AdaptiveLIF.per_step(0.5, beta=0.5, inclusive=inclusive)
        z, v, _ = neuron.step(start, torch.full((1, 1), 1.5, dtype=F64), HARD)
        assert (z.item(), v.item()) == (float(inclusive), 1.0)


def test_time_constants_become_decays():
    exact, euler = AdaptiveLIF(10e-3, 50e-3), AdaptiveLIF(10e-3, 50e-3, discretisation="euler")
    assert (exact.decay_mem, exact.decay_adaptation) == (math.exp(-0.1), math.exp(-0.02))
    assert (euler.decay_mem, euler.decay_adaptation) == pytest.approx((0.9, 0.98), rel=1e-15)
    per_step = AdaptiveLIF.per_step(0.8, 0.9)
    assert (per_step.decay_mem, per_step.decay_adaptation, per_step.gain_mem) == (0.8, 0.9, 1.0)
    assert (per_step.tau_mem, per_step.tau_adaptation) == pytest.approx((5e-3, 10e-3), rel=1e-15)


@pytest.mark.parametrize("reset", ["to_value", "subtract"])
def test_without_a_rise_it_is_a_lif(reset):
    currents = 2 * torch.rand(60)
    adaptive = AdaptiveLIF(10e-3, beta=0.0, r=9.0, v_leak=0.1, v_reset=-0.2, reset=reset)
    plain = LIF(10e-3, r=9.0, v_leak=0.1, v_reset=-0.2, reset=reset)
    record = currents.reshape(-1, 1, 1)
    states = [adaptive.initial_state(record[0]), plain.initial_state(record[0])]
    fired = 0.0
    for now in record:
        z, v, states[0] = adaptive.step(states[0], now, HARD)
        z_plain, v_plain, states[1] = plain.step(states[1], now, HARD)
        assert z.equal(z_plain)
        assert v.equal(v_plain)
        fired += z.item()
    assert fired > 5


@pytest.mark.parametrize("reset", ["to_value", "subtract"])
def test_values_do_not_depend_on_who_differentiates(reset):
    neuron = AdaptiveLIF(10e-3, 30e-3, r=12.0, v_leak=0.1, v_reset=-0.2, reset=reset)
    record = 0.4 + torch.randn(50, 2, 7)
    simulated, traced = neuron.initial_state(record[0]), neuron.initial_state(record[0])
    function = SpikeFunction(Triangle())
    for now in record:
        z, v, simulated = neuron.step(simulated, now, HARD)
        z_traced, v_traced, traced = neuron.step(traced, now.clone().requires_grad_(), function)
        assert z.equal(z_traced)
        assert v.equal(v_traced)
        assert all(one.equal(two) for one, two in zip(simulated, traced, strict=True))


@pytest.mark.parametrize("reset_gradient", [False, True])
def test_the_derivative_runs_through_the_threshold(reset_gradient):
    """Two steps by hand, psi = 1 - |x|: dz2/dI1 through the membrane, and -beta psi2 psi1 through the threshold."""
    neuron = AdaptiveLIF.per_step(0.5, 0.5, beta=0.4)
    current = torch.tensor([1.2, 1.3], dtype=F64).reshape(2, 1, 1).requires_grad_()
    state, function = neuron.initial_state(current[0]), SpikeFunction(Triangle(), reset_gradient=reset_gradient)
    for now in current.unbind(0):
        z, _, state = neuron.step(state, now, function)
    (grad,) = torch.autograd.grad(z.sum(), current)
    psi1, psi2 = 1 - 0.2, 1 - 0.1  # v1 = 1.2 fires, then 1.3 against 1.4
    through_reset = -1.2 * psi1 * 0.5 if reset_gradient else 0.0
    assert grad.flatten().tolist() == pytest.approx([psi2 * (through_reset - 0.4 * psi1), psi2], rel=1e-12)


def test_what_it_has_not_is_said():
    with pytest.raises(ValueError, match="AdaptiveLIF has no rate map"):
        AdaptiveLIF(reset="subtract").steady_rate(torch.ones(1))
    with pytest.raises(ValueError, match="AdaptiveLIF neurons, for which NIR has no node"):
        to_graph(build("4-3", AdaptiveLIF.per_step), (4,), {})
    with pytest.raises(ValueError, match="tau_adaptation is 0"):
        AdaptiveLIF(tau_adaptation=0.0)
    with pytest.raises(ValueError, match="decay_adaptation is 1.0"):
        AdaptiveLIF.per_step(0.9, 1.0)
    with pytest.raises(ValueError, match="beta is nan"):
        AdaptiveLIF(beta=float("nan"))
