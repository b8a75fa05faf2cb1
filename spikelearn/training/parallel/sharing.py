"""Batches shared out among processes, so that all together do what one would.

Equal to one process to rounding is every rule whose update is a mean over samples, dropout included: its masks are
drawn for the whole batch by every process, which takes its own rows. Not equal are ``stdp-online``, whose weights
change while a batch runs and so in every process on its own, and batch norm, whose statistics are those of a process's
samples. A rule's generator gives the same numbers in every process: what it draws for weights is alike everywhere, and
what it draws by sample it draws in ``Rule.draws``. Random neurons draw from a seed of each sample, handed out likewise.
"""

from collections.abc import Callable
from dataclasses import replace

import torch

from spikelearn.loading import Batches, Loader
from spikelearn.loading.loader import share
from spikelearn.measure import Evaluation, Predict, evaluate
from spikelearn.measure.evaluation import evaluated
from spikelearn.network import Network, drawn_seeds
from spikelearn.plasticity import Batch, Rule
from spikelearn.tasks import Tally
from spikelearn.training.parallel.processes import Processes


def counted(processes: Processes, size: int) -> int:
    """Count this process's samples of a batch of ``size``."""
    mine = share(size, processes.rank, processes.count)
    return mine.stop - mine.start


@torch.no_grad()
def with_draws(
    processes: Processes, batch: Batch, size: int, rule: Rule, network: Network, generator: torch.Generator
) -> Batch:
    """Add this process's rows of what is drawn for the whole batch of ``size`` samples to its shard ``batch``."""
    if processes.alone:
        return batch
    mine = share(size, processes.rank, processes.count)
    rows = mine if mine.stop > mine.start else slice(1)
    if network.random:
        batch = replace(batch, seeds=drawn_seeds(size, generator)[rows])
    if type(rule).draws is Rule.draws:
        return batch
    inputs = batch.inputs[:, :1]
    whole = Batch(inputs.expand(len(inputs), size, *inputs.shape[2:]), torch.zeros(size, dtype=torch.int64))
    drawn = {name: value[rows] for name, value in rule.draws(network, whole, generator).items()}
    return replace(batch, draws=drawn)


def check_shares(processes: Processes, batch: int) -> None:
    """Raise ValueError where a full batch has fewer samples than there are processes."""
    if batch < processes.count:
        raise ValueError(
            f"a batch of {batch} has no sample for each of {processes.count} processes: choose a larger batch (--batch)"
        )


def evaluate_together(
    processes: Processes,
    network: Network,
    loader: Loader | Batches,
    *,
    device: torch.device | str = "cpu",
    stop: Callable[[], None] = lambda: None,
    predict: Predict | None = None,
) -> Evaluation:
    """``measure.evaluate`` with every batch shared out, the same numbers in all processes.

    Args:
        processes: among which.
        network: left as it was.
        loader: the samples.
        device: where this process's network lies.
        stop: called before every batch, as often in every process.
        predict: as in ``measure.evaluate``.
    """
    if processes.alone:
        return evaluate(network, loader, device=device, between=stop, predict=predict)
    assert isinstance(loader, Loader)
    mine = [counted(processes, loader.size(batch)) for batch in range(len(loader))]
    names = [name for name, block in network.blocks.items() if block.neuron.fires]
    task = loader.task
    classes = loader.outputs if task.classes else 0
    nothing = dict.fromkeys((measure.name for measure in task.measures), 0.0)
    evaluation = Evaluation(task, nothing, dict.fromkeys(names, 0.0), 0, 0, ((0,) * classes,) * classes)
    if any(mine):
        part = loader.shared_out(processes.rank, processes.count)
        evaluation = evaluate(network, part, device=device, between=stop, predict=predict)
    for _ in range(mine.count(0)):
        stop()
    scores = [value * evaluation.counted for value in evaluation.measures.values()]
    rates = [evaluation.rates[name] * evaluation.samples for name in names]
    cells = [count for row in evaluation.confusion or () for count in row]
    whole = processes.sums([evaluation.counted, *scores, *rates, *cells])
    counted_in_all, *whole = whole
    sums = {
        measure.name: round(total) if measure.share else total
        for measure, total in zip(task.measures, whole, strict=False)
    }
    means = dict(zip(names, (total / loader.samples for total in whole[len(scores) :]), strict=False))
    confusion = torch.tensor(whole[len(scores) + len(rates) :], dtype=torch.float64).round().long()
    tally = Tally(sums, int(counted_in_all), confusion.view(classes, classes) if classes else None)
    return evaluated(task, tally, means, loader.samples)
