#!/usr/bin/env bash
# evutils 0.3.18, dense.voxel_histogram(events, n_bins, dt) (numpy 2.4.6, Python 3.11).
#
# Expected: a histogram in n_bins bins of the window dt counts every event of a recording that it accepts; it refuses one
# that is longer than dt.
# Seen:
#   - of 1 or 2 events none is counted: a grid of zeros.
#   - of events at 0, 1, ..., dt (accepted, a window of exactly dt) those at the end are left out: a bin's length is
#     dt // n_bins, and what comes after n_bins of those is dropped: with dt = 100, 1 of 101 events with 10 bins, 11
#     with 15.
# Nothing warns; dense.histogram counts all. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check evutils==0.3.18 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from evutils.dense import histogram, voxel_histogram

print(*(f"{name} {version(name)}" for name in ("evutils", "numpy")))
kind = np.dtype([("x", "<u2"), ("y", "<u2"), ("t", "<i8"), ("p", "i1")])


def counted(times, bins, dt=100):
    events = np.zeros(len(times), kind)
    events["t"], events["p"] = times, 1
    assert histogram(events, width=1, height=1).sum() == len(times)
    return int(voxel_histogram(events, width=1, height=1, n_bins=bins, dt=dt).sum())


long = range(101)
for times, bins, right in (([0], 10, 0), ([0, 50], 10, 0), ([0, 50, 60], 10, 3), (long, 10, 100), (long, 15, 90)):
    seen = counted(list(times), bins)
    print(f"{len(times)} events, {bins} bins: {seen} counted")
    assert seen == right
PY
