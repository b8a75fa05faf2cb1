import numpy as np
import pytest
import torch

from spikelearn.cli.app import run
from spikelearn.datasets import NMNIST, DigitsEvents
from spikelearn.datasets.digits_events import CONTRAST, record
from spikelearn.datasets.nmnist import stabilise
from spikelearn.recordings import EVENT, bin_by_width, bin_events

SENSOR = (34, 34, 2)


def packed(events):
    """Bytes of N-MNIST: x, y, then one bit polarity and 23 bits microseconds."""
    out = bytearray()
    for x, y, t, p in events:
        out += bytes([x, y, (p << 7) | (t >> 16), (t >> 8) & 255, t & 255])
    return bytes(out)


EVENTS = [(3, 5, 1000, 1), (33, 0, 70_000, 0), (3, 5, 140_000, 1), (7, 8, 299_999, 0)]


@pytest.fixture
def root(tmp_path):
    for part in ("Train", "Test"):
        for digit in (0, 7):
            folder = tmp_path / "nmnist" / "NMNIST" / part / str(digit)
            folder.mkdir(parents=True)
            (folder / "00001.bin").write_bytes(packed(EVENTS))
    return tmp_path


def test_a_partial_copy_is_read_without_a_download(root):
    data = NMNIST("train", root)
    assert data.targets.tolist() == [0, 7]
    events = data.recording(1)
    assert [tuple(int(v) for v in e) for e in events] == EVENTS
    frames = data.frames([0, 1], 3)
    assert frames.shape == (3, 2, 2, 34, 34)
    assert frames.sum() == 8
    assert frames[0, 0, 1, 5, 3] == 1
    assert frames[1, 0, 1, 5, 3] == 1
    assert frames[2, 0, 0, 8, 7] == 1
    assert frames[0, 0, 0, 0, 33] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed([(40, 5, 1000, 1), *EVENTS]), "outside the 34 x 34 sensor: event 0 is at x = 40, y = 5"),
        (packed(EVENTS[::-1]), "times that decrease: event 1 at 140000 follows one at 299999"),
        (packed(EVENTS[:1]), "spans 0 microseconds"),
    ],
)
def test_bad_recordings_are_named_and_left_alone(root, content, message):
    path = root / "nmnist" / "NMNIST" / "Train" / "7" / "00001.bin"
    path.write_bytes(content)
    data = NMNIST("train", root)
    with pytest.raises(ValueError, match=message) as error:
        data.frames([1], 3)
    assert "nmnist, train sample 1" in str(error.value)
    assert "00001.bin" in str(error.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize(("content", "message"), [(b"", "is empty"), (packed(EVENTS)[:-2], "expected a multiple of 5")])
def test_cut_recordings_are_named_before_anything_is_trained(root, content, message):
    path = root / "nmnist" / "NMNIST" / "Train" / "7" / "00001.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"00001.bin.*{message}"):
        NMNIST("train", root)
    assert path.read_bytes() == content


@pytest.mark.parametrize("place", ["seven", "10", "7/inner", ".hidden"])
def test_a_folder_that_is_no_digit_is_named(root, place):
    folder = root / "nmnist" / "NMNIST" / "Train" / place
    folder.mkdir()
    NMNIST("train", root)
    (folder / "1.bin").write_bytes(packed(EVENTS))
    with pytest.raises(ValueError, match="lies in no class folder"):
        NMNIST("train", root)


def test_a_recording_outside_a_class_is_named(root):
    (root / "nmnist" / "NMNIST" / "Train" / "x.bin").write_bytes(packed(EVENTS))
    with pytest.raises(ValueError, match="lies in no class folder"):
        NMNIST("train", root)


def test_hidden_files_are_no_recordings_and_upper_case_ones_are(root):
    """As a Mac, Windows or a file manager leaves them."""
    folder = root / "nmnist" / "NMNIST" / "Train"
    for name in ("._00001.bin", ".hidden.bin", ".DS_Store", "Thumbs.db", "desktop.ini", "00001.bin.part"):
        (folder / "7" / name).write_bytes(b"ab")
        (folder / name).write_bytes(b"ab")
    (folder / "__MACOSX" / "7").mkdir(parents=True)
    (folder / "__MACOSX" / "7" / "._00001.bin").write_bytes(bytes(4096))
    (folder / "7" / "folder.bin").mkdir()
    (folder / "7" / "00000.BIN").write_bytes(packed(EVENTS[1:]))
    data = NMNIST("train", root)
    assert data.targets.tolist() == [0, 7, 7]
    assert [len(data.recording(k)) for k in range(3)] == [4, 3, 4]


def test_a_recording_that_is_too_long_is_not_read(root):
    path = root / "nmnist" / "NMNIST" / "Train" / "7" / "00001.bin"
    with path.open("wb") as file:
        file.truncate(5 * 2**28)  # a hole of 1.25 GiB
    with pytest.raises(ValueError, match="00001.bin has 1342177280 bytes, expected at most 1000000 events"):
        NMNIST("train", root)
    path.write_bytes(packed(EVENTS))
    data = NMNIST("train", root)
    with path.open("wb") as file:
        file.truncate(5 * 2**28)
    with pytest.raises(ValueError, match="expected at most 1000000 events"):
        data.recording(1)


def test_bytes_are_read_as_tonic_reads_them(root):
    """Also where the counter of the time is said to have run over: there tonic adds 8,192 microseconds."""
    from tonic.io import read_mnist_file

    path = root / "nmnist" / "NMNIST" / "Train" / "7" / "00001.bin"
    random = np.random.default_rng(0)
    path.write_bytes(random.integers(0, 256, 5 * 4000, dtype=np.uint8).tobytes())
    expected = read_mnist_file(str(path), dtype=EVENT)
    found = NMNIST("train", root).recording(1)
    assert len(expected) < 4000
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected)


