"""Forgetting and backward transfer of a matrix worked out by hand."""

import pytest

from spikelearn.measure import forgetting, forgotten_errors


def test_three_tasks_by_hand():
    found = forgetting([[0.9, 0.1, 0.2], [0.6, 0.8, 0.3], [0.5, 0.85, 0.7]])
    assert found.average_accuracy == pytest.approx((0.5 + 0.85 + 0.7) / 3)
    # Of the second task the best before the last phase is 0.8, so that it has gained 0.05.
    assert found.forgetting == pytest.approx(((0.9 - 0.5) + (0.8 - 0.85)) / 2)
    assert found.backward_transfer == pytest.approx(((0.5 - 0.9) + (0.85 - 0.8)) / 2)


def test_the_best_may_come_after_a_tasks_own_phase():
    found = forgetting([[0.5, 0.0, 0.0], [0.9, 0.6, 0.0], [0.7, 0.6, 0.5]])
    assert found.forgetting == pytest.approx(((0.9 - 0.7) + 0.0) / 2)
    assert found.backward_transfer == pytest.approx((0.7 - 0.5) / 2)


def test_what_is_no_square_is_refused():
    with pytest.raises(ValueError, match="tasks is 1"):
        forgetting([[1.0]])
    with pytest.raises(ValueError, match=r"rows of \[2, 1\] tasks behind 2 phases"):
        forgetting([[1.0, 0.5], [1.0]])


def test_errors_of_three_tasks_by_hand():
    found = forgotten_errors([[0.1, 0.9, 0.9], [0.3, 0.2, 0.9], [0.5, 0.1, 0.3]])
    assert found.average_error == pytest.approx(0.3)
    assert found.right_after == pytest.approx((0.1 + 0.2 + 0.3) / 3)
    # The second task has gained 0.1 from the third.
    assert found.forgetting == pytest.approx(((0.5 - 0.1) + (0.1 - 0.2)) / 2)
    with pytest.raises(ValueError, match="tasks is 1"):
        forgotten_errors([[1.0]])
