"""Plateaus and fixed accuracies of curves that were worked out by hand."""

import math

import pytest

from spikelearn.bench.analyse.curves import Plateau, Reached, plateau, reached, summed

#: Means of three from epoch 3 on: 0.7, 0.86, 0.9333, and 0.95 four times.
LEARNED = [0.50, 0.70, 0.90, 0.98, 0.92, 0.95, 0.98, 0.92, 0.95]


def test_plateau_by_hand():
    found = plateau(LEARNED)
    assert found.level == pytest.approx(0.95)
    assert (found.epochs, found.reason) == (6, None)


def test_a_flat_curve_is_flat_from_the_first_mean_on():
    assert plateau([0.9] * 8).epochs == 3


def test_half_a_point_is_still_the_plateau_and_more_is_not():
    # Means 0.900, 0.9033, 0.9067, 0.91 and then 0.905 twice: half a point away, or a little more.
    low = [0.9] * 3 + [0.905] * 6
    assert plateau(low).epochs == 3
    assert plateau([0.8999] * 3 + [0.905] * 6).epochs == 4


def test_a_dip_near_the_end_postpones_the_plateau():
    curve = [0.9] * 6 + [0.8] + [0.9] * 6
    assert plateau(curve).epochs == 10  # the last mean with the dip in it ends at epoch 9


def test_still_rising_and_still_falling():
    rising = [0.1 * epoch for epoch in range(1, 10)]
    assert plateau(rising) == Plateau(pytest.approx(0.8), None, "still rising")
    assert plateau(rising[::-1]) == Plateau(pytest.approx(0.2), None, "still falling")


def test_a_slow_rise_within_the_tolerance_is_a_plateau():
    curve = [0.9 + 0.001 * epoch for epoch in range(10)]  # three epochs rise by 0.3 points
    assert plateau(curve).epochs == 5  # m_10 = 0.908 and m_5 = 0.903


@pytest.mark.parametrize(
    ("curve", "accuracy", "reason"),
    [
        ([], None, "no accuracy"),
        ([0.9], None, "1 epoch:"),
        ([0.9, 0.9], None, "2 epochs:"),
        ([0.9] * 3, 0.9, "3 epochs:"),
    ],
)
def test_too_short_a_curve_has_no_plateau(curve, accuracy, reason):
    found = plateau(curve)
    assert found.epochs is None
    assert found.level == (None if accuracy is None else pytest.approx(accuracy))
    assert found.reason.startswith(reason)


def test_four_epochs_are_compared_with_the_one_before():
    assert plateau([0.3, 0.9, 0.9, 0.9]).reason == "still rising"
    assert plateau([0.9, 0.9, 0.9, 0.9]).epochs == 3


def test_the_plateau_follows_its_definition():
    """Against the sentence itself, read literally, on curves with noise."""
    for seed in range(50):
        curve = [0.9 - 0.6 * math.exp(-epoch / 3) + 0.002 * math.sin(17.0 * seed * epoch) for epoch in range(25)]
        means = {end: sum(curve[end - 3 : end]) / 3 for end in range(3, 26)}
        stays = [e for e in means if all(abs(means[k] - means[25]) <= 0.005 for k in range(e, 26))]
        assert plateau(curve).epochs == min(stays)


def test_the_tolerance_is_checked():
    with pytest.raises(ValueError, match="tolerance"):
        plateau([0.9] * 5, 0.0)


def test_reached_counts_whole_epochs():
    assert reached(LEARNED, 0.9, [2.0] * 9, [100] * 9) == Reached(0.9, 3, 6.0, 300)
    assert reached(LEARNED, 0.5, [2.0] * 9, [100] * 9) == Reached(0.5, 1, 2.0, 100)
    assert reached(LEARNED, 0.99, [2.0] * 9, [100] * 9) is None


def test_unknown_seconds_stay_unknown():
    assert reached(LEARNED, 0.9, [2.0, None, 2.0], [100, 100]) == Reached(0.9, 3, None, None)
    assert reached(LEARNED, 0.5, [2.0, None], []) == Reached(0.5, 1, 2.0, None)


def test_sums():
    assert summed([1.0, 2.0, None, 4.0]) == [1.0, 3.0, None, None]
    assert summed([]) == []
