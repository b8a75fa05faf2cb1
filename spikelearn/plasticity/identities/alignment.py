"""Identities of rules whose errors go down through the weights of the start."""

import copy

import torch
from torch import Tensor, nn

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity.alignment.align_ada import AlignAda
from spikelearn.plasticity.alignment.align_prop import AlignProp
from spikelearn.plasticity.alignment.align_zero import AlignZero
from spikelearn.plasticity.base import Batch, Memory, Rule
from spikelearn.plasticity.gradient.bptt import BPTT
from spikelearn.plasticity.identities.base import changes, compare, dense, draw, identity, spikes_for
from spikelearn.plasticity.identities.by_hand import output_errors, sent_down, sent_spikes, unrolled
from spikelearn.plasticity.losses import CrossEntropy
from spikelearn.plasticity.three_factor.fa import FA


@identity("align-ada")
def align_ada() -> None:
    """Errors at currents of the network as it began meet spikes as they are; at the start it is ``bptt``."""
    network, began, batch, rule, memory = _moved(AlignAda())
    arrived = sent_down(began, batch, output_errors(network, batch))
    expected = unrolled(network, batch)
    for n, (error, spikes) in enumerate(zip(arrived, [batch.inputs, *sent_spikes(network, batch)], strict=False)):
        expected |= _at_weights(n, error, spikes)
    compare("align-ada", changes(rule, network, batch, memory), expected)
    for slopes in ("initial", "program"):
        _is_the_gradient_at_the_start(AlignAda(CrossEntropy(), slopes=slopes))


@identity("align-zero")
def align_zero() -> None:
    """Errors of the network as it is meet currents and spikes of the network as it began; there it is ``bptt``."""
    network, began, batch, rule, memory = _moved(AlignZero())
    errors = output_errors(network, batch)
    arrived, expected = [*sent_down(began, batch, errors), errors], dict[str, Tensor]()
    for n, (error, spikes) in enumerate(zip(arrived, [batch.inputs, *sent_spikes(began, batch)], strict=False)):
        expected |= _at_weights(n, error, spikes)
    compare("align-zero", changes(rule, network, batch, memory), expected)
    _is_the_gradient_at_the_start(AlignZero(CrossEntropy()))


@identity("align-prop")
def align_prop() -> None:
    """It is ``fa`` with the weights of the start on the way back; at the start it is ``bptt``."""
    network, _, batch, rule, memory = _moved(AlignProp())
    compare("align-prop", changes(rule, network, batch, memory), changes(FA(), network, batch, memory))
    _is_the_gradient_at_the_start(AlignProp(CrossEntropy()))


def _moved(rule: Rule) -> tuple[Network, Network, Batch, Rule, Memory]:
    """A network that has moved since the rule began, a copy of it as it began, a batch, the rule and its memory."""
    network = dense(6, 8, 7, 4)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    began = copy.deepcopy(network)
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.3 * torch.rand(parameter.shape, generator=generator, dtype=torch.float64))
    return network, began, spikes_for(6, 4), rule, memory


def _at_weights(block: int, error: Tensor, spikes: Tensor) -> dict[str, Tensor]:
    path = f"blocks.b{block}.synapse"
    return {f"{path}.weight": torch.einsum("tbo,tbi->oi", error, spikes), f"{path}.bias": error.sum((0, 1))}


def _is_the_gradient_at_the_start(rule: Rule) -> None:
    """Raise ValueError where the rule is not exactly backpropagation in a network of rates that has not moved."""
    sizes = ((6, 8, nn.BatchNorm1d(8)), (8, 7, nn.Identity()), (7, 4, nn.Identity()))
    blocks = {
        f"b{n}": Block(nn.Sequential(nn.Linear(i, o), norm), Rate(Linear()) if n == 2 else Rate())
        for n, (i, o, norm) in enumerate(sizes)
    }
    network = Network(blocks, readout=MembraneReadout())
    draw(network, 0.9)
    batch = spikes_for(6, 4)
    one = Batch(batch.inputs[:1], batch.targets)
    assert rule.loss is not None
    compare(rule.name, changes(rule, network, one), changes(BPTT(rule.loss), network, one), within=0.0)
