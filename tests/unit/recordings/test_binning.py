"""Bins of recordings against counts by hand and against tonic."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikelearn.recordings import EVENT, as_events, bin_by_width, bin_events
from tests.unit.recordings.arrays import EXPECTED, SENSOR, N, P, T, X, Y, binned, by_hand, events, recordings


@pytest.mark.parametrize("bits", [16, 23, 24, 31, 32, 34])
@pytest.mark.parametrize("signed", [False, True])
def test_counters_that_run_over(bits, signed):
    t = (2**bits - 3_333 + T) % 2**bits
    if signed:  # runs over where the sign changes
        t = (2 ** (bits - 1) - 3_333 + T + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)
    with pytest.raises(ValueError, match=rf"begin anew at event 34: .* counter of {bits} bits .*period=2\*\*{bits}"):
        bin_events(events(t=t), SENSOR, 5)
    assert bin_events(events(t=np.unwrap(t.astype(np.int64), period=2**bits)), SENSOR, 5).equal(EXPECTED)


@pytest.mark.parametrize("microseconds", [900, 20_000, 60_000, 1_000_000, 7_000_000, 2_000_000_000])
def test_recordings_joined_one_after_the_other_are_no_counter(microseconds):
    t = np.tile(np.linspace(0, microseconds, N // 2).astype(int), 2)
    with pytest.warns(UserWarning, match="event 50 is earlier"):
        assert binned(events(t=t)).equal(by_hand(X, Y, t, P, 5))


@pytest.mark.parametrize(("microseconds", "steps"), [(1000, 600), (100, 60), (305, 100), (99, 99), (7_000_001, 3)])
def test_the_bins_divide_the_whole_recording(microseconds, steps):
    t = np.linspace(0, microseconds, N).astype(int)
    found = binned(events(t=t), steps)
    assert found.sum() == N
    assert found.equal(by_hand(X, Y, t, P, steps))


@pytest.mark.parametrize("duration", [2**53 + 1, 2**58 + 12_345, 2**62 - 1])
@pytest.mark.parametrize("start", [-(2**61), 0, 17])
def test_times_beyond_what_a_product_holds(duration, start):
    t = start + np.array([0, *sorted(int(duration * k / 97) for k in range(1, 97)), duration - 1, duration, duration])
    assert bin_events(events(t=t), SENSOR, 1000).equal(by_hand(X, Y, t, P, 1000))


def test_times_with_fractions():
    t = T + 0.25
    assert as_events({"x": X, "y": Y, "t": t, "p": P}, SENSOR).t.dtype == np.float64
    assert binned({"x": X, "y": Y, "t": t, "p": P}).equal(EXPECTED)
    nanoseconds = (1_700_000_000 * 10**9 + 1000 * T + 250 * P).astype("M8[ns]")
    assert np.abs(as_events({"x": X, "y": Y, "t": nanoseconds, "p": P}, SENSOR).t - T - 0.25 * P).max() < 1e-9


@pytest.mark.parametrize("count", [300, 40_000, 65_536, 70_000])
def test_many_events_of_one_pixel_and_bin_are_one(count):
    many = np.zeros(count, EVENT)
    many["t"] = np.arange(count)
    assert bin_events(many, SENSOR, 1).sum() == 1


def test_one_polarity_leaves_the_array_as_it_is():
    only = events(p=np.ones(N, int))
    assert bin_events(only, (12, 12, 1), 5).sum() == N
    assert only["p"].tolist() == [1] * N


def test_tonic_where_it_is_right_and_where_it_is_not():
    from tonic.transforms import ToFrame

    def tonic(recording, steps, sensor=SENSOR):
        counts = ToFrame(sensor_size=sensor, n_time_bins=steps)(recording.copy())
        return torch.from_numpy(np.minimum(counts, 1).astype(np.uint8))

    inside = events(t=T + 50)  # no event at the end of a bin, but one at either end of all
    inside["t"][0], inside["t"][-1] = 0, 10_000
    assert bin_events(inside[:-1], SENSOR, 1).sum() == 99
    ours, theirs = bin_events(inside, SENSOR, 10), tonic(inside, 10)
    assert theirs.sum() == 99  # the last is left out
    assert (ours != theirs).sum() == 1
    assert ours.equal(by_hand(X, Y, inside["t"], P, 10))
    assert tonic(events(p=2 * P - 1), 10)[:, 0].sum() == 0  # -1 is the last channel, ON
    short = events(t=np.arange(N))
    assert tonic(short, 60).sum() == 60
    assert bin_events(short, SENSOR, 60).sum() == N


def readable(columns, sensor):
    """The columns as Python's numbers; None: to be refused."""
    values = {n: (c.view(f"{c.dtype.str[0]}i8") if c.dtype.kind == "m" else c).tolist() for n, c in columns.items()}
    width, height, polarities = sensor
    if not all(math.isfinite(v) for column in values.values() for v in column):
        return None
    if any(v != int(v) for name in "xyp" for v in values[name]):
        return None
    if not all(0 <= x < width for x in values["x"]) or not all(0 <= y < height for y in values["y"]):
        return None
    seen = set(values["p"])
    if not (seen <= {0, 1} or seen <= {-1, 1}) or (polarities == 1 and len(seen) > 1):
        return None
    t = values["t"]
    t = [int(v) for v in t] if all(v == int(v) for v in t) else t
    if t and (max(t) >= 2**63 or max(t) - min(t) >= 2**62):
        return None
    return {**values, "t": t}


