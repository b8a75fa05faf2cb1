"""Identities of the rules that learn from targets of hidden neurons."""

import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import LIF
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.identities.base import changes, compare, identity
from spikelearn.plasticity.targets.desire import Desire


@identity("desire")
def desire() -> None:
    """Two inputs and two outputs by hand: which outputs wish, in which direction, and what their inputs left."""
    neuron = LIF.per_step(0.0, reset="subtract", inclusive=True)
    network = Network({"b0": Block(nn.Linear(2, 2, bias=False), neuron)}).to(torch.float64)
    with torch.no_grad():
        network.get_parameter("blocks.b0.synapse.weight").copy_(torch.eye(2))
    steps = [[1.0, 1.0], [0, 0], [1, 0], [0, 0], [1, 0], [0, 0], [1, 0], [0, 0]]
    batch = Batch(torch.tensor(steps, dtype=torch.float64).unsqueeze(1), torch.tensor([1]))
    # Of four spikes at most the wrong class fires four, the right one one: errors 1 and 3/4, at each input's spikes.
    expected = {"blocks.b0.synapse.weight": torch.tensor([[4.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)}
    compare("desire", changes(Desire(margin=4, threshold_output=0.3), network, batch), expected)
