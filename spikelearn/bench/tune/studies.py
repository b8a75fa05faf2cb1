"""Optuna's studies as tuning uses them: shared between machines, gone on with, and never one trial too many."""

import re
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from typing import Any

from spikelearn.extras import from_extra
from spikelearn.seeding import derived_seed

#: Seconds between two signs of life of a trial; one that gave none for twice as long was killed, and is begun again.
HEARTBEAT = 30

#: Seconds between two looks at a trial that never gave one: it may be about to, on a machine whose clock is ahead.
SECOND_LOOK = 3.0

#: Trials whose point is drawn at random, the defaults' among them, before the sampler looks at what came out.
AT_RANDOM = 6

#: A database's password, which no message shows.
PASSWORD = re.compile(r"(?<=[^/:]):[^/@]*@")

#: Key of a trial that was begun at the defaults.
DEFAULT = "default"


def optuna_here() -> Any:
    """The package Optuna, its log kept quiet.

    Raises:
        ValueError: it is not installed.
    """
    optuna = from_extra("optuna", "tuning")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def open_study(storage: str, name: str, start: Mapping[str, Any], *, prune: bool = False, higher: bool = True) -> Any:
    """The study ``name``, begun at the point ``start`` where it is new; what was killed in it will be run again.

    Raises:
        ValueError: a storage that cannot be opened.
    """
    optuna = optuna_here()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            shelf = _storage_kind()(storage, heartbeat_interval=HEARTBEAT, heartbeat_stale_trial_callback=begin_again)
        pruner = optuna.pruners.MedianPruner() if prune else optuna.pruners.NopPruner()
        study = optuna.create_study(
            storage=shelf,
            study_name=name,
            direction="maximize" if higher else "minimize",
            pruner=pruner,
            load_if_exists=True,
        )
    except Exception as error:  # whatever a database's own client raises
        reason = " ".join(str(error).split("(Background")[0].split())[:200]
        raise ValueError(
            f"storage {PASSWORD.sub(':***@', storage)!r} cannot be opened ({reason}): expected a database such as "
            "sqlite:///tune.db or postgresql://user@host/name"
        ) from error
    states = optuna.trial.TrialState
    live = (states.WAITING, states.RUNNING, states.COMPLETE, states.PRUNED)
    if not any(trial.user_attrs.get(DEFAULT) for trial in study.get_trials(deepcopy=False, states=live)):
        study.enqueue_trial(dict(start), user_attrs={DEFAULT: True})
    return study


@cache
def _storage_kind() -> Any:
    """Optuna's storage in a database, for which a trial that never gave a sign of life is dead some time, too.

    Optuna itself looks at those alone that gave one, and a trial killed before its first would run for ever.
    """
    optuna = optuna_here()
    base: Any = optuna.storages.RDBStorage

    class Storage(base):  # type: ignore[misc]
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            self._first_seen: dict[int, float] = {}

        def _get_stale_trial_ids(self, study_id: int) -> list[int]:
            from optuna.storages._rdb.models import TrialModel

            with self.scoped_session() as session:
                running = session.query(TrialModel).filter_by(study_id=study_id, state=optuna.trial.TrialState.RUNNING)
                silent = {trial.trial_id: trial.datetime_start for trial in running if not trial.heartbeats}
            stale = super()._get_stale_trial_ids(study_id)
            return [*stale, *(trial for trial, start in silent.items() if self._is_dead(trial, start))]

        def _is_dead(self, trial: int, start: datetime) -> bool:
            now = time.monotonic()
            seen = now - self._first_seen.setdefault(trial, now)
            age = (datetime.now() - start).total_seconds()
            return seen > 2 * HEARTBEAT or (seen >= SECOND_LOOK and age > 2 * HEARTBEAT)

    return Storage


def begin_again(study: Any, trial: Any) -> None:
    """Have the point of a trial that was killed run again."""
    point = trial.params or trial.system_attrs.get("fixed_params")  # the latter where it was killed before it drew
    if point:
        study.enqueue_trial(point, user_attrs={DEFAULT: bool(trial.user_attrs.get(DEFAULT))})


def ended(study: Any, trials: int) -> list[Any]:
    """The first ``trials`` trials that came to an end, those that were cut short by the pruner among them."""
    states = optuna_here().trial.TrialState
    trials_ended = study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))
    # A trial that was never begun, since others had filled the budget, has no values.
    return [trial for trial in trials_ended if trial.state == states.COMPLETE or trial.intermediate_values][:trials]


def search(
    study: Any, objective: Callable[[Any], float], *, trials: int, until: float, seed: int, wait: Callable[[int], None]
) -> None:
    """Run ``objective`` until ``trials`` trials have ended, here or in other processes, or the clock shows ``until``.

    What is drawn for a trial depends on the seed, its number and the trials before it: a search that was stopped and
    gone on with is the same as one that was not.

    Args:
        study: from ``open_study``.
        objective: the value of an Optuna trial, in the study's direction.
        trials: how many, all processes together.
        until: time of ``time.monotonic`` after which no trial is begun.
        seed: of the sampler.
        wait: called while the last trials run in other processes, with their number.
    """
    optuna = optuna_here()

    def objective_within_budget(trial: Any) -> float:
        if len([t for t in _taken(study) if t.number < trial.number]) >= trials:
            raise optuna.TrialPruned
        number_seed = derived_seed(seed, "tuning", trial.number) % 2**32
        study.sampler = optuna.samplers.TPESampler(seed=number_seed, n_startup_trials=AT_RANDOM, multivariate=False)
        try:
            return objective(trial)
        except KeyboardInterrupt:
            begin_again(study, trial)
            raise

    while len(ended(study, trials)) < trials and time.monotonic() < until:
        taken = _taken(study)
        if len(taken) < trials:
            study.optimize(objective_within_budget, n_trials=1)
        else:
            wait(len(taken) - len(ended(study, trials)))
            time.sleep(1.0)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                optuna.storages.fail_stale_trials(study)


def _taken(study: Any) -> list[Any]:
    """Trials that have ended or run, anywhere."""
    states = optuna_here().trial.TrialState
    running = study.get_trials(deepcopy=False, states=(states.RUNNING,))
    return [*ended(study, len(study.trials)), *running]
