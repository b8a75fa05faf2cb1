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


def swapped_axes():
    return training(healthy()), [replace(b, inputs=b.inputs.transpose(0, 1)) for b in batches(steps=SAMPLES)]


def empty_input():
    return training(healthy()), [replace(b, inputs=b.inputs * (torch.arange(INPUTS) < 0)) for b in batches()]


def dim_input():
    return training(healthy()), [replace(b, inputs=b.inputs / 255) for b in batches()]


def steps_too_long():
    return training(network(lambda: LIF(1e-4, r=20.0))), None


def steps_too_short():
    return training(network(lambda: LIF(50.0, r=20.0))), None


def steep_slopes():
    steep = BPTT(adjoint=Surrogate(Rectangle(height=1e4)))
    return training(network(neuron(), net="40-30-30-3", scale=3.0), steep), None


def high_learning_rate():
    return training(healthy(), lr=3.0), None


def low_learning_rate():
    return training(healthy(), optimizer="sgd", lr=1e-6), None


def weights_at_bounds():
    made = healthy()
    with torch.no_grad():
        for weight in made.parameters():
            if weight.ndim > 1:
                weight.copy_(0.2 * weight.sign())
    return training(made, optimizer="sgd", constraints=[Bounds(-0.2, 0.2)]), None


def saturated():
    made = healthy()
    with torch.no_grad():
        made.blocks["fc1"].synapse[1].weight.abs_()
    return training(made), batches(gain=300.0)


def dead():
    return training(network(neuron(), scale=1e-3)), None


def epileptic():
    made = network(neuron(), net="40-30(F30)-3")
    with torch.no_grad():
        for edge in made.feedback.values():
            for weight in edge.synapse.parameters():
                weight.fill_(0.5) if weight.ndim > 1 else weight.zero_()
    return training(made), None


def rule_without_amplitudes():
    return training(healthy(), RULES.build("stdp", {"a_plus": 0.0, "a_minus": 0.0}), constraints=()), None


def flat_slopes():
    flat = BPTT(adjoint=Surrogate(Rectangle(height=1e-3)))
    return training(network(neuron(), net="40-30-30-30-3", scale=3.0), flat), None


def weights_in_quarters():
    made = network(lambda: IF(1.0))
    with torch.no_grad():
        for weight in made.parameters():
            weight.copy_(torch.round(weight * 4) / 4)
    return training(made), None


#: {illness: what was done to have it}.
MADE_ON_PURPOSE = {
    "wrong order of axes": [swapped_axes],
    "nearly empty input": [empty_input, dim_input],
    "time step does not fit": [steps_too_long, steps_too_short],
    "exploding errors": [steep_slopes],
    "learning rate too high": [high_learning_rate],
    "learning rate too low": [low_learning_rate],
    "weights at their bounds": [weights_at_bounds],
    "saturated block": [saturated],
    "dead block": [dead],
    "epileptic block": [epileptic],
    "nothing changes": [rule_without_amplitudes],
    "vanishing errors": [flat_slopes],
    "ties at the threshold": [weights_in_quarters],
}
CASES = [(illness, made) for illness, ways in MADE_ON_PURPOSE.items() for made in ways]


def test_every_illness_is_made_on_purpose():
    names = [illness.name for illness in ILLNESSES]
    assert sorted(names) == sorted(MADE_ON_PURPOSE)
    assert len(set(names)) >= 12


@pytest.mark.parametrize(("illness", "made"), CASES, ids=[made.__name__ for _, made in CASES])
def test_the_right_diagnosis_comes_first(illness, made):
    assert found(*made())[0] == illness


@pytest.mark.parametrize("rule", ["bptt", "dfa", "readout-only"])
def test_healthy_trainings_have_no_finding(rule):
    assert found(training(healthy(), RULES.build(rule, {}))) == []


def test_a_healthy_run_has_no_finding():
    settings = Settings(data="digits", net="64-60-10", rule="bptt", batch=32, steps=15)
    assert [str(finding) for finding in diagnose(examine_settings(settings))] == []


def test_as_many_steps_as_samples_are_no_wrong_order():
    assert "wrong order of axes" not in found(training(healthy()), batches(steps=SAMPLES))


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
