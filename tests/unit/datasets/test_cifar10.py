import hashlib
import io
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from spikelearn.datasets import CIFAR10
from spikelearn.datasets.cifar10 import ARCHIVE, FOLDER

NAMES = (*(f"data_batch_{number}.bin" for number in range(1, 6)), "test_batch.bin")


def record(label, start):
    """One image whose bytes count up from ``start``."""
    return bytes([label]) + bytes((start + place) % 256 for place in range(3072))


def content(name, labels=(3, 9)):
    start = NAMES.index(name) * 10
    return b"".join(record(label, start + place) for place, label in enumerate(labels))


def packed():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in NAMES:
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content(name))
            archive.addfile(member, io.BytesIO(content(name)))
    return buffer.getvalue()


PACKED = packed()
PUBLISHED = CIFAR10.checksum, CIFAR10.per_file


def flipped(archive):
    """With a byte in its middle changed."""
    changed = bytearray(archive)
    changed[len(changed) // 2] ^= 0xFF
    return bytes(changed)


@pytest.fixture(autouse=True)
def two_images_a_file(monkeypatch, tmp_path):
    """Files of two images, their archive taken for the published one, and no way to the outside."""
    monkeypatch.setattr(CIFAR10, "per_file", 2)
    monkeypatch.setattr(CIFAR10, "checksum", hashlib.md5(PACKED).hexdigest())
    monkeypatch.setattr(CIFAR10, "mirrors", ((tmp_path / "nowhere").as_uri(),))


@pytest.fixture
def folder(tmp_path):
    """A data root's folder of batches, all there."""
    folder = tmp_path / "cifar10" / FOLDER
    folder.mkdir(parents=True)
    for name in NAMES:
        (folder / name).write_bytes(content(name))
    return folder


def test_side_files_are_no_data(tmp_path, folder):
    for name in (*(f"._{name}" for name in NAMES), ".DS_Store", "Thumbs.db", "data_batch_6.bin"):
        (folder / name).write_bytes(b"ab")
    assert len(CIFAR10("train", tmp_path)) == 10


def test_reads_what_is_there(tmp_path, folder):
    train, test = CIFAR10("train", tmp_path), CIFAR10("test", tmp_path)
    assert train.images.shape == (10, 3, 32, 32)
    assert test.images.shape == (2, 3, 32, 32)
    assert train.images.dtype == torch.uint8
    assert train.targets.tolist() == [3, 9] * 5
    # The second image of the third file begins at 21; planes of 1,024 bytes, rows of 32.
    image = train.images[5]
    assert [int(image[0, 0, 0]), int(image[0, 0, 5]), int(image[0, 2, 1])] == [21, 26, 21 + 65]
    assert int(image[1, 1, 3]) == (21 + 1024 + 35) % 256
    assert int(image[2, 31, 31]) == (21 + 3071) % 256
    assert train.pixels(torch.tensor([5]))[0, 0, 0, 0] == pytest.approx(21 / 255)


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        (b"", "holds 0 bytes, expected 6146 for 2 images of 3073 bytes"),
        (content("data_batch_4.bin")[:-1], "holds 6145 bytes.*cut short"),
        (content("data_batch_4.bin", (1,)), "holds 3073 bytes"),
        (content("data_batch_4.bin", (1, 2, 3)), "holds 9219 bytes"),
        (content("data_batch_4.bin", (3, 10)), "has the label 10, expected 0 to 9: it is damaged"),
    ],
)
def test_bad_files_are_named_and_left_alone(tmp_path, folder, damaged, message):
    path = folder / "data_batch_4.bin"
    path.write_bytes(damaged)
    with pytest.raises(ValueError, match=rf"data_batch_4.bin {message}"):
        CIFAR10("train", tmp_path)
    assert path.read_bytes() == damaged
    assert len(CIFAR10("test", tmp_path)) == 2, "the other split does not look at it"


def test_a_missing_file_names_root_and_flag(tmp_path):
    with pytest.raises(ValueError, match=f"{ARCHIVE} does not exist and could not be downloaded.*--data-root"):
        CIFAR10("train", tmp_path)
    assert not any(tmp_path.iterdir())


def test_the_archive_that_is_there_is_unpacked_and_nothing_replaced(tmp_path, folder):
    (folder / "data_batch_2.bin").unlink()
    kept = content("data_batch_1.bin", (7, 7))
    (folder / "data_batch_1.bin").write_bytes(kept)
    (folder.parent / ARCHIVE).write_bytes(PACKED)
    assert CIFAR10("train", tmp_path).targets.tolist() == [7, 7, *[3, 9] * 4]
    assert (folder / "data_batch_1.bin").read_bytes() == kept
    assert sorted(path.name for path in folder.iterdir()) == sorted([*NAMES, "MD5SUMS"])


def test_one_split_alone_is_enough(tmp_path, folder):
    for name in NAMES[:5]:
        (folder / name).unlink()
    assert len(CIFAR10("test", tmp_path)) == 2
    with pytest.raises(ValueError, match="could not be downloaded"):
        CIFAR10("train", tmp_path)


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"<html>not found</html>",
        PACKED[:-200],
        flipped(PACKED),
    ],
    ids=["empty", "another kind", "cut short", "damaged"],
)
def test_a_bad_archive_is_named_and_left_alone(tmp_path, archive):
    path = tmp_path / "cifar10" / ARCHIVE
    path.parent.mkdir()
    path.write_bytes(archive)
    with pytest.raises(ValueError, match=f"{ARCHIVE} has the md5 .*damaged, cut short or another archive; delete it"):
        CIFAR10("train", tmp_path)
    assert [file.name for file in path.parent.iterdir()] == [ARCHIVE]
    assert path.read_bytes() == archive


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_what_is_missing_is_downloaded_and_its_checksum_compared(tmp_path, monkeypatch):
    served, root = tmp_path / "served", tmp_path / "root"
    served.mkdir()
    root.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(served)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(CIFAR10, "mirrors", (f"http://127.0.0.1:{server.server_port}",))
    try:
        (served / ARCHIVE).write_bytes(flipped(PACKED))
        with pytest.raises(ValueError, match="could not be downloaded"):
            CIFAR10("test", root)
        assert not list(root.rglob("*.*")), "another checksum than the published one"
        (served / ARCHIVE).write_bytes(PACKED)
        assert CIFAR10("test", root).targets.tolist() == [3, 9]
        assert (root / "cifar10" / ARCHIVE).read_bytes() == PACKED
    finally:
        server.shutdown()
    assert len(CIFAR10("train", root)) == 10, "unpacked with the other split"


def test_the_published_checksum_and_sizes():
    assert PUBLISHED == ("c32a1d4ab5d03f1284b67883e8d87530", 10_000)
