"""The backward pass that visits only errors that are not zero, against the eager loop behind a dense product."""

import pytest
import torch
from torch import nn

from spikelearn import events
from spikelearn.fused import layer_scan
from spikelearn.fused.cpu import sparse
from spikelearn.network import Block, Network
from spikelearn.neurons import IF, LIF, ATan, CubaLIF, Rectangle, Surrogate, Triangle
from spikelearn.plasticity import BPTT, Batch

F64 = torch.float64
TOLERANCE = {F64: {"rtol": 1e-12, "atol": 1e-12}, torch.float32: {"rtol": 1e-4, "atol": 1e-4}}
NEURONS = [
    lambda: LIF.per_step(0.9, reset="subtract"),
    lambda: LIF(10e-3, r=12.0, reset="subtract", v_leak=0.1, v_threshold=1.5),
    lambda: IF(1.5, reset="subtract", r=2.0),
]
#: Steps, samples, inputs, neurons: below, at and above the entries that are looked at and summed together.
SIZES = [(6, 3, 64, 64), (9, 2, 131, 70), (1, 5, 65, 3), (40, 1, 20, 129), (5, 130, 70, 200)]


@pytest.fixture
def taken(monkeypatch):
    """Small records have events too; what the sparse pass answered is noted."""
    monkeypatch.setattr(events, "SMALLEST", 0)
    monkeypatch.setattr(events, "BREAK_EVEN", 1.0)
    answers, real = [], sparse.sparse_gradients

    def noted(*arguments):
        answers.append(real(*arguments))
        return answers[-1]

    monkeypatch.setattr("spikelearn.fused.cpu.layer.sparse_gradients", noted)
    return answers


def always(monkeypatch, weight_by_errors=True):
    monkeypatch.setattr(sparse, "BREAK_EVEN", 1.0)
    monkeypatch.setattr(sparse, "most_errors", lambda *_: 1.1 if weight_by_errors else 0.0)


def made(size, dtype=F64, bias=True):
    torch.manual_seed(1)
    steps, batch, n, m = size
    linear = nn.Linear(n, m, bias=bias, dtype=dtype)
    with torch.no_grad():
        linear.weight.mul_(3.0).add_(0.1)
    pre = (torch.rand(steps, batch, n) < 0.15).to(dtype).requires_grad_()
    return linear, pre, torch.randn(steps, batch, m, dtype=dtype)


def gradients(how, psi, neuron, size, dtype=F64, loss=None, bias=True, reset_gradient=False, **kept):
    linear, pre, post = made(size, dtype, bias)
    start = neuron.initial_state(torch.zeros(size[1], size[3], dtype=dtype))
    start = type(start)(start.v.clone().requires_grad_(loss == "start"))
    adjoint = Surrogate(psi, reset_gradient=reset_gradient, **kept)
    spikes, v, last = how(adjoint, linear, neuron, start, pre)
    value = (spikes * post).sum()
    if loss == "rate":
        value = (spikes.mean(0) * post[0]).sum()
    elif loss == "potentials":
        value = value + (v * post).sum()
    elif loss == "last":
        value = value + (last.v * post[0]).sum()
    leaves = [pre, *linear.parameters(), *([start.v] if loss == "start" else [])]
    return torch.autograd.grad(value, leaves), v.detach()


def fast(adjoint, linear, neuron, start, pre):
    found = layer_scan(adjoint, linear, neuron, start, pre, hollow=False)
    assert found is not None
    return found


def eager(adjoint, linear, neuron, start, pre):
    return adjoint.sequence(neuron, start, linear(pre))


def compare(*arguments, dtype=F64, **options):
    (found, _), (expected, v) = (gradients(how, *arguments, dtype=dtype, **options) for how in (fast, eager))
    torch.testing.assert_close(found, expected, **TOLERANCE[dtype])
    return expected, v


@pytest.mark.parametrize("weight_by_errors", [True, False])
@pytest.mark.parametrize("width", [1e-12, 0.05, 0.5, 1e3])
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_is_the_dense_one(taken, monkeypatch, size, width, weight_by_errors):
    always(monkeypatch, weight_by_errors)
    (grad_pre, *_), v = compare(Triangle(width, 0.7), NEURONS[0](), size)
    near = ((v - 1.0).abs() < width).double().mean()
    assert bool(grad_pre.any()) == bool(near)
    assert {1e-12: near == 0, 0.05: near < 0.2, 0.5: 0 < near < 1, 1e3: near == 1}[width]
    assert len(taken) == 1
    assert taken[0] is not None


@pytest.mark.parametrize("make", NEURONS)
@pytest.mark.parametrize("dtype", [F64, torch.float32])
@pytest.mark.parametrize("bias", [True, False])
def test_every_neuron_and_type(taken, monkeypatch, make, dtype, bias):
    always(monkeypatch)
    compare(Rectangle(0.4, 0.8), make(), SIZES[1], dtype=dtype, bias=bias)
    assert taken[0] is not None


