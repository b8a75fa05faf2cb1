"""The layers of a synapse one by one: an error at the output of each, and the gradient where it meets what came in."""

from collections.abc import Collection, Mapping

import torch
from torch import Tensor, nn

from spikelearn.plasticity.back_weights import named_leaves
from spikelearn.synapses import correlate, trainable, uses_batch_statistics


def learning_leaves(prefix: str, synapse: nn.Module) -> list[str]:
    """Paths of the layers of a synapse in which something learns; ``prefix`` is that of its parameters."""
    return [path for path, layer in named_leaves(prefix.rstrip("."), synapse) if trainable(layer)]


def errors_at_leaves(
    prefix: str, synapse: nn.Module, rows: Tensor, error: Tensor, learning: Collection[str]
) -> dict[str, Tensor]:
    """{path of a layer that learns: the error at its output}, of that at the output of the whole synapse.

    Args:
        prefix, synapse: of an edge.
        rows: what met it, [samples, in...], of floating point.
        error: [samples, out...].
        learning: paths of the layers.
    """
    layers = list(named_leaves(prefix.rstrip("."), synapse))
    if list(learning) == [layers[-1][0]]:
        return {layers[-1][0]: error}
    x, at = rows.detach().requires_grad_(), {}
    with torch.enable_grad():
        for path, layer in layers:
            x = layer(x)
            if path in learning:
                at[path] = x
    return dict(zip(at, torch.autograd.grad(x, list(at.values()), error), strict=True))


def gradients_at_leaves(
    prefix: str, synapse: nn.Module, rows: Tensor, errors: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """{parameter: gradient} of the layers whose errors are given; what meets them is what comes in there now."""
    grads: dict[str, Tensor] = {}
    x = rows.detach()
    for path, layer in named_leaves(prefix.rstrip("."), synapse):
        if path in errors:
            grads |= {f"{path}.{name}": grad for name, grad in _gradient(layer, x, errors[path]).items()}
        with torch.no_grad():
            x = layer(x)
    return grads


def gradients_through(prefix: str, synapse: nn.Module, rows: Tensor, error: Tensor) -> dict[str, Tensor]:
    """{parameter: gradient} by an error at the output of the synapse, which is differentiated as it is now."""
    return {f"{prefix}{name}": grad for name, grad in _gradient(synapse, rows.detach(), error).items()}


def _gradient(module: nn.Module, rows: Tensor, error: Tensor) -> dict[str, Tensor]:
    if not uses_batch_statistics(module):
        return correlate(module, rows.unsqueeze(0), error.unsqueeze(0))
    # Samples meet in a batch norm, whose derivative is no sum of products.
    parameters = trainable(module)
    with torch.enable_grad():
        current = module(rows)
    # A presentation keeps reparametrised weights with their graph.
    grads = torch.autograd.grad(current, list(parameters.values()), error, retain_graph=True)
    return dict(zip(parameters, grads, strict=True))