def test_no_recordings_at_all(root):
    for path in (root / "nmnist" / "NMNIST" / "Train").glob("*/*.bin"):
        path.unlink()
    with pytest.raises(ValueError, match="holds no recordings"):
        NMNIST("train", root)


def test_a_missing_set_that_cannot_be_downloaded(tmp_path, monkeypatch):
    def offline(*_, **__):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", offline)
    with pytest.raises(ValueError, match="could not be downloaded.*--data-root"):
        NMNIST("train", tmp_path)


def test_binning_is_counting_by_hand():
    rng = np.random.default_rng(0)
    events = np.zeros(500, EVENT)
    events["x"], events["y"] = rng.integers(0, 34, 500), rng.integers(0, 34, 500)
    events["p"], events["t"] = rng.integers(0, 2, 500), np.sort(rng.integers(100, 9_100, 500))
    events["t"][0], events["t"][-1] = 100, 9_100
    frames = bin_events(events, SENSOR, 9)
    expected = torch.zeros(9, 2, 34, 34, dtype=torch.uint8)
    for event in events:
        step = (int(event["t"]) - 100) * 9 // 9_001
        expected[step, int(event["p"]), int(event["y"]), int(event["x"])] = 1
    assert frames.equal(expected)


def test_several_events_in_a_bin_count_once():
    events = np.zeros(3, EVENT)
    events["t"] = [0, 1, 100]
    frames = bin_events(events, SENSOR, 1)
    assert frames.max() == 1
    assert frames.sum() == 1


def test_saccades_by_hand():
    """Every pixel's events add up to its change of log intensity, which ends where it began."""
    image = np.zeros((8, 8), np.float32)
    image[2:6, 3:5] = 1.0
    events = record(image)
    assert np.all(np.diff(events["t"]) >= 0)
    assert events["t"].min() >= 0
    assert events["t"].max() <= 90_000
    balance = np.zeros((16, 16))
    np.add.at(balance, (events["y"], events["x"]), np.where(events["p"] == 1, CONTRAST, -CONTRAST))
    assert np.abs(balance).max() <= CONTRAST + 1e-9
    assert len(record(np.zeros((8, 8), np.float32))) == 0


def test_simulated_recordings_are_the_same_every_time():
    data = DigitsEvents("test")
    assert len(data) == 360
    assert np.array_equal(data.recording(5), DigitsEvents("test").recording(5))
    frames = data.frames([0, 1], 6)
    assert frames.shape == (6, 2, 2, 16, 16)
    assert 0.05 < frames.float().mean() < 0.3


def events_at(places):
    """Structured events of (x, y, microseconds, polarity)."""
    events = np.zeros(len(places), EVENT)
    for number, (x, y, t, p) in enumerate(places):
        events["x"][number], events["y"][number], events["t"][number], events["p"][number] = x, y, t, p
    return events


@pytest.mark.parametrize(
    ("milliseconds", "drift"),
    [
        (0, (0.0, 0.0)),
        (52.5, (1.75, 3.5)),
        (105, (3.5, 7.0)),
        (157.5, (5.25, 3.5)),
        (210, (7.0, 0.0)),
        (262.5, (3.5, 0.0)),
        (315, (0.0, 0.0)),
        (30, (1.0, 2.0)),
        (135, (4.5, 5.0)),
        (225, (6.0, 0.0)),
    ],
)
def test_the_drift_of_the_saccades(milliseconds, drift):
    """Right and down for 105 ms, right and up, then back left at twice the speed; rounded to even halves."""
    events = events_at([(20, 15, round(milliseconds * 1000), 1)])
    found = stabilise(events, 34, 34)
    expected = (round(20 - drift[0]), round(15 - drift[1]))
    assert (int(found["x"][0]), int(found["y"][0])) == expected
    assert found["t"].tolist() == events["t"].tolist()
    assert found["p"].tolist() == [1]
    assert events["x"].tolist() == [20], "the recording itself was changed"


