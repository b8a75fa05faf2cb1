"""Measuring a network or a rule without leaving a trace in the training that it belongs to."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from torch import nn


def same_random_numbers(network: nn.Module) -> AbstractContextManager[None]:
    """Put torch's random generators back on leaving, also by an error, whatever was drawn."""
    devices = {parameter.device for parameter in network.parameters() if parameter.device.type == "cuda"}
    return torch.random.fork_rng([torch.cuda.current_device() if d.index is None else d.index for d in devices])


@contextmanager
def isolated(network: nn.Module, generator: torch.Generator) -> Iterator[torch.Generator]:
    """``same_random_numbers``, with a copy of ``generator`` to draw from; rules write nothing else (``Rule``)."""
    copy = torch.Generator(generator.device)
    copy.set_state(generator.get_state())
    with same_random_numbers(network):
        yield copy
