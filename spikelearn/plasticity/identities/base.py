"""Identities: the update of a rule on a small network, compared with an answer found another way."""

from collections.abc import Callable, Iterator, Mapping

import torch
from torch import Tensor, nn

from spikelearn.network import Block, Network
from spikelearn.neurons import LIF
from spikelearn.plasticity.base import RULES, Batch, Rule

#: Largest difference, relative to the expected change, in double precision.
TOLERANCE = 1e-9

#: Decay of the small networks' neurons, steps and samples of their batches.
DECAY = 0.8
STEPS, SAMPLES = 7, 3

Identity = Callable[[], None]


class Identities(Mapping[str, Identity]):
    """{rule: its identity, which raises ValueError where it does not hold}."""

    def __init__(self) -> None:
        self._known: dict[str, Identity] = {}

    def enter(self, rule: str, proof: Identity) -> None:
        """Enter the identity of a registered rule; another of the same name takes its place."""
        RULES.get(rule)
        self._known[rule] = proof

    def __getitem__(self, rule: str) -> Identity:
        return self._known[rule]

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._known))

    def __len__(self) -> int:
        return len(self._known)


IDENTITIES = Identities()


def identity(rule: str) -> Callable[[Identity], Identity]:
    """Decorator that enters a function as the identity of the rule registered as ``rule``.

    It compares the rule's changes with those found another way (``compare``), on a network as small as will do.

    Raises:
        ValueError: an unknown rule.
    """

    def enter(proof: Identity) -> Identity:
        IDENTITIES.enter(rule, proof)
        return proof

    return enter


def compare(rule: str, grads: Mapping[str, Tensor], expected: Mapping[str, Tensor], within: float = TOLERANCE) -> None:
    """Raise ValueError where the changes differ in keys, or in values by more than rounding."""
    if grads.keys() != expected.keys():
        raise ValueError(f"{rule} changes {sorted(grads)}, expected {sorted(expected)} by its identity")
    for name, value in expected.items():
        largest = max(float(value.abs().max()), 1e-12)
        error = float((grads[name] - value).abs().max()) / largest
        if not error <= within:
            raise ValueError(f"{rule} differs from its identity in {name} by {error:.1e} of the largest change")
    if not any(bool(value.any()) for value in expected.values()):
        raise ValueError(f"the identity of {rule} shows nothing: no change was expected")


def changes(
    rule: Rule, network: Network, batch: Batch, memory: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """The changes of the rule's one update."""
    memory = rule.init(network, torch.Generator().manual_seed(0)) if memory is None else memory
    (update,) = rule.updates(network, batch, dict(memory), torch.Generator().manual_seed(0))
    return update.grads


def dense(*sizes: int) -> Network:
    """Dense layers of LIF neurons whose weights make them fire."""
    blocks = {
        f"b{n}": Block(nn.Linear(inputs, outputs), LIF.per_step(DECAY, reset="subtract"))
        for n, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False))
    }
    network = Network(blocks)
    draw(network, 0.9)
    return network


def draw(network: Network, size: float) -> None:
    """Draw all parameters uniformly, of width ``size`` and mostly positive, in double precision."""
    network.to(torch.float64)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(size * (torch.rand(parameter.shape, generator=generator, dtype=torch.float64) - 0.4))


def spikes_for(inputs: int, classes: int) -> Batch:
    """Random spikes at ``inputs`` places, and classes in turn."""
    drawn = torch.rand(STEPS, SAMPLES, inputs, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    return Batch((drawn < 0.6).to(torch.float64), torch.arange(SAMPLES) % classes)
