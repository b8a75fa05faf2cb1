"""The kernels for GPUs, run in Triton's interpreter, against the eager loop."""

import importlib.util
import sys

import pytest
import torch

from spikelearn.fused import KERNELS
from spikelearn.fused.gpu import scan as gpu
from spikelearn.neurons import (
    HARD,
    IF,
    LIF,
    TSSL,
    AdaptiveLIF,
    ATan,
    CubaLIF,
    FastSigmoid,
    Rectangle,
    Sigmoid,
    SpikeFunction,
    Surrogate,
    Triangle,
)

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")

F64 = torch.float64
NEURONS = [
    LIF(10e-3, r=12.0),
    LIF(10e-3, r=12.0, discretisation="euler", v_reset=-0.2, inclusive=True),
    LIF(10e-3, r=12.0, reset="subtract", v_leak=0.1),
    IF(1.5, reset="subtract", r=2.0),
    CubaLIF.per_step(0.9, 0.7),
    CubaLIF(10e-3, 5e-3, r=20.0, reset="subtract", v_leak=0.1),
    AdaptiveLIF(10e-3, 50e-3, r=12.0, v_reset=-0.1),
    AdaptiveLIF.per_step(0.8, 0.9, beta=0.3, reset="subtract", inclusive=True),
]
ONE_OF_EACH = [NEURONS[1], NEURONS[3], NEURONS[4], NEURONS[6]]
FUNCTIONS = [
    HARD,
    SpikeFunction(ATan()),
    SpikeFunction(FastSigmoid(5.0), reset_gradient=True),
    SpikeFunction(Triangle(), reset_gradient=True),
    SpikeFunction(Sigmoid()),
    SpikeFunction(Rectangle(0.6)),
]
SMOOTH = SpikeFunction(ATan(), reset_gradient=True)
ALL_NEURONS = pytest.mark.parametrize("neuron", NEURONS, ids=lambda n: f"{type(n).__name__}-{n.reset}-{n.v_reset}")
SOME_NEURONS = pytest.mark.parametrize("neuron", ONE_OF_EACH, ids=lambda n: type(n).__name__)
TOLERANCE = {F64: {"rtol": 1e-12, "atol": 1e-12}, torch.float32: {"rtol": 1e-4, "atol": 1e-5}}


@pytest.fixture(autouse=True, scope="module")
def _interpreter():
    """Kernels are loaded anew for the interpreter, which is chosen while they are; others find their own again."""
    import triton  # noqa: F401  (its own functions are to stay as they are)

    def take():
        return {
            name: sys.modules.pop(name)
            for name in list(sys.modules)
            if name.startswith("spikelearn.fused.gpu.") and name != gpu.__name__
        }

    kept = take()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TRITON_INTERPRET", "1")
        yield
    take()
    sys.modules.update(kept)


def eager(adjoint, neuron, state, current):
    return adjoint.sequence(neuron, state, current)


def made(neuron, dtype=F64, steps=5, size=(3, 11)):
    """Current and state of 33 elements: a block and one more."""
    x = (0.4 + 0.8 * torch.randn(steps, *size, dtype=F64)).to(dtype).requires_grad_()
    kind = type(neuron.initial_state(x[0]))
    return x, kind(*((0.3 * torch.randn(size, dtype=F64)).to(dtype).requires_grad_() for _ in kind._fields))


def results(how, function, neuron, dtype=F64, chosen=None, **shape):
    """Outputs, and gradients in current and state of a random combination of the ``chosen`` outputs."""
    torch.manual_seed(3)
    x, start = made(neuron, dtype, **shape)
    spikes, v, last = how(Surrogate(function), neuron, start, x)
    outputs = [spikes, v, *last]
    weights = [torch.randn(o.shape, dtype=F64).to(dtype) for o in outputs]
    used = [(o * w).sum() for o, w in zip(outputs, weights, strict=True) if o.requires_grad]
    used = used if chosen is None else [used[number] for number in chosen]
    return outputs, torch.autograd.grad(sum(used), [x, *start], materialize_grads=True)


def assert_as_eager(function, neuron, dtype=F64, **options):
    (values, grads), (expected, expected_grads) = (
        results(how, function, neuron, dtype, **options) for how in (gpu.surrogate_scan, eager)
    )
    assert all(a.equal(b) for a, b in zip(values, expected, strict=True))
    torch.testing.assert_close(grads, expected_grads, **TOLERANCE[dtype])


def test_kernels_of_triton_are_asked_first():
    for neuron in ONE_OF_EACH:
        first, *others = KERNELS[Surrogate, type(neuron), "cuda"]
        assert first is gpu.surrogate_scan
        assert others, "nothing is left where Triton is missing"


@ALL_NEURONS
@pytest.mark.parametrize("function", FUNCTIONS, ids=repr)
def test_is_the_eager_loop(neuron, function):
    assert_as_eager(function, neuron)


@ALL_NEURONS
def test_is_the_eager_loop_in_single_precision(neuron):
    assert_as_eager(SMOOTH, neuron, torch.float32)


@SOME_NEURONS
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_short_records(neuron, steps):
    assert_as_eager(SMOOTH, neuron, steps=steps, size=(2, 1))


@SOME_NEURONS
def test_each_output_alone(neuron):
    for part in range(2 + len(neuron.initial_state(torch.zeros(1)))):
        assert_as_eager(SMOOTH, neuron, chosen=[part], steps=3, size=(2, 2))


