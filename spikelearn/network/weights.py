"""Weights of a network: their names and shapes, the synaptic ones among them, and what none may hold."""

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from spikelearn.checks import check_all_finite
from spikelearn.neurons import Neuron

#: What stands between the name of a module and that of a tensor its weight is computed from.
_COMPUTED = ".parametrizations."


def is_synaptic(name: str, parameter: Tensor) -> bool:
    """Tell whether a parameter is a weight matrix, forward, feedback or readout; biases and scales of norms are not."""
    return parameter.ndim > 1 and (name.startswith("readout.") or ".synapse." in name or name.endswith(".synapse"))


def synaptic_weights(network: nn.Module) -> dict[str, nn.Parameter]:
    """All synaptic weights, in the network's order.

    Raises:
        ValueError: there are none, or one is computed from other tensors and cannot be set.
    """
    weights = {name: p for name, p in network.named_parameters() if is_synaptic(name, p)}
    for name in weights:
        if _COMPUTED in name:
            raise ValueError(
                f"{name} belongs to a reparametrised weight, which cannot be set: remove the parametrization "
                "(no --spectral-feedback, no --weight-standardisation), or train without pruning and hardware"
            )
    if not weights:
        raise ValueError("the network has no synaptic weights, expected at least one matrix of weights")
    return weights


@torch.no_grad()
def settle_weights(network: nn.Module) -> None:
    """Make every reparametrised weight an ordinary one with the value that it has now."""
    for module in list(network.modules()):
        if parametrize.is_parametrized(module):
            names = list(module.parametrizations)  # type: ignore[arg-type]
            values = {name: getattr(module, name).clone() for name in names}
            # Not torch's own removal: that changes the class of the module, which a copy shares with what it is of.
            module.__class__ = parametrize.type_before_parametrizations(module)
            del module.parametrizations
            for name, value in values.items():
                module.register_parameter(name, nn.Parameter(value))


def check_weights_finite(network: nn.Module) -> None:
    """Raise ValueError that names the parameter or buffer where one holds NaN or infinity.

    Such weights would not be seen in what a network does: a potential that is NaN is silence.
    """
    for name, value in network.state_dict().items():
        check_all_finite(name, value, "go on from an earlier state of the network, or train anew")


def shared_until_kept(network: nn.Module) -> set[str]:
    """Names of the buffers that neurons will keep, one number each, and that are one number for all as yet."""
    neurons = ((place, module) for place, module in network.named_modules() if isinstance(module, Neuron))
    kept = ((f"{place}.{name}", neuron.get_buffer(name)) for place, neuron in neurons for name in neuron.kept)
    return {place for place, buffer in kept if not buffer.ndim}


def describe(network: nn.Module) -> dict[str, list[int]]:
    """Names and shapes of parameters and buffers: what two networks must share to exchange weights."""
    return {name: list(value.shape) for name, value in network.state_dict().items()}
