"""One trial, from its settings to its record; whatever was begun is gone on with."""

import contextlib
import shutil
import time
from pathlib import Path
from typing import Any

from spikelearn.bench.plan.trial import Trial
from spikelearn.bench.run.engines.base import Outcome, failure_of
from spikelearn.bench.run.probe import Probe, read_probe
from spikelearn.bench.run.trial_folder import TrialFolder
from spikelearn.bench.run.trial_record import TrialRecord
from spikelearn.bench.run.trial_values import trial_values
from spikelearn.component_text import name_in
from spikelearn.datasets import EventDataset
from spikelearn.hardware import impair
from spikelearn.imports import import_components
from spikelearn.loading import NOISES
from spikelearn.measure import PeakBytes, evaluate
from spikelearn.runs import (
    Settings,
    make_loaders,
    open_run,
    test_loader,
    train,
    trained_network,
    trained_predictor,
    usable_device,
)
from spikelearn.seeding import generator_for
from spikelearn.training import Interrupted, Position, Training, load_checkpoint


def attempt(trial: Trial, root: Path) -> Outcome:
    """Run ``trial`` in its folder below ``root``; an error becomes the reason why it failed.

    Raises:
        Interrupted: the trial was asked to stop; its checkpoint is written.
    """
    folder = TrialFolder(root / trial.id)
    try:
        import_components(trial.settings.imports)  # this may be a process that has seen none of them
        return Outcome(trial, run_trial(trial, folder), None)
    except Interrupted:
        raise
    except Exception as error:  # one trial's error, of whatever kind, must not end the others
        record = folder.read()
        if record is not None:  # by another process, that was taken for lost
            return Outcome(trial, record, None)
        failure = failure_of(error)
        with contextlib.suppress(OSError):  # a full disk takes no file more; the outcome still says it
            folder.write_failure(**failure)
        return Outcome(trial, None, failure)


def run_trial(trial: Trial, folder: TrialFolder) -> TrialRecord:
    """The record of ``trial``: read where it has ended, else trained, from its checkpoint where there is a whole one.

    Raises:
        ValueError: settings or data that cannot be used.
        NonFiniteUpdate: NaN or infinity in training.
        Interrupted: asked to stop; the checkpoint is written.
    """
    ended = folder.read()
    if ended is not None:
        return ended
    _bin_recordings(trial.settings)
    started = time.monotonic()
    resumed = _is_whole(folder, probed=trial.measure)
    if not resumed:
        ended = folder.read()
        if ended is not None:  # it ended while its checkpoint was looked for
            return ended
        _clear(folder)
    probe = Probe(trial.settings, folder) if trial.measure else None
    with PeakBytes(usable_device(trial.settings.device)) as memory:

        def watch(training: Training, epoch: int) -> None:
            assert probe is not None
            with memory.paused():  # the probe runs bptt, whatever the rule
                probe(training, epoch)

        result = train(trial.settings, folder, resume=resumed, watch=watch if probe else None)
    ran = time.monotonic() - started
    tested = _tests_after(trial, folder)
    record = trial_values(trial, folder, result, resumed)
    record["after"] = tested
    record |= {"peak_bytes": memory.peak_bytes, "rise_bytes": memory.rise_bytes}
    spent = sum(row.get("seconds", 0.0) for row in record["curve"])
    record["seconds"] = {
        "training": spent,
        "run": ran,
        "looks": probe.seconds if probe else 0.0,
        "after": sum(test["seconds"] for test in tested.values()),
        "total": time.monotonic() - started,
    }
    folder.write(record)
    whole = folder.read()
    if whole is None:
        raise OSError(f"{folder.record} cannot be read back: check the disk, and compare again")
    folder.checkpoint.unlink(missing_ok=True)
    return whole


def _is_whole(folder: TrialFolder, *, probed: bool) -> bool:
    """Whether the folder holds a checkpoint to go on from, and all that belongs to it."""
    try:
        state = load_checkpoint(folder.checkpoint)
        ended, metrics = Position.of(state.get("position")).epoch, str(state.get("metrics"))
        open_run(folder)
        there = set(read_probe(folder))
        return folder.has_metrics_of(ended, metrics) and not (probed and len(there & set(range(ended + 1))) <= ended)
    except ValueError:
        return False


def _clear(folder: TrialFolder) -> None:
    """Remove what is left of a trial that cannot be gone on with."""
    if folder.path.is_dir():
        with folder.claimed():
            for left in folder.path.iterdir():
                if left != folder.lock:
                    shutil.rmtree(left) if left.is_dir() else left.unlink()


def _bin_recordings(settings: Settings) -> None:
    """Bin recordings of events before the clock starts: the first trial of a worker would pay for all that follow."""
    for loader in make_loaders(settings).values():
        if isinstance(loader.dataset, EventDataset):
            for indices in loader.indices.split(256):
                loader.dataset.frames(indices.tolist(), settings.steps)


def _tests_after(trial: Trial, folder: TrialFolder) -> dict[str, dict[str, Any]]:
    """Accuracy of the trained network under every condition of ``trial.after``; with the reason where there is none."""
    tests = {}
    for condition in trial.after:
        started = time.monotonic()
        try:
            tests[condition] = _tested(trial.settings, folder, condition)
        except ValueError as error:  # such as a noise of spikes on still images
            measures = trial.settings.make_task().measures
            tests[condition] = {**dict.fromkeys((m.name for m in measures), None), "reason": str(error)}
        tests[condition]["seconds"] = time.monotonic() - started
    return tests


def _tested(settings: Settings, folder: TrialFolder, condition: str) -> dict[str, Any]:
    network = trained_network(folder, settings)
    predict = trained_predictor(folder, settings, network)
    if name_in(condition) in NOISES:
        loader = test_loader(settings.model_copy(update={"noise": condition}))
    else:
        network = impair(network, condition, generator_for(settings.seed, "impairment", condition))
        loader = test_loader(settings)
    device = usable_device(settings.device)
    seen = evaluate(network.to(device), loader, device=device, predict=predict)
    return dict(seen.measures)
