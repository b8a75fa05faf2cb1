"""Surrogate derivatives kept as bytes, against the same kept as they are."""

import pytest
import torch
from torch import nn

from spikelearn import events
from spikelearn.fused import layer_scan, scan
from spikelearn.network import Block, Network
from spikelearn.neurons import (
    ADJOINTS,
    IF,
    LIF,
    ATan,
    CubaLIF,
    FastSigmoid,
    Rectangle,
    Sigmoid,
    Surrogate,
    Triangle,
)
from spikelearn.plasticity import BPTT, Batch

F64 = torch.float64
NEURONS = [
    LIF.per_step(0.9, reset="subtract"),
    LIF(10e-3, r=12.0, v_leak=0.1, v_reset=-0.2, inclusive=True),
    IF(1.5, reset="subtract", r=2.0),
]
DERIVATIVES = [ATan(3.0), FastSigmoid(5.0), Triangle(0.8, 0.6), Sigmoid(4.0), Rectangle(0.5, 0.7)]


class Rounded:
    """The root of psi to the nearest 255th of that of psi(0), squared, by torch."""

    def __init__(self, psi):
        self.psi = psi

    def __call__(self, x):
        peak = self.psi(torch.zeros((), dtype=x.dtype))
        return ((self.psi(x) / peak).sqrt() * 255).round().square() * (peak / 255**2)


def both(psi):
    """The adjoint with bytes, and the eager loop with the derivative that bytes stand for."""
    return Surrogate(psi, derivative_bytes=True), Surrogate(Rounded(psi))


@pytest.mark.parametrize("neuron", NEURONS, ids=repr)
@pytest.mark.parametrize("psi", DERIVATIVES, ids=repr)
def test_the_scan_is_the_eager_loop_with_a_rounded_derivative(neuron, psi):
    torch.manual_seed(0)
    x = (0.4 + 0.8 * torch.randn(7, 13, 190, dtype=F64)).requires_grad_()
    start = type(neuron.initial_state(x[0]))(torch.randn(13, 190, dtype=F64).requires_grad_())
    post = torch.randn(2, *x.shape, dtype=F64)

    def gradients(how):
        spikes, v, last = how(neuron, start, x)
        return torch.autograd.grad((spikes * post[0] + v * post[1]).sum() + last.v.sum(), [x, start.v])

    coded, rounded = both(psi)
    torch.testing.assert_close(
        gradients(lambda *given: scan(coded, *given)), gradients(rounded.sequence), rtol=1e-11, atol=1e-11
    )


@pytest.mark.parametrize("hollow", [False, True])
@pytest.mark.parametrize("neuron", NEURONS, ids=repr)
def test_the_layer_is_the_eager_loop_with_a_rounded_derivative(monkeypatch, neuron, hollow):
    monkeypatch.setattr(events, "SMALLEST", 0)
    torch.manual_seed(0)
    linear = nn.Linear(50, 75, dtype=F64)
    pre = (torch.rand(9, 6, 50) < 0.1).to(F64).requires_grad_()
    post = torch.randn(9, 6, 75, dtype=F64)
    with torch.no_grad():
        linear.weight.mul_(5.0).add_(0.1)
    coded, rounded = both(ATan(3.0))
    spikes, v, _ = layer_scan(coded, linear, neuron, None, pre, hollow=hollow)
    expected, potentials, _ = rounded.sequence(neuron, neuron.initial_state(pre.new_zeros(6, 75)), linear(pre))
    assert hollow or (spikes.equal(expected) and torch.allclose(v, potentials))
    leaves = [pre, *linear.parameters()]
    torch.testing.assert_close(
        torch.autograd.grad((spikes * post).sum(), leaves),
        torch.autograd.grad((expected * post).sum(), leaves),
        rtol=1e-11,
        atol=1e-11,
    )


def digits_like(reset="subtract", hidden=400):
    torch.manual_seed(0)
    blocks = {
        "hidden": Block(nn.Linear(784, hidden), LIF.per_step(0.9, reset=reset)),
        "out": Block(nn.Linear(hidden, 10), LIF.per_step(0.9, reset=reset)),
    }
    network = Network(blocks)
    with torch.no_grad():
        for block in blocks.values():
            block.synapse.weight.normal_(std=0.1)
    return network, Batch((torch.rand(25, 32, 784) < 0.05).to(torch.uint8), torch.randint(0, 10, (32,)))


def update(network, batch, psi, **options):
    adjoint = Surrogate(psi, **options)
    (found,) = BPTT(adjoint=adjoint).updates(network, batch, {}, torch.Generator())
    return found


@pytest.mark.parametrize("reset", ["subtract", "to_value"])
@pytest.mark.parametrize("psi", [ATan(), FastSigmoid(), Triangle(), Triangle(0.1), Sigmoid()], ids=repr)
@pytest.mark.slow
def test_the_error_of_the_gradient_is_small(psi, reset):
    network, batch = digits_like(reset)
    coded, exact = (update(network, batch, psi, **option) for option in ({"derivative_bytes": True}, {}))
    assert coded.scores.equal(exact.scores)
    for name, grad in exact.grads.items():
        error = float((coded.grads[name] - grad).norm() / grad.norm())
        assert 0 < error < 6e-3, name


@pytest.mark.parametrize(("reset", "bytes_each"), [("subtract", 1), ("to_value", 2)])
def test_bytes_are_kept(reset, bytes_each):
    network, batch = digits_like(reset)
    steps = 25 * 32

    def kept(**options):
        sizes = {}
        adjoint = Surrogate(ATan(), **options)

        def note(tensor):
            if not isinstance(tensor, nn.Parameter):
                sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            record, _ = network.run(batch.inputs, adjoint=adjoint, output_only=True)
        return sum(sizes.values()), record

    (coded, _one), (exact, _other) = kept(derivative_bytes=True), kept()
    assert exact - coded == (4 - bytes_each) * steps * (400 + 10)


def test_other_neurons_keep_the_derivative_as_it_is():
    neuron, current = CubaLIF.per_step(0.9, 0.7), torch.randn(5, 3, 4, requires_grad=True)
    (coded, exact) = (
        torch.autograd.grad(
            scan(Surrogate(ATan(), **o), neuron, neuron.initial_state(current[0]), current)[0].sum(),
            current,
        )
        for o in ({"derivative_bytes": True}, {})
    )
    torch.testing.assert_close(coded, exact, rtol=0, atol=0)


def test_a_differentiated_reset_is_refused():
    with pytest.raises(ValueError, match="needs the potentials"):
        Surrogate(ATan(), reset_gradient=True, derivative_bytes=True)
    with pytest.raises(ValueError, match="derivative_bytes"):
        Surrogate(ATan(), derivative_bytes="yes")


def test_the_command_line_reaches_it():
    adjoint = ADJOINTS.make("triangle:width=2,derivative-bytes=true")
    assert adjoint.derivative_bytes
    assert "derivative_bytes=True" in repr(adjoint)
    assert not ADJOINTS.make("triangle").derivative_bytes
