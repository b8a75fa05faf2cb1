"""Rules on graphs of blocks: a chain whose populations are split is the same network, so the rule does the same."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedforward, MembraneReadout, Network, RateReadout, TraceReadout
from spikelearn.neurons import LIF, CubaLIF
from spikelearn.plasticity import (
    BPTT,
    DFA,
    FA,
    IDE,
    SDFA,
    STDP,
    TSSLBP,
    Batch,
    CrossEntropyMembrane,
    Direct,
    OnlineSTDP,
    ReadoutOnly,
    ThreeFactor,
)

F64 = torch.float64
P, ONE = 5, 2  # neurons of the first hidden and of the first output population


def plain():
    return LIF.per_step(0.8)


def filtered():
    return CubaLIF(5e-3, 3e-3, r=5.0, discretisation="euler")


def chain(neuron, readout):
    blocks = {"hidden": Block(nn.Linear(6, 8), neuron()), "out": Block(nn.Linear(8, 3), neuron())}
    network = Network(blocks, readout=readout())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(3.0)
    return network.to(F64)


def graph(neuron, readout):
    """The chain with its hidden and its output neurons in two populations each."""
    blocks = {
        "p": Block(nn.Linear(6, P), neuron()),
        "q": Block(nn.Linear(6, 8 - P), neuron(), source="inputs"),
        "one": Block(nn.Linear(P, ONE), neuron(), source="p"),
        "two": Block(nn.Linear(P, 3 - ONE), neuron(), source="p"),
    }
    forward = {
        "q_one": Feedforward("q", "one", nn.Linear(8 - P, ONE, bias=False)),
        "q_two": Feedforward("q", "two", nn.Linear(8 - P, 3 - ONE, bias=False)),
    }
    return Network(blocks, readout=readout(), feedforward=forward, outputs=("one", "two")).to(F64)


def split(hidden, out):
    """{parts of the graph: rows and columns} of weights [8, 6] and [3, 8]."""
    parts = {"blocks.p.synapse": hidden[:P], "blocks.q.synapse": hidden[P:]}
    for name, rows in (("one", slice(ONE)), ("two", slice(ONE, None))):
        parts |= {f"blocks.{name}.synapse": out[rows, :P], f"feedforward.q_{name}.synapse": out[rows, P:]}
    return parts


def parts_of(tensors):
    """What the tensors {parameter of the chain: value} are in the graph."""
    found = {
        f"{place}.weight": part
        for place, part in split(tensors["blocks.hidden.synapse.weight"], tensors["blocks.out.synapse.weight"]).items()
    }
    if "blocks.out.synapse.bias" in tensors:
        hidden, out = tensors["blocks.hidden.synapse.bias"], tensors["blocks.out.synapse.bias"]
        biases = {"p": hidden[:P], "q": hidden[P:], "one": out[:ONE], "two": out[ONE:]}
        found |= {f"blocks.{name}.synapse.bias": bias for name, bias in biases.items()}
    return found


def memory_of(memory):
    """What the feedback weights of the chain are in the graph."""
    if "back_weights.hidden" in memory:
        whole = memory["back_weights.hidden"]
        return {"back_weights.p": whole[:, :P], "back_weights.q": whole[:, P:]}
    if memory:
        parts = split(torch.empty(8, 6), memory["back_weights.blocks.out.synapse"])
        hidden = ("blocks.p.synapse", "blocks.q.synapse")
        return {f"back_weights.{place}": part for place, part in parts.items() if place not in hidden}
    return {}


RULES = {
    "bptt": (lambda: BPTT(), plain, RateReadout),
    "bptt in chunks": (lambda: BPTT(memory_budget=0.02), plain, RateReadout),
    "readout-only": (lambda: ReadoutOnly(), plain, RateReadout),
    "fa": (lambda: FA(), plain, RateReadout),
    "dfa": (lambda: DFA(), plain, RateReadout),
    "sdfa": (lambda: SDFA(), plain, RateReadout),
    "dfa by products": (lambda: DFA(feedback="frozen"), plain, RateReadout),
    "three-factor": (lambda: ThreeFactor(), plain, RateReadout),
    "three-factor by steps": (
        lambda: ThreeFactor(Direct(CrossEntropyMembrane()), form="step"),
        plain,
        MembraneReadout,
    ),
    "tssl-bp": (lambda: TSSLBP(), filtered, lambda: TraceReadout(tau_syn=3e-3)),
    "stdp": (lambda: STDP(), plain, RateReadout),
    "stdp in chunks": (lambda: STDP(chunk=3), plain, RateReadout),
    "stdp-online": (lambda: OnlineSTDP(low=-5.0, high=5.0), plain, RateReadout),
}


@pytest.fixture(params=RULES)
def pair(request):
    """A rule, the chain and its graph, and what the chain's update is."""
    torch.manual_seed(0)
    make, neuron, readout = RULES[request.param]
    whole, parts = chain(neuron, readout), graph(neuron, readout)
    parts.load_state_dict(parts_of(whole.state_dict()))
    rule = make()
    generator = torch.Generator().manual_seed(1)
    batch = Batch((torch.rand(12, 4, 6) < 0.5).to(F64), torch.tensor([0, 1, 2, 0]))
    memory = rule.init(whole, generator)
    (expected,) = rule.updates(whole, batch, memory, generator)
    return rule, parts, batch, memory_of(memory), expected


