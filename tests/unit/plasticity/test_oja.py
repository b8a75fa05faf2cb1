"""Oja's rule comes to the principal components of its inputs, which a decomposition gives in closed form."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import RULES, Batch, Oja, OptimizerChoice
from spikelearn.training import Training, learn


def settled(form):
    """Weights [3, 6] behind 600 looks at the same inputs, and the eigenvectors of these in order [6, 6]."""
    generator = torch.Generator().manual_seed(1)
    inputs = torch.randn(1, 50, 6, generator=generator, dtype=torch.float64)
    inputs = inputs * torch.tensor([2.0, 1.5, 1.1, 0.6, 0.4, 0.2], dtype=torch.float64)
    inputs = inputs @ torch.linalg.qr(torch.randn(6, 6, generator=generator, dtype=torch.float64))[0]
    network = Network({"out": Block(nn.Linear(6, 3, bias=False), Rate(Linear()))}).double()
    weight = network.get_parameter("blocks.out.synapse.weight")
    with torch.no_grad():
        weight.copy_(0.3 * torch.randn(3, 6, generator=generator, dtype=torch.float64))
    training = Training.start(network, Oja(form), optimizer=OptimizerChoice("sgd", 0.1))
    for _ in range(600):
        learn(training, Batch(inputs, torch.zeros(50, dtype=torch.int64)))
    vectors = torch.linalg.eigh(inputs[0].t() @ inputs[0])[1].flip(1).t()
    return weight.detach(), vectors


def test_every_neuron_of_own_is_the_first_component():
    weight, vectors = settled("own")
    torch.testing.assert_close((weight @ vectors[0]).abs(), torch.ones(3, dtype=torch.float64))
    torch.testing.assert_close(weight.norm(dim=1), torch.ones(3, dtype=torch.float64))


def test_neurons_of_sanger_are_the_components_in_order():
    weight, vectors = settled("sanger")
    torch.testing.assert_close((weight @ vectors.t()).abs(), torch.eye(6, dtype=torch.float64)[:3], atol=1e-5, rtol=0)


def test_neurons_of_subspace_span_the_first_components():
    weight, vectors = settled("subspace")
    torch.testing.assert_close(weight.t() @ weight, vectors[:3].t() @ vectors[:3], atol=1e-5, rtol=0)


def test_an_unknown_form_is_named():
    with pytest.raises(ValueError, match="form is 'pca'"):
        RULES.make("oja", {"form": "pca"})
