"""Forward-forward: labels in the input, wrong labels that are drawn, predictions by goodness, and what it refuses."""

import pytest
import torch

from spikelearn.network import build
from spikelearn.neurons import Rate
from spikelearn.plasticity import Batch, ForwardForward, OptimizerChoice
from spikelearn.plasticity.two_phase.forward_forward import with_labels
from spikelearn.training import Training, learn

F64 = torch.float64


def network_of(net="8-20-20-3", **options):
    torch.manual_seed(1)
    return build(net, input_norm="mean-square", **options).to(F64)


def batch_of(samples=9, classes=3):
    """Spikes whose rates say the class, behind three inputs for the label."""
    torch.manual_seed(2)
    targets = torch.arange(samples) % classes
    rates = 0.1 + 0.7 * torch.nn.functional.one_hot(targets, 5)
    return Batch(torch.cat([torch.zeros(20, samples, 3), (torch.rand(20, samples, 5) < rates)], 2).to(F64), targets)


def test_a_label_is_as_large_as_the_largest_input():
    inputs = torch.rand(4, 2, 1, 3, 3)
    found = with_labels(inputs, torch.tensor([1, 0]), 4)
    assert found.shape == inputs.shape
    label = torch.tensor([[0, 1, 0, 0], [1, 0, 0, 0]]) * inputs.max()
    assert all(step.equal(label) for step in found.flatten(2)[:, :, :4])
    assert found.flatten(2)[:, :, 4:].equal(inputs.flatten(2)[:, :, 4:])


def test_a_constant_input_stays_stored_once_and_bytes_stay_bytes():
    constant = with_labels(torch.rand(2, 6).expand(9, 2, 6), torch.tensor([0, 1]), 2)
    assert constant.shape == (9, 2, 6)
    assert constant.stride(0) == 0
    spikes = with_labels((torch.rand(5, 2, 6) < 0.5).to(torch.uint8), torch.tensor([0, 1]), 2)
    assert spikes.dtype == torch.uint8
    assert spikes.max() == 1


@pytest.mark.parametrize(("negatives", "kinds"), [("other", {1, 2}), ("any", {0, 1, 2})])
def test_wrong_labels(negatives, kinds):
    rule, network, batch = ForwardForward(negatives=negatives), network_of(), batch_of(90)
    drawn = rule.draws(network, batch, torch.Generator().manual_seed(0))["negatives"]
    assert set(drawn.tolist()) == kinds


@pytest.mark.parametrize("goodness", ["rate", "membrane"])
def test_the_true_label_comes_to_make_more_activity_than_others(goodness):
    rule, network, batch = ForwardForward(goodness=goodness), network_of(), batch_of()
    training = Training.start(network, rule, optimizer=OptimizerChoice("adam", 1e-2))
    losses = [learn(training, batch).metrics for _ in range(60)]
    for name in ("fc1", "fc2"):
        assert losses[-1][f"loss_{name}"] < losses[0][f"loss_{name}"]
    with torch.no_grad(), network.presentation():
        scores = rule.scores(network, batch.inputs, {})
    assert scores.argmax(1).equal(batch.targets)
    right = network(batch.inputs).argmax(1) == batch.targets
    assert right.sum() >= 8, "the readout of one run"


def test_predictions_add_up_the_goodness_of_all_blocks_or_all_but_the_first():
    network, batch = network_of(), batch_of()
    with torch.no_grad():
        whole, rest = (ForwardForward(skip_first=skip).scores(network, batch.inputs, {}) for skip in (False, True))
        for number in range(3):
            record, _ = network.run(with_labels(batch.inputs, torch.full((9,), number), 3))
            first, second = (record[name].spikes.mean(0).square().mean(1) for name in ("fc1", "fc2"))
            torch.testing.assert_close(whole[:, number], first + second)
            torch.testing.assert_close(rest[:, number], second)


def test_hidden_blocks_do_not_see_how_strongly_the_one_before_answered():
    """Twice the weights into the first block make twice its rates, and the same goodness of the second."""
    network = network_of(neuron=Rate, bias=False)
    x = torch.rand(1, 4, 8, dtype=F64)
    one = network.run(x)[0]
    with torch.no_grad():
        network.blocks["fc1"].synapse[2].weight.mul_(2.0)
    two = network.run(x)[0]
    torch.testing.assert_close(two["fc1"].spikes, 2.0 * one["fc1"].spikes)
    torch.testing.assert_close(two["fc2"].spikes, one["fc2"].spikes, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (lambda: build("8-20-20-3"), "what meets the weights of block 'fc2' is not normalised"),
        (lambda: build("8-3", input_norm="length"), "the network has its last block alone"),
        (lambda: build("8-20(F20)-3", input_norm="length"), "the network has feedback edges"),
        (lambda: build("8-20-3", input_norm="length", readout="membrane"), "has one output neuron a class"),
    ],
)
def test_what_it_cannot_train_is_refused(network, words):
    with pytest.raises(ValueError, match=words):
        ForwardForward().check(network())


def test_fewer_inputs_than_classes_are_refused():
    network = build("2-6-3", input_norm="length").to(F64)
    batch = Batch(torch.ones(4, 3, 2, dtype=F64), torch.arange(3))
    with pytest.raises(ValueError, match="label of 3 classes into the first inputs, but there are 2"):
        next(ForwardForward().updates(network, batch, {}, torch.Generator()))


def test_steps_that_do_not_count_are_refused():
    with pytest.raises(ValueError, match="forward-forward looks at every step"):
        ForwardForward().scores(network_of(), batch_of().inputs, {}, torch.ones(20, 9, dtype=torch.bool))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"goodness": "spikes"}, "goodness is 'spikes'"),
        ({"threshold": 0.0}, "threshold is 0.0"),
        ({"gain": -1.0}, "gain is -1.0"),
        ({"negatives": "hard"}, "negatives is 'hard'"),
    ],
)
def test_options_are_checked(options, words):
    with pytest.raises(ValueError, match=words):
        ForwardForward(**options)


def test_masks_of_the_batch_are_those_of_both_runs():
    network, plain = network_of(), batch_of()
    rule = ForwardForward()
    silent = Batch(plain.inputs, plain.targets, {"fc1": torch.zeros(9, 20, dtype=F64)})
    (update,) = rule.updates(network, silent, {}, torch.Generator().manual_seed(0))
    assert update.grads["blocks.fc2.synapse.2.weight"].abs().max() == 0, "nothing met these weights"
    (free,) = rule.updates(network, plain, {}, torch.Generator().manual_seed(0))
    assert free.grads["blocks.fc2.synapse.2.weight"].abs().max() > 0


def test_goodness_is_of_what_is_sent_or_of_potentials():
    network, batch = network_of(), batch_of()
    record, _ = network.run(with_labels(batch.inputs, batch.targets, 3))
    for goodness, part in (("rate", "spikes"), ("membrane", "v")):
        found = ForwardForward(goodness=goodness).goodnesses(network, batch, batch.targets, 3)
        for name in ("fc1", "fc2"):
            expected = getattr(record[name], part).mean(0).square().mean(1)
            torch.testing.assert_close(found[name], expected)


def test_a_single_hidden_block_is_not_skipped():
    network, batch = network_of("8-20-3"), batch_of()
    one, other = (ForwardForward(skip_first=skip).scores(network, batch.inputs, {}) for skip in (True, False))
    assert one.equal(other)
