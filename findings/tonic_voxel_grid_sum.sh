#!/usr/bin/env bash
# tonic 1.7.0, ToVoxelGrid (numpy 2.4.6, Python 3.11; no torch needed).
#
# Expected: bilinear interpolation in time shares each event between its two nearest bins, so a grid sums up to the sum
# of the polarities. The paper that it names (Zhu et al. 2019, equation 1) puts times at (B - 1)(t - t_1)/(t_N - t_1),
# between the centres of the first and the last bin.
# Seen: times are put at B (t - t_1)/(t_N - t_1). The last event lands in no bin, and those of the last bin lose the part
# that would go to the next one: of evenly spread events 1/(2 B) is missing, half of them with one bin, in which what
# comes late counts next to nothing. Nothing warns. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tonic==1.7.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from tonic.transforms import ToVoxelGrid

print(*(f"{name} {version(name)}" for name in ("tonic", "numpy")))
kind = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])
for bins in (1, 2, 5, 10):
    events = np.zeros(10_001, kind)
    events["t"], events["p"] = np.arange(10_001), 1
    total = ToVoxelGrid(sensor_size=(1, 1, 2), n_time_bins=bins)(events).sum() / 10_001
    print(f"{bins} bins: {total:.4f} of the events, 1 - 1/(2 B) = {1 - 0.5 / bins:.4f}")
    assert abs(total - (1 - 0.5 / bins)) < 1e-3
PY
