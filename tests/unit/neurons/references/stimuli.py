"""What the reference simulators and our tests put in: made from nothing but numpy, the same numbers for both."""

import numpy as np


def wave(steps, dt, mean, amplitude, frequency):
    """Currents mean + amplitude sin(2 pi frequency t), one column a neuron, [steps, n]; dt in seconds."""
    t = np.arange(steps)[:, None] * dt
    return np.asarray(mean) + np.asarray(amplitude) * np.sin(2 * np.pi * np.asarray(frequency) * t)


def arrivals(steps, probability, seed):
    """Whether a spike arrives, bool [steps]."""
    return np.random.default_rng(seed).random(steps) < probability


#: Brian 2's Izhikevich neurons: mean and amplitude of their currents, Hz; the last two live between 75 and 80.
IZHIKEVICH = {"steps": 2000, "dt": 0.5e-3, "frequency": 3.0}
ADEX = {
    "steps": 5000,
    "dt": 0.2e-3,
    "mean": [25.0, 30.0, 30.0, 22.0],
    "amplitude": [10.0, 15.0, 20.0, 8.0],
    "frequency": 4.0,
}
EIF = {"steps": 2000, "dt": 0.5e-3, "mean": [0.7, 1.0, 1.5], "amplitude": [0.4, 0.6, 1.0], "frequency": 5.0}
QUADRATIC = {"steps": 2000, "dt": 0.5e-3, "mean": [0.2, 0.5, 1.0], "amplitude": [0.2, 0.5, 1.0], "frequency": 5.0}
CONDUCTANCE = {"steps": 2000, "dt": 0.5e-3, "excitatory": (0.25, 1), "inhibitory": (0.1, 2), "weights": (0.3, 0.3)}

#: Constants of Brian 2's neurons of each case, one number or one a neuron; times in seconds, potentials in mV or without unit.
CONSTANTS = {
    "adex": {
        "tau_mem": 281e-3 / 30,
        "tau_adaptation": [144e-3, 144e-3, 40e-3, 100e-3],
        "a": [4 / 30, 0.0, 0.5, -0.02],
        "b": [80.5 / 30, 80.5 / 30, 0.0, 3.0],
        "sharpness": 2.0,
        "v_rheobase": -50.4,
        "v_leak": -70.6,
        "v_threshold": -40.4,
        "v_reset": [-70.6, -47.2, -48.5, -70.6],
    },
    "eif": {"tau_mem": [10e-3, 15e-3, 20e-3], "sharpness": [0.1, 0.2, 0.05], "v_rheobase": 1.0, "v_threshold": 1.5},
    "quadratic-if": {"tau_mem": [10e-3, 15e-3, 20e-3], "k": [1.0, 0.8, 1.2], "v_critical": 1.0, "v_threshold": 3.0},
    "conductance-lif": {
        "tau_mem": [10e-3, 15e-3, 20e-3],
        "tau_excitatory": [2e-3, 3e-3, 5e-3],
        "tau_inhibitory": [5e-3, 8e-3, 10e-3],
        "v_excitatory": 4.0,
        "v_inhibitory": [-1.0, -0.5, 0.0],
    },
}

#: Step of NEST's simulations, ms, and {case: model, its constants, what is recorded, steps, what arrives}.
NEST_STEP = 0.1
_AEIF = {
    "C_m": 281.0,
    "g_L": 30.0,
    "E_L": -70.6,
    "V_th": -50.4,
    "Delta_T": 2.0,
    "V_peak": -40.4,
    "V_reset": -60.0,
    "tau_w": 144.0,
}
_SPIKES = {"steps": 3000, "excitatory": (0.03, 3), "inhibitory": (0.01, 4)}
NEST = {
    "refractory-lif": {
        "model": "iaf_psc_delta",
        "constants": {"I_e": [380.0, 450.0, 800.0], "tau_m": [10.0, 12.0, 20.0], "t_ref": [2.0, 0.5, 5.0]},
        "variables": ("V_m",),
        "steps": 2000,
    },
    "alpha-lif": {
        "model": "iaf_psc_alpha",
        "constants": {
            "tau_m": [10.0, 12.0, 2.0],
            "tau_syn_ex": [2.0, 3.0, 2.0],
            "tau_syn_in": [2.0, 3.0, 2.0],
            "I_e": 150.0,
            "t_ref": [2.0, 1.0, 3.0],
        },
        "variables": ("V_m", "I_syn_ex", "I_syn_in"),
        "weights": (500.0, -400.0),
        **_SPIKES,
    },
    "eif": {
        "model": "aeif_psc_delta",
        "constants": {**_AEIF, "a": 0.0, "b": 0.0, "I_e": [600.0, 800.0, 1200.0], "t_ref": [2.0, 1.0, 3.0]},
        "variables": ("V_m",),
        "steps": 2000,
    },
    "adex": {
        "model": "aeif_psc_delta",
        "constants": {**_AEIF, "a": 4.0, "b": 80.5, "I_e": [1000.0, 1150.0, 1300.0], "t_ref": [2.0, 1.0, 3.0]},
        "variables": ("V_m", "w"),
        "steps": 1500,
    },
    "conductance-lif": {
        "model": "iaf_cond_exp",
        "constants": {"tau_syn_ex": [2.0, 3.0, 1.0], "tau_syn_in": [5.0, 8.0, 2.0], "t_ref": [2.0, 1.0, 4.0]},
        "variables": ("V_m",),
        "weights": (12.0, -8.0),
        **_SPIKES,
    },
    "izhikevich": {
        "model": "izhikevich",
        "constants": {
            "I_e": [8.0, 10.0, 14.0],
            "a": [0.02, 0.1, 0.02],
            "c": [-65.0, -65.0, -50.0],
            "d": [8.0, 2.0, 2.0],
        },
        "variables": ("V_m", "U_m"),
        "steps": 2000,
    },
}
