"""One trial of a search: a training that is judged by samples held out of the training data."""

from collections.abc import Mapping
from typing import Any, Protocol

from spikelearn.bench.tune.studies import optuna_here
from spikelearn.runs import Settings, prepare, usable_device
from spikelearn.seeding import seed_everything
from spikelearn.tasks import Measure
from spikelearn.training import Silent, fit

#: Error of a trial that ended in NaN or infinity, of tasks that are judged by one: a database holds no infinity.
WORST_ERROR = 1e300


class Teller(Protocol):
    """Where a search says how far it is."""

    def status(self, words: str) -> None:
        """What is being done; it replaces what was said before."""

    def message(self, words: str) -> None:
        """What stays."""


class Quiet:
    """Says nothing."""

    def status(self, words: str) -> None: ...

    def message(self, words: str) -> None: ...


class EpochsOfTrial(Silent):
    """Keeps what the last epoch came to, says it, and asks the pruner."""

    def __init__(self, teller: Teller, words: str, trial: Any, measure: Measure) -> None:
        self.teller, self.words, self.trial, self.measure = teller, words, trial, measure
        self.value, self.samples, self.epochs, self.of_an_epoch = worst(measure), 0, 0, 0

    def start(self, epochs: int, batches: int, epoch: int, batch: int) -> None:
        self.epochs = epochs
        self.teller.status(f"{self.words}, epoch 1 of {epochs}")

    def epoch(self, row: Mapping[str, Any]) -> None:
        measure = self.measure
        self.value, self.samples = row[f"validation_{measure.name}"], self.samples + self.of_an_epoch
        here = f"{self.words}, epoch {row['epoch']} of {self.epochs}"
        self.teller.status(f"{here}: validation {measure.words} {measure.shown(self.value)}")
        if self.trial is not None:
            self.trial.report(self.value, row["epoch"])
            if row["epoch"] < self.epochs and self.trial.should_prune():
                raise optuna_here().TrialPruned


def worst(measure: Measure) -> float:
    """What a trial that failed is given: no share right, or an error beyond all."""
    return measure.worst if measure.higher else WORST_ERROR


def train_trial(settings: Settings, epochs: EpochsOfTrial) -> float:
    """The validation measure after the last epoch, whose weights are those that a comparison tests."""
    device = usable_device(settings.device)
    seed_everything(settings.seed)
    training, loaders = prepare(settings, device)
    epochs.of_an_epoch = loaders["train"].samples
    fit(
        training,
        loaders["train"],
        epochs=settings.epochs,
        validation=loaders["validation"],
        device=device,
        display=epochs,
    )
    return epochs.value
