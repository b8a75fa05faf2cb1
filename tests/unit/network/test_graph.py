import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, Feedforward, MembraneReadout, Network, RateReadout
from spikelearn.neurons import LIF, ATan, ConductanceLIF, LeakyIntegrator, Surrogate

F64 = torch.float64
ADJOINT = Surrogate(ATan())


def lifted(network, factor=3.0):
    """Weights large enough that all blocks fire."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(factor)
    return network.to(F64)


def neuron():
    return LIF.per_step(0.8)


def skip(delay=0, feedback=False, outputs=None):
    """6 inputs -> a -> b -> c, with further edges inputs -> b, a -> c and spikes of a, as they are, into b."""
    blocks = {
        "a": Block(nn.Linear(6, 5), neuron(), delay=delay),
        "b": Block(nn.Linear(5, 5), neuron(), delay=2 * delay),
        "c": Block(nn.Linear(5, 3), neuron()),
    }
    forward = {
        "again": Feedforward("inputs", "b", nn.Linear(6, 5), delay=delay),
        "over": Feedforward("a", "c", nn.Linear(5, 3, bias=False), delay=3 * delay),
        "same": Feedforward("a", "b", nn.Identity()),
    }
    back = {"loop": Feedback("c", "a", nn.Linear(3, 5))} if feedback else {}
    return lifted(Network(blocks, back, feedforward=forward, outputs=outputs))


def populations():
    """Two populations of one input, of which one inhibits the readout, and a readout of both outputs."""
    blocks = {
        "exc": Block(nn.Linear(6, 5), neuron()),
        "inh": Block(nn.Linear(6, 4), neuron(), source="inputs"),
        "one": Block(nn.Linear(5, 2), neuron(), source="exc"),
        "two": Block(nn.Linear(5, 2), neuron(), source="exc"),
    }
    edge = Feedforward("inh", "two", nn.Linear(4, 2))
    return lifted(Network(blocks, feedforward={"inhibits": edge}, outputs=("one", "two")))


def images():
    """A residual connection between convolutions, and one of stride 2 around the second."""
    blocks = {
        "stem": Block(nn.Conv2d(2, 3, 3, padding=1), neuron()),
        "body": Block(nn.Conv2d(3, 3, 3, padding=1), neuron()),
        "down": Block(nn.Conv2d(3, 4, 3, stride=2, padding=1), neuron()),
        "out": Block(nn.Sequential(nn.Flatten(), nn.Linear(4 * 3 * 3, 3)), neuron()),
    }
    forward = {
        "residual": Feedforward("stem", "body", nn.Identity()),
        "shortcut": Feedforward("stem", "down", nn.Conv2d(3, 4, 1, stride=2)),
    }
    return lifted(Network(blocks, feedforward=forward))


CASES = {
    "skip": (skip, (6,)),
    "delays": (lambda: skip(delay=1), (6,)),
    "feedback": (lambda: skip(delay=1, feedback=True), (6,)),
    "hidden read": (lambda: skip(outputs=("b", "c")), (6,)),
    "populations": (populations, (6,)),
    "images": (images, (2, 6, 6)),
}


@pytest.fixture(params=CASES)
def case(request):
    torch.manual_seed(0)
    make, shape = CASES[request.param]
    return make(), (torch.rand(9, 4, *shape) < 0.4).to(F64)


def by_hand(network, inputs, masks=None):
    """{block: spikes [T, B, ...]} of the loop written out: all currents of a step add up, edge by edge."""
    masks = masks or {}
    states, sent = {}, {"inputs": [], **{name: [] for name in network.blocks}}
    own = dict(zip(network.blocks, ["inputs", *network.blocks], strict=False))

    def late(source, delay, t):
        return sent[source][t - delay] if t >= delay else torch.zeros_like(sent[source][0])

    for t, x in enumerate(inputs):
        sent["inputs"].append(x * masks.get("inputs", 1.0))
        for name, block in network.blocks.items():
            current = block.synapse(late(block.source or own[name], block.delay, t)) * masks.get(f"{name}.synapse", 1.0)
            for edge_name, edge in network.feedforward.items():
                if edge.target == name:
                    arriving = edge.synapse(late(edge.source, edge.delay, t))
                    current = current + arriving * masks.get(f"feedforward.{edge_name}", 1.0)
            for edge in network.feedback.values():
                if edge.target == name:
                    silent = torch.zeros(len(x), edge.synapse.in_features, dtype=F64)
                    current = current + edge.synapse(sent[edge.source][-1] if t else silent)
            before = states.get(name, block.neuron.initial_state(current))
            z, _, states[name] = ADJOINT.step(block.neuron, before, current)
            sent[name].append(z * masks.get(name, 1.0))
    return {name: torch.stack(spikes) for name, spikes in sent.items() if name != "inputs"}


def test_a_graph_is_the_loop_written_out(case):
    network, inputs = case
    masks = {"inputs": torch.rand(4, *inputs.shape[2:], dtype=F64).round()}
    first = next(iter(network.blocks))
    shape = network.shapes(inputs[0])[first]
    masks |= {first: torch.rand(4, *shape, dtype=F64).round() * 2.0}
    for name, edge in network.feedforward.items():
        masks[f"feedforward.{name}"] = torch.rand(4, *network.shapes(inputs[0])[edge.target], dtype=F64)
    record, _ = network.run(inputs, masks=masks)
    expected = by_hand(network, inputs, masks)
    for name, seen in record.items():
        assert seen.spikes.mean() > 0.0, f"{name} is silent, so that nothing is compared"
        torch.testing.assert_close(seen.spikes, expected[name])


def test_gradients_are_those_of_the_loop_written_out(case):
    network, inputs = case
    inputs.requires_grad_()
    wanted = [inputs, *network.parameters()]
    expected = by_hand(network, inputs)
    weights = {name: torch.randn_like(expected[name]) for name in network.outputs}
    ours = network.run(inputs, adjoint=ADJOINT)[0]
    for spikes in (expected, {name: seen.spikes for name, seen in ours.items()}):
        loss = sum((spikes[name] * weights[name]).sum() for name in network.outputs)
        grads = torch.autograd.grad(loss, wanted, allow_unused=True)
        grads = [torch.zeros_like(p) if grad is None else grad for p, grad in zip(wanted, grads, strict=True)]
        if spikes is expected:
            reference = grads
    assert all(grad.abs().sum() > 0 for grad in reference)
    for grad, other in zip(grads, reference, strict=True):
        torch.testing.assert_close(grad, other)


def test_run_step_stream_and_chunks_agree(case):
    network, inputs = case
    whole, last = network.run(inputs)
    state, records = None, []
    for x in inputs:
        record, state = network.step(x, state)
        records.append(record)
    streamed = [record for record, _ in network.stream(inputs)]
    one, middle = network.run(inputs[:4])
    two, _ = network.run(inputs[4:], middle)
    for name, seen in whole.items():
        for part in ("pre", "spikes", "v"):
            value = getattr(seen, part)
            torch.testing.assert_close(torch.stack([getattr(r[name], part) for r in records]), value)
            torch.testing.assert_close(torch.stack([getattr(r[name], part) for r in streamed]), value)
            torch.testing.assert_close(torch.cat([getattr(one[name], part), getattr(two[name], part)]), value)
    for name, met in whole.feedforward.items():
        torch.testing.assert_close(torch.stack([r.feedforward[name] for r in records]), met)
        torch.testing.assert_close(torch.cat([one.feedforward[name], two.feedforward[name]]), met)
    for name, tensor in last.tensors().items():
        torch.testing.assert_close(state.tensors()[name], tensor)


def test_output_only_keeps_what_is_read(case):
    network, inputs = case
    whole, alone = network.run(inputs)[0], network.run(inputs, output_only=True)[0]
    assert set(alone) == set(network.outputs)
    assert whole.output.spikes.equal(alone.output.spikes)
    assert network.scores(whole).equal(network.scores(alone))
    for name, rate in alone.rates.items():
        assert rate == pytest.approx(float((whole[name].spikes != 0).double().mean()))


def test_edges_give_every_weight_once(case):
    network, inputs = case
    record, _ = network.run(inputs)
    edges = {prefix: (synapse, target) for prefix, synapse, _, target in network.edges(record)}
    named = {prefix + name for prefix, (synapse, _) in edges.items() for name, _ in synapse.named_parameters()}
    assert named == {name for name, _ in network.named_parameters()}
    assert list(edges) == list(network.synapses())
    for name, edge in network.feedforward.items():
        assert edges[f"feedforward.{name}.synapse."][1] == edge.target


def test_bytes_are_taken_as_they_are(case):
    network, inputs = case
    record = network.run(inputs.bool())[0]
    for name, seen in network.run(inputs)[0].items():
        assert seen.spikes.equal(record[name].spikes)


def test_cut_sends_no_error_over_a_further_edge():
    network, inputs = skip(), (torch.rand(9, 4, 6) < 0.4).to(F64)
    output = network.run(inputs, adjoint=ADJOINT, cut=True)[0].output.spikes
    names = [name for name, _ in network.named_parameters()]
    grads = torch.autograd.grad(output.sum(), list(network.parameters()), allow_unused=True)
    reached = {name for name, grad in zip(names, grads, strict=True) if grad is not None}
    assert reached == {"blocks.c.synapse.weight", "blocks.c.synapse.bias", "feedforward.over.synapse.weight"}


def test_two_sources_are_one_synapse_on_both_side_by_side():
    joined, inputs = populations(), (torch.rand(9, 4, 6) < 0.4).to(F64)
    record = joined.run(inputs)[0]
    both = nn.Linear(9, 2).to(F64)
    two, inhibits = joined.blocks["two"].synapse, joined.feedforward["inhibits"].synapse
    with torch.no_grad():
        both.weight.copy_(torch.cat([two.weight, inhibits.weight], 1))
        both.bias.copy_(two.bias + inhibits.bias)
    sent = torch.cat([record["exc"].spikes, record["inh"].spikes], -1)
    alone = Network({"two": Block(both, neuron())}).to(F64).run(sent)[0].output.spikes
    assert alone.equal(record["two"].spikes)
    assert record.output.spikes.equal(torch.cat([record["one"].spikes, record["two"].spikes], -1))


def test_outputs_of_several_shapes_stand_flat_side_by_side():
    network, inputs = images(), (torch.rand(5, 4, 2, 6, 6) < 0.4).to(F64)
    network.outputs = ("down", "out")
    record = network.run(inputs)[0]
    assert record.output.spikes.shape == (5, 4, 4 * 3 * 3 + 3)
    assert network.step(inputs[0])[0].output.spikes.shape == (4, 4 * 3 * 3 + 3)
    assert network.scores(record).shape == (4, 39)


def test_a_hidden_block_that_is_read():
    network, inputs = skip(outputs="b"), (torch.rand(9, 4, 6) < 0.4).to(F64)
    record = network.run(inputs)[0]
    assert record.output.spikes.equal(record["b"].spikes)
    assert network(inputs).equal(record["b"].spikes.mean(0))
    assert not network.wiring.chain


def test_the_readout_is_of_the_blocks_that_are_read():
    blocks = {"a": Block(nn.Linear(6, 5), neuron()), "v": Block(nn.Linear(5, 2), LeakyIntegrator.per_step(0.9))}
    assert type(Network(blocks).readout) is MembraneReadout
    assert type(Network(blocks, outputs="a").readout) is RateReadout


def test_a_chain_has_the_names_it_had():
    chain = Network({"a": Block(nn.Linear(6, 5), neuron()), "b": Block(nn.Linear(5, 2), neuron(), source="a")})
    assert chain.wiring.chain
    assert list(chain.state_dict()) == [f"blocks.{b}.synapse.{p}" for b in "ab" for p in ("weight", "bias")]
    named = set(skip().state_dict())
    assert {"feedforward.over.synapse.weight", "feedforward.again.synapse.bias"} < named


def test_what_is_injected_adds_up_with_all_edges():
    network, inputs = skip(), (torch.rand(9, 4, 6) < 0.4).to(F64)
    current = torch.rand(9, 4, 5, dtype=F64)
    given = network.run(inputs, inject={"b": current})[0]
    network.blocks["b"].synapse.bias.data.add_(0.5)
    inward = network.run(inputs, inject={"b": current - 0.5})[0]
    torch.testing.assert_close(given["b"].v, inward["b"].v)


def test_rates_follow_every_edge():
    network = Network(
        {
            "a": Block(nn.Linear(2, 2, bias=False), LIF.per_step(0.5, reset="subtract")),
            "b": Block(nn.Linear(2, 1, bias=False), LIF.per_step(0.5, reset="subtract")),
        },
        feedforward={"over": Feedforward("inputs", "b", nn.Linear(2, 1, bias=False))},
    )
    with torch.no_grad():
        network.blocks["a"].synapse.weight.copy_(torch.tensor([[0.5, 0.0], [0.0, 0.25]]))
        network.blocks["b"].synapse.weight.copy_(torch.tensor([[0.5, 1.0]]))
        network.feedforward["over"].synapse.weight.copy_(torch.tensor([[0.25, 0.125]]))
    x = torch.tensor([[1.0, 1.0]])
    alone = {name: block.neuron.steady_rate(torch.ones(1)) for name, block in network.blocks.items()}
    unit = float(alone["a"])
    found = network.rate_map({}, x)
    torch.testing.assert_close(found["a"], torch.tensor([[0.5, 0.25]]) * unit)
    torch.testing.assert_close(found["b"], torch.tensor([[0.25 * unit + 0.25 * unit + 0.375]]) * unit)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda b: Network(b, feedforward={"e": Feedforward("c", "a", nn.Linear(3, 5))}), "make no cycle"),
        (lambda b: Network(b, feedforward={"e": Feedforward("a", "a", nn.Linear(5, 5))}), "make no cycle"),
        (lambda b: Network(b, feedforward={"e": Feedforward("a", "x", nn.Linear(5, 5))}), "names block 'x'"),
        (lambda b: Network(b, feedforward={"e": Feedforward("x", "a", nn.Linear(5, 5))}), "names block 'x'"),
        (lambda b: Network(b, feedforward={"e": Feedforward("a", "inputs", nn.Linear(5, 5))}), "names block 'inputs'"),
        (lambda b: Network(b, feedforward={"e.f": Feedforward("a", "c", nn.Linear(5, 3))}), "name 'e.f' cannot"),
        (lambda b: Network(b | {"d": Block(nn.Linear(5, 2), neuron(), source="e")}), "block 'd' names block 'e'"),
        (lambda b: Network({"d": Block(nn.Linear(5, 5), neuron(), source="c")} | b), "goes from 'c' to 'd'"),
        (lambda b: Network(b, outputs="x"), "outputs names block 'x'"),
        (lambda b: Network(b, outputs=()), "one or more blocks"),
        (lambda b: Network(b, outputs=("a", "a")), "each once"),
        (lambda b: Feedforward("a", "c", nn.Dropout()), "synapse has Dropout"),
        (lambda b: Feedforward("a", "c", nn.Linear(5, 3), delay=-1), "delay is -1"),
    ],
)
def test_wrong_graphs_are_refused(make, words):
    blocks = {
        "a": Block(nn.Linear(6, 5), neuron()),
        "b": Block(nn.Linear(5, 5), neuron()),
        "c": Block(nn.Linear(5, 3), neuron()),
    }
    with pytest.raises(ValueError, match=words):
        make(blocks)


@pytest.mark.parametrize("how", ["run", "step"])
def test_a_current_of_another_shape_is_refused_instead_of_spread(how):
    blocks = {"a": Block(nn.Linear(6, 5), neuron()), "b": Block(nn.Linear(5, 3), neuron())}
    network = Network(blocks, feedforward={"narrow": Feedforward("inputs", "b", nn.Linear(6, 1))})
    inputs = torch.rand(4, 2, 6)
    with pytest.raises(ValueError, match=r"feedforward.narrow brings a current of shape .* one value per neuron"):
        network.run(inputs) if how == "run" else network.step(inputs[0])


def test_no_derivative_is_given_where_nothing_says_how(case):
    network, inputs = case
    record = network.run(inputs)[0]
    for name, met in record.feedforward.items():
        if network.feedforward[name].source != "inputs":
            with pytest.raises(RuntimeError, match="no derivatives"):
                met.sum().backward()


@pytest.mark.parametrize("how", ["run", "step"])
def test_an_edge_may_drive_another_current_of_its_target(how):
    blocks = {
        "exc": Block(nn.Linear(6, 5), neuron()),
        "inh": Block(nn.Linear(6, 4), neuron(), source="inputs"),
        "out": Block(nn.Linear(5, 3), ConductanceLIF(), source="exc"),
    }
    edge = Feedforward("inh", "out", nn.Linear(4, 3), current="inhibitory")
    network = lifted(Network(blocks, feedforward={"inhibits": edge}))
    inputs = (torch.rand(9, 4, 6) < 0.4).to(F64)
    record = network.run(inputs)[0]
    if how == "step":
        state, seen = None, []
        for x in inputs:
            now, state = network.step(x, state)
            seen.append(now["out"].v)
        torch.testing.assert_close(torch.stack(seen), record["out"].v)
    given = {"out.inhibitory": edge.synapse(record["inh"].spikes)}
    own = network.blocks["out"]
    alone = Network({"out": Block(own.synapse, own.neuron)})
    torch.testing.assert_close(alone.run(record["exc"].spikes, inject=given)[0]["out"].v, record["out"].v)


def test_an_edge_into_a_current_that_is_not_there_is_refused():
    edge = Feedforward("inputs", "a", nn.Linear(6, 5), current="apical")
    with pytest.raises(ValueError, match="feedforward edge 'e' drives the current 'apical'"):
        Network({"a": Block(nn.Linear(6, 5), neuron())}, feedforward={"e": edge})
