"""One batch is one presentation: weights are reparametrised once, buffers are copies."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from spikelearn.network.block import Block
from spikelearn.neurons import Neuron, SharedConstants


@contextmanager
def presentation(network: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Have forward passes write to copies of the buffers, and compute reparametrised weights once.

    Constants of neurons, which nobody writes, are left alone, but not what they keep between presentations.

    Yields a dict that is filled on leaving: {buffer name: new value}. On leaving, also by an error, the network
    is as it was before.
    """
    written: dict[str, Tensor] = {}
    with copied_buffers(network):
        with parametrize.cached():
            _compute_reparametrised(network)
            yield written
        written.update(
            {
                f"{place}.{name}" if place else name: buffer.detach()
                for place, module in network.named_modules()
                for name, buffer in _written(module)
            }
        )


def writes_nothing(network: nn.Module) -> bool:
    """Tell whether a presentation would have nothing to do: no pass writes a buffer, no weight is reparametrised."""
    return not any(_written(module) or parametrize.is_parametrized(module) for module in network.modules())


@contextmanager
def copied_buffers(network: nn.Module) -> Iterator[None]:
    """Replace every buffer by a copy; on leaving, also by an error, put the old ones back as they were."""
    places = [(module, name, buffer) for module in network.modules() for name, buffer in _written(module)]
    for module, name, buffer in places:
        module._buffers[name] = buffer.clone()
    try:
        yield
    finally:
        for module, name, buffer in places:
            now = module._buffers[name]
            # One number that neurons share until they first keep one each is put back as one each.
            each = isinstance(module, Neuron) and now is not None and not buffer.ndim
            module._buffers[name] = buffer.expand_as(now).clone() if each and now is not None else buffer


@contextmanager
def learning_only(network: nn.Module, names: Collection[str]) -> Iterator[None]:
    """Have no parameter but ``names`` require a gradient, so that no graph is kept for the others.

    Entered before ``presentation``, whose reparametrised weights have a graph from their parameters.
    """
    others = [p for name, p in network.named_parameters() if p.requires_grad and name not in names]
    for parameter in others:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in others:
            parameter.requires_grad_(True)


def reparametrised(network: nn.Module) -> tuple[list[Tensor], set[Tensor]]:
    """The weights that the current presentation has computed, and the parameters that they were computed from."""
    weights, parameters = [], set[Tensor]()
    for module in network.modules():
        if parametrize.is_parametrized(module):
            changed: nn.ModuleDict = module.parametrizations  # type: ignore[assignment]
            weights += [getattr(module, name) for name in changed]
            parameters |= set(changed.parameters())
    return weights, parameters


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put every module in evaluation mode; on leaving, each has its own mode back."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _written(module: nn.Module) -> list[tuple[str, Tensor]]:
    """The buffers that a forward pass may write."""
    if isinstance(module, SharedConstants):
        return []
    names = (
        module.kept if isinstance(module, Neuron) else module._buffers.keys() - set(getattr(module, "unwritten", ()))
    )
    return [(name, buffer) for name in names if (buffer := module._buffers[name]) is not None]


def keep_states(blocks: Mapping[str, Block], states: Mapping[str, Any]) -> None:
    """Have the neurons in training keep what their states behind a presentation leave to the next."""
    for name, block in blocks.items():
        if block.neuron.kept and block.neuron.training:
            block.neuron.keep(states[name])


def _compute_reparametrised(network: nn.Module) -> None:
    """Fill the cache with the graph, so that a rule may differentiate what it ran without one."""
    with torch.enable_grad():
        for module in network.modules():
            if parametrize.is_parametrized(module):
                for name in module.parametrizations:  # type: ignore[union-attr]
                    getattr(module, name)


@contextmanager
def running_statistics(synapses: list[nn.Module]) -> Iterator[None]:
    """Have batch norm use (and leave alone) its running statistics: for synapses called step by step.

    Raises:
        ValueError: a batch norm that keeps none.
    """
    norms = [m for s in synapses for m in s.modules() if isinstance(m, _BatchNorm)]
    for module in norms:
        if module.running_mean is None:
            raise ValueError(
                f"{module} keeps no running statistics, which a synapse that is called step by step needs: use "
                "track_running_stats=True"
            )
    training = [m for m in norms if m.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
