"""The TSSL adjoint by hand-computable numbers, and against a second way of writing it."""

import math

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, TraceReadout
from spikelearn.neurons import LIF, NO_ADJOINT, TSSL, CubaLIF, Surrogate
from spikelearn.plasticity import TSSLBP, Batch, VanRossum

F64 = torch.float64


def neuron(tau_mem=5, tau_syn=3, threshold=1.0):
    return CubaLIF(tau_mem * 1e-3, tau_syn * 1e-3, r=tau_mem, v_threshold=threshold, discretisation="euler")


def current(steps=12, seed=0, scale=2.0):
    torch.manual_seed(seed)
    return scale * torch.randn(steps, 3, 7, dtype=F64) + 0.6


def errors(adjoint, model, x, q):
    """dL/dI for dL/dz = q."""
    x = x.clone().requires_grad_()
    spikes, _, _ = adjoint.sequence(model, model.initial_state(x[0]), x)
    return torch.autograd.grad(spikes, x, q)[0]


def explicit(model, x, q, warm_up=True, intra=True, reset_sign=1.0):
    """The same as sums over all later steps, written from the chain of errors, element by element."""
    steps = len(x)
    lam, alpha, gain = model.decay_mem, model.decay_syn, model.gain_syn
    out = torch.zeros_like(x)
    for place in torch.cartesian_prod(torch.arange(x.shape[1]), torch.arange(x.shape[2])).tolist():
        series, given = x[(slice(None), *place)].tolist(), q[(slice(None), *place)].tolist()
        i = v = a = 0.0
        u, d, z, trace = [], [], [], []
        for now in series:
            i = alpha * i + gain * now
            u.append(lam * v + i)
            d.append(u[-1] - v)
            z.append(1.0 if u[-1] > model.v_threshold else 0.0)
            v = 0.0 if z[-1] else u[-1]
            a = alpha * a + gain * z[-1]
            trace.append(a)
        c = [min(max(1.0 / slope, 0.0), 8.0) if fired else 0.0 for slope, fired in zip(d, z, strict=True)]
        h = [0.0] * steps
        error = 0.0
        for t in range(steps - 1, -1, -1):
            through = (1.0 - lam) if reset_sign > 0 else -lam
            factor = through * u[t] * c[t] if z[t] else lam
            error = c[t] * given[t] + (error * factor if intra else 0.0)
            slope = 1.0 / (1.0 + math.exp(-min(max((u[t] - model.v_threshold) / 0.2, -8.0), 8.0)))
            h[t] = given[t] * slope * (1.0 - slope) / 0.2 if warm_up and trace[t] < gain / 4.0 else error
        for t in range(steps):
            out[(t, *place)] = gain * sum(alpha ** (k - t) * h[k] for k in range(t, steps))
    return out


@pytest.mark.parametrize(
    ("adjoint", "options"),
    [
        (TSSL(), {}),
        (TSSL(intra=False), {"intra": False}),
        (TSSL("never"), {"warm_up": False}),
        (TSSL("never", bptt_reset=True), {"warm_up": False, "reset_sign": -1.0}),
        (TSSL(bptt_reset=True), {"reset_sign": -1.0}),
    ],
    ids=repr,
)
def test_is_what_the_equations_say(adjoint, options):
    x = current()
    q = torch.randn_like(x)
    torch.testing.assert_close(
        errors(adjoint, neuron(), x, q), explicit(neuron(), x, q, **options), rtol=1e-11, atol=1e-12
    )


def test_surrogate_everywhere():
    """Then the membrane keeps no memory of errors: each step has its own slope."""
    x = current()
    model, q = neuron(), torch.randn_like(x)
    _, u, _ = TSSL().sequence(model, model.initial_state(x[0]), x)
    y = torch.sigmoid(((u - 1.0) / 0.2).clamp(-8, 8))
    h = q * y * (1 - y) / 0.2
    expected = torch.stack([sum(model.decay_syn ** (k - t) * h[k] for k in range(t, 12)) for t in range(12)])
    torch.testing.assert_close(errors(TSSL("always"), model, x, q), model.gain_syn * expected)


def test_forward_values_are_the_neurons_own():
    x = current(30)
    model = neuron()
    found = TSSL().sequence(model, model.initial_state(x[0]), x)
    expected = NO_ADJOINT.sequence(model, model.initial_state(x[0]), x)
    assert found[0].equal(expected[0])
    assert found[1].equal(expected[1])
    assert found[2].v.equal(expected[2].v)
    assert found[2].i.equal(expected[2].i)
    assert 0.05 < float(found[0].mean()) < 0.95


def test_goes_on_from_a_state():
    x = current(10)
    model = neuron()
    whole, _, _ = TSSL().sequence(model, model.initial_state(x[0]), x)
    first, _, state = TSSL().sequence(model, model.initial_state(x[0]), x[:4])
    second, _, _ = TSSL().sequence(model, state, x[4:])
    assert torch.cat([first, second]).equal(whole)


