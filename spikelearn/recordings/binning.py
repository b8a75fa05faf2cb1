"""How recordings of events become steps: a value that the command line, Python and the cache take alike."""

import math
import re
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_flag, check_fraction, check_not_negative, one_of
from spikelearn.component_text import options_in, parse_value
from spikelearn.recordings.bins import (
    Placed,
    divided,
    dividing,
    in_microseconds,
    of_width,
    overlapping,
    shared_by_two,
)
from spikelearn.recordings.events import Column, RecordedEvents, as_events

#: Bins overlap by less than this share: an event lies in as many bins as 1 / (1 - overlap).
MOST_OVERLAP = 0.99

Sensor = tuple[int, int, int]


class Binned(NamedTuple):
    """A binned recording.

    Attributes:
        values: [T, P, H, W], of type ``Binning.stored``.
        events: events of the recording.
        outside: those in no bin, or outside what is seen.
        merged: events that met another one of their bin, pixel and polarity: what 0 and 1 cannot tell.
    """

    values: np.ndarray[Any, Any]
    events: int
    outside: int
    merged: int


@dataclass(frozen=True)
class Binning:
    r"""How a recording becomes T steps: the bins in time, what is counted in them, and what is seen of the sensor.

    With the time $\tau$ since the beginning, T bins divide the whole recording, its last microsecond included:
    $k = \lfloor \tau T/L \rfloor$. With ``width`` w bin k is $(k w, (k + 1) w]$, the first one from 0 on. Bins that
    overlap by the share o begin $(1 - o)$ of their own length after one another. All is counted in whole numbers.

    With ``voxels`` an event at $\tau$ is shared by the two nearest bins, $\max(0, 1 - |k - k^*|)$ to bin k with
    $k^* = (T - 1)\,\tau/(t_1 - t_0)$, or $\tau/w$.

    Args:
        width: w, seconds; 0: T bins divide the recording.
        count: events of a bin, in order of time, whatever time they take; 0: bins are of time.
        equal: whether T bins divide the number of events, not the time.
        overlap: o, in [0, 0.99]; of ``count`` events so many are rounded down to whole ones.
        begin: seconds of the recording that are passed over.
        end: second of the recording at which it is cut; 0: its own end. Bins then divide what lies between.
        voxels: whether events are shared by two bins; numbers in place of 0 and 1.
        counts: whether events of one bin, pixel and polarity are counted; else they are 1 together.
        polarity: "separate": a channel each; "merged": one channel; "signed": one channel, ON less OFF (without
            ``counts`` and ``voxels`` the sign of that).
        crop: what is seen in the middle of the sensor, as in "28x28" (width x height, pixels); empty: all.
        centred: whether the events of every bin are moved by whole pixels, so that their mean lies in the middle: what
            drifts stands still.
        down: edge of the squares of pixels that become one pixel.

    Shapes: ``binning(recording, sensor, T)`` is [T, P, H, W]: bytes of 0 and 1; float32 where it counts, is signed or
    has voxels.

    Raises:
        ValueError: a value out of range; two of ``width``, ``count`` and ``equal``; voxels with bins that overlap or
            are of events; a crop larger than the sensor; signs of one polarity; more than 65,535 events of a bin and
            pixel (signed: 32,767).

    Source: bins as ``ToFrame`` of tonic; voxels: Zhu, Yuan, Chaney & Daniilidis, CVPR 2019, equation 1. deviation:
    tonic's bins of equal number round the number down and leave out the rest; its voxels take T for T - 1, so that what
    lies near the end is left out.
    """

    width: float = 0.0
    count: int = 0
    equal: bool = False
    overlap: float = 0.0
    begin: float = 0.0
    end: float = 0.0
    voxels: bool = False
    counts: bool = False
    polarity: str = "separate"
    crop: str = ""
    centred: bool = False
    down: int = 1

    def __post_init__(self) -> None:
        for name in ("width", "begin", "end"):
            check_not_negative(name, getattr(self, name))
        check_count("count", self.count, 0)
        check_count("down", self.down)
        check_fraction("overlap", self.overlap)
        if self.overlap > MOST_OVERLAP:
            raise ValueError(f"overlap is {self.overlap}, expected a share of a bin from 0 to {MOST_OVERLAP}")
        for name in ("equal", "voxels", "counts", "centred"):
            check_flag(name, getattr(self, name))
        check_choice("polarity", self.polarity, ("separate", "merged", "signed"))
        self._seen_size()
        said = [name for name in ("width", "count", "equal") if getattr(self, name)]
        if len(said) > 1:
            raise ValueError(f"{' and '.join(said)} both say what a bin is: drop one")
        if self.end and self.end <= self.begin:
            raise ValueError(f"end is {self.end} s, expected more than begin, {self.begin} s")
        if self.voxels and (self.overlap or self.by_events):
            raise ValueError("voxels share events between two bins of time: drop overlap, count and equal")
        if self.voxels and self.centred:
            raise ValueError("centred moves the events of a bin, but voxels share events between bins: drop one")

    @classmethod
    def make(cls, text: str) -> Self:
        """The value that text says: ``width=0.003,overlap=0.5,counts=true``; an empty text says all defaults.

        Raises:
            ValueError: an unknown name, a name given twice, a value out of range.
        """
        known = [field.name for field in fields(cls)]
        given = options_in(f"binning:{text}", lambda _: False) if text else {}
        for name in given:
            if name not in known:
                raise ValueError(f"a binning has no {name!r}, expected {one_of(name, known)}")
        read: dict[str, Any] = {name: value if name == "crop" else parse_value(value) for name, value in given.items()}
        return cls(**read)

    def __str__(self) -> str:
        """The text that says this value, which ``make`` reads; empty where all is as by default."""
        given = ((field.name, getattr(self, field.name)) for field in fields(self) if self._differs(field))
        return ",".join(f"{name}={str(value).lower()}" for name, value in given)

    def _differs(self, field: Any) -> bool:
        return bool(getattr(self, field.name) != field.default)

    @property
    def by_events(self) -> bool:
        """True if bins are of numbers of events, not of time."""
        return self.equal or self.count > 0

    @property
    def binary(self) -> bool:
        """True if steps are spikes, bytes of 0 and 1; else numbers."""
        return not (self.counts or self.voxels or self.polarity == "signed")

    @property
    def stored(self) -> np.dtype[Any]:
        """The type of the numbers that are kept."""
        if self.binary:
            return np.dtype(np.uint8)
        if self.voxels:
            return np.dtype("<f4")
        return np.dtype("<i2" if self.polarity == "signed" else "<u2")

    def shape_of(self, sensor_size: Sensor) -> tuple[int, int, int]:
        """The shape of a step, (polarities, height, width); raises ValueError where the sensor is too small."""
        width, height, polarities = sensor_size
        seen = self._seen_size() or (width, height)
        if seen[0] > width or seen[1] > height:
            raise ValueError(f"crop is {self.crop!r}, but the sensor has {width} x {height} pixels: crop less")
        if self.polarity == "signed" and polarities != 2:
            raise ValueError(f"polarity is 'signed', but the sensor has {polarities}, expected ON and OFF: merge them")
        channels = polarities if self.polarity == "separate" else 1
        return channels, -(-seen[1] // self.down), -(-seen[0] // self.down)

    def _seen_size(self) -> tuple[int, int] | None:
        if self.crop == "":
            return None
        found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", str(self.crop))
        if found is None or not int(found[1]) or not int(found[2]):
            raise ValueError(f"crop is {self.crop!r}, expected width x height in pixels, as in 28x28")
        return int(found[1]), int(found[2])

    def __call__(self, recording: Any, sensor_size: Sensor, n_steps: int, start: float | None = None) -> Tensor:
        """A recording as T steps, [T, P, H, W].

        Args:
            recording: ``as_events`` says what it may be.
            sensor_size: width, height (pixels) and number of polarities.
            n_steps: number of bins T.
            start: time at which bins of a width, and ``begin``, are counted from, microseconds; None: the first event.

        Raises:
            ValueError: events that ``as_events`` refuses; a recording too short; more events than can be counted.
        """
        events = as_events(recording, sensor_size)
        return self.tensor_of(self.of_events(events, sensor_size, n_steps, start))

    def tensor_of(self, binned: Binned) -> Tensor:
        """A binned recording as networks take it: bytes of 0 and 1, or float32."""
        return torch.from_numpy(binned.values if self.binary else binned.values.astype(np.float32))

    def of_events(
        self, events: RecordedEvents, sensor_size: Sensor, n_steps: int, start: float | None = None
    ) -> Binned:
        """Checked events as T steps; arguments and errors as for a call."""
        check_count("n_steps", n_steps)
        shape = self.shape_of(sensor_size)
        told, cut, start = self._window(events, start)
        bins, of, shares = self._placed(cut, n_steps, start)
        x, y, p = (column if of is None else column[of] for column in (cut.x, cut.y, cut.p))
        x, y, inside = self._seen(x, y, bins, n_steps, sensor_size)
        place = np.where(inside, bins, n_steps)  # one bin more than is handed over, for what lies outside
        signs = 2 * p - 1 if self.polarity == "signed" else None
        p = p if self.polarity == "separate" else np.zeros_like(p)
        flat = ((place * shape[0] + p) * shape[1] + y) * shape[2] + x
        size = (n_steps + 1) * math.prod(shape)
        marks = np.zeros(size, np.uint8)
        marks[flat] = 1
        entries, distinct = int(np.count_nonzero(inside)), int(np.count_nonzero(marks[: size - math.prod(shape)]))
        lying = entries if of is None else len(np.unique(of[inside]))
        values = marks if self.binary else self._numbers(flat, size, signs, shares)
        kept = values.reshape(n_steps + 1, *shape)[:n_steps]
        merged = 0 if self.voxels else entries - distinct
        return Binned(self._narrow(kept), told, told - lying, merged)

    def _window(self, events: RecordedEvents, start: float | None) -> tuple[int, RecordedEvents, float | None]:
        """Number of all events; those between ``begin`` and ``end``, and the time from which they are counted."""
        if not (self.begin or self.end) or len(events.t) == 0:
            return len(events.t), events, start
        zero = events.t[0] if start is None else start
        first = zero + (in_microseconds("begin", self.begin) if self.begin else 0)
        inside = events.t >= first
        if self.end:
            inside &= events.t < zero + in_microseconds("end", self.end)
        x, y, t, p = (column[inside] for column in events[:4])
        return len(inside), RecordedEvents(x, y, t, p), first

    def _placed(self, events: RecordedEvents, n_steps: int, start: float | None) -> Placed:
        t, share = events.t, 1 - Fraction(str(float(self.overlap))).limit_denominator(1000)
        if self.by_events:
            return self._of_numbers(len(t), n_steps, share)
        if self.width:
            return self._of_width(t, n_steps, start, share)
        if self.end:
            begin = in_microseconds("begin", self.begin) if self.begin else 0.0
            last = length = round(in_microseconds("end", self.end) - begin)
            since = _since(t, start)
        elif not (self.overlap or self.voxels):
            return Placed(dividing(t, n_steps))
        else:
            dividing(t[[0, -1]] if len(t) else t, n_steps)  # raises where it is too short
            since, last = t - t[0], t[-1] - t[0]
            length = int(last) + 1
        if self.voxels:
            return shared_by_two(since * ((n_steps - 1) / float(last)), n_steps)
        if not self.overlap:
            return Placed(divided(since, n_steps, length))
        width = Fraction(length) / ((n_steps - 1) * share + 1)
        of, bins = overlapping(since, n_steps, width, width * share)
        return Placed(bins, of)

    def _of_width(self, t: Column, n_steps: int, start: float | None, share: Fraction) -> Placed:
        """Bins of one width."""
        if self.voxels:
            return shared_by_two(_since(t, start) / in_microseconds("bin_width", self.width), n_steps)
        if not self.overlap:
            return Placed(of_width(t, n_steps, self.width, start))
        width = Fraction(str(in_microseconds("bin_width", self.width)))
        of, bins = overlapping(_since(t, start), n_steps, width, width * share, ends_inside=True)
        return Placed(bins, of)

    def _of_numbers(self, events: int, n_steps: int, share: Fraction) -> Placed:
        """Bins of numbers of events."""
        numbers = np.arange(events)
        if self.count:
            width = Fraction(self.count)
            stride = width - int(width * (1 - share))
        else:
            if events < n_steps:
                raise ValueError(f"a recording has {events} events, expected at least one for each of {n_steps} steps")
            width = Fraction(events) / ((n_steps - 1) * share + 1)
            stride = width * share
        of, bins = overlapping(numbers, n_steps, width, stride)
        return Placed(bins, of)

    def _seen(self, x: Column, y: Column, bins: Column, n_steps: int, sensor: Sensor) -> tuple[Column, Column, Column]:
        """Pixels of events as they are seen, and whether they are, in a bin and in what is seen of the sensor."""
        width, height = self._seen_size() or sensor[:2]
        inside = bins < n_steps
        if self.centred:
            middle_x, middle_y = _moved(x, bins, n_steps, sensor[0]), _moved(y, bins, n_steps, sensor[1])
            x, y = x + middle_x, y + middle_y
        if self.crop or self.centred:
            x, y = x - (sensor[0] - width) // 2, y - (sensor[1] - height) // 2
            inside = inside & (x >= 0) & (x < width) & (y >= 0) & (y < height)
            x, y = np.where(inside, x, 0), np.where(inside, y, 0)
        return (x, y, inside) if self.down == 1 else (x // self.down, y // self.down, inside)

    def _numbers(self, flat: Column, size: int, signs: Column | None, shares: Column | None) -> Column:
        if signs is not None:
            shares = signs if shares is None else signs * shares
        return np.bincount(flat, shares, size)

    def _narrow(self, values: Column) -> Column:
        """``values`` in the type that is kept; raises ValueError where it does not hold them."""
        if self.voxels or self.binary:
            return values.astype(self.stored)
        if not self.counts:
            return np.sign(values).astype(self.stored)
        most, kept = float(np.abs(values).max(initial=0)), np.iinfo(self.stored).max
        if most > kept:
            raise ValueError(
                f"{most:.0f} events of one bin and pixel are counted, expected {kept} at most: take narrower bins, or "
                "leave counts out"
            )
        return values.astype(self.stored)


def _since(t: Column, start: float | None) -> Column:
    """Times since ``start``, or the first event; whole numbers where they are."""
    if len(t) == 0:
        return np.zeros(0, np.int64)
    since = t - (t[0] if start is None else start)
    whole = since.dtype.kind == "f" and bool(np.all(np.floor(since) == since)) and bool(np.all(np.abs(since) < 2**53))
    return since.astype(np.int64) if whole else since


def _moved(place: Column, bins: Column, n_steps: int, size: int) -> Column:
    """Whole pixels by which every event moves so that the mean of its bin, rounded, lies in the middle."""
    number = np.bincount(bins, minlength=n_steps + 1)
    total = np.bincount(bins, place, minlength=n_steps + 1).astype(np.int64)
    mean = (2 * total + number) // np.maximum(2 * number, 1)
    return ((size - 1) // 2 - mean)[bins]


def bin_events(events: Any, sensor_size: Sensor, n_steps: int) -> Tensor:
    r"""Bins that divide a recording's own duration, 0 or 1 per pixel and polarity: uint8 [T, P, H, W].

    The event at t lies in bin $\lfloor (t - t_0)\,T / (t_1 - t_0 + 1) \rfloor$, with the first and the last time $t_0$
    and $t_1$ in microseconds. No event is left out; several of one pixel, polarity and bin count once.

    Args:
        events: a recording; ``as_events`` says what it may be.
        sensor_size: width, height (pixels) and number of polarities.
        n_steps: number of bins T.

    Raises:
        ValueError: events that ``as_events`` refuses; a recording shorter than ``n_steps`` microseconds.

    Source: ``ToFrame(n_time_bins=T)`` of tonic. deviation: tonic rounds the width of a bin down to whole microseconds
    and leaves out what comes after the last bin; it takes the polarity -1 for 1; its counts overflow at 32,768.
    """
    return Binning()(events, sensor_size, n_steps)


def bin_by_width(events: Any, sensor_size: Sensor, n_steps: int, width: float, start: float | None = None) -> Tensor:
    """Bins of one width from a recording's start on, 0 or 1 per pixel and polarity: uint8 [T, P, H, W].

    An event at a bin's end belongs to it: bin k holds the times in (k width, (k + 1) width] after the start, the first
    bin the start as well. Events that come later than the last bin are left out.

    Args:
        events: a recording; ``as_events`` says what it may be.
        sensor_size: width, height (pixels) and number of polarities.
        n_steps: number of bins T.
        width: width of a bin, seconds.
        start: time at which the first bin begins, microseconds; None: that of the first event.

    Raises:
        ValueError: events that ``as_events`` refuses; a width that is not positive.
    """
    in_microseconds("bin_width", width)
    return Binning(width=width)(events, sensor_size, n_steps, start)
