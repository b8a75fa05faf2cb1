"""Weights on the way back: where they come from, layer by layer or from the output, and how errors cross them."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from spikelearn.network import Network
from spikelearn.plasticity.base import Memory
from spikelearn.synapses import float_type, is_linear, transpose
from spikelearn.synapses.structure import is_hooked

#: Layers whose derivative in the input depends on their weights and on nothing else of theirs.
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)

#: What stands before a place in the names of a rule's memory.
PREFIX = "back_weights."

BackWeightsKind = Literal["random", "sign-symmetric", "sign-uniform", "transpose", "frozen"]
LayeredKind = Literal["random", "sign-symmetric", "sign-uniform", "transpose", "frozen", "kolen-pollack"]


@dataclass(frozen=True)
class BackWeights:
    r"""A source of the weights on the way back.

    "random": drawn once, from $U(-g/\sqrt n, g/\sqrt n)$ with n the fan-in; "sign-symmetric": the sizes so drawn, with
    the signs of the forward weights as they are; "sign-uniform": these signs, each of the mean size of its layer's
    forward weights as they are; "transpose": the forward weights as they are; "frozen": the forward weights as they
    were at the start; "kolen-pollack": drawn as random ones, and learned.

    Args:
        kind: one of these.
        gain: g, dimensionless.
    """

    kind: LayeredKind
    gain: float

    @property
    def reads_forward_weights(self) -> bool:
        """True if they follow the forward weights as these change."""
        return self.kind in ("transpose", "sign-symmetric", "sign-uniform")

    def init(self, forward: Mapping[str, Tensor], generator: torch.Generator) -> Memory:
        """Create their tensors in a rule's memory.

        Args:
            forward: {place: forward weight that is stood for}; of random ones shape and type count alone.
            generator: draws random ones.
        """
        if self.kind in ("transpose", "sign-uniform"):
            return {}
        if self.kind == "frozen":
            return {PREFIX + place: weight.detach().clone() for place, weight in forward.items()}
        return {PREFIX + place: uniform(w.shape, self.gain, generator, w) for place, w in forward.items()}

    def now(self, forward: Mapping[str, Tensor], memory: Memory) -> dict[str, Tensor]:
        """{place: weight on the way back}, given the forward weights as they are."""
        if self.kind == "transpose":
            return {place: weight.detach() for place, weight in forward.items()}
        if self.kind == "sign-uniform":
            return {place: w.detach().abs().mean() * w.detach().sign() for place, w in forward.items()}
        kept = {place: memory[PREFIX + place] for place in forward}
        if self.kind == "sign-symmetric":
            return {place: kept[place].abs() * weight.detach().sign() for place, weight in forward.items()}
        return kept


def crossed_weights(rule: str, network: Network) -> dict[str, Tensor]:
    """{layer: weight} of every layer that an error crosses: all, but the first of every path from the inputs.

    To be called within a presentation, in which reparametrised weights are those of its runs.

    Raises:
        ValueError: a synapse with weights in a module of another kind.
    """
    crossed: dict[str, Tensor] = {}
    below: set[str] = set()
    for name in network.blocks:
        for path, source, synapse in network.into(name):
            weights = _weights_of(rule, f"{path}.synapse", synapse)
            # No error is needed below the first weights.
            crossed |= weights if source in below else dict(list(weights.items())[1:])
            if weights or source in below:
                below.add(name)
    for name, back in network.feedback.items():
        crossed |= _weights_of(rule, f"feedback.{name}.synapse", back.synapse)
    return crossed


def _weights_of(rule: str, path: str, synapse: nn.Module) -> dict[str, Tensor]:
    """{layer: weight} of every layer of a synapse that has one."""
    weights = {}
    for place, layer in named_leaves(path, synapse):
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
        weights[place] = weight
    return weights


def named_leaves(path: str, module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """(path, layer) of the layers that a synapse at ``path`` is made of, one behind the other."""
    if type(module) is nn.Sequential and not is_hooked(module):
        for name, child in module.named_children():
            yield from named_leaves(f"{path}.{name}", child)
    else:
        yield path, module


@contextmanager
def sent_back_through(pairs: Iterable[tuple[Tensor, Tensor]]) -> Iterator[None]:
    """Have runs be differentiated with B in place of W wherever an error crosses a weight W.

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


