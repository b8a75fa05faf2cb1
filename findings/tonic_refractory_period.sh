#!/usr/bin/env bash
# tonic 1.7.0, RefractoryPeriod (numpy 2.4.6, Python 3.11; no torch needed).
#
# Expected of a refractory period of 3 ms: a pixel that has an event every 2 ms keeps every second one, as a sensor whose
# pixels are blind for that time after each event they send would, so its rate falls to a half.
# Seen: it keeps at most its first event, however long the recording is, for an event that is left out starts the
# period anew. At 4 ms between events all are kept. The busiest pixels, which show what moves, fall silent for good; of
# random (Poisson) events with 1 ms between them on average 5 % are kept (e^-3), where a blind time would keep 25 %.
# (The documentation's formula, t_n - t_(n-1) > t_refrac, is true of all events, not of those that are kept.)
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tonic==1.7.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from tonic.transforms import RefractoryPeriod

print(*(f"{name} {version(name)}" for name in ("tonic", "numpy")))
kind = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])


def kept(times):
    events = np.zeros(len(times), kind)
    events["t"] = times
    return len(RefractoryPeriod(delta=3000)(events))


def kept_by_a_blind_time(times):
    last, count = -np.inf, 0
    for t in times:
        if t - last > 3000:
            last, count = t, count + 1
    return count


steady = np.arange(1, 1001)
poisson = np.random.default_rng(0).exponential(1000, 10_000).cumsum().astype(int)
for name, times in (("every 2 ms", 2000 * steady), ("every 4 ms", 4000 * steady), ("Poisson, 1 ms", poisson)):
    print(f"{name}: {kept(times)} of {len(times)} kept; by a blind time {kept_by_a_blind_time(times)}")
assert kept(2000 * steady) <= 1 and kept(4000 * steady) == 1000
assert 0.04 < kept(poisson) / 10_000 < 0.06 and 0.23 < kept_by_a_blind_time(poisson) / 10_000 < 0.27
PY
