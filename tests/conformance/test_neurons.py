"""Every neuron, and every kernel of one, against the eager loop."""

import pytest
import torch

from spikelearn import neurons
from spikelearn.fused import KERNELS, scan
from spikelearn.fused.cpu.competing import competing_scan
from spikelearn.fused.cpu.leaky import leaky_scan
from spikelearn.fused.torch.poisson import poisson_scan
from spikelearn.neurons import HARD, ATan, FastSigmoid, Rectangle, SpikeFunction, Surrogate, Triangle
from tests.conformance.cases import NEURONS

F64 = torch.float64
MAKERS = [
    pytest.param(make, id=f"{name}-{number}") for name, makes in NEURONS.items() for number, make in enumerate(makes)
]
WITH_KERNEL = [case for case in MAKERS if (Surrogate, type(case.values[0]()), "cpu") in KERNELS]
CPU_KERNELS = [
    pytest.param(*case.values, kernel, id=f"{case.id}-{kernel.__module__.rpartition('.')[2]}")
    for case in WITH_KERNEL
    for kernel in KERNELS[Surrogate, type(case.values[0]()), "cpu"]
]
#: Kernels that no derivative goes through.
VALUES_ALONE = {competing_scan, poisson_scan}
#: Kernels that leave constants of single neurons to the eager loop.
OF_ONE_CONSTANT = {leaky_scan}
FIRING = [case for case in MAKERS if case.values[0]().fires]
FUNCTIONS = [
    HARD,
    SpikeFunction(ATan()),
    SpikeFunction(FastSigmoid(5.0), reset_gradient=True),
    SpikeFunction(Triangle(), reset_gradient=True),
    SpikeFunction(Rectangle(0.6, 0.8), reset_gradient=True),
]


def test_every_neuron_and_every_kernel_has_a_case():
    assert set(NEURONS) == set(neurons.NEURONS)
    assert {kind for _, kind, _ in KERNELS} == {type(case.values[0]()) for case in WITH_KERNEL}


def current(dtype=F64, steps=20):
    return (0.4 + 0.8 * torch.randn(steps, 3, 5, dtype=torch.float64)).to(dtype)


def given(neuron, record):
    """``record`` as the model takes it: alone, or under the first of its currents, with something in the others.

    Of neurons with several channels it is that of the first channel, beside others.
    """
    if neuron.channels > 1:
        return torch.stack([record * (1 - 0.3 * n) for n in range(neuron.channels)], -1).flatten(-2)
    if len(neuron.currents) == 1:
        return record
    first, *others = neuron.currents
    return {first: record, **{name: 0.2 * record.flip(0) for name in others}}


@pytest.mark.parametrize("make", MAKERS)
def test_state_is_a_value(make):
    neuron, x = make(), current()
    state = neuron.initial_state(x[0])
    kept = [part.clone() for part in (*state, *neuron.buffers())]
    z, v, after = neuron.step(state, given(neuron, x[0]), HARD)
    assert all(a.equal(b) for a, b in zip((*state, *neuron.buffers()), kept, strict=True))
    assert {name for name, _ in neuron.named_buffers(recurse=False)} == {*neuron.per_neuron, *neuron.kept}
    assert z.shape == v.shape == x[0].shape
    assert type(after) is type(state)
    if neuron.fires:
        assert set(z.unique().tolist()) <= {0.0, 1.0}
    elif neuron.graded:
        assert not set(z.unique().tolist()) <= {0.0, 1.0}
    else:
        assert z.abs().max() == 0


#: Where a kernel takes constants of single neurons, float32 is tried with those of one kind: each takes seconds to
#: compile, and all read constants by the same functions.
TYPED = [
    pytest.param(*case.values, dtype, id=f"{case.id}-{str(dtype)[6:]}")
    for case in MAKERS
    for dtype in (F64, torch.float32)
    if dtype == F64 or case not in WITH_KERNEL or not case.values[0]().per_neuron or case.id.startswith("lif-")
]


