#!/usr/bin/env bash
# EVT 3.0 files of faery 0.7.1 and evutils 0.3.18, read by both (numpy 2.4.6, Python 3.11).
#
# Expected: the events of a file that one library writes are the events that the other, and itself, reads.
# Seen:
#   - faery writes 34 neighbours of a row as a base and three vectors of 12 pixels (word 4). evutils puts the third at 32
#     in place of 24: it adds 8 behind the second one, as if the third were the vector of 8 pixels (word 5).
#   - the 24 bits of time run over after 16.8 s. Where 70 ms without events lie around that, faery does not lift the times
#     behind, in its own file: they stay where they were. evutils reads its own file right.
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
from evutils.io import EventReader, EventWriter
from evutils.types import EventArray

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

t = np.concatenate([np.arange(16_500_000, 16_760_000, 1000), np.arange(16_830_000, 17_100_000, 1000)])
written("late.raw", t, np.zeros(len(t)))
mine = by_faery("late.raw")["t"].astype(np.int64)
with EventWriter("other.raw", width=64, height=8, format="evt3") as writer:
    zero = np.zeros(len(t), "u2")
    writer.write(EventArray(t=t, x=zero, y=zero, p=zero.astype("u1")))
other = np.asarray(EventReader("other.raw").read_all().t)
print("last time written", t[-1], "faery", mine[-1], "evutils", other[-1])
before = t < 2**24
assert (mine[before] == t[before]).all() and mine[-1] < 2**24
assert (other == t).all()
print("as described")
PY
