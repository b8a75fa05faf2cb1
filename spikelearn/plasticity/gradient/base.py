"""Rules that descend a loss: options and checks that they share, and one gradient through a run."""

from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from spikelearn.checks import check_instance
from spikelearn.network import Network, Record, learning_only
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.base import Batch, Rule, Update, firing_rates
from spikelearn.plasticity.factors import ALL, Factors
from spikelearn.plasticity.losses.base import Loss
from spikelearn.plasticity.requires import LossFits, Need, SomethingToLearn, trainable_names


class GradientRule(Rule):
    """A rule that descends a loss, with an adjoint in place of the spike's derivative.

    Args:
        loss: the number that the rule descends.
        adjoint: how the derivative crosses a neuron.
    """

    takes: ClassVar[frozenset[str] | None] = None
    leaves_out_steps = True
    default_schedule = "cosine"
    loss: Loss
    adjoint: Adjoint

    def __init__(self, loss: Loss, adjoint: Adjoint) -> None:
        check_instance("loss", loss, Loss, "for example loss=MSECount(), or RULES.make('bptt:loss=mse-count')")
        check_instance("adjoint", adjoint, Adjoint, "for example adjoint=Surrogate(ATan())")
        self.loss, self.adjoint = loss, adjoint

    def learned(self, network: Network) -> list[str]:
        """Names of the parameters that this rule changes."""
        return trainable_names(network)

    @property
    def factors(self) -> Factors | None:
        return ALL

    @property
    def requires(self) -> tuple[Need, ...]:
        return LossFits(self.loss), SomethingToLearn(among=self.learned)


def gradient_update(
    network: Network,
    batch: Batch,
    loss: Loss,
    adjoint: Adjoint,
    names: list[str],
    *,
    cut: bool = False,
    measure: Callable[[Network, Record], dict[str, float]] | None = None,
    second_order: bool = False,
) -> Update:
    """Run, differentiate the loss in the parameters ``names``, and leave the network as it was.

    Where the surrogate derivative is zero far from threshold, the metric ``active_errors_<block>`` is the share of
    neurons and steps where it was not, as kernels count it. ``measure`` gives the update's other metrics from the
    network and the run's record; without it no hidden record is kept. With ``second_order`` the changes keep their
    graph, so that they can be differentiated in turn.

    Raises:
        ValueError: a parameter in ``names`` that the loss does not depend on, a target without an output.
    """
    parameters = [network.get_parameter(name) for name in names]
    with learning_only(network, names), network.presentation() as buffers, torch.enable_grad():
        output_only = measure is None
        record = network.run(batch.inputs, adjoint=adjoint, masks=batch.masks, cut=cut, output_only=output_only)[0]
        rates, metrics = firing_rates(network, record), measure(network, record) if measure else {}
        # From here on hidden records live only as long as the backward pass needs them.
        output, errors = record.last(), record.errors
        del record
        scores = network.scores(output, batch.valid_steps)
        value = loss.of(batch, output.output, scores)
        del output
        try:
            gradients = torch.autograd.grad(value, parameters, allow_unused=True, create_graph=second_order)
        except RuntimeError as error:
            if not second_order:
                raise
            raise ValueError(
                f"second_order is set, but these neurons cannot be differentiated twice ({error}): use rate neurons "
                "(--neuron rate), or drop it"
            ) from error
    grads = named_gradients(loss, names, gradients)
    metrics |= {f"active_errors_{name}": count.share for name, count in errors.items() if count.share is not None}
    return Update(grads, scores.detach(), value.detach(), buffers=buffers, rates=rates, metrics=metrics)


def named_gradients(loss: Loss, names: list[str], gradients: Sequence[Tensor | None]) -> dict[str, Tensor]:
    """{parameter: gradient}; raises ValueError where the loss does not depend on a parameter."""
    grads = {}
    for name, grad in zip(names, gradients, strict=True):
        if grad is None:
            raise ValueError(
                f"the loss {loss!r} does not depend on parameter {name!r}, it would never learn: freeze it with "
                "requires_grad_(False), or use a loss on the readout's scores ('cross-entropy')"
            )
        grads[name] = grad
    return grads
