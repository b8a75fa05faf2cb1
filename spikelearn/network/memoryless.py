"""The check that a synapse maps every sample by itself, from its present input alone, as networks require."""

import copy
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.parametrize import is_parametrized

from spikelearn.synapses import as_float

#: Steps and samples of the probe, and how far currents may be apart by rounding, as a share of the largest.
STEPS, SAMPLES, ROUNDING = 6, 3, {torch.float64: 1e-6, torch.float32: 1e-3}

#: Modules of torch whose calls depend on chance, or on the calls before.
_UNRULY = (nn.RNNBase, nn.RNNCellBase, nn.RReLU, nn.FractionalMaxPool2d, nn.FractionalMaxPool3d)

#: Modules of torch that map every sample by itself, whatever their options.
_KNOWN = (
    *(nn.Sequential, nn.Identity, nn.Linear, nn.ReLU, nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d),
    *(nn.ConvTranspose2d, nn.AvgPool1d, nn.AvgPool2d, nn.MaxPool1d, nn.MaxPool2d, nn.ModuleDict, nn.ModuleList),
)

_CURE = (
    "a synapse must map each sample by itself, from what arrives now alone, since a network maps all steps in one call "
    "or step by step. What is kept from step to step belongs into a neuron's state (examples/extend/neuron.py), noise "
    "into run(..., inject={block: noise [T, B, ...]}), dropout into masks"
)


def refuse_unruly(synapse: nn.Module) -> None:
    """Raise ValueError for modules that are known to keep something, or to draw numbers."""
    for name, module in synapse.named_modules():
        averages = isinstance(module, nn.modules.instancenorm._InstanceNorm) and module.track_running_stats
        if isinstance(module, _UNRULY) or averages:
            raise ValueError(f"synapse has {type(module).__name__} at {name or 'its root'}: {_CURE}")


def is_known(synapse: nn.Module) -> bool:
    """Tell whether every module in it is known to map samples by themselves, so that none needs a probe."""
    return all(_is_known(module) for module in synapse.modules())


def _is_known(module: nn.Module) -> bool:
    kind = type(module).__bases__[0] if is_parametrized(module) else type(module)
    if kind is nn.Flatten:
        return cast(nn.Flatten, module).start_dim >= 1
    return (
        issubclass(kind, _BatchNorm) or kind in _KNOWN or kind.__module__.startswith(("spikelearn.", "torch.nn.utils."))
    )


@torch.no_grad()
def check_memoryless(name: str, synapse: nn.Module, pre: Tensor) -> None:
    """Raise ValueError where a synapse of one's own maps steps together otherwise than one by one.

    Copies of it are called on spikes drawn at random, shaped like ``pre`` [T, B, ...]; it is left as it was, and so are
    the random numbers to come. One that cannot be copied, or cannot take such spikes, is not looked at.
    """
    generator = torch.Generator().manual_seed(0)
    drawn = torch.rand(STEPS, SAMPLES, *pre.shape[2:], generator=generator) < 0.5
    x = as_float(drawn.to(pre.device, torch.float32), synapse)
    with torch.random.fork_rng(devices=[pre.device] if pre.device.type == "cuda" else []):
        try:
            together, again, apart = (_evaluating_norms(copy.deepcopy(synapse)) for _ in range(3))
            whole = together(x.flatten(0, 1))
            repeated = again(x.flatten(0, 1))
            parts = [apart(x[0])]
            # What the first call alone sets is a cache.
            before = _kept(apart)
            parts += [apart(now) for now in x[1:]]
        except Exception:  # whatever a module of one's own raises is said where it is really called
            return
    stepped = torch.cat(parts)
    off = max(_distance(whole, repeated), _distance(whole, stepped))
    if off > ROUNDING.get(whole.dtype, 5e-2):
        raise ValueError(
            f"{name}: synapse {type(synapse).__name__} gives other currents for steps one at a time, or when called "
            f"again, than for all at once (by {off:.2g} of the largest): {_CURE}"
        )
    after = _kept(apart)
    seen = [*x, *parts]
    kept = [place for place, value in after.items() if _moved(before.get(place), value, seen)]
    if kept:
        raise ValueError(f"{name}: a call of synapse {type(synapse).__name__} changes its {', '.join(kept)}: {_CURE}")


def _distance(one: Tensor, other: Tensor) -> float:
    if one.shape != other.shape:
        return float("inf")
    return float((one - other).abs().max() / one.abs().max().clamp(min=1e-12)) if one.numel() else 0.0


def _kept(synapse: nn.Module) -> dict[str, Any]:
    """Copies of the tensors that its modules hold besides parameters, by place."""
    held = {}
    for path, module in synapse.named_modules():
        for key, value in {**vars(module), **module._buffers}.items():
            if isinstance(value, Tensor) and value.is_floating_point():
                held[f"{path}.{key}".lstrip(".")] = value.detach().clone()
    return held


def _moved(before: Tensor | None, after: Tensor, seen: list[Tensor]) -> bool:
    """Tell whether a tensor was changed by calls, and is no plain note of what went in or came out."""
    if before is not None and before.shape == after.shape and before.equal(after):
        return False
    return not any(one.shape == after.shape and one.equal(after) for one in seen)


def _evaluating_norms(synapse: nn.Module) -> nn.Module:
    """With batch norm in evaluation mode, whose statistics of a batch are another matter."""
    for module in synapse.modules():
        if isinstance(module, _BatchNorm) and module.running_mean is not None:
            module.eval()
    return synapse
