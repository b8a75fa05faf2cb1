"""One gradient of a loss through a run: shared by the rules that descend one."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from spikelearn.events import share_active
from spikelearn.network import Network, Record, learning_only
from spikelearn.neurons import Adjoint
from spikelearn.plasticity.base import Batch, Update
from spikelearn.plasticity.losses import Loss


def gradient_update(
    network: Network,
    batch: Batch,
    loss: Loss,
    adjoint: Adjoint,
    names: list[str],
    *,
    cut: bool = False,
    measure: Callable[[Network, Record], dict[str, float]] | None = None,
) -> Update:
    """Run, differentiate the loss in the parameters ``names``, and leave the network as it was.

    Where the surrogate derivative is zero far from threshold, the metric ``active_errors_<block>`` is the share of
    neurons and steps where it was not, as kernels count it. ``measure`` gives the update's other metrics from the
    network and the run's record; without it no hidden record is kept.

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
        scores = network.scores(output)
        check_targets(batch.targets, scores.shape[1])
        value = loss(output.output, scores, batch.targets)
        del output
        found = torch.autograd.grad(value, parameters, allow_unused=True)
    grads = named_gradients(loss, names, found)
    metrics |= {f"active_errors_{name}": count.share for name, count in errors.items() if count.share is not None}
    return Update(grads, scores.detach(), value.detach(), buffers=buffers, rates=rates, metrics=metrics)


def named_gradients(loss: Loss, names: list[str], found: Sequence[Tensor | None]) -> dict[str, Tensor]:
    """{parameter: gradient}; raises ValueError where the loss does not depend on a parameter."""
    grads = {}
    for name, grad in zip(names, found, strict=True):
        if grad is None:
            raise ValueError(
                f"the loss {loss!r} does not depend on parameter {name!r}, it would never learn: freeze it with "
                "requires_grad_(False), or use a loss on the readout's scores ('cross-entropy')"
            )
        grads[name] = grad
    return grads


def check_targets(targets: Tensor, classes: int) -> None:
    """Raise ValueError where a class number is not one of ``classes`` outputs."""
    if int(targets.min()) < 0 or int(targets.max()) >= classes:
        raise ValueError(
            f"targets go from {int(targets.min())} to {int(targets.max())}, but the network has {classes} outputs: end "
            "it in one neuron a class"
        )


def firing_rates(network: Network, record: Record) -> dict[str, float]:
    """Mean firing rate of every block whose neurons fire, spikes per step and neuron."""
    firing = [name for name, block in network.blocks.items() if block.neuron.fires]
    return {name: record.rates[name] if name in record.rates else share_active(record[name].spikes) for name in firing}


def trainable_names(network: Network) -> list[str]:
    """Names of the parameters that require a gradient."""
    return [name for name, parameter in network.named_parameters() if parameter.requires_grad]
