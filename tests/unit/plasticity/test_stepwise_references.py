"""Rules whose weights change at every step, against NEST's synapses; the rate at which inhibition settles."""

import math
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedforward, Network
from spikelearn.neurons import LIF, TwoCompartment
from spikelearn.plasticity import PAIRINGS, RULES, Batch, GivenTriplets, Vogels
from tests.golden.prescribed import WEIGHT, both_sides, prescribed
from tests.helpers import only_update

HERE = Path(__file__).parent / "references"
F64 = torch.float64
NAME, STEPS = "blocks.out.synapse.weight", 100
spec = spec_from_file_location("reference_trains", HERE / "trains.py")
given = module_from_spec(spec)
spec.loader.exec_module(given)


@pytest.fixture(scope="module")
def nest():
    return {name: torch.tensor(value) for name, value in np.load(HERE / "nest.npz").items() if value.dtype.kind == "f"}


def followed(rule, start, rewards=None, case=None):
    """The weight behind every step of the reference's trains."""
    pre, post, _ = (torch.tensor(train, dtype=F64)[:, None, None] for train in given.trains(case))
    batch = Batch(both_sides(pre, post), torch.zeros(1, dtype=torch.int64), rewards=rewards)
    network = prescribed(torch.full((1, 1), start, dtype=F64))
    rule.check(network)
    return torch.stack([moment.weights[WEIGHT][0, 0].clone() for moment in rule.walk(network, batch)])


def at_spikes(weights):
    return weights[torch.tensor(given.trains()[0])]


def check(found, expected, start):
    """NEST's weights, to 1e-10 of the largest change."""
    largest = float((expected - start).abs().max())
    assert len(found) == len(expected)
    assert largest > 0
    assert float((found - expected).abs().max()) <= 1e-10 * largest


def test_the_trains_are_hard():
    """They last for a second, and spikes of both sides meet at the synapse in one step."""
    pre, post, _ = given.trains()
    assert len(pre) == 1000
    assert np.sum(pre[given.DELAY :] & post[: -given.DELAY]) > 5
    assert given.STEP * given.MEMBRANE_STEPS == 1000


def pair_options(name):
    """(pairing, dependence, amplitudes) of one of NEST's synapses."""
    model, constants = given.PAIRS[name]
    step, alpha = constants["lambda"], constants["alpha"]
    if model == "stdp_pl_synapse_hom":
        return "all-to-all", f"power-law:mu={constants['mu']}", step, alpha * step
    mu = constants["mu_plus"], constants["mu_minus"]
    # NEST's step is a share of the highest weight.
    step *= constants["Wmax"]
    dependence = "power:mu_plus={},mu_minus={}".format(*mu) if any(mu) else "additive"
    return name if name in PAIRINGS else "all-to-all", dependence, step, alpha * step


@pytest.mark.parametrize("name", list(given.PAIRS))
def test_pairs_are_nest_s(name, nest):
    pairing, dependence, up, down = pair_options(name)
    options = {
        "a_plus": up,
        "a_minus": down,
        "tau_pre": 1e-3 * given.PAIRS[name][1]["tau_plus"],
        "tau_post": 1e-3 * given.TAU_MINUS,
        "high": given.PAIRS[name][1].get("Wmax", math.inf),
        "pairing": pairing,
        "dependence": dependence,
        "in_turn": True,
        "dendritic_delay": given.DELAY,
    }
    expected = nest[f"pairs/{name}"]
    check(at_spikes(followed(RULES.make("stdp-online", options), given.START, case=name)), expected, given.START)
    if name == "additive":
        assert float(expected.min()) == 0.0
        assert float(expected.max()) == options["high"]
        for other in ({"in_turn": False}, {"dendritic_delay": 0}):
            found = at_spikes(followed(RULES.make("stdp-online", options | other), given.START))
            assert float((found - expected).abs().max()) > 1e-3


