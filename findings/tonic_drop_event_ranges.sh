#!/usr/bin/env bash
# tonic 1.7.0, DropEventByArea and DropEventByTime (numpy 2.4.6, Python 3.11; no torch needed).
#
# Expected of their documentation: area_ratio=(0.05, 0.1) draws a share of the sensor between 5 % and 10 %;
# duration_ratio=0.2 leaves out a fifth of the recording's duration.
# Seen:
#   - the pair is read as low=0.1, high=1 (numpy.random.uniform's default): the box has sides of 10 % to 100 % of the
#     sensor's, so that 36 % of evenly spread events go on average and up to 98 %. (The ratio is that of the sides, so a
#     float of 0.5 leaves out a quarter of the area.)
#   - the duration counts from time 0 to the last event, not from the first event. Of a recording that begins at 100
#     seconds and lasts 10 ms, nothing is left out in 200 draws: the interval is 20 seconds long, but ends before.
# Nothing warns. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tonic==1.7.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from tonic.transforms import DropEventByArea, DropEventByTime

print(*(f"{name} {version(name)}" for name in ("tonic", "numpy")))
np.random.seed(0)
kind = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])

events = np.zeros(100 * 100, kind)
events["x"], events["y"] = (axis.ravel() for axis in np.indices((100, 100)))
drop = DropEventByArea(sensor_size=(100, 100, 2), area_ratio=(0.05, 0.1))
shares = np.array([1 - len(drop(events.copy())) / len(events) for _ in range(500)])
print(f"by area, asked for at most 10 %: mean {100 * shares.mean():.0f} %, largest {100 * shares.max():.0f} %")
assert shares.mean() > 0.25 and shares.max() > 0.9

recording = np.zeros(1000, kind)
recording["t"] = np.arange(1000) * 10
fifth = DropEventByTime(duration_ratio=0.2)
for start in (0, 100_000_000):
    moved = recording.copy()
    moved["t"] += start
    left = np.array([len(fifth(moved.copy())) for _ in range(200)])
    print(f"by time, first event at {start} us: of 1000 events {left.min()} to {left.max()} are left, on average {left.mean():.0f}")
    if start:
        assert (left == 1000).mean() > 0.98
    else:
        assert abs(left.mean() - 800) < 5
PY
