"""Identity of blockwise backpropagation: parts that are trained as networks of their own."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Block, Network, RateReadout
from spikelearn.plasticity.base import Batch, Memory
from spikelearn.plasticity.gradient.bptt import BPTT
from spikelearn.plasticity.gradient.bw_bpf import BWBPF
from spikelearn.plasticity.gradient.heads import BIASES, WEIGHTS
from spikelearn.plasticity.identities.base import changes, compare, dense, identity, spikes_for
from spikelearn.plasticity.losses import CrossEntropy

#: Blocks of the first part, whose head stands behind the second of them.
FIRST = ("b0", "b1")


@identity("bw-bpf")
def bw_bpf() -> None:
    """Parts learn as networks of their own, the later one from what the first sent; with one head it is ``bptt``."""
    network, batch = dense(6, 8, 7, 4), spikes_for(6, 4)
    rule = BWBPF(heads="b1")
    memory = rule.init(network, torch.Generator().manual_seed(0))
    (update,) = rule.updates(network, batch, memory, torch.Generator())
    compare("bw-bpf", update.grads | update.own, _one_by_one(network, batch, memory))
    whole = BWBPF(heads="b1", detach=False)
    (update,) = whole.updates(network, batch, memory, torch.Generator())
    compare("bw-bpf", update.grads | update.own, _together(network, batch, memory))
    compare("bw-bpf", changes(BWBPF(heads=1), network, batch), changes(BPTT(), network, batch))


def _one_by_one(network: Network, batch: Batch, memory: Memory) -> dict[str, Tensor]:
    """Gradients of two networks: the first part with its head as a readout, and the rest fed by its spikes."""
    head = nn.Linear(7, 4, dtype=torch.float64)
    with torch.no_grad():
        head.weight.copy_(memory[WEIGHTS + "b1"])
        head.bias.copy_(memory[BIASES + "b1"])
    lower = Network({name: _block(network, name) for name in FIRST}, readout=RateReadout(head))
    upper = Network({"b2": _block(network, "b2")})
    sent = lower.run(batch.inputs)[0].output.spikes.detach()
    expected = changes(BPTT(CrossEntropy()), lower, batch) | changes(BPTT(), upper, Batch(sent, batch.targets))
    named = {"readout.head.weight": WEIGHTS + "b1", "readout.head.bias": BIASES + "b1"}
    return {named.get(name, name): value for name, value in expected.items()}


def _together(network: Network, batch: Batch, memory: Memory) -> dict[str, Tensor]:
    """Gradients of the sum of both losses through one run."""
    rule = BPTT()
    own = {name: value.detach().requires_grad_() for name, value in memory.items()}
    record, _ = network.run(batch.inputs, adjoint=rule.adjoint)
    logits = F.linear(record["b1"].spikes.mean(0), own[WEIGHTS + "b1"], own[BIASES + "b1"])
    value = F.cross_entropy(logits, batch.targets) + rule.loss.of(batch, record.output, network.scores(record))
    points = {**dict(network.named_parameters()), **own}
    return dict(zip(points, torch.autograd.grad(value, list(points.values())), strict=True))


def _block(network: Network, name: str) -> Block:
    made = network.blocks[name]
    return Block(made.synapse, made.neuron)