def triplet_options():
    constants = given.TRIPLET
    parameters = GivenTriplets(
        a2_plus=constants["Aplus"],
        a2_minus=constants["Aminus"],
        a3_plus=constants["Aplus_triplet"],
        a3_minus=constants["Aminus_triplet"],
        tau_plus=1e-3 * constants["tau_plus"],
        tau_x=1e-3 * constants["tau_plus_triplet"],
        tau_minus=1e-3 * given.TAU_MINUS,
        tau_y=1e-3 * given.TAU_MINUS_TRIPLET,
    )
    return {"parameters": parameters, "high": constants["Wmax"], "dendritic_delay": given.DELAY}


def test_triplets_are_nest_s(nest):
    rule = RULES.make("triplet-stdp", triplet_options() | {"in_turn": True})
    check(at_spikes(followed(rule, given.START)), nest["triplet"], given.START)


def test_triplets_of_a_presentation_are_nest_s_too(nest):
    """The change at the end, bounds being far: the last step is a presynaptic spike's."""
    pre, post, _ = (torch.tensor(train, dtype=F64)[:, None, None] for train in given.trains())
    batch = Batch(both_sides(pre, post), torch.zeros(1, dtype=torch.int64))
    network = prescribed(torch.full((1, 1), given.START, dtype=F64))
    update = only_update(RULES.make("triplet-stdp", triplet_options() | {"online": False}), network, batch)
    check(given.START - update.grads[WEIGHT][0, :1], nest["triplet"][-1:], given.START)


@pytest.mark.parametrize("sign", [1, -1])
def test_vogels_is_nest_s_synapse(sign, nest):
    """Also where the weights are conductances, which are positive."""
    constants = given.VOGELS
    tau = 1e-3 * constants["tau"]
    low, high = sorted((0.0, sign * constants["Wmax"]))
    rule = RULES.make(
        "vogels",
        {
            "learning_rate": constants["eta"],
            "target_rate": constants["alpha"] / (2 * tau),
            "tau": tau,
            "low": low,
            "high": high,
            "conductance": sign < 0,
            "dendritic_delay": given.DELAY,
        },
    )
    found = at_spikes(followed(rule, sign * constants["weight"]))
    check(found, sign * nest["vogels"], sign * constants["weight"])


def test_conductances_below_0_are_refused():
    with pytest.raises(ValueError, match="low is -1.0, but conductances are not negative"):
        Vogels(conductance=True)


def test_dopamine_stdp_is_nest_s_synapse(nest):
    """Its concentrations are per millisecond, ours per second; a step leaves the weights that the next one meets."""
    constants = given.DOPAMINE
    rule = RULES.make(
        "dopamine-stdp",
        {
            "learning_rate": 1.0,
            "a_plus": constants["A_plus"],
            "a_minus": -constants["A_minus"],
            "tau_plus": 1e-3 * constants["tau_plus"],
            "tau_minus": 1e-3 * given.TAU_MINUS,
            "tau_eligibility": 1e-3 * constants["tau_c"],
            "tau_dopamine": 1e-3 * constants["tau_n"],
            "baseline": 1e3 * constants["b"],
            "low": constants["Wmin"],
            "high": constants["Wmax"],
            "dendritic_delay": given.DELAY,
        },
    )
    rewards = torch.tensor(given.trains()[2], dtype=F64)[:, None]
    met = torch.cat([torch.tensor([given.START], dtype=F64), followed(rule, given.START, rewards)[:-1]])
    check(at_spikes(met), nest["dopamine"], given.START)


