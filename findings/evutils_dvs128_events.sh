#!/usr/bin/env bash
# AEDAT 2.0 of a DVS128 as evutils 0.3.18 reads it with layout="dvs128" (numpy 2.4.6, Python 3.11).
#
# Expected: an address of a DVS128 has polarity (bit 0), x (1 to 7) and y (8 to 14); all events are read.
# Seen: events whose y has bit 2 set (4 to 7, 12 to 15, ...: half of the sensor) are missing, without a word. Bit 10 of the
# address, which marks an external signal in the layout of the DAVIS, is taken for that mark here as well, where it is a
# bit of y. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check evutils==0.3.18 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from evutils.io import EventReader

print(*(f"{name} {version(name)}" for name in ("evutils", "numpy")))
y = np.arange(128)
words = np.stack([y << 8 | 3 << 1 | 1, 1000 + y], 1).astype(">u4")
with open("a.aedat", "wb") as file:
    file.write(b"#!AER-DAT2.0\r\n# AEChip: net.sf.jaer.chip.retino.DVS128\r\n" + words.tobytes())
read = EventReader("a.aedat", layout="dvs128").read_all()
print("written", len(y), "read", len(read.y), "rows", np.asarray(read.y)[:8])
assert np.asarray(read.y).tolist() == [row for row in range(128) if not row & 4]
assert set(np.asarray(read.x).tolist()) == {3}
print("as described")
PY
