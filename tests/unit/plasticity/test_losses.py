import pytest
import torch

from spikelearn.network import Activity, MembraneReadout, Network, RateReadout, build
from spikelearn.neurons import LeakyIntegrator
from spikelearn.plasticity import (
    BPTT,
    Batch,
    BinaryCrossEntropy,
    CrossEntropy,
    CrossEntropyMembrane,
    CrossEntropyRate,
    MSECount,
    SquaredError,
)

T, B, C = 6, 4, 3
TARGETS = torch.tensor([0, 2, 1, 2])


@pytest.fixture
def output():
    return Activity(torch.zeros(T, B, 1), (torch.rand(T, B, C) < 0.4).float(), torch.randn(T, B, C))


def by_hand(logits):
    return -torch.stack([torch.log_softmax(row, 0)[y] for row, y in zip(logits, TARGETS, strict=True)]).mean()


def test_cross_entropy_on_rate_by_hand(output):
    value = CrossEntropyRate(gain=5.0)(output, output.spikes.mean(0), TARGETS)
    torch.testing.assert_close(value, by_hand(5.0 * output.spikes.sum(0) / T))


def test_cross_entropy_on_membrane_by_hand(output):
    value = CrossEntropyMembrane()(output, output.v.mean(0), TARGETS)
    torch.testing.assert_close(value, torch.stack([by_hand(v) for v in output.v]).mean())


def test_mean_squared_count_by_hand(output):
    value = MSECount(1.0, 0.5)(output, output.spikes.mean(0), TARGETS)
    total = 0.0
    for b in range(B):
        for c in range(C):
            desired = T * (1.0 if c == TARGETS[b] else 0.5)
            total += (output.spikes[:, b, c].sum().item() - desired) ** 2
    assert value.item() == pytest.approx(total / (B * C * T), rel=1e-6)


def test_losses_are_those_of_snntorch(output):
    functional = pytest.importorskip("snntorch.functional")
    # Rates for which T x rate is whole: snnTorch cuts the desired count down to a whole number.
    ours = MSECount(1.0, 0.5)(output, output.spikes, TARGETS)
    torch.testing.assert_close(
        ours, functional.mse_count_loss(correct_rate=1.0, incorrect_rate=0.5)(output.spikes, TARGETS)
    )
    ours = CrossEntropyRate(gain=float(T))(output, output.spikes, TARGETS)
    torch.testing.assert_close(ours, functional.ce_count_loss()(output.spikes, TARGETS))


def test_cross_entropy_takes_scores(output):
    scores = torch.randn(B, C)
    torch.testing.assert_close(CrossEntropy()(output, scores, TARGETS), by_hand(scores))


def test_binary_cross_entropy_asks_of_every_class_by_itself(output):
    scores = torch.randn(B, C)
    of_the_answer = torch.where(torch.arange(C) == TARGETS.unsqueeze(1), scores, -scores).sigmoid()
    torch.testing.assert_close(BinaryCrossEntropy()(output, scores, TARGETS), -of_the_answer.log().mean())


@pytest.mark.parametrize(
    ("loss", "network", "message"),
    [
        (CrossEntropyRate(), build("4-3", output=LeakyIntegrator), "never fires: use 'cross-entropy-membrane'"),
        (MSECount(), build("4-3", output=LeakyIntegrator), "never fires"),
        (CrossEntropyRate(), build("4-3", readout=MembraneReadout()), "predicts from potentials"),
        (CrossEntropyMembrane(), build("4-3"), "predicts from spikes, which it may silence"),
        (CrossEntropy(), build("4-3"), "bare firing rates"),
        (BinaryCrossEntropy(), build("4-3"), "'binary-cross-entropy' takes the readout's scores as logits"),
    ],
)
def test_a_loss_refuses_a_network_it_says_nothing_about(loss, network, message):
    with pytest.raises(ValueError, match=message):
        loss.check(network)


def headed():
    return Network(dict(build("4-3").blocks.items()), readout=RateReadout(torch.nn.Linear(3, 2)))


@pytest.mark.parametrize(
    ("loss", "network"),
    [
        (CrossEntropyMembrane(), build("4-3", output=LeakyIntegrator)),
        (CrossEntropyMembrane(), build("4-3", readout=MembraneReadout())),
        (CrossEntropy(), headed()),
        (CrossEntropyRate(), build("4-3")),
    ],
)
def test_what_fits_is_taken_and_trained(loss, network):
    rule = BPTT(loss)
    rule.check(network)
    data = Batch(torch.rand(5, 4, 4), torch.tensor([0, 1, 1, 0]))
    (update,) = rule.updates(network, data, {}, torch.Generator())
    assert set(update.grads) == {name for name, _ in network.named_parameters()}


@pytest.mark.parametrize(
    "make", [lambda: CrossEntropyRate(0.0), lambda: MSECount(1.5), lambda: MSECount(incorrect_rate=-1)]
)
def test_parameters_are_checked(make):
    with pytest.raises(ValueError, match="expected"):
        make()


@pytest.mark.parametrize("loss", [CrossEntropy(), SquaredError(), SquaredError(0.8, -0.2)])
def test_errors_are_the_derivative_of_the_samples_sum(loss):
    scores = torch.randn(B, C, dtype=torch.float64, requires_grad=True)
    (expected,) = torch.autograd.grad(B * loss(None, scores, TARGETS), scores)
    torch.testing.assert_close(loss.error(scores.detach(), TARGETS), expected)


def test_squared_error_of_values_and_of_classes():
    scores = torch.tensor([[0.5, 0.0, 1.0]])
    assert float(SquaredError()(None, scores, torch.tensor([2]))) == 0.125
    assert float(SquaredError()(None, scores, torch.tensor([[0.5, 2.0, 1.0]]))) == 2.0
    with pytest.raises(ValueError, match="are both 1.0, expected two numbers"):
        SquaredError(1.0, 1.0)
