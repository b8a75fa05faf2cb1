"""What a local loss reads of a block: pools in front of its reader, means of images, means of steps."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.network import Network
from spikelearn.synapses import SumPool2d
from spikelearn.synapses.structure import leaves
from spikelearn.traces import over_steps

#: Pools that a local loss looks through.
POOLS = (nn.MaxPool2d, nn.AvgPool2d, SumPool2d)


def behind_pools(network: Network, name: str, spikes: Tensor, potentials: Tensor) -> tuple[Tensor, Tensor]:
    """Spikes and potentials of a block [T, B, ...] behind the pools that stand in front of its only reader's weights.

    Of a max pool, the spike is that of the neuron with the highest potential.
    """
    reader = network.wiring.only_reader.get(name)
    for layer in () if reader is None else leaves(network.blocks[reader].synapse):
        if isinstance(layer, POOLS):
            spikes, potentials = _through(layer, spikes, potentials)
        elif not isinstance(layer, nn.Identity):
            break
    return spikes, potentials


def _through(pool: nn.Module, spikes: Tensor, over: Tensor) -> tuple[Tensor, Tensor]:
    """Spikes and potentials [T, B, C, H, W] behind a pool; of a max pool, those of the highest potential."""
    steps = spikes.shape[:2]
    sent, v = spikes.flatten(0, 1), over.flatten(0, 1)
    if isinstance(pool, nn.MaxPool2d):
        size = (pool.kernel_size, pool.stride, pool.padding, pool.dilation)
        v, at = F.max_pool2d(v, *size, ceil_mode=pool.ceil_mode, return_indices=True)
        sent = sent.flatten(2).gather(2, at.flatten(2)).view(v.shape)
    else:
        sent, v = pool(sent.to(v)), pool(v)
    return sent.unflatten(0, steps), v.unflatten(0, steps)


def pooled(seen: Tensor, shape: tuple[int, ...]) -> Tensor:
    """``seen`` [samples, n] or [samples, C, ...], as means over parts of its last axes, [samples, d]."""
    if seen.shape[1:] == shape:
        return seen.flatten(1)
    if len(shape) == 1:
        return F.adaptive_avg_pool1d(seen.unsqueeze(1), shape[0]).flatten(1)
    pools: dict[int, Callable[..., Tensor]] = {
        2: F.adaptive_avg_pool1d,
        3: F.adaptive_avg_pool2d,
        4: F.adaptive_avg_pool3d,
    }
    return pools[len(shape)](seen, shape[1:]).flatten(1)


def spread(signal: Tensor, seen: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The signal at ``seen`` of that at what it was pooled to, [samples, d]."""
    if seen.shape[1:] == shape:
        return signal.view_as(seen)
    with torch.enable_grad():
        # Pooling is linear: where it is differentiated does not matter, and one number takes no room.
        anywhere = signal.new_zeros(()).expand_as(seen).detach().requires_grad_()
        return torch.autograd.grad(pooled(anywhere, shape), anywhere, signal)[0]


def mean_of(spikes: Tensor, weights: Tensor) -> Tensor:
    """Mean of the steps by ``weights`` [T, B], [B, ...]."""
    return spikes.mean(0) if _is_even(weights) else over_steps(spikes, weights)


def at_steps(signal: Tensor, weights: Tensor) -> Tensor:
    """The signal at a mean of steps, [B, ...], at each of them, [T, B, ...], by its weight in that mean, [T, B]."""
    if _is_even(weights):
        return (signal / len(weights)).expand(len(weights), *signal.shape)
    return weights.view(*weights.shape, *(1 for _ in signal.shape[1:])) * signal


def _is_even(weights: Tensor) -> bool:
    """Tell whether all steps of each sample weigh the same."""
    return bool((weights == weights[0]).all())
