"""The loop over epochs and batches, and its exact resume."""

import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch.nn.modules.batchnorm import _BatchNorm

from spikelearn.checks import check_instance
from spikelearn.datasets import DataWarning
from spikelearn.export import load_weights, save_weights
from spikelearn.loading import Batches, Loader
from spikelearn.measure import Evaluation
from spikelearn.network import FittedReadout
from spikelearn.neurons.parts.differential import DifferentialNeuron
from spikelearn.plasticity import Batch, RuleWarning, Update
from spikelearn.training.averages import to_averages
from spikelearn.training.checkpoint import load_checkpoint, save_checkpoint
from spikelearn.training.display import Display
from spikelearn.training.finite import NonFiniteUpdate
from spikelearn.training.fit_readout import fit_readout
from spikelearn.training.folder import RunFolder
from spikelearn.training.health import odd_scale
from spikelearn.training.interrupt import Interrupted, StopRequest, stop_on_signals
from spikelearn.training.learning import learn
from spikelearn.training.parallel import ALONE, Processes, ProcessLost, evaluate_together
from spikelearn.training.parallel.sharing import counted, with_draws
from spikelearn.training.position import Position
from spikelearn.training.predicting import predictor, reader
from spikelearn.training.recording import RECORDED, record_samples
from spikelearn.training.state import check_same_network
from spikelearn.training.state_checks import check_keys, is_same
from spikelearn.training.training import Training
from spikelearn.training.unchanged import unchanged_words, weights_mark

#: Seconds between two checkpoints inside an epoch.
CHECKPOINT_EVERY = 60.0

#: Looks at a training before its first epoch (0) and after every other.
Watch = Callable[[Training, int], None]


@dataclass(frozen=True)
class Fitted:
    """The end of a training: epochs run, the best validation measure (None without one), and its epoch."""

    epochs: int
    best: float | None
    best_epoch: int | None


