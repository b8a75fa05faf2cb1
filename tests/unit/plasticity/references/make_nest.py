"""Reference weights of NEST: ``pip install nest-simulator==3.10.0``, then ``python make_nest.py``.

It writes nest.npz beside it, which the tests read: the weight behind every presynaptic spike, over a second, of NEST's
synapses of pairs, triplets, inhibition, dopamine and voltage. Spikes of all sides are prescribed; of voltage-based STDP
the potential, which leaps where a spike arrives and stays between, as NEST reports it.
"""

from pathlib import Path

import nest
import numpy as np
import trains as given

HERE = Path(__file__).parent
DELAY = 1.0


def fired(when):
    """A generator that fires in steps ``when``; step t ends at t + 5 ms, so that all that precedes it fits in."""
    return nest.Create("spike_generator", params={"spike_times": np.flatnonzero(when) + 5.0})


def relayed(when, constants):
    """A neuron that fires in these steps, one delay after its generator."""
    neuron = nest.Create("parrot_neuron", params=constants)
    nest.Connect(fired(when), neuron, syn_spec={"delay": DELAY})
    return neuron


def weights(model, common, start=given.START, case=None, **target):
    """The weight at every presynaptic spike, as it is sent; ``target`` are constants of the neuron behind it."""
    nest.ResetKernel()
    nest.resolution = 1.0
    pre, post, dopamine = given.trains(case)
    source, behind = relayed(pre, {}), relayed(post, {"tau_minus": given.TAU_MINUS, **target})
    recorder = nest.Create("weight_recorder")
    if "tau_n" in common:
        transmitter = nest.Create("volume_transmitter")
        # It counts from when it arrives at the transmitter.
        nest.Connect(relayed(np.roll(dopamine, -1), {}), transmitter, syn_spec={"delay": DELAY})
        common = {**common, "volume_transmitter": transmitter}
    nest.CopyModel(model, "learned", {**common, "weight_recorder": recorder})
    # A parrot repeats what arrives at port 0, and learns of what arrives at port 1 without a word.
    synapse = {"synapse_model": "learned", "weight": start, "delay": float(given.DELAY), "receptor_type": 1}
    nest.Connect(source, behind, syn_spec=synapse)
    nest.Simulate(given.STEPS + 20.0)
    return np.asarray(recorder.get("events")["weights"])


def voltage(constant):
    """Weights at presynaptic spikes, and the potential behind every step, of voltage-based STDP.

    A membrane that neither leaks nor fires stays where the last spike has moved it. Steps are so short that the solver
    takes each in one: what arrives is otherwise added behind its first part.
    """
    nest.ResetKernel()
    nest.resolution = step = given.STEP
    pre, potential = given.membrane()
    still = {"g_L": 1e-15, "a": 0.0, "b": 0.0, "I_sp": 0.0, "V_th_rest": 500.0, "V_th_max": 500.0, "V_peak": 520.0}
    constants = {**given.CLOPATH, **still, "A_LTD_const": constant, "E_L": given.REST, "V_m": given.REST}
    neuron = nest.Create("aeif_psc_delta_clopath", params={**constants, "delay_u_bars": given.FILTER_DELAY * step})
    first = 20
    leaps = np.diff(potential, prepend=given.REST)
    when = np.flatnonzero(leaps)
    mover = nest.Create("spike_generator", params={"spike_times": (when + first) * step, "spike_weights": leaps[when]})
    nest.Connect(mover, neuron, syn_spec={"delay": step})
    source = nest.Create("parrot_neuron")
    fires = nest.Create("spike_generator", params={"spike_times": (np.flatnonzero(pre) + first) * step})
    nest.Connect(fires, source, syn_spec={"delay": step})
    recorder = nest.Create("weight_recorder")
    bounds = {"tau_x": given.TAU_X, "Wmax": given.SMALL_HIGH, "Wmin": 0.0}
    nest.CopyModel("clopath_synapse", "learned", {"weight_recorder": recorder, **bounds})
    delay = given.SYNAPSE_DELAY * step
    nest.Connect(source, neuron, syn_spec={"synapse_model": "learned", "weight": given.SMALL, "delay": delay})
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": step})
    nest.Connect(meter, neuron, syn_spec={"delay": step})
    nest.Simulate((given.MEMBRANE_STEPS + first + 10) * step)
    events = meter.get("events")
    begins = int(np.argmin(np.abs(np.asarray(events["times"]) - (first + 1) * step)))
    seen = np.asarray(events["V_m"])[begins : begins + given.MEMBRANE_STEPS]
    return np.asarray(recorder.get("events")["weights"]), seen


