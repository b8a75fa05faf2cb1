#!/usr/bin/env bash
# torch 2.13.0, torch.from_numpy (numpy 2.4.6, Python 3.11).
#
# Expected of an array that numpy calls C-contiguous, or that np.ascontiguousarray returned: torch takes it.
# Seen: reversed along an axis of one entry, an array keeps its negative stride and is C-contiguous all the same (the
# stride of such an axis is never used), so np.ascontiguousarray and np.require return it as it is, and torch.from_numpy
# raises ValueError for the negative stride; so do torch.as_tensor and torch.tensor.
# It meets whoever reverses samples or time and comes to a data set, or a last batch, of one. array.copy() helps.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import sys

import numpy as np
import torch

print("torch", torch.__version__, "numpy", np.__version__)


def taken(make, array):
    try:
        make(array)
    except ValueError as error:
        return f"ValueError: {error}"
    return "taken"


backwards = np.ones((1, 3))[::-1]
made = np.ascontiguousarray(backwards)
print("C-contiguous:", made.flags.c_contiguous, "strides:", made.strides)
seen = {make.__name__: taken(make, made) for make in (torch.from_numpy, torch.as_tensor, torch.tensor)}
copied = taken(torch.from_numpy, made.copy())
for name, words in {**seen, "from_numpy of a copy": copied}.items():
    print(f"{name}: {words}")
refused = {name for name, words in seen.items() if "negative" in words}
sys.exit(0 if made.flags.c_contiguous and refused == set(seen) and copied == "taken" else 1)
PY
