"""EMSTDP: changes of both phases by hand."""

import math

import numpy as np
import pytest
import torch

from spikelearn.plasticity import Batch, OptimizerChoice
from spikelearn.plasticity.two_phase.base import error_thresholds
from spikelearn.plasticity.two_phase.emstdp import EMSTDP
from spikelearn.training import Training, learn
from tests.helpers import only_update
from tests.unit.plasticity.emstdp.networks import F64, alignment, both_phases, chain, initialised, random_batch


def weight(network, name):
    return network.get_parameter(f"blocks.{name}.synapse.weight")


def steps_where(values):
    """Steps at which a record [T] is not zero."""
    return values.nonzero().flatten().tolist()


@pytest.mark.parametrize(
    ("epsilon", "spikes", "errors"), [(1.0, [11, 12, 13, 17, 18], [9, 10, 11, 15, 16, 17]), (3.0, [13, 17], [11, 15])]
)
def test_pencil(epsilon, spikes, errors):
    """All weights 0, class 1, 19 steps: only error spikes make the true neuron fire."""
    network, rule = chain(3, 4, weights=0.0), EMSTDP(epsilon=epsilon)
    data = Batch(torch.ones(19, 1, 3, dtype=F64), torch.tensor([1]))
    free, moments = both_phases(rule, network, data)
    output = torch.cat([free.output.spikes, torch.stack([m.record.output.spikes for m in moments])])[:, 0]
    fired = torch.stack([m.errors["a1"] for m in moments])[:, 0]
    assert steps_where(output[:, 1]) == spikes
    assert [9 + step for step in steps_where(fired[:, 1])] == errors
    assert output[:, [0, 2, 3]].abs().max() == fired[:, [0, 2, 3]].abs().max() == 0
    change = -only_update(rule, network, data).grads["blocks.a1.synapse.weight"]
    assert change[1].unique().tolist() == [9 * len(spikes) / 9], "nine input spikes times the extra spikes, by nine"
    silent = Batch(torch.zeros_like(data.inputs), data.targets)
    assert only_update(rule, network, silent).grads["blocks.a1.synapse.weight"].abs().max() == 0


def test_nothing_changes_where_the_output_is_right():
    network = chain(4, 4)
    with torch.no_grad():
        weight(network, "a1").copy_(torch.eye(4))
    data = Batch(torch.eye(4, dtype=F64).expand(21, 4, 4), torch.arange(4))
    rule = EMSTDP(epsilon=1.0)
    _, moments = both_phases(rule, network, data)
    assert max(float(m.errors["a1"].abs().max()) for m in moments) == 0
    assert only_update(rule, network, data).grads["blocks.a1.synapse.weight"].abs().max() == 0


def test_labels_act_from_the_third_corrected_step_on():
    network, data, rule = initialised(), random_batch(), EMSTDP(epsilon=1.0)
    other = Batch(data.inputs, (data.targets + 1) % 5)
    (free, one), (same, two) = both_phases(rule, network, data), both_phases(rule, network, other)
    inference, _ = network.run(data.inputs)
    for name in network.blocks:
        assert free[name].spikes.equal(same[name].spikes)
        assert free[name].spikes.equal(inference[name].spikes[:10])
        for step in (0, 1):
            assert one[step].record[name].spikes.equal(two[step].record[name].spikes)
    assert not one[2].record.output.spikes.equal(two[2].record.output.spikes)
    assert only_update(rule, network, data).scores.equal(inference.output.spikes[:9].mean(0))


@pytest.mark.parametrize("seed", range(5))
def test_signs_with_a_constant_input(seed):
    torch.manual_seed(seed)
    network = chain(8, 6)
    with torch.no_grad():
        weight(network, "a1").uniform_(-0.3, 0.4)
    active = (torch.rand(1, 8).argsort() < 5).to(F64)
    data = Batch(active.expand(31, 1, 8), torch.tensor([0]))
    change = -only_update(EMSTDP(epsilon=1.0), network, data).grads["blocks.a1.synapse.weight"]
    counts = network.run(data.inputs)[0].output.spikes[1:16, 0].sum(0)
    assert (change[:, active[0] == 0] == 0).all()
    assert (change[1:][counts[1:] > 0] <= 0).all()
    assert counts[0] > 0 or (change[0] >= 0).all()
    assert change.abs().max() > 0


