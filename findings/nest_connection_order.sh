#!/usr/bin/env bash
# NEST 3.10.0 (the wheel of nest-simulator, Python 3.11): in what order nest.GetConnections returns connections.
#
# Expected: in the order in which they were made, so that a list of weights in that order can be written to .weight.
# Seen: sorted by the source, and among connections of one source as they were made; with two threads, those of the first
# thread's targets come first. .weight takes a list of the right length without a word, and the weights are on other
# edges. Nothing of it can be seen with all_to_all on one thread, where both orders agree.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nest-simulator==3.10.0 numpy==1.26.4
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import nest

print(*(f"{name} {version(name)}" for name in ("nest-simulator", "numpy")))
nest.verbosity = nest.VerbosityLevel.ERROR
made = [(3, 0), (1, 2), (0, 3), (2, 1), (1, 0)]


def connections(threads):
    nest.ResetKernel()
    nest.local_num_threads = threads
    neurons = nest.Create("iaf_psc_delta", 4)
    for source, target in made:
        nest.Connect(neurons[source], neurons[target])
    return nest.GetConnections(), neurons


for threads in (1, 2):
    found, neurons = connections(threads)
    order = [(source - 1, target - 1) for source, target in zip(found.source, found.target)]
    print(f"{threads} thread(s): made {made}, returned {order}")
    assert sorted(order) == sorted(made) and order != made
    assert threads == 2 or order == sorted(made, key=lambda edge: edge[0])
    if threads == 1:
        single = order
        found.weight = [10.0 * source + target for source, target in made]
        wrong = nest.GetConnections(neurons[0], neurons[3]).weight
        print("weight meant for 0 -> 3: 3.0, found there:", wrong)
        assert wrong == 30.0
assert order != single
PY