def under_voltage(rule, potential):
    """The weight at every presynaptic spike where a neuron has the potentials [T], which a frozen edge hands on.

    What the learned weight adds to a potential is in it already, so that its own current is masked.
    """
    learned, handed = nn.Linear(2, 1, bias=False), nn.Linear(2, 1, bias=False).requires_grad_(False)
    neuron = LIF(1e-6, v_threshold=1e6, v_leak=given.REST, dt=rule.dt)
    blocks = {"post": Block(learned, neuron)}
    network = Network(blocks, feedforward={"handed": Feedforward("inputs", "post", handed)}).double()
    learned.weight.data.copy_(torch.tensor([[given.SMALL, 0.0]], dtype=F64))
    handed.weight.data.copy_(torch.tensor([[0.0, 1.0]]))
    rule.check(network)
    pre = torch.tensor(given.membrane()[0], dtype=F64)
    inputs = torch.stack([pre, potential - given.REST], 1)[:, None]
    masks = {"post.synapse": torch.zeros(1, 1, dtype=F64)}
    weights, batch = [], Batch(inputs, torch.zeros(1, dtype=torch.int64), masks=masks)
    for t, moment in enumerate(rule.walk(network, batch)):
        assert abs(float(moment.record["post"].v) - float(potential[t])) < 1e-12
        weights.append(moment.weights[WEIGHT][0, 0].clone())
    return torch.stack(weights)[pre != 0]


@pytest.mark.parametrize("amplitude", ["constant", "square-of-mean"])
def test_clopath_is_nest_s_synapse(amplitude, nest):
    """NEST's potentials are given; the filters are the rule's own, with NEST's delays."""
    constants = given.CLOPATH
    options = {
        "a_ltp": constants["A_LTP"],
        "a_ltd": constants["A_LTD"],
        "theta_plus": constants["theta_plus"],
        "theta_minus": constants["theta_minus"],
        "tau_x": 1e-3 * given.TAU_X,
        "tau_plus": 1e-3 * constants["tau_u_bar_plus"],
        "tau_minus": 1e-3 * constants["tau_u_bar_minus"],
        "spike": None,
        "filter_delay": given.FILTER_DELAY,
        "amplitude": amplitude,
        "tau_mean": 1e-3 * constants["tau_u_bar_bar"],
        "u_ref": math.sqrt(constants["u_ref_squared"]),
        "high": given.SMALL_HIGH,
        "in_turn": True,
        "dendritic_delay": given.SYNAPSE_DELAY,
        "dt": 1e-3 * given.STEP,
    }
    expected = nest[f"clopath/{amplitude}"]
    assert float(expected.max()) > 0.99 * given.SMALL_HIGH
    check(under_voltage(RULES.make("clopath", options), nest[f"clopath/{amplitude}/v"]), expected, given.SMALL)


class FiresWhen(TwoCompartment):
    """A neuron of two compartments whose soma fires in the steps that are given, and not by chance."""

    def __init__(self, when, steps, **options):
        super().__init__(**options)
        self.train = [float(t in when) for t in range(steps)]
        self.now = 0

    def step(self, state, current, spike_function):
        z, v, after = super().step(state, current, spike_function)
        self.now += 1
        return torch.full_like(z, self.train[self.now - 1]), v, after


