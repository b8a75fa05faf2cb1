"""Streams of tasks that are learned one after the other, and what a network keeps of the earlier ones."""

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch

from spikelearn.network import Network, evaluating
from spikelearn.plasticity import Batch, OptimizerChoice, Rule
from spikelearn.training.learning import learn
from spikelearn.training.training import Training


@dataclass(frozen=True)
class Moment:
    """What one network meets between two steps of its weights.

    Args:
        seen: samples of the present task, from which its weights learn.
        asked: samples of all tasks, a batch for each step of an outer loop behind that.
    """

    seen: Batch
    asked: Sequence[Batch] = ()


class Streams(Protocol):
    """Streams of tasks, functions of (seed, number).

    Args:
        samples: moments of each task.
    """

    samples: int

    def moments(self, number: int, population: int = 1, *, ask: bool = True) -> Iterator[list[Moment]]:
        """The moments of stream ``number``, task after task, of every network of a population.

        Without ``ask`` nothing is asked, and what is seen is the same.
        """

    def tests(self, number: int) -> list[Batch]:
        """What each task of stream ``number`` is tested on, where a single network learns it."""


def one_after_the_other(
    network: Network, rule: Rule, streams: Streams, number: int, *, optimizer: OptimizerChoice | None = None
) -> list[list[float]]:
    """The losses of a copy of ``network`` on every task of a stream, a row behind each task.

    Args:
        network: with the weights that it begins with.
        rule: that changes them, a step a moment, and whose loss is measured.
        streams, number: the stream.
        optimizer: of the steps; None: the rule's.

    Raises:
        ValueError: a rule that descends no loss; a network that it cannot train.
    """
    if rule.loss is None:
        raise ValueError(f"{rule.name} descends no loss, by which tasks are measured: take another rule")
    training = Training.start(copy.deepcopy(network), rule, optimizer=optimizer)
    tests, rows = streams.tests(number), []
    for count, (moment,) in enumerate(streams.moments(number, ask=False), start=1):
        learn(training, moment.seen)
        if count % streams.samples == 0:
            rows.append([loss_of(training.network, rule, batch) for batch in tests])
    return rows


@torch.no_grad()
def loss_of(network: Network, rule: Rule, batch: Batch) -> float:
    """The loss of ``rule`` on a batch, by the network as it is."""
    assert rule.loss is not None
    with evaluating(network):
        record, _ = network.run(batch.inputs)
        return float(rule.loss.of(batch, record.output, network.scores(record)))
