"""Answers by plain loops over steps and spikes, which several identities share."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.network import Network
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.identities.base import DECAY, SAMPLES

NOTHING: Mapping[int, Tensor] = {}


def unrolled(network: Network, batch: Batch) -> dict[str, Tensor]:
    """Gradients of the cross-entropy of ten times the firing rate, through a plain loop over the steps."""
    names, parameters = zip(*network.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(_loss(network, batch), parameters), strict=True))


def output_errors(network: Network, batch: Batch) -> Tensor:
    """The same loss's derivative in the current of the last block at every step, [T, B, outputs]."""
    added = torch.zeros(*batch.inputs.shape[:2], len(list(network.parameters())[-1]), dtype=torch.float64)
    last = {len(network.blocks) - 1: added.requires_grad_()}
    (errors,) = torch.autograd.grad(_loss(network, batch, last), added)
    return errors


def sent_down(network: Network, batch: Batch, errors: Tensor) -> list[Tensor]:
    """Errors at the output's currents, [T, B, outputs], as they arrive at the currents of every block before."""
    sizes = [len(parameter) for name, parameter in network.named_parameters() if name.endswith("bias")][:-1]
    added = {
        n: torch.zeros(*batch.inputs.shape[:2], size, dtype=torch.float64).requires_grad_()
        for n, size in enumerate(sizes)
    }
    currents = torch.stack([currents[-1] for currents, _ in _steps(network, batch, added=added)])
    return list(torch.autograd.grad((currents * errors).sum(), list(added.values())))


def influence(network: Network, batch: Batch, hidden: int) -> Tensor:
    r"""The derivative of the output's mean current in a spike, [samples, outputs, neurons].

    $\frac1T \sum_t \sum_{t'} \partial I_{out}[t'] / \partial s_l[t]$ of the block of number ``hidden``.
    """
    neurons = len(network.get_parameter(f"blocks.b{hidden}.synapse.bias"))
    pushed = torch.zeros(batch.size, neurons, dtype=torch.float64)
    arriving = torch.stack([currents[-1] for currents, _ in _steps(network, batch, {hidden: pushed.requires_grad_()})])
    rows = [torch.autograd.grad(each.sum(), pushed, retain_graph=True)[0] for each in arriving.sum(0).unbind(1)]
    return torch.stack(rows, 1) / len(batch.inputs)


def output_spikes(network: Network, batch: Batch) -> Tensor:
    """Spikes of the last block, [T, B, n]."""
    return sent_spikes(network, batch)[-1]


def sent_spikes(network: Network, batch: Batch) -> list[Tensor]:
    """Spikes of every block, [T, B, n]."""
    sent = [spikes for _, spikes in _steps(network, batch)]
    return [torch.stack(steps).detach() for steps in zip(*sent, strict=True)]


def _loss(network: Network, batch: Batch, added: Mapping[int, Tensor] = NOTHING) -> Tensor:
    counts = sum(spikes[-1] for _, spikes in _steps(network, batch, added=added))
    assert isinstance(counts, Tensor)
    return F.cross_entropy(10.0 * counts / len(batch.inputs), batch.targets)


def _steps(
    network: Network, batch: Batch, pushed: Mapping[int, Tensor] = NOTHING, added: Mapping[int, Tensor] = NOTHING
) -> Iterator[tuple[list[Tensor], list[Tensor]]]:
    """(currents, spikes) of all blocks at every step, in a plain loop.

    ``pushed`` is added to the spikes of blocks at all steps, ``added`` [T, ...] to their currents.
    """
    synapses = [block.synapse for block in network.blocks.values()]
    v = [torch.zeros(())] * len(synapses)
    for t, z in enumerate(batch.inputs):
        currents, sent = [], []
        for n, synapse in enumerate(synapses):
            currents.append(synapse(z))
            if n in added:
                currents[n] = currents[n] + added[n][t]
            u = DECAY * v[n] + currents[n]
            z = _Crossing.apply(u - 1.0)
            v[n] = u - z.detach()
            z = z + pushed[n] if n in pushed else z
            sent.append(z)
        yield currents, sent


def pair_sum(batch: Batch, post: Tensor) -> dict[str, Tensor]:
    """Minus the change of the first block by STDP(0.3, 0.2, 5e-3, 12e-3), from all pairs of spikes one by one."""
    total = torch.zeros(post.shape[2], batch.inputs.shape[2], dtype=torch.float64)
    for sample in range(SAMPLES):
        for t_pre, i in batch.inputs[:, sample].nonzero().tolist():
            for t_post, j in post[:, sample].nonzero().tolist():
                lag = (t_post - t_pre) * 1e-3
                if lag > 0:
                    total[j, i] += 0.3 * math.exp(-lag / 5e-3)
                elif lag < 0:
                    total[j, i] -= 0.2 * math.exp(lag / 12e-3)
    return {"blocks.b0.synapse.weight": -total / SAMPLES}


class _Crossing(torch.autograd.Function):
    """A spike, whose derivative is that of an arc tangent, 1 / (1 + (pi x)^2)."""

    @staticmethod
    def forward(context: Any, over: Tensor) -> Tensor:
        context.save_for_backward(over)
        return (over > 0).to(over.dtype)

    @staticmethod
    def backward(context: Any, *errors: Tensor) -> Tensor:
        (over,) = context.saved_tensors
        return errors[0] / (1.0 + (math.pi * over) ** 2)


def hidden_spikes(network: Network, batch: Batch) -> Tensor:
    """Spikes of the first block, with the graph of a plain loop over the steps."""
    synapse = next(iter(network.blocks.values())).synapse
    v, sent = torch.zeros(()), []
    for step in batch.inputs:
        u = DECAY * v + synapse(step)
        sent.append(_Crossing.apply(u - 1.0))
        v = u - sent[-1].detach()
    return torch.stack(sent)


def sent_by_hand(network: Network, batch: Batch, signal: Tensor) -> dict[str, Tensor]:
    """The changes by a signal at the first block's spikes, mean of steps and samples, and ``bptt``'s at the last."""
    spikes = hidden_spikes(network, batch)
    value = (spikes * signal).sum() / spikes.shape[:2].numel()
    hidden = [name for name, _ in network.named_parameters() if name.startswith("blocks.b0.")]
    grads = torch.autograd.grad(value, [network.get_parameter(name) for name in hidden])
    return unrolled(network, batch) | dict(zip(hidden, grads, strict=True))
