"""Needs that concern the neurons of a network."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from spikelearn.network import Network
from spikelearn.neurons import NEURONS, Neuron
from spikelearn.neurons.parts.constants import one_number
from spikelearn.plasticity.requires.base import Need, Values


def every_block(network: Network) -> Iterable[str]:
    """The names of all blocks."""
    return network.blocks


class Neurons(Need):
    """Neurons of one of the models ``kinds``, the first of them where nothing is said, with attributes as given.

    Args:
        kinds: models.
        why: what the rule does with them, a phrase behind its name.
        among: the names of the blocks that are looked at.
        values: {attribute: value}, those of the constructor's options set where its default differs.
    """

    def __init__(
        self,
        *kinds: type[Neuron],
        why: str,
        among: Callable[[Network], Iterable[str]] = every_block,
        **values: Any,
    ) -> None:
        self.kinds, self.why, self.among, self.values = kinds, why, among, values

    @property
    def settings(self) -> Values:
        options = self._options()
        return {"neuron": NEURONS.name_of(self.kinds[0]), **({"neuron_option": options} if options else {})}

    def check(self, network: Network, rule: str) -> None:
        options = " ".join(f"{key}={str(value).lower()}" for key, value in self._options().items())
        flags = f"--neuron {self.settings['neuron']}{' --neuron-option ' if options else ''}{options}"
        for name in self.among(network):
            if wrong := self._wrong(network.blocks[name].neuron):
                raise ValueError(
                    f"{rule} {self.why}, but block {name!r} is {wrong}: use {self} ({flags}; of the last block alone "
                    "--output, --output-option)"
                )

    def _options(self) -> dict[str, Any]:
        known = inspect.signature(self.kinds[0]).parameters
        return {k: v for k, v in self.values.items() if k in known and known[k].default != v}

    def _wrong(self, neuron: Neuron) -> str:
        """A neuron that is not as wanted, in words; "" for one that is."""
        kind = type(neuron).__name__
        if not isinstance(neuron, self.kinds):
            return kind
        others = {key: getattr(neuron, key) for key in self.values if not _is(getattr(neuron, key), self.values[key])}
        return f"{kind} with {_listed(others)}" if others else ""

    def __str__(self) -> str:
        kinds = " or ".join(kind.__name__ for kind in self.kinds)
        return f"{kinds} with {_listed(self.values)}" if self.values else kinds


def _listed(values: Mapping[str, Any]) -> str:
    shown = {key: f'"{value}"' if isinstance(value, str) else value for key, value in values.items()}
    return ", ".join(f"{key}={value}" for key, value in shown.items())


def _is(value: Any, wanted: Any) -> bool:
    return bool((value == wanted).all()) if isinstance(value, Tensor) else bool(value == wanted)


@dataclass(frozen=True)
class Fires(Need):
    """Neurons that fire in every block; ``why`` is a phrase behind the rule's name."""

    why: str

    def check(self, network: Network, rule: str) -> None:
        for name, block in network.blocks.items():
            if not block.neuron.fires:
                raise ValueError(
                    f"{rule} {self.why}, but block {name!r} is a {type(block.neuron).__name__}, which never fires: use "
                    "LIF, or another model that does (--neuron lif)"
                )

    def __str__(self) -> str:
        return "neurons that fire"


@dataclass(frozen=True)
class OneChannel(Need):
    """Neurons with one current each, which errors and factors of a synapse are shaped like."""

    def check(self, network: Network, rule: str) -> None:
        for name, block in network.blocks.items():
            if block.neuron.channels > 1:
                raise ValueError(
                    f"{rule} forms one factor a neuron, but a {type(block.neuron).__name__} of block {name!r} takes "
                    f"{block.neuron.channels} channels of current: train with dan or bptt, or use other neurons"
                )

    def __str__(self) -> str:
        return "one channel of current a neuron"


@dataclass(frozen=True)
class HasDecay(Need):
    """Neurons whose membrane has a decay per step; ``why`` is a phrase behind the rule's name."""

    why: str

    def check(self, network: Network, rule: str) -> None:
        for name, block in network.blocks.items():
            if not hasattr(block.neuron, "decay_mem"):
                raise ValueError(
                    f"{rule} {self.why}, but the {type(block.neuron).__name__} of block {name!r} has no decay per "
                    "step: give the model an attribute decay_mem, or use LIF"
                )

    def __str__(self) -> str:
        return "neurons with a decay per step"


@dataclass(frozen=True)
class OneNumber(Need):
    """Neurons of which all in a block have the same ``constant``; a number, not an array."""

    constant: str

    def check(self, network: Network, rule: str) -> None:
        for name, block in network.blocks.items():
            if self.constant in block.neuron.per_neuron:
                one_number(block.neuron, self.constant, f"block {name!r}: {rule}")

    def __str__(self) -> str:
        return f"one {self.constant} for all neurons of a block"


@dataclass(frozen=True)
class MatchingDt(Need):
    """Neurons with the rule's own time step ``dt``, seconds."""

    dt: float

    def check(self, network: Network, rule: str) -> None:
        for name, block in network.blocks.items():
            if block.neuron.dt != self.dt:
                raise ValueError(
                    f"{rule} has dt = {self.dt} s, but the neurons of block {name!r} have {block.neuron.dt} s, "
                    "expected the same: set dt in both"
                )

    def __str__(self) -> str:
        return f"neurons with dt = {self.dt:g} s"
