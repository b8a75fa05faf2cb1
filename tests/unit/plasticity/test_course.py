"""Why one synapse changed: the terms that are drawn sum to the change of its weight at every step."""

import math

import pytest
import torch
from torch import nn

from spikelearn.draw import why
from spikelearn.network import Block, Network, build
from spikelearn.neurons import LIF, TwoCompartment
from spikelearn.plasticity import PAIRINGS, RULES, Batch, course_of
from spikelearn.plasticity.spike_timing.stepwise import StepwiseRule
from spikelearn.synapses import SparseLinear

F64 = torch.float64
STEPS, SAMPLES = 30, 2
#: Options by which every term acts: bounds are met, weights decay.
OPTIONS = {
    "stdp-online": {"a_plus": 0.2, "a_minus": 0.15, "high": 0.6},
    "triplet-stdp": {"scale": 8.0, "high": 0.6},
    "mstdp": {"learning_rate": 0.2, "weight_decay": 0.01},
    "mstdpet": {"learning_rate": 2.0, "weight_decay": 0.01},
    "dopamine-stdp": {"learning_rate": 0.5, "weight_decay": 0.01, "baseline": 2.0},
    "vogels": {"learning_rate": 0.1, "low": -0.3, "high": 1.0},
    "clopath": {"a_ltp": 0.5, "a_ltd": 0.05, "high": 0.6},
    "urbanczik-senn": {"learning_rate": 1.0},
}


def network_for(name, synapse=None):
    torch.manual_seed(3)
    neuron = TwoCompartment() if name == "urbanczik-senn" else LIF(5e-3, v_threshold=0.5, r=3.0)
    synapse = nn.Linear(6, 4, bias=False) if synapse is None else synapse
    with torch.no_grad():
        synapse.weight.uniform_(0.1, 0.7)
    return Network({"out": Block(synapse, neuron)}).double()


def data():
    generator = torch.Generator().manual_seed(1)
    inputs = (torch.rand(STEPS, SAMPLES, 6, generator=generator) < 0.3).to(F64)
    rewards = torch.randn(STEPS, SAMPLES, generator=generator, dtype=F64)
    return Batch(inputs, torch.zeros(SAMPLES, dtype=torch.int64), rewards=rewards, seeds=torch.tensor([4, 5]))


def weights_of(rule, network, batch, at):
    """One weight before the first step and behind each, as the rule presents the batch."""
    found = []
    with network.presentation(), network.drawing(batch.seeds), torch.no_grad():
        for moment in rule.walk(network, batch):
            found.append(float(moment.weights["blocks.out.synapse.weight"][at]))
    return torch.tensor(found, dtype=F64)


def test_every_rule_whose_weights_change_at_steps_is_here():
    assert set(OPTIONS) == {name for name in RULES if issubclass(RULES.get(name), StepwiseRule)} - {"diehl-cook"}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_drawn_terms_sum_to_the_change_of_the_weight_at_every_step(name):
    rule, batch, network = RULES.make(name, OPTIONS[name]), data(), network_for(name)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    figure = why(network, rule, batch, "out:2,3")
    *_, terms, weight = figure.axes
    drawn = {line.get_label().partition("\n")[0]: line.get_ydata() for line in terms.lines}
    drawn = {label: values for label, values in drawn.items() if not label.startswith("_")}
    change = torch.tensor(weight.lines[0].get_ydata()).diff()
    assert len(change) == STEPS
    assert int((change != 0).sum()) > 5
    assert float((sum(torch.tensor(values) for values in drawn.values()) - change).abs().max()) <= 1e-12
    behind = weights_of(rule, network, batch, (2, 3))
    torch.testing.assert_close(torch.tensor(weight.lines[0].get_ydata())[1:], behind, rtol=0, atol=0)
    assert ("weight decay" in drawn) == ("weight_decay" in OPTIONS[name])
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())


@pytest.mark.parametrize("name", OPTIONS)
def test_a_course_is_that_of_training(name):
    """Its last weight is that of the update, its spikes are those of the record, its traces are those of the rule."""
    rule, batch, network = RULES.make(name, OPTIONS[name]), data(), network_for(name)
    course = course_of(network, rule, batch, "out:1,4")
    with network.drawing(batch.seeds):
        (update,) = rule.updates(network, batch, rule.init(network, torch.Generator()), torch.Generator())
    change = -update.grads["blocks.out.synapse.weight"][1, 4]
    start = network.get_parameter("blocks.out.synapse.weight").detach()[1, 4]
    assert float(course.weight[-1] - start) == pytest.approx(float(change), abs=1e-12)
    assert torch.equal(course.pre, batch.inputs[:, :, 4])
    assert int(course.post.sum()) > 0
    assert (course.reward is not None) == (name in ("mstdp", "mstdpet", "dopamine-stdp"))
    assert set(rule.places) == {trace for named in course.traces.values() for trace in named}
    assert all(values.any() for named in course.traces.values() for values in named.values())


