"""How the samples of a batch are shared out among processes, so that all together do what one would.

Equal to one process to rounding is every rule whose update is a mean over samples, dropout included: its masks are
drawn for the whole batch by every process, which takes its own rows. Not equal are ``stdp-online``, whose weights
change while a batch runs and so in every process on its own, and batch norm, whose statistics are those of a process's
samples. A rule's generator gives the same numbers in every process: what it draws for weights is alike everywhere, and
what it draws by sample it draws in a method ``masks``.
"""

from collections.abc import Callable
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from spikelearn.datasets import Loader
from spikelearn.datasets.loader import share
from spikelearn.measure import Evaluation, evaluate
from spikelearn.network import Network
from spikelearn.plasticity import Batch, Rule
from spikelearn.training.processes import Processes


@runtime_checkable
class DrawsMasks(Protocol):
    """A rule that draws masks by sample: those of the batch, and drawn ones for all other places; {place: [B, ...]}."""

    def masks(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]: ...


def counted(processes: Processes, size: int) -> int:
    """How many samples of a batch of ``size`` are this process's."""
    mine = share(size, processes.rank, processes.count)
    return mine.stop - mine.start


@torch.no_grad()
def with_masks(
    processes: Processes, batch: Batch, size: int, rule: Rule, network: Network, generator: torch.Generator
) -> Batch:
    """The shard ``batch`` of a batch of ``size`` samples, with its rows of the masks that the rule draws for all."""
    if processes.alone or not isinstance(rule, DrawsMasks):
        return batch
    inputs = batch.inputs[:, :1]
    whole = Batch(inputs.expand(len(inputs), size, *inputs.shape[2:]), batch.targets[:1].expand(size))
    mine = share(size, processes.rank, processes.count)
    rows = mine if mine.stop > mine.start else slice(1)
    masks = {place: mask[rows] for place, mask in rule.masks(network, whole, generator).items()}
    return Batch(batch.inputs, batch.targets, masks)


def check_shares(processes: Processes, batch: int) -> None:
    """Raise ValueError where a full batch has fewer samples than there are processes."""
    if batch < processes.count:
        raise ValueError(
            f"a batch of {batch} has no sample for each of {processes.count} processes: choose a larger batch (--batch)"
        )


def evaluate_together(
    processes: Processes,
    network: Network,
    loader: Loader,
    *,
    device: torch.device | str = "cpu",
    stop: Callable[[], None] = lambda: None,
) -> Evaluation:
    """``measure.evaluate`` with every batch shared out, the same numbers in all processes.

    Args:
        processes: among which.
        network: left as it was.
        loader: the samples.
        device: where this process's network lies.
        stop: called before every batch, as often in every process.
    """
    if processes.alone:
        return evaluate(network, loader, device=device, between=stop)
    mine = [counted(processes, loader.size(batch)) for batch in range(len(loader))]
    names = [name for name, block in network.blocks.items() if block.neuron.fires]
    found = Evaluation(0.0, 0.0, dict.fromkeys(names, 0.0), 0)
    if any(mine):
        part = loader.shared_out(processes.rank, processes.count)
        found = evaluate(network, part, device=device, between=stop)
    for _ in range(mine.count(0)):
        stop()
    shares = (found.accuracy, found.unique_accuracy, *(found.rates[name] for name in names))
    hits, unique_hits, *rates = processes.sums([value * found.samples for value in shares])
    seen = loader.samples
    means = {name: total / seen for name, total in zip(names, rates, strict=True)}
    return Evaluation(round(hits) / seen, round(unique_hits) / seen, means, seen)
