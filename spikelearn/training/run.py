"""A run from its settings: data, network, rule, training, test and the files it leaves."""

import platform
import re
from collections.abc import Mapping
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from spikelearn.datasets import Dataset, Split, stratified_subset
from spikelearn.datasets.names import checksums_of
from spikelearn.export import load_weights, save_weights
from spikelearn.hardware import sparsity_of
from spikelearn.imports import import_components
from spikelearn.loading import Loader, hold_out
from spikelearn.measure import Evaluation, Predict
from spikelearn.network import INITIALISERS, Network, evaluating
from spikelearn.plasticity import Rule, check_task
from spikelearn.seeding import seed_everything
from spikelearn.synapses import float_type
from spikelearn.tasks import CLASSIFY
from spikelearn.threads import threads
from spikelearn.training.checkpoint import load_checkpoint, save_checkpoint
from spikelearn.training.display import Display
from spikelearn.training.fit import Fitted, Watch, fit
from spikelearn.training.folder import RunFolder
from spikelearn.training.parts import check_bounds, describe, make_schedules, schedule_of, summed_names
from spikelearn.training.predicting import check_patience, predictor
from spikelearn.training.processes import ALONE, Processes
from spikelearn.training.recording import save_recording
from spikelearn.training.schedules import SCHEDULES
from spikelearn.training.settings import MEANING, Settings, recorded
from spikelearn.training.settings_files import check_recorded, read_whole_settings, settings_from, write_settings
from spikelearn.training.sharing import check_shares, evaluate_together
from spikelearn.training.state import check_same_network
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
    """What ended, and under which choices, as plain values."""
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
    """How changes were applied; of a rule made of parts in words, part by part."""
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


def prepare(
    settings: Settings,
    device: torch.device | str = "cpu",
    *,
    resume: bool = False,
    processes: Processes = ALONE,
) -> tuple[Training, dict[str, Loader]]:
    """The training of a run at its beginning, and its loaders: train, test, and validation where some is held out.

    A run that is resumed has its weights in its checkpoint: those that it began with are not looked for.
    """
    rule = settings.make_rule()
    check_task(rule, settings.make_task())
    network = settings.make_network()
    if settings.weights is not None and not resume:
        begin_with(network, Path(settings.weights), settings)
    loaders = make_loaders(settings)
    if predictor(rule, network, {}) is None:
        check_outputs(network, loaders["train"], settings)
    _check_rest(network, loaders["train"], processes)
    if settings.bounds is None:
        check_bounds(network, rule)
    training = Training.start(
        network.to(device),
        rule,
        seed=settings.seed,
        optimizer=None if rule.parts else settings.optimizer_choice(),
        constraints=settings.make_constraints(rule, network),
        clip=None if rule.parts else settings.clip_norm,
        hardware=settings.make_hardware(),
    )
    updates = settings.epochs * len(loaders["train"])
    predict = predictor(rule, network, training.memory)
    if predict is not None:
        check_outputs(network, loaders["train"], settings, predict)
        check_patience(settings, rule, network, training.memory)
    training.schedule = make_schedules(rule, training.optimizer, settings.schedule_name(), updates, settings.epochs)
    training.pruning = settings.make_pruning()
    if training.pruning is not None:
        training.pruning.begin(network, updates)
    return training, loaders


