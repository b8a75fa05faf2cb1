"""A run from its settings: training, test and the files it leaves."""

import platform
from contextlib import nullcontext
from importlib.metadata import version
from typing import Any

import torch

from spikelearn.datasets.names import checksums_of
from spikelearn.export import save_weights
from spikelearn.imports import import_components
from spikelearn.measure import Evaluation
from spikelearn.plasticity import Rule
from spikelearn.runs.device import usable_device
from spikelearn.runs.settings import Settings, recorded
from spikelearn.runs.settings_files import write_settings
from spikelearn.runs.start import prepare
from spikelearn.runs.weights import about_weights
from spikelearn.seeding import seed_everything
from spikelearn.sparsity import sparsity_of
from spikelearn.tasks import CLASSIFY
from spikelearn.threads import threads
from spikelearn.training.display import Display
from spikelearn.training.fit import fit
from spikelearn.training.fitting import Fitted, Watch
from spikelearn.training.folder import RunFolder
from spikelearn.training.parallel import ALONE, Processes, evaluate_together
from spikelearn.training.parallel.sharing import check_shares
from spikelearn.training.parts import describe, schedule_of, summed_names
from spikelearn.training.predicting import predictor
from spikelearn.training.recording import save_recording
from spikelearn.training.training import Training


def train(
    settings: Settings,
    folder: RunFolder,
    *,
    resume: bool = False,
    display: Display | None = None,
    watch: Watch | None = None,
    processes: Processes = ALONE,
) -> dict[str, Any]:
    """Train, test and record a run in its folder; the result as plain values.

    Args:
        settings: what to run.
        folder: where; it must not hold a run yet, unless ``resume``.
        resume: go on from the folder's checkpoint.
        display: what is shown meanwhile.
        watch: looks at the training before the first epoch and after every one, as in ``fit``.
        processes: among which every batch is shared out; the first alone writes to the folder.

    Raises:
        ValueError: anything in the settings or the data that cannot be used; a folder that holds another run.
    """
    import_components(settings.imports)  # this may be a process that has seen none of them
    with folder.claimed() if processes.first else nullcontext():
        if processes.first and not resume:
            folder.check_free()
        # Killed before its first checkpoint, a run has nothing to go on from but its settings, and begins anew.
        resume = resume and processes.from_first(lambda: not folder.holds_settings_alone)
        with threads(settings.threads) as count:  # written down, so that the run is gone on with by as many
            settings = settings.model_copy(update={"threads": count})
            return _train(settings, folder, resume, display, watch, processes)


def _train(
    settings: Settings,
    folder: RunFolder,
    resume: bool,
    display: Display | None,
    watch: Watch | None,
    processes: Processes,
) -> dict[str, Any]:
    check_shares(processes, settings.batch)
    device = usable_device(processes.device(settings.device))
    if device.type == "cuda" and not processes.alone:
        torch.cuda.set_device(device)
    seed_everything(settings.seed)
    with processes.one_before_the_rest():
        training, loaders = prepare(settings, device, resume=resume, processes=processes)
    if not resume and processes.first:
        write_settings(folder.settings, settings)
    fitted = fit(
        training,
        loaders["train"],
        epochs=settings.epochs,
        validation=loaders.get("validation"),
        watched=loaders["test"] if settings.test_curve else None,
        patience=settings.patience,
        folder=folder,
        resume=resume,
        device=device,
        display=display,
        about={**recorded(settings), "data_files": checksums_of(settings.data)},
        watch=watch,
        processes=processes,
    )
    network = training.network
    if processes.first:
        save_weights(folder.weights, network.state_dict(), about_weights(settings))
    predict = predictor(training.rule, network, training.memory)
    tested = evaluate_together(processes, network, loaders["test"], device=device, predict=predict)
    result = _result(settings, training, fitted, tested)
    result["data"] = {name: loaders[name].dataset.provenance.record() for name in ("train", "test")}
    if processes.first:
        save_recording(folder.recording, network, loaders["test"], device)
        folder.write_result(result, recorded(settings))
    return result


#: Classes up to which a result holds the confusion of the test samples: 100 x 100 counts.
MOST_CONFUSED = 100


def _result(settings: Settings, training: Training, fitted: Fitted, tested: Evaluation) -> dict[str, Any]:
    """The result of a run, and the choices under which it came about, as plain values."""
    confusion = tested.confusion
    return {
        **({} if tested.task == CLASSIFY else {"task": str(tested.task)}),
        **{f"test_{name}": value for name, value in tested.measures.items()},
        "test_samples": tested.samples,
        "test_confusion": confusion if confusion is not None and len(confusion) <= MOST_CONFUSED else None,
        "rates": tested.rates,
        f"validation_{tested.task.measure.name}": fitted.best,
        "best_epoch": fitted.best_epoch,
        "epochs": fitted.epochs,
        **_applied(settings, training.rule),
        "sums_over_batch": bool(summed_names(training.rule, training.network)),
        "supervised": training.rule.supervised,
        "parameters": sum(p.numel() for p in training.network.parameters()),
        "sparsity": sparsity_of(training.network),
        "writes": training.hardware.written if training.hardware else None,
        "versions": {name: version(name) for name in ("spikelearn", "torch", "numpy")}
        | {"python": platform.python_version()},
    }


def _applied(settings: Settings, rule: Rule) -> dict[str, Any]:
    """Optimizer, schedule, clipping and bounds that were applied; of a rule made of parts in words, part by part."""
    if rule.parts:
        optimizer = "; ".join(f"{name}: {describe(part)}" for name, part in rule.parts.items())
        schedule = "; ".join(f"{name}: {schedule_of(part)}" for name, part in rule.parts.items())
        return {"optimizer": optimizer, "schedule": schedule, "clip_norm": None, "bounds": None}
    return {
        "optimizer": str(settings.optimizer_choice()),
        **({"own_optimizer": str(rule.default_own_optimizer)} if rule.default_own_optimizer else {}),
        "schedule": settings.schedule_name(),
        "clip_norm": settings.clip_norm or rule.default_clip_norm,
        "bounds": settings.bounds or rule.default_bounds,
    }
