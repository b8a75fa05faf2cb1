"""Windows and curves of frequency, measured from rules: against the closed forms of pairs and of two spikes."""

import math

import numpy as np
import pytest
import torch

from spikelearn.draw import pairing, window
from spikelearn.plasticity import RULES, OnlineSTDP, TripletSTDP, pairing_curve, stdp_window

PLUS, MINUS, INFINITE = 15e-3, 25e-3, {"low": -math.inf, "high": math.inf}


@pytest.mark.parametrize("delay", [0, 3])
def test_the_window_of_pairs_is_two_exponentials(delay):
    rule = OnlineSTDP(0.3, 0.2, PLUS, MINUS, **INFINITE, dendritic_delay=delay)
    lags, changes = stdp_window(rule, 40e-3)
    late = lags + delay * rule.dt
    expected = torch.where(late > 0, 0.3 * torch.exp(-late / PLUS), -0.2 * torch.exp(late / MINUS))
    expected[late.abs() < 1e-9] = 0.0
    assert len(lags) == 81
    torch.testing.assert_close(changes, expected, rtol=1e-12, atol=1e-15)


def sum_of_pairs(period, lag, pairs):
    """All pairs of ``pairs`` presynaptic spikes and as many postsynaptic ones ``lag`` later."""
    total = 0.0
    for first in range(pairs):
        for second in range(pairs):
            apart = (second - first) * period + lag
            total += 0.3 * math.exp(-apart / PLUS) if apart > 1e-9 else 0.0
            total -= 0.2 * math.exp(apart / MINUS) if apart < -1e-9 else 0.0
    return total


@pytest.mark.parametrize("lag", [10e-3, -10e-3])
def test_the_curve_of_pairs_is_the_sum_over_all_of_them(lag):
    rule = OnlineSTDP(0.3, 0.2, PLUS, MINUS, **INFINITE)
    frequencies, changes = pairing_curve(rule, (10.0, 30.0, 50.0), lag, 5)
    assert frequencies.tolist() == pytest.approx([10.0, 1e3 / 33, 50.0])
    expected = [sum_of_pairs(1 / frequency, lag, 5) for frequency in frequencies.tolist()]
    assert changes.tolist() == pytest.approx(expected, rel=1e-12)


def test_triplets_depress_slow_pairs_of_post_before_pre_and_potentiate_fast_ones():
    """As in the visual cortex, to which they were fitted."""
    _, changes = pairing_curve(TripletSTDP(**INFINITE), (10.0, 50.0), -10e-3, 15)
    assert float(changes[0]) < 0 < float(changes[1])


@pytest.mark.parametrize(
    "name", ["stdp-online", "triplet-stdp", "vogels", "clopath", "mstdp", "mstdpet", "dopamine-stdp"]
)
def test_figures_show_what_was_measured(name):
    rule = RULES.make(name, {})
    axis = window(rule, span=10e-3).axes[0]
    times = np.concatenate([line.get_xdata() for line in axis.lines if len(line.get_xdata()) in (1, 10)])
    assert sorted(np.round(times).tolist()) == list(range(-10, 11))
    (axis,) = pairing(rule, frequencies=(20.0, 50.0), pairs=3).axes
    drawn = [line.get_ydata() for line in axis.lines if not line.get_label().startswith("_")]
    assert len(drawn) == 2
    assert np.isfinite(drawn).all()
    assert np.any(drawn)


@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        (lambda: stdp_window(RULES.make("bptt", {})), "bptt cannot be shown spikes alone"),
        (lambda: stdp_window(RULES.make("urbanczik-senn", {})), "urbanczik-senn cannot be shown spikes alone"),
        (lambda: stdp_window(OnlineSTDP(), -1.0), "span"),
        (lambda: pairing_curve(OnlineSTDP(), ()), "frequencies are empty"),
        (lambda: pairing_curve(OnlineSTDP(), (2500.0,)), "expected one spike a step at most, 1000 Hz"),
        (lambda: pairing_curve(OnlineSTDP(), pairs=0), "pairs"),
    ],
)
def test_what_cannot_be_measured_is_said(draws, expected):
    with pytest.raises(ValueError, match=expected):
        draws()
