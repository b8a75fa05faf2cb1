"""Blocks that learn by losses with fixed class vectors."""

import math

import pytest
import torch

from spikelearn import network_for
from spikelearn.measure import forward_operations, learning_operations
from spikelearn.network import build
from spikelearn.neurons import LIF, LeakyIntegrator
from spikelearn.plasticity import (
    BPTT,
    LLS,
    LLSM,
    RULES,
    Batch,
    CrossEntropyMembrane,
    CrossEntropyRate,
    EligibilityTrace,
    FixedBasis,
    LLSMxM,
    PreTrace,
    RuleWarning,
    ThreeFactor,
)
from spikelearn.plasticity.three_factor.bases import BASES, coherence
from spikelearn.tasks import Regress
from spikelearn.training import Training
from tests.helpers import batch_for, dense, only_update

F64 = torch.float64
MEMBRANE = CrossEntropyMembrane()
SMALL = {(32, 32, 32): (32, 4, 4), (64, 16, 16): (64, 2, 2), (128, 8, 8): (128, 2, 2), (512,): (512,)}
VGG8 = {(128, 32, 32): (128, 4, 4), (256, 16, 16): (256, 2, 2), (512, 4, 4): (512, 2, 2), (1024,): (1024,)}


def start(rule, network):
    return rule.init(network, torch.Generator().manual_seed(1))


@pytest.mark.parametrize("make", [LLS, LLSM, LLSMxM])
def test_a_block_learns_the_same_whatever_stands_above_it(make):
    network, rule = dense("6-12-12-7-3"), make(CrossEntropyRate())
    data, memory = batch_for(network), start(rule, network)
    before = only_update(rule, network, data, memory)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.startswith(("blocks.fc1.", "blocks.fc2.")):
                parameter.uniform_(-1.0, 1.0)
    after = only_update(rule, network, data, memory)
    lower = [name for name in before.grads if name.startswith(("blocks.fc1.", "blocks.fc2."))]
    assert all(before.grads[name].equal(after.grads[name]) for name in lower)
    assert not all(grad.equal(after.grads[name]) for name, grad in before.grads.items())
    for name in (f"modulation.{block}" for block in ("fc1", "fc2")):
        assert make is LLS or before.own[name].equal(after.own[name])


@pytest.mark.parametrize(("length", "shapes"), [(512, SMALL), (2048, VGG8)])
def test_one_length_gives_the_published_pools(length, shapes):
    signal = FixedBasis(length=length)
    assert {shape: signal.pooled_shape(shape) for shape in shapes} == shapes
    assert signal.pooled_shape((4000,)) == (length,)
    assert signal.pooled_shape((2, 3, 3)) == (2, 3, 3), "no more places than there are"
    assert signal.pooled_shape((5000, 3, 3)) == (5000, 1, 1)


@pytest.mark.parametrize("trace", [EligibilityTrace, PreTrace])
def test_steps_as_samples_give_the_same_whole_or_one_by_one(trace):
    network = dense("6-12-9-3", lambda: LIF.per_step(0.8, reset="subtract"), output=LeakyIntegrator.per_step)
    data = batch_for(network)
    signal = FixedBasis(MEMBRANE, modulation="matrix", over="step")
    whole, stepped = (ThreeFactor(signal, trace(), form=form) for form in ("sequence", "step"))
    memory = start(whole, network)
    expected = only_update(whole, network, data, memory)
    found = only_update(stepped, network, data, memory)
    torch.testing.assert_close(found.grads, expected.grads, rtol=1e-10, atol=1e-14)
    torch.testing.assert_close(found.own, expected.own, rtol=1e-10, atol=1e-14)
    assert expected.own["modulation.fc1"].abs().max() > 0


