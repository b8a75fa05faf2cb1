#!/usr/bin/env bash
# elephant 1.2.1, statistics.instantaneous_rate with a causal kernel (neo 0.14.6, quantities 0.16.4, numpy 2.4.6,
# Python 3.11).
#
# Expected: with ExponentialKernel or AlphaKernel, which are 0 for negative times, the rate is 0 before the first spike.
# Seen: center_kernel is True by default and shifts the kernel by its median, so half of the rate of a spike lies before
# it: with a sigma of 50 ms the peak of the exponential comes 34 ms (sigma ln 2) too early. Rates made for decoding or
# prediction look into the future. center_kernel=False gives the causal one. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check \
  elephant==1.2.1 neo==0.14.6 quantities==0.16.4 numpy==2.4.6
"$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version

import neo
import quantities as pq
from elephant.kernels import AlphaKernel, ExponentialKernel
from elephant.statistics import instantaneous_rate

warnings.simplefilter("ignore")
print(*(f"{name} {version(name)}" for name in ("elephant", "neo", "quantities", "numpy")))
train = neo.SpikeTrain([500] * pq.ms, t_stop=1000 * pq.ms)
for kernel in (ExponentialKernel, AlphaKernel):
    for options in ({}, {"center_kernel": False}):
        rate = instantaneous_rate(train, 1 * pq.ms, kernel=kernel(50 * pq.ms), **options).magnitude[:, 0]
        before = rate[:500].sum() / rate.sum()
        print(f"{kernel.__name__} {options}: peak at {rate.argmax()} ms, {before:.3f} of the rate before the spike")
        assert abs(before - (0 if options else 0.5)) < 0.02
        assert kernel is AlphaKernel or abs(rate.argmax() - (500 if options else 466)) <= 1
PY
