"""A neuron with two currents by name: its conductances and its potential in closed form, and its way through a network."""

import math

import pytest
import torch
from torch import nn

from spikelearn import runs
from spikelearn.fused import scan
from spikelearn.measure import evaluate
from spikelearn.network import Block, Feedback, Feedforward, MembraneReadout, Network, build
from spikelearn.neurons import HARD, LIF, TSSL, ATan, ConductanceLIF, Neuron, Surrogate
from spikelearn.plasticity import (
    BPTT,
    DFA,
    STDP,
    Batch,
    CrossEntropyMembrane,
    Direct,
    InstantTrace,
    OptimizerChoice,
    ThreeFactor,
)
from spikelearn.runs import Settings, open_run, train, trained_network
from spikelearn.seeding import generator_for
from spikelearn.training import RunFolder, Training, learn

F64 = torch.float64


def run(neuron, excitatory, inhibitory, function=HARD):
    """Spikes and potentials [T] of one neuron under two lists of currents."""
    currents = {
        name: torch.tensor(values, dtype=F64).view(-1, 1, 1)
        for name, values in (("excitatory", excitatory), ("inhibitory", inhibitory))
    }
    start = neuron.initial_state(currents["excitatory"][0])
    spikes, v, state = scan(Surrogate(function), neuron, start, currents)
    return spikes.flatten().tolist(), v.flatten().tolist(), state


def quiet(**options):
    """A neuron that never reaches its threshold."""
    return ConductanceLIF(v_threshold=4.9, **options)


def test_conductances_decay_from_spike_to_spike():
    neuron = quiet(tau_excitatory=5e-3, tau_inhibitory=10e-3)
    _, _, state = run(neuron, [0.3, 0.0, 0.2, 0.0], [0.0, 0.5, 0.0, 0.0])
    assert state.excitatory.item() == pytest.approx(0.3 * math.exp(-3 / 5) + 0.2 * math.exp(-1 / 5), rel=1e-12)
    assert state.inhibitory.item() == pytest.approx(0.5 * math.exp(-2 / 10), rel=1e-12)


def test_the_potential_relaxes_as_the_differential_equation_with_constant_conductances():
    """Inputs that make up for the decay hold g: v = v_inf + (v_leak - v_inf) exp(-t G / tau)."""
    neuron, g_e, g_i, steps = quiet(tau_mem=20e-3, v_leak=0.1), 0.4, 0.7, 60
    decay_e, decay_i = math.exp(-1 / 1), math.exp(-1 / 2)
    _, v, _ = run(neuron, [g_e] + [g_e * (1 - decay_e)] * (steps - 1), [g_i] + [g_i * (1 - decay_i)] * (steps - 1))
    whole = 1 + g_e + g_i
    settled = (0.1 + g_e * 5.0 - g_i * 2.7) / whole
    expected = [settled + (0.1 - settled) * math.exp(-(t + 1) * 1e-3 * whole / 20e-3) for t in range(steps)]
    assert v == pytest.approx(expected, rel=1e-12, abs=1e-14)


def test_potentials_stay_between_the_reversal_potentials():
    neuron = quiet()
    _, high, _ = run(neuron, [1e6] * 4, [0.0] * 4)
    _, low, _ = run(neuron, [0.0] * 4, [1e6] * 4)
    assert max(high) <= 5.0
    assert high[-1] == pytest.approx(5.0, rel=1e-3)
    assert min(low) >= -2.7
    assert low[-1] == pytest.approx(-2.7, rel=1e-3)


def test_inhibition_at_rest_divides_and_what_is_negative_opens_nothing():
    neuron = quiet(tau_mem=1e-6, v_inhibitory=0.0, tau_excitatory=1e-6, tau_inhibitory=1e-6)
    _, v, _ = run(neuron, [1.0, 1.0, -1.0], [0.0, 2.0, -5.0])
    assert v == pytest.approx([5.0 / 2, 5.0 / 4, 0.0], rel=1e-12)