def test_urbanczik_senn_is_nest_s_synapse(nest):
    """The dendrite is our neuron's own, under the weights as they learn; when the soma fires is NEST's."""
    soma, dendrite, both, rule = given.SOMA, given.DENDRITE, given.TWO_COMPARTMENTS, given.URBANCZIK
    tau_mem, tau_syn = dendrite["C_m"] / dendrite["g_L"], dendrite["tau_syn_ex"]
    # A weight of 1 pA, and NEST's factors of 15 mV, its unit of potential, in rule and slope.
    r = 1e-3 * tau_mem * tau_syn / dendrite["C_m"]
    learning_rate = 1e-3 * 15.0**2 * dendrite["C_m"] * tau_syn * rule["eta"] / dendrite["g_L"] / r
    late, pre = given.SYNAPSE_DELAY + 1, torch.tensor(given.into_dendrite()[0], dtype=F64)
    steps = len(pre) + late
    neuron = FiresWhen(
        set(nest_fired()),
        steps,
        tau_mem=1e-3 * tau_mem,
        tau_syn=1e-3 * tau_syn,
        r=r,
        coupling=both["g_sp"] / soma["g_L"],
        rate=1e3 * both["phi_max"],
        slope=both["beta"],
        odds=both["rate_slope"],
        v_threshold=both["theta"],
        v_leak=soma["E_L"],
        v_excitatory=soma["E_ex"],
        v_inhibitory=soma["E_in"],
        dt=1e-3 * given.DENDRITE_STEP,
    )
    network = Network({"post": Block(nn.Linear(3, 1, bias=False), neuron, delay=late)}).double()
    start = torch.tensor([given.STRENGTHS], dtype=F64)
    network.get_parameter(WEIGHT).data.copy_(start)
    # The delay line brings a spike late; what the target did is then as late again for the synapse.
    options = {"tau_filter": 1e-3 * rule["tau_Delta"], "low": rule["Wmin"], "high": rule["Wmax"], "dt": neuron.dt}
    delay = given.SYNAPSE_DELAY + late
    made = RULES.make("urbanczik-senn", {"learning_rate": learning_rate, "dendritic_delay": delay, **options})
    made.check(network)
    inputs = torch.cat([pre, torch.zeros(late, 3, dtype=F64)])[:, None]
    weights, potentials, seen = [], [], TwoCompartment.step

    def watched(self, state, current, spike_function):
        result = seen(self, state, current, spike_function)
        potentials.append(float(result[2].dendrite))
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TwoCompartment, "step", watched)
        for moment in made.walk(network, Batch(inputs, torch.zeros(1, dtype=torch.int64))):
            weights.append(moment.weights[WEIGHT][0].clone())
    reported = nest["urbanczik/dendrite"]
    torch.testing.assert_close(torch.tensor(potentials[: len(pre)], dtype=F64), reported, rtol=0, atol=1e-9)
    assert float(reported.max()) > -60.0
    met = torch.stack(weights)[late - 1 :][: len(pre)]
    for place, strength in enumerate(given.STRENGTHS):
        check(met[pre[:, place] != 0, place], nest[f"urbanczik/{place}"], strength)


def nest_fired():
    return np.load(HERE / "nest.npz")["urbanczik/fired"].tolist()


def test_inhibition_settles_at_the_target_rate():
    """Neurons under different excitation, which is frozen, all come to the rate at which the mean change is 0."""
    blocks = {"out": Block(nn.Linear(20, 3, bias=False), LIF(10e-3, r=1.0, discretisation="euler"))}
    excitatory = nn.Linear(20, 3, bias=False).requires_grad_(False)
    network = Network(blocks, feedforward={"excitation": Feedforward("inputs", "out", excitatory)}).double()
    with torch.no_grad():
        network.get_parameter(NAME).fill_(-0.01)
        network.get_parameter(NAME)[:, 10:] = 0.0
        excitatory.weight.zero_()
        excitatory.weight[:, 10:] = torch.tensor([[1.0], [1.5], [2.0]], dtype=F64)
    rule = Vogels(learning_rate=0.01, target_rate=40.0, tau=20e-3, low=-50.0)
    weight, generator, rates = network.get_parameter(NAME), torch.Generator().manual_seed(0), []
    for _ in range(14):
        inputs = (torch.rand(STEPS, 16, 20, generator=generator, dtype=F64) < 0.2).to(F64)
        moments = rule.walk(network, Batch(inputs, torch.zeros(16, dtype=torch.int64)))
        spikes, weights = zip(*((moment.record["out"].spikes, moment.weights[NAME]) for moment in moments), strict=True)
        rates.append(torch.cat(spikes).mean((0, 1)) / 1e-3)
        with torch.no_grad():
            weight.copy_(weights[-1])
    # Traces are empty as a presentation begins, of which the rest has to make up for it.
    decay = math.exp(-1 / 20)
    filled = 1 - (1 - decay**STEPS) / STEPS / (1 - decay)
    expected = 40.0 * 20 * (1 / decay - 1) / filled
    settled = torch.stack(rates[7:]).mean(0)
    assert (rates[0] > 1.5 * expected).all()
    torch.testing.assert_close(settled, torch.full_like(settled, expected), rtol=0.1, atol=0)
