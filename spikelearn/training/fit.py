"""The loop over epochs and batches, and its exact resume."""

import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from spikelearn.checks import check_count, check_instance
from spikelearn.datasets import DataWarning
from spikelearn.export import load_weights, save_weights
from spikelearn.loading import Batches, Loader, Source, loader_of
from spikelearn.measure import Evaluation
from spikelearn.plasticity import Batch, Update
from spikelearn.training.checkpoint import load_checkpoint, save_checkpoint
from spikelearn.training.display import Display, Silent
from spikelearn.training.finite import NonFiniteUpdate
from spikelearn.training.fitted import fit_readout
from spikelearn.training.folder import RunFolder
from spikelearn.training.health import odd_scale
from spikelearn.training.interrupt import Interrupted, Wish, stop_on_signals
from spikelearn.training.learning import learn
from spikelearn.training.predicting import predictor
from spikelearn.training.processes import ALONE, Processes
from spikelearn.training.recording import RECORDED, record_samples
from spikelearn.training.reduction import ProcessLost, mean_over_processes
from spikelearn.training.sharing import check_shares, counted, evaluate_together, with_draws
from spikelearn.training.state import check_same_network
from spikelearn.training.state_checks import check_keys, check_like, check_number, is_same
from spikelearn.training.training import Training

#: Seconds between two checkpoints inside an epoch.
CHECKPOINT_EVERY = 60.0


#: Looks at a training before its first epoch (0) and after every other.
Watch = Callable[[Training, int], None]


@dataclass
class Position:
    """Where a run stands: the next batch, what the epoch has summed up so far, and the best epoch yet.

    Args:
        hits, error: sum of the task's measure, ``hits`` of one that counts right answers and ``error`` of any other.
        counted: what that sum is a mean over, samples or steps.
        best_accuracy: the best validation measure yet, where ``best_epoch`` is not 0.
    """

    epoch: int = 0
    batch: int = 0
    seen: int = 0
    hits: int = 0
    error: float = 0.0
    counted: int = 0
    loss: float = 0.0
    has_loss: bool = False
    rates: dict[str, float] = field(default_factory=dict)
    metrics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    best_accuracy: float = -1.0
    best_epoch: int = 0
    stopped: bool = False

    @classmethod
    def of(cls, given: Any) -> "Position":
        """The position that a checkpoint holds.

        Raises:
            ValueError: a part is missing, of another kind, or a number that no position has.
        """
        own = asdict(cls())
        if isinstance(given, dict):  # earlier versions knew of right answers alone
            given = {"error": 0.0, "counted": given.get("seen"), **given}
        check_keys("position", given, list(own))
        for name, value in own.items():
            if isinstance(value, dict):
                check_keys(f"position.{name}", given[name], list(given[name]) if isinstance(given[name], dict) else [])
                for key, number in given[name].items():
                    check_number(f"position.{name}.{key}", number, whole=False)
            else:
                check_like(f"position.{name}", given[name], value)
        for name in ("epoch", "batch", "seen", "hits", "counted", "error", "seconds", "best_epoch"):
            check_number(f"position.{name}", given[name], whole=name not in ("seconds", "error"), least=0)
        return cls(**given)


@dataclass(frozen=True)
class Fitted:
    """How a training ended: epochs run, the best validation measure (None without one), and in which epoch."""

    epochs: int
    best: float | None
    best_epoch: int | None


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
        ValueError: batches of another form, or that cannot be gone through again; patience without validation samples,
            a folder that holds a run already, a resume without a (whole, fitting) checkpoint.
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
    call = _Fit(training, batches, epochs, held, curve, patience, folder, device, display, about, watch, processes)
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


