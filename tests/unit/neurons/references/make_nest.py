"""Reference spikes and membranes of NEST: ``pip install nest-simulator==3.10.0``, then ``python make_nest.py``.

It writes nest.npz beside it, which the tests read. Constants are the defaults of the models' documentation where
``NEST`` of stimuli.py does not name them; times in ms, potentials in mV, currents in pA, conductances in nS.
"""

from pathlib import Path

import nest
import numpy as np
import stimuli

HERE = Path(__file__).parent
H = stimuli.NEST_STEP


def simulated(model, constants, variables, steps, arrivals=None):
    """Spikes (step, neuron) and variables behind every tenth step."""
    nest.ResetKernel()
    nest.resolution = H
    n = max(len(value) for value in constants.values() if isinstance(value, list))
    neurons = nest.Create(model, n, params=constants)
    recorder, meter = nest.Create("spike_recorder"), nest.Create("multimeter")
    meter.set(record_from=list(variables), interval=10 * H)
    nest.Connect(neurons, recorder)
    nest.Connect(meter, neurons)
    for here, weight in arrivals or []:
        # A spike of the time t arrives with the shortest delay at t + H, before the step that begins there.
        source = nest.Create("spike_generator", params={"spike_times": here * H - H})
        nest.Connect(source, neurons, syn_spec={"weight": weight, "delay": H})
    nest.Simulate(steps * H + 1.0)
    seen = {}
    for neuron in neurons:
        events = meter.get("events")
        mine = events["senders"] == neuron.global_id
        for name in variables:
            seen.setdefault(name, []).append(np.asarray(events[name])[mine])
        when = np.asarray(events["times"])[mine]
    events = recorder.get("events")
    return {
        "steps": np.round(np.asarray(events["times"]) / H).astype(np.int32) - 1,
        "neurons": (np.asarray(events["senders"]) - neurons[0].global_id).astype(np.int16),
        "behind": np.round(when / H).astype(np.int32) - 1,
        **{name: np.stack(values, 1) for name, values in seen.items()},
    }


def pulses(case):
    """Steps at which spikes arrive, and their weights; none at the first two, before which nothing can be sent."""
    found = []
    for name, weight in zip(("excitatory", "inhibitory"), case["weights"], strict=True):
        steps = np.flatnonzero(stimuli.arrivals(case["steps"], *case[name]))
        found.append((steps[steps >= 2], weight))
    return found


def main():
    arrays = {}
    for name, case in stimuli.NEST.items():
        arrivals = pulses(case) if "weights" in case else None
        values = simulated(case["model"], case["constants"], case["variables"], case["steps"], arrivals)
        arrays |= {f"{name}/{key}": value for key, value in values.items()}
    np.savez_compressed(HERE / "nest.npz", version=nest.__version__, **arrays)


if __name__ == "__main__":
    main()
