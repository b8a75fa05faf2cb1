"""What a measure can be, and intervals that end there."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikelearn.bench.analyse.columns import BLOCK, CURVE, MEASURES
from spikelearn.bench.analyse.ranges import PERCENT, POINTS, RANGES, Range
from spikelearn.bench.analyse.results import read_results
from spikelearn.bench.analyse.statistics import differences, means, of_samples
from spikelearn.report.comparison.chart import summarised
from tests.unit.bench.made import write_comparison

PERCENTS = st.lists(st.floats(0, 100), min_size=2, max_size=6)


def test_every_number_of_the_results_has_a_range(tmp_path):
    write_comparison(tmp_path, seeds=range(2), epochs=4)
    points = read_results(tmp_path).points
    numbers = {name for name in MEASURES if points[name].dtype.kind == "f"}
    assert numbers >= {"score", "alignment", "silent", "seconds"}
    assert numbers | set(CURVE) | set(BLOCK) - {"block"} <= set(RANGES)


@settings(deadline=None)
@given(PERCENTS, st.sampled_from([0.8, 0.95, 0.999]))
def test_no_interval_of_accuracies_leaves_0_to_100(values, level):
    (found,) = means([values], level, bootstrap=False, within=PERCENT)
    (free,) = means([values], level, bootstrap=False)
    assert (found.mean, found.sd) == (free.mean, free.sd)
    assert 0 <= found.interval[0] <= found.mean + 1e-9
    assert found.mean - 1e-9 <= found.interval[1] <= 100 + 1e-9
    for end, uncut in zip(found.interval, free.interval, strict=True):
        assert end in (uncut, 0.0, 100.0) or math.isclose(end, found.mean)


@settings(deadline=None)
@given(st.lists(st.floats(0, 100), min_size=2, max_size=2), st.data())
def test_no_difference_of_accuracies_is_more_than_100_points(values, data):
    other = data.draw(st.lists(st.floats(0, 100), min_size=len(values), max_size=len(values)))
    found = differences({"a": dict(enumerate(values)), "b": dict(enumerate(other))}, "a")["b"].mean
    assert POINTS.low - 1e-9 <= found.interval[0] <= found.interval[1] <= POINTS.high + 1e-9


@settings(deadline=None)
@given(st.sampled_from(sorted(RANGES)), st.data())
def test_a_chart_s_interval_ends_where_the_table_s_does(column, data):
    import pandas as pd

    low, high = RANGES[column]
    bounds = {"min_value": max(low, -1e6), "max_value": min(high, 1e6)}
    values = data.draw(st.lists(st.floats(**bounds), min_size=2, max_size=4))
    frame = pd.DataFrame({"arm": ["a"] * len(values), column: values})
    (shown,) = summarised(frame, ["arm"], column).to_dict("records")
    (told,) = means([values], bootstrap=False, within=RANGES[column])
    if told.sd:
        slack = 1e-9 * max(map(abs, (*values, 1.0)))
        assert (shown["low"], shown["high"]) == pytest.approx(told.interval, rel=1e-6, abs=1e3 * slack)
    assert max(low, -1e300) - 1e-9 <= shown["low"]
    assert shown["high"] <= min(high, 1e300) + 1e-9


def test_what_was_measured_stays_in_its_interval_whatever_is_declared():
    assert Range(0, 1).cut(0.9, 1.7, 1.3) == (0.9, 1.3)
    assert Range(0, 1).cut(-0.4, 0.2, -0.1) == (-0.1, 0.2)
    assert Range().cut(-5, 5, 0) == (-5, 5)
    assert Range(0, 1).scaled(100) == PERCENT


@pytest.mark.parametrize(
    ("hits", "samples", "low", "high"), [(0, 10, 0.0, 0.2775), (81, 263, 0.2553, 0.3662), (10, 10, 0.7225, 1.0)]
)
def test_wilson(hits, samples, low, high):
    """81 of 263: Newcombe, Statistics in Medicine 17, 1998, table I; 0 and all of n: z² / (n + z²)."""
    assert of_samples(hits / samples, samples) == pytest.approx((low, high), abs=5e-5)
