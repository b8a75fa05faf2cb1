"""One recording as arrays, and its bins by hand."""

import numpy as np
import torch
from hypothesis import strategies as st

from spikelearn.datasets import EventDataset
from spikelearn.loading import Loader
from spikelearn.recordings import EVENT

N = 100


X, Y, T, P = np.arange(N) % 12, np.arange(N) // 12, np.arange(N) * 100, np.arange(N) % 2


SENSOR = (12, 12, 2)


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
