"""Rules that train side by side while their alignment to backpropagation through time is followed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from spikelearn.bench.run.probe import spread_batch
from spikelearn.measure import Alignment, alignment
from spikelearn.plasticity import Batch
from spikelearn.runs import Settings, test_loader, train
from spikelearn.training import RunFolder, Training
from spikelearn.training.display import Display


class AlignedBlock(NamedTuple):
    """How well a rule's change of one block agrees with BPTT's, after some epochs of its own training.

    Args:
        rule, block: names; a block is ``feedback.<edge>`` or ``readout`` too.
        epoch: epochs that the rule has trained, 0 at the start.
        cosine: in [-1, 1]; None where there is none.
        ratio: norm of the rule's change by that of BPTT's, dimensionless.
        reason: why there is no cosine; empty where there is one.
    """

    rule: str
    epoch: int
    block: str
    cosine: float | None
    ratio: float | None
    reason: str


def align(
    settings: Mapping[str, Settings], folder: Path, display: Display | None = None
) -> tuple[list[AlignedBlock], dict[str, dict[str, Any]]]:
    """Train a network with each rule, and measure ``measure.alignment`` at the start and after every epoch.

    The batch is of test samples, spread evenly: measured, never learned. The reference is BPTT with the rule's own loss
    and surrogate, and the reset not differentiated.

    Args:
        settings: {rule: settings of its run}.
        folder: in which every rule has a run's folder of its own.
        display: what is shown meanwhile.

    Returns: the rows, and {rule: result of its run}.

    Raises:
        ValueError: settings that cannot be used; a folder that holds something already.
    """
    rows: list[AlignedBlock] = []
    results = {}
    for rule, own in settings.items():
        batch = spread_batch(test_loader(own), own)

        def watch(training: Training, epoch: int, rule: str = rule, batch: Batch = batch) -> None:
            network, memory, generator = training.network, training.memory, training.generator
            rows.extend(_rows(rule, epoch, alignment(network, training.rule, batch, memory, generator)))

        results[rule] = train(own, RunFolder(folder / rule), display=display, watch=watch)
    return rows, results


def _rows(rule: str, epoch: int, alignment: Alignment) -> list[AlignedBlock]:
    if not alignment.blocks:
        return [AlignedBlock(rule, epoch, "", None, None, alignment.reason)]
    return [
        AlignedBlock(rule, epoch, block, cosine, alignment.ratios[block], alignment.reasons.get(block, ""))
        for block, cosine in alignment.blocks.items()
    ]
