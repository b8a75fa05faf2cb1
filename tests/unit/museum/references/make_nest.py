"""Weights of NEST's ``clopath_synapse`` behind bursts of pairs, as ``test_clopath2010.py`` has them.

``python make_nest.py`` in an environment with the extra ``references`` (NEST 3.10) prints them. The neuron is its
``aeif_psc_delta_clopath``, moved to a spike by 80 mV, in steps of 0.1 ms; the protocol is 15 bursts of 5 pairs.
"""

import nest

NEURON = {
    "V_m": -70.6, "E_L": -70.6, "C_m": 281.0, "g_L": 30.0, "Delta_T": 2.0, "V_peak": 33.0, "V_clamp": 33.0, "t_clamp": 2.0,
    "V_reset": -49.6, "t_ref": 0.0, "a": 4.0, "b": 0.805, "tau_w": 144.0, "I_sp": 400.0, "tau_z": 40.0, "tau_V_th": 50.0,
    "V_th_max": 30.4, "V_th_rest": -50.4, "theta_minus": -70.6, "theta_plus": -45.3, "A_LTD": 14e-5, "A_LTP": 8e-5,
    "tau_u_bar_minus": 10.0, "tau_u_bar_plus": 7.0, "delay_u_bars": 4.0,
}  # fmt: skip


def weight(frequency, lag, pairs=5):
    """In percent of that before, behind 15 bursts."""
    nest.ResetKernel()
    nest.resolution = 0.1
    neuron, parrot, recorder = (
        nest.Create(kind) for kind in ("aeif_psc_delta_clopath", "parrot_neuron", "weight_recorder")
    )
    neuron.set(**NEURON)
    pre, post = ([20.0 + n * 1000.0 / frequency + max(0.0, s * lag) for n in range(pairs)] for s in (-1.0, 1.0))
    # A last presynaptic spike, long after, brings the weight up to date.
    ends = max(pre + post) + 150.0
    sent, moved = (
        nest.Create("spike_generator", params={"spike_times": [round(time, 1) for time in times]})
        for times in ([*pre, ends], post)
    )
    nest.CopyModel("clopath_synapse", "recorded", {"weight_recorder": recorder})
    nest.Connect(sent, parrot)
    nest.Connect(moved, neuron, syn_spec={"weight": 80.0, "delay": 1.0})
    nest.Connect(parrot, neuron, syn_spec={"synapse_model": "recorded", "weight": 0.5, "Wmax": 100.0, "tau_x": 15.0})
    nest.Simulate(ends + 50.0)
    return 100.0 + 100.0 * 15 * (recorder.events["weights"][-1] - 0.5) / 0.5


if __name__ == "__main__":
    for lag in (10.0, -10.0):
        print(lag, [round(float(weight(frequency, lag)), 1) for frequency in (1.0, 10.0, 20.0, 40.0, 50.0)])