def train_longer(folder: RunFolder, settings: Settings, epochs: int) -> Settings:
    """Have a run go on to ``epochs`` epochs when it is resumed; the settings that it then has, in its folder too.

    What it has left stays until it has ended again; its result goes, since it is not that of the new settings.

    Args:
        folder: the run's.
        settings: that it had.
        epochs: more than before.

    Raises:
        ValueError: fewer epochs; a schedule or a pruning that is stretched over all epochs, so that with more of them
            the first would have been others; no checkpoint, or a damaged one.
    """
    if epochs < settings.epochs:
        raise ValueError(f"epochs is {epochs}, expected more than the {settings.epochs} that the run has: raise it")
    longer = settings_from({**settings.model_dump(), "epochs": epochs})
    rule, pruning = settings.make_rule(), settings.make_pruning()
    schedules = [*map(schedule_of, rule.parts.values())] or [settings.schedule_name()]
    schedule = next((name for name in schedules if SCHEDULES.make(name).stretched), None)
    if schedule is not None:
        raise ValueError(
            f"the learning rate of {folder.path} has the schedule {schedule!r}, which runs over all {settings.epochs} "
            f"epochs: with {epochs} it would have been another from the beginning; train anew, "
            "with --schedule constant where it is to be trained longer in turn"
        )
    if pruning is not None and (pruning.gradual or pruning.start > 0):
        raise ValueError(
            f"{folder.path} prunes at a share of its {settings.epochs} epochs: with {epochs} it would have been "
            "another from the beginning; train anew"
        )
    with folder.claimed():
        if not folder.holds_settings_alone:
            state = load_checkpoint(folder.checkpoint)
            if not isinstance(about := state.get("about"), dict):
                raise ValueError(f"{folder.checkpoint} is of another version of this program: train anew")
            folder.result.unlink(missing_ok=True)
            save_checkpoint(folder.checkpoint, {**state, "about": {**about, "epochs": epochs}})
        write_settings(folder.settings, longer)
    return longer


def about_weights(settings: Settings) -> dict[str, Any]:
    """What a file of weights says of them: rule, data, and all settings without which they mean nothing."""
    about = {"net": settings.net, "rule": settings.rule, "data": settings.data}
    return {**about, "settings": recorded(settings, MEANING)}


def begin_with(network: Network, path: Path, settings: Settings) -> None:
    """Give ``network`` the weights of another run's folder or of a safetensors file, to go on from.

    Raises:
        ValueError: none there, damaged ones, those of another network or of other neurons.
    """
    if not path.exists():
        raise ValueError(f"{path} does not exist: name a run's folder, or a safetensors file of its weights")
    if path.is_dir():
        folder = RunFolder(path)
        open_run(folder)
        folder.check_unchanged(folder.weights)
        path = folder.weights
    weights, about = load_weights(path)
    theirs = about.get("settings")
    if isinstance(theirs, dict):  # a file that was written in Python may name none
        # Data and encoder may be others, to which the weights are fitted. Thresholds come with some initialisers.
        names = ["neuron", "neuron_option", "output", "output_option", "delay"]
        inits = [INITIALISERS.get(str(init)) for init in (theirs.get("init"), settings.init) if init in INITIALISERS]
        if any(init.sets_thresholds for init in inits):
            names += ["init", "init_option"]
        check_recorded(
            settings, theirs, f"the weights in {path} would mean something else: they were trained with", names,
            "set it as there",
        )  # fmt: skip
    _give(network, weights, path)


def _give(network: Network, weights: Mapping[str, torch.Tensor], path: Path) -> None:
    try:
        check_same_network(network, weights)
        for name, value in network.state_dict().items():
            if weights[name].dtype != value.dtype:
                raise ValueError(f"{name} has type {weights[name].dtype}, expected {value.dtype}: convert it")
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    network.load_state_dict(weights)


def _check_rest(network: Network, loader: Loader, processes: Processes = ALONE) -> None:
    """Raise ValueError where a process would get one sample of a batch, of which batch norm has no statistics."""
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm1d) and m.training]
    least = min(loader.size(batch) for batch in (0, len(loader) - 1)) // processes.count
    if norms and least < 2:
        among = "" if processes.alone else f", shared by {processes.count} processes,"
        raise ValueError(
            f"{loader.samples} samples in batches of {loader.batch}{among} leave a batch of one, of which batch norm "
            "has no statistics: choose another batch size (--batch), or leave batch norm out"
        )


