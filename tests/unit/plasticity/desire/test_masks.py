"""Desire backpropagation: masks that the rule draws."""

import pytest
import torch

from spikelearn.plasticity import Batch
from spikelearn.plasticity.targets.desire import Desire, count_spikes
from tests.helpers import only_update
from tests.unit.plasticity.desire.networks import F64, batch_of, network_of


def masks_of(rule, network, data, seed=0):
    return rule.draws(network, data, torch.Generator().manual_seed(seed))


def test_dropout_masks_inputs_and_hidden_dense_blocks():
    network, data = network_of((2, 4, 3), (100, 50), (50, 4)), batch_of((2, 7, 7), 40)
    rule = Desire(dropout_input=0.1, dropout_hidden=0.4)
    masks = masks_of(rule, network, data)
    assert {place: tuple(mask.shape) for place, mask in masks.items()} == {"inputs": (40, 2, 7, 7), "b1": (40, 50)}
    for place, chance in (("inputs", 0.1), ("b1", 0.4)):
        assert masks[place].dtype == F64
        torch.testing.assert_close(masks[place].unique(), torch.tensor([0.0, 1 / (1 - chance)], dtype=F64))
        assert (masks[place] == 0).double().mean() == pytest.approx(chance, abs=0.04)
    assert not masks["b1"][0].equal(masks["b1"][1]), "samples have their own"
    assert all(mask.equal(masks_of(rule, network, data)[place]) for place, mask in masks.items())
    assert not masks["b1"].equal(masks_of(rule, network, data, seed=1)["b1"])


def test_masks_of_the_batch_come_first():
    network, data = network_of((16, 12), (12, 4)), batch_of((16,), 3)
    given = Batch(data.inputs, data.targets, {"b0": torch.ones(3, 12, dtype=F64)})
    masks = masks_of(Desire(dropout_input=0.5, dropout_hidden=0.5), network, given)
    assert set(masks) == {"inputs"}
    assert masks_of(Desire(), network, data) == {}


def test_drawn_masks_act_as_given_ones():
    network, data, rule = network_of((16, 30), (30, 4)), batch_of((16,), 3), Desire(dropout_hidden=0.5)
    masks = masks_of(rule, network, data, seed=1)
    drawn = only_update(rule, network, data)
    torch.testing.assert_close(
        drawn.grads, only_update(Desire(), network, Batch(data.inputs, data.targets, masks)).grads
    )


def test_hidden_counts_are_divided_by_their_own_factor():
    network, data = network_of((16, 30), (30, 4)), batch_of((16,), 3)
    mask = (torch.rand(3, 30) < 0.7).to(F64) / 0.7
    record, _ = network.run(data.inputs, masks={"b0": mask})
    counts = count_spikes([record], {"b0": mask})
    assert counts["b0"].equal((record["b0"].spikes != 0).sum(0).to(F64))
