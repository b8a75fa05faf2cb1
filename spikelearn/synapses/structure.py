"""What a synapse module is made of, as far as a fast path needs to know."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from spikelearn.events import Events, events_of

#: Least number of output neurons for which event lists can beat the dense product (benchmarks/fast_paths.py).
WIDE = 64


def as_linear(synapse: nn.Module) -> nn.Linear | None:
    """The plain ``nn.Linear`` inside, where the synapse is one (Flatten may stand before it); else None.

    Subclasses and reparametrised layers answer None: they take the generic path.
    """
    if type(synapse) is nn.Sequential and len(synapse) and all(type(m) is nn.Flatten for m in list(synapse)[:-1]):
        flattens = [m for m in list(synapse)[:-1] if isinstance(m, nn.Flatten)]
        if all(m.start_dim == 1 and m.end_dim == -1 for m in flattens):
            synapse = synapse[-1]
    hooked = bool(synapse._forward_hooks or synapse._forward_pre_hooks)
    if type(synapse) is nn.Linear and not parametrize.is_parametrized(synapse) and not hooked:
        return synapse
    return None


def events_for(linear: nn.Linear, record: Tensor) -> Events | None:
    """The events of ``record``, where going through them is cheaper for this layer."""
    return events_of(record) if linear.out_features >= WIDE else None


def trainable(synapse: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters that require a gradient, by name."""
    return {name: p for name, p in synapse.named_parameters() if p.requires_grad}


def uses_batch_statistics(synapse: nn.Module) -> bool:
    """Whether a call would normalise by the statistics of its own batch."""
    return any(isinstance(m, _BatchNorm) and (m.training or m.running_mean is None) for m in synapse.modules())


def float_type(module: nn.Module) -> torch.dtype:
    """The floating-point type of a module's parameters; torch's default where it has none."""
    own = (p.dtype for p in module.parameters() if p.is_floating_point())
    return next(own, torch.get_default_dtype())


def as_float(record: Tensor, like: nn.Module) -> Tensor:
    """A record of bytes in the type of the weights of ``like``; one of floating point as it is."""
    return record if record.is_floating_point() else record.to(float_type(like))


def rows_of(record: Tensor) -> Tensor:
    """[T, B, ...] -> [T*B, ...]."""
    return record.flatten(0, 1)


def is_constant_in_time(record: Tensor) -> bool:
    """Whether ``record`` is one image expanded over T (stride 0)."""
    return record.shape[0] > 1 and record.stride(0) == 0


def refuse_batch_statistics(synapse: nn.Module, operation: str) -> None:
    """Raise ValueError where ``operation`` would depend on the other samples of the batch."""
    if uses_batch_statistics(synapse):
        raise ValueError(
            f"{operation} on {type(synapse).__name__} with batch statistics would couple the samples: "
            "take the gradient of a cut run instead, or put the batch norm in eval mode"
        )
