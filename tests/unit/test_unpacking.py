import gzip
import io
import resource
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from spikelearn.datasets.idx import IMAGES_MAGIC, idx_file
from spikelearn.unpacking import array_names, read_npz


def write(path, **members):
    np.savez_compressed(path, **members)
    return path


KINDS = st.sampled_from([np.dtype(kind) for kind in ("?", "u1", "<i8", ">f4", "<f8", "c16", "<U3")])


@settings(deadline=None, max_examples=50)
@given(st.data(), KINDS, st.booleans(), st.booleans())
def test_arrays_come_back(tmp_path_factory, data, kind, by_column, packed):
    array = data.draw(arrays.arrays(kind, arrays.array_shapes(min_dims=0, min_side=0, max_side=4)))
    path = tmp_path_factory.mktemp("npz") / "a.npz"
    (np.savez_compressed if packed else np.savez)(path, a=np.array(array, order="F" if by_column else "C"), b=array)
    found = read_npz(path, ["a", "missing"])
    assert list(found) == ["a"]
    assert found["a"].dtype == array.dtype
    assert np.array_equal(found["a"], array, equal_nan=kind.kind in "fc")
    assert array_names(path) == ["a", "b"]


def bomb(path, declared, real):
    """An npz whose array header declares one size and whose member unpacks to another."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (declared,)})
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed, packed.open("a.npy", "w") as member:
        member.write(header.getvalue())
        for _ in range(real >> 20):
            member.write(bytes(1 << 20))
    return path


def peak(make):
    """MiB that ``make`` adds to the most memory ever in use."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    make()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


@pytest.mark.parametrize(("declared", "real"), [(100, 1 << 30), (1 << 62, 1 << 20), (1 << 30, 1 << 20)])
def test_npz_files_that_declare_another_size_are_not_unpacked(tmp_path, declared, real):
    path = bomb(tmp_path / "bomb.npz", declared, real)

    def read():
        with pytest.raises(ValueError, match=r"bomb.npz is damaged or no npz file \(a.npy holds"):
            read_npz(path)

    assert peak(read) < 50


def test_more_than_a_file_can_hold_is_not_believed(tmp_path):
    path = tmp_path / "many.npz"
    bomb(path, 1 << 30, 1 << 30)
    content = bytearray(path.read_bytes())
    place = content.rindex(b"PK\x01\x02") + 24
    content[place : place + 4] = struct.pack("<I", (1 << 32) - 2)
    path.write_bytes(content)
    with pytest.raises(ValueError, match="more than its .* bytes can hold"):
        read_npz(path)


def test_gzip_files_that_hold_more_than_they_declare_are_not_unpacked(tmp_path):
    path = tmp_path / "images.gz"
    with gzip.open(path, "wb", 1) as file:
        file.write(struct.pack(">4I", 2051, 40, 28, 28))
        for _ in range(64):
            file.write(bytes(1 << 24))

    def read():
        with pytest.raises(ValueError, match="fewer or more bytes than the 40 x 28 x 28"):
            idx_file(path, IMAGES_MAGIC).read()

    assert peak(read) < 50


def test_gzip_files_that_declare_more_than_they_can_hold_are_not_read(tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(struct.pack(">4I", 2051, 2**31, 28, 28) + bytes(1000)))
    with pytest.raises(ValueError, match="declares 1683627180048 bytes, more than its"):
        idx_file(path, IMAGES_MAGIC)


def test_objects_are_not_unpickled(tmp_path):
    path = tmp_path / "objects.npz"
    np.savez(path, a=np.array([{"a": 1}], object))
    with pytest.raises(ValueError, match="a.npy holds object, expected numbers"):
        read_npz(path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"no zip file at all" * 100])
def test_other_files_are_named(tmp_path, content):
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    for read in (read_npz, array_names):
        with pytest.raises(ValueError, match="a.npz is .*no npz file"):
            read(path)
        with pytest.raises(ValueError, match="does not exist"):
            read(tmp_path / "b.npz")
