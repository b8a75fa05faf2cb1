"""Identities of the rules that learn from pairs of samples."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Tanh
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.identities.base import changes, compare, draw, identity
from spikelearn.plasticity.losses import CrossEntropy
from spikelearn.plasticity.pairwise.kernel_proxy import KernelProxy


@identity("kernel-proxy")
def kernel_proxy() -> None:
    """Each block has the closed form of its own proxy, into which nothing of the blocks above it enters."""
    sizes = (5, 6, 4, 3)
    units = (Tanh(), Tanh(), Linear())
    blocks = {f"b{n}": Block(nn.Linear(sizes[n], sizes[n + 1], bias=False), Rate(unit)) for n, unit in enumerate(units)}
    network = Network(blocks)
    draw(network, 0.9)
    generator = torch.Generator().manual_seed(4)
    value, targets = torch.randn(5, 5, generator=generator, dtype=torch.float64), torch.tensor([0, 2, 1, 2, 0])
    found = changes(KernelProxy(CrossEntropy(), proxy="raw"), network, Batch(value.unsqueeze(0), targets))
    expected = {}
    for name in blocks:
        key = f"blocks.{name}.synapse.weight"
        current = value @ network.get_parameter(key).detach().T
        error = _down_the_raw_proxy(current.tanh(), targets) * (1.0 - current.tanh().square())
        if name == "b2":
            error = (current.softmax(1) - F.one_hot(targets, 3)) / len(targets)
        expected[key] = error.T @ value
        value = current.tanh()
    compare("kernel-proxy", found, expected, 1e-12)


def _down_the_raw_proxy(sent: Tensor, targets: Tensor) -> Tensor:
    r"""Minus the derivative of $\langle \pm \cos(h_i, h_j) \rangle_{i \ne j}$ in h [B, n], pair by pair."""
    found, count = torch.zeros_like(sent), len(sent)
    for i in range(count):
        for j in range(count):
            if i == j:
                continue
            sign = 1.0 if targets[i] == targets[j] else -1.0
            of_i, of_j = sent[i] / sent[i].norm(), sent[j] / sent[j].norm()
            found[i] -= 2.0 * sign * (of_j - (of_i @ of_j) * of_i) / sent[i].norm() / (count * (count - 1))
    return found
