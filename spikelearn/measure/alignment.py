"""Agreement of a rule's direction with the gradient of backpropagation through time."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from spikelearn.measure.isolation import isolated
from spikelearn.network import Network, RateReadout
from spikelearn.neurons import Surrogate
from spikelearn.plasticity import BPTT, Batch, CrossEntropy, CrossEntropyMembrane, CrossEntropyRate, Loss, Memory, Rule


@dataclass(frozen=True)
class Alignment:
    """Cosines between a rule's changes and BPTT's, in [-1, 1], as ``dataclasses.asdict`` hands to JSON.

    Args:
        parameters: {parameter: cosine}; None where it cannot be said.
        blocks: {block, ``feedback.<edge>`` or ``readout``: cosine over all of its parameters that both change}.
        ratios: {the same parts: norm of the rule's change by that of BPTT's, over all parameters that both change}.
        total: the cosine over all parameters that both change.
        reasons: {parameter or part: why there is no cosine}.
        reason: why there is none at all; empty where there is one.
    """

    parameters: dict[str, float | None] = field(default_factory=dict)
    blocks: dict[str, float | None] = field(default_factory=dict)
    ratios: dict[str, float | None] = field(default_factory=dict)
    total: float | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    reason: str = ""


def alignment(
    network: Network,
    rule: Rule,
    batch: Batch,
    memory: Memory,
    generator: torch.Generator,
    reference: BPTT | None = None,
) -> Alignment:
    r"""Cosine $\langle g, g^* \rangle / (|g|\,|g^*|)$ of the sum g of a rule's updates and BPTT's gradient $g^*$.

    Same weights, same batch, sums in float64. g is what the rule hands to its optimizer; what the optimizer, bounds
    and clipping make of it is not looked at (``cosines`` takes any two sets of changes). A rule that draws masks of its
    own is compared with the gradient without them.

    Args:
        network, memory, generator: left as they were.
        rule: any supervised rule.
        batch: the samples.
        reference: what g* is of; None: BPTT with the rule's own loss, where it has one, else the cross-entropy of what
            the readout reads, with the rule's surrogate, where it has one, and the reset not differentiated.

    Shapes: inputs [T, B, ...]; the result's numbers are dimensionless.

    Raises:
        ValueError: a network or batch that the rule refuses.

    Source: Lillicrap et al., Nature Communications 7, 2016 (alignment angle).
    """
    if not rule.supervised:
        return Alignment(reason="the rule is unsupervised: it descends no loss of the targets")
    with isolated(network, generator) as drawn:
        given = _summed(rule, network, batch, memory, drawn)
        try:
            reference = reference_for(network, rule) if reference is None else reference
            reference.check(network)
            wanted = _summed(reference, network, batch, {}, drawn)
        except ValueError as error:
            return Alignment(reason=f"bptt cannot be run here: {error}")
    return cosines(given, wanted)


def reference_for(network: Network, rule: Rule) -> BPTT:
    """The BPTT that ``rule`` is compared with; see ``alignment``.

    Raises:
        ValueError: no loss for this network.
    """
    adjoint = rule.adjoint
    loss = _loss_for(network) if rule.loss is None else rule.loss
    if not isinstance(adjoint, Surrogate) or adjoint.spike_function.derivative is None:
        return BPTT(loss)
    return BPTT(loss, Surrogate(adjoint.spike_function.derivative))


def _loss_for(network: Network) -> Loss:
    """The cross-entropy that depends on all that the readout uses."""
    if any(True for _ in network.readout.parameters()):
        return CrossEntropy()
    return CrossEntropyRate() if isinstance(network.readout, RateReadout) else CrossEntropyMembrane()


def _summed(
    rule: Rule, network: Network, batch: Batch, memory: Memory, generator: torch.Generator
) -> dict[str, Tensor]:
    total: dict[str, Tensor] = {}
    for update in rule.updates(network, batch, memory, generator):
        for name, grad in update.grads.items():
            total[name] = total[name] + grad if name in total else grad
    return total


def cosines(given: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> Alignment:
    """Cosines of two sets of changes {parameter: change}, for every parameter, part and all of them.

    Args:
        given: of the rule.
        wanted: of the reference, whose parameters are reported.

    Shapes: tensors of the same parameter alike.
    """
    products = {name: _products(given[name], wanted[name]) for name in wanted if name in given}
    parameters: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for name in wanted:
        parameters[name] = _cosine([products[name]] if name in products else [])
        if parameters[name] is None:
            reasons[name] = _reason(products.get(name))
    blocks: dict[str, float | None] = {}
    ratios: dict[str, float | None] = {}
    for part in dict.fromkeys(map(_part, wanted)):
        own = [found for name, found in products.items() if _part(name) == part]
        blocks[part], ratios[part] = _cosine(own), _ratio(own)
        if blocks[part] is None:
            reasons[part] = "no parameter with a change by both"
    total = _cosine(list(products.values()))
    return Alignment(parameters, blocks, ratios, total, reasons, "" if total is not None else "no change by both")


def _part(name: str) -> str:
    """The part of the network that a parameter belongs to: ``readout``, a block, or an edge ``feedback.<edge>``."""
    first, _, rest = name.partition(".")
    own = rest.partition(".")[0]
    edges = {kind: f"{kind}.{own}" for kind in ("feedforward", "feedback")}
    return {"blocks": own, **edges}.get(first, first)


def _products(a: Tensor, b: Tensor) -> tuple[float, float, float]:
    """<a, b>, <a, a>, <b, b>."""
    a, b = a.detach().flatten().double(), b.detach().flatten().double()
    return float(a @ b), float(a @ a), float(b @ b)


def _cosine(products: list[tuple[float, float, float]]) -> float | None:
    ab, aa, bb = (sum(parts) for parts in zip(*products, strict=True)) if products else (0.0, 0.0, 0.0)
    norm = aa**0.5 * bb**0.5
    # Not for infinities, nor for what is no number: these would be no cosine.
    return max(-1.0, min(1.0, ab / norm)) if 0.0 < norm < float("inf") and ab == ab else None


def _ratio(products: list[tuple[float, float, float]]) -> float | None:
    _, aa, bb = (sum(parts) for parts in zip(*products, strict=True)) if products else (0.0, 0.0, 0.0)
    return (aa / bb) ** 0.5 if 0.0 < bb < float("inf") and 0.0 <= aa < float("inf") else None


def _reason(products: tuple[float, float, float] | None) -> str:
    if products is None:
        return "the rule does not change it"
    _, own, wanted = products
    if own == 0.0:
        return "the rule's change is zero"
    return "bptt's gradient is zero" if wanted == 0.0 else "a change is not finite"
