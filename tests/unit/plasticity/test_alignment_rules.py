"""Rules through the weights of the start: what they keep, and networks that they refuse or cross."""

import pytest
import torch

from spikelearn import build
from spikelearn.network import MembraneReadout
from spikelearn.neurons import LIF, Rate
from spikelearn.neurons.activations import Linear, Tanh
from spikelearn.plasticity import BPTT, RULES, AlignAda, Batch
from spikelearn.training import Training, learn
from tests.helpers import only_update

F64 = torch.float64


def batch(features=6):
    torch.manual_seed(2)
    return Batch((torch.rand(8, 5, features) < 0.5).to(F64), torch.arange(5) % 3)


def network(architecture, **options):
    options = {"generator": torch.Generator().manual_seed(1), **options}
    return build(architecture, lambda: LIF.per_step(0.8), **options).to(F64)


@pytest.mark.parametrize("rule", ["align-ada", "align-zero", "align-prop"])
@pytest.mark.parametrize("architecture", ["6-12-9-3", "6-12(out)-9-3(out)", "6-12-9-3(+fc1)"])
def test_it_is_the_gradient_at_the_start_and_not_later(rule, architecture):
    made = network(architecture, batch_norm=True)
    training = Training.start(made, RULES.make(rule))
    masks = {"fc1": (torch.arange(12) % 3 > 0).to(F64).expand(5, 12), "fc2.synapse": torch.full((5, 9), 0.5, dtype=F64)}
    data = Batch(batch().inputs, batch().targets % 2, masks)
    names = [name for name, _ in made.named_parameters()]
    kept = {name: value.clone() for name, value in training.memory.items()}
    expected = only_update(BPTT(), made, data).grads
    found = learn(training, data).grads
    for name in names:
        torch.testing.assert_close(found[name], expected[name], rtol=1e-9, atol=1e-12)
    for _ in range(3):
        found = learn(training, data).grads
    expected = only_update(BPTT(), made, data).grads
    assert any(not torch.allclose(found[name], expected[name], rtol=1e-3, atol=0.0) for name in names)
    assert all(value.equal(kept[name]) for name, value in training.memory.items())


def unrolled(parameters, inputs, added=()):
    """What drives the output at every step, and the rates of two recurrent layers of tanh, by a plain loop."""
    w1, v1, w2, v2, w3 = parameters
    one, two = inputs.new_zeros(inputs.shape[1], len(w1)), inputs.new_zeros(inputs.shape[1], len(w2))
    currents, rates = [], []
    for t, x in enumerate(inputs):
        push = [place[t] for place in added] or [0.0, 0.0]
        one = torch.tanh(x @ w1.t() + one @ v1.t() + push[0])
        two = torch.tanh(one @ w2.t() + two @ v2.t() + push[1])
        currents.append(two @ w3.t())
        rates.append((one, two))
    return torch.stack(currents), *map(torch.stack, zip(*rates, strict=True))


@pytest.mark.parametrize("rule", ["align-ada", "align-zero"])
def test_errors_come_back_through_loops_as_they_began(rule):
    options = {"bias": False, "output": lambda: Rate(Linear()), "readout": MembraneReadout()}
    made = build("6-8(>fc1)-7(>fc2)-3", lambda: Rate(Tanh()), generator=torch.Generator().manual_seed(1), **options)
    made, data = made.to(F64), batch()
    paths = ["blocks.fc1", "feedback.fc1_to_fc1", "blocks.fc2", "feedback.fc2_to_fc2", "blocks.fc3"]
    names = [name for path in paths for name, _ in made.named_parameters() if name.startswith(f"{path}.")]
    tool = RULES.make(rule, {"loss": "cross-entropy"})
    memory = tool.init(made, torch.Generator())
    began = [made.get_parameter(name).detach().clone().requires_grad_() for name in names]
    expected = only_update(RULES.make("bptt:loss=cross-entropy"), made, data).grads
    torch.testing.assert_close(only_update(tool, made, data, memory).grads, expected, rtol=1e-9, atol=1e-12)
    with torch.no_grad():
        for number, parameter in enumerate(made.parameters()):
            parameter.add_(0.4 * torch.sin(torch.arange(parameter.numel(), dtype=F64).view_as(parameter) + number))
    now = [made.get_parameter(name).detach() for name in names]
    currents, one, two = unrolled(now, data.inputs)
    currents.requires_grad_()
    (errors,) = torch.autograd.grad(torch.nn.functional.cross_entropy(currents.mean(0), data.targets), currents)
    zeros = [torch.zeros_like(rate, requires_grad=True) for rate in (one, two)]
    down = (unrolled(began, data.inputs, zeros)[0] * errors).sum()
    if rule == "align-zero":
        wanted = torch.autograd.grad(down, began)
    else:
        delta = torch.autograd.grad(down, zeros)
        before = [torch.cat([torch.zeros_like(rate[:1]), rate[:-1]]) for rate in (one, two)]
        meets = [(delta[0], data.inputs), (delta[0], before[0]), (delta[1], one), (delta[1], before[1]), (errors, two)]
        wanted = [torch.einsum("tbo,tbi->oi", error, seen) for error, seen in meets]
    found = only_update(tool, made, data, memory).grads
    assert set(found) == set(names)
    for name, grad in zip(names, wanted, strict=True):
        torch.testing.assert_close(found[name], grad, rtol=1e-9, atol=1e-13)
    gradient = only_update(RULES.make("bptt:loss=cross-entropy"), made, data).grads
    assert not torch.allclose(found[names[1]], gradient[names[1]], rtol=1e-2, atol=0.0)


def test_loops_without_a_meaning_are_refused():
    for rule in ("align-ada", "align-zero"):
        with pytest.raises(ValueError, match=f"{rule} knows the error at what drives the output.*come from blocks"):
            RULES.make(rule).check(network("6-12-3(>fc1)"))
    with pytest.raises(ValueError, match="with slopes=program takes neurons as they are.*has feedback edges"):
        AlignAda(slopes="program").check(network("6-12(F12)-3"))
