#!/usr/bin/env bash
# brian2 2.9.0 with numpy 2.4.6 (Python 3.11).
#
# Expected: pip installs a numpy that this release of Brian 2 runs with, or says that there is none.
# Seen: its requirement has no upper bound, pip takes the newest numpy, and the import fails: AttributeError, type object
# 'numpy.ndarray' has no attribute 'ptp' (the method is gone in numpy 2.4). With numpy 2.3.5 it imports and simulates.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
pip brian2==2.9.0 numpy==2.4.6
if "$folder/venv/bin/python" -c "import brian2" 2>"$folder/error"; then
    echo "brian2 2.9.0 imports with numpy 2.4.6: this has changed"
    exit 1
fi
tail -n 1 "$folder/error"
grep -q "AttributeError: type object 'numpy.ndarray' has no attribute 'ptp'" "$folder/error"
pip numpy==2.3.5
"$folder/venv/bin/python" - <<'PY'
import brian2
import numpy

brian2.prefs.codegen.target = "numpy"
group = brian2.NeuronGroup(1, "dv/dt = (2 - v)/(10*ms) : 1", threshold="v > 1", reset="v = 0", method="exact")
spikes = brian2.SpikeMonitor(group)
brian2.run(20 * brian2.ms)
print("brian2", brian2.__version__, "numpy", numpy.__version__, "spikes at", spikes.t)
assert len(spikes.t) == 2
PY
