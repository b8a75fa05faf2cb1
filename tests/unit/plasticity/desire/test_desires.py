"""Desire backpropagation: which neurons are asked to change, and what follows."""

import pytest
import torch
from torch import nn

from spikelearn.datasets import Digits
from spikelearn.loading import Loader
from spikelearn.loading.encoders import RegularRate
from spikelearn.measure import evaluate
from spikelearn.neurons import Neuron
from spikelearn.neurons.silent_leak_lif import SilentLeakLIF
from spikelearn.plasticity import Batch, OptimizerChoice
from spikelearn.plasticity.targets.desire import Desire, Wish, spike_trace
from spikelearn.training import Training, learn
from tests.helpers import only_update
from tests.unit.plasticity.desire.networks import F64, batch_of, network_of, weights_of, wishes_of


def test_desires_are_ternary_and_silent_below_the_threshold():
    network, rule, data = network_of((16, 20), (20, 12), (12, 4)), Desire(), batch_of((16,), 6)
    wishes = wishes_of(rule, network, data)
    record, _ = network.run(data.inputs)
    for name, above in (("b1", "b2"), ("b0", "b1")):
        wish = wishes[above]
        error = (wish.up.double() - record[above].spikes.sum(0) / 16).abs() * wish.desire(F64)
        total = error @ network.blocks[above].synapse.weight.detach()
        desire = wishes[name].desire(F64)
        assert set(desire.unique().tolist()) == {-1.0, 0.0, 1.0}
        assert (desire == 0).equal(total.abs() < rule.threshold_dense)
        assert wishes[name].up.equal(total > 0)


def counts_with(network, outputs):
    sizes = [block.synapse.weight.shape[0] for block in network.blocks.values()]
    counts = {f"b{n}": torch.full((1, size), 3.0, dtype=F64) for n, size in enumerate(sizes)}
    return counts | {f"b{len(sizes) - 1}": torch.tensor([outputs], dtype=F64)}


@pytest.mark.parametrize(
    ("outputs", "active"),
    [([12.0, 4, 0, 4], [0, 0, 0, 0]), ([11.0, 4, 0, 4], [1, 0, 0, 0]), ([18.0, 5, 0, 0], [0, 1, 0, 0])],
)
def test_errors_below_the_threshold_wish_nothing(outputs, active):
    """Of 16 steps: the right class is content from 12 spikes on, above 16 too, a wrong one up to 4."""
    network = network_of((16, 12), (12, 4))
    wishes = Desire().desires(network, counts_with(network, outputs), torch.tensor([0]), 20)
    assert wishes["b1"].active.int().tolist() == [active]
    assert wishes["b0"].active.any() == any(active)


def test_no_error_no_change():
    network = network_of((1, 1), (1, 2))
    with torch.no_grad():
        network.get_parameter("blocks.b0.synapse.weight").fill_(2.0)
        network.get_parameter("blocks.b1.synapse.weight").copy_(torch.tensor([[1.0], [-1.0]]))
    update = only_update(Desire(), network, Batch(torch.ones(20, 1, 1, dtype=F64), torch.tensor([0])))
    assert all(not grad.any() for grad in update.grads.values())
    assert update.metrics == {"active_b0": 0.0, "active_b1": 0.0}


@pytest.mark.parametrize(("target", "sign"), [(0, 1), (1, -1)])
def test_wanted_spikes_strengthen_and_unwanted_ones_weaken(target, sign):
    network = network_of((8, 2))
    with torch.no_grad():
        network.get_parameter("blocks.b0.synapse.weight").copy_(torch.tensor([[0.2], [-1.0]]).expand(2, 8))
    inputs = (torch.rand(20, 1, 8) < 0.3).to(F64)
    inputs[:, :, 5] = 0.0
    inputs[19, :, 5] = 1.0
    inputs[:, :, 6] = 0.0
    data = Batch(inputs, torch.tensor([target]))
    change = -only_update(Desire(threshold_output=0.01), network, data).grads["blocks.b0.synapse.weight"]
    assert (sign * change[0] >= 0).all()
    assert (sign * change[0]).max() > 0
    assert not change[:, 6].any(), "an input that never spiked"
    assert not change[1].any(), "a neuron that never fired"