@dataclass
class _Fit:
    """One call of ``fit``, under its arguments' names, and where it stands."""

    training: Training
    loader: Loader | Batches
    epochs: int
    validation: Loader | Batches | None
    watched: Loader | Batches | None
    patience: int | None
    folder: RunFolder | None
    device: torch.device
    display: Display
    about: Mapping[str, Any]
    watch: Watch | None = None
    processes: Processes = ALONE
    at: Position = field(default_factory=Position)
    asked: bool = False
    #: The first samples, which the recording shows.
    shown: Batch | None = None

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
        if self.own is not None and self.own.begun:
            raise ValueError(f"{self.own.path} already holds a run: pass resume=True, or another folder")
        if self.watch is not None:
            self.watch(self.training, 0)
        self._save()

    def _epoch(self, wish: Wish) -> None:
        started = saved = time.monotonic()
        before = self.at.seconds
        together = self.processes
        loader = self.loader.shared_out(together.rank, together.count, fill=True)
        for samples in loader.epoch(self.at.epoch, self.at.batch):
            given = Batch.of(samples, self.loader.task)
            self._look(given)
            size = loader.size(self.at.batch)
            mine = counted(together, size)
            batch = self._masked(given.to(self.device), size)
            try:
                update = learn(self.training, batch, mine * together.count / size)
            except NonFiniteUpdate as error:
                place = f"epoch {self.at.epoch + 1}, batch {self.at.batch + 1} of {len(self.loader) or 'unknown'}"
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
        self._check_finite()
        fit_readout(self.training.network, self.loader, device=self.device, between=lambda: self._stop_if_asked(wish))
        held = self._measure(self.validation, wish)
        self.at.seconds = before + time.monotonic() - started
        self._close_epoch(held, self._measure(self.watched, wish))

    def _look(self, batch: Batch) -> None:
        """Keep the first samples for the recording, and say where their scale is not what neurons expect."""
        if self.shown is not None:
            return
        self.shown = batch.first(RECORDED)
        first = next(iter(self.training.network.blocks.values()))
        # Where batch norm follows the weights, the scale of what meets them says nothing.
        normed = any(isinstance(module, _BatchNorm) for module in first.synapse.modules())
        if self.at.epoch or normed or not self.processes.first:
            return
        if odd := odd_scale(batch.inputs, float(torch.as_tensor(first.neuron.v_threshold).mean())):
            warnings.warn(odd, DataWarning, stacklevel=2)

    def _masked(self, batch: Batch, size: int) -> Batch:
        training = self.training
        return with_draws(self.processes, batch, size, training.rule, training.network, training.generator)

    def _count(self, update: Update, batch: Batch, mine: int, size: int, wish: Wish) -> None:
        at = self.at
        score, counted = batch.task.score(update.scores, batch.targets, batch.valid_steps) if mine else (0, 0)
        measured = [*update.rates.values(), *update.metrics.values()]
        # The wish to stop travels with what is measured: all stop behind the same batch.
        shares = (value * mine for value in measured)
        asked, total, count, *sums = self.processes.sums([wish.asked, score, counted, *shares])
        self.asked = asked > 0
        at.batch += 1
        at.seen += size
        at.counted += int(count)
        if batch.task.measure.share:
            at.hits += int(total)
        else:
            at.error += total
        if update.loss is not None:
            at.loss += float(update.loss) * size
        for name, total in zip(update.rates, sums, strict=False):
            at.rates[name] = at.rates.get(name, 0.0) + total
        for name, total in zip(update.metrics, sums[len(update.rates) :], strict=True):
            at.metrics[name] = at.metrics.get(name, 0.0) + total
        at.has_loss = update.loss is not None

    def _values(self) -> dict[str, Any]:
        at, measure = self.at, self.loader.task.measure
        return {
            "loss": at.loss / at.seen if at.has_loss else None,
            measure.name: (at.hits if measure.share else at.error) / at.counted,
            "rates": {name: total / at.seen for name, total in at.rates.items()},
            "metrics": {name: total / at.seen for name, total in at.metrics.items()},
            "samples_per_second": at.seen / max(at.seconds, 1e-9),
        }

    def _measure(self, loader: Loader | Batches | None, wish: Wish) -> Evaluation | None:
        if loader is None:
            return None
        together, network = self.processes, self.training.network
        predict = predictor(self.training.rule, network, self.training.memory)
        return evaluate_together(
            together,
            network,
            loader,
            device=self.device,
            stop=lambda: self._stop_if_asked(wish),
            predict=predict,
        )

    def _stop_if_asked(self, wish: Wish) -> None:
        self._stop_if(self.processes.any(wish.asked))

    def _close_epoch(self, held: Evaluation | None, watched: Evaluation | None) -> None:
        at = self.at
        row = {"epoch": at.epoch + 1, **self._values()}
        measure = self.loader.task.measure
        row[f"validation_{measure.name}"] = held.value if held else None
        if watched:
            row |= {f"test_{name}": value for name, value in watched.measures.items()}
        row["lr"] = self.training.optimizer.param_groups[0]["lr"]
        row["seconds"] = round(at.seconds, 3)
        if held and (not at.best_epoch or measure.is_better(held.value, at.best_accuracy)):
            at.best_accuracy, at.best_epoch = held.value, at.epoch + 1
            if self.own and self.patience is not None:
                save_weights(self.own.best, self.training.network.state_dict(), {})
        at.stopped = self.patience is not None and at.epoch + 1 - at.best_epoch >= self.patience
        at.epoch, at.batch = at.epoch + 1, 0
        at.seen, at.hits, at.error, at.counted = 0, 0, 0.0, 0
        at.loss, at.rates, at.metrics, at.seconds = 0.0, {}, {}, 0.0
        if self.own:
            self.own.append_metrics(row)
        if self.watch is not None:
            self.watch(self.training, at.epoch)
        self._save()
        warnings = self.training.rule.warnings(row["metrics"])
        self.display.epoch({**row, "blank": self.loader.blank, "warnings": warnings})

    def _end(self) -> Fitted:
        network = self.training.network
        if self.patience is not None and self.folder is not None:
            best = self.folder.best
            weights, _ = self.processes.from_first(lambda: load_weights(best))
            check_same_network(network, weights)
            network.load_state_dict(weights)
        if self.own is not None and not self.own.settings.is_file():  # train keeps those of the test samples
            save_weights(self.own.weights, network.state_dict(), {})
            if self.shown is not None:
                record_samples(self.own.recording, network, self.shown, self.device)
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
            self._check_finite()
            state = {"training": self.training.state_dict(), "position": asdict(self.at), "about": dict(self.about)}
            save_checkpoint(self.own.checkpoint, {**state, "metrics": self.own.metrics_digest(self.at.epoch)})

    def _check_finite(self) -> None:
        """What is NaN or infinite is never saved, nor is an epoch that ends in it."""
        try:
            self.training.check_finite()
        except NonFiniteUpdate as error:
            raise NonFiniteUpdate(f"epoch {self.at.epoch + 1}, behind batch {self.at.batch}: {error}") from error

    def _restore(self) -> None:
        assert self.folder is not None
        checkpoint = self.folder.checkpoint
        state = self.processes.from_first(lambda: load_checkpoint(checkpoint))
        try:
            check_keys("the state", state, ["training", "position", "about", "metrics"])
            position, training, about = Position.of(state["position"]), state["training"], state["about"]
            check_instance("about", about, dict, "a checkpoint that this program wrote has one")
            self._check_place(position)
        except ValueError as error:
            raise ValueError(
                f"{checkpoint} is of another version of this program, or of another run: {error}"
            ) from error
        for name, value in self.about.items():
            if not is_same(about.get(name), value):
                raise ValueError(
                    f"the run in {self.folder.path} began with {name} = {about.get(name)!r}, now it is {value!r}: "
                    "set it back, or train anew"
                )
        try:
            self.training.load_state_dict(training)
        except ValueError as error:
            raise ValueError(f"{checkpoint} is not of this run: {error}") from error
        self.at = position
        if self.own is not None:
            self.own.keep_metrics_before(self.at.epoch, str(state["metrics"]))

    def _check_place(self, position: Position) -> None:
        """Raise ValueError unless ``position`` is one that this run can have."""
        seen, loader = position.seen, self.loader
        if isinstance(loader, Loader):
            seen = min(position.batch * loader.batch, loader.samples)
        inside = position.batch <= len(loader) and bool(position.batch) == bool(position.seen)
        if not inside or position.seen != seen or position.hits > position.counted:
            raise ValueError(
                f"it stands in epoch {position.epoch + 1}, behind batch {position.batch} of "
                f"{len(loader)} with {position.seen} samples seen and {position.hits} right, which cannot be"
            )
