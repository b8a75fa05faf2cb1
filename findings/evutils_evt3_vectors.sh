#!/usr/bin/env bash
# An EVT 3.0 file of faery 0.7.1, read by itself and by evutils 0.3.18 (numpy 2.4.6, Python 3.11).
#
# Expected: the events of a file that one library writes are the events that the other, and itself, reads.
# Seen: faery writes 34 neighbours of a row as a base and three vectors of 12 pixels (word 4). evutils puts the third at 32
# in place of 24: it adds 8 too many, without a word.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check faery==0.7.1 evutils==0.3.18 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import faery
import numpy as np
from evutils.io import EventReader

print(*(f"{name} {version(name)}" for name in ("faery", "evutils", "numpy")))


def by_faery(path):
    return faery.events_stream_from_file(path).to_array()


def written(path, t, x):
    events = np.zeros(len(t), faery.EVENTS_DTYPE)
    events["t"], events["x"], events["y"] = t, x, 5
    events["p"] = True
    faery.events_stream_from_array(events, (64, 8)).to_file(path, version="evt3")


written("row.raw", np.full(34, 1000), np.arange(34))
mine, other = by_faery("row.raw")["x"], np.asarray(EventReader("row.raw").read_all().x)
print("a row of 34: faery", mine[22:28], "evutils", other[22:28])
assert mine.tolist() == list(range(34))
assert other.tolist() == [*range(24), *range(32, 42)]
print("as described")
PY