@SOME_NEURONS
def test_constant_records_and_constant_errors_are_not_unfolded(neuron):
    """Steps that share their memory, in the current and in what comes back."""
    torch.manual_seed(1)
    found = []
    for how in (gpu.surrogate_scan, eager):
        torch.manual_seed(1)
        x, start = made(neuron, steps=1)
        spikes, v, _ = how(Surrogate(SMOOTH), neuron, start, x.expand(5, -1, -1))
        found.append((spikes, *torch.autograd.grad(spikes.sum(0).square().sum() + v.sum(), [x, *start])))
    torch.testing.assert_close(*found, rtol=1e-12, atol=1e-12)


def test_transposed_records():
    neuron, found = LIF.per_step(0.8), []
    x = torch.randn(4, 11, 3, dtype=F64).transpose(1, 2).requires_grad_()
    w = torch.randn(4, 11, 3, dtype=F64).transpose(1, 2)
    for how in (gpu.surrogate_scan, eager):
        spikes, v, _ = how(Surrogate(SMOOTH), neuron, neuron.initial_state(x[0]), x)
        found.append((v, *torch.autograd.grad((spikes * w).sum(), x)))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_a_state_in_single_precision(dtype):
    """To one place of the record's precision: the interpreter cuts numbers where a GPU rounds them."""
    neuron = LIF.per_step(0.9, reset="subtract")
    torch.manual_seed(1)
    x = torch.randn(6, 3, 11).to(dtype).requires_grad_()
    start = neuron.initial_state(x[0])
    spikes, v, last = gpu.surrogate_scan(Surrogate(SMOOTH), neuron, start, x)
    u = start.v.float()
    for t in range(6):
        potential = 0.9 * u + x[t].float()
        seen = potential.to(dtype)
        torch.testing.assert_close(v[t], seen, rtol=torch.finfo(dtype).eps, atol=0.0)
        assert spikes[t].equal((v[t] > 1).to(dtype))
        u = potential - spikes[t].float()
    torch.testing.assert_close(last.v, u.to(dtype), rtol=torch.finfo(dtype).eps, atol=0.0)
    (grad,) = torch.autograd.grad(spikes.sum(), x)
    y = x.detach().float().requires_grad_()
    s, _, _ = eager(Surrogate(SMOOTH), neuron, neuron.initial_state(y[0]), y)
    assert s.equal(spikes.float()), "the case needs spikes that rounding does not change"
    torch.testing.assert_close(grad.float(), torch.autograd.grad(s.sum(), y)[0], rtol=0.03, atol=0.03)


@pytest.mark.parametrize(
    "adjoint",
    [
        TSSL(),
        TSSL(intra=False, cap=2.0),
        TSSL("layer"),
        TSSL("always", bptt_reset=True),
        TSSL("never", bptt_reset=True),
    ],
    ids=repr,
)
@pytest.mark.parametrize("scale", [0.5, 4.0])
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_tssl_is_its_own_loop(adjoint, scale):
    neuron, found = CubaLIF(5e-3, 3e-3, r=5.0, discretisation="euler"), []
    for how in (gpu.tssl_scan, eager):
        torch.manual_seed(2)
        x, start = made(neuron, steps=9)
        spikes, v, last = how(adjoint, neuron, type(start)(*(part.detach() for part in start)), scale * x)
        (grad,) = torch.autograd.grad((spikes * torch.randn_like(spikes)).sum(), x)
        found.append((grad, spikes, v, *last))
    (grad, *values), (expected_grad, *expected) = found
    assert all(a.equal(b) for a, b in zip(values, expected, strict=True))
    assert 0.0 < values[0].mean() < 1.0
    torch.testing.assert_close(grad, expected_grad, rtol=1e-11, atol=1e-12)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_tssl_refuses_what_its_loop_refuses():
    neuron = CubaLIF(5e-3, 3e-3, r=5.0)
    x, start = made(neuron, steps=2)
    spikes, v, _ = gpu.tssl_scan(TSSL(), neuron, start, x)
    with pytest.raises(ValueError, match="no derivative of potentials"):
        torch.autograd.grad(v.sum(), x)
    assert torch.autograd.grad(spikes.sum(), [x, *start], allow_unused=True)[1:] == (None, None)
    with pytest.raises(ValueError, match="use CubaLIF"):
        gpu.tssl_scan(TSSL(), LIF(), start, x)


def test_passes_on_what_it_does_not_know(monkeypatch):
    neuron = LIF.per_step(0.9)
    x, start = made(neuron)
    assert gpu.surrogate_scan(Surrogate(torch.cos), neuron, start, x) is None
    assert gpu.surrogate_scan(Surrogate(SMOOTH), neuron, start, x.float()) is None
    assert gpu.surrogate_scan(Surrogate(SMOOTH), neuron, start, x[:, :0]) is None
    monkeypatch.setattr(gpu, "_is_installed", lambda: False)
    assert gpu.surrogate_scan(Surrogate(SMOOTH), neuron, start, x) is None
    assert gpu.tssl_scan(TSSL(), CubaLIF(), CubaLIF().initial_state(x[0]), x) is None


def test_second_derivatives_are_refused_rather_than_wrong():
    x, start = made(NEURONS[0])
    _, v, _ = gpu.surrogate_scan(Surrogate(SMOOTH), NEURONS[0], start, x)
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.grad((v**2).sum(), x, create_graph=True)
