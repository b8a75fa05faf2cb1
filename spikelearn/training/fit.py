"""Training over epochs, from one call."""

from collections.abc import Mapping
from typing import Any

import torch

from spikelearn.checks import check_count
from spikelearn.loading import Batches, Loader, Source, loader_of
from spikelearn.training.averages import check_averaging
from spikelearn.training.display import Display, Silent
from spikelearn.training.fitting import Fitted, Fitting, Watch
from spikelearn.training.folder import RunFolder
from spikelearn.training.parallel import ALONE, Processes, mean_over_processes
from spikelearn.training.parallel.sharing import check_shares
from spikelearn.training.training import Training


def fit(
    training: Training,
    loader: Source,
    *,
    epochs: int,
    validation: Source | None = None,
    watched: Source | None = None,
    patience: int | None = None,
    folder: RunFolder | None = None,
    resume: bool = False,
    device: torch.device | str = "cpu",
    display: Display | None = None,
    about: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
    processes: Processes = ALONE,
) -> Fitted:
    """Train for ``epochs`` epochs; with ``folder``, metrics and checkpoints go there, and what is drawn of a run.

    Every call begins at its own first epoch, and so with the same order of samples: to train longer ask for more
    epochs, or resume.

    Args:
        training: what learns, and how.
        loader: training samples: a ``Loader``, or any iterable of (inputs [T, B, ...], targets [B]) that can be gone
            through once an epoch, such as torch's ``DataLoader`` or a list. Of these a list alone can be resumed, and
            none be shared among processes: their order is not known. ``Batches(..., task=...)`` says what is asked,
            where the form of the targets does not.
        epochs: epochs in all, those before a resume included.
        validation: samples on which the task's measure is taken after every epoch; of the same kinds.
        watched: test samples, measured after every epoch for a curve; nothing is chosen by them.
        patience: epochs without a better validation measure after which training stops; the network then ends with
            the best epoch's weights. None: all epochs, and the last weights.
        folder: the run's folder.
        resume: go on from the folder's checkpoint, exactly as if the run had never stopped.
        device: where the network lies.
        display: what is shown, for example ``ConsoleDisplay()``; None: nothing.
        about: plain values that a resumed run must have in common with the run's beginning.
        watch: called before the first epoch with (training, 0), and after every epoch with its number; it may look, and
            must change nothing. A crash may have it called again with the same number.
        processes: among which every batch is shared out (``processes.joined``); updates are averaged over them. The
            first alone writes to ``folder``, shows and watches.

    Raises:
        ValueError: batches of another form, or that cannot be gone through again; patience without validation samples;
            what must hold after every step, where the average of the steps is kept; a folder that holds a run already,
            a resume without a (whole, fitting) checkpoint.
        NonFiniteUpdate: NaN or infinity; epoch and batch are named, the last checkpoint stays.
        ProcessLost: another process is gone; the last checkpoint stays.
        Interrupted: Ctrl-C or termination; the checkpoint is written.
    """
    check_count("epochs", epochs)
    if patience is not None:
        check_count("patience", patience)
        if validation is None:
            raise ValueError(
                f"patience is {patience}, but there are no validation samples: hold some out, or leave it out"
            )
    check_averaging(training)
    if (patience is not None or resume) and folder is None:
        raise ValueError("patience and resume need a folder for the weights: pass folder=RunFolder(path)")
    batches = loader_of("loader", loader, epochs)
    held, curve = (
        None if source is None else loader_of(name, source, epochs)
        for name, source in (("validation", validation), ("watched", watched))
    )
    if resume and isinstance(batches, Batches) and not batches.repeats:
        raise ValueError(
            f"a {type(loader).__name__} cannot be resumed: its order of samples is not known; train with a Loader, "
            "whose order follows from its seed, or with a list of batches"
        )
    if not processes.alone:
        _check_shared(processes, batches, held, curve)
        training.reduce = mean_over_processes
    display = display if display and processes.first else Silent()
    watch = watch if processes.first else None
    device, about = torch.device(device), about or {}
    call = Fitting(training, batches, epochs, held, curve, patience, folder, device, display, about, watch, processes)
    return call.run(resume)


def _check_shared(processes: Processes, *sources: Loader | Batches | None) -> None:
    """Raise ValueError where the batches cannot be shared out among processes."""
    for source in sources:
        if isinstance(source, Batches):
            raise ValueError(
                f"{processes.count} processes share out the batches of a Loader, but a {type(source.given).__name__} "
                "was given: make a Loader, for example of an ArrayDataset"
            )
    assert isinstance(sources[0], Loader)
    check_shares(processes, sources[0].batch)