def test_a_digit_stays_where_it_is():
    """A point that moves as the camera drifts comes to lie on one pixel, to within rounding, for all of the time."""
    t = np.arange(0, 315_001, 500)
    first, second, third = t <= 105e3, (t > 105e3) & (t <= 210e3), t > 210e3
    x = 12 + (3.5 * t / 105e3) * first + (3.5 * t / 105e3) * second + (7 - 7 * (t - 210e3) / 105e3) * third
    y = 10 + (7 * t / 105e3) * first + (7 - 7 * (t - 105e3) / 105e3) * second
    events = events_at([(round(a), round(b), int(c), 1) for a, b, c in zip(x, y, t, strict=True)])
    found = stabilise(events, 34, 34)
    assert len(found) == len(events)
    assert np.abs(found["x"].astype(float) - 12).max() <= 1
    assert np.abs(found["y"].astype(float) - 10).max() <= 1
    assert np.abs(events["y"].astype(float) - 10).max() == 7


def test_events_that_leave_the_sensor_are_dropped():
    """At 105 ms the image is 3.5 pixels to the left and 7 up."""
    places = [(0, 9, 0, 1), (2, 20, 105_000, 0), (10, 6, 105_000, 1), (10, 7, 105_000, 0), (33, 33, 315_000, 1)]
    events = events_at(places)
    found = stabilise(events, 34, 34)
    assert [(int(e["x"]), int(e["y"]), int(e["t"]), int(e["p"])) for e in found] == [
        (0, 9, 0, 1),
        (6, 0, 105_000, 0),
        (33, 33, 315_000, 1),
    ]
    assert len(stabilise(events_at([(0, 0, 105_000, 1)]), 34, 34)) == 0
    # At 345 ms the third saccade has gone on, 2 pixels beyond where the first began.
    assert stabilise(events_at([(33, 5, 345_000, 1)]), 34, 34)["x"].tolist() == []


def test_the_sensor_may_have_another_size():
    events = events_at([(20, 3, 0, 1), (5, 20, 0, 1), (5, 3, 0, 1)])
    assert len(stabilise(events, 20, 20)) == 1


def test_bins_of_a_width_hold_their_end():
    """Bin k holds the times in (k w, (k + 1) w]; time 0 belongs to the first; what is later than T w is left out."""
    times = [0, 1, 2999, 3000, 3001, 6000, 6001, 8999, 9000, 9001, 500_000]
    events = events_at([(number, 0, t, 1) for number, t in enumerate(times)])
    frames = bin_by_width(events, SENSOR, 3, 3e-3)
    assert frames.shape == (3, 2, 34, 34)
    assert frames.dtype == torch.uint8
    bins = {number: [k for k in range(3) if frames[k, 1, 0, number]] for number in range(len(times))}
    assert bins == {0: [0], 1: [0], 2: [0], 3: [0], 4: [1], 5: [1], 6: [2], 7: [2], 8: [2], 9: [], 10: []}


@pytest.mark.parametrize("milliseconds", [1.0, 2.5, 7.9, 15.9, 31.4])
def test_a_bin_ends_at_a_whole_number_of_widths(milliseconds):
    """Also where the width times a million is no whole number in floating point."""
    width = round(milliseconds * 1000)
    events = events_at([(number, 0, width * (number + 1), 1) for number in range(9)])
    frames = bin_by_width(events, SENSOR, 9, float(f"{milliseconds}e-3"), start=0.0)
    assert [frames[:, 1, 0, number].tolist().index(1) for number in range(9)] == list(range(9))


def test_bins_of_a_width_by_hand():
    rng = np.random.default_rng(1)
    pixels, times = rng.integers(0, 34, (300, 2)), np.sort(rng.integers(0, 120_000, 300))
    events = events_at([(x, y, t, p) for (x, y), t, p in zip(pixels, times, rng.integers(0, 2, 300), strict=True)])
    expected = torch.zeros(30, 2, 34, 34, dtype=torch.uint8)
    for event in events:
        for k in range(30):
            if k * 3000 < int(event["t"]) <= (k + 1) * 3000:
                expected[k, int(event["p"]), int(event["y"]), int(event["x"])] = 1
    assert bin_by_width(events, SENSOR, 30, 3e-3, start=0.0).equal(expected)
    assert expected.sum() < 300