def reference(columns, sensor, steps):
    """What a reader would do by hand; None: to be refused."""
    values = readable(columns, sensor)
    if values is None or not values["t"] or max(values["t"]) - min(values["t"]) < steps:
        return None
    t, (width, height, polarities) = values["t"], sensor
    found = torch.zeros(steps, polarities, height, width, dtype=torch.uint8)
    for x, y, time, p in zip(values["x"], values["y"], t, values["p"], strict=True):
        channel = 0 if polarities == 1 else int(p > 0)
        # Beyond 2^53 a microsecond more is lost in a float: the last event still belongs to the last bin.
        place = min(int((time - min(t)) * steps // (max(t) - min(t) + 1)), steps - 1)
        found[place, channel, int(y), int(x)] = 1
    return found


@settings(max_examples=100, deadline=None)
@given(recordings(), st.sampled_from([1, 3, 60]), st.integers(1, 10**7), st.sampled_from([None, -7, 0, 1000]))
def test_bins_of_a_width_are_those_by_hand(case, steps, width, start):
    """Bin k holds the times in (k w, (k + 1) w] after the start, the first one the start as well."""
    recording, columns, sensor = case
    values, found, words = readable(columns, sensor), None, ""
    try:
        found = bin_by_width(recording, sensor, steps, width * 1e-6, start)
    except ValueError as error:
        words = str(error)
    if found is None or values is None:
        assert found is None
        assert values is None or "begin anew" in words
        return
    times = [Fraction(t) for t in values["t"]]
    first = min(times, default=0) if start is None else start
    wanted = torch.zeros(steps, *reversed(sensor), dtype=torch.uint8)
    for x, y, time, p in zip(values["x"], values["y"], times, values["p"], strict=True):
        k = max(math.ceil((time - first) / width) - 1, 0)
        if time >= first and k < steps:
            wanted[k, int(p > 0) if sensor[2] == 2 else 0, int(y), int(x)] = 1
    assert found.equal(wanted)


@settings(max_examples=100, deadline=None)
@given(recordings(), st.sampled_from([1, 2, 3, 7, 60]))
def test_any_recording_is_binned_as_by_hand_or_refused(case, steps):
    recording, columns, sensor = case
    before = {name: column.tobytes() for name, column in columns.items()}
    whole = recording.tobytes() if isinstance(recording, np.ndarray) else b""
    expected = reference(columns, sensor, steps)
    found, words = None, ""
    try:
        found = bin_events(recording, sensor, steps)
    except ValueError as error:
        words = str(error)
    if found is not None:
        assert expected is not None
        assert found.equal(expected)
    elif expected is not None:
        assert "begin anew" in words
        assert np.any(columns["t"][1:] < columns["t"][:-1])
    else:
        assert "expected" in words or "begin anew" in words or "but the sensor has one" in words
    assert {name: column.tobytes() for name, column in columns.items()} == before
    assert not isinstance(recording, np.ndarray) or recording.tobytes() == whole
