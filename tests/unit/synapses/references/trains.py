"""Trains of spikes and constants of synapses, for the program that makes references and for the tests that read them."""

import numpy as np

#: Length of a time step, seconds, and number of steps.
DT, STEPS = 1e-3, 1000

#: Constants of short-term plasticity: U, time constants of recovery and facilitation, seconds.
SHORT_TERM = {
    "depressing": (0.5, 0.8, 0.0),
    "facilitating": (0.15, 0.13, 1.5),
    "both": (0.3, 0.25, 0.06),
}

#: Constants of pair STDP: amplitudes, time constants, seconds; delays of the connections, steps.
STDP = {"a_plus": 0.01, "a_minus": 0.012, "tau_pre": 16.8e-3, "tau_post": 33.7e-3}
DELAYS = (1, 2, 5, 13)


def short_term_trains():
    """Steps at which each neuron fires: at random, regularly, in bursts."""
    generator = np.random.default_rng(1)
    bursts = np.add.outer(np.arange(50, 950, 180), np.arange(0, 40, 5)).ravel()
    return [np.flatnonzero(generator.random(STEPS - 10) < 0.03) + 5, np.arange(20, 980, 50), bursts]


def stdp_trains():
    """Steps at which the neuron in front fires, and the one behind; the first fires last."""
    generator = np.random.default_rng(2)
    before, behind = (np.flatnonzero(generator.random(900) < rate) + 5 for rate in (0.03, 0.04))
    return np.append(before, STEPS - 10), behind
