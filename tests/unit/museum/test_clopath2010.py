"""Clopath's synapse: weights of NEST's neuron and synapse, of the experiment, and of a potential that is held."""

import math

import pytest
import torch

from spikelearn.museum import Clopath2010
from spikelearn.museum import clopath2010 as module
from spikelearn.plasticity import Clopath
from spikelearn.plasticity.spike_timing.protocols import prescribed_changes

#: {lag, ms: weights in percent}, printed by references/make_nest.py.
NEST = {10.0: (101.1, 103.5, 113.9, 142.3, 161.1), -10.0: (58.7, 57.5, 56.4, 99.0, 141.4)}


@pytest.mark.parametrize("lag", NEST)
def test_weights_behind_pairs_are_those_of_nest(lag):
    """NEST's neuron integrates with steps of its own, and its spikes are 1 ms away from its synapse's."""
    found = Clopath2010().paired(lag)
    assert found == pytest.approx(NEST[lag], abs=7.0)
    # Slow pairs leave the weight, or depress; fast ones potentiate whatever their order.
    assert found[-1] > 140.0
    assert found[0] < 101.0
    assert all(late > early - 2.0 for early, late in zip(found, found[1:], strict=False))


def test_a_potential_that_is_held_changes_weights_by_the_closed_form():
    found = Clopath2010().held([-75.0, -60.0, -20.0])
    spikes, step = module.HELD * 1e-3 * module.HELD_RATE, 1e-3 * module.DT
    expected = []
    for potential in (-75.0, -60.0, -20.0):
        down = 14e-5 * max(potential - module.REST, 0.0)
        up = 8e-5 * max(potential + 45.3, 0.0) * max(potential - module.REST, 0.0)
        # Of every spike the trace adds up to 1 over the steps behind it.
        whole = step / 15e-3 * math.exp(-step / 15e-3) / (1.0 - math.exp(-step / 15e-3))
        expected.append(100.0 * (1.0 + spikes * (up * whole - down) / module.BEGINNING))
    assert found == pytest.approx(expected, rel=0.02)
    assert found[1] < 100.0 < found[2]


def test_a_potential_of_another_shape_is_refused():
    spikes = torch.zeros(5, 2)
    with pytest.raises(ValueError, match=r"potential.*shape \[5, 1\]"):
        prescribed_changes(Clopath(), spikes, spikes, potential=torch.zeros(5, 1))
