"""Spikes that the reference simulator and our tests put in: made from nothing but numpy, the same for both."""

import numpy as np

STEPS = 300

#: Constants of NEST's synapses; times in ms, concentrations per ms.
VOGELS = {"tau": 18.0, "eta": 2e-3, "alpha": 0.9, "Wmax": -10.0, "weight": -1.5}
DOPAMINE = {
    "A_plus": 0.8,
    "A_minus": 1.1,
    "tau_plus": 17.0,
    "tau_c": 90.0,
    "tau_n": 35.0,
    "b": 0.004,
    "Wmin": -100.0,
    "Wmax": 100.0,
}
START, TAU_MINUS = 1.5, 26.0


def trains():
    """Spikes of both sides and dopaminergic ones, bool [STEPS] each; the presynaptic side fires last, where NEST looks."""
    pre, post, dopamine = np.random.default_rng(5).random((3, STEPS)) < np.array([[0.08], [0.06], [0.03]])
    pre[-1] = True
    return pre, post, dopamine
