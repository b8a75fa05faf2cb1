#!/usr/bin/env bash
# torch 2.13.0, torch.optim.SGD, Adam, AdamW and Adagrad with fused=True on the CPU (Python 3.11).
#
# Expected of a gradient that is a view (a slice, a transpose): the step is that of its contiguous copy, as with
# fused=False.
# Seen: the fused step goes through the memory of the gradient as if it were contiguous. A slice or a transpose gives the
# change of one weight to another, without a word. It meets whoever sets .grad by hand. parameter.grad = grad.contiguous() helps.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import sys

import torch

print("torch", torch.__version__)


def apart(kind, grad, fused):
    """Largest difference between a step by a view and by its contiguous copy."""
    after = []
    for given in (grad, grad.contiguous()):
        weight = torch.nn.Parameter(torch.zeros(4, 3))
        weight.grad = given
        kind([weight], lr=0.01, fused=fused).step()
        after.append(weight.detach())
    return float((after[0] - after[1]).abs().max())


torch.manual_seed(0)
views = {"slice": torch.randn(4, 4)[:, :-1], "transpose": torch.randn(3, 4).t()}
kinds = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.Adagrad)
found = {(kind.__name__, name): [apart(kind, g, fused) for fused in (False, True)] for kind in kinds for name, g in views.items()}
for (kind, name), (plain, fused) in found.items():
    print(f"{kind}, {name}: off by {plain:.3g} with fused=False, by {fused:.3g} with fused=True")
sys.exit(0 if all(plain == 0.0 and fused > 0.0 for plain, fused in found.values()) else 1)
PY
