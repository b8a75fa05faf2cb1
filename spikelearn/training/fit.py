"""The loop over epochs and batches, and its exact resume."""

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from spikelearn.checks import check_count
from spikelearn.datasets import Loader
from spikelearn.export import load_weights, save_weights
from spikelearn.measure import Evaluation, correct
from spikelearn.plasticity import Batch, Update
from spikelearn.training.checkpoint import load_checkpoint, save_checkpoint
from spikelearn.training.display import Display, Silent
from spikelearn.training.folder import RunFolder
from spikelearn.training.interrupt import Interrupted, Wish, stop_on_signals
from spikelearn.training.processes import ALONE, Processes
from spikelearn.training.reduction import ProcessLost, mean_over_processes
from spikelearn.training.sharing import check_shares, counted, evaluate_together, with_masks
from spikelearn.training.training import NonFiniteUpdate, Training, check_same_network, learn

#: Seconds between two checkpoints inside an epoch.
CHECKPOINT_EVERY = 60.0


#: Looks at a training before its first epoch (0) and after every other.
Watch = Callable[[Training, int], None]


@dataclass
class Position:
    """Where a run stands: the next batch, what the epoch has summed up so far, and the best epoch yet."""

    epoch: int = 0
    batch: int = 0
    seen: int = 0
    hits: int = 0
    loss: float = 0.0
    has_loss: bool = False
    rates: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    best_accuracy: float = -1.0
    best_epoch: int = 0
    stopped: bool = False


@dataclass(frozen=True)
class Fitted:
    """How a training ended: epochs run, the best validation accuracy (None without one), and in which epoch."""

    epochs: int
    best_accuracy: float | None
    best_epoch: int | None


