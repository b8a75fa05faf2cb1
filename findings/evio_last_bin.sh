#!/usr/bin/env bash
# evio 0.1.0, binary_tensor(events, bins=T) (numpy 2.4.6, Python 3.11).
#
# Expected of "one bit per pixel per time bin": T bins of equal length over the recording.
# Seen: times are put at (T - 1)(t - t_0)/(t_1 - t_0), right for the voxel grid between the centres of bins, and rounded
# down. So T - 1 bins share the recording and the last one holds only the events of the very last microsecond: with
# T = 10 and evenly spread events, 9 bins of 111 or 112 and one of 1; with T = 2 the first bin holds all but one.
# frames() in the same module has bins of equal length. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check evio==0.1.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import evio.core
import evio.representations
import numpy as np

print(*(f"{name} {version(name)}" for name in ("evio", "numpy")))
count = 1000
index = np.arange(count)
events = evio.core.from_arrays(x=index, y=0 * index, t=index, p=1 + 0 * index)  # each event has its own pixel
for bins in (2, 5, 10):
    counts = evio.representations.binary_tensor(events, bins, (count, 1)).sum(axis=(1, 2, 3)).tolist()
    print(bins, "bins:", counts)
    assert sum(counts) == count and counts[-1] == 1
    assert max(counts[:-1]) - min(counts[:-1]) <= 1
frames = evio.representations.frames(events, count // 10, (count, 1)).sum(axis=(1, 2, 3)).tolist()
print("frames:", frames)
assert frames == [100] * 10
PY
