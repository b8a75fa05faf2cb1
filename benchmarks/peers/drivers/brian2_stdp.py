"""Workload d in Brian2, C++ standalone: ``python brian2_stdp.py TASK.npz``; a line in, a line of JSON out.

Compiled once. A timed sample is a run of the whole program over all samples, divided by their number; what counts is
the time that Brian2 itself reports for its loop over the steps (``device._last_run_time``): neither compiling, nor
starting the program, nor writing results. States are not reset between samples. In double precision, Brian2's default.

The order within a step is ours: input spikes, decay, arrival, threshold, reset; spikes of the layer inhibit one step
later. Traces decay exactly between events. What differs: a weight is lowered before the layer's spikes of the same step
enter its trace, so a coincident pair counts a_plus, not a_plus - a_minus, and both changes are clipped one by one.
"""

import json
import shutil
import sys
import tempfile
import time

import brian2 as b2
import numpy as np


def build(spikes: np.ndarray, weights: np.ndarray, constants: dict[str, float], folder: str) -> tuple:
    """The compiled program: (device, seconds that it took, synapses, monitor of the layer's spikes)."""
    b2.set_device("cpp_standalone", directory=folder, build_on_run=False)
    b2.prefs.devices.cpp_standalone.openmp_threads = int(constants["threads"]) if constants["threads"] > 1 else 0
    b2.defaultclock.dt = 1 * b2.ms
    inputs, neurons = weights.shape
    steps, columns = spikes.reshape(-1, inputs).nonzero()
    names = {
        "tau_membrane": constants["tau_membrane"] * b2.ms,
        "tau_trace": constants["tau_trace"] * b2.ms,
        **{name: constants[name] for name in ("threshold", "a_plus", "a_minus", "inhibition")},
    }
    source = b2.SpikeGeneratorGroup(inputs, columns, steps * b2.ms, when="start")
    layer = b2.NeuronGroup(
        neurons,
        "dv/dt = -v / tau_membrane : 1",
        threshold="v > threshold",
        reset="v = 0",
        method="exact",
        namespace=names,
    )
    learned = b2.Synapses(
        source,
        layer,
        """w : 1
        dx/dt = -x / tau_trace : 1 (event-driven)
        dy/dt = -y / tau_trace : 1 (event-driven)""",
        on_pre="v_post += w\nx += 1\nw = clip(w - a_minus * y, 0, 1)",
        on_post="y += 1\nw = clip(w + a_plus * x, 0, 1)",
        namespace=names,
    )
    learned.connect()
    learned.w = weights.flatten()
    learned.post.when = "after_thresholds"
    lateral = b2.Synapses(layer, layer, on_pre="v_post -= inhibition", namespace=names)
    lateral.connect(condition="i != j")
    monitor = b2.SpikeMonitor(layer, record=False)
    network = b2.Network(source, layer, learned, lateral, monitor)
    network.schedule = ["start", "groups", "synapses", "thresholds", "resets", "end"]
    started = time.perf_counter()
    network.run(spikes.shape[0] * spikes.shape[1] * b2.ms)
    device = b2.get_device()
    device.build(directory=folder, compile=True, run=False)
    return device, time.perf_counter() - started, learned, monitor


def main() -> None:
    given = np.load(sys.argv[1])
    constants = json.loads(str(given["constants"]))
    spikes, weights = given["spikes"], given["weights"]
    folder = tempfile.mkdtemp()
    try:
        device, took, learned, monitor = build(spikes, weights, constants, folder)
        print(json.dumps({"version": b2.__version__, "build_s": took}), flush=True)
        for line in sys.stdin:
            device.run(directory=folder, with_output=False, run_args=[])
            if line.strip() == "check":
                change = float((np.asarray(learned.w[:]) - weights.flatten()).mean())
                answer = {"spikes": float(np.asarray(monitor.num_spikes)), "change": change}
            else:
                answer = {"ms": 1e3 * device._last_run_time / len(spikes)}
            print(json.dumps(answer), flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
