"""Readouts that are fitted: the numbers of their solutions, and what they see of the data."""

import pytest
import torch
from torch.nn.functional import one_hot

from spikelearn.network import FittedReadout, build
from spikelearn.network.readouts import LabelAssignment, LinearProbe, RidgeReadout
from spikelearn.neurons import LeakyIntegrator
from spikelearn.plasticity import BPTT
from spikelearn.training import Training

KINDS = (LabelAssignment, RidgeReadout, LinearProbe)


def rates(samples=60, units=7, classes=3):
    generator = torch.Generator().manual_seed(0)
    targets = torch.arange(samples) % classes
    centres = torch.rand(classes, units, generator=generator)
    return (0.5 * torch.rand(samples, units, generator=generator) + centres[targets]) / 2, targets


def scores(readout, read):
    return readout.of_rate(read)


def test_labels_are_the_classes_of_most_spikes_and_scores_the_mean_of_their_neurons():
    read = torch.tensor([[0.5, 0.0, 0.1, 0.0], [0.3, 0.2, 0.3, 0.0], [0.1, 0.9, 0.4, 0.0], [0.0, 0.1, 0.3, 0.0]])
    readout = LabelAssignment(4, 3)
    readout.fit(read, torch.tensor([0, 0, 1, 1]))
    # Mean rates of class 0: 0.4, 0.1, 0.2, 0; of class 1: 0.05, 0.5, 0.35, 0. The last neuron is silent.
    assert readout.head.weight.tolist() == [[1, 0, 0, 0], [0, 0.5, 0.5, 0], [0, 0, 0, 0]]
    torch.testing.assert_close(scores(readout, read)[2], torch.tensor([0.1, 0.65, 0.0]))


