"""Reference spikes and membranes of Brian 2: ``pip install brian2==2.9.0``, then ``python make_brian2.py``.

It writes brian2.npz beside it, which the tests read; equations are those of the papers that the models name.
"""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import brian2 as b2
import numpy as np
import stimuli

HERE = Path(__file__).parent
b2.prefs.codegen.target = "numpy"


def firing_types():
    """The package's table of Izhikevich's types, read without the package."""
    path = HERE.parents[3] / "spikelearn" / "neurons" / "izhikevich_types.py"
    spec = spec_from_file_location("izhikevich_types", path)
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.FIRING_TYPES


def simulated(equations, threshold, reset, method, constants, start, dt, steps, current=None, driven=None):
    """Spikes (step, neuron) and variables behind every 50th step."""
    b2.start_scope()
    b2.defaultclock.dt = dt * b2.second
    n = len(next(iter(start.values())))
    namespace = {}
    if current is not None:
        namespace["given"] = b2.TimedArray(current, dt=dt * b2.second)
    group = b2.NeuronGroup(n, equations, threshold=threshold, reset=reset, method=method, namespace=namespace)
    for name, value in {**constants, **start}.items():
        setattr(group, name, value)
    spikes = b2.SpikeMonitor(group)
    seen = b2.StateMonitor(group, list(start), record=True, when="end", dt=50 * dt * b2.second)
    parts = [group, spikes, seen]
    for name, (times, weight) in (driven or {}).items():
        source = b2.SpikeGeneratorGroup(1, np.zeros(len(times), int), times * dt * b2.second)
        synapses = b2.Synapses(source, group, on_pre=f"{name} += {weight}")
        synapses.connect()
        parts += [source, synapses]
    b2.Network(parts).run(steps * dt * b2.second)
    when = np.round(np.asarray(spikes.t / b2.second) / dt).astype(np.int32)
    return {
        "steps": when,
        "neurons": np.asarray(spikes.i, np.int16),
        **{name: np.asarray(getattr(seen, name)).T for name in start},
    }


def izhikevich():
    types = list(firing_types().values())
    constants = {name: np.array([getattr(t, name) for t in types]) for name in types[0]._fields}
    start_v = constants.pop("v_start")
    nullcline = (0.04 * start_v + constants["linear"]) * start_v + constants["constant"]
    start_u = np.where(constants["leak"] != 0, constants["b"] * (start_v - constants["v_pivot"]), nullcline)
    names = {"linear": "lin", "constant": "con", "leak": "lk", "v_pivot": "piv", "c": "c", "a": "a", "b": "b", "d": "d"}
    mean = np.where(constants["a"] < 0, 77.5, 8.0)
    amplitude = np.where(constants["a"] < 0, 2.5, 8.0)
    case = stimuli.IZHIKEVICH
    current = stimuli.wave(case["steps"], case["dt"], mean, amplitude, case["frequency"])
    equations = """
        dv/dt = (0.04*v**2 + lin*v + con - u + given(t, i))/ms : 1
        du/dt = a*(b*(v - piv) - lk*u)/ms : 1
    """ + "".join(f"{name} : 1\n" for name in names.values())
    own = {names[name]: value for name, value in constants.items()}
    start = {"v": start_v, "u": start_u}
    return simulated(equations, "v >= 30", "v = c; u += d", "euler", own, start, case["dt"], case["steps"], current) | {
        "mean": mean,
        "amplitude": amplitude,
    }


def of_wave(name, case, equations, reset, start):
    """A case whose constants are dimensionless but for times."""
    constants = {k: np.asarray(value) for k, value in stimuli.CONSTANTS[name].items()}
    current = stimuli.wave(case["steps"], case["dt"], case["mean"], case["amplitude"], case["frequency"])
    equations += "".join(f"{k} : {'second' if k.startswith('tau') else '1'}\n" for k in constants)
    constants = {k: v * b2.second if k.startswith("tau") else v for k, v in constants.items()}
    n = len(case["mean"])
    first = {k: np.broadcast_to(np.asarray(v, float), n) for k, v in start.items()}
    return simulated(
        equations, "v >= v_threshold", reset, "euler", constants, first, case["dt"], case["steps"], current
    )


def conductance():
    case, constants = stimuli.CONDUCTANCE, stimuli.CONSTANTS["conductance-lif"]
    equations = """
        dv/dt = (-v + ge*(v_excitatory - v) + gi*(v_inhibitory - v))/tau_mem : 1
        dge/dt = -ge/tau_excitatory : 1
        dgi/dt = -gi/tau_inhibitory : 1
    """ + "".join(f"{k} : {'second' if k.startswith('tau') else '1'}\n" for k in constants)
    own = {k: np.asarray(v) * b2.second if k.startswith("tau") else np.asarray(v) for k, v in constants.items()}
    given = {}
    for short, name, weight in zip(("ge", "gi"), ("excitatory", "inhibitory"), case["weights"], strict=True):
        probability, seed = case[name]
        given[short] = (np.flatnonzero(stimuli.arrivals(case["steps"], probability, seed)), weight)
    start = {"v": np.zeros(3), "ge": np.zeros(3), "gi": np.zeros(3)}
    # What arrives in a step of Brian's changes the potential in the next: one step more, and all is one step later.
    return simulated(
        equations, "v > 1", "v = 0", "exponential_euler", own, start, case["dt"], case["steps"] + 1, driven=given
    )


def main():
    rise = "sharpness*exp((v - v_rheobase)/sharpness)"
    found = {
        "izhikevich": izhikevich(),
        "adex": of_wave(
            "adex",
            stimuli.ADEX,
            f"dv/dt = (v_leak - v + {rise} - w + given(t, i))/tau_mem : 1\n"
            "dw/dt = (a*(v - v_leak) - w)/tau_adaptation : 1\n",
            "v = v_reset; w += b",
            {"v": -70.6, "w": 0.0},
        ),
        "eif": of_wave("eif", stimuli.EIF, f"dv/dt = (-v + {rise} + given(t, i))/tau_mem : 1\n", "v = 0", {"v": 0.0}),
        "quadratic-if": of_wave(
            "quadratic-if",
            stimuli.QUADRATIC,
            "dv/dt = (k*v*(v - v_critical) + given(t, i))/tau_mem : 1\n",
            "v = 0",
            {"v": 0.0},
        ),
        "conductance-lif": conductance(),
    }
    arrays = {f"{case}/{name}": value for case, values in found.items() for name, value in values.items()}
    np.savez_compressed(HERE / "brian2.npz", version=b2.__version__, **arrays)


if __name__ == "__main__":
    main()
