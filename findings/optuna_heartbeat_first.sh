#!/usr/bin/env bash
# optuna 5.0.0 (sqlalchemy as it asks for, Python 3.11): which trials optuna.storages.fail_stale_trials gives back.
#
# Expected: with heartbeat_interval set, a trial that runs without a sign of life for longer than the grace period is
# failed and its callback called, as the documentation of RDBStorage says of trials "that are killed abruptly".
# Seen: a trial that was killed before it recorded its first heartbeat (between study.ask() and the heartbeat's thread)
# is never looked at: it stays RUNNING for good, and whoever counts running trials waits for it. One that recorded a
# heartbeat once is failed after the grace period.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check optuna==5.0.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
import sys
import time
import warnings

import optuna

warnings.simplefilter("ignore")
optuna.logging.set_verbosity(optuna.logging.ERROR)
print("optuna", optuna.__version__)
storage = optuna.storages.RDBStorage("sqlite:///tune.db", heartbeat_interval=1, grace_period=1)
study = optuna.create_study(storage=storage)
silent, heard = study.ask(), study.ask()
storage.record_heartbeat(heard._trial_id)
time.sleep(4)
optuna.storages.fail_stale_trials(study)
states = {name: study.trials[trial.number].state.name for name, trial in (("silent", silent), ("heard", heard))}
print("after 4 s without a sign of life, grace period 1 s:", states)
sys.exit(states != {"silent": "RUNNING", "heard": "FAIL"})
PY
