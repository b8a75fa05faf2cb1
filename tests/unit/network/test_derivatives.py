import gc
import weakref

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from spikelearn.events import events_of
from spikelearn.network import Block, Feedback, Network, RateReadout, build
from spikelearn.neurons import (
    IF,
    LIF,
    NO_ADJOINT,
    AdaptiveLIF,
    Adjoint,
    ATan,
    Compiled,
    CubaLIF,
    LeakyIntegrator,
    Surrogate,
    Triangle,
)
from spikelearn.plasticity import RULES, Batch
from tests.conformance.cases import RULES as RULE_CASES

ATAN = Surrogate(ATan())

NETWORKS = {
    "dense": lambda: build("6-8-3", input_shape=(6,)),
    "current-based": lambda: build("6-8-3", CubaLIF, input_shape=(6,)),
    "adaptive": lambda: build("6-8-3", AdaptiveLIF, input_shape=(6,)),
    "delays": lambda: build("6-8-3", delay=1, input_shape=(6,)),
    "feedback": lambda: build("6-8(F8)-3", input_shape=(6,)),
    "potentials": lambda: build("6-8-3", output=LeakyIntegrator, input_shape=(6,)),
    "linear readout": lambda: build("6-8-3", readout="linear", input_shape=(6,)),
}


@pytest.fixture(params=NETWORKS)
def network(request):
    torch.manual_seed(0)
    made = NETWORKS[request.param]()
    with torch.no_grad():
        for parameter in made.blocks.parameters():
            parameter.mul_(4.0)
    return made


def ran(network, x, **options):
    return network.run(x, **options)[0].output


def stepped(network, x, **options):
    state, spikes, v = None, [], []
    for now in x:
        record, state = network.step(now, state, **options)
        spikes.append(record.output.spikes)
        v.append(record.output.v)
    return torch.stack(spikes), torch.stack(v)


def streamed(network, x, **options):
    seen = [record.output for record, _ in network.stream(x, **options)]
    return torch.stack([now.spikes for now in seen]), torch.stack([now.v for now in seen])


def by(path, network, x, **options):
    """(spikes, v) of the last block."""
    if path == "run":
        found = ran(network, x, **options)
        return found.spikes, found.v
    return {"step": stepped, "stream": streamed}[path](network, x, **options)


PATHS = ["run", "step", "stream"]
INPUTS = (torch.rand(7, 4, 6, generator=torch.Generator().manual_seed(1)) < 0.5).float()


def test_a_plain_loop_trains(network):
    network.with_adjoint("atan")
    before = [p.detach().clone() for p in network.parameters()]
    optimizer = torch.optim.Adam(network.parameters(), 3e-2)
    targets, losses = torch.arange(4) % 3, []
    for _ in range(25):
        optimizer.zero_grad()
        loss = F.cross_entropy(10 * network(INPUTS), targets)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert all(float((p - q).detach().abs().max()) > 1e-3 for p, q in zip(network.parameters(), before, strict=True))


@pytest.mark.parametrize("path", PATHS)
def test_the_networks_own_adjoint_is_the_calls(network, path):
    parts = list(network.blocks.parameters()) + list(network.feedback.parameters())
    weight = torch.randn(7, 4, 8 if len(network.blocks) == 1 else 3)

    def gradient(**options):
        spikes, v = by(path, network, INPUTS, **options)
        return torch.autograd.grad((weight * (spikes + v)).sum(), parts)

    given = gradient(adjoint=ATAN)
    network.with_adjoint(ATAN)
    own = gradient()
    assert all(grad.abs().max() > 0 for grad in own)
    torch.testing.assert_close(own, given)
    network.with_adjoint("triangle:width=0.5")
    another = gradient(adjoint=ATAN)
    torch.testing.assert_close(another, given)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("part", [0, 1], ids=["spikes", "v"])
@pytest.mark.parametrize("given", [{}, {"adjoint": NO_ADJOINT}], ids=["nothing", "NO_ADJOINT"])
def test_without_an_adjoint_backward_names_the_cure(network, path, part, given):
    value = by(path, network, INPUTS, **given)[part].mean()
    with pytest.raises(RuntimeError, match=r'with_adjoint\("atan"\)'):
        value.backward()
    penalty = 1e-3 * sum(p.square().sum() for p in network.parameters())
    with pytest.raises(RuntimeError, match="with_adjoint"):
        (by(path, network, INPUTS, **given)[part].mean() + penalty).backward()
    assert all(p.grad is None for p in network.parameters())
    for name, parameter in network.named_parameters():
        if not name.startswith("readout"):
            with pytest.raises(RuntimeError, match="with_adjoint"):
                torch.autograd.grad(by(path, network, INPUTS, **given)[part].mean(), parameter, allow_unused=True)


def test_scores_and_hidden_rates_refuse_too(network):
    name = next(iter(network.blocks))
    for loss in (
        lambda: F.cross_entropy(network(INPUTS), torch.arange(4) % 3),
        lambda: network.run(INPUTS)[0][name].spikes.mean(),
        lambda: network.run(INPUTS, output_only=True)[0].output.spikes.mean(),
        lambda: network.step(INPUTS[0])[0][name].v.sum(),
    ):
        with pytest.raises(RuntimeError, match="with_adjoint"):
            loss().backward()


def test_gradients_of_inputs_states_and_injections_are_refused():
    network = build("6-8-3").requires_grad_(False)
    assert not network(INPUTS).requires_grad
    x = INPUTS.clone().requires_grad_()
    current = torch.zeros(7, 4, 3, requires_grad=True)
    state = network.run(INPUTS)[1].mapped(lambda tensor: tensor.clone().requires_grad_())
    for call in (
        lambda: network(x),
        lambda: network.step(x[0])[0].output.v,
        lambda: network.run(INPUTS, inject={"fc2": current})[0].output.v,
        lambda: network.run(INPUTS, state)[0].output.v,
    ):
        with pytest.raises(RuntimeError, match="with_adjoint"):
            call().sum().backward()


