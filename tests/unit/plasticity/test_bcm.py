"""BCM's threshold slides until a neuron answers one of its inputs alone, at the rates of the closed form."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.plasticity import BCM, RULES, Batch, OptimizerChoice
from spikelearn.training import Training, learn


def test_neurons_become_selective_at_the_rates_of_the_closed_form():
    """Of n inputs that are linearly independent and equally frequent: y = n for one, 0 for the others, threshold n."""
    inputs = torch.tensor([[[1.0, 0.2, 0.1], [0.3, 1.0, 0.2], [0.1, 0.4, 1.0]]], dtype=torch.float64)
    network = Network({"out": Block(nn.Linear(3, 3, bias=False), Rate())}).double()
    with torch.no_grad():
        network.get_parameter("blocks.out.synapse.weight").copy_(0.5 * torch.eye(3) + 0.3)
    training = Training.start(network, BCM(slide=0.3), optimizer=OptimizerChoice("sgd", 0.05))
    for _ in range(700):
        learn(training, Batch(inputs, torch.zeros(3, dtype=torch.int64)))
    rates = network.run(inputs)[0]["out"].spikes[0].detach()
    torch.testing.assert_close(rates, 3 * torch.eye(3, dtype=torch.float64), atol=2e-3, rtol=0)
    (threshold,) = training.memory.values()
    torch.testing.assert_close(threshold, torch.full((3,), 3.0, dtype=torch.float64), atol=5e-3, rtol=0)


def test_a_share_outside_of_0_and_1_is_named():
    with pytest.raises(ValueError, match="slide is 1.5"):
        RULES.make("bcm", {"slide": 1.5})
