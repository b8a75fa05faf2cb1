"""Examinations: of a training in Python, and of a run or the settings of one."""

from collections.abc import Iterable

from spikelearn.doctor.evidence import BATCHES, Evidence, at_bounds, gather, look
from spikelearn.doctor.illnesses import ILLNESSES, Finding
from spikelearn.plasticity import Batch
from spikelearn.runs import Settings, prepare, test_loader, trained_network
from spikelearn.training import RunFolder, Training, load_checkpoint


def diagnose(evidence: Evidence) -> list[Finding]:
    """The illnesses that ``evidence`` shows, the most fundamental first."""
    return [finding for illness in ILLNESSES if (finding := illness.find(evidence)) is not None]


def examine(training: Training, batches: Iterable[Batch]) -> list[Finding]:
    """Look at a training by a few batches of one's own, and leave it as it was, bit for bit.

    Args:
        training: ``Training.start(network, rule)``, or one that has learned.
        batches: samples as ``learn`` takes them; the first ``BATCHES`` are looked at.

    Raises:
        ValueError: as ``gather``.
    """
    return diagnose(gather(training, batches))


def examine_settings(settings: Settings, folder: RunFolder | None = None) -> Evidence:
    """Evidence on a run: as its settings begin, or as its folder's checkpoint stands; nothing is written.

    Args:
        settings: of the run.
        folder: where it stands; None, or without a checkpoint: before its first batch.

    Raises:
        ValueError: settings that cannot be run, data that are not there, a damaged checkpoint.
    """
    training, loaders = prepare(settings)
    if folder is not None and folder.checkpoint.is_file():
        training.load_state_dict(load_checkpoint(folder.checkpoint)["training"])
    loader = loaders["train"]
    samples = (Batch.of(each, loader.task) for each, _ in zip(loader.epoch(0), range(BATCHES), strict=False))
    return gather(training, samples)


def glance(settings: Settings, folder: RunFolder) -> Evidence:
    """Evidence on a run that has ended, from one look at its trained network: nothing is learned.

    Raises:
        ValueError: no trained weights, data that are not there.
    """
    network, rule, loader = trained_network(folder, settings), settings.make_rule(), test_loader(settings)
    batch = Batch.of(next(iter(loader.epoch(0))), loader.task)
    low, high = at_bounds(network, settings.make_constraints(rule, network))
    return Evidence(network, rule, batch, look(network, batch), {}, (), low, high)
