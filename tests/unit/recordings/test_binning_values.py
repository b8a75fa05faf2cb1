"""Bins as a value: overlaps, numbers of events, voxels, polarities and what is seen, against sums written out."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import torch

from spikelearn import recordings
from spikelearn.recordings import EVENT, Binning, bin_by_width, bin_events

SENSOR = (7, 5, 2)
N, STEPS = 60, 6


def drawn(seed=0, count=N, longest=997):
    draw = np.random.default_rng(seed)
    events = np.zeros(count, EVENT)
    for name, size in zip("xyp", SENSOR, strict=True):
        events[name] = draw.integers(0, size, count)
    events["t"] = np.sort(draw.integers(0, longest, count)) + 1_000
    return events


EVENTS = drawn()


def written_out(lies_in, weight=lambda event, k: 1.0, steps=STEPS, events=EVENTS):
    """The sum over events and bins, one by one."""
    frames = torch.zeros(steps, 2, SENSOR[1], SENSOR[0], dtype=torch.float64)
    for number, event in enumerate(events):
        for k in range(steps):
            if lies_in(number, int(event["t"] - events["t"][0]), k):
                frames[k, event["p"], event["y"], event["x"]] += weight(event, k)
    return frames


def counted(**options):
    return Binning(counts=True, **options)(EVENTS, SENSOR, STEPS)


LENGTH = int(EVENTS["t"][-1] - EVENTS["t"][0]) + 1


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.9])
def test_bins_that_divide_time_and_overlap(overlap):
    share = 1 - Fraction(str(overlap))
    width = Fraction(LENGTH) / ((STEPS - 1) * share + 1)
    expected = written_out(lambda _, t, k: k * width * share <= t < k * width * share + width)
    assert counted(overlap=overlap).double().equal(expected)
    assert expected.sum() >= N


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("width", [1e-4, 33.5e-6])
def test_bins_of_a_width_that_overlap(width, overlap):
    long, stride = Fraction(str(width)) * 10**6, Fraction(str(width)) * 10**6 * (1 - Fraction(str(overlap)))
    expected = written_out(lambda _, t, k: (k * stride < t or t == k == 0) and t <= k * stride + long)
    assert counted(width=width, overlap=overlap).double().equal(expected)
    if overlap == 0.0:
        assert Binning(width=width)(EVENTS, SENSOR, STEPS).equal(bin_by_width(EVENTS, SENSOR, STEPS, width))


def test_bins_of_numbers_of_events():
    expected = written_out(lambda number, _, k: k * 5 <= number < k * 5 + 9)
    assert counted(count=9, overlap=0.5).double().equal(expected)
    expected = written_out(lambda number, _, k: number * STEPS // N == k)
    assert counted(equal=True).double().equal(expected)
    # A number that no bin divides: no event is left out.
    assert Binning(equal=True, counts=True)(EVENTS[:59], SENSOR, STEPS).sum() == 59


def test_a_window_of_the_recording():
    def inside(t):
        return 100 <= t < 400

    expected = written_out(lambda _, t, k: inside(t) and (t - 100) * STEPS // 300 == k)
    assert counted(begin=1e-4, end=4e-4).double().equal(expected)
    found = Binning(begin=1e-4, end=4e-4).of_events(_checked(), SENSOR, STEPS)
    assert (found.events, found.outside) == (N, N - int(expected.sum()))


def _checked():
    from spikelearn.recordings import as_events

    return as_events(EVENTS, SENSOR)


def test_voxels_are_the_published_sum():
    place = [(STEPS - 1) * int(t - EVENTS["t"][0]) / (LENGTH - 1) for t in EVENTS["t"]]
    weights = {int(number): place[number] for number in range(N)}
    order = {tuple(event): number for number, event in enumerate(EVENTS.tolist())}
    expected = written_out(
        lambda *_: True, lambda event, k: max(0.0, 1.0 - abs(k - weights[order[tuple(event.tolist())]]))
    )
    found = Binning(voxels=True)(EVENTS, SENSOR, STEPS)
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=1e-6)
    assert float(found.sum()) == pytest.approx(N, rel=1e-6)  # the last event too
    signed = Binning(voxels=True, polarity="signed")(EVENTS, SENSOR, STEPS)
    torch.testing.assert_close(signed[:, 0].double(), expected[:, 1] - expected[:, 0], rtol=1e-5, atol=1e-5)


def test_polarities():
    each = counted()
    assert counted(polarity="merged").equal(each.sum(1, keepdim=True))
    assert counted(polarity="signed")[:, 0].equal(each[:, 1] - each[:, 0])
    assert Binning(polarity="signed")(EVENTS, SENSOR, STEPS)[:, 0].equal((each[:, 1] - each[:, 0]).sign())
    assert Binning()(EVENTS, SENSOR, STEPS).equal(each.clamp(max=1).to(torch.uint8))
    assert Binning(polarity="merged")(EVENTS, SENSOR, STEPS).dtype == torch.uint8


def test_events_that_meet_are_counted():
    found = Binning().of_events(_checked(), SENSOR, STEPS)
    assert found.merged == N - int(bin_events(EVENTS, SENSOR, STEPS).sum()) > 0
    assert found.outside == 0
    merged = Binning(polarity="signed", counts=True).of_events(_checked(), SENSOR, STEPS).merged
    assert merged == N - int(counted(polarity="merged").count_nonzero()) >= found.merged


def test_what_is_seen_of_the_sensor():
    each = counted()
    assert counted(crop="4x3").equal(each[..., 1:4, 1:5])
    smaller = counted(down=2)
    assert smaller.shape[-2:] == (3, 4)
    padded = torch.nn.functional.pad(each, (0, 1, 0, 1))
    assert smaller.equal(padded.unflatten(-1, (4, 2)).unflatten(-3, (3, 2)).sum((-1, -3)))
    assert Binning(crop="4x3", down=2).shape_of(SENSOR) == (2, 2, 2)


def test_a_drift_stands_still():
    """A cross that moves a pixel a bin lies in the middle of every bin."""
    events = np.array([(1 + k + dx, 2 + dy, 100 * k, 1) for k in range(4) for dx, dy in CROSS], EVENT)
    frames = Binning(centred=True)(events, SENSOR, 4)
    assert all(frame.equal(frames[0]) for frame in frames)
    assert frames[0, 1].nonzero().tolist() == [[1, 3], [2, 2], [2, 3], [2, 4], [3, 3]]
    assert not torch.equal(*Binning()(events, SENSOR, 4)[:2])


CROSS = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]


@pytest.mark.parametrize("text", ["", "width=0.003", "count=500,overlap=0.5,polarity=signed", "crop=28x28,down=2"])
def test_a_value_and_its_text(text):
    value = Binning.make(text)
    assert str(value) == text
    assert Binning.make(str(value)) == value
    assert hash(value) == hash(Binning.make(text))
    with pytest.raises(dataclasses.FrozenInstanceError):
        value.width = 1.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("widht=3", "a binning has no 'widht', expected one of .*did you mean 'width'"),
        ("width=0.1,count=3", "width and count both say what a bin is"),
        ("overlap=1", "overlap is 1, expected a share"),
        ("voxels=true,overlap=0.5", "voxels share events"),
        ("begin=2,end=1", "end is 1 s, expected more than begin"),
        ("crop=28", "crop is '28', expected width x height"),
        ("polarity=both", "polarity is 'both', expected one of"),
        ("counts=1", "counts is 1, expected true or false"),
    ],
)
def test_what_no_binning_is(text, said):
    with pytest.raises(ValueError, match=said):
        Binning.make(text)


def test_what_a_recording_cannot_be():
    with pytest.raises(ValueError, match="crop is '8x5', but the sensor has 7 x 5"):
        Binning(crop="8x5")(EVENTS, SENSOR, 2)
    with pytest.raises(ValueError, match="the sensor has 1, expected ON and OFF"):
        Binning(polarity="signed").shape_of((7, 5, 1))
    with pytest.raises(ValueError, match="has 60 events, expected at least one for each of 61 steps"):
        Binning(equal=True)(EVENTS, SENSOR, 61)
    many = np.zeros(70_000, EVENT)
    many["t"] = np.arange(70_000)
    with pytest.raises(ValueError, match="70000 events of one bin and pixel are counted, expected 65535 at most"):
        Binning(counts=True)(many, SENSOR, 1)


@pytest.mark.parametrize("text", ["width=33.5e-6", "width=7e-6,counts=true,polarity=signed,down=2"])
@pytest.mark.parametrize(("steps", "start"), [(4, None), (7, 700.0), (1000, None)])
def test_chunks_of_a_recording_are_the_whole(text, steps, start):
    binning = Binning.make(text)
    chunks = list(recordings.chunks(EVENTS, binning, SENSOR, steps, start))
    together = torch.cat(chunks)
    assert max(map(len, chunks)) <= steps
    assert together.equal(binning(EVENTS, SENSOR, len(together), start))
    assert binning.of_events(_checked(), SENSOR, len(together), start).outside == 0


def test_a_network_goes_through_chunks_as_through_the_whole():
    from spikelearn import build

    binning = Binning(width=50e-6)
    network = build("70-12-4", input_shape=(2, 5, 7))
    chunks = [chunk.unsqueeze(1) for chunk in recordings.chunks(EVENTS, binning, SENSOR, 3)]
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(6.0)
        whole, _ = network.run(torch.cat(chunks))
        state, spikes = None, []
        for chunk in chunks:
            record, state = network.run(chunk, state)
            spikes.append(record["fc1"].spikes)
    assert torch.cat(spikes).equal(whole["fc1"].spikes)
    assert whole["fc1"].spikes.sum() > 0
    with pytest.raises(ValueError, match="the binning is 'that by default', expected a width"):
        next(recordings.chunks(EVENTS, Binning(), SENSOR, 3))
