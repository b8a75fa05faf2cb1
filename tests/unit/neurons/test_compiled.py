import pytest
import torch

from spikelearn.neurons import AdaptiveLIF, ATan, Compiled, Surrogate


class Own(AdaptiveLIF):
    """A neuron without a kernel: a subclass takes the loop."""


def results(adjoint):
    torch.manual_seed(0)
    neuron, x = Own(10e-3, r=12.0), torch.randn(12, 3, 5, dtype=torch.float64).add_(0.3).requires_grad_()
    spikes, v, last = adjoint.sequence(neuron, neuron.initial_state(x[0]), x)
    assert 0 < float(spikes.detach().mean()) < 1
    return spikes, v, *last, torch.autograd.grad((spikes * torch.randn_like(spikes)).sum() + v.sum(), x)[0]


def assert_as_eager(backend):
    for compiled, eager in zip(results(Compiled(backend=backend)), results(Surrogate(ATan())), strict=True):
        torch.testing.assert_close(compiled, eager, rtol=1e-12, atol=1e-12)


def test_the_traced_loop_is_the_eager_one():
    assert_as_eager("eager")


@pytest.mark.slow
def test_the_compiled_loop_is_the_eager_one():
    assert_as_eager("inductor")


def test_the_loop_is_traced_in_one_piece():
    """A break would make the compiled loop slower than the eager one."""
    neuron, x = Own(10e-3, r=12.0), torch.randn(4, 3, 5)
    state = neuron.initial_state(x[0])
    found = torch._dynamo.explain(Surrogate(ATan()).sequence)(neuron, state, x)
    assert found.graph_break_count == 0


def test_a_step_is_that_of_the_adjoint():
    neuron, x = Own(), torch.randn(3, 5)
    inner = Surrogate(ATan())
    state = neuron.initial_state(x)
    for one, other in zip(Compiled(inner).step(neuron, state, x), inner.step(neuron, state, x), strict=True):
        assert one is other or torch.equal(torch.stack(tuple(one)), torch.stack(tuple(other)))


@pytest.mark.parametrize(
    ("make", "message"),
    [(lambda: Compiled(backend="indctor"), "backend is 'indctor'"), (lambda: Compiled("surrogate"), "adjoint")],
)
def test_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
