"""Vogels' neuron: its signals, and that inhibition settles the target rate and mirrors excitation."""

import pytest
import torch

from spikelearn.museum import Vogels2011
from spikelearn.museum.vogels2011 import BACKGROUND, RISE, TARGET, Signals, tuned
from spikelearn.simulation import Place


def test_signals_have_their_mean_rate_and_are_the_same_however_they_are_asked_for():
    source, place = Signals(4, 1), Place((40,), 2, 1e-3, 5)
    rates = source.rates(0, 20_000, place)
    assert rates.mean().item() == pytest.approx(BACKGROUND + RISE, rel=0.05)
    assert rates.min().item() == BACKGROUND
    torch.testing.assert_close(source.rates(730, 50, place), rates[730:780])
    assert torch.equal(source.at(0, 300, place)[120:170], source.at(120, 50, place))
    groups = source.at(0, 20_000, place)[:, 0].float().view(200, 100, 40).mean(1)
    together = torch.corrcoef(groups.t())
    assert together[0, 1] > 0.3  # of one signal
    assert together[0, 32] > 0.3  # also an inhibitory train
    assert abs(together[0, 4]) < 0.3


@pytest.mark.parametrize("learning_rate", [0.5, 1e-9])
def test_inhibition_settles_the_target_rate_and_mirrors_excitation(learning_rate):
    course = Vogels2011(0.25).simulated(1.5, learning_rate=learning_rate, samples=32)
    settled = course.rate(slice(-800, None)) == pytest.approx(TARGET, rel=0.15)
    assert course.rate(slice(200)) > 3 * TARGET
    assert settled == (learning_rate == 0.5)
    if settled:
        assert tuned(course.after) > 0.9
        assert course.before[1].std() < 1e-6 * course.before[0].std()
