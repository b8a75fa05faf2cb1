"""What the fast paths of single layers share."""

from typing import Any

import torch
from torch import Tensor, nn


def is_hooked(module: nn.Module) -> bool:
    """Whether a call of ``module`` would do more than its class says."""
    hooks = (
        module._forward_hooks,
        module._forward_pre_hooks,
        module._backward_hooks,
        module._backward_pre_hooks,
    )
    return any(hooks) or "forward" in vars(module)


def flat(tensor: Tensor) -> Any:
    """The entries of a CPU tensor, one after the other, as a numpy array; bool as bytes."""
    # Imported when it is first needed: numba takes longer to import than most commands to run.
    from spikelearn.compiled import array

    entries = tensor.contiguous().view(-1)
    return array(entries.view(torch.uint8) if entries.dtype == torch.bool else entries)


def call(kernel: Any, *arguments: Any) -> None:
    """A parallel kernel on as many threads as torch uses."""
    from spikelearn.compiled import share_threads

    share_threads()
    kernel(*arguments)
