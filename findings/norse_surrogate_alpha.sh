#!/usr/bin/env bash
# norse 1.1.0, what alpha does in norse.torch.functional.threshold.threshold(x, method, alpha) (torch 2.13.0,
# Python 3.11).
#
# Expected: alpha, 100 by default in LIFParameters, is the steepness of the surrogate gradient: the larger, the narrower,
# as 1 / (1 + alpha |x|)^2 in the SuperSpike paper that "super", the default, names.
# Seen (gradient at x = 0 and at x = 0.5, alpha 1 -> 100):
#   - "super" does not use alpha: 1 and 0.44 = 1 / 1.5^2 for each alpha. SuperSpike with 100 would be 0.0004 at 0.5.
#   - "tanh" and "heavi_erfc" become narrower: at 0.5 from 0.79 and 0.88 to 0.
#   - "circ" becomes wider: at 0.5 from 0.72 to 0.99996.
#   - "triangle" becomes higher and no narrower: 1 and 0.5 to 100 and 50, a hundred times the others at the default.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" torch==2.13.0
"${pip[@]}" norse==1.1.0 numpy==2.4.6 torchvision==0.28.0 torch==2.13.0
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import torch
from norse.torch import LIFParameters
from norse.torch.functional.threshold import threshold

default = LIFParameters()
print(*(f"{name} {version(name)}" for name in ("norse", "torch")), "default", default.method, float(default.alpha))
assert default.method == "super" and float(default.alpha) == 100
expected = {  # gradient at 0 and at 0.5, with alpha 1 and 100
    "super": ((1, 4 / 9), (1, 4 / 9)),
    "tanh": ((1, 0.7864), (1, 0)),
    "heavi_erfc": ((1.1284, 0.8788), (1.1284, 0)),
    "circ": ((1, 0.7155), (1, 0.99996)),
    "triangle": ((1, 0.5), (100, 50)),
}
for method, rows in expected.items():
    for alpha, row in zip((1.0, 100.0), rows):
        x = torch.tensor([0.0, 0.5], requires_grad=True)
        threshold(x, method, alpha).sum().backward()
        print(f"{method:10} alpha {alpha:5}: {x.grad[0]:8.4f} at 0, {x.grad[1]:8.5f} at 0.5")
        assert torch.allclose(x.grad, torch.tensor(row, dtype=torch.float32), atol=1e-4), row
PY
