"""Izhikevich's network: its connections, and that dopamine finds the synapse that earned it."""

import pytest
import torch

from spikelearn.museum import Izhikevich2007
from spikelearn.museum.izhikevich2007 import FollowedPair


def test_every_neuron_sends_to_as_many_others_and_inhibition_to_excitatory_ones():
    model = Izhikevich2007(0.05)
    source, target = model.connections()
    assert torch.bincount(source).unique().tolist() == [5]
    assert not bool((source == target).any())
    assert target[source >= model.excitatory].max() < model.excitatory
    network, second = model.network()
    synapse = network.feedback["exciting"].synapse
    assert (int(synapse.sources[0]), int(synapse.targets[0])) == (0, second)
    assert synapse.weight.flatten()[:2].tolist() == [0.0, 1.0]


def test_a_pair_in_time_is_paid_later():
    pays = FollowedPair((0, 1), (3, 3), 0.5, torch.Generator())
    trains = torch.zeros(60, 2)
    trains[2, 0] = trains[10, 1] = 1.0  # 8 steps behind
    trains[15, 0] = trains[15, 1] = 1.0  # in the same step
    trains[40, 1] = 1.0  # too late
    paid = [pays.at(t, {"neurons": Seen(trains[t : t + 1])}).item() for t in range(60)]
    assert [t for t, reward in enumerate(paid) if reward] == [13, 18]
    assert pays.count == 2


class Seen:
    def __init__(self, spikes):
        self.spikes = spikes


@pytest.mark.parametrize("reward", [0.5, 0.0])
def test_dopamine_finds_the_synapse_that_earned_it(reward):
    """Neurons fire often, and dopamine comes within a tenth of a second, so that seconds are enough."""
    seen = Izhikevich2007(0.02).simulated(
        stretches=150, steps=700, delay=(30, 100), tau_eligibility=0.1, noise=25.0, reward=reward
    )
    assert (seen.rewards > 100) == (reward > 0)
    assert (seen.rewarded[-1] > 2.0) == (reward > 0)
    assert seen.others[-1] < 1.0
    assert (seen.last[0] == seen.last.max()) == (reward > 0)
