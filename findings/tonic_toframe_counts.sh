#!/usr/bin/env bash
# tonic 1.7.0, ToFrame(n_time_bins=T) (numpy 2.4.6, Python 3.11; no torch needed).
#
# Expected of "T frames of a recording, counts of events": every event is in one frame, the polarity -1 (as several
# camera readers give OFF) is another channel than +1, a count is a count, and the input array is left alone.
# Seen:
#   - 100 events over 99 microseconds in 60 frames: 60 are counted. A frame's length is rounded down to whole
#     microseconds, what comes after the last frame is dropped; of longer recordings the last event is.
#   - polarity -1 and +1: all events are in channel 1 (numpy counts -1 from the end), channel 0 is empty.
#   - 40,000 events of a pixel: the count is -25,536. Frames are of int16.
#   - with one polarity, the caller's own array has p = 0 afterwards.
# Nothing warns. The script fails if one of these changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check tonic==1.7.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import numpy as np
from tonic.transforms import ToFrame

kind = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])


def events(count, t, p=0):
    made = np.zeros(count, kind)
    made["t"], made["p"] = t, p
    return made


print("tonic", version("tonic"), "numpy", version("numpy"))
short = ToFrame(sensor_size=(1, 1, 2), n_time_bins=60)(events(100, np.arange(100)))
long = ToFrame(sensor_size=(1, 1, 2), n_time_bins=10)(events(100, np.arange(100) * 1000))
print("events counted of 100 in 60 frames, 99 microseconds:", short.sum())
print("events counted of 100 in 10 frames, 99,000 microseconds:", long.sum())
signed = ToFrame(sensor_size=(1, 1, 2), n_time_bins=1)(events(100, np.arange(100), np.where(np.arange(100) % 2, 1, -1)))
print("channels 0 and 1 of 50 events of polarity -1 and 50 of +1, the last event left out:", signed.sum((0, 2, 3)))
many = ToFrame(sensor_size=(1, 1, 2), n_time_bins=1)(events(40_001, np.arange(40_001)))
print("count of 40,000 events of one pixel:", many.max() if many.max() else many.min(), many.dtype)
own = events(100, np.arange(100), 1)
ToFrame(sensor_size=(1, 1, 1), n_time_bins=2)(own)
print("polarity of the caller's array, before 1:", own["p"].max())
seen = (int(short.sum()), int(long.sum()), signed.sum((0, 2, 3)).tolist(), int(many.min()), int(own["p"].max()))
assert seen == (60, 99, [0, 99], -25_536, 0), seen
print("as described")
PY
