"""Optuna's studies as tuning uses them: shared between machines, gone on with, and never one trial too many."""

import re
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from spikelearn.seeding import derived_seed

#: Seconds between two signs of life of a trial; one that gave none for twice as long was killed, and is begun again.
HEARTBEAT = 30

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
    try:
        import optuna
    except ImportError as error:
        raise ValueError("tuning needs the package optuna: install it with pip install optuna") from error
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def open_study(storage: str, name: str, start: Mapping[str, Any], *, prune: bool = False) -> Any:
    """The study ``name``, begun at the point ``start`` where it is new; what was killed in it will be run again.

    Raises:
        ValueError: a storage that cannot be opened.
    """
    optuna = optuna_here()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            shelf = optuna.storages.RDBStorage(
                storage, heartbeat_interval=HEARTBEAT, heartbeat_stale_trial_callback=begin_again
            )
        pruner = optuna.pruners.MedianPruner() if prune else optuna.pruners.NopPruner()
        study = optuna.create_study(
            storage=shelf, study_name=name, direction="maximize", pruner=pruner, load_if_exists=True
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


def begin_again(study: Any, trial: Any) -> None:
    """Have the point of a trial that was killed run again."""
    if trial.params:
        study.enqueue_trial(trial.params, user_attrs={DEFAULT: bool(trial.user_attrs.get(DEFAULT))})


def ended(study: Any, trials: int) -> list[Any]:
    """The first ``trials`` trials that came to an end, those that were cut short by the pruner among them."""
    states = optuna_here().trial.TrialState
    found = study.get_trials(deepcopy=False, states=(states.COMPLETE, states.PRUNED))
    # A trial that was never begun, since others had filled the budget, has no values.
    return [trial for trial in found if trial.state == states.COMPLETE or trial.intermediate_values][:trials]


def search(
    study: Any, objective: Callable[[Any], float], *, trials: int, until: float, seed: int, wait: Callable[[int], None]
) -> None:
    """Run ``objective`` until ``trials`` trials have ended, here or in other processes, or the clock shows ``until``.

    What is drawn for a trial depends on the seed, its number and the trials before it: a search that was stopped and
    gone on with is the same as one that was not.

    Args:
        study: from ``open_study``.
        objective: the value of an Optuna trial; larger is better.
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
