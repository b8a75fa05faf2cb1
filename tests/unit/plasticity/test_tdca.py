"""Credits: their kernel by hand, the rule as drawn, and the text of a learned credit network."""

import math

import pytest
import torch

from spikelearn.plasticity import DFA, RULES, TDCA, Batch
from spikelearn.plasticity.meta.credits import BIAS, CREDIT_NETWORKS, HIDDEN, STRAIGHT, THROUGH, kernel
from spikelearn.runs import network_for


def network(net="6-8-5-3"):
    return network_for("tdca", net, (6,)).double()


def batch(task_targets=(0, 2, 1, 2)):
    inputs = torch.rand(1, 4, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return Batch(inputs, torch.tensor(task_targets))


def only_update(rule, made, memory, data=None):
    (update,) = rule.updates(made, data or batch(), memory, torch.Generator().manual_seed(0))
    return update


def test_the_kernel_spreads_two_credits_over_four_neurons():
    found = kernel(2, 4, 1.0, torch.zeros((), dtype=torch.float64))
    # Credits stand at 0.5 and 1.5 spacings, neurons at 0.25, 0.75, 1.25 and 1.75.
    first = [math.exp(-(d**2) / 2) for d in (0.25, 0.25, 0.75, 1.25)]
    second = [math.exp(-(d**2) / 2) for d in (1.25, 0.75, 0.25, 0.25)]
    for j, (a, b) in enumerate(zip(first, second, strict=True)):
        length = math.hypot(a, b)
        assert found[:, j].tolist() == pytest.approx([a / length, b / length], rel=1e-12)


def test_a_narrow_kernel_gives_every_neuron_its_nearest_credit():
    found = kernel(2, 4, 1e-3, torch.zeros(()))
    assert found.tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]


def test_as_drawn_with_a_credit_a_neuron_it_is_dfa():
    made = network()
    rule, data = TDCA(per_block=0), batch()
    memory = rule.init(made, torch.Generator().manual_seed(3))
    found = only_update(rule, made, memory, data)
    dfa = DFA()
    expected = only_update(dfa, made, dfa.init(made, torch.Generator().manual_seed(3)), data)
    for name, value in expected.grads.items():
        torch.testing.assert_close(found.grads[name], value, rtol=1e-12, atol=1e-14)


def test_credits_are_those_of_the_formula():
    """Of the first hidden block, through both paths of the credit network, whose target and output are seen apart."""
    made, rule = network(), TDCA(per_block=3, hidden=2, gain=2.0)
    drawn = torch.Generator().manual_seed(8)
    shapes = {name: t.shape for name, t in rule.init(made, torch.Generator().manual_seed(3)).items()}
    memory = {name: torch.randn(shape, generator=drawn, dtype=torch.float64) for name, shape in shapes.items()}
    data, grads = batch(), only_update(rule, made, memory).grads
    names = list(grads)
    weights = [made.get_parameter(name).detach() for name in names if name.endswith("weight")]
    biases = [made.get_parameter(name).detach() for name in names if name.endswith("bias")]
    x = data.inputs[0]
    a1 = x @ weights[0].T + biases[0]
    a2 = a1.relu() @ weights[1].T + biases[1]
    p = (2.0 * (a2.relu() @ weights[2].T + biases[2])).softmax(1)
    u = torch.cat([p, torch.eye(3, dtype=torch.float64)[data.targets]], 1)
    credits = u @ memory[STRAIGHT + "fc1"]
    credits = credits + torch.tanh(u @ memory[HIDDEN] + memory[BIAS]) @ memory[THROUGH + "fc1"]
    delta = 2.0 * credits @ kernel(3, 8, 1.0, credits) * (a1 > 0)
    torch.testing.assert_close(grads[names[0]], delta.T @ x / 4, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(grads[names[1]], delta.mean(0), rtol=1e-12, atol=1e-14)


def test_a_learned_credit_network_is_held_by_text():
    tensors = TDCA(per_block=2, hidden=2).init(network_for("tdca", "6-8-3", (6,)), torch.Generator().manual_seed(1))
    options = TDCA.resolved({"per_block": 2, "hidden": 2, "network": CREDIT_NETWORKS.written(tensors)})
    assert options["network"] == CREDIT_NETWORKS.written(tensors)
    rule = RULES.build("tdca", options)
    found = rule.init(network_for("tdca", "6-20-3", (6,)), torch.Generator().manual_seed(9))
    assert found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in tensors.items())


def test_what_is_no_credit_network_is_refused(tmp_path):
    with pytest.raises(ValueError, match="does not exist: name a file of a credit network"):
        TDCA(network=str(tmp_path / "none.json"))
    with pytest.raises(ValueError, match="no rectangle of numbers"):
        CREDIT_NETWORKS.of('{"credits.bias": [[1.0], 2.0]}')
    with pytest.raises(ValueError, match="not finite"):
        CREDIT_NETWORKS.of('{"credits.bias": [1e300]}')
    with pytest.raises(ValueError, match="per_block is -1"):
        TDCA(per_block=-1)
    with pytest.raises(ValueError, match="as credits.bias, expected \\[16\\]"):
        TDCA(network='{"credits.bias": [1.0]}').init(network("6-8-3"), torch.Generator())
