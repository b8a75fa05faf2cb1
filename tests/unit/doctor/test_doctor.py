"""Illnesses made on purpose: the right one is named first; healthy trainings have none."""

from dataclasses import replace

import pytest
import torch

from spikelearn import BPTT, LIF, Batch, Training, build
from spikelearn.doctor import ILLNESSES, diagnose, examine, examine_settings, gather
from spikelearn.neurons import IF, Surrogate
from spikelearn.neurons.surrogates import Rectangle
from spikelearn.plasticity import RULES, OptimizerChoice
from spikelearn.runs import Settings
from spikelearn.training import Bounds

STEPS, SAMPLES, INPUTS = 20, 30, 40


def batches(count=8, *, gain=1.0, steps=STEPS, size=SAMPLES, seed=0):
    """Spikes of three classes, each with its own third of the inputs busy."""
    drawn = torch.Generator().manual_seed(seed)
    for _ in range(count):
        targets = torch.randint(3, (size,), generator=drawn)
        targets[:3] = torch.arange(3)
        rates = torch.full((size, INPUTS), 0.1)
        for row, kind in enumerate(targets):
            rates[row, 13 * int(kind) : 13 * int(kind) + 13] = 0.6
        yield Batch(gain * (torch.rand(steps, size, INPUTS, generator=drawn) < rates).float(), targets)


def network(neuron=LIF, *, net="40-30-3", scale=1.0, **options):
    made = build(net, neuron, input_shape=(INPUTS,), generator=torch.Generator().manual_seed(0), **options)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if weight.ndim > 1:
                weight.mul_(scale)
            elif "bias" in name:
                weight.zero_()
    return made


def training(made, rule=None, **choice):
    optimizer = OptimizerChoice(choice.pop("optimizer", "adam"), choice.pop("lr", 1e-3))
    return Training.start(made, rule or BPTT(), optimizer=optimizer, **choice)


def found(training, given=None):
    return [finding.illness for finding in examine(training, given or batches())]


def neuron(**options):
    return lambda: LIF(20e-3, r=20.0, **options)


def healthy(net="40-30-3"):
    return network(neuron(), net=net, scale=1.0)


@pytest.mark.parametrize("rule", ["bptt", "dfa", "readout-only"])
def test_healthy_trainings_have_no_finding(rule):
    assert found(training(healthy(), RULES.build(rule, {}))) == []


def test_a_healthy_run_has_no_finding():
    settings = Settings(data="digits", net="64-60-10", rule="bptt", batch=32, steps=15)
    assert [str(finding) for finding in diagnose(examine_settings(settings))] == []


def test_wrong_order_of_axes():
    swapped = [replace(batch, inputs=batch.inputs.transpose(0, 1)) for batch in batches(steps=SAMPLES)]
    assert found(training(healthy()), swapped)[0] == "wrong order of axes"
    assert "wrong order of axes" not in found(training(healthy()), list(batches(steps=SAMPLES)))


def test_nearly_empty_input():
    empty = [replace(batch, inputs=batch.inputs * (torch.arange(INPUTS) < 0)) for batch in batches()]
    assert found(training(healthy()), empty)[0] == "nearly empty input"
    dim = [replace(batch, inputs=batch.inputs / 255) for batch in batches()]
    assert found(training(healthy()), dim)[0] == "nearly empty input"


@pytest.mark.parametrize("tau", [1e-4, 50.0])
def test_a_time_step_that_does_not_fit(tau):
    made = network(lambda: LIF(tau, r=20.0), scale=1.0)
    assert found(training(made))[0] == "time step does not fit"


def test_exploding_errors():
    steep = BPTT(adjoint=Surrogate(Rectangle(height=1e4)))
    made = network(neuron(), net="40-30-30-3", scale=3.0)
    assert found(training(made, steep))[0] == "exploding errors"


def test_a_learning_rate_that_is_too_high():
    assert found(training(healthy(), lr=3.0))[0] == "learning rate too high"


def test_a_learning_rate_that_is_too_low():
    assert found(training(healthy(), optimizer="sgd", lr=1e-6)) == ["learning rate too low"]


def test_weights_at_their_bounds():
    made = healthy()
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim > 1:
                weight.copy_(0.2 * weight.sign())
    assert found(training(made, optimizer="sgd", constraints=[Bounds(-0.2, 0.2)]))[0] == "weights at their bounds"


def test_a_saturated_block():
    made = healthy()
    with torch.no_grad():
        made.blocks["fc1"].synapse[1].weight.abs_()
    assert found(training(made), list(batches(gain=300.0)))[0] == "saturated block"


def test_a_dead_block():
    assert found(training(network(neuron(), scale=1e-3)))[0] == "dead block"


def test_an_epileptic_block():
    made = network(neuron(), net="40-30(F30)-3", scale=1.0)
    with torch.no_grad():
        for edge in made.feedback.values():
            for weight in edge.synapse.parameters():
                weight.fill_(0.5) if weight.ndim > 1 else weight.zero_()
    assert found(training(made))[0] == "epileptic block"


def test_a_rule_that_changes_nothing():
    rule = RULES.build("stdp", {"a_plus": 0.0, "a_minus": 0.0})
    assert found(training(healthy(), rule, constraints=()))[0] == "nothing changes"


def test_vanishing_errors():
    made = network(neuron(), net="40-30-30-30-3", scale=3.0)
    flat = BPTT(adjoint=Surrogate(Rectangle(height=1e-3)))
    assert found(training(made, flat))[0] == "vanishing errors"


def test_ties_at_the_threshold():
    made = network(lambda: IF(1.0), scale=1.0)
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(torch.round(weight * 4) / 4)
    assert found(training(made), list(batches(2)))[-1] == "ties at the threshold"


def test_an_examination_leaves_the_training_as_it_was():
    made = training(healthy())
    before = {name: value.clone() for name, value in made.network.state_dict().items()}
    drawn = torch.get_rng_state(), made.generator.get_state()
    examine(made, batches())
    assert all(torch.equal(value, before[name]) for name, value in made.network.state_dict().items())
    assert not made.optimizer.state_dict()["state"]
    assert torch.equal(torch.get_rng_state(), drawn[0])
    assert torch.equal(made.generator.get_state(), drawn[1])


def test_no_batch_is_refused():
    with pytest.raises(ValueError, match="no batch to look at"):
        gather(training(healthy()), [])


def test_every_illness_has_a_name_of_its_own():
    assert len({illness.name for illness in ILLNESSES}) == len(ILLNESSES) >= 12
