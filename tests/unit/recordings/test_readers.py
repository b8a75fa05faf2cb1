"""Files of events of many programs: what is read equals what was written, and what is wrong is named."""

import struct
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from spikelearn.recordings import EVENT, FORMATS, read_recording
from spikelearn.recordings.readers import count_recordings
from spikelearn.recordings.readers.hdf5_heaps import COLLECTION, OBJECT, check_heaps
from tests.unit.recordings.references.made import SENSOR, events

REFERENCES = Path(__file__).parent / "references"
GIVEN, SHORT = events(), events(second=600_000)

#: Files that others wrote (references/make_references.py says who, and which second program reads the same): the events
#: in them, the sensor that they name, and what a reader of them needs.
FILES = {
    "lz4.aedat4": (GIVEN, SENSOR, None),
    "none.aedat4": (GIVEN, SENSOR, None),
    "zstd.aedat4": (GIVEN, SENSOR, None),
    "expelliarmus_evt2.raw": (GIVEN, None, None),
    "faery_evt2.raw": (GIVEN, SENSOR, None),
    "faery_evt3.raw": (SHORT, SENSOR, None),
    "evutils_evt3.raw": (GIVEN, SENSOR, None),
    "faery.dat": (GIVEN, SENSOR, None),
    "expelliarmus.dat": (GIVEN, None, None),
    "event_stream.es": (SHORT, SENSOR, None),
    "faery.csv": (GIVEN, SENSOR, None),
    "dsec.h5": (GIVEN, SENSOR, "hdf5plugin"),
    "evutils.npz": (GIVEN, SENSOR, None),
    "rosbags.bag": (GIVEN, SENSOR, "rosbags"),
    "davis346.aedat": (GIVEN, (346, 260), None),
    "dvs128.aedat": (GIVEN, (128, 128), None),
    "version3.aedat": (GIVEN, (346, 260), None),
}


def check(recording, given):
    assert recording.events.dtype == EVENT
    assert recording.repairs == ()
    for name in "xytp":
        assert np.array_equal(recording.events[name], given[name]), name


@pytest.mark.parametrize("name", FILES)
def test_files_of_other_programs(name):
    given, sensor, needs = FILES[name]
    if needs:
        pytest.importorskip(needs)
    recording = read_recording(REFERENCES / name)
    check(recording, given)
    assert recording.sensor == sensor


def test_every_format_has_a_file_of_another_program():
    here = {Path(name).suffix for name in FILES} | {".bin", ".npy", ".txt", ".hdf5"}  # those are below
    assert here == set(FORMATS)


def test_event_stream_of_faery_counts_from_its_first_event():
    recording = read_recording(REFERENCES / "faery.es")
    moved = SHORT.copy()
    moved["t"] -= moved["t"][0]
    check(recording, moved)


def test_nmnist_bin_against_tonic(tmp_path):
    from tonic.io import read_mnist_file

    random = np.random.default_rng(0)
    (tmp_path / "a.bin").write_bytes(random.integers(0, 239, 5 * 500, dtype=np.uint8).tobytes())
    expected = read_mnist_file(str(tmp_path / "a.bin"), dtype=EVENT)
    check(read_recording(tmp_path / "a.bin"), expected)


def test_the_table_of_prophesee(tmp_path):
    """Laid out as Metavision does, unpacked; evutils reads the same from such a file."""
    kind = np.dtype([("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")])
    with h5py.File(tmp_path / "a.hdf5", "w") as file:
        file.attrs["geometry"] = "34x26"
        made = np.empty(len(GIVEN), kind)
        for name in "xytp":
            made[name] = GIVEN[name]
        file.create_dataset("CD/events", data=made, compression="gzip")
        file.create_dataset("CD/indexes", data=np.zeros(1, [("id", "u8"), ("ts", "i8")]))
    recording = read_recording(tmp_path / "a.hdf5")
    check(recording, GIVEN)
    assert recording.sensor == SENSOR


def heidelberg(path, counts=(30, 50), times=np.float16):
    """A file of SHD's layout, times in seconds, rounded as the published files have them."""
    random = np.random.default_rng(1)
    with h5py.File(path, "w") as file:
        kinds = {"times": h5py.vlen_dtype(times), "units": h5py.vlen_dtype(np.uint16)}
        for name, kind in kinds.items():
            rows = file.create_dataset(f"spikes/{name}", (len(counts),), kind)
            for place, count in enumerate(counts):
                drawn = np.sort(random.random(count)) if name == "times" else random.integers(0, 700, count)
                rows[place] = drawn.astype(times if name == "times" else np.uint16)
        file["labels"] = np.arange(len(counts))
        file["extra/keys"] = [b"zero", b"one"]
        file["extra/speaker"] = np.zeros(len(counts), int)
    return path


