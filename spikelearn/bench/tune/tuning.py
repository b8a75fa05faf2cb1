"""Tuning: the same number of trials and epochs for every rule, judged by samples held out of the training data."""

import hashlib
import json
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock

from spikelearn.bench.plan.tuned import tuned_file, tuned_tables
from spikelearn.bench.tune.held_out import EpochsOfTrial, Quiet, Teller, train_trial, worst
from spikelearn.bench.tune.spaces import Space, read_space, settings_at, start_of
from spikelearn.bench.tune.studies import AT_RANDOM, DEFAULT, HEARTBEAT, ended, open_study, search
from spikelearn.checks import check_count, check_positive
from spikelearn.datasets import short_name
from spikelearn.documents import is_untouched, read_toml, write_toml
from spikelearn.extras import check_extra
from spikelearn.runs import Settings, filled_in, merged, needs_of, prepare, settings_from, usable_device
from spikelearn.runs.settings import ELSEWHERE
from spikelearn.runs.settings_files import with_imports
from spikelearn.tasks import Measure
from spikelearn.threads import threads
from spikelearn.training import NonFiniteUpdate

#: Held while a file of the folder is read and written.
LOCK = ".tune.lock"


class SearchResult(NamedTuple):
    """What a search found: its file, the settings, and how they were found, as the file holds it."""

    path: Path
    settings: dict[str, Any]
    search: dict[str, Any]


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
) -> SearchResult:
    """Search settings of ``rule`` for the best validation measure after the last epoch, and write them to a file.

    The file is ``<out>/<rule>.toml``, which a comparison reads; what it holds of other data sets is kept. Test samples
    are never looked at. The first trial has the rule's defaults, with what it needs to run at all. A search that was
    stopped goes on where it was, with the same arguments; processes that share a storage share its trials.

    Args:
        rule: its name.
        common: settings that all rules share.
        out: folder of the files, and of the study where no storage is named.
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
    check_extra("tune", "tuning")
    check_count("trials", trials)
    check_count("seed", seed, least=0)
    if minutes is not None:
        check_positive("minutes", minutes, "min")
    common = with_imports(common)
    whole = space or read_space(rule)
    searching = _Search(rule, common, Path(out), trials, seed, whole, prune, teller or Quiet())
    searching.check()
    if not storage:
        Path(out).mkdir(parents=True, exist_ok=True)
    study = open_study(
        storage or f"sqlite:///{Path(out).resolve() / 'tune.db'}",
        searching.name,
        searching.start,
        prune=prune,
        higher=searching.measure.higher,
    )
    until = time.monotonic() + (60.0 * minutes if minutes else float("inf"))
    search(study, searching.judged, trials=trials, until=until, seed=seed, wait=searching.waiting())
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
        return needs_of(self.rule, self.data, self.common.get("rule_option"))

    @cached_property
    def base(self) -> dict[str, Any]:
        """The settings that are not searched, and the values at which those that are begin."""
        if self.common.get("rule", self.rule) != self.rule:
            raise ValueError(
                f"the common settings name the rule {self.common['rule']!r}: drop it, rules are named apart"
            )
        net = self.common.get("net", Settings.model_fields["net"].default)
        values = merged({**self.common, "net": net, "rule": self.rule}, self.needs)
        settings = settings_from({**values, "net": filled_in(values["net"], net)})
        if settings.validation == 0 or settings.patience is not None:
            raise ValueError(
                f"validation is {settings.validation} and patience {settings.patience}: tuning judges by held-out "
                "samples after equal epochs, so set validation above 0, and leave patience out"
            )
        return {**values, "net": settings.net}

    @cached_property
    def measure(self) -> Measure:
        """By what the settings are judged."""
        return self.settings(self.start).make_task().measure

    @property
    def file(self) -> Path:
        """What is found goes there."""
        return tuned_file(self.rule, self.out)

    @cached_property
    def start(self) -> dict[str, Any]:
        return start_of(self.space, self.base)

    @cached_property
    def name(self) -> str:
        """Of the study: what its trials depend on, so that nothing else is mixed in."""
        made_of = [self.settings(self.start).result_depends_on(), self.seed, self.prune]
        words = json.dumps([made_of, [(d.setting, d.words) for d in self.space]], sort_keys=True)
        return f"{self.rule}-{short_name(self.data)}-{hashlib.sha256(words.encode()).hexdigest()[:10]}"

    def settings(self, point: Mapping[str, Any]) -> Settings:
        return settings_from(merged(self.base, settings_at(self.space, point)))

    def check(self) -> None:
        """Raise ValueError where something could not be trained at the start, or set to an end or a choice."""
        if self.out.exists() and not self.out.is_dir():
            raise ValueError(f"{self.out} is a file, expected a folder for what is found: name another one with --out")
        if self.file.exists() and not is_untouched(self.file):
            raise ValueError(
                f"{self.file} is not as a search wrote it: name another folder with --out, or move it away"
            )
        for dimension in self.space:
            for value in dimension.choices or (dimension.low, dimension.high):
                self.settings({**self.start, dimension.setting: value})
        settings = self.settings(self.start)
        prepare(settings, usable_device(settings.device))

    def judged(self, trial: Any) -> float:
        """The objective."""
        point = {dimension.setting: dimension.draw(trial) for dimension in self.space}
        words = f"{self.rule} on {self.data}: trial {trial.number + 1} (budget {self.trials})"
        epochs = EpochsOfTrial(self.teller, words, trial if self.prune else None, self.measure)
        settings = self.settings(point)
        try:
            with threads(settings.threads) as count:
                trial.set_user_attr("threads", count)
                value = train_trial(settings, epochs)
        except NonFiniteUpdate as error:
            value = worst(self.measure)
            trial.set_user_attr("failure", str(error))
        trial.set_user_attr("samples", epochs.samples)
        at = ", ".join(f"{name}={value}" for name, value in _flat(settings_at(self.space, point)).items())
        self.teller.message(f"{words}: validation {self.measure.words} {self.measure.shown(value)} ({at})")
        return value

    def waiting(self) -> Callable[[int], None]:
        """Says for how many trials of other processes is waited, whenever it is another number."""
        said: list[int] = []

        def wait(running: int) -> None:
            if said[-1:] != [running]:
                said.append(running)
                trials = "1 trial" if running == 1 else f"{running} trials"
                self.teller.message(
                    f"{self.rule} on {self.data}: waiting for {trials} of other processes; one that gives no sign of "
                    f"life for {2 * HEARTBEAT} s is begun again"
                )

        return wait

    def write(self, study: Any) -> SearchResult:
        """Write what the trials found."""
        done = ended(study, self.trials)
        whole = [trial for trial in done if trial.state.name == "COMPLETE" and "failure" not in trial.user_attrs]
        if not whole:
            reasons = {trial.user_attrs["failure"] for trial in done if "failure" in trial.user_attrs}
            what = f"all {len(done)} trials failed ({'; '.join(sorted(reasons))})" if done else "no trial has ended"
            raise ValueError(f"{self.rule} on {self.data}: {what}: nothing was found; search elsewhere, or for longer")
        sign = 1.0 if self.measure.higher else -1.0
        best = max(whole, key=lambda trial: (sign * trial.value, -trial.number))
        settings = merged(self.needs, settings_at(self.space, best.params))
        result = SearchResult(self.file, settings, self._told(done, best))
        self._keep({"search": result.search, "settings": result.settings})
        return result

    def _keep(self, tables: Mapping[str, Any]) -> None:
        """Write ``tables`` beside those of other data sets, which other processes may write, too."""
        self.out.mkdir(parents=True, exist_ok=True)
        with FileLock(self.out / LOCK):
            known = tuned_tables(read_toml(self.file), str(self.file))["on"] if self.file.exists() else {}
            write_toml(self.file, {"on": dict(sorted({**known, short_name(self.data): tables}.items()))})

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
            f"validation_{self.measure.name}": best.value,
            f"validation_{self.measure.name}_of_defaults": default.value if default else None,
            "space": [f"{dimension.setting}: {dimension.words}" for dimension in self.space],
            "sampler": f"tree-structured Parzen estimator, the first {AT_RANDOM} trials at random but for the defaults",
            "pruning": "below the median of other trials" if self.prune else "none",
            "threads": sorted({trial.user_attrs["threads"] for trial in done if "threads" in trial.user_attrs}),
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


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """{"lr": 1, "rule_option": {"epsilon": 2}} as {"lr": 1, "epsilon": 2}."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= value if isinstance(value, dict) else {name: value}
    return flat
