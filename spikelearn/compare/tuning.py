"""Tuning: the same number of trials and epochs for every rule, judged by samples held out of the training data."""

import hashlib
import json
import platform
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import tomli_w

from spikelearn.checks import check_count, check_positive
from spikelearn.compare.nets import filled_in
from spikelearn.compare.spaces import Space, read_space, settings_at, start_of
from spikelearn.compare.studies import AT_RANDOM, DEFAULT, ended, open_study, optuna_here, search
from spikelearn.compare.tuned import needs_of
from spikelearn.files import write_atomically
from spikelearn.seeding import seed_everything
from spikelearn.training import NonFiniteUpdate, Settings, Silent, fit, merged, prepare, settings_from
from spikelearn.training.run import usable_device

#: Accuracy of a trial that ended in NaN or infinity.
WORST = 0.0

#: Settings that change no result.
ELSEWHERE = ("device", "data_root")


class Found(NamedTuple):
    """What a search found: its file, the settings, and how they were found, as the file holds it."""

    path: Path
    settings: dict[str, Any]
    search: dict[str, Any]


class Teller(Protocol):
    """Where a search says how far it is."""

    def now(self, words: str) -> None:
        """What is being done; it replaces what was said before."""

    def said(self, words: str) -> None:
        """What stays."""


class Quiet:
    """Says nothing."""

    def now(self, words: str) -> None: ...

    def said(self, words: str) -> None: ...


def tune(
    rule: str,
    common: Mapping[str, Any],
    out: str | Path,
    *,
    trials: int = 15,
    minutes: float | None = None,
    storage: str | None = None,
    seed: int = 0,
    space: Space | None = None,
    prune: bool = False,
    teller: Teller | None = None,
) -> Found:
    """Search settings of ``rule`` for the highest validation accuracy after the last epoch, and write them to a file.

    The file is ``<out>/<rule>/<data>.toml``, which a comparison reads. Test samples are never looked at. The first
    trial has the rule's defaults, with what it needs to run at all. A search that was stopped goes on where it was,
    with the same arguments; processes that share a storage share its trials.

    Args:
        rule: its name.
        common: settings that all rules share.
        out: folder of the files, of the rule's own ``any.toml`` if it has one, and of the study where no storage is
            named.
        trials: how many, of this rule.
        minutes: time after which this call begins no further trial; None: no bound.
        storage: URL of a database, as Optuna writes it.
        seed: of the sampler; that of the trainings is among ``common``.
        space: what is searched; None: what is declared for the rule, else its learning rate.
        prune: stop trials that are below the median of others at the same epoch; epochs are then no longer equal.
        teller: where to say how far it is.

    Raises:
        ValueError: settings, a space or a storage that cannot be used; no trial ended, or none without NaN.
        Interrupted: asked to stop; what had ended is kept.
    """
    check_count("trials", trials)
    check_count("seed", seed, least=0)
    if minutes is not None:
        check_positive("minutes", minutes, "min")
    whole = space or read_space(rule)
    searching = _Search(rule, dict(common), Path(out), trials, seed, whole, prune, teller or Quiet())
    searching.check()
    if not storage:
        Path(out).mkdir(parents=True, exist_ok=True)
    study = open_study(
        storage or f"sqlite:///{Path(out).resolve() / 'tune.db'}", searching.name, searching.start, prune=prune
    )
    until = time.monotonic() + (60.0 * minutes if minutes else float("inf"))
    search(study, searching.accuracy, trials=trials, until=until, seed=seed, wait=searching.wait)
    return searching.write(study)


