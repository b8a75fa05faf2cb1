"""Brunel's network: its structure, its rates against the mean field, and its picture by a command."""

import numpy as np
import pytest
import torch

from spikelearn.cli.app import run
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


def test_the_command_draws(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("spikelearn.museum.brunel2000.DRAWN", 0.02)
    monkeypatch.setattr("spikelearn.museum.brunel2000.BEFORE", 0.01)
    path = tmp_path / "brunel.png"
    assert run(["presets", "brunel2000", "--draw", str(path), "--scale", "0.01"]) == 0
    assert capsys.readouterr().out.count("mean-field") == 4
    assert path.read_bytes().startswith(b"\x89PNG")
    assert run(["presets", "brunel2000"]) == 0
    assert "J 0.1 mV, -g J, delay 1.5 ms" in capsys.readouterr().out
    assert run(["presets", "ide/fashion-mnist", "--draw", str(path)]) == 2
    assert "are of one of the models brunel2000" in capsys.readouterr().err
    assert run(["presets", "brunel2001"]) == 2
    assert "unknown preset" in capsys.readouterr().err