@pytest.mark.parametrize("times", [np.float16, np.float32])
def test_the_layout_of_shd_against_tonic(tmp_path, times):
    import tonic

    folder = tmp_path / "SHD"
    folder.mkdir()
    heidelberg(folder / "shd_train.h5", times=times)
    (folder / "shd_train.h5.zip").touch()  # tonic looks for the archive
    expected = tonic.datasets.SHD(save_to=str(tmp_path), train=True)
    assert count_recordings(folder / "shd_train.h5") == len(expected) == 2
    for number in range(2):
        found = read_recording(folder / "shd_train.h5", number=number).events
        events_of, _ = expected[number]
        assert np.array_equal(found["x"], events_of["x"])
        # tonic cuts off the fraction of a microsecond, here it is rounded.
        assert np.abs(found["t"] - events_of["t"]).max() <= 1
    with pytest.raises(ValueError, match="recording 2 was asked for"):
        read_recording(folder / "shd_train.h5", number=2)


def test_arrays_whose_columns_have_no_names(tmp_path):
    table = np.stack([GIVEN[name].astype(np.int64) for name in "xypt"], 1)
    np.save(tmp_path / "a.npy", table)
    check(read_recording(tmp_path / "a.npy", columns="xypt"), GIVEN)
    in_ms = table * [1, 1, 1, 1e-3]
    np.save(tmp_path / "b.npy", in_ms)
    check(read_recording(tmp_path / "b.npy", columns="xypt", time_unit=1e-3), GIVEN)
    with pytest.raises(ValueError, match=r"b.npy: event 0 has the time 0.066, whose unit is not said"):
        read_recording(tmp_path / "b.npy", columns="xypt")
    with pytest.raises(ValueError, match="a.npy: it has 4 columns without names, and their order is not said"):
        read_recording(tmp_path / "a.npy")
    np.save(tmp_path / "c.npy", GIVEN)
    check(read_recording(tmp_path / "c.npy"), GIVEN)


@pytest.mark.parametrize("mark", [" ", ",", "\t"])
def test_text_of_the_event_camera_dataset(tmp_path, mark):
    rows = np.stack([GIVEN["t"] * 1e-6, GIVEN["x"], GIVEN["y"], GIVEN["p"]], 1)
    np.savetxt(tmp_path / "events.txt", rows, fmt=["%.9f", "%d", "%d", "%d"], delimiter=mark)
    check(read_recording(tmp_path / "events.txt", time_unit=1), GIVEN)


def test_text_with_names(tmp_path):
    import pandas as pd

    frame = pd.DataFrame(
        {"polarity": 2 * GIVEN["p"].astype(int) - 1, "y": GIVEN["y"], "x": GIVEN["x"], "timestamp": GIVEN["t"]}
    )
    frame.to_csv(tmp_path / "a.csv", index=False)
    check(read_recording(tmp_path / "a.csv"), GIVEN)


WRONG = {
    "faery.dat": (-3, "ends within event 299, after 5 of its 8 bytes"),
    "expelliarmus_evt2.raw": (-1, "ends within word 4540, after 3 of its 4"),
    "evutils_evt3.raw": (-1, "ends within word"),
    "event_stream.es": (-2, "ends within event 299"),
    "none.aedat4": (5000, "packet 0 declares 4824 bytes|packet 0 declares"),
    "lz4.aedat4": (2000, "packet 0 declares"),
    "davis346.aedat": (-5, "ends within event 299, after 3 of its 8 bytes"),
    "version3.aedat": (-5, "packet 9 declares 61 of 61 events of 8 bytes, but 483 bytes follow"),
    "rosbags.bag": (-100, "rosbags cannot read it"),
    "evutils.npz": (-100, "is damaged or no npz file"),
    "faery.csv": (-3, "no line of numbers"),
}


@pytest.mark.parametrize("name", WRONG)
def test_files_that_are_cut(tmp_path, name):
    end, words = WRONG[name]
    if name.endswith(".bag"):
        pytest.importorskip("rosbags")
    path = tmp_path / name
    content = (REFERENCES / name).read_bytes()[:end]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=words) as error:
        read_recording(path)
    assert str(path) in str(error.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("x", 40000, "event 7 is at x = 40000, y = 0, outside any sensor"),
        ("y", -1, "event 7 is at x = .*, y = -1"),
        ("t", -5, "event 7 has the time -5, expected one from 0"),
        ("t", 2**63 - 1, "event 7 has the time 9223372036854775807"),
        ("p", 5, "event 7 has the polarity 5"),
        ("x", np.nan, "event 7 has x = nan"),
        ("t", np.inf, "event 7 has t = inf"),
    ],
)
def test_an_event_that_cannot_be_is_named(tmp_path, column, value, words):
    columns = {name: GIVEN[name].astype(np.float64 if isinstance(value, float) else np.int64) for name in "xytp"}
    columns[column][7] = value
    np.savez(tmp_path / "a.npz", **columns)
    with pytest.raises(ValueError, match=words):
        read_recording(tmp_path / "a.npz")


