import pytest
import torch
from torch import nn

from spikelearn.measure import Count, energy, membrane_updates
from spikelearn.network import Block, Network
from spikelearn.neurons import IF, LIF


def test_the_sum_by_hand():
    """1000 accumulates of 0.9 pJ, 10 + 100 multiply-accumulates of 4.6, and 1010 reads of a 32 KiB cache."""
    found = energy(Count(1000.0, 10.0, 5000.0), 100)
    assert found.arithmetic == pytest.approx(900.0 + 506.0)
    assert found.with_memory == pytest.approx(1406.0 + 10100.0)
    assert found.cache == 32
    assert "not a measurement" in found.leaves_out


def test_a_larger_cache_costs_more():
    costs = [energy(Count(1.0, 1.0, 2.0), 0, cache=size).with_memory for size in (8, 32, 1024)]
    assert costs == pytest.approx([5.5 + 10.0, 5.5 + 20.0, 5.5 + 100.0])


def test_an_unknown_cache_is_refused():
    with pytest.raises(ValueError, match="cache is '64', expected one of"):
        energy(Count(), 0, cache=64)


def test_membranes_are_updated_at_every_step():
    network = Network(
        {
            "conv": Block(nn.Conv2d(1, 3, 3), IF()),
            "out": Block(nn.Sequential(nn.Flatten(), nn.Linear(48, 10)), LIF.per_step()),
        }
    )
    assert membrane_updates(network, torch.zeros(7, 2, 1, 6, 6)) == 7 * (3 * 4 * 4 + 10)
