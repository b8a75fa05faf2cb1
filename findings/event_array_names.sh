#!/usr/bin/env bash
# The same five events as aedat 2.3.0, faery 0.7.1, event_stream 1.6.3, dv-processing 2.0.4 and evlib 0.13.2 hand them
# over (numpy 2.4.6, Python 3.11).
#
# Expected: structured arrays with the fields x, y, t, p, whole numbers, polarity 0 and 1.
# Seen:
#   - aedat and faery: the field is named "on" and has the numpy title "p"; event_stream, by the same authors: named "p",
#     titled "on". a["p"] works with all, but dtype.names has no "p" in the first two, so code that looks there fails.
#   - dv-processing: timestamp, x, y, polarity; polarity is int8 in .numpy() and uint8 in .polarities().
#   - evlib: t is a duration (timedelta64[us]); the polarity is -1 and 1 from an AEDAT4 file, but 0 and 1 from a text file
#     that says 0 and 1, in one and the same column.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  aedat==2.3.0 faery==0.7.1 event_stream==1.6.3 dv-processing==2.0.4 evlib==0.13.2 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import aedat
import dv_processing as dv
import event_stream
import evlib
import faery
import numpy as np

print(*(f"{name} {version(name)}" for name in ("aedat", "faery", "event_stream", "dv-processing", "evlib", "numpy")))
store = dv.EventStore()
for k in range(5):
    store.push_back(1000 + 100 * k, k, 2 * k, bool(k % 2))
writer = dv.io.MonoCameraWriter("five.aedat4", dv.io.MonoCameraWriter.EventOnlyConfig("DVXplorer_sample", (34, 34)))
writer.writeEvents(store)
del writer
with open("five.txt", "w") as file:
    file.writelines(f"{(1000 + 100 * k) / 1e6:.6f} {k} {2 * k} {k % 2}\n" for k in range(5))

by_aedat = np.concatenate([packet["events"] for packet in aedat.Decoder("five.aedat4") if "events" in packet])
by_faery = np.concatenate(list(faery.events_stream_from_file("five.aedat4")))
names = {"aedat": by_aedat.dtype, "faery": by_faery.dtype, "event_stream": event_stream.dvs_dtype}
for name, kind in names.items():
    print(name, kind)
by_dv = store.numpy()
print("dv-processing", by_dv.dtype.names, by_dv["polarity"].dtype, store.polarities().dtype)
frames = {path: evlib.load_events(path).collect() for path in ("five.aedat4", "five.txt")}
for path, frame in frames.items():
    print("evlib", path, frame.schema, "polarity", sorted(set(frame["polarity"].to_list())))

assert "p" not in by_aedat.dtype.names
assert "p" not in by_faery.dtype.names
assert (by_aedat["p"] == by_aedat["on"]).all()
assert "p" in event_stream.dvs_dtype.names
assert (by_dv["polarity"].dtype, store.polarities().dtype) == (np.int8, np.uint8)
found = [sorted(set(frame["polarity"].to_list())) for frame in frames.values()]
assert found == [[-1, 1], [0, 1]], found
assert frames["five.txt"]["t"].to_numpy().dtype == np.dtype("m8[us]")
print("as described")
PY
