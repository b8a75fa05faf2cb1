"""Recordings of events of one's own: what every library gives is taken, and what is wrong is named."""

import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from spikelearn.datasets import EventDataset
from spikelearn.loading import Loader
from spikelearn.recordings import EVENT, as_events, bin_by_width, bin_events

N = 100
X, Y, T, P = np.arange(N) % 12, np.arange(N) // 12, np.arange(N) * 100, np.arange(N) % 2
SENSOR = (12, 12, 2)

#: Structured types as the libraries hand them over (looked at in the versions named).
TYPES = {
    "tonic 1.7": np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<i8"), ("p", "?")]),
    "aedat 2.3, faery 0.7": np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("p", "on"), "?")]),
    "event_stream 1.6": np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), (("on", "p"), "?")]),
    "expelliarmus 1.1": np.dtype([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")], align=True),
    "dv_processing 2.0": np.dtype(
        {
            "names": ["timestamp", "x", "y", "polarity"],
            "formats": ["<i8", "<i2", "<i2", "i1"],
            "offsets": [0, 8, 10, 12],
            "itemsize": 16,
        }
    ),
    "evlib 0.13": np.dtype([("x", "<i2"), ("y", "<i2"), ("t", "<m8[us]"), ("polarity", "i1")]),
    "big endian": np.dtype([("x", ">i4"), ("y", ">u2"), ("ts", ">u4"), ("pol", ">i2")]),
    "floating point": np.dtype([("x", "f4"), ("y", "f8"), ("t", "f8"), ("p", "f2")]),
}


def events(kind=EVENT, x=X, y=Y, t=T, p=P):
    made = np.zeros(len(x), kind)
    names = [next(n for n in made.dtype.names if n[0] in starts) for starts in ("x", "y", "t", "po")]
    for name, values in zip(names, (x, y, t, p), strict=True):
        made[name] = values
    return made


class Mine(EventDataset):
    """Recordings of one's own, under a name of an attribute that the package has too."""

    classes, shape, sensor_size = 2, (2, 12, 12), SENSOR

    def __init__(self, *recordings, width=None):
        super().__init__("train", None)
        self.events, self.targets, self.bin_width = (
            recordings,
            torch.zeros(len(recordings), dtype=torch.int64),
            width,
        )

    def recording(self, index):
        return self.events[index]


def binned(recording, steps=5, **options):
    return next(Loader(Mine(recording, **options), steps, 1).epoch()).inputs[:, 0]


def by_hand(x, y, t, p, steps, sensor=SENSOR):
    """The bins of whole numbers, one event after the other."""
    found = torch.zeros(steps, sensor[2], sensor[1], sensor[0], dtype=torch.uint8)
    first, last = min(t), max(t)
    for column, row, time, channel in zip(x, y, t, p, strict=True):
        found[int((int(time) - int(first)) * steps // (int(last) - int(first) + 1)), channel, row, column] = 1
    return found


EXPECTED = by_hand(X, Y, T, P, 5)


@pytest.mark.parametrize("library", TYPES)
@pytest.mark.parametrize("absolute", [0, 1_700_000_000_000_000])
def test_arrays_of_the_libraries(library, absolute):
    kind = TYPES[library]
    if kind.itemsize < 16 and library == "big endian":
        absolute = min(absolute, 2**31)
    low = -1 if library == "evlib 0.13" else 0
    recording = events(kind, t=T + absolute, p=np.where(P == 1, 1, low))
    before = recording.tobytes()
    recording.flags.writeable = False
    assert binned(recording).equal(EXPECTED)
    assert recording.tobytes() == before


@pytest.mark.parametrize(
    "made",
    [
        lambda: {"x": X, "y": Y, "timestamp": T, "polarity": 2 * P - 1},
        lambda: {"xs": X.tolist(), "ys": Y.tolist(), "ts": T.tolist(), "ps": P.tolist()},
        lambda: {"X": torch.tensor(X), "Y": torch.tensor(Y), "T": torch.tensor(T), "P": torch.tensor(P)},
        lambda: pd.DataFrame({"x": X, "y": Y, "t": pd.to_timedelta(T, unit="us"), "polarity": P > 0}),
        lambda: pd.DataFrame({"x": X, "y": Y, "time": pd.to_datetime(T, unit="us"), "on": P}),
        lambda: events().view(np.recarray),
        lambda: np.repeat(events(), 2)[::2],
        lambda: {"x": X, "y": Y, "t": T.astype("m8[ns]") * 1000, "p": P},
        lambda: {"x": X, "y": Y, "t": T * 1e-3 * 1e3, "p": P},
    ],
)
def test_other_containers(made):
    assert binned(made()).equal(EXPECTED)


def test_a_sensor_of_one_row_and_one_polarity_needs_no_more_columns():
    """As tonic gives spikes of audio: t, x, p, and no y."""
    found = as_events({"t": T, "x": X, "p": np.ones(N)}, (12, 1, 1))
    assert found.y.tolist() == found.p.tolist() == [0] * N
    assert as_events({"t": T, "x": X, "y": Y}, (12, 12, 1)).p.tolist() == [0] * N
    with pytest.raises(ValueError, match="polarities 0 and 1, but the sensor has one"):
        as_events(events(), (12, 12, 1))


def test_both_polarities_stand_in_their_channels():
    assert binned(events(p=2 * P - 1)).sum((0, 2, 3)).tolist() == [50, 50]
    assert binned(events(p=2 * P - 1)).equal(EXPECTED)


def test_streams_that_were_joined_are_sorted_and_it_is_said_once():
    joined = np.concatenate([events(), events(x=(X + 5) % 12, t=T + 50)])
    data = Mine(joined, joined)
    with pytest.warns(UserWarning, match="Mine, train sample 0: event 100 is earlier than the one before it") as said:
        found = data.frames([0, 1], 5)
    assert len(said) == 1
    assert found[:, 0].equal(found[:, 1])
    assert found[:, 0].equal(binned(joined[np.argsort(joined["t"], kind="stable")]))
    assert found[:, 0].flatten(1).sum(1).tolist() == [40] * 5


WRONG = {
    "one column over": (
        events(x=X + 1),
        r"outside the 12 x 12 sensor: event 11 is at x = 12, y = 0, expected x from 0 to 11",
    ),
    "minus one": (events(x=X - 1), "event 0 is at x = -1, y = 0"),
    "minus one, row": (events(y=np.where(X == 3, -1, Y)), "event 3 is at x = 3, y = -1"),
    "too large for a signed number": (
        {"x": np.full(N, 2**64 - 1, np.uint64), "y": Y, "t": T, "p": P},
        "event 0 is at x = 18446744073709551615",
    ),
    "half a pixel": ({"x": X + 0.5, "y": Y, "t": T, "p": P}, "event 0 has x = 0.5, expected a whole number"),
    "no pixel": ({"x": X, "y": np.where(X == 2, np.nan, Y), "t": T, "p": P}, "event 2 has y = nan"),
    "1 and 2": (events(p=P + 1), "event 1 has the polarity 2, expected 0 .OFF. and 1 .ON., or -1 and 1"),
    "three polarities": (events(p=np.arange(N) % 3 - 1), "event 1 has the polarity 0, where others have -1"),
    "a byte of -1": (events(p=np.where(P, 1, 255)), "event 0 has the polarity 255"),
    "part of a polarity": ({"x": X, "y": Y, "t": T, "p": P * 0.5}, "event 1 has p = 0.5"),
    "no time": ({"x": X, "y": Y, "t": np.where(X == 5, np.inf, T), "p": P}, "event 5 has the time inf"),
    "not a time": ({"x": X, "y": Y, "t": np.full(N, "NaT", "m8[us]"), "p": P}, r"event 0 has no time \(NaT\)"),
    "a month": ({"x": X, "y": Y, "t": T.astype("m8[M]"), "p": P}, "expected times in s, ms, us or ns"),
    "beyond 2^63": (
        {"x": X, "y": Y, "t": np.full(N, 2**63, np.uint64), "p": P},
        "event 0 has the time 9223372036854775808",
    ),
    "beyond, of seconds": ({"x": X, "y": Y, "t": T.astype("m8[s]") * 10**14, "p": P}, r"go beyond 2\^63 microseconds"),
    "all of time": (events(t=np.where(X == 0, -(2**62), 2**62)), "they are damaged, or in another unit"),
    "words": ({"x": X.astype(str), "y": Y, "t": T, "p": P}, "x is of type <U"),
    "objects": ({"x": X, "y": Y, "t": T.astype(object), "p": P}, "t is of type object"),
    "true pixels": ({"x": X > 0, "y": Y, "t": T, "p": P}, "x is of type bool"),
    "complex": ({"x": X, "y": Y, "t": T * 1j, "p": P}, "t is of type complex128"),
    "no y": (np.zeros(3, [("x", int), ("t", int), ("p", int)]), "it has the columns x, t, p, expected .* y is missing"),
    "two times": ({"x": X, "y": Y, "t": T, "timestamp": T, "p": P}, "columns t and timestamp: leave out all but one"),
    "without names": (np.stack([X, Y, T, P], 1), r"ndarray of shape \[100, 4\], whose columns have no names"),
    "a pair": ((events(), 3), "it is a tuple, whose columns have no names"),
    "nothing": (None, "it is a NoneType"),
    "another length": ({"x": X, "y": Y[:7], "t": T, "p": P}, r"different lengths \(x 100, y 7, t 100, p 100\)"),
    "two axes": (events().reshape(10, 10), r"x has the shape \[10, 10\]"),
    "no axis": (events()[0:1].reshape(()), r"x has the shape \[\]"),
    "ragged": ({"x": [[1], [2, 3]], "y": [1, 2], "t": [1, 2], "p": [0, 1]}, "its column x cannot be read as numbers"),
    "masked": ({"x": np.ma.masked_equal(X, 3), "y": Y, "t": T, "p": P}, "x has events that are masked out"),
    "one event": (events()[:1], "a recording of 1 events spans 0 microseconds"),
    "no events": (events()[:0], "a recording of 0 events spans 0 microseconds"),
    "seconds": ({"x": X, "y": Y, "t": T * 1e-6, "p": P}, "multiply times in seconds by a million"),
}


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_named(case):
    recording, message = WRONG[case]
    with pytest.raises(ValueError, match=f"^Mine, train sample 0: .*{message}"):
        binned(recording)


@pytest.mark.parametrize("size", [(12, 12), (12, 12, 0), "abc", (12.5, 12, 2, 1), None, (-1, 12, 2)])
def test_a_sensor_that_is_none(size):
    with pytest.raises(ValueError, match="sensor_size"):
        as_events(events(), size)


def test_targets_for_which_there_is_no_recording():
    data = Mine(events())
    data.targets = torch.zeros(3, dtype=torch.int64)
    with pytest.raises(ValueError, match="Mine, train sample 1: it has a target, one of 3, but reading it ends in"):
        next(Loader(data, 5, 3).epoch())


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


NAMES = {
    "x": ("x", "X", "xs"),
    "y": ("y", "ys"),
    "t": ("t", "ts", "Timestamp", "time"),
    "p": ("p", "pol", "polarity", "on"),
}
ORDERS = st.sampled_from("<>")


@st.composite
def recordings(draw):
    """Columns of any type, byte order, name, title and order of columns; a few of them wrong. With sensor and steps."""
    width, height, polarities = draw(st.integers(1, 6)), draw(st.integers(1, 6)), draw(st.sampled_from([1, 2, 2, 2]))
    count = draw(st.sampled_from([0, 1, 2, 3, 12, 40]))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    wrong = draw(st.sampled_from([None, None, None, "x", "y", "t", "p", "nan", "half"]))
    span = draw(st.sampled_from([3, 100, 60_000, 2**31 - 1, 2**55]))
    values = {"x": random.integers(0, width, count), "y": random.integers(0, height, count)}
    values["t"] = np.sort(random.integers(0, span, count, endpoint=True))
    values["p"] = random.integers(0, polarities, count)
    if draw(st.booleans()):
        values["t"] = random.permutation(values["t"])
    if draw(st.booleans()):
        values["p"] = 2 * values["p"] - 1
    kinds = {
        name: draw(st.sampled_from(["i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f4", "f8"])) for name in ("x", "y")
    }
    kinds["t"] = draw(st.sampled_from(["i8", "u8", "f8", "m8[us]", "i4", "u4"]))
    kinds["p"] = draw(st.sampled_from(["i1", "i8", "f4", "u1", "?"]))
    if wrong in values and count:
        values[wrong][draw(st.integers(0, count - 1))] = draw(st.sampled_from([-1, -2, 2, 6, 7, 100]))
    made, fields = {}, []
    for name in draw(st.permutations("xytp")):
        kind = np.dtype(draw(ORDERS) + kinds[name] if kinds[name] != "?" else "?")
        made[name] = values[name].astype(kind)
        if kind.kind == "f" and wrong in ("nan", "half") and count:
            made[name][draw(st.integers(0, count - 1))] += np.nan if wrong == "nan" else 0.5
        label = draw(st.sampled_from(NAMES[name]))
        titled = draw(st.booleans()) and label != name
        fields.append(((name, label) if titled else label, kind, name))
    if draw(st.booleans()):
        return (
            {f[0] if isinstance(f[0], str) else f[0][1]: made[f[2]] for f in fields},
            made,
            (width, height, polarities),
        )
    array = np.empty(count, np.dtype([f[:2] for f in fields], align=draw(st.booleans())))
    for label, _, name in fields:
        array[label if isinstance(label, str) else label[1]] = made[name]
    return array, made, (width, height, polarities)


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