def test_gradients_by_functional_calls_are_refused_and_given():
    network = build("6-8-3")
    parameters = {name: p.detach().clone() for name, p in network.named_parameters()}

    def loss(given):
        return torch.func.functional_call(network, given, (INPUTS,)).square().sum()

    with pytest.raises(RuntimeError, match="with_adjoint"):
        torch.func.grad(loss)(parameters)
    network.with_adjoint("atan")
    expected = torch.autograd.grad(network(INPUTS).square().sum(), list(network.parameters()))
    torch.testing.assert_close(list(torch.func.grad(loss)(parameters).values()), list(expected))


def test_what_no_spike_crosses_needs_no_adjoint():
    network = build("6-3", output=LeakyIntegrator)
    network(INPUTS).sum().backward()
    assert all(parameter.grad.abs().max() > 0 for parameter in network.parameters())
    headed = Network({"a": Block(nn.Linear(6, 8), LIF.per_step())}, readout=RateReadout(nn.Linear(8, 3)))
    with pytest.raises(RuntimeError, match="with_adjoint"):
        headed(INPUTS).sum().backward()
    headed.blocks["a"].requires_grad_(False)
    headed(INPUTS).sum().backward()
    assert headed.readout.head.weight.grad is not None


@pytest.mark.parametrize(
    "make", [lambda: Surrogate(Triangle()), lambda: Compiled(backend="eager")], ids=["loop", "compiled"]
)
def test_values_do_not_depend_on_derivatives(network, make):
    """Adjoints are made here: torch's compiler takes seconds to import, which every worker that collects would wait for."""
    with torch.no_grad():
        expected = network.run(INPUTS)[0]
    network.with_adjoint(make())
    for found in (network.run(INPUTS)[0], network.run(INPUTS, adjoint=NO_ADJOINT)[0]):
        for name, seen in expected.items():
            assert all(one.equal(other) for one, other in zip(seen, found[name], strict=True))


class Never(Adjoint):
    """An adjoint that nobody may ask."""

    def step(self, neuron, state, current):
        raise AssertionError("the network's adjoint was used")

    sequence = step


@pytest.mark.parametrize("name", RULES)
def test_rules_do_not_look_at_the_networks_adjoint(name):
    """What a rule computes is its own matter: the same updates with and without."""
    found = []
    for adjoint in (None, Never()):
        torch.manual_seed(0)
        case = RULE_CASES[name][0]
        rule, network = case.make(), case.network(deep=case.deep).with_adjoint(adjoint)
        batch = Batch((torch.rand(20, 4, 6) < 0.5).float(), torch.arange(4) % 2)
        memory = rule.init(network, torch.Generator().manual_seed(0))
        update = next(iter(rule.updates(network, batch, memory, torch.Generator().manual_seed(1))))
        found.append(update.grads)
    assert found[0].keys() == found[1].keys()
    assert all(found[0][key].equal(found[1][key]) for key in found[0])


@pytest.mark.parametrize("make", [lambda: build("6-8(F8)-3"), lambda: build("6-8-3", delay=2), NETWORKS["adaptive"]])
def test_a_stream_under_gradients_keeps_nothing(make):
    network, state, seen = make(), None, []
    for step in range(20):
        record, state = network.step(INPUTS[step % 7], state)
        assert all(tensor.grad_fn is None for tensor in state.tensors().values())
        tensors = [*state.tensors().values(), *(part for name in record for part in record[name])]
        seen.append([weakref.ref(tensor) for tensor in tensors if tensor._base is None])
        del tensors
    assert record.output.spikes.requires_grad
    del record
    gc.collect()
    assert not any(reference() is not None for before in seen[:-3] for reference in before)
    _, after = network.run(INPUTS, state)
    assert not any(tensor.requires_grad for tensor in after.tensors().values())


def test_with_an_adjoint_a_state_has_a_history_until_it_is_detached():
    network = build("6-8-3", adjoint="atan")
    _, state = network.step(INPUTS[0])
    assert all(tensor.requires_grad for tensor in state.tensors().values())
    _, state = network.step(INPUTS[1], state.detach())
    assert not any(tensor.requires_grad for tensor in state.detach().tensors().values())


def test_a_record_that_refuses_is_still_a_record():
    network = build("512-256-10")
    x = (torch.rand(10, 32, 512) < 0.05).float()
    record, _ = network.run(x)
    assert events_of(record["fc2"].pre) is not None or record["fc1"].spikes.mean() > 0.2
    assert record["fc2"].pre is record["fc1"].spikes
    assert record["fc1"].pre is x
    record["fc1"].v.mul_(2.0)
    assert record["fc1"].spikes.detach().numpy().shape == (10, 32, 256)
    with torch.no_grad():
        assert not network(x).requires_grad


def test_a_block_looped_by_hand_has_a_derivative_through_feedback():
    network = Network({"a": Block(nn.Linear(6, 5), IF())}, {"loop": Feedback("a", "a", nn.Linear(5, 5))}).with_adjoint(
        "atan"
    )
    network(INPUTS).sum().backward()
    assert network.get_parameter("feedback.loop.synapse.weight").grad.abs().max() > 0


@pytest.mark.parametrize(
    ("adjoint", "message"),
    [("atn", "did you mean 'atan'"), ("atan:slope=2", "has no option 'slope'"), (ATan(), "expected an object of the")],
)
def test_a_wrong_adjoint_is_named(adjoint, message):
    with pytest.raises(ValueError, match=message):
        build("6-3", adjoint=adjoint)
