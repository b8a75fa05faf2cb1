"""The firing types of Izhikevich's model by name, with the constants of the author's program."""

from typing import NamedTuple


class FiringType(NamedTuple):
    """Constants of one firing type; mV and ms, as the papers have them.

    Args:
        a: rate of the recovery variable u, per ms.
        b: pull of v on u.
        c: v behind a spike, mV.
        d: jump of u at a spike.
        v_start: v before the first step, mV.
        linear, constant: coefficients of v's equation.
        leak, v_pivot: u follows a (b (v - v_pivot) - leak u).
    """

    a: float
    b: float
    c: float
    d: float
    v_start: float
    linear: float = 5.0
    constant: float = 140.0
    leak: float = 1.0
    v_pivot: float = 0.0


#: Cortical and thalamic cells of the paper of 2003.
CELLS = {
    "regular-spiking": FiringType(0.02, 0.2, -65.0, 8.0, -70.0),
    "intrinsically-bursting": FiringType(0.02, 0.2, -55.0, 4.0, -70.0),
    "chattering": FiringType(0.02, 0.2, -50.0, 2.0, -70.0),
    "fast-spiking": FiringType(0.1, 0.2, -65.0, 2.0, -70.0),
    "low-threshold-spiking": FiringType(0.02, 0.25, -65.0, 2.0, -63.0),
    "thalamo-cortical": FiringType(0.02, 0.25, -65.0, 0.05, -63.0),
    "fast-resonator": FiringType(0.1, 0.26, -65.0, 2.0, -62.0),
}

#: The twenty features of the paper of 2004, in its order, A to T.
FEATURES = {
    "tonic-spiking": FiringType(0.02, 0.2, -65.0, 6.0, -70.0),
    "phasic-spiking": FiringType(0.02, 0.25, -65.0, 6.0, -64.0),
    "tonic-bursting": FiringType(0.02, 0.2, -50.0, 2.0, -70.0),
    "phasic-bursting": FiringType(0.02, 0.25, -55.0, 0.05, -64.0),
    "mixed-mode": FiringType(0.02, 0.2, -55.0, 4.0, -70.0),
    "spike-frequency-adaptation": FiringType(0.01, 0.2, -65.0, 8.0, -70.0),
    "class-1": FiringType(0.02, -0.1, -55.0, 6.0, -60.0, linear=4.1, constant=108.0),
    "class-2": FiringType(0.2, 0.26, -65.0, 0.0, -64.0),
    "spike-latency": FiringType(0.02, 0.2, -65.0, 6.0, -70.0),
    "subthreshold-oscillations": FiringType(0.05, 0.26, -60.0, 0.0, -62.0),
    "resonator": FiringType(0.1, 0.26, -60.0, -1.0, -62.0),
    "integrator": FiringType(0.02, -0.1, -55.0, 6.0, -60.0, linear=4.1, constant=108.0),
    "rebound-spike": FiringType(0.03, 0.25, -60.0, 4.0, -64.0),
    "rebound-burst": FiringType(0.03, 0.25, -52.0, 0.0, -64.0),
    "threshold-variability": FiringType(0.03, 0.25, -60.0, 4.0, -64.0),
    "bistability": FiringType(0.1, 0.26, -60.0, 0.0, -61.0),
    "depolarising-after-potential": FiringType(1.0, 0.2, -60.0, -21.0, -70.0),
    "accommodation": FiringType(0.02, 1.0, -55.0, 4.0, -65.0, leak=0.0, v_pivot=-65.0),
    "inhibition-induced-spiking": FiringType(-0.02, -1.0, -60.0, 8.0, -63.8),
    "inhibition-induced-bursting": FiringType(-0.026, -1.0, -45.0, -2.0, -63.8),
}

FIRING_TYPES = {**CELLS, **FEATURES}
