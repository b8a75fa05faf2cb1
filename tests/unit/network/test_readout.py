"""Readouts by hand."""

import pytest
import torch
from torch import nn

from spikelearn.network import READOUTS, Activity, MembraneReadout, RateReadout, TraceReadout, build
from spikelearn.neurons import CubaLIF

SPIKES = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 0.0, 1.0]], dtype=torch.float64)


def activity(spikes):
    """One sample: [T, n] -> Activity [T, 1, n], with potentials that no spike readout may look at."""
    return Activity(
        torch.zeros(len(spikes), 1, 1), spikes.unsqueeze(1), torch.full_like(spikes, torch.nan).unsqueeze(1)
    )


def test_plain_rate():
    assert RateReadout()(activity(SPIKES)).tolist() == [[0.5, 0.25, 1.0]]


def test_weighted_rate_by_hand():
    """Decay 1/2 over four steps: weights 1, 2, 4, 8 of 15."""
    found = RateReadout(decay=0.5)(activity(SPIKES))
    torch.testing.assert_close(found, torch.tensor([[9 / 15, 4 / 15, 1.0]], dtype=torch.float64))


@pytest.mark.parametrize("decay", [0.0, 0.3, 0.95, 0.999999])
@pytest.mark.parametrize("steps", [1, 2, 17])
def test_weighted_rate_in_closed_form(decay, steps):
    spikes = (torch.rand(steps, 5, 3) < 0.4).double()
    weights = decay ** torch.arange(steps - 1, -1, -1, dtype=torch.float64)
    expected = (weights.view(-1, 1, 1) * spikes).sum(0) / weights.sum()
    torch.testing.assert_close(RateReadout(decay=decay)(Activity(spikes, spikes, spikes)), expected)


@pytest.mark.parametrize("decay", [0.0, 0.5, 1.0])
def test_a_neuron_that_always_fires_has_rate_one_at_any_decay(decay):
    ones = torch.ones(7, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(RateReadout(decay=decay)(Activity(ones, ones, ones)), ones[0])


def test_decay_one_is_the_limit():
    spikes = (torch.rand(9, 2, 4) < 0.5).double()
    seen = Activity(spikes, spikes, spikes)
    torch.testing.assert_close(RateReadout(decay=1 - 1e-10)(seen), RateReadout()(seen), rtol=0, atol=1e-6)


def test_rates_and_records_give_the_same_scores():
    head = nn.Linear(6, 2).double()
    spikes = (torch.rand(9, 4, 2, 3) < 0.5).double()
    readout = RateReadout(head, decay=0.7)
    seen = Activity(spikes, spikes, spikes)
    torch.testing.assert_close(readout.of_rate(readout.read(seen)), readout(seen))
    assert readout(seen).shape == (4, 2)


@pytest.mark.parametrize("decay", [-0.1, 1.1, float("nan"), True, "0.5"])
def test_a_decay_is_a_fraction(decay):
    with pytest.raises(ValueError, match="decay is .*expected a number in"):
        RateReadout(decay=decay)


def test_trace_by_hand():
    """tau = 2 steps: a = a/2 + z/2. Neuron 0: .5 .25 .125 .5625; 1: 0 0 .5 .25; 2: .5 .75 .875 .9375."""
    found = TraceReadout(tau_syn=2e-3)(activity(SPIKES))
    torch.testing.assert_close(found, torch.tensor([[1.4375, 0.75, 3.0625]], dtype=torch.float64))


@pytest.mark.parametrize(("tau_syn", "dt"), [(3e-3, 1e-3), (1e-3, 1e-3), (4e-3, 0.5e-3)])
def test_trace_in_closed_form(tau_syn, dt):
    """The area that a spike at step t leaves until the end is 1 - (1 - dt/tau)^(T - t)."""
    spikes = (torch.rand(12, 5, 3) < 0.4).double()
    left = 1 - (1 - dt / tau_syn) ** torch.arange(12, 0, -1, dtype=torch.float64)
    expected = (left.view(-1, 1, 1) * spikes).sum(0)
    torch.testing.assert_close(TraceReadout(tau_syn=tau_syn, dt=dt)(Activity(spikes, spikes, spikes)), expected)


def test_a_head_of_the_trace():
    head = nn.Linear(3, 2).double()
    seen = activity(SPIKES)
    torch.testing.assert_close(TraceReadout(head)(seen), head(TraceReadout()(seen)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tau_syn": 0.0}, "tau_syn is 0.0"),
        ({"tau_syn": -1e-3}, "tau_syn is -0.001"),
        ({"dt": 0.0}, "dt is 0.0"),
        ({"tau_syn": 0.5e-3}, "dt / tau_syn is 2.0"),
    ],
)
def test_times_are_checked(options, message):
    with pytest.raises(ValueError, match=message):
        TraceReadout(**options)


def test_membrane_is_the_mean_potential():
    v = torch.randn(5, 2, 3, 2)
    found = MembraneReadout()(Activity(v, torch.full_like(v, torch.nan), v))
    torch.testing.assert_close(found, v.mean(0).flatten(1))


def test_a_name_gives_a_readout_that_fits_the_last_block():
    neuron = lambda: CubaLIF(5e-3, 4e-3, dt=5e-4)  # noqa: E731
    made = {name: build("6-5-3", neuron, readout=name) for name in READOUTS}
    assert {name: type(network.readout) for name, network in made.items()} == {n: READOUTS.get(n) for n in READOUTS}
    assert (made["trace"].readout.tau_syn, made["trace"].readout.dt) == (4e-3, 5e-4)
    assert all(network(torch.rand(4, 2, 6)).shape[-2:] == (2, 3) for network in made.values())
    with pytest.raises(ValueError, match="readout 'trace' filters spikes as a synapse does"):
        build("6-5-3", readout="trace")
    with pytest.raises(ValueError, match="unknown readout 'rates', expected .*did you mean 'rate'"):
        build("6-5-3", readout="rates")
