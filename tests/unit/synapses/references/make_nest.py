"""Reference amplitudes and weights of NEST: ``pip install nest-simulator==3.10.0``, then ``python make_nest.py``.

It writes nest.npz beside it, which the tests read: what each spike of a ``tsodyks2_synapse`` of weight 1 transmits, and
the weights that ``stdp_synapse`` leaves with each delay. Times in ms.
"""

from pathlib import Path

import nest
import numpy as np
import trains

HERE = Path(__file__).parent
WEIGHT, LARGEST = 1.0, 1000.0


def parrot(steps):
    """A neuron that fires at the end of those steps of 1 ms."""
    neuron = nest.Create("parrot_neuron")
    # What a generator sends at t arrives, and is repeated, at t + 1.
    source = nest.Create("spike_generator", params={"spike_times": np.asarray(steps, float) - 1.0})
    nest.Connect(source, neuron, syn_spec={"delay": 1.0})
    return neuron


def amplitudes(steps, u, tau_rec, tau_fac):
    """Steps of the spikes, and what each of them transmits."""
    nest.ResetKernel()
    nest.resolution = 1.0
    recorder = nest.Create("weight_recorder")
    constants = {"U": u, "u": u, "tau_rec": 1e3 * tau_rec, "tau_fac": 1e3 * tau_fac, "weight_recorder": recorder}
    nest.CopyModel("tsodyks2_synapse", "synapse", constants)
    target = nest.Create("parrot_neuron")
    source = parrot(steps)
    nest.Connect(source, target, syn_spec={"synapse_model": "synapse", "weight": 1.0, "delay": 1.0})
    nest.Simulate(trains.STEPS + 2.0)
    events = recorder.get("events")
    return np.asarray(events["times"]), np.asarray(events["weights"])


def learned(delay):
    """The change of the weight of a connection with that delay."""
    nest.ResetKernel()
    nest.resolution = 1.0
    before, behind = (parrot(steps) for steps in trains.stdp_trains())
    own = trains.STDP
    behind.tau_minus = 1e3 * own["tau_post"]
    constants = {
        "synapse_model": "stdp_synapse",
        "weight": WEIGHT,
        "delay": float(delay),
        "Wmax": LARGEST,
        "lambda": own["a_plus"] / LARGEST,
        "alpha": own["a_minus"] / own["a_plus"],
        "mu_plus": 0.0,
        "mu_minus": 0.0,
        "tau_plus": 1e3 * own["tau_pre"],
        # A parrot repeats what arrives at its port 0 alone.
        "receptor_type": 1,
    }
    nest.Connect(before, behind, syn_spec=constants)
    nest.Simulate(trains.STEPS + 50.0)
    return nest.GetConnections(before, behind).weight - WEIGHT


def main():
    nest.verbosity = nest.VerbosityLevel.ERROR
    arrays = {}
    for name, constants in trains.SHORT_TERM.items():
        for number, steps in enumerate(trains.short_term_trains()):
            times, amounts = amplitudes(steps, *constants)
            arrays |= {f"{name}/{number}/times": times, f"{name}/{number}/amounts": amounts}
    arrays["stdp"] = np.array([learned(delay) for delay in trains.DELAYS])
    np.savez_compressed(HERE / "nest.npz", version=nest.__version__, **arrays)


if __name__ == "__main__":
    main()
