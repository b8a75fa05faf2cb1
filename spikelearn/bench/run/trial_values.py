"""What the record of a trial holds when it is written, from what its training left."""

import hashlib
import os
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from spikelearn.bench.plan.trial import Trial
from spikelearn.bench.run.probe import read_probe
from spikelearn.bench.run.trial_folder import TrialFolder
from spikelearn.loading import Loader
from spikelearn.runs import Settings, make_loaders
from spikelearn.tasks import CLASSIFY, measure_in


def trial_values(trial: Trial, folder: TrialFolder, result: Mapping[str, Any], resumed: bool) -> dict[str, Any]:
    """All that is known when the training has ended; tests after it, bytes and seconds are added to it."""
    settings = trial.settings
    probed = read_probe(folder)
    last: dict[str, Any] = {**probed.get(0, {}), **(probed[max(probed)] if probed else {})}
    loader = make_loaders(settings)["train"]
    curve = curve_of(folder.read_metrics(), probed, loader.samples)
    task = settings.make_task()
    held = f"validation_{task.measure.name}"
    names = ("forward", "learning", "in_memory", "payload_bytes", "activity")
    measured = {name: last.get(name) for name in names}
    return {
        "arm": trial.arm,
        "rule": settings.rule,
        "data": settings.data,
        "net": settings.net,
        "seed": settings.seed,
        "settings": settings.model_dump(mode="json", exclude_none=True, exclude={"data_root", "threads"}),
        "differs": list(trial.differs),
        "tuning": dict(trial.tuning) if trial.tuning else None,
        **({} if task == CLASSIFY else {"task": str(task)}),
        **{measure.name: result[f"test_{measure.name}"] for measure in task.measures},
        held: result[held] if settings.patience else curve[-1][held],
        "test_samples": result["test_samples"],
        "confusion": result["test_confusion"],
        "train_samples": loader.samples,
        **{n: result[n] for n in ("supervised", "optimizer", "schedule", "clip_norm", "bounds", "parameters")},
        "curve": curve,
        **measured,
        "energy": energy_of(last),
        "writes": writes_of(last, len(loader), result["epochs"]),
        "data_files": result["data"],
        "fingerprints": fingerprints(settings, loader),
        "resumed": resumed,
        "reasons": last.get("reasons", {}),
        "versions": result["versions"],
        "machine": machine(settings),
        "command": f"spikelearn train --config trials/{folder.path.name}/{folder.settings.name}",
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def curve_of(
    rows: Sequence[Mapping[str, Any]], probed: Mapping[int, Mapping[str, Any]], samples: int
) -> list[dict[str, Any]]:
    """The learning curve, one place an epoch: what training wrote, what was probed, and the samples presented.

    Args:
        rows: lines of ``metrics.jsonl``.
        probed: {epoch: what was measured then}; epoch 0 is before training.
        samples: training samples an epoch.
    """
    curve: list[dict[str, Any]] = []
    name = measure_in(rows[0]).name if rows else "accuracy"
    if 0 in probed:
        curve.append({"epoch": 0, **_in_blocks(probed[0])})
    for row in rows:
        curve.append(
            {
                "epoch": row["epoch"],
                "seconds": row.get("seconds", 0.0),
                "samples": samples,
                "loss": row["loss"],
                f"train_{name}": row[name],
                f"validation_{name}": row[f"validation_{name}"],
                f"test_{name}": row.get(f"test_{name}"),
                "lr": row.get("lr"),
                "rates": row["rates"],
                "metrics": row.get("metrics", {}),
                **_in_blocks(probed.get(row["epoch"], {})),
            }
        )
    return curve


def _in_blocks(probed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: probed.get(name) for name in ("alignment", "activity")}


def energy_of(probed: Mapping[str, Any]) -> dict[str, float | None]:
    """Energy of a sample, pJ: forward and learning, of arithmetic alone and with the reading of weights."""
    energy: dict[str, float | None] = {}
    for phase in ("forward", "learning"):
        spent = probed.get(f"energy_{phase}") or {}
        energy[f"{phase}_pj"] = spent.get("arithmetic")
        energy[f"{phase}_with_memory_pj"] = spent.get("with_memory")
    return energy


def writes_of(probed: Mapping[str, Any], batches: int, epochs: int) -> dict[str, float] | None:
    """Weight writes: the share of weights that a step changes, and what that makes in an epoch and in all.

    Args:
        probed: what was measured last; its share stands for all steps.
        batches: steps an epoch.
        epochs: epochs.
    """
    seen = probed.get("writes")
    if seen is None:
        return None
    per_epoch = seen["changed"] * batches
    return {"share": seen["share"], "per_epoch": per_epoch, "total": per_epoch * epochs}


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
        "threads": settings.threads or torch.get_num_threads(),
        "device": torch.cuda.get_device_name(settings.device) if cuda else "cpu",
        "platform": platform.platform(terse=True),
    }


def _processor() -> str:
    """The processor's name; ``platform`` knows only its kind on Linux."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text(errors="replace").splitlines() if information.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
