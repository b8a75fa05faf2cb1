#!/usr/bin/env bash
# snnTorch 1.0.0, surrogate.sigmoid() with its default slope of 25 (torch 2.13.0, Python 3.11).
#
# Expected: far from the threshold the gradient of a sigmoid is 0, on both sides.
# Seen: it is k exp(-k x) / (exp(-k x) + 1)^2, computed as written: in float32 inf / inf = NaN for a membrane potential
# that is 3.42 or more below the threshold (k exp(-k x) > 3.4e38), though it is 0 just above that. Strong inhibition of
# one neuron in one step makes the gradients of its weights and of the layers before it NaN, while the forward pass and
# the loss are finite. fast_sigmoid and atan are finite everywhere. Also, its height at the threshold is 6.25, where
# these two have 1. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" torch==2.13.0
"${pip[@]}" snntorch==1.0.0 numpy==2.4.6 torch==2.13.0
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import snntorch
import torch
from snntorch import surrogate

print(*(f"{name} {version(name)}" for name in ("snntorch", "torch")))
places = [-5.0, -3.45, -3.4, -2.0, 0.0, 2.0, 5.0]
for name in ("sigmoid", "fast_sigmoid", "atan"):
    x = torch.tensor(places, requires_grad=True)
    getattr(surrogate, name)()(x).sum().backward()
    print(f"{name:12}", dict(zip(places, (round(value, 4) for value in x.grad.tolist()))))
    broken = x.grad.isnan().tolist()
    assert broken == [name == "sigmoid" and place < -3.42 for place in places]
    assert x.grad[4] == (6.25 if name == "sigmoid" else 1)

torch.manual_seed(0)
layer, neuron = torch.nn.Linear(2, 3), snntorch.Leaky(beta=0.9, spike_grad=surrogate.sigmoid())
with torch.no_grad():
    layer.weight[0] = -4.0
spikes, membrane = neuron(layer(torch.ones(1, 2)), torch.zeros(1, 3))
spikes.sum().backward()
print("membrane", membrane.tolist(), "gradients", layer.weight.grad.tolist())
assert membrane.isfinite().all() and layer.weight.grad[0].isnan().all() and layer.weight.grad[1:].isfinite().all()
PY
