"""Fixed feedback weights: which a network needs, how they are drawn, and how an error is sent back through them."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from spikelearn.network import Network
from spikelearn.synapses import float_type
from spikelearn.synapses.layers import is_hooked

#: Layers whose derivative in the input depends on their weights and on nothing else of theirs.
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)


def crossed_weights(rule: str, network: Network) -> dict[str, Tensor]:
    """{layer: weight} of every layer that an error crosses: all, feedback edges included, but the first.

    To be called within a presentation, in which reparametrised weights are those of its runs.

    Raises:
        ValueError: a synapse with weights in a module of another kind.
    """
    synapses = {f"blocks.{name}.synapse": block.synapse for name, block in network.blocks.items()}
    synapses |= {f"feedback.{name}.synapse": edge.synapse for name, edge in network.feedback.items()}
    found = {}
    for path, synapse in synapses.items():
        for place, layer in _leaves(path, synapse):
            if all(parameter.ndim < 2 for parameter in layer.parameters()):
                continue
            if parametrize.type_before_parametrizations(layer) not in WEIGHTED or is_hooked(layer):
                raise ValueError(
                    f"{place} is {' '.join(repr(layer).split())}, but {rule} knows how an error is sent back through "
                    f"{', '.join(kind.__name__ for kind in WEIGHTED)} without hooks only, alone or in a Sequential: "
                    "use one of them, or train with dfa"
                )
            weight = layer.weight
            assert isinstance(weight, Tensor)
            found[place] = weight
    return dict(list(found.items())[1:])


def _leaves(path: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    if type(module) is nn.Sequential and not is_hooked(module):
        for name, child in module.named_children():
            yield from _leaves(f"{path}.{name}", child)
    else:
        yield path, module


@contextmanager
def sent_back_through(pairs: Iterable[tuple[Tensor, Tensor]]) -> Iterator[None]:
    """Inside, what is run will be differentiated with B in place of W wherever an error crosses a weight W.

    An operation that is linear in its input and in W keeps W for one purpose, its transpose; there B is kept instead.
    So every kernel serves, and the gradient in W itself, which meets input and error, is formed as always.

    Args:
        pairs: (W, B), of one shape; the very tensors that the run will use.
    """
    # Laid out as W, for what is kept is often a view of it.
    kept = {w.data_ptr(): torch.empty_like(w, requires_grad=False).copy_(feedback) for w, feedback in pairs}

    def instead(saved: Tensor) -> Tensor:
        feedback = kept.get(saved.data_ptr())
        if feedback is None or feedback.numel() != saved.numel():
            return saved
        return feedback.as_strided(saved.shape, saved.stride())

    with torch.autograd.graph.saved_tensors_hooks(instead, lambda saved: saved):
        yield


def uniform(shape: Sequence[int], gain: float, generator: torch.Generator, like: Tensor) -> Tensor:
    r"""Weights from $U(-g/\sqrt n, g/\sqrt n)$, n the fan-in (all axes but the first), in the type of ``like``."""
    drawn = torch.rand(*shape, generator=generator, dtype=torch.float64, device=generator.device)
    return ((2.0 * drawn - 1.0) * (gain / math.sqrt(drawn[0].numel()))).to(like)


def neuron_shapes(rule: str, network: Network) -> dict[str, tuple[int, ...]]:
    """Shape of every block's neurons, without the batch.

    Raises:
        ValueError: a network that begins with an image of unknown size.
    """
    weight = next(network.parameters())
    shape = network.input_shape
    if shape is None:
        first = next((m for m in network.modules() if isinstance(m, WEIGHTED)), None)
        if not isinstance(first, nn.Linear):
            raise ValueError(
                f"{rule} draws feedback weights for every neuron, but the network does not say how large its inputs "
                "are: make it with input_shape=(channels, height, width)"
            )
        shape = (first.in_features,)
    return network.shapes(torch.zeros(1, *shape, dtype=float_type(network), device=weight.device))