@pytest.mark.parametrize("drive", [3.0, 0.5])
def test_one_step(drive):
    """T = 1: the slope of the membrane where it fires, else the sigmoid's."""
    model = neuron()
    x = torch.full((1, 1, 1), drive / model.gain_syn, dtype=F64)
    q = torch.tensor([[[0.7]]], dtype=F64)
    slope = min(1.0 / drive, 8.0)
    e = math.exp((1.0 - drive) / 0.2)
    expected = 0.7 * (slope if drive > 1.0 else e / (0.2 * (1 + e) ** 2)) * model.gain_syn
    assert float(errors(TSSL(), model, x, q)) == pytest.approx(expected, rel=1e-12)


def test_causal():
    """The error at t depends on later errors only, and the output before t not on the input at t."""
    x = current()
    model, q = neuron(), torch.randn(12, 3, 7, dtype=F64)
    moved = q.clone()
    moved[:5] += 1.0
    assert errors(TSSL(), model, x, q)[5:].equal(errors(TSSL(), model, x, moved)[5:])
    pushed = x.clone()
    pushed[7] += 3.0
    spikes = [TSSL().sequence(model, model.initial_state(x[0]), y)[0] for y in (x, pushed)]
    assert spikes[0][:7].equal(spikes[1][:7])


def test_linear_in_the_error():
    x = current()
    model = neuron()
    p, q = torch.randn(2, 12, 3, 7, dtype=F64)
    both = errors(TSSL(), model, x, 2.0 * p - 3.0 * q)
    torch.testing.assert_close(both, 2.0 * errors(TSSL(), model, x, p) - 3.0 * errors(TSSL(), model, x, q))
    assert errors(TSSL(), model, x, torch.zeros_like(q)).abs().max() == 0


def test_without_its_two_changes_it_is_bptt():
    """True reset and no warm-up: autograd through the neuron, with c for the spike's derivative."""
    x = current()
    model, q = neuron(), torch.randn(12, 3, 7, dtype=F64)
    _, u, _ = TSSL().sequence(model, model.initial_state(x[0]), x)
    before = torch.cat([torch.zeros_like(u[:1]), u[:-1] * (u[:-1] <= 1.0)])
    c = torch.where(u > 1.0, (1.0 / (u - before)).clamp(0.0, 8.0), 0.0)
    slopes = iter(c)
    bptt = Surrogate(lambda _: next(slopes), reset_gradient=True)
    torch.testing.assert_close(errors(TSSL("never", bptt_reset=True), model, x, q), errors(bptt, model, x, q))


def test_a_membrane_that_does_not_move_gives_no_nan():
    """With d = 0 at a silent step, 1/d must not meet the 0 of the missing spike."""
    model = neuron()
    x = torch.zeros(6, 1, 2, dtype=F64)
    assert torch.isfinite(errors(TSSL(), model, x, torch.ones_like(x))).all()


def test_layer_warm_up_follows_the_mean_rate():
    model = neuron()
    busy, quiet = torch.ones(4, 1, 10), torch.zeros(4, 1, 10)
    quiet[0, 0, :3] = 1.0
    assert not TSSL("layer").silent(model, busy).any()
    assert TSSL("layer").silent(model, quiet).all()
    assert not TSSL("never").silent(model, quiet).any()


def test_the_bound_of_the_trace_is_strict():
    """tau_syn = 2: the trace of an old spike lands on 1/8 exactly, which is still within."""
    spikes = torch.tensor([0.0, 1, 0, 0, 0]).view(-1, 1, 1)
    silent = TSSL().silent(neuron(tau_syn=2), spikes).flatten().tolist()
    assert silent == [True, False, False, False, True]


def test_refusals():
    x = torch.zeros(3, 1, 2)
    with pytest.raises(ValueError, match="current-based LIF.*not of LIF"):
        TSSL().sequence(LIF(), LIF().initial_state(x[0]), x)
    soft = CubaLIF(reset="subtract")
    with pytest.raises(ValueError, match='reset="to_value"'):
        TSSL().sequence(soft, soft.initial_state(x[0]), x)
    with pytest.raises(ValueError, match="whole sequence at once"):
        TSSL().step(neuron(), neuron().initial_state(x[0]), x[0])
    with pytest.raises(ValueError, match="warm_up is 'now'"):
        TSSL("now")
    with pytest.raises(ValueError, match="cap is 0"):
        TSSL(cap=0)
    y = torch.zeros(3, 1, 2, requires_grad=True)
    _, v, _ = TSSL().sequence(neuron(), neuron().initial_state(y[0]), y)
    with pytest.raises(ValueError, match="no derivative of potentials"):
        v.sum().backward()


def test_silent_network():
    """Output weights met no spike and do not move; hidden ones learn by the surrogate."""
    torch.manual_seed(0)
    blocks = {"fc1": Block(nn.Linear(5, 6, bias=False), neuron()), "fc2": Block(nn.Linear(6, 3, bias=False), neuron())}
    network = Network(blocks, readout=TraceReadout(tau_syn=3e-3)).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(0.3)
    batch = Batch((torch.rand(5, 4, 5) < 0.5).double(), torch.tensor([0, 1, 2, 0]))
    (update,) = TSSLBP(VanRossum()).updates(network, batch, {}, torch.Generator())
    assert update.grads["blocks.fc2.synapse.weight"].abs().max() == 0
    hidden = update.grads["blocks.fc1.synapse.weight"]
    assert torch.isfinite(hidden).all()
    assert hidden.abs().max() > 0
    assert update.metrics == {"surrogate_fc1": 1.0, "surrogate_fc2": 1.0}