@pytest.mark.parametrize("psi", [Triangle(0.3, 0.7), Rectangle(0.2)], ids=repr)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_derivatives_as_bytes(taken, monkeypatch, size, psi):
    always(monkeypatch)
    (sparsely, _), counts = gradients(fast, psi, NEURONS[0](), size, derivative_bytes=True), []
    monkeypatch.setattr("spikelearn.fused.cpu.layer.sparse_gradients", lambda *_: counts.append(1))
    densely, _ = gradients(fast, psi, NEURONS[0](), size, derivative_bytes=True)
    assert taken[0] is not None
    assert counts
    torch.testing.assert_close(sparsely, densely, **TOLERANCE[F64])


def test_a_gradient_that_is_the_same_at_all_steps(taken, monkeypatch):
    always(monkeypatch)
    compare(Triangle(0.3), NEURONS[0](), SIZES[1], loss="rate")
    assert taken[0] is not None


@pytest.mark.parametrize("loss", ["potentials", "last", "start"])
def test_gradients_of_potentials_are_dense(taken, monkeypatch, loss):
    always(monkeypatch)
    compare(Triangle(0.3), NEURONS[0](), SIZES[1], loss=loss)
    assert not taken


@pytest.mark.parametrize(
    ("neuron", "psi", "reset_gradient"),
    [
        (LIF.per_step(0.9, reset="to_value"), Triangle(0.1), False),
        (LIF.per_step(0.9, reset="subtract"), Triangle(0.1), True),
        (LIF.per_step(0.9, reset="subtract"), ATan(), False),
    ],
)
def test_errors_that_cannot_be_filtered_elsewhere_are_dense(taken, monkeypatch, neuron, psi, reset_gradient):
    always(monkeypatch)
    compare(psi, neuron, SIZES[1], reset_gradient=reset_gradient)
    assert not taken


def test_many_errors_are_dense(taken):
    compare(Triangle(0.01), NEURONS[0](), SIZES[4])
    compare(Triangle(5.0), NEURONS[0](), SIZES[4])
    assert [found is None for found in taken] == [False, True]


def test_errors_that_the_loss_does_not_feel_are_not_listed(monkeypatch):
    monkeypatch.setattr(events, "SMALLEST", 0)
    linear, pre, post = made(SIZES[1])
    neuron = NEURONS[0]()
    spikes, *_ = fast(Surrogate(Triangle(1e3)), linear, neuron, None, pre)
    ctx = spikes.grad_fn
    post[:, :, 3:] = 0
    _, v = ctx.saved_tensors
    with torch.no_grad():
        lists = sparse.list_errors(ctx.settings, v, post, 1.0, summed=False)
    assert int((lists.ends - lists.starts).sum()) == post[:, :, :3].numel()
    assert ctx.settings.count.share == 1.0


def two_layers(neuron=None):
    torch.manual_seed(0)
    make = neuron or (lambda: LIF.per_step(0.9, reset="subtract"))
    network = Network({"hidden": Block(nn.Linear(300, 80), make()), "out": Block(nn.Linear(80, 4), make())})
    with torch.no_grad():
        for block in network.blocks.values():
            block.synapse.weight.mul_(3.0).add_(0.05)
    inputs = (torch.rand(10, 30, 300) < 0.05).to(torch.uint8)
    return network, Batch(inputs, torch.randint(0, 4, (30,)))


@pytest.mark.parametrize("neuron", [None, lambda: LIF.per_step(0.9), lambda: CubaLIF.per_step(0.9, 0.5)])
def test_shares_of_active_errors_are_reported(neuron):
    network, batch = two_layers(neuron=neuron)
    record = network.run(batch.inputs)[0]
    (update,) = BPTT(adjoint=Surrogate(Rectangle(0.2))).updates(network, batch, {}, torch.Generator())
    shares = {f"active_errors_{n}": float(((a.v - 1.0).abs() < 0.2).double().mean()) for n, a in record.items()}
    assert update.metrics == pytest.approx(shares)
    assert all(0 < share < 0.5 for share in shares.values())


def test_a_surrogate_that_is_zero_nowhere_reports_none():
    network, batch = two_layers()
    (update,) = BPTT(adjoint=Surrogate(ATan())).updates(network, batch, {}, torch.Generator())
    assert update.metrics == {}


def test_a_network_learns_alike_either_way(monkeypatch):
    network, batch = two_layers()
    rule = BPTT(adjoint=Surrogate(Triangle(0.1)))
    network.double()
    batch = Batch(batch.inputs.double(), batch.targets)
    (quick,) = rule.updates(network, batch, {}, torch.Generator())
    monkeypatch.setattr(sparse, "BREAK_EVEN", 0.0)
    (dense,) = rule.updates(network, batch, {}, torch.Generator())
    assert quick.metrics == dense.metrics
    assert all(grad.any() for grad in dense.grads.values())
    torch.testing.assert_close(quick.grads, dense.grads, **TOLERANCE[F64])
