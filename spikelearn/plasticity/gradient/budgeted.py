"""Gradients within a bound on memory, and in fewer bits: what the rules share that differentiate one whole run."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Literal, get_args

import torch

from spikelearn.checks import check_choice, check_positive
from spikelearn.network import Network
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.base import Batch, Memory, Update
from spikelearn.plasticity.gradient.base import GradientRule, gradient_update
from spikelearn.plasticity.gradient.byte_budget import ByteBudget
from spikelearn.plasticity.gradient.checkpointing import check_chunks, checkpointed_update
from spikelearn.plasticity.losses import Loss
from spikelearn.plasticity.requires import Need, Passes

Precision = Literal["float32", "bfloat16"]


class BudgetedGradientRule(GradientRule):
    """A rule whose update is the derivative of one run, differentiated at once or chunk by chunk.

    Args:
        loss: the number that the rule descends.
        adjoint: how the derivative crosses a neuron.
        memory_budget: most memory for what the backward pass keeps, MiB; None: no bound.
        precision: "float32" (that of the weights), or "bfloat16" for dense products.
    """

    #: Whether changes keep their graph, so that a step can be differentiated through.
    second_order: bool = False

    def __init__(
        self, loss: Loss, adjoint: Adjoint, *, memory_budget: float | None = None, precision: Precision = "float32"
    ) -> None:
        super().__init__(loss, adjoint)
        check_choice("precision", precision, get_args(Precision))
        self.precision, self.memory_budget = precision, budget_of(memory_budget)

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, *pieces_need(self.memory_budget, self.adjoint)

    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        lower = self.precision == "bfloat16"
        with torch.autocast(batch.inputs.device.type, torch.bfloat16, enabled=lower):
            names, budget = self.learned(network), self.memory_budget
            update = budgeted_update(
                network, batch, self.loss, self.adjoint, names, budget, second_order=self.second_order
            )
        yield update


def budget_of(mib: float | None) -> ByteBudget | None:
    """The memory budget that an option names, MiB; None: no bound."""
    if mib is None:
        return None
    check_positive("memory_budget", mib, "MiB")
    return ByteBudget(mib)


def pieces_need(budget: ByteBudget | None, adjoint: Adjoint) -> tuple[Need, ...]:
    """Needs of a network whose derivatives are taken within a budget."""
    if budget is None:
        return ()
    return (Passes("steps that can be differentiated in pieces", lambda n, _: check_chunks(n, adjoint)),)


def budgeted_update(
    network: Network,
    batch: Batch,
    loss: Loss,
    adjoint: Adjoint,
    names: list[str],
    budget: ByteBudget | None,
    *,
    second_order: bool = False,
) -> Update:
    """``gradient_update``, within the memory budget if there is one."""
    if budget is None:
        return gradient_update(network, batch, loss, adjoint, names, second_order=second_order)
    steps, chunk = len(batch.inputs), budget.chunk(network, batch, adjoint, names)
    if chunk < steps:
        return checkpointed_update(network, batch, loss, adjoint, names, chunk)
    update = gradient_update(network, batch, loss, adjoint, names)
    return replace(update, metrics={**update.metrics, "chunk": float(steps)})