@dataclass(frozen=True)
class _Search:
    """One rule's search, under the arguments' names of ``tune``."""

    rule: str
    common: dict[str, Any]
    out: Path
    trials: int
    seed: int
    space: Space
    prune: bool
    teller: Teller

    @cached_property
    def data(self) -> str:
        return str(self.common.get("data", Settings.model_fields["data"].default))

    @cached_property
    def needs(self) -> dict[str, Any]:
        return needs_of(self.rule, self.data, self.out)

    @cached_property
    def base(self) -> dict[str, Any]:
        """The settings that are not searched, and the values at which those that are begin."""
        if self.common.get("rule", self.rule) != self.rule:
            raise ValueError(
                f"the common settings name the rule {self.common['rule']!r}: drop it, rules are named apart"
            )
        net = self.common.get("net", Settings.model_fields["net"].default)
        values = merged(merged({**self.common, "net": net}, {"rule": self.rule}), self.needs)
        settings = settings_from({**values, "net": filled_in(values["net"], net)})
        if settings.validation == 0 or settings.patience is not None:
            raise ValueError(
                f"validation is {settings.validation} and patience {settings.patience}: tuning judges by held-out "
                "samples after equal epochs, so set validation above 0, and leave patience out"
            )
        return {**values, "net": settings.net}

    @cached_property
    def start(self) -> dict[str, Any]:
        return start_of(self.space, self.base)

    @cached_property
    def name(self) -> str:
        """Of the study: what its trials depend on, so that nothing else is mixed in."""
        made_of = [self.settings(self.start).model_dump(mode="json", exclude=set(ELSEWHERE)), self.seed, self.prune]
        words = json.dumps([made_of, [(d.setting, d.words) for d in self.space]], sort_keys=True)
        return f"{self.rule}-{self.data}-{hashlib.sha256(words.encode()).hexdigest()[:10]}"

    def settings(self, point: Mapping[str, Any]) -> Settings:
        return settings_from(merged(self.base, settings_at(self.space, point)))

    def check(self) -> None:
        """Raise ValueError where something could not be trained at the start, or set to an end or a choice."""
        if self.out.exists() and not self.out.is_dir():
            raise ValueError(f"{self.out} is a file, expected a folder for what is found: name another one with --out")
        for dimension in self.space:
            for value in dimension.choices or (dimension.low, dimension.high):
                self.settings({**self.start, dimension.setting: value})
        settings = self.settings(self.start)
        prepare(settings, usable_device(settings.device))

    def accuracy(self, trial: Any) -> float:
        """The objective."""
        point = {dimension.setting: dimension.draw(trial) for dimension in self.space}
        words = f"{self.rule} on {self.data}: trial {trial.number + 1} (budget {self.trials})"
        epochs = _Epochs(self.teller, words, trial if self.prune else None)
        settings = self.settings(point)
        try:
            value = _train(settings, epochs)
        except NonFiniteUpdate as error:
            value = WORST
            trial.set_user_attr("failure", str(error))
        trial.set_user_attr("samples", epochs.samples)
        at = ", ".join(f"{name}={value}" for name, value in _flat(settings_at(self.space, point)).items())
        self.teller.said(f"{words}: validation accuracy {100 * value:.2f} % ({at})")
        return value

    def wait(self, running: int) -> None:
        self.teller.now(f"{self.rule} on {self.data}: {running} trials still run in other processes")

    def write(self, study: Any) -> Found:
        """Write what the trials found."""
        done = ended(study, self.trials)
        whole = [trial for trial in done if trial.state.name == "COMPLETE" and "failure" not in trial.user_attrs]
        if not whole:
            reasons = {trial.user_attrs["failure"] for trial in done if "failure" in trial.user_attrs}
            what = f"all {len(done)} trials failed ({'; '.join(sorted(reasons))})" if done else "no trial has ended"
            raise ValueError(f"{self.rule} on {self.data}: {what}: nothing was found; search elsewhere, or for longer")
        best = max(whole, key=lambda trial: (trial.value, -trial.number))
        settings = merged(self.needs, settings_at(self.space, best.params))
        found = Found(self.out / self.rule / f"{self.data}.toml", settings, self._told(done, best))
        text = tomli_w.dumps({"search": found.search, "settings": found.settings})
        write_atomically(found.path, text.encode())
        return found

    def _told(self, done: list[Any], best: Any) -> dict[str, Any]:
        """The search as the file holds it."""
        default = next((trial for trial in done if trial.user_attrs.get(DEFAULT)), None)
        settings = self.settings(self.start)
        told = {
            "trials": len(done),
            "trials_failed": sum("failure" in trial.user_attrs for trial in done),
            "epochs": settings.epochs,
            "samples": sum(trial.user_attrs.get("samples", 0) for trial in done),
            "seconds": round(sum(trial.duration.total_seconds() for trial in done), 1),
            "validation_accuracy": best.value,
            "validation_accuracy_of_defaults": default.value if default else None,
            "space": [f"{dimension.setting}: {dimension.words}" for dimension in self.space],
            "sampler": f"tree-structured Parzen estimator, the first {AT_RANDOM} trials at random but for the defaults",
            "pruning": "below the median of other trials" if self.prune else "none",
            "seed": self.seed,
            "seed_of_trainings": settings.seed,
            "net": self.common.get("net", Settings.model_fields["net"].default),
            "common": {name: value for name, value in self.common.items() if name not in (*ELSEWHERE, "net", "data")},
            "study": self.name,
            "date": datetime.now(UTC).date().isoformat(),
            "versions": {name: version(name) for name in ("spikelearn", "torch", "optuna")}
            | {"python": platform.python_version()},
        }
        return {name: value for name, value in told.items() if value is not None}


class _Epochs(Silent):
    """Keeps what the last epoch came to, says it, and asks the pruner."""

    def __init__(self, teller: Teller, words: str, trial: Any) -> None:
        self.teller, self.words, self.trial = teller, words, trial
        self.accuracy, self.samples, self.epochs, self.of_an_epoch = WORST, 0, 0, 0

    def start(self, epochs: int, batches: int, epoch: int, batch: int) -> None:
        self.epochs = epochs
        self.teller.now(f"{self.words}, epoch 1 of {epochs}")

    def epoch(self, row: Mapping[str, Any]) -> None:
        self.accuracy, self.samples = row["validation_accuracy"], self.samples + self.of_an_epoch
        here = f"{self.words}, epoch {row['epoch']} of {self.epochs}"
        self.teller.now(f"{here}: validation accuracy {100 * self.accuracy:.1f} %")
        if self.trial is not None:
            self.trial.report(self.accuracy, row["epoch"])
            if row["epoch"] < self.epochs and self.trial.should_prune():
                raise optuna_here().TrialPruned


def _train(settings: Settings, epochs: _Epochs) -> float:
    """The validation accuracy after the last epoch, whose weights are those that a comparison tests."""
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
    return epochs.accuracy


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """{"lr": 1, "rule_option": {"epsilon": 2}} as {"lr": 1, "epsilon": 2}."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= value if isinstance(value, dict) else {name: value}
    return flat