@pytest.mark.parametrize("start", [-(10**6), 0, 1_700_000_000_000_000])
@pytest.mark.parametrize("kind", [np.int64, np.float64])
def test_bins_of_a_width_count_from_the_first_event(start, kind):
    times = np.array([0, 1, 2999, 3000, 3001, 6000, 6001, 8999, 9000, 9001, 500_000])
    columns = {"x": np.arange(11), "y": np.zeros(11), "t": (times + start).astype(kind), "p": np.ones(11)}
    expected = bin_by_width(events_at([(number, 0, t, 1) for number, t in enumerate(times)]), SENSOR, 3, 3e-3)
    assert bin_by_width(columns, SENSOR, 3, 3e-3).equal(expected)
    assert bin_by_width(columns, SENSOR, 3, 3e-3, start=float(start - 9000)).sum() == 1
    assert bin_by_width(columns, SENSOR, 3, 3e-3, start=float(start + 9000)).sum() == 2


@pytest.mark.parametrize("width", [0, -1.0, float("nan"), float("inf"), "3", 1e-13])
def test_a_width_that_is_none(width):
    with pytest.raises(ValueError, match="bin_width is"):
        bin_by_width(events_at([(0, 0, 0, 1)]), SENSOR, 3, width)


@pytest.mark.parametrize("width", [1e-12, 1e30])
def test_widths_at_the_ends_of_what_can_be(width):
    events = events_at([(0, 0, 0, 1), (1, 0, 10**12, 1)])
    assert bin_by_width(events, SENSOR, 3, width).sum() == (1 if width < 1 else 2)


def test_no_events_are_empty_frames():
    assert bin_by_width(events_at([]), SENSOR, 4, 3e-3).sum() == 0


def test_nmnist_with_bins_of_a_width(root):
    data = NMNIST("train", root, bin_width=50e-3)
    with pytest.warns(UserWarning, match="nmnist, train: 3 steps of 0.05 s end after 0.15 s.*2 of their 8 events"):
        frames = data.frames([0, 1], 3)
    assert frames.shape == (3, 2, 2, 34, 34)
    assert frames[:, 0].equal(frames[:, 1])
    assert [tuple(place) for place in frames[:, 0].nonzero().tolist()] == [(0, 1, 5, 3), (1, 0, 0, 33), (2, 1, 5, 3)]
    assert NMNIST("train", root, bin_width=50e-3).frames([0], 6).sum() == 4


def test_a_unit_of_time_that_is_wrong_is_said_on_the_command_line(root, tmp_path, capsys):
    """3 ms were meant; the network that hardly fires is not what is at fault."""
    words = "train --data nmnist --net 2x34x34-10 --steps 10 --epochs 1 --validation 0 --data-option bin_width=3 --out"
    assert run([*words.split(), str(tmp_path / "run"), "--data-root", str(root)]) == 0
    said = capsys.readouterr().err
    assert "nmnist, train: bin_width 3 s is longer than every recording, 0.3 s: 9 of 10 steps are empty; sec" in said
    assert "fired" not in said


def test_nmnist_stabilised(root):
    """(3, 5) at 1 ms stays; (33, 0) at 70 ms leaves above; (3, 5) at 140 ms leaves; (7, 8) at 300 ms moves 1 left."""
    data = NMNIST("train", root, stabilised=True)
    assert [tuple(int(v) for v in event) for event in data.recording(0)] == [(3, 5, 1000, 1), (6, 8, 299_999, 0)]
    with pytest.warns(UserWarning, match=r"30 steps of 0.003 s end after 0.09 s.*1 of their 2 events \(50 %\)"):
        frames = NMNIST("train", root, stabilised=True, bin_width=3e-3).frames([0], 30)
    assert frames.nonzero().tolist() == [[0, 0, 1, 5, 3]]
    whole = NMNIST("train", root).recording(0)
    assert len(whole) == 4


def test_binned_recordings_are_kept_by_number_of_steps(root):
    data = NMNIST("train", root, bin_width=50e-3)
    with pytest.warns(UserWarning, match="are left out"):
        assert data.frames([0], 3).shape[0] == 3
    assert data.frames([0], 6).shape[0] == 6
    assert data.frames([0], 3).equal(data.frames([0], 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bin_width": -1e-3}, "bin_width is -0.001, expected a positive number"),
        ({"bin_width": float("nan")}, "bin_width is nan"),
        ({"bin_width": True}, "bin_width is True"),
        ({"stabilised": 1}, "stabilised is 1, expected true or false"),
        ({"stabilised": "yes"}, "stabilised is 'yes'"),
    ],
)
def test_options_of_nmnist_are_checked(root, options, message):
    with pytest.raises(ValueError, match=message):
        NMNIST("train", root, **options)


def test_bad_recordings_are_named_with_a_bin_width_too(root):
    path = root / "nmnist" / "NMNIST" / "Train" / "7" / "00001.bin"
    path.write_bytes(packed([(40, 5, 1000, 1), *EVENTS]))
    with pytest.raises(ValueError, match="00001.bin: it has events outside the 34 x 34 sensor"):
        NMNIST("train", root, stabilised=True, bin_width=3e-3).frames([1], 3)
