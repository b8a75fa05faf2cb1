"""Spikes and potentials that the reference simulator and our tests put in: made from nothing but numpy, the same for both."""

import numpy as np

#: Steps of 1 ms of the rules of spikes: a second.
STEPS = 1000

#: Steps by which NEST's synapses see late what their target did.
DELAY = 3

#: Constants of NEST's synapses; times in ms, concentrations per ms. The first pre-synaptic spike comes first, for two of
#: the nearest-neighbour synapses take time 0 for one.
VOGELS = {"tau": 18.0, "eta": 2e-3, "alpha": 0.9, "Wmax": -10.0, "weight": -1.5}
DOPAMINE = {
    "A_plus": 0.08,
    "A_minus": 0.06,
    "tau_plus": 17.0,
    "tau_c": 90.0,
    "tau_n": 35.0,
    "b": 0.004,
    "Wmin": -100.0,
    "Wmax": 100.0,
}
START, TAU_MINUS = 1.5, 26.0

#: {case: (synapse, its constants)}; depression is alpha times potentiation. The first reaches both bounds.
_PAIR = {"tau_plus": 17.0, "lambda": 0.05, "alpha": 0.8, "Wmax": 2.2, "mu_plus": 0.0, "mu_minus": 0.0}
PAIRS = {
    "additive": ("stdp_synapse", {**_PAIR, "lambda": 0.2}),
    "multiplicative": ("stdp_synapse", {**_PAIR, "mu_plus": 1.0, "mu_minus": 1.0}),
    "van-rossum": ("stdp_synapse", {**_PAIR, "mu_minus": 1.0}),
    "power": ("stdp_synapse", {**_PAIR, "mu_plus": 0.4, "mu_minus": 0.7}),
    "power-law": ("stdp_pl_synapse_hom", {"tau_plus": 17.0, "lambda": 0.05, "alpha": 0.8, "mu": 0.4}),
    "nearest-symmetric": ("stdp_nn_symm_synapse", _PAIR),
    "nearest-presynaptic": ("stdp_nn_pre_centered_synapse", _PAIR),
    "nearest-reduced": ("stdp_nn_restr_synapse", _PAIR),
}
TRIPLET = {
    "Aplus": 5e-3,
    "Aminus": 7e-3,
    "Aplus_triplet": 6e-3,
    "Aminus_triplet": 2e-3,
    "tau_plus": 16.8,
    "tau_plus_triplet": 101.0,
    "Wmax": 3.0,
}
TAU_MINUS_TRIPLET = 125.0


#: The case whose spikes of both sides never meet in one step: where they do, NEST's reduced scheme takes the postsynaptic
#: one for the earlier in potentiation, and then does not see that the next presynaptic spike follows it.
APART = "nearest-reduced"


def trains(case=None):
    """Spikes of both sides and dopaminergic ones, bool [STEPS] each; the presynaptic side fires last, where NEST looks."""
    pre, post, dopamine = np.random.default_rng(5).random((3, STEPS)) < np.array([[0.08], [0.06], [0.03]])
    first = int(np.flatnonzero(pre)[0])
    post[: first + 1] = False
    pre[-1] = True
    if case == APART:
        post[:-DELAY] &= ~pre[DELAY:]
    return pre, post, dopamine


#: The membrane under voltage-based STDP: steps of 0.5 ms, of a second too; delays of synapse and filters in steps.
STEP, MEMBRANE_STEPS, FILTER_DELAY, SYNAPSE_DELAY = 0.5, 2000, 4, 2
CLOPATH = {
    "theta_plus": -45.3,
    "theta_minus": -70.6,
    "A_LTP": 8e-7,
    "A_LTD": 14e-7,
    "tau_u_bar_plus": 14.0,
    "tau_u_bar_minus": 20.0,
    "tau_u_bar_bar": 50.0,
    "u_ref_squared": 5000.0,
}
REST, TAU_X, SMALL, SMALL_HIGH = -70.6, 15.0, 5e-3, 7e-3


def membrane():
    """Presynaptic spikes, bool [MEMBRANE_STEPS], and the potentials in mV to which the neuron is moved.

    Nothing happens in the first 10 ms: NEST's delayed filters then still hold 0 mV.
    """
    generator = np.random.default_rng(7)
    pre = generator.random(MEMBRANE_STEPS) < 0.04
    pre[:20], pre[-1] = False, True
    moved = generator.random(MEMBRANE_STEPS) < 0.1
    moved[:20] = False
    drawn, potential = generator.uniform(-85.0, -25.0, MEMBRANE_STEPS), np.full(MEMBRANE_STEPS, REST)
    for step in np.flatnonzero(moved):
        potential[step:] = drawn[step]
    return pre, potential


#: The neuron of two compartments, in steps that are half as long, for NEST takes none in parts; ms, mV, pF and nS.
DENDRITE_STEP = 0.25
DENDRITE = {"C_m": 300.0, "g_L": 7.5, "E_L": -70.0, "V_m": -70.0, "tau_syn_ex": 12.0}
SOMA = {"C_m": 300.0, "g_L": 7.5, "E_L": -70.0, "V_m": -70.0, "E_ex": 0.0, "E_in": -75.0}
TWO_COMPARTMENTS = {"g_sp": 15.0, "t_ref": 3.0, "phi_max": 0.15, "rate_slope": 0.5, "beta": 1.0 / 3.0, "theta": -55.0}
URBANCZIK = {"eta": 0.02, "tau_Delta": 60.0, "Wmax": 5000.0, "Wmin": 0.0}
STRENGTHS = (150.0, 220.0, 300.0)


def into_dendrite():
    """Presynaptic spikes, bool [MEMBRANE_STEPS, 3], the last step all of them, and when the soma is excited."""
    generator = np.random.default_rng(11)
    pre = generator.random((MEMBRANE_STEPS, 3)) < 0.03
    pre[-1] = True
    return pre, generator.random(MEMBRANE_STEPS) < 0.05
