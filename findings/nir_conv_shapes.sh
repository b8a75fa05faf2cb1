#!/usr/bin/env bash
# What nir 1.0.8 says of the shape of a convolution (h5py 3.16.0, numpy 2.4.6, Python 3.11).
#
# Expected: torch's floor((size + 2 p - d (k - 1) - 1) / s) + 1 on each axis with that axis's side of the kernel, and
# C_in = weight.shape[1] * groups input channels, as torch counts them.
# Seen: the first side of the kernel stands for both axes, so (3, 1) on 9 x 9 is said to give 7 x 7 and not 7 x 9; with
# groups = 2 the input is said to have half its channels. A graph with the right shapes is refused with "type mismatch"
# when it is made, and when it is read.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nir==1.0.8 h5py==3.16.0 numpy==2.4.6
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import nir
import numpy as np

print(*(f"{name} {version(name)}" for name in ("nir", "h5py", "numpy")))


def conv(kernel, groups=1):
    weight = np.zeros((4, 2 // groups, *kernel), np.float32)
    return nir.Conv2d((9, 9), weight, (1, 1), (0, 0), (1, 1), groups, np.zeros(4, np.float32))


square, column, grouped = conv((3, 3)), conv((3, 1)), conv((3, 3), groups=2)
for name, node in (("3 x 3", square), ("3 x 1", column), ("3 x 3 in 2 groups", grouped)):
    print(f"{name} on 2 x 9 x 9: takes {node.input_type['input']}, gives {node.output_type['output']}")
assert square.output_type["output"].tolist() == [4, 7, 7]
assert column.output_type["output"].tolist() == [4, 7, 7], "right would be 4, 7, 9"
assert grouped.input_type["input"].tolist() == [1, 9, 9], "right would be 2, 9, 9"

shape = np.array([4, 7, 9])
nodes = {
    "input": nir.Input({"input": np.array([2, 9, 9])}),
    "conv": column,
    "neurons": nir.IF(np.ones(shape), np.ones(shape), np.zeros(shape)),
    "output": nir.Output({"output": shape}),
}
edges = [("input", "conv"), ("conv", "neurons"), ("neurons", "output")]
try:
    nir.NIRGraph(nodes, edges, {})
except ValueError as error:
    print(f"a graph with the right shapes: {error}")
    assert "type mismatch" in str(error)
else:
    raise SystemExit("a graph with the right shapes is taken now")
nir.write("right.nir", nir.NIRGraph(nodes, edges, {}, type_check=False))
try:
    nir.read("right.nir")
except ValueError as error:
    print(f"and read from a file: {error}")
else:
    raise SystemExit("a file with the right shapes is read now")
PY
