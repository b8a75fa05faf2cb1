#!/usr/bin/env bash
# NEST 3.10.0 (the wheel of nest-simulator, Python 3.11): nearest-neighbour STDP and the first post-synaptic spikes.
#
# Expected: a synapse changes for pairs of spikes only, so two trains with the same intervals end in the same weight,
# wherever on the time axis they begin.
# Seen: stdp_nn_symm_synapse and stdp_nn_restr_synapse take time 0 for a pre-synaptic spike. A post spike that comes before
# the first pre spike is paired with it and potentiates, by exp(-t/tau_plus): the weight after the same trains is twice
# as large at 2 ms as at 1 s. stdp_synapse and stdp_nn_pre_centered_synapse do not have it. Beginning late helps.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nest-simulator==3.10.0 numpy==1.26.4
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import nest
import numpy as np

print(*(f"{name} {version(name)}" for name in ("nest-simulator", "numpy")))
nest.verbosity = nest.VerbosityLevel.ERROR


def weight(model, start):
    nest.ResetKernel()
    neurons = nest.Create("parrot_neuron", 2)
    for neuron, times in zip(neurons, ([5.0, 35.0, 65.0], [0.0, 28.0])):
        generator = nest.Create("spike_generator", params={"spike_times": start - 1 + np.array(times)})
        nest.Connect(generator, neuron, syn_spec={"delay": 1.0})
    synapse = {"synapse_model": model, "weight": 0.5, "delay": 1.0, "receptor_type": 1}
    nest.Connect(neurons[0], neurons[1], syn_spec=synapse)
    nest.Simulate(start + 100)
    return nest.GetConnections(neurons[0], neurons[1]).weight


for model in ("stdp_synapse", "stdp_nn_pre_centered_synapse", "stdp_nn_symm_synapse", "stdp_nn_restr_synapse"):
    early, late = weight(model, 2.0), weight(model, 1002.0)
    print(f"{model}: first spike at 2 ms {early:.4f}, at 1002 ms {late:.4f}")
    if "symm" in model or "restr" in model:
        # lambda Wmax exp(-2 ms / tau_plus), added on the way
        assert early - late > 0.5
    else:
        assert abs(early - late) < 1e-9
PY
