"""A network of rate neurons is the multilayer perceptron that torch makes of the same layers."""

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from spikelearn import events
from spikelearn.export import NIR
from spikelearn.network import Block, MembraneReadout, Network, RateReadout, build
from spikelearn.neurons import LIF, LeakyIntegrator, Rate, neuron_factory
from spikelearn.neurons.activations import Linear, MeanTriangle, ReLU, Softmax, Tanh
from spikelearn.plasticity import BPTT, DFA, FA, STDP, Batch, CrossEntropy, CrossEntropyRate, Desire, MSECount
from spikelearn.report.recording import Recording
from spikelearn.training import Training, learn
from spikelearn.training.recording import record_samples

F64 = torch.float64


def perceptron(activation, sizes=(6, 8, 3)):
    """A network of rate neurons, its last block linear, and torch's own of the same weights."""
    torch.manual_seed(1)
    names = [f"fc{number}" for number in range(1, len(sizes))]
    linears = [nn.Linear(*pair) for pair in zip(sizes, sizes[1:], strict=False)]
    kinds = [*[activation] * (len(names) - 1), Linear()]
    blocks = {
        name: Block(copy.deepcopy(linear), Rate(kind)) for name, linear, kind in zip(names, linears, kinds, strict=True)
    }
    return Network(blocks).double(), nn.ModuleList(linears).double()


def batches(count, samples=5, steps=1):
    generator = torch.Generator().manual_seed(2)
    for _ in range(count):
        x = torch.randn(samples, 6, generator=generator, dtype=F64)
        yield Batch(x.expand(steps, *x.shape), torch.randint(0, 3, (samples,), generator=generator))


def scores(linears, function, x):
    for linear in linears[:-1]:
        x = function(linear(x))
    return linears[-1](x)