def test_it_fires_and_goes_to_its_reset():
    neuron = ConductanceLIF(tau_mem=1e-6, v_reset=-0.5)
    spikes, v, state = run(neuron, [1.0, 0.0], [0.0, 0.0])
    assert spikes[0] == 1.0
    assert v[0] > 1.0
    assert state.v.item() < 1.0


def test_bptt_is_the_derivative_of_its_equations():
    """Finite differences of a potential below threshold, in both currents."""
    neuron = quiet(tau_excitatory=4e-3, tau_inhibitory=6e-3)

    def last(excitatory, inhibitory):
        currents = {"excitatory": excitatory, "inhibitory": inhibitory}
        return scan(Surrogate(ATan()), neuron, neuron.initial_state(excitatory[0]), currents)[1][-1]

    given = torch.rand(2, 5, 2, 3, dtype=F64, generator=generator_for(0)).add(0.1).requires_grad_().unbind(0)
    assert torch.autograd.gradcheck(last, given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"v_inhibitory": 1.5}, "expected them in rising order"),
        ({"v_excitatory": 0.5}, "expected them in rising order"),
        ({"tau_excitatory": 0.0}, "tau_excitatory is 0.0"),
        ({"tau_inhibitory": -1.0}, "tau_inhibitory is -1.0"),
        ({"v_leak": 1.0}, "must not fire"),
        ({"v_excitatory": float("inf")}, "v_excitatory is inf"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        ConductanceLIF(**options)


def lateral(current="inhibitory"):
    """A block whose neurons inhibit one another, or excite, with one step of delay."""
    return Network(
        {"a": Block(nn.Linear(6, 4), ConductanceLIF(tau_mem=5e-3))},
        {"loop": Feedback("a", "a", nn.Linear(4, 4, bias=False), current=current)},
    )


def filled_with(network, forward, back):
    with torch.no_grad():
        for parameter in network.blocks["a"].synapse.parameters():
            parameter.fill_(forward)
        network.feedback["loop"].synapse.weight.fill_(back)
    return network


def test_an_edge_goes_to_the_current_that_it_names():
    x = torch.ones(30, 2, 6)
    alone = filled_with(lateral(), 0.05, 0.0).run(x)[0].output.spikes
    inhibited = filled_with(lateral(), 0.05, 0.5).run(x)[0].output.spikes
    excited = filled_with(lateral(None), 0.05, 0.5).run(x)[0].output.spikes
    assert inhibited.sum() < alone.sum() < excited.sum()
    # Weights that are 0 say nothing of the current.
    assert filled_with(lateral("excitatory"), 0.05, 0.0).run(x)[0].output.spikes.equal(alone)


@pytest.mark.parametrize("place", ["a.inhibitory", "a", "a.excitatory"])
def test_a_current_is_injected_by_name(place):
    network = Network({"a": Block(nn.Linear(6, 4), ConductanceLIF())}).double()
    x, more = torch.zeros(5, 2, 6, dtype=F64), torch.full((5, 2, 4), 0.3, dtype=F64)
    record, _ = network.run(x, inject={place: more})
    own = network.blocks["a"].synapse(x[0]).expand(5, 2, 4)
    currents = {"excitatory": own, "inhibitory": torch.zeros_like(own)}
    name = place.partition(".")[2] or "excitatory"
    currents[name] = currents[name] + more
    neuron = network.blocks["a"].neuron
    _, v, _ = scan(Surrogate(HARD), neuron, neuron.initial_state(own[0]), currents)
    torch.testing.assert_close(record.output.v, v)


def test_steps_and_runs_agree():
    network = filled_with(lateral(), 0.2, 0.1).double()
    x = torch.rand(8, 2, 6, dtype=F64, generator=generator_for(1)).mul(3)
    more = {"a.inhibitory": torch.rand(8, 2, 4, dtype=F64, generator=generator_for(2)) / 50}
    whole, state = network.run(x, inject=more)[0], None
    for t, now in enumerate(x):
        record, state = network.step(now, state, inject={"a.inhibitory": more["a.inhibitory"][t]})
        torch.testing.assert_close(record.output.v, whole.output.v[t])
    assert whole.output.spikes.any()


def test_a_synapse_drives_the_current_that_its_block_names():
    network = Network({"a": Block(nn.Linear(6, 4), ConductanceLIF(), current="inhibitory")})
    with torch.no_grad():
        network.blocks["a"].synapse.weight.fill_(1.0)
        network.blocks["a"].synapse.bias.zero_()
    assert (network.run(torch.ones(5, 2, 6))[0].output.v < 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: lateral("apical"),
            "'loop' drives the current 'apical', which ConductanceLIF does not have, expected o",
        ),
        (
            lambda: Block(nn.Linear(6, 4), LIF(), current="apical"),
            "'apical', which LIF does not have, expected one of so",
        ),
        (
            lambda: lateral().run(torch.ones(2, 1, 6), inject={"a.apical": torch.ones(2, 1, 4)}),
            "inject 'a.apical' drives",
        ),
        (
            lambda: lateral().run(torch.ones(2, 1, 6), inject={"b.apical": torch.ones(2, 1, 4)}),
            "inject names block 'b'",
        ),
        (
            lambda: lateral().run(
                torch.ones(2, 1, 6), inject={"a": torch.ones(2, 1, 4), "a.excitatory": torch.ones(2, 1, 4)}
            ),
            "twice",
        ),
        (
            lambda: lateral().run(torch.ones(2, 1, 6), inject={"a.inhibitory": torch.ones(2, 1, 3)}),
            r"'a.inhibitory' has shape \[1, 3\], expected \[1, 4\]",
        ),
        (lambda: lateral().run(torch.ones(2, 1, 6), adjoint=TSSL()), "needs the whole sequence|not of ConductanceLIF"),
    ],
)
def test_what_cannot_be_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_current_that_is_missing_is_named():
    neuron, x = ConductanceLIF(), torch.zeros(2, 3)
    with pytest.raises(ValueError, match="is given excitatory, expected a current for each of excitatory, inhibi"):
        neuron.step(neuron.initial_state(x), {"excitatory": x}, HARD)
    with pytest.raises(ValueError, match="is given one tensor"):
        neuron.step(neuron.initial_state(x), x, HARD)