@pytest.mark.parametrize("over", ["presentation", "step"])
def test_padding_teaches_nothing(over):
    """A batch of samples of several lengths teaches what these samples teach one by one."""
    network = dense("6-12-9-3")
    data, rule = batch_for(network), RULES.make("lls-m", {"loss": "cross-entropy-rate", "over": over})
    lengths, memory = torch.tensor([12, 3, 9, 12, 5]), start(rule, network)
    whole = only_update(rule, network, Batch(data.inputs, data.targets, lengths=lengths), memory)
    parts = [
        only_update(rule, network, Batch(data.inputs[:length, n : n + 1], data.targets[n : n + 1]), memory)
        for n, length in enumerate(lengths.tolist())
    ]
    for name in whole.grads:
        mean = torch.stack([part.grads[name] for part in parts]).mean(0)
        torch.testing.assert_close(whole.grads[name], mean, rtol=1e-10, atol=1e-14)
    for name in whole.own:
        torch.testing.assert_close(whole.own[name], torch.stack([part.own[name] for part in parts]).mean(0))


def test_silence_is_pulled_to_the_class_vector_by_a_force_that_is_bounded():
    signal = FixedBasis(floor=0.1)
    network = dense("6-12-3")
    memory, targets = start(signal, network), torch.tensor([0, 2])
    silent = torch.zeros(4, 2, 12, dtype=F64)
    batch, shares = Batch(torch.zeros(4, 2, 6, dtype=F64), targets), torch.full((4, 2), 0.25, dtype=F64)
    taught = signal.teach("fc1", silent, silent, batch, shares, memory)
    basis = memory["basis.fc1"]
    pull = (basis.mean(0) - basis[targets]) / (0.5 * 0.1 * 2)
    torch.testing.assert_close(taught.spikes, (pull / 4).expand(4, 2, 12))
    assert float(taught.loss) == pytest.approx(math.log(3))


def test_fewer_vectors_than_classes():
    network, rule = dense("6-16-20"), LLSMxM(vectors=5)
    memory = start(rule.signal, network)
    assert {name: tuple(value.shape) for name, value in memory.items()} == {
        "basis.fc1": (5, 16),
        "modulation.fc1": (5, 20),
    }
    assert 0 < float(memory["modulation.fc1"].std()) < 0.02


def test_vectors_by_hand():
    waves = BASES.make("cosine").vectors(3, 4, torch.Generator())
    assert waves.tolist() == [[pytest.approx(math.sin(f * j)) for j in range(4)] for f in (50.0, 281.0, 512.0)]
    assert BASES.make("square").vectors(3, 4, torch.Generator()).equal(waves.sign())
    drawn = BASES.make("random:scale=2").vectors(4, 5000, torch.Generator().manual_seed(0))
    assert float(drawn.std()) == pytest.approx(2.0, rel=0.05)
    assert coherence(torch.tensor([[1.0, 0.0], [-3.0, 0.0]])) == pytest.approx(1.0)
    assert coherence(torch.tensor([[1.0, 0.0], [0.0, 2.0]])) == 0.0


