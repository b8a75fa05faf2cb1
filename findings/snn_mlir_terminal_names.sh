#!/usr/bin/env bash
# How snn-mlir 1.0.0 finds where a NIR graph begins and ends (nir 1.0.8, numpy 2.4.6, Python 3.11).
#
# Expected: by the node types Input and Output, as NIR defines them; a node's name is free.
# Seen: by the names "input" and "output" alone. The same graph with its ends named "00_input" and "03_output" has nodes
# that are all fine, and is "not supported".
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check snn-mlir==1.0.0 nir==1.0.8 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import nir
import numpy as np

print(*(f"{name} {version(name)}" for name in ("snn-mlir", "nir", "numpy")))
for file, first, last in (("usual", "input", "output"), ("other", "00_input", "03_output")):
    ones = np.ones(2, np.float32)
    nodes = {
        first: nir.Input({"input": np.array([3])}),
        "01_fc": nir.Affine(np.ones((2, 3), np.float32), np.zeros(2, np.float32)),
        "02_lif": nir.LIF(tau=1e-3 * ones, r=ones, v_leak=0 * ones, v_threshold=ones, v_reset=0 * ones),
        last: nir.Output({"output": np.array([2])}),
    }
    nir.write(f"{file}.nir", nir.NIRGraph(nodes, [(first, "01_fc"), ("01_fc", "02_lif"), ("02_lif", last)], {}))
PY
"$folder/venv/bin/snn-mlir" check usual.nir
if "$folder/venv/bin/snn-mlir" check other.nir; then
  echo "ends of other names are taken now"
  exit 1
fi