def test_the_change_follows_backpropagation():
    found = {}
    for seed in range(4):
        batches = [Batch(torch.rand(10, 30, dtype=F64).expand(121, 10, 30), torch.arange(10) % 5) for _ in range(2)]
        network = initialised("30-50-5", seed, ratio=1.0)
        for name, cosine in alignment(EMSTDP(epsilon=1.0), network, {}, batches).items():
            found.setdefault(name, []).append(cosine)
    assert min(min(cosines) for cosines in found.values()) > 0
    assert np.mean(found["blocks.fc2.synapse.1.weight"]) > 0.5
    assert np.mean(found["blocks.fc1.synapse.1.weight"]) > 0.35


def test_a_silent_hidden_neuron_gets_no_error():
    network, data = initialised(), random_batch(41)
    fired = {}
    for gate in (True, False):
        free, moments = both_phases(EMSTDP(epsilon=1.0, gate=gate), network, data)
        silent = free["fc1"].spikes[:-1].sum(0) == 0
        assert silent.any()
        assert not silent.all()
        errors = sum(m.errors["fc1"].abs() for m in moments)
        fired[gate] = float(errors[silent].sum()), float(errors[~silent].sum())
    assert fired[True][0] == 0 < fired[True][1]
    assert fired[False][0] > 0


def test_direct_feedback_has_no_gate():
    assert not EMSTDP("direct").gate
    _, moments = both_phases(EMSTDP("direct", epsilon=1.0), chain(3, 4, 2, weights=0.0), random_batch(41, 4, 3, 2))
    assert sum(float(m.errors["a1"].abs().sum()) for m in moments) > 0


def test_weights_stay_in_bounds():
    network, data = initialised(), random_batch()
    training = Training.start(network, EMSTDP(epsilon=1.0), optimizer=OptimizerChoice("sgd", 5.0))
    learn(training, data)
    for parameter in network.parameters():
        assert parameter.abs().max() == 1.0


def test_a_last_even_step_stays_idle():
    network, data, rule = initialised(), random_batch(22), EMSTDP(epsilon=1.0)
    odd = only_update(rule, network, Batch(data.inputs[:21], data.targets))
    even = only_update(rule, network, data)
    assert all(grad.equal(even.grads[name]) for name, grad in odd.grads.items())


def test_windows_by_hand():
    """One relay neuron and one output: the counts that meet are those of the steps that the formula names."""
    network = chain(1, 1, 1, weights=1.0)
    inputs = torch.zeros(11, 1, 1, dtype=F64)
    inputs[[0, 1, 2, 6, 9]] = 1.0  # tau = 5; the relay fires with its input, the output one step later
    update = only_update(EMSTDP(epsilon=100.0), network, Batch(inputs, torch.tensor([0])))
    pre, hidden = 2, (2, 2)  # inputs of 2..6; relay spikes of 1..5 and of 6..10
    assert float(update.grads["blocks.a1.synapse.weight"]) == -pre * (hidden[1] - hidden[0]) / 5
    pre, output = 2, (3, 2)  # relay spikes of 1..5, output spikes of 1..5 and of 6..10
    assert float(update.grads["blocks.a2.synapse.weight"]) == -pre * (output[1] - output[0]) / 5
    assert update.rates == {"a1": 3 / 5, "a2": 3 / 5}
    assert update.metrics == {"corrected_a1": 0.0, "corrected_a2": 0.0, "active_a1": 1.0, "active_a2": 1.0}


