"""Online STDP three ways: a dense loop written by hand, the network stepped, and the compiled loop over events."""

import math

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, Network
from spikelearn.neurons import IF, LIF, AdaptiveLIF
from spikelearn.plasticity import Batch, OnlineSTDP

F64 = torch.float64
INPUTS, NEURONS, STEPS = 30, 20, 40
SETTINGS = {
    "lif": (lambda: LIF.per_step(0.9), (0.9, 1.0, 0.0, 0.0, 0.0, 0.0)),
    "lif-rest": (lambda: LIF.per_step(0.8, v_reset=-0.3), (0.8, 1.0, -0.3, 0.0, 0.0, 0.0)),
    "lif-subtract": (lambda: LIF.per_step(0.9, reset="subtract"), (0.9, 1.0, None, 0.0, 0.0, 0.0)),
    "lif-leak": (
        lambda: LIF(10e-3, r=9.0, v_leak=0.2, discretisation="euler"),
        (0.9, 0.9, 0.0, 0.02, 0.0, 0.0),
    ),
    "adaptive": (lambda: AdaptiveLIF.per_step(0.9, 0.95, beta=0.3), (0.9, 1.0, 0.0, 0.0, 0.3, 0.95)),
    "if": (lambda: IF(1.0, r=0.5), (1.0, 0.5, 0.0, 0.0, 0.0, 0.0)),
}


def by_hand(weight, bias, back, inputs, neuron, rule, push):
    """Dense loops over time and samples; the order inside a step is that of the docstring."""
    decay, gain, v_reset, leak, beta, fall = neuron
    batch = inputs.shape[1]
    weight = weight.clamp(rule.low, rule.high).clone()
    v = torch.full((batch, NEURONS), leak / (1 - decay) if leak else 0.0, dtype=weight.dtype)
    a, z, y = torch.zeros_like(v), torch.zeros_like(v), torch.zeros_like(v)
    x, counts = torch.zeros_like(inputs[0]), torch.zeros_like(v)
    for s in inputs:
        v = decay * v + gain * (s @ weight.t() + bias + z @ back.t() + push) + leak
        z = (v - beta * a > 1.0).to(v.dtype)
        v = v - z if v_reset is None else torch.where(z == 1, v_reset, v)
        a = fall * a + z
        counts += z
        x, y = rule.decay_pre * x, rule.decay_post * y
        if rule.coincident:
            x, y = x + s, y + z
        change = torch.zeros_like(weight)
        for b in range(batch):
            change += rule.a_plus * torch.outer(z[b], x[b]) - rule.a_minus * torch.outer(y[b], s[b])
        weight = (weight + change / batch).clamp(rule.low, rule.high)
        if not rule.coincident:
            x, y = x + s, y + z
    return weight, counts / len(inputs)


def layer(make, lateral, dtype=F64):
    torch.manual_seed(1)
    synapse = nn.Linear(INPUTS, NEURONS)
    nn.init.uniform_(synapse.weight, -0.1, 0.5)
    back = nn.Linear(NEURONS, NEURONS, bias=False).requires_grad_(False)
    if lateral == "uniform":
        back.weight.copy_(torch.diag(torch.rand(NEURONS)) - 0.5 * (1 - torch.eye(NEURONS)))
    else:
        nn.init.uniform_(back.weight, -1.0, 0.0)
    edges = {} if lateral is None else {"loop": Feedback("a", "a", back)}
    return Network({"a": Block(synapse, make())}, edges).to(dtype)


def batch(samples=4, dtype=F64):
    torch.manual_seed(2)
    inputs = (torch.rand(STEPS, samples, INPUTS) < 0.1).to(dtype) * (0.5 + torch.rand(STEPS, samples, INPUTS).to(dtype))
    return Batch(inputs, torch.arange(samples))


def ways(network, rule, data):
    """The update by events, which must not have been declined, and step by step."""
    rule.check(network)
    with torch.no_grad():
        found = rule.by_events(network, data, {}), rule.step_by_step(network, data, {})
    assert found[0] is not None
    return found


@pytest.mark.parametrize("samples", [1, 4])
@pytest.mark.parametrize("coincident", [False, True])
@pytest.mark.parametrize("lateral", [None, "uniform", "general"])
@pytest.mark.parametrize("neuron", SETTINGS)
def test_three_ways(neuron, lateral, coincident, samples):
    make, numbers = SETTINGS[neuron]
    network, data, rule = (
        layer(make, lateral),
        batch(samples),
        OnlineSTDP(0.1, 0.06, 5e-3, 12e-3, coincident=coincident),
    )
    synapse = network.blocks["a"].synapse
    back = network.feedback["loop"].synapse.weight if lateral else torch.zeros(NEURONS, NEURONS, dtype=F64)
    weight, rates = by_hand(synapse.weight.detach(), synapse.bias.detach(), back, data.inputs, numbers, rule, 0.0)
    assert rates.sum() * STEPS > 10, "the case shows nothing"
    assert (weight == 0).any()
    for update in ways(network, rule, data):
        assert set(update.grads) == {"blocks.a.synapse.weight"}
        end = synapse.weight.detach() - update.grads["blocks.a.synapse.weight"]
        torch.testing.assert_close(end, weight, rtol=1e-11, atol=1e-13)
        torch.testing.assert_close(update.scores, rates)
        assert update.rates["a"] == pytest.approx(float(rates.mean()), rel=1e-12)


