"""Reference weights of NEST: ``pip install nest-simulator==3.10.0``, then ``python make_nest.py``.

It writes nest.npz beside it, which the tests read: the weight behind every presynaptic spike of the synapses
vogels_sprekeler_synapse and stdp_dopamine_synapse. Spikes of all sides are prescribed.
"""

from pathlib import Path

import nest
import numpy as np
from trains import DOPAMINE, START, STEPS, TAU_MINUS, VOGELS, trains

HERE = Path(__file__).parent
DELAY = 1.0


def fired(when):
    """A generator that fires in steps ``when``; step t ends at t + 5 ms, so that all that precedes it fits in."""
    return nest.Create("spike_generator", params={"spike_times": np.flatnonzero(when) + 5.0})


def relayed(when, constants):
    """A neuron that fires in these steps, one delay after its generator."""
    neuron = nest.Create("parrot_neuron", params=constants)
    nest.Connect(fired(when), neuron, syn_spec={"delay": DELAY})
    return neuron


def weights(model, common, start, tau_minus):
    """The weight at every presynaptic spike, as it is sent."""
    nest.ResetKernel()
    nest.resolution = 1.0
    pre, post, dopamine = trains()
    source = relayed(pre, {})
    # The back-propagating spike takes the synapse's delay, so that it fires so much sooner.
    target = relayed(np.roll(post, -1), {"tau_minus": tau_minus})
    recorder = nest.Create("weight_recorder")
    if "tau_n" in common:
        transmitter = nest.Create("volume_transmitter")
        # It counts from when it arrives at the transmitter.
        nest.Connect(relayed(np.roll(dopamine, -1), {}), transmitter, syn_spec={"delay": DELAY})
        common = {**common, "volume_transmitter": transmitter}
    nest.CopyModel(model, "learned", {**common, "weight_recorder": recorder})
    # A parrot repeats what arrives at port 0, and learns of what arrives at port 1 without a word.
    nest.Connect(
        source, target, syn_spec={"synapse_model": "learned", "weight": start, "delay": DELAY, "receptor_type": 1}
    )
    nest.Simulate(STEPS + 20.0)
    return np.asarray(recorder.get("events")["weights"])


if __name__ == "__main__":
    vogels = {name: value for name, value in VOGELS.items() if name != "weight"}
    found = {
        "vogels": weights(
            "vogels_sprekeler_synapse", {**vogels, "weight": VOGELS["weight"]}, VOGELS["weight"], VOGELS["tau"]
        ),
        "dopamine": weights("stdp_dopamine_synapse", DOPAMINE, START, TAU_MINUS),
    }
    np.savez_compressed(HERE / "nest.npz", **found)
    print({name: (len(value), value[:4], value[-3:]) for name, value in found.items()})
