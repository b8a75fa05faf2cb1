"""What must hold after every step, whatever rule and constraints there are: signs of neurons, learned delays."""

from collections.abc import Collection, Iterator, Mapping
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from spikelearn.checks import one_of
from spikelearn.synapses import DelayedLinear, SparseLinear, front_and_weights

#: "excitatory" or "inhibitory" for all neurons of a source, or how many, from the first, are excitatory; the rest not.
Sign = str | int

_KINDS = {"excitatory": 1.0, "inhibitory": -1.0}


class Signed(Protocol):
    """A network as far as signs go."""

    signs: dict[str, Sign]

    def from_sources(self) -> Iterator[tuple[str, str, nn.Module, bool]]: ...


@torch.no_grad()
def take_signs(network: Signed, signs: Mapping[str, Sign], known: Collection[str]) -> None:
    """Give the weights of the edges from each source the size that they have and its sign.

    Raises:
        ValueError: an unknown source or sign, a synapse of which no layer of weights can keep it.
    """
    for source, sign in signs.items():
        if source not in known:
            raise ValueError(f"signs names block {source!r}, expected {one_of(source, list(known))}")
        whole = isinstance(sign, int) and not isinstance(sign, bool) and sign >= 0
        if sign not in _KINDS and not whole:
            raise ValueError(
                f"the sign of {source!r} is {sign!r}, expected excitatory, inhibitory, or the number of excitatory "
                "neurons"
            )
    for path, source, synapse, opens in network.from_sources():
        if source in signs:
            layer, side = _weighted(path, synapse), _sign_of(path, synapse, signs[source], opens)
            if layer is not None:
                weight = layer.get_parameter("weight")
                weight.copy_(weight.abs() * side)


@torch.no_grad()
def hold_signs(network: Signed, changed: Collection[str]) -> None:
    """Set to 0 what has left the side of its neuron's sign, among the ``changed`` parameters."""
    if not network.signs:
        return
    for path, source, synapse, opens in network.from_sources():
        if source not in network.signs:
            continue
        layer = _weighted(path, synapse)
        for name, module in synapse.named_modules(prefix=path):
            if module is layer and f"{name}.weight" in changed:
                weight, sign = layer.get_parameter("weight"), _sign_of(path, synapse, network.signs[source], opens)
                weight.masked_fill_(weight * sign < 0, 0.0)


def hold_delays(network: Signed, changed: Collection[str]) -> None:
    """Put learned delays back into their range and narrow their kernels, where the synapse is among the ``changed``."""
    for path, _, synapse, _ in network.from_sources():
        if isinstance(synapse, DelayedLinear) and any(name.startswith(f"{path}.") for name in changed):
            synapse.hold()


def _weighted(path: str, synapse: nn.Module) -> nn.Module | None:
    """The layer of weights of a synapse; None where it has none.

    Raises:
        ValueError: several layers, or weights that are computed from others.
    """
    if isinstance(synapse, SparseLinear | DelayedLinear):
        return synapse
    if not list(synapse.parameters()):
        return None
    parts = front_and_weights(synapse)
    if parts is None or any(parametrize.is_parametrized(module) for module in synapse.modules()):
        made = " ".join(repr(synapse).split())
        raise ValueError(
            f"{path} is {made}, of which no single layer of weights can keep the sign of the neurons in front of it: "
            "use one layer of weights, without a norm or reparametrisation"
        )
    return parts[1]


def _sign_of(path: str, synapse: nn.Module, sign: Sign, opens: bool) -> Tensor | float:
    """1 or -1 for each weight, in a shape that broadcasts to the weights'.

    Weights that open an inhibitory conductance (``opens``) are those of inhibitory neurons, and positive.
    """
    if opens:
        if sign != "inhibitory":
            raise ValueError(
                f"{path} drives an inhibitory conductance, but the neurons in front of it have the sign {sign!r}: "
                "expected inhibitory, or another current"
            )
        return 1.0
    if isinstance(sign, str):
        return _KINDS[sign]
    layer = _weighted(path, synapse)
    if isinstance(layer, SparseLinear | DelayedLinear | nn.Linear):
        if sign > layer.in_features:
            raise ValueError(f"{sign} excitatory neurons send to {path}, which takes from {layer.in_features} in all")
        numbers = torch.arange(layer.in_features, device=layer.weight.device)
        signs = torch.where(numbers < sign, 1.0, -1.0).to(layer.weight.dtype)
        return signs[layer.sources.long()].unsqueeze(1) if isinstance(layer, SparseLinear) else signs
    raise ValueError(
        f"{path} shares its weights among places of an image, so its neurons have one sign: excitatory or inhibitory"
    )
