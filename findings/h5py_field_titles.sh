#!/usr/bin/env bash
# An event array of faery 0.7.1 in an HDF5 file (h5py 3.16.0, numpy 2.4.6, Python 3.11).
#
# Expected: an array that was written and read back has the fields it had, as with numpy.save.
# Seen: faery names the polarity "on" and gives it the numpy title "p", so that a["p"] works. h5py stores names only: the
# array that comes back has no "p", a["p"] raises ValueError, and a file that two programs share depends on which of the
# two names its writer preferred (event_stream 1.6.3 has them the other way round). The two arrays cannot be joined
# either: numpy.concatenate refuses event_stream's array with its own copy read back, for the titles differ.
# numpy.save keeps titles. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  event_stream==1.6.3 faery==0.7.1 h5py==3.16.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import event_stream
import faery
import h5py
import numpy as np

print(*(f"{name} {version(name)}" for name in ("event_stream", "faery", "h5py", "numpy")))
made = np.zeros(3, event_stream.dvs_dtype)
made["t"], made["p"] = [0, 1, 2], [1, 0, 1]
with event_stream.Encoder("file.es", "dvs", 4, 4) as encoder:
    encoder.write(made)
arrays = {"faery": faery.events_stream_from_file("file.es").to_array(), "event_stream": made}
for name, events in arrays.items():
    with h5py.File("file.h5", "w") as file:
        file["events"] = events
    with h5py.File("file.h5") as file:
        back = file["events"][:]
    np.save("file.npy", events)
    for reader, read in (("given", events), ("numpy.save", np.load("file.npy")), ("h5py", back)):
        print(f"{name:12} {reader:10}", {key: key in read.dtype.fields for key in ("p", "on")})
        kept = {"p", "on"} if reader != "h5py" else {"on" if name == "faery" else "p"}
        assert {key for key in ("p", "on") if key in read.dtype.fields} == kept
    try:
        np.concatenate([events, back])
        raise SystemExit("arrays with and without titles are joined now")
    except np.exceptions.DTypePromotionError as error:
        print(f"{name:12} joined    ", error)
PY
