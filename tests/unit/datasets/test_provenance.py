import hashlib
import warnings

import pytest

from spikelearn.datasets import CIFAR10, DigitsEvents, provenance
from spikelearn.datasets.cifar10 import CHECKSUMS
from spikelearn.datasets.provenance import Provenance, md5_of
from spikelearn.recordings.doubts import DataWarning


def md5(content):
    return hashlib.md5(content).hexdigest()


@pytest.fixture
def paths(tmp_path):
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode())
    return [tmp_path / "a", tmp_path / "b"]


def test_published_files_pass_and_others_are_named(paths):
    right = {"a": md5(b"a"), "b": md5(b"b")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Provenance(paths, right).warn()
        Provenance(paths).warn()
    assert Provenance(paths, right).record() == {"files": right, "published": True}
    paths[1].write_bytes(b"c")
    found = Provenance(paths, right)
    with pytest.warns(DataWarning, match=rf"/b is not the published file \(its md5 is {md5(b'c')}") as warned:
        found.warn()
    assert len(warned) == 1
    assert found.record() == {"files": {**right, "b": md5(b"c")}, "published": False}
    assert Provenance(paths).record()["published"] is None


def test_many_files_have_one_checksum(tmp_path):
    paths = [tmp_path / f"{number:02}" for number in range(20)]
    for path in paths:
        path.write_bytes(path.name.encode())
    before = Provenance(paths).record()
    assert before["files"] == 20
    paths[7].write_bytes(b"another")
    assert Provenance(paths).record()["md5"] != before["md5"]
    assert DigitsEvents("test").provenance.record() == {"files": {}, "published": None}


def test_checksums_of_large_files_are_kept_until_they_change(tmp_path, monkeypatch):
    monkeypatch.setattr(provenance, "KEPT_FROM", 1)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    read, compute = [], provenance._md5
    monkeypatch.setattr(provenance, "_md5", lambda path: read.append(path.name) or compute(path))
    path = tmp_path / "large"
    path.write_bytes(b"first")
    assert md5_of(path) == md5_of(path) == md5(b"first")
    assert read == ["large"]
    path.write_bytes(b"other")  # as long, and perhaps in the same tick of the clock
    path.touch()
    assert md5_of(path) == md5(b"other")
    (tmp_path / "cache" / "spikelearn" / "md5.json").write_text("[")
    assert md5_of(path) == md5(b"other")
    assert len(read) == 3


def test_a_batch_of_cifar10_twice_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(CIFAR10, "per_file", 1)
    folder = tmp_path / "cifar10" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    for number in range(1, 6):
        (folder / f"data_batch_{number}.bin").write_bytes(bytes([number]) * 3073)
    with pytest.warns(DataWarning, match=r"data_batch_1.bin, .*, data_batch_5.bin cannot be compared") as warned:
        assert CIFAR10("train", tmp_path).provenance.record()["published"] is None
    assert len(warned) == 1
    sums = {path.name: md5(path.read_bytes()) for path in folder.iterdir()}
    (folder / CHECKSUMS).write_text("".join(f"{value}  {name}\n" for name, value in sums.items()))
    assert CIFAR10("train", tmp_path).provenance.record() == {"files": sums, "published": True}
    (folder / "data_batch_3.bin").write_bytes(bytes([7]) * 3073)
    with pytest.warns(DataWarning, match="data_batch_3.bin"):
        CIFAR10("train", tmp_path)
    (folder / "data_batch_3.bin").write_bytes((folder / "data_batch_1.bin").read_bytes())
    with pytest.raises(ValueError, match=r"data_batch_3.bin is a copy of data_batch_1.bin, so images are missing"):
        CIFAR10("train", tmp_path)
