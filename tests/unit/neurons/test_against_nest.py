"""Spikes and membranes of NEST 3.10: equal where both integrate exactly, within one step where NEST's solver adapts its own.

``references/make_nest.py`` has made the numbers; here nothing of NEST is needed.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from spikelearn.neurons import EIF, HARD, AdEx, AlphaLIF, ConductanceLIF, Izhikevich, RefractoryLIF
from tests.unit.neurons.references import stimuli

FOUND = np.load(Path(__file__).parent / "references" / "nest.npz")
DT = stimuli.NEST_STEP * 1e-3


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def of(case, name, default=None):
    """A constant of NEST's neurons; those that are one a neuron as a tensor."""
    value = stimuli.NEST[case]["constants"].get(name, default)
    return torch.tensor(value) if isinstance(value, list) else value


def arrivals(case):
    """{name: pulses [T]} of a case, in units of its weights."""
    given = stimuli.NEST[case]
    found = {}
    for name, weight in zip(("excitatory", "inhibitory"), given["weights"], strict=True):
        arrives = stimuli.arrivals(given["steps"], *given[name])
        arrives[:2] = False
        found[name] = weight * torch.from_numpy(arrives).double()
    return found


@torch.no_grad()
def run(case, neuron, currents, start=None):
    """Spikes (step, neuron) and states behind each step that NEST reports."""
    steps = stimuli.NEST[case]["steps"]
    state = start or neuron.initial_state(torch.zeros(1, 3))
    reported, times, states = set(FOUND[f"{case}/behind"].tolist()), [], []
    for t in range(steps):
        z, _, state = neuron.step(state, currents(t), HARD)
        times += [(t, int(n)) for n in z[0].nonzero()]
        states += [state] if t in reported else []
    return times, states


def spikes_of(case):
    steps, neurons = FOUND[f"{case}/steps"], FOUND[f"{case}/neurons"]
    early = steps < stimuli.NEST[case]["steps"]
    return list(zip(steps[early].tolist(), neurons[early].tolist(), strict=True))


def check_fields(case, states, tolerance=1e-11, **fields):
    for name, of_state in fields.items():
        found = torch.stack([of_state(state)[0] for state in states])
        known = torch.from_numpy(FOUND[f"{case}/{name}"][: len(states)])
        torch.testing.assert_close(found, known, rtol=tolerance, atol=100 * tolerance)


def check_spikes_within_one_step(case, times):
    found, known = sorted((n, t) for t, n in times), sorted((n, t) for t, n in spikes_of(case))
    assert [n for n, _ in found] == [n for n, _ in known]
    assert {n for n, _ in known} == {0, 1, 2}
    assert max(abs(a - b) for (_, a), (_, b) in zip(found, known, strict=True)) <= 1


def test_refractory_lif_is_iaf_psc_delta():
    case = "refractory-lif"
    tau = 1e-3 * of(case, "tau_m")
    neuron = RefractoryLIF(
        tau, refractory_time=1e-3 * of(case, "t_ref"), r=1e3 * tau / 250.0, v_threshold=-55.0, v_reset=-70.0, v_leak=-70.0,
        inclusive=True, dt=DT,
    )  # fmt: skip
    times, states = run(case, neuron, lambda t: of(case, "I_e").expand(1, 3))
    assert sorted(times) == sorted(spikes_of(case))
    check_fields(case, states, V_m=lambda state: state.v)


def test_alpha_lif_is_iaf_psc_alpha():
    """The third neuron has equal time constants. The constant current is a resting potential that is higher."""
    case = "alpha-lif"
    tau, syn = 1e-3 * of(case, "tau_m"), 1e-3 * of(case, "tau_syn_ex")
    neuron = AlphaLIF(
        tau, syn, v_leak=-70.0 + 150.0 * 1e3 * tau / 250.0, r=1e3 * tau / 250.0, refractory_time=1e-3 * of(case, "t_ref"),
        v_threshold=-55.0, v_reset=-70.0, inclusive=True, dt=DT,
    )  # fmt: skip
    pulses = sum(arrivals(case).values())
    start = neuron.initial_state(torch.zeros(1, 3))._replace(v=torch.full((1, 3), -70.0))
    times, states = run(case, neuron, lambda t: pulses[t].expand(1, 3), start)
    assert sorted(times) == sorted(spikes_of(case))
    known = torch.from_numpy(FOUND["alpha-lif/I_syn_ex"] + FOUND["alpha-lif/I_syn_in"])[: len(states)]
    torch.testing.assert_close(torch.stack([state.i[0] for state in states]), known, rtol=1e-10, atol=1e-9)
    check_fields(case, states, V_m=lambda state: state.v)


def test_izhikevich_is_izhikevich():
    case = "izhikevich"
    neuron = Izhikevich(a=of(case, "a"), c=of(case, "c"), d=of(case, "d"), r=1.0, substeps=1, dt=DT)
    start = neuron.initial_state(torch.zeros(1, 3))
    start = start._replace(v=torch.full((1, 3), -65.0), u=torch.full((1, 3), -13.0))
    times, states = run(case, neuron, lambda t: of(case, "I_e").expand(1, 3), start)
    assert sorted(times) == sorted(spikes_of(case))
    check_fields(case, states, 1e-6, V_m=lambda state: state.v, U_m=lambda state: state.u)


@pytest.mark.parametrize("name", ["eif", "adex"])
def test_exponential_neurons_are_aeif_psc_delta(name):
    adapts = name == "adex"
    given = {"tau_adaptation": 144e-3, "a": 4.0 / 30.0, "b": 80.5 / 30.0} if adapts else {}
    neuron = (AdEx if adapts else EIF)(
        281e-3 / 30.0, **given, sharpness=2.0, v_rheobase=-50.4, v_leak=-70.6, v_threshold=-40.4, v_reset=-60.0, r=1.0 / 30.0,
        refractory_time=1e-3 * of(name, "t_ref"), discretisation="rk4", dt=DT,
    )  # fmt: skip
    times, states = run(name, neuron, lambda t: of(name, "I_e").expand(1, 3))
    check_spikes_within_one_step(name, times)
    before = min(t for t, _ in spikes_of(name))
    early = [place for place, t in enumerate(FOUND[f"{name}/behind"]) if t < before - 5]
    found = torch.stack([states[place].v[0] for place in early])
    torch.testing.assert_close(found, torch.from_numpy(FOUND[f"{name}/V_m"])[early], rtol=1e-5, atol=0.0)


def test_conductance_lif_is_iaf_cond_exp():
    """NEST's membrane of 250 pF and 16.6667 nS, whose conductances are in nS, ours in units of the leak's."""
    case = "conductance-lif"
    neuron = ConductanceLIF(
        250e-3 / 16.6667, 1e-3 * of(case, "tau_syn_ex"), 1e-3 * of(case, "tau_syn_in"), v_excitatory=0.0, v_inhibitory=-85.0,
        v_threshold=-55.0, v_reset=-60.0, v_leak=-70.0, refractory_time=1e-3 * of(case, "t_ref"), within_step="mean", inclusive=True, dt=DT,
    )  # fmt: skip
    given = {name: values.abs() / 16.6667 for name, values in arrivals(case).items()}
    times, _ = run(case, neuron, lambda t: {name: values[t].expand(1, 3) for name, values in given.items()})
    check_spikes_within_one_step(case, times)
