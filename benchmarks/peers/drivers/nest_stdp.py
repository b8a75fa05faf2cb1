r"""Workload d in NEST: ``python nest_stdp.py TASK.npz``; a line in, a line of JSON out (see ``stdp.py``).

Spike generators, parrot neurons, ``stdp_synapse`` without a dependence on the weight (mu 0) to ``iaf_psc_delta``
neurons without refractory time, and static synapses of the inhibition; all delays are one step of 1 ms, and neurons
work in double precision. A timed sample is ``nest.Run`` over all samples without a pause, divided by their number,
without building, ``Prepare`` and ``Cleanup``. Before every round weights are set back, and traces fade in a pause.

What differs: NEST's delay is dendritic as a whole, so a synapse sees an input when it is sent, one step before it
arrives, and a neuron's spike one step after it was fired. Of spikes L steps apart (neuron's less input's, both as they
arrive, as ours are counted) it so sees L + 2. Amplitudes are scaled by $e^{\pm 2/\tau}$, so that potentiation is ours
for every L >= 0 and depression for every L <= -3. But an input that arrives one step after the neuron's spike still
raises its weight, by $a_+ e^{1/\tau}$, where ours lowers it by $a_- e^{-1/\tau}$; and L = 0, -2 lower nothing.
Potentiation is entered at the next input of a synapse, which is when it first counts, and every change is brought
within the bounds by itself; a last input to all is sent before weights are read. A potential equal to the threshold
fires.
"""

import json
import math
import sys
import time
from importlib import metadata

import nest
import numpy as np

#: Without input, before a round and before weights are read, ms.
PAUSE = 1000.0
#: Steps from a generator's spike to its arrival at a neuron, beyond the one that all spikes take: the parrot's.
WAY = 2.0


class Simulation:
    """The network of one task.

    Args:
        spikes: uint8 [samples, T, 1, inputs].
        weights: [inputs, neurons].
        constants: of ``stdp.Task``, times in ms.
    """

    def __init__(self, spikes: np.ndarray, weights: np.ndarray, constants: dict[str, float]) -> None:
        nest.set_verbosity("M_ERROR")
        nest.ResetKernel()
        nest.SetKernelStatus({"resolution": 1.0, "local_num_threads": int(constants["threads"])})
        self.samples, (inputs, neurons) = len(spikes), weights.shape
        self.shown = spikes.reshape(-1, inputs)
        ours = {"tau_m": constants["tau_membrane"], "V_th": constants["threshold"], "t_ref": 0.0}
        rest = {"E_L": 0.0, "V_reset": 0.0, "V_m": 0.0, "V_min": -math.inf, "tau_minus": constants["tau_trace"]}
        self.layer = nest.Create("iaf_psc_delta", neurons, params={**ours, **rest})
        self.generators = nest.Create("spike_generator", inputs)
        self.parrots = nest.Create("parrot_neuron", inputs)
        nest.Connect(self.generators, self.parrots, "one_to_one", {"delay": 1.0})
        nearer = math.exp(2.0 / constants["tau_trace"])
        plus, minus = constants["a_plus"] * nearer, constants["a_minus"] / nearer
        learned = {"lambda": plus, "alpha": minus / plus, "mu_plus": 0.0, "mu_minus": 0.0, "Wmax": 1.0}
        learned |= {"tau_plus": constants["tau_trace"], "weight": weights.T, "delay": 1.0}
        nest.Connect(self.parrots, self.layer, "all_to_all", {"synapse_model": "stdp_synapse", **learned})
        inhibition = {"weight": -constants["inhibition"], "delay": 1.0}
        nest.Connect(self.layer, self.layer, {"rule": "all_to_all", "allow_autapses": False}, inhibition)
        self.recorder = nest.Create("spike_recorder")
        nest.Connect(self.layer, self.recorder)
        self.learned = nest.GetConnections(self.parrots, self.layer)
        places = self.learned.get(["source", "target"])
        sources = np.array(places["source"]) - self.parrots[0].global_id
        targets = np.array(places["target"]) - self.layer[0].global_id
        self.start = weights[sources, targets].astype(float)

    def prepare(self) -> None:
        """The weights as they were, neurons at rest, and the spikes of all samples at the generators."""
        self.enter()
        nest.Simulate(PAUSE)
        self.learned.set(weight=self.start)
        self.layer.V_m = 0.0
        self.recorder.n_events = 0
        steps, columns = self.shown.nonzero()
        times = nest.biological_time + 1.0 + steps
        for column, generator in enumerate(self.generators):
            generator.spike_times = times[columns == column]

    def enter(self) -> None:
        """Behind a pause, send an input to all synapses, which enters their last changes; no neuron fires by it."""
        nest.Simulate(PAUSE)
        threshold = self.layer[0].V_th
        self.layer.V_th = 1e9
        self.generators.spike_times = [nest.biological_time + 1.0]
        nest.Simulate(1.0 + WAY)
        self.layer.V_m = 0.0
        self.layer.V_th = threshold

    def timed(self) -> dict[str, float]:
        """Present all samples; milliseconds a sample."""
        self.prepare()
        nest.Prepare()
        started = time.perf_counter()
        nest.Run(float(len(self.shown)) + WAY)
        took = time.perf_counter() - started
        nest.Cleanup()
        return {"ms": 1e3 * took / self.samples}

    def check(self) -> dict[str, float]:
        """All samples without a pause: output spikes, and the mean change of a weight."""
        self.prepare()
        nest.Simulate(float(len(self.shown)) + WAY)
        fired = self.recorder.n_events
        self.enter()
        return {"spikes": float(fired), "change": float((np.array(self.learned.weight) - self.start).mean())}


def main() -> None:
    given = np.load(sys.argv[1])
    constants = json.loads(str(given["constants"]))
    started = time.perf_counter()
    simulation = Simulation(given["spikes"], given["weights"], constants)
    took = time.perf_counter() - started
    print(json.dumps({"version": metadata.version("nest-simulator"), "build_s": took}), flush=True)
    for line in sys.stdin:
        print(json.dumps(simulation.check() if line.strip() == "check" else simulation.timed()), flush=True)


if __name__ == "__main__":
    main()
