"""The structure of a synapse module, as far as fast paths need it."""

from collections import OrderedDict
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from spikelearn.events import Events, events_of
from spikelearn.synapses.delayed_linear import DelayedLinear
from spikelearn.synapses.lateral_inhibition import LateralInhibition
from spikelearn.synapses.pooling import SumPool2d
from spikelearn.synapses.scale import Scale
from spikelearn.synapses.sparse_linear import SparseLinear

#: Layers whose output is linear in their input, up to a bias.
LINEAR = (
    *(nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
    *(SparseLinear, DelayedLinear, LateralInhibition),
    *(nn.AvgPool1d, nn.AvgPool2d, SumPool2d, Scale, nn.Flatten, nn.Unflatten, nn.Identity, nn.ZeroPad2d, nn.Upsample),
)

#: Least number of output neurons for which event lists can beat the dense product (benchmarks/fast_paths.py).
WIDE = 64


def as_linear(synapse: nn.Module) -> nn.Linear | None:
    """The plain ``nn.Linear`` inside, where the synapse is one (Flatten may stand before it); else None.

    Subclasses and reparametrised layers, whose class is one of their own, answer None: they take the generic path.
    """
    if type(synapse) is nn.Sequential:
        *front, synapse = synapse._modules.values() or (synapse,)
        if not all(type(m) is nn.Flatten and m.start_dim == 1 and m.end_dim == -1 for m in front):
            return None
    if type(synapse) is nn.Linear and not synapse._forward_hooks and not synapse._forward_pre_hooks:
        return synapse
    return None


def is_hooked(module: nn.Module) -> bool:
    """Tell whether a call of ``module`` would do more than its class says."""
    hooks = (
        module._forward_hooks,
        module._forward_pre_hooks,
        module._backward_hooks,
        module._backward_pre_hooks,
    )
    return any(hooks) or "forward" in vars(module)


def is_linear(synapse: nn.Module) -> bool:
    """Tell whether the current is linear in the input, with one layer of weights: filtering either is the same."""
    modules = list(leaves(synapse))
    weighted = [leaf for leaf in modules if list(leaf.parameters())]
    return len(weighted) <= 1 and all(isinstance(leaf, LINEAR) for leaf in modules)


def behind_front(synapse: nn.Module) -> tuple[nn.Module, nn.Module]:
    """Split a synapse into the layers in front, in which nothing learns, and the rest, under the same names."""
    if type(synapse) is not nn.Sequential or is_hooked(synapse):
        return nn.Identity(), synapse
    named = list(synapse.named_children())
    count = next((n for n, (_, layer) in enumerate(named) if trainable(layer)), len(named))
    return nn.Sequential(OrderedDict(named[:count])), nn.Sequential(OrderedDict(named[count:]))


def leaves(synapse: nn.Module) -> Iterator[nn.Module]:
    """The layers inside; a reparametrised one is one, whatever computes its weights."""
    if parametrize.is_parametrized(synapse) or not list(synapse.children()):
        yield synapse
        return
    for child in synapse.children():
        yield from leaves(child)


def events_for(linear: nn.Linear, record: Tensor) -> Events | None:
    """The events of ``record``, where going through them is cheaper for this layer and kernels know its type."""
    known = linear.weight.dtype in (torch.float32, torch.float64)
    return events_of(record) if linear.out_features >= WIDE and known else None


def trainable(synapse: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters that require a gradient, by name."""
    return {name: p for name, p in synapse.named_parameters() if p.requires_grad}


def layers_with_weights(synapse: nn.Module) -> list[str]:
    """Names of the layers whose weights, not biases or scales alone, require a gradient."""
    # With a dot in front, for a synapse that is a reparametrised layer itself.
    places = (f".{name}".rpartition(".")[0].partition(".parametrizations.")[0] for name, _ in _matrices(synapse))
    named = (place.removeprefix(".") for place in places)
    return list(dict.fromkeys(named))


def _matrices(synapse: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    return ((name, p) for name, p in trainable(synapse).items() if p.ndim >= 2)


def front_and_weights(synapse: nn.Module) -> tuple[nn.Sequential, nn.Module] | None:
    """What stands before the weights, and the one layer of weights behind it; None for a synapse of another form.

    Nothing that stands before may learn.
    """
    parts = list(synapse) if type(synapse) is nn.Sequential else [synapse]
    *before, last = parts
    plain = isinstance(last, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d) and not parametrize.is_parametrized(last)
    if not plain or any(p.requires_grad for part in before for p in part.parameters()):
        return None
    return nn.Sequential(*before), last


def uses_batch_statistics(synapse: nn.Module) -> bool:
    """Tell whether a call would normalise by the statistics of its own batch."""
    return any(isinstance(m, _BatchNorm) and (m.training or m.running_mean is None) for m in synapse.modules())


def float_type(module: nn.Module) -> torch.dtype:
    """The floating-point type of a module's parameters; torch's default where it has none."""
    return next(_float_types(module), torch.get_default_dtype())


def as_float(record: Tensor, like: nn.Module) -> Tensor:
    """A record in the type of the weights of ``like``; one of floating point as it is where there are none."""
    if record.is_floating_point():
        own = next(_float_types(like), record.dtype)
        # Under autocast torch chooses the types.
        return record if own == record.dtype or torch.is_autocast_enabled(record.device.type) else record.to(own)
    return record.to(float_type(like))


def _float_types(module: nn.Module) -> Iterator[torch.dtype]:
    """In the order of ``parameters``, which notes what it has been at: that takes longer than a small product."""
    for parameter in module._parameters.values():
        if parameter is not None and parameter.is_floating_point():
            yield parameter.dtype
    for child in module._modules.values():
        if child is not None:
            yield from _float_types(child)


def rows_of(record: Tensor) -> Tensor:
    """[T, B, ...] -> [T*B, ...]."""
    return record.flatten(0, 1)


def is_constant_in_time(record: Tensor) -> bool:
    """Tell whether ``record`` is one image expanded over T (stride 0)."""
    return record.shape[0] > 1 and record.stride(0) == 0


def refuse_batch_statistics(synapse: nn.Module, operation: str) -> None:
    """Raise ValueError where ``operation`` would depend on the other samples of the batch."""
    if uses_batch_statistics(synapse):
        raise ValueError(
            f"{operation} on {type(synapse).__name__} with batch statistics would couple the samples: "
            "take the gradient of a cut run instead, or put the batch norm in eval mode"
        )
