"""Diehl & Cook's network in Brian 2, small: ``pip install brian2==2.9.0 "numpy<2.4"``, then ``python make_diehl_cook.py``.

It writes diehl_cook.npz beside it, which the tests read. Equations and constants are those of the authors' program, in
millivolts; the inputs are drawn here and stored. What is chosen so that two programs can agree: spikes of one step do
not see each other in the learning; a membrane is held for 5 ms and 2 ms behind the step of a spike, which Brian 2
counts in (so one step more); theta does not fall.
"""

from pathlib import Path

import brian2 as b2
import numpy as np

HERE = Path(__file__).parent
STEPS, INPUTS, NEURONS = 2000, 40, 6
b2.prefs.codegen.target = "numpy"
b2.defaultclock.dt = 0.5 * b2.ms

EXCITATORY = """
    dv/dt = ((-65*mV - v) + ge*(0*mV - v) + gi*(-100*mV - v))/(100*ms) : volt (unless refractory)
    dge/dt = -ge/(1*ms) : 1
    dgi/dt = -gi/(2*ms) : 1
    theta : volt
"""
INHIBITORY = """
    dv/dt = ((-60*mV - v) + ge*(0*mV - v))/(10*ms) : volt (unless refractory)
    dge/dt = -ge/(1*ms) : 1
"""


def main():
    generator = np.random.default_rng(7)
    rates = generator.random(INPUTS) * 0.06
    arrivals = generator.random((STEPS, INPUTS)) < rates
    weights = generator.random((INPUTS, NEURONS)) * 0.6 + 0.2
    steps, columns = arrivals.nonzero()
    source = b2.SpikeGeneratorGroup(INPUTS, columns, steps * 0.5 * b2.ms)
    exc = b2.NeuronGroup(
        NEURONS,
        EXCITATORY,
        threshold="v > theta - 20*mV - 52*mV",
        reset="v = -65*mV; theta += 0.05*mV",
        refractory=5.5 * b2.ms,
        method="euler",
    )
    inh = b2.NeuronGroup(
        NEURONS, INHIBITORY, threshold="v > -40*mV", reset="v = -45*mV", refractory=2.5 * b2.ms, method="euler"
    )
    exc.v, exc.theta, inh.v = -65 * b2.mV, 20 * b2.mV, -60 * b2.mV
    learned = b2.Synapses(
        source,
        exc,
        """w : 1
        dpre/dt = -pre/(20*ms) : 1 (event-driven)
        dpost1/dt = -post1/(20*ms) : 1 (event-driven)
        dpost2/dt = -post2/(40*ms) : 1 (event-driven)""",
        on_pre={"send": "ge_post += w", "lower": "w = clip(w - 1e-4*post1, 0, 1)", "mark": "pre = 1"},
        on_post={"lift": "w = clip(w + 1e-2*pre*post2, 0, 1)", "stamp": "post1 = 1; post2 = 1"},
    )
    learned.connect()
    learned.w = weights.flatten()
    for order, name in enumerate(("send", "lower", "lift", "mark", "stamp")):
        getattr(learned, name).order = order
    forth = b2.Synapses(exc, inh, on_pre="ge_post += 10.4")
    forth.connect(j="i")
    back = b2.Synapses(inh, exc, on_pre="gi_post += 17")
    back.connect(condition="i != j")
    spikes = b2.SpikeMonitor(exc)
    seen = b2.StateMonitor(exc, ["v", "ge", "gi", "theta"], record=True, when="end", dt=25 * b2.ms)
    b2.Network(source, exc, inh, learned, forth, back, spikes, seen).run(STEPS * 0.5 * b2.ms)
    np.savez_compressed(
        HERE / "diehl_cook.npz",
        version=b2.__version__,
        arrivals=np.packbits(arrivals),
        weights=weights,
        steps=np.round(np.asarray(spikes.t / b2.ms) / 0.5).astype(np.int32),
        neurons=np.asarray(spikes.i, np.int16),
        after=np.asarray(learned.w[:]).reshape(INPUTS, NEURONS),
        v=np.asarray(seen.v / b2.mV).T,
        ge=np.asarray(seen.ge).T,
        gi=np.asarray(seen.gi).T,
        theta=np.asarray(seen.theta / b2.mV).T,
    )
    print(len(spikes.t), "spikes of", np.bincount(spikes.i, minlength=NEURONS))


if __name__ == "__main__":
    main()
