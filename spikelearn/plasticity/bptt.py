"""Backpropagation through time with a surrogate gradient."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, get_args

import torch

from spikelearn.checks import check_choice, check_instance, check_positive
from spikelearn.network import Network
from spikelearn.neurons import Adjoint, ATan, SpikeFunction, Surrogate
from spikelearn.plasticity.base import RULES, Batch, Memory, Rule, Update
from spikelearn.plasticity.checkpointing import check_chunks, checkpointed_update
from spikelearn.plasticity.gradient import gradient_update, trainable_names
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.plasticity.memory_budget import MemoryBudget

Precision = Literal["float32", "bfloat16"]


@RULES.register("bptt")
class BPTT(Rule):
    r"""Backpropagation through time: the gradient of a loss, with an adjoint in place of the spike's derivative.

    $$\Delta W \propto -\frac{\partial L}{\partial W}, \qquad
      \frac{\partial z}{\partial v} := \psi(v - v_{threshold})$$

    The whole sequence is kept, so memory grows with T, unless ``memory_budget`` bounds it: then a sequence that would
    need more is run twice, forward, and chunk by chunk backward from the states kept at the chunks' starts. The
    gradient is the same to rounding; time is about one more forward pass. The metric ``chunk`` is the number of steps
    differentiated at once, as many as fit. The reset is not differentiated unless the adjoint's spike function says so.
    With a surrogate of compact support (``Triangle``, ``Rectangle``) most errors may be zero: the metrics
    ``active_errors_<block>`` are the shares that need not be, where kernels count them, and without a memory budget.
    Every trainable parameter is learned: feedback edges, biases and the readout's too.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        memory_budget: most memory for what the backward pass keeps, MiB, inputs and weights not counted; None: no
            bound.
        precision: "float32" (that of the weights), or "bfloat16": dense products of spikes and weights, and their
            derivatives, with weights and errors rounded to 8 bits of mantissa; spikes are exact, membranes, sums over
            events and the weights themselves keep their precision. For processors that calculate in it.

    Shapes: inputs [T, B, ...], targets [B]; gradients shaped like their parameters.

    Raises:
        ValueError: a loss that says nothing about the network, a parameter that the loss does not depend on; with a
            memory budget: one that is too small for any chunk, an adjoint that needs the whole sequence at once, a
            batch norm with batch statistics.

    Source: Neftci, Mostafa & Zenke, IEEE Signal Processing Magazine 36, 2019; the chunks: Chen, Xu, Zhang & Guestrin,
    arXiv 1604.06174, 2016.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(SpikeFunction(ATan())),
        *,
        memory_budget: float | None = None,
        precision: Precision = "float32",
    ) -> None:
        check_instance("loss", loss, Loss, "for example loss=MSECount(), or rule_from('bptt', {'loss': 'mse-count'})")
        check_instance("adjoint", adjoint, Adjoint, "for example adjoint=Surrogate(SpikeFunction(ATan()))")
        if memory_budget is not None:
            check_positive("memory_budget", memory_budget, "MiB")
        check_choice("precision", precision, get_args(Precision))
        self.loss, self.adjoint, self.precision = loss, adjoint, precision
        self.memory_budget = None if memory_budget is None else MemoryBudget(memory_budget)

    def learned(self, network: Network) -> list[str]:
        """Names of the parameters that this rule changes."""
        return trainable_names(network)

    def check(self, network: Network) -> None:
        self.loss.check(network)
        if not self.learned(network):
            raise ValueError(
                f"{RULES.name_of(type(self))} finds no trainable parameter that it would change: set "
                "requires_grad_(True) on what should learn"
            )
        if self.memory_budget is not None:
            check_chunks(network, self.adjoint)

    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        lower = self.precision == "bfloat16"
        with torch.autocast(batch.inputs.device.type, torch.bfloat16, enabled=lower):
            update = self._update(network, batch)
        yield update

    def _update(self, network: Network, batch: Batch) -> Update:
        names, steps = self.learned(network), len(batch.inputs)
        if self.memory_budget is None:
            return gradient_update(network, batch, self.loss, self.adjoint, names)
        chunk = self.memory_budget.chunk(network, batch, self.adjoint, names)
        if chunk < steps:
            return checkpointed_update(network, batch, self.loss, self.adjoint, names, chunk)
        update = gradient_update(network, batch, self.loss, self.adjoint, names)
        return replace(update, metrics={**update.metrics, "chunk": float(steps)})