def test_a_teacher_three_ways():
    make, numbers = SETTINGS["lif"]
    network, data, rule = layer(make, "uniform"), batch(), OnlineSTDP(0.1, 0.06, teacher=0.7)
    synapse, back = network.blocks["a"].synapse, network.feedback["loop"].synapse.weight
    push = 0.7 * (2.0 * nn.functional.one_hot(data.targets, NEURONS).to(F64) - 1.0)
    weight, rates = by_hand(synapse.weight.detach(), synapse.bias.detach(), back, data.inputs, numbers, rule, push)
    for update in ways(network, rule, data):
        end = synapse.weight.detach() - update.grads["blocks.a.synapse.weight"]
        torch.testing.assert_close(end, weight, rtol=1e-11, atol=1e-13)
        assert update.scores.equal(network(data.inputs)), "scores are those without the teacher"
        assert update.rates["a"] == pytest.approx(float(rates.mean()), rel=1e-12)


@pytest.mark.parametrize("high", [1.0, 1e30, float("inf")])
def test_bounds_that_no_weight_comes_near_are_none(high):
    """Depression is forgotten where it is too small for a weight, not for a bound."""
    network, rule = layer(SETTINGS["lif"][0], None), OnlineSTDP(0.006, 0.01, low=-high, high=high)
    events, stepped = ways(network, rule, batch())
    assert stepped.grads["blocks.a.synapse.weight"].max() > 0, "nothing is depressed"
    torch.testing.assert_close(events.grads, stepped.grads, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("inputs", ["dense", "busy", "silent"])
def test_inputs_that_are_not_sparse(inputs):
    """Every input at every step, neurons that nearly all fire, none at all."""
    network, rule = layer(SETTINGS["lif"][0], "uniform"), OnlineSTDP(0.02, 0.03)
    shown = {"dense": torch.rand, "busy": torch.ones, "silent": torch.zeros}[inputs](STEPS, 3, INPUTS, dtype=F64)
    if inputs == "busy":
        network.feedback["loop"].synapse.weight.zero_()
    events, stepped = ways(network, rule, Batch(shown, torch.arange(3)))
    torch.testing.assert_close(events.grads, stepped.grads, rtol=1e-11, atol=1e-13)
    assert (events.rates["a"] > 0.2) == (inputs != "silent") or inputs == "dense"


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.float32])
def test_single_precision_and_bytes(dtype):
    network, rule = layer(SETTINGS["adaptive"][0], "uniform", torch.float32), OnlineSTDP(0.05, 0.01)
    data = Batch((torch.rand(STEPS, 3, INPUTS) < 0.1).to(dtype), torch.arange(3))
    events, stepped = ways(network, rule, data)
    assert stepped.rates["a"] > 0
    assert events.scores.equal(stepped.scores)
    torch.testing.assert_close(events.grads, stepped.grads, rtol=1e-4, atol=1e-6)
    as_floats, _ = ways(network, rule, Batch(data.inputs.float(), data.targets))
    assert all(grad.equal(as_floats.grads[name]) for name, grad in events.grads.items())


def test_pairs_by_hand():
    """A spike after an input earns a_plus e^(-1), an input after a spike costs a_minus e^(-2); both are then in bounds."""
    network = Network({"a": Block(nn.Linear(3, 1, bias=False), LIF.per_step(0.0, v_threshold=0.5))}).to(F64)
    with torch.no_grad():
        network.get_parameter("blocks.a.synapse.weight").copy_(torch.tensor([[0.2, 0.9, 0.01]], dtype=F64))
    inputs = torch.zeros(4, 1, 3, dtype=F64)
    inputs[0, 0, 0] = inputs[1, 0, 1] = inputs[3, 0, 2] = 1.0  # fires at step 1 alone
    rule = OnlineSTDP(0.1, 0.2, 1e-3, 1e-3)
    for update in ways(network, rule, Batch(inputs, torch.tensor([0]))):
        end = network.get_parameter("blocks.a.synapse.weight").detach() - update.grads["blocks.a.synapse.weight"]
        assert end.tolist() == [pytest.approx([0.2 + 0.1 * math.exp(-1), 0.9, 0.0], abs=1e-15)]
        assert update.scores.tolist() == [[0.25]]