def test_ridge_is_that_of_scikit_learn():
    from sklearn.linear_model import Ridge

    read, targets = rates()
    readout = RidgeReadout(7, 3, penalty=0.3)
    readout.fit(read, targets)
    theirs = Ridge(alpha=0.3).fit(read.double().numpy(), one_hot(targets).double().numpy())
    torch.testing.assert_close(readout.head.weight.double(), torch.from_numpy(theirs.coef_), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(readout.head.bias.double(), torch.from_numpy(theirs.intercept_), rtol=1e-5, atol=1e-6)


def test_a_linear_probe_gives_the_probabilities_of_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    read, targets = rates()
    readout = LinearProbe(7, 3, strength=2.0)
    readout.fit(read, targets)
    theirs = LogisticRegression(C=2.0, max_iter=1000, tol=1e-9).fit(read.double().numpy(), targets.numpy())
    expected = torch.from_numpy(theirs.predict_proba(read.double().numpy()))
    torch.testing.assert_close(scores(readout, read).softmax(1).double(), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", [RidgeReadout, LinearProbe])
def test_samples_in_parts_give_what_they_give_at_once(kind, monkeypatch):
    read, targets = rates()
    found = []
    for part in (7, 1000):
        monkeypatch.setattr("spikelearn.network.readouts.fitted.PART", part)
        readout = kind(7, 3).double()
        readout.fit(read, targets)
        found.append(readout.head.weight.clone())
    torch.testing.assert_close(*found, rtol=1e-6, atol=1e-9)


def test_a_linear_probe_of_two_classes_is_at_the_minimum_that_it_names():
    read, targets = rates(classes=2)
    readout = LinearProbe(7, 2, strength=3.0).double()
    readout.fit(read.double(), targets)
    weight, bias = readout.head.weight.clone().requires_grad_(), readout.head.bias.clone().requires_grad_()
    scored = torch.nn.functional.linear(read.double(), weight, bias)
    loss = torch.nn.functional.cross_entropy(scored, targets, reduction="sum") + weight.square().sum() / 6.0
    for gradient in torch.autograd.grad(loss, [weight, bias]):
        assert gradient.abs().max() < 1e-2


def test_a_linear_probe_of_more_units_than_the_usual_samples_ends_at_its_minimum(monkeypatch):
    """Curvatures of 50 samples would leave 150 of 200 directions without a scale, in which no step gets anywhere."""
    monkeypatch.setattr("spikelearn.network.readouts.linear_probe.CURVED", 50)
    drawn = torch.Generator().manual_seed(0)
    read = torch.relu(torch.randn(800, 200, generator=drawn) @ torch.randn(200, 200, generator=drawn) / 14)
    targets = (read @ torch.randn(200, 4, generator=drawn)).argmax(1)
    readout = LinearProbe(200, 4, iterations=60).double()
    readout.fit(read.double(), targets)
    weight, bias = readout.head.weight.clone().requires_grad_(), readout.head.bias.clone().requires_grad_()
    scored = torch.nn.functional.linear(read.double(), weight, bias)
    loss = torch.nn.functional.cross_entropy(scored, targets, reduction="sum") + weight.square().sum() / 200.0
    for gradient in torch.autograd.grad(loss, [weight, bias]):
        assert gradient.abs().max() < 0.1


@pytest.mark.parametrize("there", [(0, 2), (1, 2, 3)])
def test_a_linear_probe_of_fewer_classes_never_prefers_one_that_it_has_not_seen(there):
    read, targets = rates(classes=len(there))
    readout = LinearProbe(7, 5)
    readout.fit(read, torch.tensor(there)[targets])
    assert set(scores(readout, read).argmax(1).tolist()) <= set(there)
    assert (scores(readout, read).argmax(1) == torch.tensor(there)[targets]).float().mean() > 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_samples_give_the_same_readout_and_no_parameter(kind):
    one, two = kind(7, 3), kind(7, 3)
    for readout in (one, two):
        readout.fit(*rates())
    assert all(value.equal(two.state_dict()[name]) for name, value in one.state_dict().items())
    assert set(one.state_dict()) == {"head.weight", "head.bias"}
    assert not list(one.parameters())
    assert scores(kind(7, 3), rates()[0]).abs().max() == 0, "before the first fit"


REFUSED = {
    "another block": (lambda r, t: (r[:, :5], t), "what is read has shape"),
    "other samples": (lambda r, t: (r, t[:5]), "targets have shape"),
    "no classes": (lambda r, t: (r, t.float()), "expected class numbers"),
    "too many classes": (lambda r, t: (r, t + 1), "targets go from 1 to 3"),
    "NaN": (lambda r, t: (r * float("nan"), t), "what is read is nan"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused(case):
    change, words = REFUSED[case]
    with pytest.raises(ValueError, match=words):
        RidgeReadout(7, 3).fit(*change(*rates()))


def test_made_from_a_string_behind_neurons_that_send():
    network = build("64-20-10", readout="label-assignment")
    assert list(network.blocks) == ["fc1"]
    assert isinstance(network.readout, FittedReadout)
    assert network.readout.head.weight.shape == (10, 20)
    with pytest.raises(ValueError, match="LeakyIntegrator, which never fires"):
        build("64-20-10", readout="ridge", output=LeakyIntegrator)


def test_pools_before_the_classes_pool_what_is_read():
    network = build("1x8x8-6C3-P2-10", readout="ridge")
    assert list(network.blocks) == ["conv1"]
    assert network.readout.head.weight.shape == (10, 6 * 3 * 3)
    record = network.run(torch.rand(4, 2, 1, 8, 8))[0]
    pooled = torch.nn.functional.avg_pool2d(record.output.spikes.mean(0), 2)
    torch.testing.assert_close(network.readout.read(record.output), pooled)
    torch.nn.init.normal_(network.readout.head.weight)
    torch.testing.assert_close(network.readout.of_rate(record.output.spikes.mean(0)), network.scores(record))
    with pytest.raises(ValueError, match="does not suit the readout .linear."):
        build("1x8x8-6C3-P2-10", readout="linear")
    with pytest.raises(ValueError, match="needs an image"):
        build("64-20-P2-10", readout="ridge")


def test_a_rule_that_descends_a_loss_is_refused():
    with pytest.raises(ValueError, match="bptt descends a loss .* readout 'ridge' is fitted"):
        Training.start(build("64-20-10", readout="ridge"), BPTT())