@dataclass
class Fitting:
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
    #: Batches of this call.
    learned: int = 0
    #: Seconds of this epoch, in this call, for which training waited for its samples, and of its batches in all.
    waited: float = 0.0
    spent: float = 0.0
    #: Whether the readout is one that is fitted, and was not yet when the epoch began.
    unfitted: bool = False

    @property
    def own(self) -> RunFolder | None:
        """The folder, where this process writes."""
        return self.folder if self.processes.first else None

    def run(self, resume: bool) -> Fitted:
        with stop_on_signals() as request:
            if resume:
                self._restore()
            else:
                self._begin()
            mark = weights_mark(self.training.network)
            self.display.start(self.epochs, len(self.loader), self.at.epoch, self.at.batch)
            try:
                while self.at.epoch < self.epochs and not self.at.stopped:
                    self._epoch(request)
            except Exception as error:
                # A run that never learned a batch leaves its folder free for the corrected one.
                if self.own is not None and self.at == Position() and not isinstance(error, ProcessLost):
                    self.own.checkpoint.unlink(missing_ok=True)
                raise
            finally:
                self.display.stop()
        if self.learned and self.processes.first and weights_mark(self.training.network) == mark:
            warnings.warn(unchanged_words(self.training.rule, self.learned), RuleWarning, stacklevel=3)
        return self._end()

    def _begin(self) -> None:
        if self.own is not None and self.own.begun:
            raise ValueError(f"{self.own.path} already holds a run: pass resume=True, or another folder")
        if self.watch is not None:
            self.watch(self.training, 0)
        self._save()

    def _epoch(self, request: StopRequest) -> None:
        started = saved = time.monotonic()
        readout = self.training.network.readout
        self.unfitted = isinstance(readout, FittedReadout) and not any(map(torch.any, readout.head.buffers()))
        before = self.at.seconds
        together = self.processes
        loader = self.loader.shared_out(together.rank, together.count, fill=True)
        self.waited = self.spent = 0.0
        for samples in self._timed(loader.epoch(self.at.epoch, self.at.batch)):
            given = Batch.of(samples, self.loader.task)
            self._look(given)
            size = loader.size(self.at.batch)
            mine = counted(together, size)
            batch = self._masked(given.to(self.device), size)
            try:
                update = learn(self.training, batch, mine * together.count / size)
            except NonFiniteUpdate as error:
                raise NonFiniteUpdate(f"{self._place(self.at.batch + 1)}: {error}") from error
            if self.training.schedule is not None:
                self.training.schedule.step()
            self._count(update, batch, mine, size, request)
            self.spent = time.monotonic() - started
            self.at.seconds = before + self.spent
            self.display.batch(self.at.epoch, self.at.batch, {**self._values(), "unfitted": self.unfitted})
            self._stop_if(request.asked if together.alone else self.asked)
            if time.monotonic() - saved > CHECKPOINT_EVERY:
                self._save()
                saved = time.monotonic()
        self._check_finite()
        network, between = self.training.network, lambda: self._stop_if_asked(request)
        to_averages(self.training, self.loader, device=self.device, between=between)
        reads = reader(self.training.rule, network, self.training.memory)
        fit_readout(network, self.loader, device=self.device, between=between, reads=reads)
        held = self._measure(self.validation, request)
        self.at.seconds = before + time.monotonic() - started
        self._close_epoch(held, self._measure(self.watched, request))

    def _timed(self, batches: Iterator[Any]) -> Iterator[Any]:
        """``batches``, and the time that each takes to come, in ``waited``."""
        while True:
            asked = time.monotonic()
            samples = next(batches, None)
            self.waited += time.monotonic() - asked
            if samples is None:
                return
            yield samples

    def _look(self, batch: Batch) -> None:
        """Keep the first samples for the recording; say what the rule remarks, and where their scale is unusual."""
        if self.shown is not None:
            return
        self.shown = batch.first(RECORDED)
        if not self.at.epoch and self.processes.first:
            for told in self.training.rule.remarks(batch):
                warnings.warn(told, DataWarning, stacklevel=2)
        first = next(iter(self.training.network.blocks.values()))
        # Where batch norm follows the weights, the scale of what meets them says nothing.
        normed = any(isinstance(module, _BatchNorm) for module in first.synapse.modules())
        if self.at.epoch or normed or not self.processes.first:
            return
        if isinstance(first.neuron, DifferentialNeuron):
            return  # its threshold is the peak of a spike, in units of its own, and says nothing of currents
        if odd := odd_scale(batch.inputs, float(torch.as_tensor(first.neuron.v_threshold).double().mean())):
            warnings.warn(odd, DataWarning, stacklevel=2)

    def _place(self, batch: int) -> str:
        return f"epoch {self.at.epoch + 1}, batch {batch} of {len(self.loader) or 'unknown'}"

    def _masked(self, batch: Batch, size: int) -> Batch:
        training = self.training
        return with_draws(self.processes, batch, size, training.rule, training.network, training.generator)

    def _count(self, update: Update, batch: Batch, mine: int, size: int, request: StopRequest) -> None:
        at = self.at
        score, counted = batch.task.score(update.scores, batch.targets, batch.valid_steps) if mine else (0, 0)
        measured = [*update.rates.values(), *update.metrics.values()]
        # The request to stop travels with what is measured: all stop behind the same batch.
        shares = (value * mine for value in measured)
        asked, total, count, *sums = self.processes.sums([request.asked, score, counted, *shares])
        self.asked = asked > 0
        at.batch += 1
        self.learned += 1
        at.seen += size
        at.counted += int(count)
        if batch.task.measure.share:
            at.hits += int(total)
        else:
            at.error += total
        if update.loss is not None:
            at.loss += float(update.loss) * size
        for name, total in zip((*update.rates, *update.metrics), sums, strict=True):
            if not math.isfinite(total):
                raise NonFiniteUpdate(
                    f"{self._place(at.batch)}: the mean of {name} is {total / size}: lower the learning rate, also of "
                    "what the rule itself learns, or check the inputs for NaN"
                )
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

    def _measure(self, loader: Loader | Batches | None, request: StopRequest) -> Evaluation | None:
        if loader is None:
            return None
        together, network = self.processes, self.training.network
        predict = predictor(self.training.rule, network, self.training.memory)
        return evaluate_together(
            together,
            network,
            loader,
            device=self.device,
            stop=lambda: self._stop_if_asked(request),
            predict=predict,
        )

    def _stop_if_asked(self, request: StopRequest) -> None:
        self._stop_if(self.processes.any(request.asked))

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
        self.training.to_steps()
        if self.watch is not None:
            self.watch(self.training, at.epoch)
        self._save()
        told = self.training.rule.warnings(row["metrics"])
        row["waiting"] = self.waited / max(self.spent, self.waited, 1e-9)  # shown, not kept: it is this machine's
        self.display.epoch({**row, "blank": self.loader.blank, "warnings": told, "unfitted": self.unfitted})

    def _end(self) -> Fitted:
        network = self.training.network
        to_averages(self.training, self.loader, device=self.device)
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
        """Refuse to save a state, or to end an epoch, with NaN or infinity."""
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
