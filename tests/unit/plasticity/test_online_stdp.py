import pytest
import torch
from torch import nn

from spikelearn.checks import is_known_finite
from spikelearn.network import Block, Feedback, MembraneReadout, Network, build
from spikelearn.neurons import LIF, CubaLIF
from spikelearn.plasticity import Batch, OnlineSTDP
from spikelearn.plasticity.base import OptimizerChoice
from spikelearn.training import Training, learn
from spikelearn.training.finite import NonFiniteUpdate
from tests.helpers import only_update

F64 = torch.float64


def one_layer(readout=None):
    network = Network({"a": Block(nn.Linear(12, 6), LIF.per_step(0.8))}, readout=readout)
    nn.init.uniform_(network.get_parameter("blocks.a.synapse.weight"), 0.1, 0.6)
    return network


def spikes(samples=3, size=12, rate=0.2):
    return Batch((torch.rand(20, samples, size) < rate).float(), torch.arange(samples) % 3)


def test_learn_leaves_the_weights_where_the_presentation_ended():
    network, rule, data = one_layer().to(F64), OnlineSTDP(0.3, 0.2), spikes()
    data = Batch(data.inputs.double(), data.targets)
    before = network.get_parameter("blocks.a.synapse.weight").detach().clone()
    end = before - only_update(rule, network, data).grads["blocks.a.synapse.weight"]
    assert network.get_parameter("blocks.a.synapse.weight").equal(before)
    learn(Training.start(network, rule), data)
    weight = network.get_parameter("blocks.a.synapse.weight").detach()
    torch.testing.assert_close(weight, end, rtol=0, atol=1e-15)
    assert weight.min() >= 0
    assert weight.max() <= 1
    assert (weight == 0).any()
    assert (weight == 1).any()


def test_a_change_counts_for_the_next_spikes():
    """0.6 does not fire the neuron alone; once a neighbour has helped it to, 0.6 + 0.5 does."""
    network = Network({"a": Block(nn.Linear(2, 1, bias=False), LIF.per_step(0.0))})
    with torch.no_grad():
        network.get_parameter("blocks.a.synapse.weight").copy_(torch.tensor([[0.6, 0.6]]))
    inputs = torch.tensor([[1.0, 0], [0, 0], [1, 1], [0, 0], [1, 0]]).reshape(5, 1, 2)
    data = Batch(inputs, torch.tensor([0]))
    assert network(inputs).tolist() == [[pytest.approx(0.2)]]
    rule = OnlineSTDP(0.5, 0.0, coincident=True, high=2.0)
    assert only_update(rule, network, data).scores.tolist() == [[pytest.approx(0.4)]]


def test_deep_networks_masks_and_feedback_learn_step_by_step():
    blocks = {"a": Block(nn.Sequential(nn.Flatten(), nn.Linear(12, 6)), LIF.per_step(0.8))}
    blocks["b"] = Block(nn.Linear(6, 3), CubaLIF.per_step(0.8, 0.5), delay=1)
    network = Network(blocks, {"loop": Feedback("b", "a", nn.Linear(3, 6, bias=False))})
    for parameter in network.parameters():
        nn.init.uniform_(parameter, 0.1, 0.6)
    data = spikes()
    data = Batch(data.inputs.unflatten(2, (1, 3, 4)), data.targets, {"a": torch.ones(3, 6)})
    rule = OnlineSTDP(0.05, 0.02)
    update = only_update(rule, network, data)
    names = {"blocks.a.synapse.1.weight", "blocks.b.synapse.weight", "feedback.loop.synapse.weight"}
    assert set(update.grads) == names
    assert all(grad.abs().max() > 0 for grad in update.grads.values())
    assert set(update.rates) == {"a", "b"}
    network.feedback["loop"].requires_grad_(False)
    assert set(only_update(rule, network, data).grads) == names - {"feedback.loop.synapse.weight"}


def test_readouts_of_more_than_the_rate_are_taken():
    data = spikes()
    network = one_layer(MembraneReadout())
    assert only_update(OnlineSTDP(0.0, 0.0), network, data).scores.allclose(network(data.inputs))


def test_the_compiled_loop_and_the_steps_of_any_network_have_the_same_values(monkeypatch):
    network, rule, data = one_layer().to(F64), OnlineSTDP(0.05, 0.02), spikes()
    data = Batch(data.inputs.double(), data.targets)
    compiled = only_update(rule, network, data)
    monkeypatch.setattr(OnlineSTDP, "by_events", lambda *_: None)
    stepped = only_update(rule, network, data)
    torch.testing.assert_close(compiled.grads, stepped.grads, rtol=1e-12, atol=1e-14)
    assert compiled.rates == pytest.approx(stepped.rates)


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
@pytest.mark.parametrize("neuron", [0, 5])
def test_weights_that_are_not_finite_are_refused(wrong, neuron):
    """The compiled loop tells that its change is finite, which is then not looked at again."""
    network, data = one_layer(), spikes()
    assert is_known_finite(only_update(OnlineSTDP(), network, data).grads["blocks.a.synapse.weight"])
    with torch.no_grad():
        network.get_parameter("blocks.a.synapse.weight")[neuron, 3] = wrong
    with pytest.raises(NonFiniteUpdate, match=r"the change of blocks\.a\.synapse\.weight is not finite"):
        learn(Training.start(network, OnlineSTDP()), data)


def test_half_a_learning_rate_goes_half_of_the_way():
    data, weights = spikes(), []
    for lr in (1.0, 0.5):
        torch.manual_seed(0)
        network = one_layer()
        start = network.get_parameter("blocks.a.synapse.weight").detach().clone()
        learn(Training.start(network, OnlineSTDP(0.1, 0.1), optimizer=OptimizerChoice("sgd", lr)), data)
        weights.append(network.get_parameter("blocks.a.synapse.weight").detach() - start)
    torch.testing.assert_close(weights[1], 0.5 * weights[0])


def test_weights_of_a_convolution_are_refused():
    with pytest.raises(ValueError, match="stdp-online learns nn.Linear and SparseLinear, but blocks.conv1.synapse"):
        OnlineSTDP().init(build("2C3-10", input_shape=(1, 8, 8)), torch.Generator())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"low": 1.0}, "low is 1.0 and high is 1.0, expected low < high"),
        ({"high": "far"}, "high is 'far', expected a number"),
        ({"tau_pre": 0}, "tau_pre is 0"),
        ({"coincident": 1}, "coincident is 1"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        OnlineSTDP(**options)
