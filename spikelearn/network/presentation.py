"""One batch is one presentation: weights are reparametrised once, buffers are copies."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize


@contextmanager
def presentation(network: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Inside, forward passes write to copies of the buffers, and reparametrised weights are computed once.

    Yields a dict that is filled on leaving: {buffer name: new value}. On leaving, also by an error, the network
    is as it was before.
    """
    places = [
        (f"{prefix}.{name}" if prefix else name, module, name, buffer)
        for prefix, module in network.named_modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    written: dict[str, Tensor] = {}
    for _, module, name, buffer in places:
        module._buffers[name] = buffer.clone()
    try:
        with parametrize.cached():
            yield written
        for full_name, module, name, _ in places:
            new = module._buffers[name]
            assert new is not None
            written[full_name] = new.detach()
    finally:
        for _, module, name, buffer in places:
            module._buffers[name] = buffer


@contextmanager
def running_statistics(synapses: list[nn.Module]) -> Iterator[None]:
    """Inside, batch norm uses (and leaves alone) its running statistics: for synapses called step by step."""
    training = [m for s in synapses for m in s.modules() if isinstance(m, _BatchNorm) and m.training]
    for module in training:
        module.training = False
    try:
        yield
    finally:
        for module in training:
            module.training = True
