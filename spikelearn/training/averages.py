"""Averaged weights in a network for as long as it is measured, where an optimizer learns at others."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import islice

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from spikelearn.loading import Batches, Loader
from spikelearn.network import Network
from spikelearn.plasticity import Batch
from spikelearn.synapses import float_type
from spikelearn.training.parts import averaging
from spikelearn.training.training import Training

#: Batches from which statistics of batch norms are taken anew.
BATCHES = 50


def check_averaging(training: Training) -> None:
    """Raise ValueError where something must hold of the weights after every step, and so not of their average."""
    names = [type(part).__name__ for part in averaging(training.optimizer)]
    must = {"constraints": bool([*training.constraints]), "pruning": training.pruning, "hardware": training.hardware}
    for what, there in must.items():
        if names and there:
            raise ValueError(
                f"{names[0]} keeps the average of the weights that it steps, but {what} act on each of these, and "
                f"would not hold of their average: leave {what} out, or use another optimizer (--optimizer adamw)"
            )


def to_averages(
    training: Training,
    loader: Loader | Batches,
    *,
    device: torch.device | str = "cpu",
    between: Callable[[], None] = lambda: None,
) -> None:
    """Put the averages into the network, and take the statistics of its batch norms anew under them.

    Nothing happens where no optimizer averages, or the averages are there. ``Training.to_steps`` puts back the weights
    at which is learned, and so does ``learn``.

    Args:
        training: whose network is measured.
        loader: training samples.
        device: where the network lies.
        between: called between batches, for example to stop.
    """
    behind = [part for part in averaging(training.optimizer) if not part.averaged]
    for part in behind:
        part.average()
    if behind:
        refresh_statistics(training.network, loader, device=device, between=between)


@torch.no_grad()
def refresh_statistics(
    network: Network,
    loader: Loader | Batches,
    *,
    device: torch.device | str = "cpu",
    between: Callable[[], None] = lambda: None,
) -> None:
    """Make the running statistics of batch norms the mean of those of the first 50 training batches.

    Statistics so far have no part in them: the same weights and batches give the same numbers. Norms in evaluation mode
    are left alone, as is all else.

    Args:
        network: whose batch norms are meant.
        loader: training samples.
        device: where the network lies.
        between: called between batches, for example to stop.
    """
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm) and m.training and m.track_running_stats]
    if not norms:
        return
    with _cumulative(norms):
        for samples in islice(loader.epoch(0), BATCHES):
            between()
            batch = Batch.of(samples, loader.task).to(torch.device(device), float_type(network))
            with network.presentation() as buffers:
                network.run(batch.inputs)
            for name, value in buffers.items():
                if network.get_submodule(name.rpartition(".")[0]) in norms:
                    network.get_buffer(name).copy_(value)


@contextmanager
def _cumulative(norms: list[_BatchNorm]) -> Iterator[None]:
    """Have running statistics begin anew and be the mean of all batches seen."""
    momenta = {norm: norm.momentum for norm in norms}
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    try:
        yield
    finally:
        for norm, momentum in momenta.items():
            norm.momentum = momentum