def test_presynaptic_events():
    network = chain(2, 2, weights=0.0)
    inputs = torch.zeros(19, 1, 2, dtype=F64)
    inputs[2:4, 0, 0] = inputs[2:5, 0, 1] = 1.0  # two and three spikes, the bound is a tenth of 20
    rule = EMSTDP(epsilon=1.0, presynaptic="event")
    change = -only_update(rule, network, Batch(inputs, torch.tensor([1]))).grads["blocks.a1.synapse.weight"]
    torch.testing.assert_close(change, torch.tensor([[0.0, 0.0], [0.0, 5 / 9]], dtype=F64))


@pytest.mark.parametrize(("reset", "steps"), [("to_zero", [1, 3]), ("subtract", [1, 2])])
def test_resets_of_error_neurons(reset, steps):
    rule = EMSTDP(epsilon=1.5, error_reset=reset)
    _, moments = both_phases(rule, chain(1, 1, weights=0.0), Batch(torch.ones(19, 1, 1, dtype=F64), torch.tensor([0])))
    assert steps_where(torch.stack([m.errors["a1"] for m in moments]).flatten())[:2] == steps


def test_injection_scales():
    """Half a threshold an error spike: twice as many are needed for one spike."""
    data = Batch(torch.ones(19, 1, 1, dtype=F64), torch.tensor([0]))
    network = chain(1, 1, weights=0.0, threshold=0.8)
    _, moments = both_phases(EMSTDP(epsilon=1.0, scale=0.5), network, data)
    potentials = torch.stack([m.state.neurons["a1"].v for m in moments]).flatten()
    torch.testing.assert_close(potentials[:3], torch.tensor([0.0, 0.4, 0.8], dtype=F64))
    assert steps_where(torch.stack([m.record.output.spikes for m in moments]).flatten())[0] == 3


def test_error_thresholds_by_hand():
    sizes = (12, 8, 6, 4)
    assert error_thresholds(sizes, "symmetric", 0.5, 3.0) == pytest.approx(
        [0.5 * 6 * math.sqrt(3 / 8) / 4, 0.5 * 4 * math.sqrt(3 / 6) / 6, 3.0]
    )
    assert error_thresholds(sizes, "alignment", 0.5, 1.0) == pytest.approx(
        [0.5 * math.sqrt(18) / 4, 0.5 * math.sqrt(12) / 6, 1.0]
    )
    assert error_thresholds(sizes, "direct", 0.2, 1.0) == pytest.approx(
        [0.2 * math.sqrt(12) / 4, 0.2 * math.sqrt(12) / 6, 1.0]
    )
    assert error_thresholds((12, 4), "direct", 0.2, 1.0) == [1.0]


@pytest.mark.parametrize(("feedback", "shapes"), [("alignment", [(6, 8), (4, 6)]), ("direct", [(4, 8), (4, 6)])])
def test_feedback_matrices(feedback, shapes):
    network = chain(12, 8, 6, 4)
    memory = EMSTDP(feedback).init(network, torch.Generator().manual_seed(0))
    single = EMSTDP(feedback).init(network.float(), torch.Generator().manual_seed(0))
    assert list(memory) == ["back_weights.a1", "back_weights.a2"]
    for (name, matrix), shape in zip(memory.items(), shapes, strict=True):
        assert matrix.shape == shape
        assert matrix.dtype == F64
        assert 0.5 / math.sqrt(shape[0]) < matrix.abs().max() <= 1 / math.sqrt(shape[0])
        assert single[name].equal(matrix.float()), "the same numbers in every type"
    assert EMSTDP().init(network, torch.Generator()) == {}


def test_symmetric_feedback_is_alignment_with_the_weights_above():
    network, data = initialised(), random_batch(41)
    above = network.get_parameter("blocks.fc2.synapse.1.weight")
    sizes = (12, 20, 5)
    ratio = 0.5 * error_thresholds(sizes, "symmetric", 1, 1)[0] / error_thresholds(sizes, "alignment", 1, 1)[0]
    one = only_update(EMSTDP(epsilon=1.0), network, data)
    rule = EMSTDP("alignment", epsilon=1.0, hidden_ratio=ratio)
    two = only_update(rule, network, data, {"back_weights.fc1": above.detach()})
    assert all(grad.equal(two.grads[name]) for name, grad in one.grads.items())
