"""One trial, from its settings to its record; whatever was begun is gone on with."""

import contextlib
import hashlib
import os
import platform
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from spikelearn.compare.engines.base import Outcome, failure_of
from spikelearn.compare.looks import Looks, read_looks
from spikelearn.compare.record import curve_of, energy_of, writes_of
from spikelearn.compare.trial import Trial, TrialFolder
from spikelearn.datasets import NOISES, EventDataset, Loader
from spikelearn.hardware import impair
from spikelearn.measure import PeakMemory, evaluate
from spikelearn.seeding import generator_for
from spikelearn.training import (
    Interrupted,
    Settings,
    Training,
    load_checkpoint,
    make_loaders,
    open_run,
    test_loader,
    train,
    trained_network,
    usable_device,
)


def attempt(trial: Trial, root: Path) -> Outcome:
    """Conduct ``trial`` in its folder below ``root``; an error becomes the reason why it failed.

    Raises:
        Interrupted: the trial was asked to stop; its checkpoint is written.
    """
    folder = TrialFolder(root / trial.id)
    try:
        return Outcome(trial, conduct(trial, folder), None)
    except Interrupted:
        raise
    except Exception as error:  # one trial's error, of whatever kind, must not end the others
        found = folder.read()
        if found is not None:  # by another process, that was taken for lost
            return Outcome(trial, found, None)
        failure = failure_of(error)
        with contextlib.suppress(OSError):  # a full disk takes no file more; the outcome still says it
            folder.write_failure(**failure)
        return Outcome(trial, None, failure)


def conduct(trial: Trial, folder: TrialFolder) -> dict[str, Any]:
    """The record of ``trial``: read where it has ended, else trained, from its checkpoint where there is a whole one.

    Raises:
        ValueError: settings or data that cannot be used.
        NonFiniteUpdate: NaN or infinity in training.
        Interrupted: asked to stop; the checkpoint is written.
    """
    found = folder.read()
    if found is not None:
        return found
    _bin_recordings(trial.settings)
    started = time.monotonic()
    resumed = _is_whole(folder)
    if not resumed:
        found = folder.read()
        if found is not None:  # it ended while its checkpoint was looked for
            return found
        _clear(folder)
    looks = Looks(trial.settings, folder) if trial.measure else None
    with PeakMemory(usable_device(trial.settings.device)) as memory:

        def watch(training: Training, epoch: int) -> None:
            assert looks is not None
            with memory.paused():  # a look runs bptt, whatever the rule
                looks(training, epoch)

        result = train(trial.settings, folder, resume=resumed, watch=watch if looks else None)
    ran = time.monotonic() - started
    tested = _tests_after(trial, folder)
    record = _record(trial, folder, result, resumed)
    record["after"] = tested
    record |= {"peak_bytes": memory.peak_bytes, "rise_bytes": memory.rise_bytes}
    spent = sum(row.get("seconds", 0.0) for row in record["curve"])
    record["seconds"] = {
        "training": spent,
        "run": ran,
        "looks": looks.seconds if looks else 0.0,
        "after": sum(test["seconds"] for test in tested.values()),
        "total": time.monotonic() - started,
    }
    folder.write(record)
    whole = folder.read()
    if whole is None:
        raise OSError(f"{folder.record} cannot be read back: check the disk, and compare again")
    folder.checkpoint.unlink(missing_ok=True)
    return whole


def _is_whole(folder: TrialFolder) -> bool:
    """Whether the folder holds a checkpoint to go on from, and all that belongs to it."""
    try:
        ended = load_checkpoint(folder.checkpoint)["position"]["epoch"]
        open_run(folder)
        return folder.has_metrics_of(ended)
    except (ValueError, KeyError):
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
    found = {}
    for condition in trial.after:
        started = time.monotonic()
        try:
            found[condition] = _tested(trial.settings, folder, condition)
        except ValueError as error:  # such as a noise of spikes on still images
            found[condition] = {"accuracy": None, "unique_accuracy": None, "reason": str(error)}
        found[condition]["seconds"] = time.monotonic() - started
    return found


def _tested(settings: Settings, folder: TrialFolder, condition: str) -> dict[str, Any]:
    network = trained_network(folder, settings)
    if condition.partition(":")[0] in NOISES:
        loader = test_loader(settings.model_copy(update={"noise": condition}))
    else:
        network = impair(network, condition, generator_for(settings.seed, "impairment", condition))
        loader = test_loader(settings)
    device = usable_device(settings.device)
    seen = evaluate(network.to(device), loader, device=device)
    return {"accuracy": seen.accuracy, "unique_accuracy": seen.unique_accuracy}


def _record(trial: Trial, folder: TrialFolder, result: dict[str, Any], resumed: bool) -> dict[str, Any]:
    settings = trial.settings
    looks = read_looks(folder)
    last: dict[str, Any] = {**looks.get(0, {}), **(looks[max(looks)] if looks else {})}
    loader = make_loaders(settings)["train"]
    curve = curve_of(folder.read_metrics(), looks, loader.samples)
    names = ("forward", "learning", "payload_bytes", "activity")
    measured = {name: last.get(name) for name in names}
    return {
        "arm": trial.arm,
        "rule": settings.rule,
        "data": settings.data,
        "net": settings.net,
        "seed": settings.seed,
        "settings": settings.model_dump(mode="json", exclude_none=True, exclude={"data_root"}),
        "differs": list(trial.differs),
        "tuning": dict(trial.tuning) if trial.tuning else None,
        "accuracy": result["test_accuracy"],
        "unique_accuracy": result["test_unique_accuracy"],
        "validation_accuracy": result["validation_accuracy"] if settings.patience else curve[-1]["validation_accuracy"],
        "test_samples": result["test_samples"],
        "train_samples": loader.samples,
        **{n: result[n] for n in ("supervised", "optimizer", "schedule", "clip_norm", "bounds", "parameters")},
        "curve": curve,
        **measured,
        "energy": energy_of(last),
        "writes": writes_of(last, len(loader), result["epochs"]),
        "fingerprints": fingerprints(settings, loader),
        "resumed": resumed,
        "reasons": last.get("reasons", {}),
        "versions": result["versions"],
        "machine": machine(settings),
        "command": f"spikelearn train --config trials/{folder.path.name}/{folder.settings.name}",
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def fingerprints(settings: Settings, loader: Loader) -> dict[str, str]:
    """Hashes of the weights as they were drawn, and of the samples that the first epoch shows, in their order."""
    weights = hashlib.sha256()
    for name, value in sorted(settings.make_network().state_dict().items()):
        weights.update(name.encode())
        weights.update(value.contiguous().numpy().tobytes())
    order = hashlib.sha256(loader.order(0).numpy().tobytes())
    return {"weights": weights.hexdigest()[:16], "order": order.hexdigest()[:16]}


def machine(settings: Settings) -> dict[str, Any]:
    """What the trial ran on."""
    cuda = settings.device.startswith("cuda")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(settings.device) if cuda else "cpu",
        "platform": platform.platform(terse=True),
    }


def _processor() -> str:
    """The processor's name; ``platform`` knows only its kind on Linux."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(errors="replace").splitlines() if information.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
