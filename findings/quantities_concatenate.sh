#!/usr/bin/env bash
# Arrays with units of quantities 0.16.4, on which neo and elephant build (numpy 2.4.6, Python 3.11).
#
# Expected: numpy.concatenate either converts the units, as + does, or refuses; float() of a ratio of two times is the
# plain number.
# Seen:
#   - numpy.concatenate([1 s], [500 ms]) is [1, 500], "dimensionless": neither converted nor refused, and the unit is
#     gone. 1 s + 500 ms is 1.5 s.
#   - 5 ms / 1 s is "5 ms/s", and float() of it is 5.0 where 1 + 5 ms/s counts it as 0.005. math.exp(-dt / tau), which
#     takes float(), is e^-5 and not e^-0.005; numpy.exp refuses it. .simplified helps.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check quantities==0.16.4 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import math
from importlib.metadata import version

import numpy as np
import quantities as pq

print(*(f"{name} {version(name)}" for name in ("quantities", "numpy")))
seconds, milliseconds = np.array([1.0]) * pq.s, np.array([500.0]) * pq.ms
joined = np.concatenate([seconds, milliseconds])
print("sum", seconds + milliseconds, "joined", joined)
assert (seconds + milliseconds).rescale("s").magnitude.tolist() == [1.5]
assert joined.tolist() == [1.0, 500.0]
assert getattr(joined, "dimensionality", pq.dimensionless.dimensionality) == pq.dimensionless.dimensionality

ratio = 5 * pq.ms / (1 * pq.s)
print("ratio", ratio, "float", float(ratio), "1 + ratio", (1 + ratio).simplified, "decay", math.exp(-ratio))
assert float(ratio) == 5.0 and math.exp(-ratio) == math.exp(-5)
assert math.isclose(float((1 + ratio).simplified), 1.005)
assert math.isclose(float(ratio.simplified), 0.005)
try:
    np.exp(-ratio)
    raise SystemExit("numpy.exp takes the ratio now")
except ValueError as error:
    print("numpy.exp:", error)
PY
