"""Activation learning: what its layers explain, and what a trained network says of images."""

import pytest
import torch
from torch import nn

from spikelearn import network_for
from spikelearn.network import ActivationReadout, Block, Network
from spikelearn.neurons import LIF, Rate
from spikelearn.neurons.activations import Abs, Linear
from spikelearn.plasticity import ActivationLearning, Batch, OptimizerChoice
from spikelearn.plasticity.hebbian.imagining import complete, generate
from spikelearn.training import Training, learn
from tests.helpers import F64


def network_of(*widths, classes=3, init=0.05):
    torch.manual_seed(0)
    blocks = {}
    for n, (inputs, outputs) in enumerate(zip(widths, widths[1:], strict=False)):
        last = n == len(widths) - 2
        blocks[f"b{n}"] = Block(nn.Linear(inputs, outputs, bias=False), Rate(Linear() if last else Abs()))
    network = Network(blocks, readout=ActivationReadout(widths[-1], classes), input_shape=widths[:1]).to(F64)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.normal_(0.0, init)
    return network


def samples(count, seed=0):
    """Three classes of non-negative images, noisy copies of one each."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.zeros(3, 12, dtype=F64)
    centres[0, :4] = centres[1, 4:8] = centres[2, 8:] = 1.0
    labels = torch.arange(count) % 3
    noise = 0.15 * torch.rand(count, 12, generator=generator, dtype=F64)
    return Batch((centres[labels] + noise).unsqueeze(0), labels), centres


@pytest.mark.slow
def test_the_error_of_the_rebuilt_input_never_rises_and_is_that_of_principal_components():
    """The linear form is the subspace rule: image and label are rebuilt from W^T W x."""
    network, rule = network_of(12, 3), ActivationLearning(2)
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 0.05))
    batch, _ = samples(60)
    x = rule.explained(network, batch.inputs, training.memory, batch.targets, {})[0]["b0"][0][0]
    errors = []
    for _ in range(800):
        weight = torch.cat([*network.parameters(), training.memory["label_weights"]], 1).detach()
        errors.append(float((x - x @ weight.T @ weight).square().sum()))
        learn(training, batch)
    steps = torch.tensor(errors).diff()
    assert float(steps.max()) <= 1e-9 * errors[0]
    left = torch.linalg.svdvals(x)[3:].square().sum()
    assert errors[-1] == pytest.approx(float(left), rel=0.01)
    assert float(weight.square().sum()) == pytest.approx(3.0, abs=0.05)


@pytest.fixture(scope="module")
def trained():
    network, rule = network_of(12, 12, 12), ActivationLearning(4)
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 0.2))
    for number in range(400):
        learn(training, samples(30, number)[0])
    return rule, network.eval(), training.memory


def test_the_right_label_activates_most(trained):
    rule, network, memory = trained
    batch, _ = samples(60, 1000)
    scores = rule.scores(network, batch.inputs, memory)
    assert scores.argmax(1).equal(batch.targets)
    one = rule.activation(network, batch.inputs, memory, batch.targets).detach()
    torch.testing.assert_close(one, scores.amax(1))


def test_what_was_never_shown_is_an_anomaly(trained):
    rule, network, memory = trained
    batch, _ = samples(60, 1001)
    strange = torch.tensor([[0, 1.0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0], [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]], dtype=F64)
    usual = rule.anomaly(network, batch.inputs, memory)
    assert float(rule.anomaly(network, strange.unsqueeze(0), memory).min()) > float(usual.max())
    assert float(usual.max()) < 0.1


def test_images_are_generated_and_completed(trained):
    rule, network, memory = trained
    _, centres = samples(3)
    made = generate(rule, network, memory, torch.arange(3), steps=400, generator=torch.Generator().manual_seed(0))
    assert (made @ centres.T).argmax(1).equal(torch.arange(3))
    known = (torch.arange(12) % 4 < 2).expand(3, 12)
    filled, labels = complete(rule, network, memory, centres, known, steps=300)
    assert labels.equal(torch.arange(3))
    assert filled[known].equal(centres[known])
    missing = ~known
    inside = (centres == 1.0) & missing
    assert float(filled[inside].min()) > float(filled[missing & ~inside].max())


def test_feedback_learns_from_what_is_not_told_apart(trained):
    rule = ActivationLearning(4, feedback=True)
    scores = torch.tensor([[1.0, 0.9, 0.2], [0.3, 1.0, 0.6], [0.5, 0.1, 0.4]])
    wrong, gate = rule.gate(scores, torch.tensor([0, 1, 2]))
    assert wrong.tolist() == [1, 2, 0]
    torch.testing.assert_close(gate, torch.tensor([0.5, 0.0, 1.0]))


def test_what_does_not_fit_is_refused():
    rule = ActivationLearning()
    spiking = Network({"a": Block(nn.Linear(4, 5, bias=False), LIF.per_step())}, readout=ActivationReadout(5, 2))
    with pytest.raises(ValueError, match="but block 'a' is LIF"):
        rule.check(spiking)
    plain = Network({"a": Block(nn.Linear(4, 5, bias=False), Rate(Linear()))})
    with pytest.raises(ValueError, match="must know how many there are, but the readout is a RateReadout"):
        rule.check(plain)
    conv = Network({"a": Block(nn.Conv2d(1, 5, 3, bias=False), Rate(Linear()))}, readout=ActivationReadout(5, 2))
    with pytest.raises(ValueError, match="rebuilds what met the weights .* a dense layer must stand last"):
        rule.check(conv)
    with pytest.raises(ValueError, match="slope is 0"):
        ActivationLearning(slope=0.0)
    for options in ({"slope": 2.0}, {"unlearning": 0.5}):
        with pytest.raises(
            ValueError, match=r"but feedback is false, .*: use feedback=true, or leave (slope|unlearning)"
        ):
            ActivationLearning(**options)
    network = network_for(rule, "6-8-2")
    with pytest.raises(ValueError, match="targets go from 0 to 2|2 classes"):
        learn(Training.start(network, rule), Batch(torch.rand(1, 3, 6), torch.arange(3)))


def test_the_wrong_label_is_unlearned_by_its_share():
    network, _ = network_of(12, 12), None
    batch, _ = samples(30)
    rules = [ActivationLearning(4, feedback=True, unlearning=share) for share in (0.9, 0.45, 0.0)]
    memory = rules[0].init(network, torch.Generator().manual_seed(0))
    wholes, halves, none = (list(rule.updates(network, batch, memory, torch.Generator()))[1].grads for rule in rules)
    for name, grad in wholes.items():
        torch.testing.assert_close(halves[name], grad / 2, rtol=1e-12, atol=1e-14)
        assert grad.abs().max() > 0
        assert none[name].abs().max() == 0


def test_label_weights_are_cut_at_two_standard_deviations():
    memory = ActivationLearning(40).init(network_of(12, 100), torch.Generator().manual_seed(0))
    weights = memory["label_weights"]
    assert weights.shape == (100, 120)
    assert 0.0199 < float(weights.abs().max()) <= 0.02
    # A normal distribution cut there has 0.88 of the standard deviation that it is cut from.
    assert float(weights.std()) == pytest.approx(0.0088, rel=0.03)


def test_an_anomaly_does_not_depend_on_how_long_an_image_is_shown():
    network, rule = network_of(12, 12, init=0.3), ActivationLearning(4)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    inputs = samples(5)[0].inputs
    once = rule.anomaly(network, inputs, memory)
    torch.testing.assert_close(rule.anomaly(network, inputs.repeat(3, 1, 1), memory), once, rtol=1e-12, atol=1e-12)
    largest = rule.scores(network, inputs, memory).amax(1)
    torch.testing.assert_close(once, 1 - largest / 2)


def test_masks_of_a_batch_hold_in_all_passes():
    """Neurons that send nothing teach the block above nothing, and no label makes a difference there."""
    network, rule = network_of(12, 12, 5, init=0.3), ActivationLearning(4, feedback=True)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    batch, _ = samples(4)
    silent = Batch(batch.inputs, batch.targets, masks={"b0": torch.zeros(4, 12, dtype=F64)})
    for given, teaches in ((batch, True), (silent, False)):
        for update in rule.updates(network, given, memory, torch.Generator()):
            assert bool(update.scores.any()) == teaches
            assert bool(update.grads["blocks.b1.synapse.weight"].any()) == teaches


def test_without_scores_the_changes_are_the_same():
    batch, _ = samples(6)
    found = []
    for scored in (True, False):
        network = network_of(12, 14, 5)
        training = Training.start(network, ActivationLearning(2, scored=scored), seed=3)
        update = learn(training, batch)
        found.append((update, [*network.parameters(), training.memory["label_weights"]]))
    (_, weights), (silent, same) = found
    assert all(one.equal(other) for one, other in zip(weights, same, strict=True))
    assert not silent.scores.any()
    with pytest.raises(ValueError, match="scored is false, but feedback compares"):
        ActivationLearning(feedback=True, scored=False)
