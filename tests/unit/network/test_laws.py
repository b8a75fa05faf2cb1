"""Dale's law: every neuron keeps the sign of its weights, whatever changes them."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, Feedforward, Network
from spikelearn.neurons import LIF, ConductanceLIF
from spikelearn.plasticity import BPTT, RULES, Batch, OptimizerChoice
from spikelearn.synapses import DelayedLinear, SparseLinear
from spikelearn.training import Training, learn
from tests.helpers import F64, only_update

TARGETS = torch.tensor([0, 1, 2, 0])


def spikes(seed=0):
    return (torch.rand(12, 4, 6, generator=torch.Generator().manual_seed(seed)) < 0.4).to(F64)


def balanced():
    """Excitatory and inhibitory populations that send to each other and to themselves, and a mixed one."""
    torch.manual_seed(1)
    blocks = {
        "exc": Block(nn.Linear(6, 8), LIF.per_step(0.8)),
        "inh": Block(SparseLinear.fixed_probability(8, 4, 0.8, delays=(0, 2)), LIF.per_step(0.8)),
        "mixed": Block(DelayedLinear(8, 5, 3), LIF.per_step(0.8), source="exc"),
        "out": Block(nn.Linear(5, 3), LIF.per_step(0.8)),
    }
    feedback = {
        "ee": Feedback("exc", "exc", nn.Linear(8, 8, bias=False)),
        "ie": Feedback("inh", "exc", nn.Linear(4, 8, bias=False)),
        "ii": Feedback("inh", "inh", nn.Linear(4, 4, bias=False)),
    }
    joined = {"direct": Feedforward("inh", "out", SparseLinear.fixed_in_degree(4, 3, 2, bias=False))}
    network = Network(blocks, feedback, feedforward=joined).to(F64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3.0)
    return network.with_signs({"inputs": "excitatory", "exc": "excitatory", "inh": "inhibitory", "mixed": 3})


def assert_lawful(network, alive=0.2):
    """All weights stand on their side, and not all are 0."""
    for path, source, synapse, _ in network.from_sources():
        weight = synapse.weight.detach()
        if source == "mixed":
            assert (weight[:, :3] >= 0).all()
            assert (weight[:, 3:] <= 0).all()
        else:
            assert ((weight <= 0) if source == "inh" else (weight >= 0)).all(), path
        assert float((weight != 0).float().mean()) >= alive, path


def test_signs_are_taken_and_sizes_kept():
    network = balanced()
    assert_lawful(network)
    assert (network.blocks["exc"].synapse.bias < 0).any(), "biases belong to no neuron that sends"


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmaxprop", "schedule-free-adamw"])
def test_every_optimizer_keeps_them(optimizer):
    network = balanced()
    training = Training.start(network, BPTT(), optimizer=OptimizerChoice(optimizer, 0.3), constraints=())
    for seed in range(4):
        before = {name: p.detach().clone() for name, p in network.named_parameters()}
        learn(training, Batch(spikes(seed), TARGETS))
        assert any(not torch.equal(before[name], p) for name, p in network.named_parameters())
        assert_lawful(network)


@pytest.mark.parametrize(
    "rule",
    ["stdp:a_plus=0.5,a_minus=0.6", "triplet-stdp:low=-9,high=9,scale=20", "vogels:low=-9,high=9,learning_rate=0.5"],
)
def test_rules_of_spikes_keep_them(rule):
    """Weights that change within the presentation never cross 0 there either: their sum of changes ends on their side."""
    network = balanced()
    for name in ("mixed",):  # learned delays are for gradients
        network.blocks[name].synapse.requires_grad_(False)
    made = RULES.make(rule)
    update = only_update(made, network, Batch(spikes(), TARGETS))
    crossed = [
        name for name, grad in update.grads.items() if crosses(network, name, network.get_parameter(name) - grad)
    ]
    training = Training.start(network, made, constraints=())
    learn(training, Batch(spikes(), TARGETS))
    assert_lawful(network, alive=0.0)
    assert bool(crossed) is (made.name == "stdp"), "only a change that is applied at the end can go too far by itself"


def crosses(network, name, weight):
    before = network.get_parameter(name)
    return bool((before * weight < 0).any())


def test_a_weight_of_the_wrong_sign_comes_to_rest_at_0():
    network = balanced()
    weight = network.feedback["ie"].synapse.weight
    with torch.no_grad():
        weight[0, 0], weight[1, 1] = 2.0, -2.0
    network.hold_laws(["blocks.exc.synapse.weight"])
    assert weight[0, 0].item() == 2.0, "what no step changed is left alone"
    network.hold_laws(["feedback.ie.synapse.weight"])
    assert weight[0, 0].item() == 0.0
    assert weight[1, 1].item() == -2.0


def test_refused_signs():
    network = balanced()
    for signs, words in (
        ({"excc": "excitatory"}, "did you mean 'exc'"),
        ({"exc": "positive"}, "expected excitatory, inhibitory"),
        ({"exc": -1}, "expected excitatory, inhibitory"),
        ({"exc": True}, "expected excitatory, inhibitory"),
        ({"mixed": 9}, "9 excitatory neurons send to blocks.out.synapse, which takes from 5"),
    ):
        with pytest.raises(ValueError, match=words):
            network.with_signs(signs)
    conv = Network({"a": Block(nn.Conv2d(2, 3, 3), LIF())})
    assert (conv.with_signs({"inputs": "inhibitory"}).blocks["a"].synapse.weight <= 0).all()
    with pytest.raises(ValueError, match="shares its weights among places"):
        conv.with_signs({"inputs": 1})
    normed = Network({"a": Block(nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3)), LIF())})
    with pytest.raises(ValueError, match="no single layer of weights can keep the sign"):
        normed.with_signs({"inputs": "excitatory"})


def test_what_opens_a_conductance_is_positive_and_of_inhibitory_neurons():
    torch.manual_seed(0)
    back = Feedback("a", "a", nn.Linear(5, 5), current="inhibitory")
    network = Network({"a": Block(nn.Linear(6, 5), ConductanceLIF())}, {"back": back})
    assert (network.with_signs({"a": "inhibitory"}).feedback["back"].synapse.weight >= 0).all()
    with pytest.raises(ValueError, match="drives an inhibitory conductance"):
        network.with_signs({"a": "excitatory"})
