"""A run from its settings: data, network, rule, training, test and the files it leaves."""

import platform
import re
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from spikelearn.datasets import Dataset, Loader, Split, hold_out, stratified_subset
from spikelearn.export import load_weights, save_weights
from spikelearn.hardware import sparsity_of
from spikelearn.measure import Evaluation
from spikelearn.network import Network, evaluating
from spikelearn.seeding import seed_everything
from spikelearn.training.display import Display
from spikelearn.training.fit import Fitted, Watch, fit
from spikelearn.training.folder import RunFolder
from spikelearn.training.optimizers import make_schedule
from spikelearn.training.processes import ALONE, Processes
from spikelearn.training.recording import save_recording
from spikelearn.training.settings import Settings, read_settings, settings_from, write_settings
from spikelearn.training.sharing import check_shares, evaluate_together
from spikelearn.training.training import Training, check_bounds, check_same_network


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
    with folder.claimed() if processes.first else nullcontext():
        if processes.first and not resume and folder.checkpoint.exists():
            raise ValueError(
                f"{folder.path} already holds a run: go on with it (--resume {folder.path}), or name another folder "
                "with --out"
            )
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
        about=settings.model_dump(mode="json", exclude={"data_root", "device"}),
        watch=watch,
        processes=processes,
    )
    network = training.network
    if processes.first:
        about = {"net": settings.net, "rule": settings.rule, "data": settings.data}
        save_weights(folder.weights, network.state_dict(), about)
    tested = evaluate_together(processes, network, loaders["test"], device=device)
    result = _result(settings, training, fitted, tested)
    if processes.first:
        save_recording(folder.recording, network, loaders["test"], device)
        folder.write_result(result)
    return result


def _result(settings: Settings, training: Training, fitted: Fitted, tested: Evaluation) -> dict[str, Any]:
    """What ended, and under which choices, as plain values."""
    return {
        "test_accuracy": tested.accuracy,
        "test_unique_accuracy": tested.unique_accuracy,
        "test_samples": tested.samples,
        "rates": tested.rates,
        "validation_accuracy": fitted.best_accuracy,
        "best_epoch": fitted.best_epoch,
        "epochs": fitted.epochs,
        "optimizer": str(settings.optimizer_choice()),
        "schedule": settings.schedule_name(),
        "clip_norm": settings.clip_norm or training.rule.default_clip_norm,
        "bounds": settings.bounds or training.rule.default_bounds,
        "sums_over_batch": training.rule.sums_over_batch,
        "supervised": training.rule.supervised,
        "parameters": sum(p.numel() for p in training.network.parameters()),
        "sparsity": sparsity_of(training.network),
        "writes": training.hardware.written if training.hardware else None,
        "versions": {name: version(name) for name in ("spikelearn", "torch", "numpy")}
        | {"python": platform.python_version()},
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
    network = settings.make_network()
    if settings.weights is not None and not resume:
        begin_with(network, Path(settings.weights), settings)
    loaders = make_loaders(settings)
    check_outputs(network, loaders["train"], settings)
    _check_rest(network, loaders["train"], processes)
    if settings.bounds is None:
        check_bounds(network, rule)
    training = Training.start(
        network.to(device),
        rule,
        seed=settings.seed,
        optimizer=settings.optimizer_choice(),
        constraints=settings.make_constraints(),
        clip=settings.clip_norm,
        hardware=settings.make_hardware(),
    )
    updates = settings.epochs * len(loaders["train"])
    training.schedule = make_schedule(settings.schedule_name(), training.optimizer, updates, settings.epochs)
    training.pruning = settings.make_pruning()
    if training.pruning is not None:
        training.pruning.begin(network, updates)
    return training, loaders


def begin_with(network: Network, path: Path, settings: Settings | None = None) -> None:
    """Give ``network`` the weights of a run's folder or of a safetensors file.

    Raises:
        ValueError: none there, damaged ones, or those of another network; with ``settings``, a run of other neurons.
    """
    if not path.exists():
        raise ValueError(f"{path} does not exist: name a run's folder, or a safetensors file of its weights")
    folder = RunFolder(path)
    if settings is not None and path.is_dir():
        theirs = open_run(folder)
        # Thresholds come with some initialisers, so weights mean the same only under the same one.
        both = [s.init if s.init.startswith("emstdp") else None for s in (theirs, settings)]
        shared = ["neuron", "neuron_option", "output", "output_option", *(["init", "init_option"] if any(both) else [])]
        for name in shared:
            if getattr(theirs, name) != getattr(settings, name):
                raise ValueError(
                    f"the run {path} has {name} = {getattr(theirs, name)!r}, this one {getattr(settings, name)!r}: its "
                    "weights would mean something else; set it as there"
                )
    file = folder.weights if path.is_dir() else path
    weights, _ = load_weights(file)
    try:
        check_same_network(network, weights)
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from error
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


def check_outputs(network: Network, loader: Loader, settings: Settings) -> None:
    """Raise ValueError where the network has not one output a class."""
    inputs, _ = loader.load(loader.indices[:1])
    with torch.no_grad(), evaluating(network):
        outputs = network(inputs[:1]).shape[1]
    classes = loader.dataset.classes
    if outputs != classes:
        raise ValueError(
            f"network {settings.net!r} has {outputs} outputs and data set {settings.data!r} has {classes} classes: end "
            f"the string in {classes}"
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
        **options,
    )


def open_run(folder: RunFolder) -> Settings:
    """The settings of a run.

    Raises:
        ValueError: the folder holds no run, or its settings are damaged.
    """
    if not folder.settings.is_file():
        raise ValueError(f"{folder.path} holds no run (no {folder.settings.name}): name the folder that train wrote")
    return settings_from(read_settings(folder.settings))


def trained_network(folder: RunFolder, settings: Settings) -> Network:
    """The network of a run with its final weights, in evaluation mode.

    Raises:
        ValueError: no weights yet, damaged ones, or those of another network.
    """
    network = settings.make_network()
    begin_with(network, folder.path)
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
