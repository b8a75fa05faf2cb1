"""Identities of the rules that are themselves learned."""

import copy

import torch
import torch.nn.functional as F
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import LIF, DeepArtificialNeuron, Phenotype, Rate
from spikelearn.neurons.activations import Linear, Softplus
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.identities.base import DECAY, changes, compare, draw, identity, spikes_for
from spikelearn.plasticity.meta.credits import STRAIGHT
from spikelearn.plasticity.meta.dan import DAN
from spikelearn.plasticity.meta.meta_plasticity import MetaPlasticity
from spikelearn.plasticity.meta.tdca import TDCA
from spikelearn.plasticity.three_factor.dfa import DFA

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


@identity("tdca")
def tdca() -> None:
    """With credits that are linear in p - y, one a neuron, and an output that is linear, it is ``dfa``."""
    sizes = (6, 8, 7, 4)
    neurons = (LIF.per_step(DECAY, reset="subtract"), LIF.per_step(DECAY), Rate(Linear()))
    network = Network({f"b{n}": Block(nn.Linear(sizes[n], sizes[n + 1]), neuron) for n, neuron in enumerate(neurons)})
    draw(network, 0.9)
    batch, drawn = spikes_for(6, 4), torch.Generator().manual_seed(5)
    back = {f"b{n}": torch.rand(4, sizes[n + 1], generator=drawn, dtype=torch.float64) - 0.5 for n in (0, 1)}
    expected = changes(DFA(), network, batch, {f"back_weights.{name}": weights for name, weights in back.items()})
    memory = {STRAIGHT + name: torch.cat([weights, -weights]) for name, weights in back.items()}
    compare("tdca", changes(TDCA(per_block=0, hidden=0), network, batch, memory), expected)


@identity("dan")
def dan() -> None:
    """The phenotype stays as it is; weights and phenotype change by the loss's slopes, found by small steps of both."""
    shared = Phenotype.drawn(2, 3).double()
    blocks = {
        f"b{n}": Block(nn.Linear(inputs, 2 * outputs), DeepArtificialNeuron(phenotype=shared))
        for n, (inputs, outputs) in enumerate(((5, 4), (4, 3)))
    }
    network = Network(blocks)
    draw(network, 0.9)
    drawn = torch.rand(1, 4, 5, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    batch, rule, before = Batch(drawn, torch.tensor([0, 2, 1, 2])), DAN(), copy.deepcopy(shared.tensors)
    found = changes(rule, network, batch) | rule.hyper(network, batch).own
    compare("dan", shared.tensors, before)
    tensors = dict(network.named_parameters()) | shared.tensors
    compare("dan", found, {name: _slopes(rule, network, batch, tensors[name]) for name in found}, 1e-7)


@torch.no_grad()
def _slopes(rule: DAN, network: Network, batch: Batch, tensor: torch.Tensor, step: float = 1e-5) -> torch.Tensor:
    """Central differences of the rule's loss in every number of ``tensor``, which is left as it was."""
    slopes, numbers = torch.zeros_like(tensor), tensor.view(-1)
    for place, number in enumerate(numbers.tolist()):
        values = []
        for sign in (1.0, -1.0):
            numbers[place] = number + sign * step
            record, _ = network.run(batch.inputs)
            values.append(float(rule.loss.of(batch, record.output, network.scores(record))))
        numbers[place] = number
        slopes.view(-1)[place] = (values[0] - values[1]) / (2.0 * step)
    return slopes
