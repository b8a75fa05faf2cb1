"""Identities of the rules that are themselves learned."""

import torch
import torch.nn.functional as F
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Softplus
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.identities.base import changes, compare, draw, identity
from spikelearn.plasticity.meta.meta_plasticity import MetaPlasticity

#: The learning rate that the pseudo-gradient's coefficient is.
LR = 0.3


@identity("meta-plasticity")
def meta_plasticity() -> None:
    """With the coefficients (lr, 0, 0) and B = W it is lr times the gradient, so that a step is that of SGD."""
    sizes = (5, 6, 4, 3)
    blocks = {
        f"b{n}": Block(nn.Linear(sizes[n], sizes[n + 1], bias=False), Rate(Linear() if n == 2 else Softplus(3.0)))
        for n in range(3)
    }
    network = Network(blocks)
    draw(network, 0.9)
    drawn = torch.rand(1, 4, 5, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    batch = Batch(drawn, torch.tensor([0, 2, 1, 2]))
    loss = F.cross_entropy(network(batch.inputs), batch.targets)
    names = [name for name, _ in network.named_parameters()]
    found = torch.autograd.grad(loss, [network.get_parameter(name) for name in names])
    expected = {name: LR * grad for name, grad in zip(names, found, strict=True)}
    rule = MetaPlasticity(pseudo_gradient=LR, feedback="symmetric")
    compare("meta-plasticity", changes(rule, network, batch), expected, 1e-12)
