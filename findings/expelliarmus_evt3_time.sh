#!/usr/bin/env bash
# expelliarmus 1.1.12, Wizard(encoding="evt3").save; read back by itself, faery 0.7.1 and evlib 0.13.2 (Python 3.11).
#
# Expected: what is saved as EVT3 (Prophesee's format, times in microseconds) is read back with the same times, as it is
# with the same library's EVT2 and DAT; and every reader of the format gives the same times.
# Seen: EVT3 keeps the low 12 bits of a time in one word and the higher bits in another, TIME_HIGH. The file has one
# TIME_HIGH word in all.
#   - events 5 ms apart come back 0.904 ms apart (5000 - 4096 microseconds) from expelliarmus itself; EVT2 and DAT are right.
#   - of events 0.1 ms apart, which expelliarmus reads right, faery gives none a time above 4095 (the largest
#     so far of the times modulo 4096), and evlib the times modulo 4096, sorted, so that late events stand among early ones.
# Nothing warns. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  expelliarmus==1.1.12 faery==0.7.1 evlib==0.13.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import evlib
import faery
import numpy as np
from expelliarmus import Wizard

kind = np.dtype([("t", "i8"), ("x", "i2"), ("y", "i2"), ("p", "u1")])


def saved(encoding, path, step, count):
    events = np.zeros(count, kind)
    events["t"], events["x"], events["p"] = np.arange(count) * step, np.arange(count) % 34, np.arange(count) % 2
    Wizard(encoding=encoding).save(fpath=path, arr=events.copy())
    return events["t"], Wizard(encoding=encoding).read(path)["t"]


print(*(f"{name} {version(name)}" for name in ("expelliarmus", "faery", "evlib", "numpy")))
right = {}
for encoding, path in (("evt3", "slow.raw"), ("evt2", "slow2.raw"), ("dat", "slow.dat")):
    given, back = saved(encoding, path, 5000, 50)
    right[encoding] = bool((given == back).all())
    print(f"{encoding}, saved {given[:4]}, read back {back[:4]}")
given, back = saved("evt3", "fast.raw", 100, 2000)
content = open("fast.raw", "rb").read()
start = 0
while content[start : start + 1] == b"%":
    start = content.index(b"\n", start) + 1
words = np.frombuffer(content[start:], "<u2")
high = int((words >> 12 == 8).sum())
print("words", len(words), "of which TIME_HIGH", high)
by_faery = np.concatenate(list(faery.events_stream_from_file("fast.raw")))["t"].astype(np.int64)
by_evlib = evlib.load_events("fast.raw").collect()["t"].to_numpy().astype(np.int64)
for name, times in (("saved", given), ("expelliarmus", back), ("faery", by_faery), ("evlib", by_evlib)):
    print(f"{name}: {times[[0, 1, 40, 41, 42, -1]]}")
assert right == {"evt3": False, "evt2": True, "dat": True}, right
assert high == 1
assert (back == given).all()
assert (by_faery == np.maximum.accumulate(given % 4096)).all()
assert (by_evlib == np.sort(given % 4096)).all()
print("as described")
PY
