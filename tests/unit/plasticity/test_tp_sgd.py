"""Blocks that move towards random targets of their own."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, MembraneReadout, Network
from spikelearn.neurons import LIF, LeakyIntegrator, Rate
from spikelearn.neurons.activations import Linear, ReLU, Tanh
from spikelearn.plasticity import RULES, TPSGD, Batch, CrossEntropy, CrossEntropyMembrane, OptimizerChoice
from spikelearn.plasticity.three_factor.signals.layer_target import TARGETS
from spikelearn.tasks import Regress
from spikelearn.training import Training, learn
from tests.helpers import batch_for, dense, images, lifted, only_update

F64 = torch.float64
OUTPUT = {"output": lambda: LeakyIntegrator.per_step(0.0), "readout": MembraneReadout()}


def recurrent():
    """Two layers, each with a way from itself to itself."""
    torch.manual_seed(3)
    blocks = {"a": Block(nn.Linear(6, 8), LIF.per_step(0.8)), "b": Block(nn.Linear(8, 7), LIF.per_step(0.7))}
    blocks["out"] = Block(nn.Linear(7, 3), LeakyIntegrator.per_step(0.0))
    loops = {f"loop_{name}": Feedback(name, name, nn.Linear(n, n, bias=False)) for name, n in (("a", 8), ("b", 7))}
    return lifted(Network(blocks, loops, MembraneReadout()), 3.0)


NETWORKS = {"dense": lambda: dense("6-8-7-3"), "conv": images, "recurrent": recurrent}


def distance_of(sent, wanted, kind, over):
    """Mean over samples of the distances of a block, of its mean, or the mean of all steps' own."""
    seen = sent.mean(0, keepdim=True) if over == "presentation" else sent
    away = (seen - wanted).flatten(2)
    each = away.abs().sum(2) if kind == "l1" else 0.5 * away.square().sum(2)
    return each.mean()


@pytest.mark.parametrize("over", ["presentation", "step"])
@pytest.mark.parametrize("distance", ["l2", "l1"])
@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_block_descends_its_own_distance(make, distance, over):
    """Of dense, convolutional and recurrent layers, several of them, with everything that is sent held fixed."""
    network = make()
    loss = CrossEntropyMembrane() if "out" in network.blocks else "cross-entropy-rate"
    rule = RULES.make("tp-sgd", {"distance": distance, "over": over, "loss": loss})
    data, memory = batch_for(network), rule.init(network, torch.Generator().manual_seed(0))
    update = only_update(rule, network, data, memory)
    record, _ = network.run(data.inputs, adjoint=rule.adjoint, cut=True)
    for name in network.blocks:
        if name in network.outputs:
            continue
        value = distance_of(record[name].spikes, memory[TARGETS + name][data.targets], distance, over)
        assert update.metrics[f"loss_{name}"] == pytest.approx(value.item(), rel=1e-12)
        own = [key for key in update.grads if key.startswith((f"blocks.{name}.", f"feedback.loop_{name}."))]
        assert len(own) >= 1 + ("loop_a" in network.feedback)
        grads = torch.autograd.grad(value, [network.get_parameter(key) for key in own], retain_graph=True)
        for key, grad in zip(own, grads, strict=True):
            assert grad.any()
            torch.testing.assert_close(update.grads[key], grad, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("trace", ["eligibility", "instant"])
@pytest.mark.parametrize("make", [lambda: dense("6-8-7-3", **OUTPUT), recurrent], ids=["dense", "recurrent"])
def test_steps_one_by_one_give_the_same(make, trace):
    network = make()
    options = {"over": "step", "trace": trace, "loss": "cross-entropy-membrane"}
    whole, stepped = (RULES.make("tp-sgd", {**options, "form": form}) for form in ("sequence", "step"))
    data, memory = batch_for(network), whole.init(network, torch.Generator().manual_seed(0))
    one, two = (only_update(rule, network, data, memory) for rule in (whole, stepped))
    torch.testing.assert_close(one.grads, two.grads, rtol=1e-10, atol=1e-14)


def test_a_linear_layer_ends_as_the_regression_onto_its_targets():
    torch.manual_seed(0)
    blocks = {"a": Block(nn.Linear(5, 4, bias=False), Rate(Linear())), "out": Block(nn.Linear(4, 3), Rate(Linear()))}
    network = Network(blocks, readout=MembraneReadout()).to(F64)
    x, classes = torch.randn(40, 5, dtype=F64), torch.arange(40) % 3
    training = Training.start(network, TPSGD(CrossEntropy()), optimizer=OptimizerChoice("sgd", 0.9))
    for _ in range(80):
        learn(training, Batch(x.unsqueeze(0), classes))
    wanted = training.memory[TARGETS + "a"][classes]
    found = network.get_parameter("blocks.a.synapse.weight").detach()
    torch.testing.assert_close(found.t(), torch.linalg.lstsq(x, wanted).solution, rtol=1e-9, atol=1e-12)


def test_a_block_learns_the_same_whatever_stands_above_it():
    network, rule = dense("6-12-12-7-3"), TPSGD()
    data, memory = batch_for(network), rule.init(network, torch.Generator().manual_seed(1))
    before = only_update(rule, network, data, memory)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.startswith("blocks.fc1."):
                parameter.uniform_(-1.0, 1.0)
    after = only_update(rule, network, data, memory)
    same = {name: grad.equal(after.grads[name]) for name, grad in before.grads.items()}
    assert same == {name: name.startswith("blocks.fc1.") for name in same}


@pytest.mark.parametrize(
    ("neuron", "options", "low", "high"),
    [
        (LIF.per_step, {}, 0.0, 0.3),
        (LIF.per_step, {"peak": 0.5}, 0.0, 0.5),
        (lambda: Rate(Tanh()), {}, -1.0, 1.0),
        (lambda: Rate(ReLU()), {}, 0.0, 1.0),
        (lambda: Rate(ReLU()), {"squash": "none", "gain": 2.0}, -2.0, 2.0),
    ],
)
def test_targets_lie_where_neurons_can_go(neuron, options, low, high):
    network = dense("6-400-3", neuron)
    targets = TPSGD(**options).init(network, torch.Generator().manual_seed(0))[TARGETS + "fc1"]
    assert targets.shape == (3, 400)
    assert low < float(targets.min()) < low + 0.05 * (high - low)
    assert high - 0.05 * (high - low) < float(targets.max()) < high


def test_what_makes_no_sense_is_refused():
    for options in ({"distance": "l3"}, {"squash": "sine"}, {"gain": 0.0}, {"peak": -1.0}, {"over": "batch"}):
        with pytest.raises(ValueError, match=next(iter(options))):
            TPSGD(**options)
    with pytest.raises(ValueError, match="looks at the whole sequence"):
        TPSGD(CrossEntropyMembrane(), form="step")
    data = Batch(torch.rand(12, 5, 6, dtype=F64), torch.rand(5, 3, dtype=F64), task=Regress())
    with pytest.raises(ValueError, match="has a target for each class, but the task is regress"):
        only_update(TPSGD(), dense("6-8-3"), data)
