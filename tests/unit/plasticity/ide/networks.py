"""Networks for IDE, their rate maps and equilibria."""

import torch
import torch.nn.functional as F
from torch import nn

from spikelearn.network import Block, Feedback, Network, RateReadout, build
from spikelearn.neurons import IF, LIF
from spikelearn.plasticity import IDE, Batch
from spikelearn.plasticity.equilibrium.ide import Simulated, mean_input, sources
from spikelearn.synapses import bound_spectral_norm

F64 = torch.float64


V = 2.0


NEURONS = {
    "if": lambda: IF(V, reset="subtract", inclusive=True),
    "lif": lambda: LIF.per_step(0.9, v_threshold=V, reset="subtract", inclusive=True),
}


def decay_of(neuron):
    return NEURONS[neuron]().decay_mem


def linear(inputs, outputs, bias=True, lift=0.5):
    """Weights small enough for a contraction, biases that put the rates in the middle of [0, 1]."""
    made = nn.Linear(inputs, outputs, bias=bias, dtype=F64)
    with torch.no_grad():
        made.weight.mul_(0.2 * V)
        if bias:
            made.bias.copy_(lift * V + 0.1 * V * (torch.rand(outputs, dtype=F64) - 0.5))
    return made


def head(inputs, decay):
    return RateReadout(nn.Linear(inputs, 3, dtype=F64), decay=decay)


def one_block(neuron="if"):
    blocks = {"a": Block(linear(6, 8), NEURONS[neuron]())}
    return Network(blocks, {"loop": Feedback("a", "a", linear(8, 8, bias=False))}, head(8, decay_of(neuron)))


def two_blocks(neuron="if"):
    blocks = {"a": Block(linear(6, 8), NEURONS[neuron]()), "b": Block(linear(8, 5), NEURONS[neuron]())}
    return Network(blocks, {"back": Feedback("b", "a", linear(5, 8, bias=False))}, head(5, decay_of(neuron)))


def two_sources(neuron="if"):
    blocks = {"a": Block(linear(6, 8), NEURONS[neuron]()), "b": Block(linear(8, 5), NEURONS[neuron]())}
    edges = {"near": Feedback("a", "a", linear(8, 8, lift=0.0)), "far": Feedback("b", "a", linear(5, 8, bias=False))}
    return Network(blocks, edges, head(5, decay_of(neuron)))


def convolutional(neuron="if"):
    network = build("4C3p-5C3s2p(F4C3u)-3", NEURONS[neuron], input_shape=(1, 6, 6), readout="linear").to(F64)
    with torch.no_grad():
        for block in network.blocks.values():
            block.synapse.bias.fill_(0.5 * V)
    return network


def bounded(neuron="if"):
    """Once the singular vectors have settled, holding them fixed costs the derivative nothing."""
    network = one_block(neuron)
    synapse = network.feedback["loop"].synapse
    bound_spectral_norm(synapse)
    for _ in range(500):
        _ = synapse.weight
    with torch.no_grad():
        network.get_parameter("feedback.loop.synapse.parametrizations.weight.0.gain").fill_(0.4)
    return network.eval()


NETWORKS = {
    "one block": one_block,
    "two blocks": two_blocks,
    "two sources": two_sources,
    "convolutional": convolutional,
    "bounded": bounded,
}


PLACES = {"one block": (6,), "two blocks": (6,), "two sources": (6,), "convolutional": (1, 6, 6), "bounded": (6,)}


TARGETS = torch.tensor([0, 2, 1, 2])


def mapped(network, rates, x, masks=None):
    found = network.rate_map(rates, x, masks or {})
    return {name: found[name] for name in rates}


def equilibrium(network, x, masks=None, iterations=60):
    shapes = network.shapes(x)
    rates = {name: torch.full((len(x), *shapes[name]), 0.5, dtype=F64) for name in sources(network)}
    for _ in range(iterations):
        rates = mapped(network, rates, x, masks)
    return rates


def loss_at(network, rates, targets=TARGETS):
    return F.cross_entropy(network.readout.of_rate(rates[list(network.blocks)[-1]]), targets)


class AtEquilibrium(IDE):
    """IDE after infinitely many steps: the simulated rate is the fixed point of the rate map."""

    def simulate(self, network, inputs, masks):
        with torch.no_grad():
            rates = equilibrium(network, mean_input(network, inputs), masks)
        return Simulated({name: rate.detach().clone() for name, rate in rates.items()}, {})


def still(x, steps=3, targets=TARGETS, masks=None):
    return Batch(x.expand(steps, *x.shape), targets, masks or {})


def update_of(rule, network, batch, seed=0):
    (update,) = rule.updates(network, batch, {}, torch.Generator().manual_seed(seed))
    return update
