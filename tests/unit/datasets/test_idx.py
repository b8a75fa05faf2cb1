import gzip
import struct

import pytest
import torch

from spikelearn.datasets import MNIST, FashionMNIST, data_root
from spikelearn.datasets.idx import IdxFolder
from spikelearn.datasets.root import ROOT_VARIABLE, fetch

NAMES = {
    ("train", "images"): "train-images-idx3-ubyte.gz",
    ("train", "labels"): "train-labels-idx1-ubyte.gz",
    ("test", "images"): "t10k-images-idx3-ubyte.gz",
    ("test", "labels"): "t10k-labels-idx1-ubyte.gz",
}


def images(count=5, size=28, magic=2051):
    return struct.pack(">IIII", magic, count, size, size) + bytes(i % 256 for i in range(count * size * size))


def labels(values=(0, 1, 2, 9, 4), magic=2049):
    return struct.pack(">II", magic, len(values)) + bytes(values)


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    for (_, kind), name in NAMES.items():
        (folder / name).write_bytes(gzip.compress(images() if kind == "images" else labels()))
    return tmp_path


def test_reads_what_is_there(root):
    data = MNIST("test", root)
    assert len(data) == 5
    assert data.targets.tolist() == [0, 1, 2, 9, 4]
    assert data.images.shape == (5, 1, 28, 28)
    pixels = data.pixels(torch.tensor([1]))
    assert pixels.shape == (1, 1, 28, 28)
    assert pixels.flatten()[0] == pytest.approx((28 * 28 % 256) / 255)


@pytest.mark.parametrize("kind", [MNIST, IdxFolder])
def test_side_files_are_no_data(root, kind):
    """As a Mac and Windows leave them."""
    folder = root / "mnist"
    for name in (*NAMES.values(), "x"):
        (folder / f"._{name}").write_bytes(bytes(4096))
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "train-images-idx3-ubyte.gz.part"):
        (folder / name).write_bytes(b"ab")
    (folder / "__MACOSX").mkdir()
    data = MNIST("train", root) if kind is MNIST else IdxFolder("train", folder, classes=10)
    assert data.targets.tolist() == [0, 1, 2, 9, 4]


def truncated(content):
    return gzip.compress(content)[:-20]


def damaged(content):
    packed = bytearray(gzip.compress(content))
    packed[len(packed) // 2] ^= 0xFF
    return bytes(packed)


@pytest.mark.parametrize(
    ("kind", "content", "message"),
    [
        ("images", b"", "0 bytes"),
        ("images", truncated(images()), "cut short"),
        ("images", damaged(images()), "damaged"),
        ("images", b"<html>not found</html>", "no gzip file"),
        ("images", gzip.compress(b"abc"), "3 bytes"),
        ("images", gzip.compress(images()[:-7]), "fewer or more bytes than the 5 x 28 x 28 that it declares"),
        ("images", gzip.compress(labels()), "it holds labels"),
        ("images", gzip.compress(images(0)), "holds no images"),
        ("images", gzip.compress(images(4)), "4 images and train-labels-idx1-ubyte.gz has 5 labels"),
        ("images", gzip.compress(images(5, 27)), "27 x 27 pixels"),
        ("labels", gzip.compress(labels((0, 1, 2, 10, 4))), "has the label 10, expected 0 to 9"),
        ("labels", gzip.compress(images()), "it holds images"),
        ("labels", gzip.compress(labels(magic=77)), "no IDX file"),
    ],
)
def test_bad_files_are_named_and_left_alone(root, kind, content, message):
    path = root / "mnist" / NAMES["train", kind]
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        MNIST("train", root)
    assert "mnist" in str(error.value)
    assert path.read_bytes() == content


def test_a_missing_file_names_root_and_flag(tmp_path, monkeypatch):
    monkeypatch.setattr(MNIST, "mirrors", ((tmp_path / "nowhere").as_uri(),))
    with pytest.raises(ValueError, match="does not exist and could not be downloaded.*--data-root"):
        MNIST("train", tmp_path)
    assert not any((tmp_path / "mnist").glob("*.gz"))


def serve(folder):
    """A web server of ``folder`` on this machine."""
    import threading
    from functools import partial
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def test_the_second_mirror_serves_when_the_first_lies(tmp_path):
    import hashlib

    good, bad = tmp_path / "good", tmp_path / "bad"
    good.mkdir()
    bad.mkdir()
    (good / "a.gz").write_bytes(b"the file")
    (bad / "a.gz").write_bytes(b"another file")
    server = serve(tmp_path)
    try:
        address = f"http://127.0.0.1:{server.server_port}"
        target = tmp_path / "root" / "set" / "a.gz"
        md5 = hashlib.md5(b"the file").hexdigest()
        assert fetch(target, (f"{address}/missing", f"{address}/bad", f"{address}/good"), md5) == target
        assert target.read_bytes() == b"the file"
        assert [p.name for p in target.parent.iterdir()] == ["a.gz"]
        (good / "a.gz").write_bytes(b"changed later")
        assert fetch(target, (f"{address}/good",), md5).read_bytes() == b"the file"
    finally:
        server.shutdown()


def test_published_checksums_are_complete():
    for kind in (MNIST, FashionMNIST):
        assert set(kind.checksums) == set(NAMES.values())
        assert all(len(md5) == 32 for md5 in kind.checksums.values())


def test_roots_in_order(tmp_path, monkeypatch):
    monkeypatch.delenv(ROOT_VARIABLE, raising=False)
    assert data_root().name == "spikelearn"
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path))
    assert data_root() == tmp_path
    inner = tmp_path / "inner"
    inner.mkdir()
    assert data_root(inner) == inner
    with pytest.raises(ValueError, match="which is not a folder"):
        data_root(tmp_path / "missing")
    monkeypatch.setenv(ROOT_VARIABLE, str(tmp_path / "missing"))
    with pytest.raises(ValueError, match=ROOT_VARIABLE):
        data_root()