@pytest.mark.parametrize(
    ("activation", "function"),
    [
        (ReLU(), F.relu),
        (Tanh(), torch.tanh),
        (Softmax(), lambda a: F.softmax(a, 1)),
        (MeanTriangle(), lambda a: F.relu(a - a.mean(1, keepdim=True))),
    ],
    ids=["relu", "tanh", "softmax", "triangle"],
)
@pytest.mark.parametrize("steps", [1, 4])
def test_bptt_is_backpropagation_of_the_perceptron_over_several_steps(activation, function, steps):
    network, linears = perceptron(activation)
    training = Training.start(network, BPTT(CrossEntropy()), seed=0)
    optimizer = torch.optim.Adam(linears.parameters(), 1e-3)
    for batch in batches(5, steps=steps):
        update = learn(training, batch)
        loss = F.cross_entropy(scores(linears, function, batch.inputs[0]), batch.targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        torch.testing.assert_close(update.loss, loss.detach(), rtol=1e-12, atol=1e-14)
    for own, theirs in zip(network.parameters(), linears.parameters(), strict=True):
        torch.testing.assert_close(own, theirs, rtol=1e-10, atol=1e-12)


def test_an_adjoint_has_no_part_in_the_derivative():
    network, _ = perceptron(Tanh())
    batch = next(batches(1))
    grads = [
        next(BPTT(CrossEntropy(), adjoint=network.with_adjoint(text).adjoint).updates(network, batch, {}, None)).grads
        for text in ("atan", "triangle:width=0.01")
    ]
    assert all(grads[0][name].equal(grads[1][name]) for name in grads[0])
    # Nor does it take one: the map has a derivative of its own.
    network.with_adjoint(None)
    F.cross_entropy(network(batch.inputs), batch.targets).backward()
    torch.testing.assert_close(network.blocks["fc1"].synapse.weight.grad, grads[0]["blocks.fc1.synapse.weight"])


def test_feedback_alignment_and_direct_feedback_alignment_in_the_setting_of_their_papers():
    """delta_1 = (e B) phi'(a) and (e D) phi'(a): the gradient of the first layer by hand."""
    network, linears = perceptron(Tanh())
    batch, memory_generator = next(batches(1)), torch.Generator().manual_seed(3)
    x = batch.inputs[0]
    a = linears[0](x)
    e = (scores(linears, torch.tanh, x).softmax(1) - F.one_hot(batch.targets, 3)) / len(x)
    for rule in (FA(CrossEntropy()), DFA(CrossEntropy())):
        memory = rule.init(network, memory_generator)
        found = next(rule.updates(network, batch, memory, memory_generator)).grads
        back = next(value for value in memory.values() if value.shape == (3, 8))
        delta = (e @ back) * (1 - a.tanh().square())
        torch.testing.assert_close(found["blocks.fc1.synapse.weight"], (delta.T @ x).detach(), rtol=1e-10, atol=1e-12)


def test_steps_and_runs_agree_and_nothing_is_carried_on():
    network, _ = perceptron(ReLU())
    x = torch.randn(4, 2, 6, dtype=F64)
    whole, state = network.run(x)
    assert not state.tensors()
    for t, now in enumerate(x):
        record, state = network.step(now, state)
        # Real values are sums, which a product of more rows may round otherwise.
        torch.testing.assert_close(record.output.spikes, whole.output.spikes[t], rtol=1e-13, atol=1e-13)
    assert network.run(x, state)[0].output.spikes.equal(whole.output.spikes)


def test_a_constant_input_is_mapped_once():
    network, _ = perceptron(ReLU())
    record, _ = network.run(torch.randn(2, 6, dtype=F64).expand(50, 2, 6))
    assert all(seen.spikes.stride(0) == 0 for seen in record.values())


def test_its_steady_rate_is_its_output():
    network, _ = perceptron(Tanh())
    x = torch.randn(2, 6, dtype=F64)
    mapped = network.rate_map({}, x)
    record, _ = network.run(x[None])
    assert all(mapped[name].equal(record[name].spikes[0]) for name in mapped)


def test_graded_records_never_become_event_lists(monkeypatch):
    """A record large and sparse enough for the events' path, with values that are no spikes."""
    monkeypatch.setattr(events, "SMALLEST", 1)
    network = Network({"a": Block(nn.Linear(8, 8), Rate()), "b": Block(nn.Linear(8, 3), Rate(Linear()))})
    with torch.no_grad():
        network.blocks["a"].synapse.weight.copy_(torch.eye(8))
        network.blocks["a"].synapse.bias.zero_()
    x = torch.zeros(3, 4, 8)
    x[:, :, 0] = 0.5
    x[1, 2, 3] = 1.0
    record, _ = network.run(x)
    assert events.events_of(record["a"].spikes) is None
    torch.testing.assert_close(record.output.spikes, network.blocks["b"].synapse(x))


def test_readouts_and_losses_ask_the_neuron():
    linear = build("6-3", lambda: Rate(Linear()))
    assert type(linear.readout) is RateReadout
    for loss in (CrossEntropy(), CrossEntropyRate(), MSECount()):
        loss.check(linear)
    with pytest.raises(ValueError, match=r"these are bare firing rates in \[0, 1\]"):
        CrossEntropy().check(build("6-3"))
    assert type(build("6-3", output=LeakyIntegrator).readout) is MembraneReadout


@pytest.mark.parametrize("rule", [STDP(), Desire()], ids=lambda rule: type(rule).__name__)
def test_rules_of_spikes_refuse_it_by_name(rule):
    with pytest.raises(ValueError, match=r"block 'fc1' is a Rate, which never fires"):
        rule.check(build("6-8-3", lambda: Rate(), bias=False))


def test_export_to_nir(tmp_path):
    with pytest.raises(
        ValueError, match=r"'fc1' has Rate neurons with the activation ReLU\(\), for which NIR has no n"
    ):
        NIR().write(build("6-8-3", Rate), tmp_path / "a.nir", (6,), {})
    import nir

    network = build("6-8-3", LIF.per_step, output=neuron_factory("rate", {"activation": "linear"}))
    NIR().write(network, tmp_path / "b.nir", (6,), {})
    nodes = nir.read(tmp_path / "b.nir").nodes
    assert sorted(nodes)[:-2] == ["01_fc1", "02_fc1_neurons", "03_fc2"], "no node stands for the linear neurons"


def test_what_it_sends_is_recorded_as_it_is(tmp_path):
    network = build("6-8-3", Rate)
    x = torch.rand(2, 3, 6)
    record_samples(tmp_path / "recording.npz", network, Batch(x, torch.zeros(3, dtype=torch.int64)))
    seen = Recording(tmp_path / "recording.npz")
    np.testing.assert_array_equal(seen.spikes["fc1"], network.run(x)[0]["fc1"].spikes.detach())
    assert "no output spikes" not in seen.caption(0)


def test_weights_that_are_not_finite_are_named():
    network, _ = perceptron(ReLU())
    with torch.no_grad():
        network.blocks["fc1"].synapse.bias[2] = float("-inf")  # which the activation turns into 0
    with pytest.raises(ValueError, match="fc1.synapse.bias"):
        network(torch.rand(1, 2, 6, dtype=F64))


def test_what_is_no_activation_is_refused():
    with pytest.raises(ValueError, match="activation is 'relu', expected an object of the class Activation"):
        Rate("relu")
    with pytest.raises(ValueError, match="dt is 0"):
        Rate(dt=0)