def test_an_event_outside_the_sensor_that_the_file_names(tmp_path):
    content = (REFERENCES / "faery.dat").read_bytes().replace(b"% Width 34", b"% Width 20")
    (tmp_path / "a.dat").write_bytes(content)
    with pytest.raises(ValueError, match="event 0 is at x = 33, y = 15, outside its sensor of 20 x 26 pixels"):
        read_recording(tmp_path / "a.dat")


def test_events_ahead_of_the_first_time_are_counted(tmp_path):
    """A camera that was turned on before the file begins."""
    high = struct.pack("<I", 8 << 28 | 5)
    event = struct.pack("<I", 1 << 28 | 3 << 22 | 7 << 11 | 9)
    (tmp_path / "a.raw").write_bytes(b"% evt 2.0\n% end\n" + event + event + high + event)
    recording = read_recording(tmp_path / "a.raw")
    assert recording.events.tolist() == [(7, 9, 5 * 64 + 3, 1)]
    assert recording.repairs == ("2 events ahead of the first time were left out",)
    words = np.array([0x3801, 0x4003, 0x8001, 0x0005, 0x6010, 0x3801, 0x4003, 0x2009], "<u2")
    (tmp_path / "b.raw").write_bytes(b"% evt 3.0\n% end\n" + words.tobytes())
    recording = read_recording(tmp_path / "b.raw")
    assert recording.events.tolist() == [(1, 5, 4096 + 16, 1), (2, 5, 4096 + 16, 1), (9, 5, 4096 + 16, 0)]
    assert recording.repairs == ("2 events ahead of the first time were left out",)


def test_counters_that_run_over(tmp_path):
    def high(value):
        return struct.pack("<I", 8 << 28 | value)

    event = struct.pack("<I", 1 << 28 | 7 << 11 | 9)
    body = high(2**28 - 1) + event + high(0) + event + high(3) + event
    (tmp_path / "a.raw").write_bytes(b"% evt 2.0\n% end\n" + body)
    assert read_recording(tmp_path / "a.raw").events["t"].tolist() == [2**34 - 64, 2**34, 2**34 + 192]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xyz", b"1", "no recording of a known format"),
        ("a.bin", b"", "is empty"),
        ("a.raw", b"% evt 2.1\n% end\n1234", "it has EVT 2.1, expected EVT 2.0 or 3.0"),
        ("a.raw", b"1234", "no version in its header"),
        ("a.raw", b"% evt 3.0\n% end\n", "holds no events"),
        ("a.dat", b"% Version 2\n\x05\x08", "events of type 5"),
        ("a.aedat", b"#!AER-DAT1.0\r\n", "it is of AEDAT 1.0"),
        ("a.aedat", b"#!AER-DAT2.0\r\n# nothing\r\n12345678", "names none of the sensors DVS128"),
        ("a.aedat", b"PK", "begins with b'PK'"),
        ("a.h5", b"no", "HDF5 cannot read it"),
        ("a.npz", b"no", "no npz file"),
        ("a.npy", b"no", "no npy file"),
        ("a.csv", b"t,x,y,p\n", "holds no events"),
        ("a.csv", b"t,x,y\n1,2,x\n", "no line of numbers"),
        ("a.txt", b"1 2 3\n", "has 3 columns without names"),
        ("a.bag", b"no", "rosbags cannot read it|not installed"),
        ("a.es", b"no", "begins with b'no', expected b'Event Stream'"),
        ("a.aedat4", b"no", "begins with b'no'"),
    ],
)
def test_what_is_no_recording(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=words) as error:
        read_recording(tmp_path / name)
    assert name in str(error.value)


def test_wrong_words(tmp_path):
    with pytest.raises(ValueError, match="does not exist, or is no file"):
        read_recording(tmp_path / "a.bin")
    for columns in ("xxyt", "abc", "txyq"):
        with pytest.raises(ValueError, match="columns is '.*', expected each of x, y, t and p once"):
            read_recording(REFERENCES / "faery.csv", columns=columns)
    with pytest.raises(ValueError, match="time_unit is -1"):
        read_recording(REFERENCES / "faery.csv", time_unit=-1.0)


def test_what_is_missing_is_said(monkeypatch):
    monkeypatch.setitem(sys.modules, "rosbags.rosbag1", None)
    with pytest.raises(ValueError, match=r"is not installed: pip install 'spikelearn\[events\]'"):
        read_recording(REFERENCES / "rosbags.bag")


def test_a_heap_that_goes_beyond_its_end_is_refused_before_the_library_sees_it(tmp_path):
    """HDF5 did not come to an end on some damaged heaps. This file is none of its own: the look at heaps alone reads it."""
    path = tmp_path / "a.h5"
    heap = COLLECTION + struct.pack("<Q", 4096) + OBJECT.pack(1, 0, 0, 5000)
    path.write_bytes(bytes(64) + heap + bytes(4096))
    with pytest.raises(ValueError, match=r"the heap at byte 64 is damaged"):
        check_heaps(path)