def fit(
    training: Training,
    loader: Loader,
    *,
    epochs: int,
    validation: Loader | None = None,
    watched: Loader | None = None,
    patience: int | None = None,
    folder: RunFolder | None = None,
    resume: bool = False,
    device: torch.device | str = "cpu",
    display: Display | None = None,
    about: Mapping[str, Any] | None = None,
    watch: Watch | None = None,
    processes: Processes = ALONE,
) -> Fitted:
    """Train for ``epochs`` epochs; with ``folder``, metrics and checkpoints go there.

    Every call begins at its own first epoch, and so with the same order of samples: to train longer ask for more
    epochs, or resume.

    Args:
        training: what learns, and how.
        loader: training samples.
        epochs: epochs in all, those before a resume included.
        validation: samples on which accuracy is measured after every epoch.
        watched: test samples, measured after every epoch for a curve; nothing is chosen by them.
        patience: epochs without a better validation accuracy after which training stops; the network then ends with
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
        ValueError: patience without validation samples, a folder that holds a run already, a resume without a (whole,
            fitting) checkpoint.
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
    if (patience is not None or resume) and folder is None:
        raise ValueError("patience and resume need a folder for the weights: pass folder=RunFolder(path)")
    if not processes.alone:
        check_shares(processes, loader.batch)
        training.reduce = mean_over_processes
    display = display if display and processes.first else Silent()
    watch = watch if processes.first else None
    device, about = torch.device(device), about or {}
    call = _Fit(
        training, loader, epochs, validation, watched, patience, folder, device, display, about, watch, processes
    )
    return call.run(resume)


@dataclass
class _Fit:
    """One call of ``fit``, under its arguments' names, and where it stands."""

    training: Training
    loader: Loader
    epochs: int
    validation: Loader | None
    watched: Loader | None
    patience: int | None
    folder: RunFolder | None
    device: torch.device
    display: Display
    about: Mapping[str, Any]
    watch: Watch | None = None
    processes: Processes = ALONE
    at: Position = field(default_factory=Position)
    asked: bool = False

    @property
    def own(self) -> RunFolder | None:
        """The folder, where this process writes."""
        return self.folder if self.processes.first else None

    def run(self, resume: bool) -> Fitted:
        with stop_on_signals() as wish:
            if resume:
                self._restore()
            else:
                self._begin()
            self.display.start(self.epochs, len(self.loader), self.at.epoch, self.at.batch)
            try:
                while self.at.epoch < self.epochs and not self.at.stopped:
                    self._epoch(wish)
            except Exception as error:
                # A run that never learned a batch leaves its folder free for the corrected one.
                if self.own is not None and self.at == Position() and not isinstance(error, ProcessLost):
                    self.own.checkpoint.unlink(missing_ok=True)
                raise
            finally:
                self.display.stop()
        return self._end()

    def _begin(self) -> None:
        if self.own is not None and self.own.checkpoint.exists():
            raise ValueError(f"{self.own.path} already holds a run: pass resume=True, or another folder")
        if self.watch is not None:
            self.watch(self.training, 0)
        self._save()

    def _epoch(self, wish: Wish) -> None:
        started = saved = time.monotonic()
        before = self.at.seconds
        together = self.processes
        loader = self.loader.shared_out(together.rank, together.count, fill=True)
        for inputs, targets in loader.epoch(self.at.epoch, self.at.batch):
            size = loader.size(self.at.batch)
            mine = counted(together, size)
            batch = self._masked(Batch(inputs, targets).to(self.device), size)
            try:
                update = learn(self.training, batch, mine * together.count / size)
            except NonFiniteUpdate as error:
                place = f"epoch {self.at.epoch + 1}, batch {self.at.batch + 1} of {len(self.loader)}"
                raise NonFiniteUpdate(f"{place}: {error}") from error
            if self.training.schedule is not None:
                self.training.schedule.step()
            self._count(update, batch, mine, size, wish)
            self.at.seconds = before + time.monotonic() - started
            self.display.batch(self.at.epoch, self.at.batch, self._values())
            self._stop_if(wish.asked if together.alone else self.asked)
            if time.monotonic() - saved > CHECKPOINT_EVERY:
                self._save()
                saved = time.monotonic()
        held = self._measure(self.validation, wish)
        self.at.seconds = before + time.monotonic() - started
        self._close_epoch(held, self._measure(self.watched, wish))

    def _masked(self, batch: Batch, size: int) -> Batch:
        training = self.training
        return with_masks(self.processes, batch, size, training.rule, training.network, training.generator)

    def _count(self, update: Update, batch: Batch, mine: int, size: int, wish: Wish) -> None:
        at = self.at
        hits = correct(update.scores, batch.targets) if mine else 0
        measured = [*update.rates.values(), *update.metrics.values()]
        # The wish to stop travels with what is measured: all stop behind the same batch.
        asked, hits_of_all, *sums = self.processes.sums([wish.asked, hits, *(value * mine for value in measured)])
        self.asked = asked > 0
        at.batch += 1
        at.seen += size
        at.hits += int(hits_of_all)
        if update.loss is not None:
            at.loss += float(update.loss) * size
        for name, total in zip(update.rates, sums, strict=False):
            at.rates[name] = at.rates.get(name, 0.0) + total
        for name, total in zip(update.metrics, sums[len(update.rates) :], strict=True):
            at.metrics[name] = at.metrics.get(name, 0.0) + total
        at.has_loss = update.loss is not None

    def _values(self) -> dict[str, Any]:
        at = self.at
        return {
            "loss": at.loss / at.seen if at.has_loss else None,
            "accuracy": at.hits / at.seen,
            "rates": {name: total / at.seen for name, total in at.rates.items()},
            "metrics": {name: total / at.seen for name, total in at.metrics.items()},
            "samples_per_second": at.seen / max(at.seconds, 1e-9),
        }

    def _measure(self, loader: Loader | None, wish: Wish) -> Evaluation | None:
        if loader is None:
            return None
        together, network = self.processes, self.training.network
        return evaluate_together(
            together, network, loader, device=self.device, stop=lambda: self._stop_if(together.any(wish.asked))
        )

    def _close_epoch(self, held: Evaluation | None, watched: Evaluation | None) -> None:
        at = self.at
        row = {"epoch": at.epoch + 1, **self._values()}
        row["validation_accuracy"] = held.accuracy if held else None
        if watched:
            row["test_accuracy"], row["test_unique_accuracy"] = watched.accuracy, watched.unique_accuracy
        row["lr"] = self.training.optimizer.param_groups[0]["lr"]
        row["seconds"] = round(at.seconds, 3)
        if held and held.accuracy > at.best_accuracy:
            at.best_accuracy, at.best_epoch = held.accuracy, at.epoch + 1
            if self.own and self.patience is not None:
                save_weights(self.own.best, self.training.network.state_dict(), {})
        at.stopped = self.patience is not None and at.epoch + 1 - at.best_epoch >= self.patience
        at.epoch, at.batch = at.epoch + 1, 0
        at.seen, at.hits, at.loss, at.rates, at.metrics, at.seconds = 0, 0, 0.0, {}, {}, 0.0
        if self.own:
            self.own.append_metrics(row)
        if self.watch is not None:
            self.watch(self.training, at.epoch)
        self._save()
        self.display.epoch(row)

    def _end(self) -> Fitted:
        network = self.training.network
        if self.patience is not None and self.folder is not None:
            best = self.folder.best
            weights, _ = self.processes.from_first(lambda: load_weights(best))
            check_same_network(network, weights)
            network.load_state_dict(weights)
        if self.validation is None:
            return Fitted(self.at.epoch, None, None)
        return Fitted(self.at.epoch, self.at.best_accuracy, self.at.best_epoch)

    def _stop_if(self, asked: bool) -> None:
        if asked:
            self._save()
            self.processes.wait()
            place = f"stopped in epoch {self.at.epoch + 1} of {self.epochs}, after batch {self.at.batch}"
            raise Interrupted(f"{place}; the checkpoint is in {self.folder.path}" if self.folder else place)

    def _save(self) -> None:
        if self.own is not None:
            state = {"training": self.training.state_dict(), "position": asdict(self.at), "about": dict(self.about)}
            save_checkpoint(self.own.checkpoint, state)

    def _restore(self) -> None:
        assert self.folder is not None
        checkpoint = self.folder.checkpoint
        state = self.processes.from_first(lambda: load_checkpoint(checkpoint))
        try:
            position, training, about = Position(**state["position"]), state["training"], state["about"]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{self.folder.checkpoint} is of another version of this program: train anew") from error
        for name, value in self.about.items():
            if about.get(name) != value:
                raise ValueError(
                    f"the run in {self.folder.path} began with {name} = {about.get(name)!r}, now it is {value!r}: "
                    "set it back, or train anew"
                )
        self.training.load_state_dict(training)
        self.at = position
        if self.own is not None:
            self.own.keep_metrics_before(self.at.epoch)