def test_currents_that_are_no_names_are_refused():
    class Mine(ConductanceLIF):
        currents = ["apical"]

    with pytest.raises(ValueError, match="expected a tuple of names"):
        Block(nn.Linear(2, 2), Mine())
    assert Neuron.currents == ("soma",)


@pytest.mark.parametrize("rule", [BPTT(), DFA(), STDP(1e-3, 1e-3)], ids=lambda rule: type(rule).__name__)
def test_rules_learn_edges_into_any_current(rule):
    network = Network(
        {"a": Block(nn.Linear(6, 4), ConductanceLIF(5e-3)), "b": Block(nn.Linear(4, 2), ConductanceLIF(5e-3))},
        {"loop": Feedback("b", "a", nn.Linear(2, 4, bias=False), current="inhibitory")},
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_().add_(0.2)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    training = Training.start(network, rule, seed=0)
    batch = Batch(torch.rand(20, 8, 6, generator=generator_for(3)), torch.arange(8) % 2)
    for _ in range(3):
        learn(training, batch)
    changed = {name for name, value in network.state_dict().items() if not value.equal(before[name])}
    assert "feedback.loop.synapse.weight" in changed
    assert "blocks.a.synapse.weight" in changed


def test_train_and_evaluate(tmp_path):
    settings = Settings(net="64-16-10", neuron="conductance-lif", steps=5, epochs=1, data_fraction=0.1)
    folder = RunFolder(tmp_path / "run")
    result = train(settings, folder)
    tested = evaluate(trained_network(folder, open_run(folder)), runs.test_loader(settings))
    assert tested.accuracy == result["test_accuracy"]
    assert result["rates"]["fc1"] > 0


def test_learns_two_patterns():
    network = Network({"a": Block(nn.Linear(6, 8), ConductanceLIF()), "b": Block(nn.Linear(8, 2), ConductanceLIF())})
    training = Training.start(network, BPTT(), seed=0, optimizer=OptimizerChoice("adam", 0.05))
    patterns = torch.tensor([[1.0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    batch = Batch(patterns.expand(15, 2, 6), torch.tensor([0, 1]))
    for _ in range(30):
        update = learn(training, batch)
    assert update.scores.argmax(1).tolist() == [0, 1]
    assert update.scores.max() > 0


def test_the_forms_of_three_factors_agree_on_edges_into_any_current():
    """The error that meets an edge's trace is that at the current it drives: step by step as by autograd."""
    torch.manual_seed(5)
    blocks = {"a": Block(nn.Linear(6, 4), ConductanceLIF(5e-3)), "b": Block(nn.Linear(4, 2), ConductanceLIF(5e-3))}
    back = Feedback("b", "a", nn.Linear(2, 4, bias=False), current="inhibitory")
    network = Network(blocks, {"loop": back}, MembraneReadout()).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_().add_(0.2)
    batch = Batch(torch.rand(12, 8, 6, dtype=F64, generator=generator_for(3)), torch.arange(8) % 2)
    found = []
    for form in ("sequence", "step"):
        rule = ThreeFactor(Direct(CrossEntropyMembrane()), InstantTrace(), form=form)
        memory = rule.init(network, generator_for(4))
        found.append(next(rule.updates(network, batch, memory, generator_for(4))).grads)
    assert found[0]["feedback.loop.synapse.weight"].abs().max() > 0
    for name, grad in found[0].items():
        torch.testing.assert_close(found[1][name], grad)


def test_the_inputs_excite_and_inhibit_over_two_edges():
    """Feedforward inhibition: the second edge from the same source drives the other current."""
    blocks = {"a": Block(nn.Linear(6, 4), ConductanceLIF())}
    joining = {"shunt": Feedforward("inputs", "a", nn.Linear(6, 4), current="inhibitory")}
    network, x = Network(blocks, feedforward=joining).double(), torch.rand(9, 2, 6, dtype=F64) * 4
    currents = {
        "excitatory": network.blocks["a"].synapse(x),
        "inhibitory": network.feedforward["shunt"].synapse(x),
    }
    neuron = network.blocks["a"].neuron
    _, v, _ = scan(Surrogate(HARD), neuron, neuron.initial_state(x[0, :, :4]), currents)
    torch.testing.assert_close(network.run(x)[0].output.v, v)
    assert network.currents()["feedforward.shunt.synapse."] == "a.inhibitory"
    with pytest.raises(ValueError, match="'shunt' drives the current 'apical'"):
        Network(blocks, feedforward={"shunt": Feedforward("inputs", "a", nn.Linear(6, 4), current="apical")})


def test_strings_name_the_current_of_an_edge():
    network = build("6-4(+inputs@inhibitory)-4(F4@inhibitory)-2", ConductanceLIF)
    assert network.currents() == {
        "blocks.fc1.synapse.": "fc1",
        "blocks.fc2.synapse.": "fc2",
        "blocks.fc3.synapse.": "fc3",
        "feedforward.inputs_to_fc1.synapse.": "fc1.inhibitory",
        "feedback.from_fc2.synapse.": "fc1.inhibitory",
    }
    assert build("6-4-2", ConductanceLIF).currents() == {"blocks.fc1.synapse.": "fc1", "blocks.fc2.synapse.": "fc2"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("6-4(+inputs@apical)-2", "'inputs_to_fc1' drives the current 'apical', which ConductanceLIF does not have"),
        ("6-4(F4@)-2", "'@' stands before the name of a current"),
        ("6-4-4(<inputs@inhibitory)-2", "a layer takes from one place by '<', to one current"),
    ],
)
def test_strings_with_a_wrong_current_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        build(text, ConductanceLIF)
