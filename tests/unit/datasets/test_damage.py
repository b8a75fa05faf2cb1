"""Damaged files of every format, made by chance: a clear error or the file's own samples, never another exception.

``SPIKELEARN_DAMAGED=3000 pytest tests/unit/datasets/test_damage.py`` tries so many of each format.
"""

import gzip
import io
import os
import struct
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikelearn.datasets import CIFAR10, MNIST, open_dataset

TRIED = int(os.environ.get("SPIKELEARN_DAMAGED", "25"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


def pixels(count, *shape):
    return np.random.default_rng(0).integers(0, 256, (count, *shape), np.uint8)


def idx(path, count=12, size=28, pack=gzip.compress):
    path.mkdir(parents=True, exist_ok=True)
    end = ".gz" if pack is gzip.compress else ""
    for name in ("train", "t10k"):
        images = struct.pack(">4I", 2051, count, size, size) + pixels(count, size, size).tobytes()
        labels = struct.pack(">2I", 2049, count) + bytes(i % 3 for i in range(count))
        (path / f"{name}-images-idx3-ubyte{end}").write_bytes(pack(images))
        (path / f"{name}-labels-idx1-ubyte{end}").write_bytes(pack(labels))
    return sorted(path.iterdir())


def npz(path, save):
    path.mkdir(parents=True, exist_ok=True)
    labels = np.arange(12) % 3
    save(
        path / "own.npz",
        x_train=pixels(12, 5, 4) / 255.0,
        y_train=labels,
        x_test=pixels(6, 5, 4) / 255.0,
        y_test=labels[:6],
    )
    return [path / "own.npz"]


class SmallCIFAR10(CIFAR10):
    per_file = 4


def cifar10(path):
    batches = path / SmallCIFAR10.__name__ / "cifar-10-batches-bin"
    batches.mkdir(parents=True)
    for number, name in enumerate([*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"]):
        records = np.random.default_rng(number).integers(0, 256, (4, 3073), np.uint8)
        records[:, 0] = np.arange(4) + number
        (batches / name).write_bytes(records.tobytes())
    return sorted(batches.iterdir())


#: {format: (its files, how they are read)}; both take the folder.
FORMATS = {
    "mnist": (lambda path: idx(path / "mnist"), lambda path: MNIST("train", path)),
    "idx, packed": (lambda path: idx(path / "own", size=5), lambda path: open_dataset(f"idx:{path}/own", "train", None, {})),
    "idx": (
        lambda path: idx(path / "own", size=5, pack=bytes),
        lambda path: open_dataset(f"idx:{path}/own", "train", None, {}),
    ),
    "npz": (
        lambda path: npz(path, np.savez),
        lambda path: open_dataset(f"file:{path}/own.npz", "train", None, {"sequence": True}),
    ),
    "npz, packed": (
        lambda path: npz(path, np.savez_compressed),
        lambda path: open_dataset(f"file:{path}/own.npz", "train", None, {"sequence": True}),
    ),
    "cifar10": (cifar10, lambda path: SmallCIFAR10("train", path)),
}  # fmt: skip

#: Where a changed byte can only be found by the published md5: the format has no checksum of its own.
UNCHECKED = ("idx", "cifar10")


def arrays_changed(content, change):
    """An npz file whose first array is changed before it is packed, so that all checksums are right."""
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(changed, "w", zipfile.ZIP_DEFLATED) as new:
        for number, info in enumerate(old.infolist()):
            new.writestr(info.filename, change(old.read(info)) if number == 0 else old.read(info))
    return changed.getvalue()


#: {format: how a file is changed below its packing}.
PACKINGS = {
    "mnist": lambda content, change: gzip.compress(change(gzip.decompress(content)), 1),
    "npz, packed": arrays_changed,
}


@st.composite
def damaged(draw, content):
    """``content`` with changed, lost, doubled, or foreign bytes."""
    content = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.one_of(st.integers(0, len(content)), st.integers(0, min(len(content), 120))))
        size = draw(st.integers(1, 8))
        match draw(st.sampled_from(["flip", "cut", "drop", "double", "put", "ends"])):
            case "flip" if place < len(content):
                content[place] ^= draw(st.integers(1, 255))
            case "cut":
                del content[place:]
            case "drop":
                del content[place : place + size]
            case "double":
                content[place:place] = content[place : place + size]
            case "put":
                content[place : place + size] = draw(st.binary(min_size=size, max_size=size))
            case "ends":
                content += draw(st.binary(min_size=1, max_size=20))
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "below"), [*((name, False) for name in FORMATS), *((name, True) for name in PACKINGS)]
)
def test_damage_is_said(name, below, folder):
    made, read = FORMATS[name]
    place = folder / f"{name.replace(', ', '-')}-{below}"
    files = made(place)
    whole = read(place)
    inputs = whole.data if hasattr(whole, "data") else whole.images

    @settings(max_examples=TRIED, deadline=5000, suppress_health_check=list(HealthCheck))
    @given(st.data())
    def one(data):
        path = data.draw(st.sampled_from(files))
        good = path.read_bytes()
        if below:
            path.write_bytes(PACKINGS[name](good, lambda content: data.draw(damaged(content))))
        else:
            path.write_bytes(data.draw(damaged(good)))
        try:
            found = read(place)
        except ValueError as error:
            if path.parent.name not in (words := str(error)):
                raise AssertionError(f"the file is not named: {words}") from error
        else:
            values = found.data if hasattr(found, "data") else found.images
            assert len(values) == len(found.targets)
            assert int(found.targets.min()) >= 0
            assert values.numel() < 10 * inputs.numel()
            if name not in UNCHECKED and not below:
                assert values.equal(inputs)
                assert found.targets.equal(whole.targets)
        finally:
            path.write_bytes(good)

    one()
