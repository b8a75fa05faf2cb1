import numpy as np
import pytest
import torch

from spikelearn.datasets import NMNIST, DigitsEvents, bin_events
from spikelearn.datasets.digits_events import CONTRAST, EVENT, record

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
    assert frames.sum() == 6  # tonic leaves the last event out
    assert frames[0, 0, 1, 5, 3] == 1
    assert frames[1, 0, 1, 5, 3] == 1
    assert frames[0, 0, 0, 0, 33] == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed([(40, 5, 1000, 1), *EVENTS]), "outside the 34 x 34 sensor"),
        (packed(EVENTS[::-1]), "times that decrease"),
        (packed(EVENTS[:1]), "spans 0 microseconds"),
    ],
)
def test_bad_recordings_are_named_and_left_alone(root, content, message):
    path = root / "nmnist" / "NMNIST" / "Train" / "7" / "00001.bin"
    path.write_bytes(content)
    data = NMNIST("train", root)
    with pytest.raises(ValueError, match=message) as error:
        data.frames([1], 3)
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


def test_no_recordings_at_all(root):
    for path in (root / "nmnist" / "NMNIST" / "Train").glob("*/*.bin"):
        path.unlink()
    with pytest.raises(ValueError, match="holds no recordings"):
        NMNIST("train", root)


def test_a_missing_set_that_cannot_be_downloaded(tmp_path, monkeypatch):
    import tonic

    def offline(self):
        raise OSError("no network")

    monkeypatch.setattr(tonic.datasets.NMNIST, "download", offline)
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
        step = (int(event["t"]) - 100) // 1000
        if step < 9:
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
    assert 0.05 < frames.mean() < 0.3
