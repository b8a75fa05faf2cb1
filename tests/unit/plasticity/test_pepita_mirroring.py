"""PEPITA's matrix as a product of factors that learn to mirror the weights."""

import copy

import pytest
import torch

from spikelearn.plasticity import Batch, OptimizerChoice
from spikelearn.plasticity.two_phase.mirroring import product_of
from spikelearn.training import Training, learn
from tests.unit.plasticity.test_pepita import cosine, rates, to_input, weights


def mirrored(**options):
    network, batch = rates("12-9-7-4", bias=False)
    rule = to_input(feedback="mirrored", gain=1.0, **options)
    return Training.start(network, rule, optimizer=OptimizerChoice("sgd", 0.05)), batch


@pytest.mark.slow
def test_factors_come_to_resemble_the_weights_and_begin_alone():
    training, batch = mirrored(mirror_alone=400, mirror_noise=1.0, mirror_lr=0.02, dropout=0.1)
    before = [weight.clone() for weight in weights(training.network)]

    def resemblance():
        """Of every layer; a softmax does not see what all of its currents have in common."""
        first, second, last = weights(training.network)
        wanted = (first, second, last - last.mean(0))
        return [cosine(training.memory[f"back_weights.fc{n}"], each) for n, each in enumerate(wanted, start=1)]

    start = resemblance()
    for _ in range(400):
        update = learn(training, batch)
        assert not update.grads
    assert all(one.equal(two) for one, two in zip(before, weights(training.network), strict=True))
    assert max(start) < 0.3
    assert min(resemblance()) > 0.95
    assert float(product_of(training.memory).std()) == pytest.approx(0.05 * (2 / 12) ** 0.5, rel=1e-9)
    learn(training, batch)
    assert not any(one.equal(two) for one, two in zip(before, weights(training.network), strict=True))
    assert int(training.memory["batches"]) == 401


def test_batches_are_counted_and_weights_learn_behind_those_of_the_factors_alone():
    training, batch = mirrored(mirror_alone=2)
    moved = []
    for seen in range(1, 5):
        before = [weight.clone() for weight in weights(training.network)]
        learn(training, batch)
        assert int(training.memory["batches"]) == seen
        moved.append(not any(one.equal(two) for one, two in zip(before, weights(training.network), strict=True)))
    assert moved == [False, False, True, True]


def test_a_training_with_factors_of_its_own_is_gone_on_with_and_shared_out():
    one, batch = mirrored(mirror_alone=2)
    for _ in range(3):
        learn(one, batch)
    two, _ = mirrored(mirror_alone=2)
    two.load_state_dict(copy.deepcopy(one.state_dict()))
    for training in (one, two):
        for _ in range(3):
            learn(training, batch)
    assert all(value.equal(two.memory[name]) for name, value in one.memory.items())
    drawn = one.rule.draws(one.network, batch, torch.Generator().manual_seed(0))

    def own(rows):
        some = {name: value[rows] for name, value in drawn.items()}
        given = Batch(batch.inputs[:, rows], batch.targets[rows], draws=some)
        return list(one.rule.updates(one.network, given, one.memory, torch.Generator()))[1].own

    for name, value in own(slice(None)).items():
        torch.testing.assert_close(value, (own(slice(0, 4))[name] + own(slice(4, 8))[name]) / 2)
