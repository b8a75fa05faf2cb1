"""A step as a value: it is that of learn, and derivatives through it are those of finite differences."""

import copy

import pytest
import torch
import torch.nn.functional as F
from torch.func import functional_call

from spikelearn.network import build
from spikelearn.neurons import NEURONS
from spikelearn.plasticity import BPTT, Batch, OptimizerChoice, Update, applied
from spikelearn.training import Training, learn

RULE = BPTT(second_order=True)


def network():
    neuron = lambda: NEURONS.build("rate", {"activation": "tanh"})  # noqa: E731
    return build("6-5-3", neuron, generator=torch.Generator().manual_seed(0)).double()


def batch(seed=1):
    inputs = torch.rand(4, 7, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return Batch(inputs, torch.arange(7) % 3)


def stepped(made, lr):
    """The parameters behind one step, as values."""
    (update,) = RULE.updates(made, batch(), {}, torch.Generator())
    return applied(made, update, lr)


def outer_loss(made, parameters):
    """The loss of other samples behind the step."""
    held = batch(seed=2)
    return F.cross_entropy(functional_call(made, parameters, (held.inputs,)), held.targets)


def learned_loss(made, lr):
    """The same by ``learn``, which writes."""
    made = copy.deepcopy(made)
    learn(Training.start(made, BPTT(), optimizer=OptimizerChoice("sgd", lr)), batch())
    held = batch(seed=2)
    return float(F.cross_entropy(made(held.inputs), held.targets).detach())


def test_the_step_is_that_of_learn_and_writes_nothing():
    made = network()
    before = {name: value.clone() for name, value in made.state_dict().items()}
    assert float(outer_loss(made, stepped(made, 0.3)).detach()) == pytest.approx(learned_loss(made, 0.3), rel=1e-12)
    assert all(value.equal(before[name]) for name, value in made.state_dict().items())
    assert all(parameter.grad is None for parameter in made.parameters())


def test_the_derivative_in_the_learning_rate_is_that_of_finite_differences():
    made, lr = network(), torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(outer_loss(made, stepped(made, lr)), lr)
    expected = (learned_loss(made, 0.3 + 1e-5) - learned_loss(made, 0.3 - 1e-5)) / 2e-5
    assert float(found) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["blocks.fc1.synapse.1.weight", "blocks.fc2.synapse.1.weight"])
def test_the_derivative_in_the_initial_weights_is_that_of_finite_differences(name):
    made = network()
    weight = made.get_parameter(name)
    (found,) = torch.autograd.grad(outer_loss(made, stepped(made, 0.5)), weight)
    direction = torch.randn(weight.shape, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    losses = []
    for sign in (1.0, -1.0):
        moved = copy.deepcopy(made)
        with torch.no_grad():
            moved.get_parameter(name).add_(direction, alpha=1e-5 * sign)
        losses.append(learned_loss(moved, 0.5))
    expected = (losses[0] - losses[1]) / 2e-5
    assert float((found * direction).sum()) == pytest.approx(expected, rel=1e-6)
    (first_order,) = BPTT().updates(made, batch(), {}, torch.Generator())
    loss = outer_loss(made, applied(made, first_order, 0.5))
    (cut,) = torch.autograd.grad(loss, weight)
    assert float((cut * direction).sum()) != pytest.approx(expected, rel=1e-3), "the second derivative counts"


def test_refused():
    made = network()
    with pytest.raises(ValueError, match="the update changes 'w', expected one of"):
        applied(made, Update({"w": torch.zeros(1)}, torch.zeros(1, 3)), 0.1)
    with pytest.raises(ValueError, match="the change of blocks.fc1"):
        applied(made, Update({"blocks.fc1.synapse.1.bias": torch.zeros(2)}, torch.zeros(1, 3)), 0.1)
    with pytest.raises(ValueError, match="second_order .* memory_budget"):
        BPTT(second_order=True, memory_budget=10.0)
    spiking = build("6-5-3", generator=torch.Generator().manual_seed(0)).double()
    with pytest.raises(ValueError, match="second_order is set, but these neurons cannot be differentiated twice"):
        stepped(spiking, 0.1)