def check_outputs(network: Network, loader: Loader, settings: Settings, predict: Predict | None = None) -> None:
    """Raise ValueError where the network has not one output a class, or one for each number of a target.

    With ``predict`` its scores count, which the rule makes.
    """
    inputs = loader.load(loader.indices[:1]).inputs[:1]
    with torch.no_grad(), evaluating(network):
        kind, device = float_type(network), next(network.parameters()).device
        inputs = inputs.to(device, kind) if inputs.is_floating_point() else inputs.to(device)
        outputs = (network(inputs) if predict is None else predict(network, inputs, None)).shape[-1]
    wanted = loader.outputs
    if predict is not None and outputs != wanted:
        raise ValueError(
            f"rule {settings.rule!r} gives {outputs} scores and data set {settings.data!r} has {wanted} classes: set "
            "its options to as many"
        )
    if outputs != wanted:
        what = "classes" if loader.task.classes else "numbers in a target"
        raise ValueError(
            f"network {settings.net!r} has {outputs} outputs and data set {settings.data!r} has {wanted} {what}: end "
            f"the string in {wanted}"
        )


def make_loaders(settings: Settings) -> dict[str, Loader]:
    """Loaders of a run: "train", "test", and "validation" where some is held out.

    ``data_fraction`` is the share of the training samples that is there; the validation samples are a share of those.
    """
    whole = _loader(settings, "train")
    there = stratified_subset(whole.dataset.targets, settings.data_fraction, settings.seed)
    kept, held = hold_out(whole.dataset, settings.validation, settings.seed, there)
    loaders = {"train": _loader(settings, whole.dataset, indices=kept, shuffle=True), "test": test_loader(settings)}
    if len(held):
        loaders["validation"] = _loader(settings, whole.dataset, indices=held)
    return loaders


def test_loader(settings: Settings) -> Loader:
    """The loader of a run's test samples."""
    return _loader(settings, "test")


def _loader(settings: Settings, of: Split | Dataset, **options: Any) -> Loader:
    dataset = settings.make_dataset(of) if isinstance(of, str) else of
    return Loader(
        dataset,
        settings.steps,
        settings.batch,
        encoder=settings.make_encoder(),
        noise=settings.make_noise(),
        seed=settings.seed,
        task=settings.make_task(),
        **options,
    )


def open_run(folder: RunFolder) -> Settings:
    """The settings of a run.

    Raises:
        ValueError: the folder holds no run; its settings are damaged, or were changed after it ended.
    """
    if not folder.settings.is_file():
        raise ValueError(f"{folder.path} holds no run (no {folder.settings.name}): name the folder that train wrote")
    settings = read_whole_settings(folder.settings)
    result = folder.read_result()
    if result is not None:
        changed = f"{folder.settings} was changed after the run, which had"
        check_recorded(settings, result["settings"], changed, list(Settings.model_fields))
    return settings


def trained_network(folder: RunFolder, settings: Settings) -> Network:
    """The network of a run with its final weights, in evaluation mode.

    Raises:
        ValueError: no weights yet, damaged ones, those of another network, or settings under which they mean something
            else than what they were trained for.
    """
    network = settings.make_network()
    folder.check_unchanged(folder.weights)
    weights, about = load_weights(folder.weights)
    theirs = about.get("settings")
    if not isinstance(theirs, dict):
        raise ValueError(f"{folder.weights} is not the run's (it names no settings): restore it, or train anew")
    check_recorded(settings, theirs, f"{folder.weights} was trained with", MEANING)
    _give(network, weights, folder.weights)
    return network.eval()


def usable_device(name: str) -> torch.device:
    """A torch device that is there.

    Raises:
        ValueError: a name that torch does not know, a device that this machine lacks.
    """
    if not re.fullmatch(r"cpu|cuda(:[0-9]+)?", name):
        raise ValueError(f"device is {name!r}, expected cpu, cuda or cuda:N")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device is {name!r}, which cannot be used here ({reason}): use cpu") from error
    return device