@pytest.mark.parametrize(("make", "dtype"), TYPED)
def test_type_is_kept(make, dtype):
    neuron, x = make().to(dtype), current(dtype)
    spikes, v, state = scan(Surrogate(ATan()), neuron, neuron.initial_state(x[0]), given(neuron, x))
    assert {spikes.dtype, v.dtype, *(part.dtype for part in state if part.is_floating_point())} == {dtype}


@pytest.mark.parametrize("make", MAKERS)
def test_samples_do_not_meet(make):
    neuron, x = make(), current()
    order = torch.tensor([2, 0, 1])
    start = neuron.initial_state(x[0])
    whole, _, _ = scan(Surrogate(HARD), neuron, start, given(neuron, x))
    permuted_start = type(start)(*(part[order] for part in start))
    permuted, _, _ = scan(Surrogate(HARD), neuron, permuted_start, given(neuron, x[:, order]))
    assert permuted.equal(whole[:, order])


@pytest.mark.parametrize("make", FIRING)
def test_the_potential_is_compared_with_the_threshold(make):
    neuron, x = make(), current()
    spikes, v, _ = scan(Surrogate(HARD), neuron, neuron.initial_state(x[0]), given(neuron, x))
    expected = v >= neuron.v_threshold if neuron.inclusive else v > neuron.v_threshold
    assert spikes.equal(expected.to(F64))
    assert 0 < spikes.mean() < 1, "the case shows nothing"


@pytest.mark.parametrize(("make", "kernel"), CPU_KERNELS)
@pytest.mark.parametrize("function", FUNCTIONS, ids=repr)
def test_kernel_is_eager(make, kernel, function):
    """Values bit for bit; gradients in current and state, from spikes, potentials and the last state."""
    neuron, adjoint = make(), Surrogate(function)
    results = []
    for how in (kernel, lambda a, n, s, c: a.sequence(n, s, c)):
        torch.manual_seed(3)
        x = current().requires_grad_()
        kind = type(neuron.initial_state(x[0]))
        start = kind(*(torch.randn(3, 5, dtype=F64).mul(0.3).requires_grad_() for _ in kind._fields))
        found = how(adjoint, neuron, start, x)
        if found is None:
            own = kernel in OF_ONE_CONSTANT and neuron.per_neuron
            assert own or len(KERNELS[Surrogate, type(neuron), "cpu"]) > 1 or kernel in VALUES_ALONE
            pytest.skip("this kernel leaves the case to the next one")
        spikes, v, last = found
        outputs = [spikes, v, *last]
        weights = [torch.randn_like(o) for o in outputs]
        used = [(o * w).sum() for o, w in zip(outputs, weights, strict=True) if o.requires_grad]
        results.append((outputs, torch.autograd.grad(sum(used), [x, *start])))
    (fused, fused_grads), (eager, eager_grads) = results
    assert all(a.equal(b) for a, b in zip(fused, eager, strict=True))
    torch.testing.assert_close(fused_grads, eager_grads, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("make", "kernel"), [pair for pair in CPU_KERNELS if pair.values[1] in VALUES_ALONE])
@pytest.mark.parametrize("training", [True, False])
@torch.no_grad()
def test_kernel_of_values_alone_is_eager(make, kernel, training):
    """Bit for bit, of a current of every step and of one for all; it leaves what has a derivative to the eager loop."""
    neuron, x = make().train(training), current()
    neuron = neuron if neuron.per_neuron else neuron.double()
    for record in (x, x[:1].expand_as(x)):
        start = neuron.initial_state(x[0])
        found = kernel(Surrogate(HARD), neuron, start, record)
        if found is None:
            assert neuron.per_neuron
            pytest.skip("this kernel leaves constants of single neurons to the eager loop")
        spikes, v, last = Surrogate(HARD).sequence(neuron, start, record)
        assert found[0].equal(spikes)
        assert found[1].equal(v)
        assert all(a.equal(b) for a, b in zip(found[2], last, strict=True))


