#!/usr/bin/env bash
# numba 0.68.1 with torch 2.13.0 (Linux, Python 3.11), numba's threading layer omp, which it takes where GNU OpenMP can be loaded and
# TBB cannot.
#
# Expected: torch.set_num_threads(1) holds until somebody calls it again; numba has threads of its own (NUMBA_NUM_THREADS).
# Seen: when numba starts its threads, at its first parallel function or at numba.get_num_threads() already, it tells GNU OpenMP its
# own number, and torch, which shares the library and asks it, has that many from then on: 2 in place of 1 here, the number of cores
# by default. numba.set_num_threads(1) does not take it back; a second torch.set_num_threads(1) does, and lasts.
# Numba 2 threads, torch 1 before; the script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" torch==2.13.0 numba==0.68.1 numpy==2.4.6
OMP_NUM_THREADS=1 NUMBA_NUM_THREADS=2 NUMBA_THREADING_LAYER=omp "$folder/venv/bin/python" - <<'PY'
import torch

torch.set_num_threads(1)
import numba
import numpy

print("torch", torch.__version__, "numba", numba.__version__)
print("torch's threads behind set_num_threads(1) and the import of numba:", torch.get_num_threads())
assert torch.get_num_threads() == 1


@numba.njit(parallel=True)
def raised(values):
    for i in numba.prange(len(values)):
        values[i] += 1


raised(numpy.zeros(100))
print("behind numba's first parallel function, layer", numba.threading_layer() + ":", torch.get_num_threads())
assert torch.get_num_threads() == 2, "torch's number of threads stands: this has changed"
numba.set_num_threads(1)
print("behind numba.set_num_threads(1):", torch.get_num_threads())
assert torch.get_num_threads() == 2
torch.set_num_threads(1)
raised(numpy.zeros(100))
print("behind torch.set_num_threads(1) and another parallel function:", torch.get_num_threads())
assert torch.get_num_threads() == 1
PY
