#!/usr/bin/env bash
# BindsNET 0.3.4, encoding.poisson with its defaults (torch 2.13.0, Python 3.11).
#
# Expected: Poisson spike trains, whose counts in a window have a variance as large as their mean (a Fano factor of 1), and as
# many spikes as the rate says.
# Seen: it is the intervals, not the counts, that are drawn from a Poisson distribution of mean 1000/rate steps, so that trains
# are nearly regular: over 1,000 steps of 1 ms the Fano factor of counts is 0.03 at 10 Hz, 0.05 at 50 Hz, 0.13 at 128 Hz and 0.25
# at 255 Hz. As every train starts at the beginning of an interval, an input of 1 Hz fires 0.5 times a second in place of once.
# The function is loaded from its own file: the package around it asks for torchvision and others, which it does not use.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" torch==2.13.0 numpy==2.4.6
"${pip[@]}" --no-deps bindsnet==0.3.4
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import distribution
from importlib.util import module_from_spec, spec_from_file_location

import torch

place = distribution("bindsnet").locate_file("bindsnet/encoding/encodings.py")
spec = spec_from_file_location("encodings", place)
encodings = module_from_spec(spec)
spec.loader.exec_module(encodings)

torch.manual_seed(0)
print("bindsnet", distribution("bindsnet").version, "torch", torch.__version__)
print("rate, Hz   spikes in 1 s   Fano factor   (2,000 trains)")
seen = {}
for rate in (1.0, 10.0, 50.0, 128.0, 255.0):
    counts = encodings.poisson(torch.full((2000,), rate), time=1000, dt=1.0).float().sum(0)
    seen[rate] = counts.mean().item(), (counts.var() / counts.mean()).item()
    print(f"{rate:8.0f}   {seen[rate][0]:13.2f}   {seen[rate][1]:11.3f}")
assert all(seen[rate][1] < 0.35 for rate in (10.0, 50.0, 128.0, 255.0)), "the counts vary more: this has changed"
assert 0.4 < seen[1.0][0] < 0.6, "one hertz fires as often as it says: this has changed"
PY