def refuse_autocast(rule: str, inputs: Tensor) -> None:
    """Raise ValueError where weights are replaced by shorter copies, which nothing could stand for."""
    if torch.is_autocast_enabled(inputs.device.type):
        raise ValueError(f"{rule} is run under autocast, which replaces the weights by shorter copies: leave it out")


def uniform(shape: Sequence[int], gain: float, generator: torch.Generator, like: Tensor) -> Tensor:
    r"""Weights from $U(-g/\sqrt n, g/\sqrt n)$, n the fan-in (all axes but the first), in the type of ``like``."""
    drawn = torch.rand(*shape, generator=generator, dtype=torch.float64, device=generator.device)
    return ((2.0 * drawn - 1.0) * (gain / math.sqrt(drawn[0].numel()))).to(like)


def input_shape(rule: str, network: Network) -> tuple[int, ...]:
    """Shape of one input, without the batch.

    Raises:
        ValueError: a network that begins with an image of unknown size.
    """
    if network.input_shape is not None:
        return network.input_shape
    first = next((m for m in network.modules() if isinstance(m, WEIGHTED)), None)
    if not isinstance(first, nn.Linear):
        raise ValueError(
            f"{rule} draws feedback weights for every neuron, but the network does not say how large its inputs "
            "are: make it with input_shape=(channels, height, width)"
        )
    return (first.in_features,)


def neuron_shapes(rule: str, network: Network) -> dict[str, tuple[int, ...]]:
    """Shape of every block's neurons, without the batch.

    Raises:
        ValueError: as ``input_shape``.
    """
    weight = next(network.parameters())
    shape = input_shape(rule, network)
    return network.shapes(torch.zeros(1, *shape, dtype=float_type(network), device=weight.device))


def direct_weights(rule: str, network: Network, kind: LayeredKind) -> dict[str, Tensor]:
    """{hidden block: the weights from it to the output, [outputs, *shape]}, for errors sent from the output at once.

    Between the two stand several layers: their product, so that with one hidden block it is the last layer's weight. Of
    random ones shape and type count alone, and only these are right.

    Raises:
        ValueError: as ``neuron_shapes``; a product across a synapse that is not linear.
    """
    shapes, like = neuron_shapes(rule, network), next(network.parameters())
    outputs = sum(math.prod(shapes[name]) for name in network.outputs)
    hidden = [name for name in shapes if name not in network.outputs]
    if kind == "random":
        return {name: like.new_empty(outputs, *shapes[name]) for name in hidden}
    return _products(rule, network, shapes, torch.eye(outputs, dtype=like.dtype, device=like.device))


def _products(rule: str, network: Network, shapes: Mapping[str, tuple[int, ...]], unit: Tensor) -> dict[str, Tensor]:
    """{hidden block: what a unit error at each output becomes on the way down, neurons left out}."""
    sizes = [math.prod(shapes[name]) for name in network.outputs]
    at = dict(zip(network.outputs, unit.split(sizes, dim=1), strict=True))
    back = {name: unit.new_zeros(1, len(unit), *shape) for name, shape in shapes.items()}
    for above in reversed(list(shapes)):
        if above in at:
            back[above] = back[above] + at[above].reshape(back[above].shape)
        for path, below, synapse in network.into(above):
            if below == "inputs":
                continue
            if not is_linear(synapse):
                raise ValueError(
                    f"{rule} multiplies the weights between a block and the output, but that of {_named(path)} is "
                    f"{' '.join(repr(synapse).split())}, which is not linear: use average pooling, or random weights"
                )
            back[below] = back[below] + transpose(synapse, torch.zeros_like(back[below]), back[above])
    return {name: back[name][0] for name in shapes if name not in at}


def _named(path: str) -> str:
    return f"block {path.removeprefix('blocks.')!r}" if path.startswith("blocks.") else path
