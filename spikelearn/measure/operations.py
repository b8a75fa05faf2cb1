"""Synaptic operations: what a network's forward pass and a rule's learning take in products with synapses."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from spikelearn.measure.isolation import isolated, same_random_numbers
from spikelearn.measure.products import COMPOSITE, PRODUCTS, is_ternary, is_uncounted
from spikelearn.network import Network, evaluating
from spikelearn.plasticity import Batch, Memory, Rule

NOTHING: Mapping[str, Tensor] = {}


@dataclass(frozen=True)
class Count:
    """Operations, mean of the samples.

    Args:
        acs: effective accumulates: products of two numbers that are not 0, where the input's are all -1, 0 or 1.
        macs: effective multiply-accumulates: the same for any other input.
        dense: all products, zeros included.
    """

    acs: float = 0.0
    macs: float = 0.0
    dense: float = 0.0

    def plus(self, other: "Count") -> "Count":
        """The sum of both."""
        return Count(self.acs + other.acs, self.macs + other.macs, self.dense + other.dense)

    def minus(self, other: "Count") -> "Count":
        """The difference."""
        return Count(self.acs - other.acs, self.macs - other.macs, self.dense - other.dense)

    def over(self, samples: int) -> "Count":
        """The mean of ``samples``."""
        return Count(self.acs / samples, self.macs / samples, self.dense / samples)


@dataclass(frozen=True)
class Operations:
    """Synaptic operations of one sample, as ``dataclasses.asdict`` hands to JSON.

    Args:
        total: all together; None where they cannot be counted.
        blocks: {block, ``feedforward.<edge>``, ``feedback.<edge>`` or ``readout``: its part}; of a forward pass only.
        reason: why there is no count; empty where there is one.
    """

    total: Count | None
    blocks: dict[str, Count] = field(default_factory=dict)
    reason: str = ""


def forward_operations(network: Network, inputs: Tensor, masks: Mapping[str, Tensor] = NOTHING) -> Operations:
    r"""Synaptic operations of one forward pass in evaluation, mean of the samples.

    A product counts where weight and input both are not 0; it is an accumulate where the input of that product holds
    only -1, 0 and 1, else a multiply-accumulate. Biases and what happens in the neurons are not counted. An input that
    is constant in time (stride 0) is mapped once, and counted once: ``inputs.contiguous()`` has it mapped, and counted,
    at every step, as a chip without such a buffer would.

    Args:
        network: left as it was.
        inputs: [T, B, ...], as ``Network.run`` takes them.
        masks: as in ``Network.run``.

    Shapes: inputs [T, B, ...]; the result's numbers are operations per sample.

    Source: Yik et al., "NeuroBench", Nature Communications 16, 2025, synaptic operations; with its program's numbers.
    """
    counter = _Counter(network)
    with same_random_numbers(network), network.presentation(), _named(network, counter), counter:
        _infer(network, inputs, masks)
    if reason := counter.reason():
        return Operations(None, reason=reason)
    samples = inputs.shape[1]
    return Operations(counter.total.over(samples), {name: part.over(samples) for name, part in counter.parts.items()})


def learning_operations(
    network: Network, rule: Rule, batch: Batch, memory: Memory, generator: torch.Generator
) -> Operations:
    r"""Synaptic products of ``rule.updates`` beyond one forward pass of inference, mean over the samples.

    Counted are matrix products and convolutions of any kind: errors that are carried back, factors that are correlated,
    further runs of the network, solvers; accumulates where one of the two factors (other than a weight) holds only
    -1, 0 and 1. Not counted is what works element by element, as in the neurons, in traces and in the optimizer (a
    trace that is formed as one product with powers of its decay is counted). Kernels for sparse records step aside:
    the count is that of the rule's equations, at most once for every pair that is not zero. Several updates are all
    formed with the weights as they are.

    Args:
        network, memory, generator: left as they were.
        rule: whose updates are formed, and thrown away.
        batch: the samples; the forward pass that is taken off sees its masks.

    Shapes: inputs [T, B, ...]; the result's numbers are operations per sample.

    Raises:
        ValueError: a network or batch that the rule refuses.

    Source: definitions of NeuroBench, see ``forward_operations``, applied to learning.
    """
    learned, inferred = _Counter(network), _Counter(network)
    with isolated(network, generator) as drawn:
        with learned:
            for _ in rule.updates(network, batch, memory, drawn):
                pass
        # Weights that are reparametrised are computed by both.
        with inferred, network.presentation():
            _infer(network, batch.inputs, batch.masks)
    if reason := learned.reason() or inferred.reason():
        return Operations(None, reason=reason)
    more = learned.total.minus(inferred.total)
    if (
        more.acs < 0.0 and more.macs + more.acs <= more.dense
    ):  # the rule's own run multiplies what inference accumulates, for example inputs that it scales
        more = Count(0.0, more.macs + more.acs, more.dense)
    if more.dense <= 0.0:
        return Operations(
            None, reason="no product beyond a forward pass was seen: the rule learns by a kernel or element by element"
        )
    if min(more.acs, more.macs) < 0.0:
        return Operations(
            None, reason="the rule's own run takes fewer operations than inference, so that learning has no count"
        )
    return Operations(more.over(batch.inputs.shape[1]))


@torch.no_grad()
def _infer(network: Network, inputs: Tensor, masks: Mapping[str, Tensor]) -> None:
    with evaluating(network):
        record, _ = network.run(inputs, masks=masks)
        network.scores(record)


@contextmanager
def _named(network: Network, counter: "_Counter") -> Iterator[None]:
    """Tell the counter to which part of the network a product belongs."""
    parts = {**{place: edge.synapse for place, edge in network.places.items()}, "readout": network.readout}
    hooks = []
    for name, part in parts.items():

        def enter(_module: nn.Module, _args: Any, name: str = name) -> None:
            counter.part = name

        def leave(_module: nn.Module, _args: Any, _result: Any) -> None:
            counter.part = None

        hooks += [part.register_forward_pre_hook(enter), part.register_forward_hook(leave)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


class _Counter(TorchDispatchMode):
    """Sees every operation of torch, and counts products; kernels that it cannot see step aside (``is_watched``)."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
        self.part: str | None = None
        self.total, self.parts = Count(), dict[str, Count]()
        self.unseen: set[str] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        packet = func.overloadpacket
        if packet in COMPOSITE:
            with self:
                return func.decompose(*args, **kwargs)
        if packet in PRODUCTS:
            given = [part for part in args if isinstance(part, Tensor)]
            if any(part.layout != torch.strided for part in given):
                self.unseen.add(f"{packet} of {given[0].layout}")
            else:
                self._add(PRODUCTS[packet](*args))
        elif is_uncounted(packet):
            self.unseen.add(str(packet))
        return func(*args, **kwargs)

    def _add(self, products: Any) -> None:
        for product in products:
            factors = [x for x in (product.left, product.right) if x.untyped_storage().data_ptr() not in self.weights]
            accumulates = any(map(is_ternary, factors))
            acs, macs = (product.effective, 0.0) if accumulates else (0.0, product.effective)
            count = Count(acs, macs, product.dense)
            self.total = self.total.plus(count)
            if self.part is not None:
                self.parts[self.part] = self.parts.get(self.part, Count()).plus(count)

    def reason(self) -> str:
        """The reason why there is no count; empty where there is one."""
        return f"uses {', '.join(sorted(self.unseen))}, whose products are not counted" if self.unseen else ""