def prediction():
    """Weights at presynaptic spikes of three synapses, the dendrite's potential and the soma's spikes at every step."""
    nest.ResetKernel()
    nest.resolution = step = given.DENDRITE_STEP
    nest.rng_seed = 3
    pre, excited = given.into_dendrite()
    neuron = nest.Create("pp_cond_exp_mc_urbanczik", params={**given.TWO_COMPARTMENTS, "soma": given.SOMA})
    neuron.set({"dendritic": given.DENDRITE})
    ports = nest.GetDefaults("pp_cond_exp_mc_urbanczik")["receptor_types"]
    first = 20
    to_soma = {"receptor_type": ports["soma_exc"], "weight": 8.0, "delay": step}
    excites = nest.Create("spike_generator", params={"spike_times": (np.flatnonzero(excited) + first) * step})
    nest.Connect(excites, neuron, syn_spec=to_soma)
    recorders = []
    for place, weight in enumerate(given.STRENGTHS):
        source, recorder = nest.Create("parrot_neuron"), nest.Create("weight_recorder")
        times = (np.flatnonzero(pre[:, place]) + first) * step
        fires = nest.Create("spike_generator", params={"spike_times": times})
        nest.Connect(fires, source, syn_spec={"delay": step})
        nest.CopyModel("urbanczik_synapse", f"learned{place}", {"weight_recorder": recorder})
        synapse = {"synapse_model": f"learned{place}", "weight": weight, **given.URBANCZIK}
        synapse |= {"receptor_type": ports["dendritic_exc"], "delay": given.SYNAPSE_DELAY * step}
        nest.Connect(source, neuron, syn_spec=synapse)
        recorders.append(recorder)
    spikes = nest.Create("spike_recorder")
    nest.Connect(neuron, spikes)
    meter = nest.Create("multimeter", params={"record_from": ["V_m.p"], "interval": step})
    nest.Connect(meter, neuron, syn_spec={"delay": step})
    nest.Simulate((given.MEMBRANE_STEPS + first + 10) * step)
    events = meter.get("events")
    begins = int(np.argmin(np.abs(np.asarray(events["times"]) - (first + 1) * step)))
    seen = np.asarray(events["V_m.p"])[begins : begins + given.MEMBRANE_STEPS]
    fired = np.round(np.asarray(spikes.get("events")["times"]) / step).astype(int) - first - 1
    return [np.asarray(recorder.get("events")["weights"]) for recorder in recorders], seen, fired


def main():
    found = {f"pairs/{name}": weights(*made, case=name) for name, made in given.PAIRS.items()}
    found["triplet"] = weights("stdp_triplet_synapse", given.TRIPLET, tau_minus_triplet=given.TAU_MINUS_TRIPLET)
    vogels = given.VOGELS
    found["vogels"] = weights("vogels_sprekeler_synapse", vogels, vogels["weight"], tau_minus=vogels["tau"])
    found["dopamine"] = weights("stdp_dopamine_synapse", given.DOPAMINE)
    for name, constant in (("constant", True), ("square-of-mean", False)):
        found[f"clopath/{name}"], found[f"clopath/{name}/v"] = voltage(constant)
    strengths, found["urbanczik/dendrite"], found["urbanczik/fired"] = prediction()
    found |= {f"urbanczik/{place}": values for place, values in enumerate(strengths)}
    np.savez_compressed(HERE / "nest.npz", version=nest.__version__, **found)
    print({name: (len(value), value.min(), value.max()) for name, value in found.items()})


if __name__ == "__main__":
    main()
