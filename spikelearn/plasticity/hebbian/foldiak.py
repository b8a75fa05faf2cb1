"""Sparse codes by anti-Hebbian inhibition: neurons that fire together learn to inhibit each other."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from spikelearn.checks import check_fraction, check_not_negative
from spikelearn.network import Network, copied_buffers
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update, firing_rates
from spikelearn.plasticity.factors import LOCAL, Factors
from spikelearn.plasticity.requires import Chain, DenseLast, Fires, Need, Passes, SomethingToLearn
from spikelearn.plasticity.teachable import weight_names
from spikelearn.synapses import as_float, drive, float_type, front_and_weights, trainable

Changes = dict[str, Tensor]


@RULES.register("foldiak")
class Foldiak(Rule):
    r"""Hebbian weights, inhibition that learns against correlations, and thresholds that hold every neuron at one rate.

    $$\Delta q_{ij} = \frac\beta B \sum_b y_i\,(x_j - q_{ij}), \qquad
      \Delta w_{ij} = -\frac\alpha B \sum_b (y_i\,y_j - p^2), \qquad
      \Delta b_i = \frac\gamma B \sum_b (p - y_i)$$

    with the rates $x = \frac1T \sum_t s[t]$ of what met the weights q of a block and $y = \frac1T \sum_t z[t]$ of its
    neurons; w are the weights of a feedback edge from a block to itself, at most 0, of which none leads from a neuron
    to itself, and b biases, which are thresholds with a minus. Two neurons that fire together more than chance would
    have them inhibit each other more, until they stand for different things; a neuron whose inhibition is too strong
    gets less. At rest every neuron fires at p, no two together more often than by chance, and q is the mean input while
    its neuron fires. Without lateral edges, ``(F8x)`` behind a block of 8 in a network string, the neurons of a block
    do not see each other, and become alike. The rule sees no target; a readout is fitted.

    Anti-Hebbian STDP, by the order of spikes in place of rates, is ``stdp-online`` with negative amplitudes and bounds
    of which the upper one is 0, all but the lateral edges frozen.

    Args:
        learning_rate: $\beta$ of the weights q, per spike per step.
        inhibition: $\alpha$, of the lateral weights.
        threshold: $\gamma$, of the biases.
        target_rate: p, spikes per step, in [0, 1].

    Shapes: inputs [T, B, ...]; x [B, in] and y [B, n], per step; q [n, in], w [n, n], b [n].

    Raises:
        ValueError: a negative learning rate, a target outside [0, 1], neurons that never fire, weights that do not
            stand last, layers that are not dense, feedback that learns and leads elsewhere than from a block to itself.

    Source: Foldiak, Biological Cybernetics 64, 1990, equations 2 to 4. deviation: y is the rate of a spiking neuron,
    not a unit that is on or off; the lateral weights are cut at 0 after the mean over the batch.
    """

    default_optimizer = OptimizerChoice("sgd", 1.0)
    default_settings = {"net": "{input}-32(F32x)-{output}", "readout": "linear-probe"}

    def __init__(
        self,
        learning_rate: float = 0.2,
        inhibition: float = 2.0,
        threshold: float = 0.2,
        target_rate: float = 0.05,
    ) -> None:
        for name, value in (("learning_rate", learning_rate), ("inhibition", inhibition), ("threshold", threshold)):
            check_not_negative(name, value)
        check_fraction("target_rate", target_rate)
        self.learning_rate, self.inhibition = learning_rate, inhibition
        self.threshold, self.target_rate = threshold, target_rate

    @property
    def supervised(self) -> bool:
        return False

    @property
    def factors(self) -> Factors:
        return LOCAL | {"record"}

    @property
    def requires(self) -> tuple[Need, ...]:
        return (
            Fires("learns from rates of spikes"),
            Chain("takes the mean input of each block"),
            DenseLast("compares weights with the input that meets them"),
            SomethingToLearn("weight"),
            Passes("feedback of blocks to themselves alone", _check_lateral),
        )

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        grads: Changes = {}
        with network.presentation() as buffers:
            record, _ = network.run(batch.inputs, masks=batch.masks)
            for prefix, synapse, pre, target in network.edges(record):
                if not trainable(synapse):
                    continue
                rate = record[target].spikes.to(float_type(network)).mean(0)
                changes = self._lateral(synapse, rate) if prefix.startswith("feedback.") else None
                changes = self._forward(synapse, pre, rate) if changes is None else changes
                grads |= {prefix + name: grad for name, grad in changes.items()}
            scores, rates = network.scores(record), firing_rates(network, record)
        yield Update(grads, scores, buffers=buffers, rates=rates)

    def _forward(self, synapse: nn.Module, pre: Tensor, y: Tensor) -> Changes:
        """Minus the changes of a block's own weights and bias, for what met it [T, B, ...] and rates y [B, n]."""
        parts = front_and_weights(synapse)
        assert parts is not None
        front, module = parts
        with copied_buffers(front):
            x = as_float(drive(front, pre), module).mean(0)
        weight, bias, y = module.weight, module.bias, y.to(x)
        assert isinstance(weight, Tensor)
        place = f"{len(front)}." if module is not synapse else ""
        found = {}
        if weight.requires_grad:
            found[f"{place}weight"] = self.learning_rate * (y.mean(0)[:, None] * weight - y.t() @ x / len(y))
        if isinstance(bias, Tensor) and bias.requires_grad:
            found[f"{place}bias"] = self.threshold * (y.mean(0) - self.target_rate)
        return found

    def _lateral(self, synapse: nn.Module, y: Tensor) -> Changes:
        """Minus the changes of the weights among neurons with the rates y [B, n], cut at 0."""
        (name,) = weight_names(trainable(synapse))
        weight = trainable(synapse)[name].detach()
        y = y.to(weight)
        wished = weight - self.inhibition * (y.t() @ y / len(y) - self.target_rate**2)
        others = 1.0 - torch.eye(len(weight), dtype=weight.dtype, device=weight.device)
        return {name: (weight - wished.clamp(max=0.0)) * others}


def _check_lateral(network: Network, rule: str) -> None:
    for name, edge in network.feedback.items():
        learned = trainable(edge.synapse)
        shapes = [list(parameter.shape) for parameter in learned.values()]
        if learned and (edge.source != edge.target or len(shapes) != 1 or len(shapes[0]) != 2):
            raise ValueError(
                f"{rule} learns lateral weights, but feedback edge {name!r} leads from {edge.source!r} to "
                f"{edge.target!r}, with parameters of shapes {shapes}: write F and the number of neurons behind the "
                "block, as in 64-16(F16x), or freeze it"
            )