def test_classes_that_cannot_be_told_apart_are_said():
    with pytest.warns(RuleWarning, match=r"8 entries for block 'fc1' come as close as a cosine of 1\.00"):
        start(FixedBasis(), dense("6-8-10"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FixedBasis(vectors=5), r"vectors is 5, but without a matrix .*'none'.*set modulation to matrix"),
        (lambda: FixedBasis(modulation="diagonal"), "modulation is 'diagonal'"),
        (lambda: FixedBasis(over="steps"), "over is 'steps'"),
        (lambda: FixedBasis(temperature=0.0), "temperature is 0.0"),
        (lambda: FixedBasis(label_smoothing=1.0), "label_smoothing is 1.0"),
        (lambda: FixedBasis(length=0), "length is 0"),
        (lambda: FixedBasis(floor=0.0), "floor is 0.0"),
        (lambda: FixedBasis(basis="cosine"), "basis is 'cosine'"),
        (lambda: ThreeFactor(FixedBasis(MEMBRANE), form="step"), "looks at the whole sequence.*form=sequence"),
        (
            lambda: Training.start(network_for("lls-m", "6-12-3", (6,)), LLSM(), clip=1.0),
            "gradients are clipped, but lls-m learns modulations of its own by the local losses",
        ),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_a_learning_signal_takes_two_products_for_every_entry_of_every_class_vector():
    """Logits and back; the gradients of the weights take as many products as the forward pass."""
    network = network_for("lls", "12-30-16-3", (12,), neuron="rate", batch_norm=False)
    data = Batch(torch.rand(1, 4, 12), torch.arange(4) % 3)
    forward = forward_operations(network, data.inputs).total.dense
    assert forward == 12 * 30 + 30 * 16 + 16 * 3
    for rule, more in ((LLS(), 0), (LLSM(), 0), (LLSMxM(), 2 * 3 * 3 * 3)):
        learning = learning_operations(network, rule, data, start(rule, network), torch.Generator())
        # A matrix is met on the way there and back, and gets a gradient of its own.
        assert learning.total.dense == forward + 2 * 3 * (30 + 16) + more
    assert learning_operations(network, BPTT(MEMBRANE), data, {}, torch.Generator()).total.dense == (
        forward + 30 * 16 + 16 * 3
    )


def test_gradients_of_lls_itself_are_clipped():
    assert Training.start(network_for("lls", "6-12-3", (6,)), LLS(), clip=1.0).before_step is not None


def test_targets_without_classes_are_refused():
    network = build("6-12-3", lambda: LIF.per_step(0.8)).to(F64)
    rule = ThreeFactor(FixedBasis(), EligibilityTrace())
    data = Batch(torch.ones(4, 2, 6, dtype=F64), torch.zeros(2, 3, dtype=F64), task=Regress())
    with pytest.raises(ValueError, match="a vector for each class, but the task is"):
        next(rule.updates(network, data, start(rule, network), torch.Generator()))


@pytest.mark.parametrize("make", [LLS, LLSM, LLSMxM])
def test_a_loss_a_step_and_smoothed_labels_are_what_the_signal_makes_of_them(make):
    network = dense("6-12-12-3", output=lambda: LeakyIntegrator.per_step(0.9))
    data = batch_for(network)
    options = {LLS: {}, LLSM: {"modulation": "vector"}, LLSMxM: {"modulation": "matrix"}}[make]
    for chosen in ({"over": "step"}, {"label_smoothing": 0.2}, {"temperature": 0.3}):
        rule, plain = make(MEMBRANE, **chosen), make(MEMBRANE)
        signal = FixedBasis(MEMBRANE, rule.signal.basis, **{**plain_options(plain), **options, **chosen})
        by_hand = ThreeFactor(signal, EligibilityTrace(), rule.adjoint)
        memory = start(rule, network)
        found, expected, default = (only_update(each, network, data, memory).grads for each in (rule, by_hand, plain))
        name = "blocks.fc1.synapse.1.weight"
        assert found[name].equal(expected[name])
        assert not found[name].equal(default[name]), chosen


def plain_options(rule):
    signal = rule.signal
    return {name: getattr(signal, name) for name in ("temperature", "label_smoothing", "length", "over")}


@pytest.mark.parametrize("over", ["presentation", "step"])
def test_steps_count_by_their_shares(over):
    """By automatic differentiation of the loss as it is written: of the weighted mean, or of each step by its share."""
    signal, network = FixedBasis(over=over, floor=0.01), dense("6-12-3")
    memory, targets = start(signal, network), torch.tensor([0, 2])
    generator = torch.Generator().manual_seed(0)
    spikes = torch.rand(4, 2, 12, generator=generator, dtype=F64).requires_grad_()
    shares = torch.rand(4, 2, generator=generator, dtype=F64)
    batch = Batch(torch.zeros(4, 2, 6, dtype=F64), targets)
    taught = signal.teach("fc1", spikes.detach(), spikes.detach(), batch, shares, memory)
    seen = (spikes * shares.unsqueeze(2)).sum(0) / shares.sum(0).unsqueeze(1) if over == "presentation" else spikes
    logits = (seen / seen.norm(dim=-1, keepdim=True)) @ memory["basis.fc1"].t() / 0.5
    each = -logits.log_softmax(-1).gather(-1, targets.view(-1, 1).expand(*logits.shape[:-1], 1)).squeeze(-1)
    loss = ((shares.sum(0) if over == "presentation" else shares) * each).sum() / 2
    torch.testing.assert_close(taught.loss, loss.detach())
    torch.testing.assert_close(taught.spikes, torch.autograd.grad(loss, spikes)[0], rtol=1e-10, atol=1e-14)
