"""Brunel's network: its structure, its rates against the mean field, and its picture by a command."""

import numpy as np
import pytest
import torch

from spikelearn.museum import Brunel2000
from spikelearn.museum.brunel2000 import BEFORE, DT, REGIMES


def test_every_neuron_takes_from_as_many_of_both_kinds():
    model = Brunel2000(0.02)
    synapse = model.network(g=5.0).feedback["recurrent"].synapse
    excitatory = synapse.sources < model.excitatory
    assert torch.bincount(synapse.targets[excitatory]).unique().tolist() == [20]
    assert torch.bincount(synapse.targets[~excitatory]).unique().tolist() == [5]
    assert synapse.weight.detach().unique().tolist() == pytest.approx([-25.0, 5.0])
    assert synapse.delays.unique().tolist() == [14]
    assert Brunel2000(1.0).threshold_rate == pytest.approx(10.0)


def test_the_mean_field_of_the_published_numbers():
    """Of weak inhibition it is near the rate that the refractory time allows; of strong one far below."""
    a, _, c, d = (Brunel2000(1.0).mean_field_rate(regime) for regime in REGIMES)
    assert 300 < a < 500
    assert 30 < c < 45
    assert 3 < d < 8


def test_rates_follow_the_mean_field_where_neurons_fire_fast():
    model, regime = Brunel2000(0.05), REGIMES[0]
    spikes = model.simulated(regime, BEFORE)[500:]
    assert spikes.double().mean().item() / DT == pytest.approx(model.mean_field_rate(regime), rel=0.08)
    activity = spikes.double().mean(1).numpy()
    assert np.std(activity) > np.mean(activity)  # the volleys of the synchronous state
