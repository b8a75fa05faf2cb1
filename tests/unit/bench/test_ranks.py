"""Average ranks and the critical difference, against a published example and hand computations."""

import math

import numpy as np
import pytest
import scipy

from spikelearn.bench.analyse.ranks import ranked

#: Demsar 2006, table 6: AUC of four forms of C4.5 on 14 data sets.
DEMSAR = """0.763 0.768 0.771 0.798  0.599 0.591 0.590 0.569  0.954 0.971 0.968 0.967  0.628 0.661 0.654 0.657
0.882 0.888 0.886 0.898  0.936 0.931 0.916 0.931  0.661 0.668 0.609 0.685  0.583 0.583 0.563 0.625
0.775 0.838 0.866 0.875  1.000 1.000 1.000 1.000  0.940 0.962 0.965 0.962  0.619 0.666 0.614 0.669
0.972 0.981 0.9751 0.975  0.957 0.978 0.946 0.970"""
NAMES = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")


def _demsar():
    table = np.array(DEMSAR.split(), float).reshape(14, 4)
    return {f"set{at}": dict(zip(NAMES, map(float, row), strict=True)) for at, row in enumerate(table)}


def test_demsars_example():
    found = ranked(_demsar())
    assert found.ranks == pytest.approx(
        {"C4.5": 3.143, "C4.5+m": 2.000, "C4.5+cf": 2.893, "C4.5+m+cf": 1.964}, abs=1e-3
    )
    assert list(found.ranks) == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert found.critical == pytest.approx(2.569 * math.sqrt(4 * 5 / (6 * 14)), abs=1e-3)  # 1.25


def test_nemenyi_and_the_critical_difference_agree():
    found = ranked(_demsar())
    for a in NAMES:
        for b in NAMES:
            far = abs(found.ranks[a] - found.ranks[b]) >= found.critical
            assert far == (found.pairs[a][b] < 0.05)


def test_friedman_by_hand():
    """Four data sets, all in the order a, b, c: chi2 = 12 N / (k (k + 1)) (sum R^2 - k (k + 1)^2 / 4) = 8."""
    found = ranked({f"set{at}": {"a": 3.0, "b": 2.0, "c": 1.0 - at} for at in range(4)})
    assert found.p == pytest.approx(scipy.stats.chi2.sf(8.0, 2))
    assert found.ranks == {"a": 1.0, "b": 2.0, "c": 3.0}
    assert found.critical == pytest.approx(2.343 * math.sqrt(3 * 4 / (6 * 4)), abs=1e-3)
    assert found.groups == (("a", "b"), ("b", "c"))


def test_one_group_where_nothing_is_far():
    found = ranked({"x": {"a": 3, "b": 2, "c": 1}, "y": {"a": 1, "b": 3, "c": 2}, "z": {"a": 2, "b": 1, "c": 3}})
    assert found.groups == (("a", "b", "c"),)


def test_too_few_and_incomplete():
    few = ranked({"x": {"a": 1, "b": 2, "c": 3}, "y": {"a": 1, "b": 2, "c": 3}})
    assert few.reason.startswith("2 data sets and 3 arms")
    assert few.ranks == {"c": 1, "b": 2, "a": 3}
    lacking = ranked({"x": {"a": 1, "b": 2, "c": 3}, "y": {"a": 1, "b": 2}, "z": {"a": 1, "b": 2, "c": 3}})
    assert lacking.left_out == ("c",)
    assert "2 arms" in lacking.reason
    assert ranked({at: dict.fromkeys("abc", 0.5) for at in "xyz"}).reason == "all arms are equal on every data set"
