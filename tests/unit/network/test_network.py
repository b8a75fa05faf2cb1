"""Edges, masks, delays and scores of networks, and what is refused."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, MembraneReadout, Network, RateReadout, build
from spikelearn.neurons import LIF, Adjoint, LeakyIntegrator
from tests.unit.network.networks import BPTT_ADJOINT, F64, feedback_network, forward_network


def test_masks_and_injection_are_the_same_in_run_and_step():
    network, inputs = feedback_network(), (torch.rand(9, 4, 6) < 0.4).to(F64)
    masks = {
        "inputs": torch.rand(4, 6).to(F64).round(),
        "a": 2 * torch.rand(4, 8).to(F64).round(),
        "b.synapse": 2 * torch.rand(4, 7).to(F64).round(),
        "feedback.back": 2 * torch.rand(4, 8).to(F64).round(),
    }
    inject = {"c": torch.randn(9, 4, 3, dtype=F64)}
    record, _ = network.run(inputs, masks=masks, inject=inject)
    state, spikes = None, []
    for t in range(9):
        seen, state = network.step(inputs[t], state, masks=masks, inject={"c": inject["c"][t]})
        spikes.append(seen["c"].spikes)
    torch.testing.assert_close(record["c"].spikes, torch.stack(spikes))
    assert set(record["a"].spikes.unique().tolist()) <= {0.0, 2.0}
    torch.testing.assert_close(record["a"].pre, inputs * masks["inputs"])
    plain, _ = network.run(inputs)
    assert not plain["c"].spikes.equal(record["c"].spikes)


def test_mask_of_a_current_by_hand():
    network = Network({"a": Block(nn.Linear(2, 2, bias=False), LIF.per_step(0.0))}).to(F64)
    with torch.no_grad():
        network.get_parameter("blocks.a.synapse.weight").copy_(2 * torch.eye(2))
    inputs = torch.ones(1, 1, 2, dtype=F64)
    record, _ = network.run(inputs, masks={"a.synapse": torch.tensor([[1.0, 0.0]], dtype=F64)})
    assert record["a"].v.tolist() == [[[2.0, 0.0]]]
    record, _ = network.run(inputs, inject={"a": torch.full((1, 1, 2), -1.5, dtype=F64)})
    assert record["a"].v.tolist() == [[[0.5, 0.5]]]


def test_feedback_is_one_step_late():
    network = Network(
        {"a": Block(nn.Linear(1, 1, bias=False), LIF.per_step(0.0))},
        {"self": Feedback("a", "a", nn.Linear(1, 1, bias=False))},
    )
    with torch.no_grad():
        network.get_parameter("blocks.a.synapse.weight").fill_(2.0)
        network.get_parameter("feedback.self.synapse.weight").fill_(3.0)
    record, state = network.run(torch.tensor([1.0, 0.0, 0.0]).reshape(3, 1, 1))
    assert record["a"].v.flatten().tolist() == [2.0, 3.0, 3.0]
    assert record.feedback["self"].flatten().tolist() == [0.0, 1.0, 1.0]
    assert state.sent["a"].tolist() == [[1.0]]


def test_delay_is_in_whole_steps():
    network = Network({"a": Block(nn.Linear(1, 1, bias=False), LIF.per_step(0.0), delay=2)})
    with torch.no_grad():
        network.get_parameter("blocks.a.synapse.weight").fill_(2.0)
    record, _ = network.run(torch.tensor([1.0, 0.0, 0.5, 0.0]).reshape(4, 1, 1))
    assert record["a"].v.flatten().tolist() == [0.0, 0.0, 2.0, 0.0]
    assert record["a"].pre.flatten().tolist() == [0.0, 0.0, 1.0, 0.0]


def test_edges_list_forward_and_feedback():
    network, inputs = feedback_network(), torch.rand(5, 2, 6, dtype=F64)
    record, _ = network.run(inputs)
    edges = {prefix: (pre, target) for prefix, _, pre, target in network.edges(record)}
    assert list(edges) == [
        "blocks.a.synapse.", "blocks.b.synapse.", "blocks.c.synapse.", "feedback.back.synapse.", "feedback.loop.synapse.",
    ]  # fmt: skip
    back, target = edges["feedback.back.synapse."]
    assert target == "a"
    torch.testing.assert_close(back[1:], record["c"].spikes[:-1])
    assert back[0].abs().sum() == 0
    known = dict(network.named_parameters())
    assert all(any(name.startswith(prefix) for name in known) for prefix in edges)


def test_a_cut_run_sends_nothing_that_has_a_gradient():
    network, inputs = feedback_network(), torch.rand(5, 2, 6, dtype=F64)
    record, _ = network.run(inputs, adjoint=BPTT_ADJOINT, cut=True)
    assert not any(seen.pre.requires_grad for seen in record.values())
    assert not any(met.requires_grad for met in record.feedback.values())
    grads = torch.autograd.grad(record["c"].spikes.sum(), list(network.parameters()), allow_unused=True)
    learned = {name for (name, _), g in zip(network.named_parameters(), grads, strict=True) if g is not None}
    assert learned == {"blocks.c.synapse.weight", "blocks.c.synapse.bias"}


def test_a_cut_run_with_the_true_signal_is_bptt():
    """sum_t delta_l[t] . s_l[t] of a cut run, delta = dL/ds_l, has the gradient of BPTT."""
    network, inputs = forward_network(), (torch.rand(9, 4, 6) < 0.4).to(F64)
    loss_weights = torch.randn(9, 4, 3, dtype=F64)
    whole, _ = network.run(inputs, adjoint=BPTT_ADJOINT)
    signals = torch.autograd.grad(
        (whole["c"].spikes * loss_weights).sum(), [seen.spikes for seen in whole.values()], retain_graph=True
    )
    bptt = torch.autograd.grad((whole["c"].spikes * loss_weights).sum(), list(network.parameters()))
    cut, _ = network.run(inputs, adjoint=BPTT_ADJOINT, cut=True)
    pseudo = sum((seen.spikes * signal).sum() for seen, signal in zip(cut.values(), signals, strict=True))
    local = torch.autograd.grad(pseudo, list(network.parameters()))
    torch.testing.assert_close(local, bptt, rtol=1e-12, atol=1e-12)


def test_rate_map_is_where_the_simulation_settles():
    network = Network(
        {"a": Block(nn.Linear(6, 8), LIF.per_step(0.99, v_threshold=2.0, reset="subtract"))},
        {"loop": Feedback("a", "a", nn.Linear(8, 8, bias=False))},
    ).to(F64)
    x = torch.rand(3, 6, dtype=F64)
    rate = torch.zeros(3, 8, dtype=F64)
    for _ in range(200):
        rate = network.rate_map({"a": rate}, x)["a"]
    record, _ = network.run(x.expand(3000, 3, 6))
    torch.testing.assert_close(record["a"].spikes[500:].mean(0), rate, rtol=0, atol=0.02)
    with pytest.raises(ValueError, match="expected the rate of block 'a'"):
        network.rate_map({}, x)


def test_scores_by_default_are_rates_or_potentials():
    inputs = torch.rand(5, 4, 6)
    firing = build("6-3")
    record, _ = firing.run(inputs)
    assert isinstance(firing.readout, RateReadout)
    torch.testing.assert_close(firing(inputs), record.output.spikes.mean(0))
    silent = build("6-3", output=LeakyIntegrator)
    record, _ = silent.run(inputs)
    assert isinstance(silent.readout, MembraneReadout)
    torch.testing.assert_close(silent(inputs), record.output.v.mean(0))
    headed = Network({"a": Block(nn.Linear(6, 8), LIF())}, readout=RateReadout(nn.Linear(8, 3)))
    assert headed(inputs).shape == (4, 3)


class _WholeSequence(Adjoint):
    def sequence(self, neuron, state, current):
        return super().sequence(neuron, state, current)


def test_a_feedback_network_refuses_a_sequence_only_adjoint():
    with pytest.raises(ValueError, match="needs the whole sequence at once"):
        feedback_network().run(torch.rand(3, 2, 6, dtype=F64), adjoint=_WholeSequence())


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Network({}), "blocks is empty"),
        (lambda: Network({"a.b": Block(nn.Linear(1, 1), LIF())}), "name 'a.b' cannot be used"),
        (lambda: Block(nn.Sequential(nn.Linear(1, 1), nn.Dropout()), LIF()), "pass the mask as data"),
        (lambda: Block(nn.Linear(1, 1), LIF(), delay=-1), "delay is -1"),
        (lambda: Network({"a": Block(nn.Linear(1, 1), LIF())}, {"f": Feedback("a", "z", nn.Linear(1, 1))}), "names block 'z'"),
        (
            lambda: Network(
                {"a": Block(nn.Linear(1, 1), LIF()), "b": Block(nn.Linear(1, 1), LIF())},
                {"f": Feedback("a", "b", nn.Linear(1, 1))},
            ),
            "goes forward",
        ),
        (lambda: build("6-3").run(torch.rand(5, 6)), r"expected \[T, B, ...\]"),
        (lambda: build("6-3").run(torch.rand(5, 2, 7)), "fc1: synapse"),
        (lambda: build("6-3").run(torch.rand(5, 2, 6), masks={"fc2": torch.ones(2)}), "names the place 'fc2'"),
        (lambda: build("6-3").run(torch.rand(5, 2, 6), inject={"fc2": torch.ones(2)}), "inject names block 'fc2'"),
        (lambda: build("6-3").run(torch.rand(5, 2, 6), inject={"fc1": torch.ones(2, 3)}), "current injected into 'fc1' has shape"),
    ],
)  # fmt: skip
def test_mistakes_are_named(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_inputs_of_another_shape_are_refused():
    network = build("64-10", input_shape=(1, 8, 8))
    with pytest.raises(ValueError, match=r"expected \[T, B, 1, 8, 8\] \(one step goes to step\)"):
        network.run(torch.rand(5, 1, 8, 8))
    with pytest.raises(ValueError, match=r"expected \[B, 1, 8, 8\]"):
        network.step(torch.rand(5, 2, 1, 8, 8))
    assert network.step(torch.rand(5, 1, 8, 8))[0]["fc1"].spikes.shape == (5, 10)


def test_classes_are_taken_in_their_per_step_form():
    network = build("6-5-4", LIF, output=LeakyIntegrator)
    assert (network.blocks["fc1"].neuron.decay_mem, network.blocks["fc1"].neuron.gain_mem) == (0.9, 1.0)
    assert network.blocks["fc2"].neuron.gain_mem == 1.0


@pytest.mark.parametrize("make", [lambda: Block(nn.Linear(3, 2), LIF), lambda: Block(nn.Linear(3, 2), nn.ReLU())])
def test_a_block_needs_neurons(make):
    with pytest.raises(ValueError, match="expected an object of the class Neuron"):
        make()


def test_a_state_of_another_network_is_refused():
    _, state = build("6-3").run(torch.rand(5, 2, 6))
    for call in (build("6-4-3").run, lambda x, s: build("6-4-3").step(x[0], s)):
        with pytest.raises(ValueError, match="it is of another network"):
            call(torch.rand(5, 2, 6), state)


def test_a_state_of_another_batch_is_refused():
    network = build("6-3")
    _, state = network.run(torch.rand(5, 2, 6))
    with pytest.raises(ValueError, match="start a new batch with state=None"):
        network.run(torch.rand(5, 3, 6), state)


@pytest.mark.parametrize("mask", [torch.ones(4), torch.ones(3, 6), torch.ones(9, 4, 6)])
def test_a_mask_is_one_factor_a_sample_and_place(mask):
    with pytest.raises(ValueError, match=r"mask 'inputs' has shape .* expected \[4, 6\]"):
        build("6-3").run(torch.rand(9, 4, 6), masks={"inputs": mask})


def test_shared_parameters_and_method_names_are_refused():
    linear = nn.Linear(3, 3)
    with pytest.raises(ValueError, match="one and the same parameter"):
        Network({"a": Block(linear, LIF()), "b": Block(linear, LIF())})
    with pytest.raises(ValueError, match="name 'values' cannot be used"):
        Network({"values": Block(linear, LIF())})