def test_a_split_chain_learns_as_the_chain_does(pair):
    rule, network, batch, memory, expected = pair
    generator = torch.Generator().manual_seed(1)
    own = rule.init(network, generator)
    assert {name: value.shape for name, value in own.items()} == {name: value.shape for name, value in memory.items()}
    (update,) = rule.updates(network, batch, memory, generator)
    torch.testing.assert_close(update.scores, expected.scores)
    shapes = {
        "hidden.synapse.weight": (8, 6),
        "out.synapse.weight": (3, 8),
        "hidden.synapse.bias": 8,
        "out.synapse.bias": 3,
    }
    nothing = {f"blocks.{name}": torch.zeros(shape, dtype=F64) for name, shape in shapes.items()}
    wanted = parts_of(nothing | expected.grads)
    assert any(grad.any() for grad in update.grads.values())
    for name, grad in update.grads.items():
        torch.testing.assert_close(grad, wanted[name], msg=lambda words, name=name: f"{name}: {words}")
    for name, value in wanted.items():
        assert name in update.grads or not value.any(), f"{name} does not learn"


def test_a_graph_where_a_chain_is_needed_is_refused_with_all_that_is_odd():
    network = graph(lambda: LIF.per_step(0.95, reset="subtract"), RateReadout)
    words = "ide .* a graph with .*'q_one'.*'two' from 'p', readout from 'one', 'two': take a chain"
    with pytest.raises(ValueError, match=words):
        IDE().init(network, torch.Generator())


class Residual(nn.Module):
    """Two layers and a sum: a network of its own."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 4), nn.Linear(4, 6)

    def forward(self, x):
        return x + self.second(torch.relu(self.first(x)))


def residual():
    torch.manual_seed(0)
    return Network({"deep": Block(Residual(), plain()), "out": Block(nn.Linear(6, 3), plain())}).to(F64)


def test_weights_on_the_way_back_refuse_a_synapse_that_is_a_network():
    with pytest.raises(ValueError, match="blocks.deep.synapse is Residual.* fa knows"):
        FA().init(residual(), torch.Generator())


def test_a_frozen_synapse_may_be_a_network():
    network = residual()
    network.blocks["deep"].requires_grad_(False)
    assert STDP().init(network, torch.Generator()) == {}


def test_rules_of_derivatives_train_a_synapse_that_is_a_network():
    network, generator = residual(), torch.Generator().manual_seed(0)
    batch = Batch((torch.rand(12, 4, 6) < 0.5).to(F64), torch.tensor([0, 1, 2, 0]))
    (exact,) = BPTT().updates(network, batch, {}, generator)
    deep = [name for name in exact.grads if "deep" in name]
    assert len(deep) == 4
    assert all(exact.grads[name].any() for name in deep)
    dfa = DFA()
    # With the weights themselves sent back the direct error is the derivative: one hidden block.
    memory = {"back_weights.deep": network.blocks["out"].synapse.weight.detach()}
    (given,) = dfa.updates(network, batch, memory, generator)
    for name in exact.grads:
        torch.testing.assert_close(given.grads[name], exact.grads[name])