#: Options by which a rule changes weights in another way.
VARIANTS = [
    ("stdp-online", {"in_turn": True}),
    ("stdp-online", {"dependence": "power-law:mu=0.4", "high": 1.0}),
    ("stdp-online", {"dendritic_delay": 2}),
    ("triplet-stdp", {"in_turn": True}),
    ("mstdp", {"coincident": "both"}),
    ("mstdpet", {"coincident": "none"}),
    ("dopamine-stdp", {"coincident": "both", "dendritic_delay": 1}),
    ("vogels", {"conductance": True, "low": 0.0}),
    ("clopath", {"dendritic_delay": 1}),
]


@pytest.mark.parametrize(("name", "variant"), VARIANTS)
def test_terms_of_variants_sum_to_the_change(name, variant):
    course = course_of(network_for(name), RULES.make(name, OPTIONS[name] | variant), data(), "out:2,3")
    change = course.weight.diff()
    assert int((change != 0).sum()) > 5
    assert float((sum(course.terms.values()) - change).abs().max()) <= 1e-12


def test_bounds_are_a_term_where_they_cut():
    rule = RULES.make("stdp-online", {"a_plus": 1.0, "a_minus": 0.0, "high": 0.6})
    course = course_of(network_for("stdp-online"), rule, data())
    assert float(course.weight.max()) == 0.6
    assert float(course.terms["bounds"].min()) < -0.1
    assert float((sum(course.terms.values()) - course.weight.diff()).abs().max()) <= 1e-12


def test_what_float32_rounds_away_is_a_term():
    """A change of a hundred-millionth of a weight is lost."""
    options, batch = OPTIONS["vogels"] | {"learning_rate": 1e-9}, data()
    batch = Batch(batch.inputs.float(), batch.targets)
    course = course_of(network_for("vogels").float(), RULES.make("vogels", options), batch, "out:2,3")
    assert not course.weight.diff().any()
    assert float(course.terms["rounding"].abs().max()) > 1e-10
    assert float(sum(course.terms.values()).abs().max()) <= 1e-12


@pytest.mark.parametrize("pairing", PAIRINGS)
def test_traces_of_every_pairing(pairing):
    rule = RULES.make("stdp-online", OPTIONS["stdp-online"] | {"pairing": pairing})
    course = course_of(network_for("stdp-online"), rule, data(), "out:0,1")
    assert all(values.shape == (STEPS, SAMPLES) for named in course.traces.values() for values in named.values())
    assert float((sum(course.terms.values()) - course.weight.diff()).abs().max()) <= 1e-12


def test_listed_connections_are_found_by_their_neurons():
    synapse = SparseLinear(6, 4, [5, 4, 3, 2], [0, 1, 2, 3], bias=False)
    network, rule = network_for("stdp-online", synapse), RULES.make("stdp-online", OPTIONS["stdp-online"])
    number = int(((synapse.columns == 3) & (synapse.targets == 2)).nonzero())
    course = course_of(network, rule, data(), "out:2,3")
    assert float(course.weight[0]) == min(0.6, float(synapse.weight.detach()[number, 0]))
    assert torch.equal(course.pre, data().inputs[:, :, 3])
    with pytest.raises(ValueError, match="neuron 0 does not connect to 2"):
        course_of(network, rule, data(), "out:2,0")


def test_the_synapse_that_changes_most_is_taken():
    network, rule, batch = network_for("clopath"), RULES.make("clopath", OPTIONS["clopath"]), data()
    course = course_of(network, rule, batch)
    (update,) = rule.updates(network, batch, {}, torch.Generator())
    largest = float(update.grads["blocks.out.synapse.weight"].abs().max())
    assert abs(float(course.weight[-1] - course.weight[0])) == pytest.approx(largest, rel=0.5)
    assert math.isfinite(largest)


@pytest.mark.parametrize("synapse", ["out", "out:1", "out:-1,2", "hidden:1,2", "out:4,0", "out:0,6", "out:a,b", ""])
def test_a_synapse_that_is_not_there_is_refused(synapse):
    with pytest.raises(ValueError, match="synapse is .*, expected "):
        course_of(network_for("vogels"), RULES.make("vogels", OPTIONS["vogels"]), data(), synapse)


def test_rules_that_do_not_change_weights_at_steps_are_refused():
    network, batch = network_for("stdp"), data()
    for rule in (RULES.make("stdp", {}), RULES.make("triplet-stdp", {"online": False}), RULES.make("diehl-cook", {})):
        with pytest.raises(ValueError, match=f"{rule.name} does not change weights at every step"):
            why(network, rule, batch, "out:0,0")


def test_an_edge_that_does_not_learn_is_refused():
    network = build("6-5-4").double()
    network.blocks["fc1"].synapse.requires_grad_(False)
    rule = RULES.make("stdp-online", {})
    with pytest.raises(ValueError, match=r"the weights of blocks.fc1.synapse do not learn"):
        course_of(network, rule, data(), "fc1:0,0")
