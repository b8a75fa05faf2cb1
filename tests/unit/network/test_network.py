import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, MembraneReadout, Network, RateReadout, build
from spikelearn.neurons import LIF, Adjoint, ATan, LeakyIntegrator, Surrogate

F64 = torch.float64
BPTT_ADJOINT = Surrogate(ATan())


def scaled(network, factor=4.0):
    """Weights large enough that all layers fire."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(factor)
    return network.to(F64)


def forward_network(delay=0):
    blocks = {
        "a": Block(nn.Linear(6, 8), LIF.per_step(0.8), delay=delay),
        "b": Block(nn.Linear(8, 7), LIF.per_step(0.8, reset="subtract"), delay=2 * delay),
        "c": Block(nn.Linear(7, 3), LIF(20e-3, r=10.0)),
    }
    return scaled(Network(blocks))


def feedback_network():
    blocks = {
        "a": Block(nn.Linear(6, 8), LIF.per_step(0.8)),
        "b": Block(nn.Linear(8, 7), LIF.per_step(0.8, reset="subtract"), delay=1),
        "c": Block(nn.Linear(7, 3), LIF.per_step(0.5)),
    }
    feedback = {
        "back": Feedback("c", "a", nn.Linear(3, 8)),
        "loop": Feedback("b", "b", nn.Linear(7, 7, bias=False)),
    }
    return scaled(Network(blocks, feedback))


def conv_network():
    return scaled(build("3C3-P2-4C2p1-6-5", lambda: LIF.per_step(0.7), input_shape=(2, 8, 8)), 6.0)


CASES = {
    "dense": (forward_network, (6,)),
    "delays": (lambda: forward_network(delay=2), (6,)),
    "feedback": (feedback_network, (6,)),
    "conv": (conv_network, (2, 8, 8)),
}


@pytest.fixture(params=CASES)
def case(request):
    make, shape = CASES[request.param]
    return make(), (torch.rand(9, 4, *shape) < 0.4).to(F64)


def stepped(network, inputs, state=None, **options):
    records = []
    for now in inputs:
        record, state = network.step(now, state, **options)
        records.append(record)
    return records, state


def assert_states_equal(one, two):
    for name in one.neurons:
        torch.testing.assert_close(one.neurons[name], two.neurons[name])
    torch.testing.assert_close(dict(one.delay_lines), dict(two.delay_lines))
    torch.testing.assert_close(dict(one.sent), dict(two.sent))


def test_run_is_step_by_step(case):
    network, inputs = case
    record, end = network.run(inputs)
    records, state = stepped(network, inputs)
    for name, seen in record.items():
        assert seen.spikes.sum() > 0, f"{name} is silent: the test would show nothing"
        for part, value in seen._asdict().items():
            torch.testing.assert_close(
                value, torch.stack([getattr(r[name], part) for r in records]), msg=f"{name} {part}"
            )
    for name, met in record.feedback.items():
        torch.testing.assert_close(met, torch.stack([r.feedback[name] for r in records]))
    assert_states_equal(end, state)


def test_a_stream_is_the_run(case):
    network, inputs = case
    record, end = network.run(inputs)
    seen, states = zip(*network.stream(inputs), strict=True)
    assert len(seen) == len(inputs)
    for name, whole in record.items():
        assert whole.spikes.sum() > 0, f"{name} is silent: the test would show nothing"
        for part, value in whole._asdict().items():
            torch.testing.assert_close(torch.stack([getattr(now[name], part) for now in seen]), value)
    for name, met in record.feedback.items():
        torch.testing.assert_close(torch.stack([now.feedback[name] for now in seen]), met)
    assert_states_equal(end, states[-1])


def test_a_stream_of_a_constant_input_maps_it_once(case):
    network, inputs = case
    network.requires_grad_(False)
    calls = []
    next(iter(network.blocks.values())).synapse.register_forward_hook(lambda *_: calls.append(1))
    image = inputs[0]
    record, _ = network.run(image.expand(inputs.shape))
    calls.clear()
    streamed = [now.output.spikes for now, _ in network.stream(image.expand(inputs.shape))]
    # Feedback needs the shapes of all blocks, which one silent step shows.
    assert len(calls) == (2 if network.feedback else 1)
    assert record.output.spikes.sum() > 0
    torch.testing.assert_close(torch.stack(streamed), record.output.spikes)


@pytest.mark.parametrize("make", [feedback_network, lambda: forward_network(delay=1)])
def test_a_masked_stream_from_a_state_is_the_masked_run(make):
    network = make()
    inputs = (torch.rand(12, 4, 6) < 0.4).to(F64)
    masks = {
        "inputs": torch.rand(4, 6).to(F64).round(),
        "a": 2 * torch.rand(4, 8).to(F64).round(),
        "b.synapse": 2 * torch.rand(4, 7).to(F64).round(),
    }
    if network.feedback:
        masks["feedback.back"] = 2 * torch.rand(4, 8).to(F64).round()
    _, middle = network.run(inputs[:5], masks=masks)
    record, end = network.run(inputs[5:], middle, masks=masks)
    seen, states = zip(*network.stream(inputs[5:], middle, masks=masks), strict=True)
    for name, whole in record.items():
        torch.testing.assert_close(torch.stack([now[name].spikes for now in seen]), whole.spikes)
        torch.testing.assert_close(torch.stack([now[name].pre for now in seen]), whole.pre)
    assert_states_equal(end, states[-1])
    plain = torch.stack([now.output.spikes for now, _ in network.stream(inputs[5:], middle)])
    assert not plain.equal(record.output.spikes)


@pytest.mark.parametrize("at", [1, 4, 8])
def test_a_stream_that_is_left_can_be_gone_on_with(case, at):
    """Every step hands over the state after it."""
    network, inputs = case
    whole, end = network.run(inputs)
    states = [state for _, state in network.stream(inputs)]
    rest, last = network.run(inputs[at:], states[at - 1])
    for name in whole:
        torch.testing.assert_close(rest[name].spikes, whole[name].spikes[at:])
    assert_states_equal(end, last)


def test_a_stream_says_at_once_what_is_wrong():
    network = build("6-3")
    for call in (
        lambda: network.stream(torch.rand(5, 6)),
        lambda: network.stream(torch.rand(5, 2, 6), masks={"fc2": torch.ones(2)}),
        lambda: network.stream(torch.rand(5, 2, 6), build("6-4-3").run(torch.rand(5, 2, 6))[1]),
    ):
        with pytest.raises(ValueError, match="expected"):
            call()


@pytest.mark.parametrize("ends", ["at the end", "early"])
def test_a_stream_gives_batch_norm_its_mode_back(ends):
    network = build("6-5-4-3", batch_norm=True)
    stream = network.stream(torch.rand(5, 2, 6))
    next(stream)
    if ends == "early":
        stream.close()
    else:
        list(stream)
    assert all(module.training for module in network.modules())


@pytest.mark.parametrize("at", [1, 4, 8])
def test_a_split_run_is_one_run(case, at):
    network, inputs = case
    whole, end = network.run(inputs)
    first, middle = network.run(inputs[:at])
    second, last = network.run(inputs[at:], middle)
    for name in whole:
        torch.testing.assert_close(whole[name].spikes, torch.cat([first[name].spikes, second[name].spikes]))
        torch.testing.assert_close(whole[name].pre, torch.cat([first[name].pre, second[name].pre]))
    assert_states_equal(end, last)


def test_gradients_of_run_and_step_agree(case):
    network, inputs = case
    parameters = list(network.parameters())
    record, _ = network.run(inputs, adjoint=BPTT_ADJOINT)
    records, _ = stepped(network, inputs, adjoint=BPTT_ADJOINT)
    readout = torch.randn_like(record.output.spikes)
    together = torch.autograd.grad((record.output.spikes * readout).sum(), parameters)
    apart = torch.autograd.grad(
        sum((r.output.spikes * w).sum() for r, w in zip(records, readout, strict=True)), parameters
    )
    assert any(g.abs().max() > 0 for g in together)
    torch.testing.assert_close(together, apart)


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
