#!/usr/bin/env bash
# What norse 1.1.0 makes of a NIR graph in which two edges end in one node (nirtorch 2.6, nir 1.0.8, torch 2.13.0).
#
# Expected: what arrives at a node is added up, so sum(a(x) + b(x)) is 11 for the graph below.
# Seen: norse.torch.from_nir raises nothing and returns the output of node b, [0, 10], of another size than the graph's
# output; nodes behind it are not run. nirtorch.nir_to_torch, of the package that norse reads with, gives 11.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" torch==2.13.0
"${pip[@]}" norse==1.1.0 nirtorch==2.6 nir==1.0.8 numpy==2.4.6 torchvision==0.28.0 torch==2.13.0
cd "$folder"
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import nir
import nirtorch
import norse.torch
import numpy as np
import torch

print(*(f"{name} {version(name)}" for name in ("norse", "nirtorch", "nir", "torch")))


def linear(*rows):
    return nir.Linear(np.array(rows, np.float32))


nodes = {
    "input": nir.Input(np.array([2])),
    "a": linear([1, 0], [0, 0]),
    "b": linear([0, 0], [0, 10]),
    "sum": linear([1, 1]),
    "output": nir.Output(np.array([1])),
}
edges = [("input", "a"), ("input", "b"), ("a", "sum"), ("b", "sum"), ("sum", "output")]
graph, x = nir.NIRGraph(nodes, edges), torch.ones(1, 2)
seen = norse.torch.from_nir(graph)(x)[0].tolist()
right = nirtorch.nir_to_torch(graph, {})(x)[0].tolist()
print(f"norse.torch.from_nir: {seen}; nirtorch.nir_to_torch: {right}")
assert right == [[11.0]]
assert seen == [[0.0, 10.0]], "right would be [[11.0]]"
PY
