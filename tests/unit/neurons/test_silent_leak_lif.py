import pytest
import torch

from spikelearn.neurons import HARD, NEURONS, ATan, MembraneState, SpikeFunction
from spikelearn.neurons.silent_leak_lif import SilentLeakLIF

F64 = torch.float64


def run(neuron, currents):
    """Spikes, potentials before and after each step of one neuron."""
    record = torch.tensor(currents, dtype=F64).reshape(-1, 1, 1)
    state, spikes, before, after = neuron.initial_state(record[0]), [], [], []
    for now in record:
        z, v, state = neuron.step(state, now, HARD)
        spikes.append(z.item())
        before.append(v.item())
        after.append(state.v.item())
    return spikes, before, after


def test_leaks_only_where_it_was_silent():
    spikes, v, u = run(SilentLeakLIF(0.5), [0.8, 0.8, 0.9, 2.5, 0.0, 0.0])
    assert spikes == [0, 1, 1, 1, 1, 0]
    assert v == pytest.approx([0.8, 1.2, 1.1, 2.6, 1.6, 0.6])
    assert u == pytest.approx([0.4, 0.2, 0.1, 1.6, 0.6, 0.3])


def test_fires_at_the_threshold():
    assert run(SilentLeakLIF(v_threshold=0.8), [0.8])[0] == [1.0]
    assert SilentLeakLIF().inclusive


def test_with_no_decay_it_keeps_everything_and_with_full_decay_nothing():
    assert run(SilentLeakLIF(1.0), [0.25] * 4)[2] == [0.25, 0.5, 0.75, 0.0]
    assert run(SilentLeakLIF(0.0), [0.9] * 4)[0] == [0, 0, 0, 0]


def test_the_reset_is_differentiated_where_the_spike_function_says_so():
    """du/dz = -decay v + (v - v_threshold), with psi(x) from the surrogate."""
    neuron, current = SilentLeakLIF(0.5), torch.tensor([[1.5, 0.5]], dtype=F64, requires_grad=True)
    for gradient in (False, True):
        function = SpikeFunction(ATan(), reset_gradient=gradient)
        _, v, state = neuron.step(MembraneState(torch.zeros(1, 2, dtype=F64)), current, function)
        (found,) = torch.autograd.grad(state.v.sum(), current)
        through = (0.5 * v - 1.0) * ATan()(v.detach() - 1.0) if gradient else 0.0
        torch.testing.assert_close(found, torch.tensor([[1.0, 0.5]], dtype=F64) + through)


def test_a_state_of_another_batch_is_refused():
    with pytest.raises(ValueError, match="SilentLeakLIF state v has shape"):
        SilentLeakLIF().step(MembraneState(torch.zeros(2, 3)), torch.zeros(1, 3), HARD)


def test_it_has_no_rate_map():
    with pytest.raises(ValueError, match="SilentLeakLIF has no rate map"):
        SilentLeakLIF().steady_rate(torch.zeros(1))


@pytest.mark.parametrize("options", [{"decay": 1.5}, {"decay": -0.1}, {"v_threshold": 0.0}, {"dt": 0.0}])
def test_wrong_numbers_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        SilentLeakLIF(**options)


def test_is_registered():
    assert NEURONS.get("silent-leak-lif") is SilentLeakLIF
