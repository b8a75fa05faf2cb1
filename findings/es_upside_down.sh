#!/usr/bin/env bash
# One Event Stream file (.es, version 2, DVS) as event_stream 1.6.3 and faery 0.7.1 read it (numpy 2.4.6, Python 3.11).
#
# Expected: both libraries are by the authors of the format, so both give the same y for the same event.
# Seen: event_stream gives y as it is stored, faery gives height - 1 - y, and so do the files that faery converts it to:
# an .es file written with event_stream comes out upside down. In .es the row 0 is the lowest one, which event_stream's
# arrays keep and faery's do not; neither names its choice in the array, and x and t agree.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check event_stream==1.6.3 faery==0.7.1 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import event_stream
import faery
import numpy as np

print(*(f"{name} {version(name)}" for name in ("event_stream", "faery", "numpy")))
width, height, rows = 10, 8, [0, 1, 2, 6]
events = np.zeros(4, event_stream.dvs_dtype)
events["t"], events["x"], events["y"] = [0, 10, 20, 30], [1, 2, 3, 4], rows
with event_stream.Encoder("file.es", "dvs", width, height) as encoder:
    encoder.write(events)
with event_stream.Decoder("file.es") as decoder:
    own = np.concatenate(list(decoder))
other = faery.events_stream_from_file("file.es").to_array()
faery.events_stream_from_file("file.es").to_file("file.dat")
converted = faery.events_stream_from_file("file.dat").to_array()
print("event_stream y", own["y"], "faery y", other["y"], "faery y, by way of .dat", converted["y"])
assert own["y"].tolist() == rows
assert other["y"].tolist() == converted["y"].tolist() == [height - 1 - y for y in rows]
assert (own["x"] == other["x"]).all() and (own["t"] == other["t"]).all()
PY