@pytest.mark.parametrize("part", [0, 1, 2])
def test_kernel_gradient_of_one_output_alone(part):
    neuron = NEURONS["lif"][0]()
    grads = []
    for how in (scan, lambda a, n, s, c: a.sequence(n, s, c)):
        torch.manual_seed(3)
        x = current().requires_grad_()
        spikes, v, last = how(Surrogate(ATan()), neuron, neuron.initial_state(x[0]), x)
        grads.append(torch.autograd.grad((spikes, v, last.v)[part].sum(), x))
    torch.testing.assert_close(grads[0], grads[1])


@pytest.mark.parametrize("make", MAKERS)
def test_constant_records_and_single_steps(make):
    neuron, adjoint = make(), Surrogate(ATan())
    x = current()[0].expand(7, 3, 5)
    state = neuron.initial_state(x[0])
    currents, first = given(neuron, x), given(neuron, x[:1])
    fused, eager = scan(adjoint, neuron, state, currents), adjoint.sequence(neuron, state, currents)
    assert fused[0].equal(eager[0])
    assert scan(adjoint, neuron, state, first)[0].equal(eager[0][:1])


@pytest.mark.parametrize("make", MAKERS)
def test_forward_mode_goes_through_the_eager_loop(make):
    neuron, adjoint = make(), Surrogate(ATan())
    x, direction = current(), torch.randn(20, 3, 5, dtype=F64)

    def potentials(c):
        return scan(adjoint, neuron, neuron.initial_state(c[0]), given(neuron, c))[1]

    _, tangent = torch.func.jvp(potentials, (x,), (direction,))
    y = x.clone().requires_grad_()
    (grad,) = torch.autograd.grad(potentials(y).sum(), y)
    torch.testing.assert_close(tangent.sum(), (grad * direction).sum())


def test_a_subclass_takes_the_eager_loop():
    class Doubled(neurons.LIF):
        def step(self, state, current, spike_function):
            return super().step(state, 2 * current, spike_function)

    x = current()
    plain, doubled = NEURONS["lif"][3](), Doubled.per_step(0.8, reset="subtract")
    state = plain.initial_state(x[0])
    assert scan(Surrogate(HARD), doubled, state, x)[0].equal(scan(Surrogate(HARD), plain, state, 2 * x)[0])


def test_scan_checks_the_state():
    neuron = NEURONS["lif"][0]()
    with pytest.raises(ValueError, match="start a new batch"):
        scan(Surrogate(HARD), neuron, neuron.initial_state(torch.zeros(4, 5)), torch.zeros(3, 2, 5))


def test_another_kind_of_spike_function_takes_the_eager_loop():
    class Graded(SpikeFunction):
        def __call__(self, x, inclusive=False):
            return 2 * super().__call__(x, inclusive)

    neuron, x = NEURONS["lif"][3](), current()
    adjoint, state = Surrogate(Graded(ATan())), neuron.initial_state(x[0])
    assert scan(adjoint, neuron, state, x)[0].equal(adjoint.sequence(neuron, state, x)[0])


def test_a_tangent_in_the_state_takes_the_eager_loop():
    neuron, x = NEURONS["lif"][0](), current()
    adjoint, start = Surrogate(ATan()), torch.zeros(3, 5, dtype=F64)

    def last(v):
        return scan(adjoint, neuron, neurons.MembraneState(v), x)[2].v

    _, tangent = torch.func.jvp(last, (start,), (torch.ones_like(start),))
    assert torch.isfinite(tangent).all()


def test_second_derivatives_are_refused_rather_than_wrong():
    neuron, x = NEURONS["lif"][0](), current().requires_grad_()
    _, v, _ = scan(Surrogate(ATan()), neuron, neuron.initial_state(x[0]), x)
    with pytest.raises(RuntimeError, match="differentiated once"):
        torch.autograd.grad((v**2).sum(), x, create_graph=True)
