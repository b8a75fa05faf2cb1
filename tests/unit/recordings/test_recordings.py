"""Arrays of events of any library: what is taken, and what is refused."""

import numpy as np
import pytest
import torch

from spikelearn.loading import Loader
from spikelearn.recordings import as_events
from tests.unit.recordings.arrays import EXPECTED, Mine, N, P, T, X, Y, binned, events

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


def frame(columns):
    """A table of pandas, which takes a second to import."""
    import pandas as pd

    return pd.DataFrame(columns(pd))


@pytest.mark.parametrize(
    "made",
    [
        lambda: {"x": X, "y": Y, "timestamp": T, "polarity": 2 * P - 1},
        lambda: {"xs": X.tolist(), "ys": Y.tolist(), "ts": T.tolist(), "ps": P.tolist()},
        lambda: {"X": torch.tensor(X), "Y": torch.tensor(Y), "T": torch.tensor(T), "P": torch.tensor(P)},
        lambda: frame(lambda pd: {"x": X, "y": Y, "t": pd.to_timedelta(T, unit="us"), "polarity": P > 0}),
        lambda: frame(lambda pd: {"x": X, "y": Y, "time": pd.to_datetime(T, unit="us"), "on": P}),
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
