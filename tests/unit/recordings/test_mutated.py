"""Files of events that were changed at random: read as whole events, or refused in one sentence."""

import random
import resource
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from spikelearn.recordings import EVENT, as_events, read_recording, stream_recording
from tests.unit.recordings.references.made import events

REFERENCES = Path(__file__).parent / "references"
WITH = {".bag": "rosbags"}

#: Bytes that a reader may need beyond those of right files.
MOST_MEMORY = 200 << 20


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """{name: content} of right files of every format."""
    folder, given = tmp_path_factory.mktemp("originals"), events(600_000)
    found = {path.name: path.read_bytes() for path in REFERENCES.iterdir() if path.suffix not in (".py", "")}
    np.save(folder / "a.npy", given)
    np.savetxt(folder / "a.txt", np.stack([given[name] for name in "txyp"], 1), fmt="%d")
    with h5py.File(folder / "heidelberg.h5", "w") as file:
        for name, kind in (("times", np.float32), ("units", np.uint16)):
            rows = file.create_dataset(f"spikes/{name}", (3,), h5py.vlen_dtype(kind))
            for place in range(3):
                rows[place] = np.arange(20).astype(kind) / (100 if name == "times" else 1)
    with h5py.File(folder / "table.h5", "w") as file:
        file.create_dataset("CD/events", data=given, compression="gzip")
    (folder / "a.bin").write_bytes(np.random.default_rng(0).integers(0, 34, 5 * 200, dtype=np.uint8).tobytes())
    return found | {path.name: path.read_bytes() for path in folder.iterdir()}


def changed(content, chance):
    """``content`` with up to three changes of bytes."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        # A header is short, and most of what can go wrong stands in it.
        at = chance.randrange(min(len(content), chance.choice((64, 600, len(content) + 1))) + 1)
        length = chance.choice((1, 2, 4, 8, 64, 500))
        new = {
            "flip": bytes(byte ^ (1 << chance.randrange(8)) for byte in content[at : at + 1]) + content[at + 1 :],
            "cut": b"",
            "drop": content[at + length :],
            "double": content[at : at + length] * 2 + content[at + length :],
            "noise": chance.randbytes(length) + content[at + length :],
            "ones": b"\xff" * length + content[at + length :],
            "zeros": bytes(length) + content[at + length :],
            "insert": chance.randbytes(length) + content[at:],
        }
        content = content[:at] + new[chance.choice(list(new))]
    return content


def in_parts(path, columns):
    """The events of a changed file, read in parts; None where it is refused."""
    try:
        parts = [one.events for one in stream_recording(path, columns=columns, part=64).parts()]
    except ValueError as error:
        if str(path) not in str(error):
            raise
        return None
    return np.concatenate(parts)


def check(path):
    """Read a changed file, as a whole and in parts; True if it was read."""
    columns = "txyp" if path.suffix in (".npy", ".txt") else ""
    parts = in_parts(path, columns)
    try:
        recording = read_recording(path, columns=columns)
    except ValueError as error:
        if str(path) not in str(error):
            raise
        return False
    found = recording.events
    np.testing.assert_array_equal(parts, found)
    assert found.dtype == EVENT
    assert found.ndim == 1
    assert len(found) > 0
    sensor = recording.sensor or (1 << 15, 1 << 15)
    try:
        checked = as_events(found, (*sensor, 2))
    except ValueError:  # times that fall back by a counter's range
        return True
    assert (np.diff(checked.t) >= 0).all()
    return True


def run(originals, folder, count, seed):
    names = sorted(name for name in originals if Path(name).suffix not in WITH or _installed(WITH[Path(name).suffix]))
    chance, read, longest = random.Random(seed), 0, 0.0
    for number in range(count):
        name = names[number % len(names)]
        path = folder / f"{number}{Path(name).suffix}"
        path.write_bytes(changed(originals[name], chance))
        begun = time.process_time()
        read += check(path)
        longest = max(longest, time.process_time() - begun)
        path.unlink()
    return read, longest


def _installed(module):
    import importlib.util

    return importlib.util.find_spec(module) is not None


def test_files_that_were_changed(originals, tmp_path):
    read, _ = run(originals, tmp_path, 400, seed=0)
    assert 20 < read < 380


@pytest.mark.slow
def test_ten_thousand_files_that_were_changed(originals, tmp_path):
    run(originals, tmp_path, 100, seed=1)  # libraries are imported
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read, longest = run(originals, tmp_path, 10_000, seed=2)
    print(f"10,000 files: {read} read, {10_000 - read} refused, the longest in {longest:.2f} s of processor time")
    assert 500 < read < 9500
    assert longest < 5
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 < MOST_MEMORY
