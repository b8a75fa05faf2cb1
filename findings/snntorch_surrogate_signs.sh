#!/usr/bin/env bash
# snnTorch 1.0.0, the surrogate gradients triangular and spike_rate_escape with their defaults (torch 2.13.0,
# Python 3.11).
#
# Expected: as fast_sigmoid and atan, a bump: not negative, largest at the threshold, small far from it; for
# triangular a triangle.
# Seen (x is the membrane potential less the threshold):
#   - triangular is the slope of a triangle, not the triangle: 1 for every x below 0, however far, and -1 for every x
#     from 0 on, so that the gradient pushes a neuron that fires the wrong way. (The formula in the docstring says so.)
#   - spike_rate_escape has its peak, of height 25, at x = 1, a whole threshold above the threshold, for it takes x for U.
#     At the threshold it is 9.2.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" torch==2.13.0
"${pip[@]}" snntorch==1.0.0 numpy==2.4.6 torch==2.13.0
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import torch
from snntorch import surrogate

print(*(f"{name} {version(name)}" for name in ("snntorch", "torch")))
places = [-5.0, -0.5, 0.0, 0.5, 1.0, 5.0]


def gradient(name):
    x = torch.tensor(places, requires_grad=True)
    getattr(surrogate, name)()(x).sum().backward()
    return dict(zip(places, x.grad.tolist()))


seen = {name: gradient(name) for name in ("fast_sigmoid", "atan", "triangular", "spike_rate_escape")}
for name, values in seen.items():
    print(f"{name:18}", {x: round(value, 4) for x, value in values.items()})
for name in ("fast_sigmoid", "atan"):
    assert max(seen[name].values()) == seen[name][0.0] == 1 and min(seen[name].values()) >= 0
assert list(seen["triangular"].values()) == [1, 1, -1, -1, -1, -1]
escape = seen["spike_rate_escape"]
assert max(escape.values()) == escape[1.0] == 25 and abs(escape[0.0] - 9.197) < 1e-3
PY