def test_silent_and_masked_neurons_are_not_changed():
    network, data = network_of((16, 20), (20, 4), gain=1.5), batch_of((16,), 4)
    mask = (torch.rand(4, 20) < 0.5).to(F64) * 2.0
    mask[:, 3] = 0.0
    with torch.no_grad():
        network.get_parameter("blocks.b0.synapse.weight")[7] = -1.0
    update = only_update(Desire(), network, Batch(data.inputs, data.targets, {"b0": mask}))
    change = update.grads["blocks.b0.synapse.weight"]
    assert not change[3].any()
    assert not change[7].any()
    assert change.any()
    assert not update.grads["blocks.b1.synapse.weight"][:, 3].any()


def test_the_output_can_fire_in_all_but_the_first_steps():
    network = network_of((1, 1), (1, 1), (1, 1))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(5.0)
    record, _ = network.run(torch.ones(20, 1, 1, dtype=F64))
    assert record.output.spikes.sum() == 18
    assert record.output.spikes[2:].all()


def test_evaluation_changes_nothing():
    network = network_of((64, 12), (12, 10), front=nn.Flatten()).float()
    before = {k: v.clone() for k, v in weights_of(network).items()}
    evaluate(network, Loader(Digits("test"), 20, 100, encoder=RegularRate(16)))
    assert all(v.equal(before[k]) for k, v in weights_of(network).items())


def test_an_image_shown_again_and_again_is_learned():
    network, data = network_of((16, 20), (20, 4)), batch_of((16,))
    training = Training.start(network, Desire(), optimizer=OptimizerChoice("sgd", 2e-3))
    target = int(data.targets)

    def error():
        return 1 - 20 * network(data.inputs)[0, target].item() / 16

    assert error() > 0.3, "it knows it already"
    for _ in range(100):
        learn(training, data)
    assert error() <= 0.3
    assert network(data.inputs).argmax() == target


def test_traces_are_bounded():
    trace = spike_trace(torch.full((200, 1, 3), 2.5, dtype=F64), 0.75)
    assert trace.max() <= 4.0
    assert trace[-1].min() > 3.99
    assert trace[:3, 0, 0].tolist() == [1.0, 1.75, 2.3125]


def test_a_trace_goes_on_where_it_stopped():
    record = torch.rand(9, 2, 3, dtype=F64)
    first = spike_trace(record[:4], 0.75)
    torch.testing.assert_close(torch.cat([first, spike_trace(record[4:], 0.75, first[-1])]), spike_trace(record, 0.75))
    assert record.max() < 1, "the record is not written to"


def test_a_wish_is_two_bits():
    wish = Wish(torch.tensor([True, True, False, False]), torch.tensor([True, False, True, False]))
    assert wish.desire(F64).tolist() == [1.0, -1.0, 0.0, 0.0]
    assert issubclass(SilentLeakLIF, Neuron)


@pytest.mark.slow
def test_learns_digits_and_needs_its_hidden_layer():
    """Accuracy with ties counted as errors, after six epochs; with the hidden weights frozen it stays far below."""
    reached = {}
    for learned in (True, False):
        torch.manual_seed(0)
        network = network_of((64, 100), (100, 10), front=nn.Flatten()).float()
        network.blocks["b0"].requires_grad_(learned)
        training = Training.start(network, Desire(dropout_hidden=0.2), optimizer=OptimizerChoice("sgd", 2e-4))
        loader = Loader(Digits("train"), 20, 20, encoder=RegularRate(16), shuffle=True)
        for epoch in range(6):
            for inputs, targets in loader.epoch(epoch):
                learn(training, Batch(inputs, targets))
        reached[learned] = evaluate(network, Loader(Digits("test"), 20, 100, encoder=RegularRate(16))).unique_accuracy
    assert reached[True] > 0.8
    assert reached[False] < 0.5
