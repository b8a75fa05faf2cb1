"""Downloads that are cut, checksums, and archives that must not be unpacked, over a server of the test's own."""

import hashlib
import io
import os
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from spikelearn.datasets import NMNIST
from spikelearn.datasets.archives import Archive, download, get, unpack
from spikelearn.files import TEMPORARY
from tests.conformance import tiny

CONTENT = bytes(range(256)) * 4000


@pytest.fixture
def server():
    """A server of ``files``, which ends the first ``cut`` answers in their middle and takes ranges."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self):
            content, offered = httpd.files.get(self.path), self.headers.get("Range")
            if content is None:
                self.send_error(404)
                return
            start = int(offered[6:-1]) if offered and httpd.ranges else 0
            httpd.asked.append(start)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            end = start + (len(content) - start) // 2 if httpd.cut > 0 else len(content)
            httpd.cut -= 1
            self.wfile.write(content[start:end])

        def log_message(self, *_):
            pass

    httpd = HTTPServer(("127.0.0.1", 0), Answer)
    httpd.files, httpd.cut, httpd.ranges, httpd.asked = {"/a.bin": CONTENT}, 0, True, []
    thread = threading.Thread(target=httpd.serve_forever, daemon=True)
    thread.start()
    httpd.url = f"http://127.0.0.1:{httpd.server_port}"
    yield httpd
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def archive(server, name="a.bin", content=CONTENT, **more):
    return Archive(name, hashlib.md5(content).hexdigest(), f"{server.url}/{name}", **more)


def test_a_download(server, tmp_path):
    told = []
    download(archive(server), tmp_path / "a.bin", lambda there, of: told.append((there, of)))
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert os.listdir(tmp_path) == ["a.bin"]


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_was_cut_goes_on(server, tmp_path, ranges):
    server.cut, server.ranges = 2, ranges
    for _ in range(2):
        with pytest.raises(ValueError, match="bytes are kept in a.bin.partial, and go on"):
            download(archive(server), tmp_path / "a.bin")
        assert not (tmp_path / "a.bin").exists()
    download(archive(server), tmp_path / "a.bin")
    assert (tmp_path / "a.bin").read_bytes() == CONTENT
    half = len(CONTENT) // 2
    assert server.asked == ([0, half, half + half // 2] if ranges else [0, 0, 0])


def test_another_file_is_deleted(server, tmp_path):
    server.files["/a.bin"] = CONTENT[:-1]
    with pytest.raises(ValueError, match="gave a file with the md5 .*, expected .*, which was deleted"):
        download(archive(server), tmp_path / "a.bin")
    assert os.listdir(tmp_path) == []


def test_no_such_address(server, tmp_path):
    with pytest.raises(ValueError, match=r"b.bin could not be downloaded from .* \(HTTPError: .*404"):
        download(archive(server, "b.bin"), tmp_path / "b.bin")
    assert os.listdir(tmp_path) == []


def zipped(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


def taped(path, members, kind=tarfile.REGTYPE):
    with tarfile.open(path, "w:gz") as tape:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = (len(content), kind, "/etc/passwd")
            if kind != tarfile.REGTYPE:
                info.size = 0
            tape.addfile(info, io.BytesIO(content))
    return path


def left(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("pack", [zipped, taped])
def test_unpacking(tmp_path, pack):
    path = pack(tmp_path / "a.packed", {"in/a.txt": b"a", "in/deep/b.txt": b"b" * 1000})
    unpack(path, tmp_path / "out", 1 << 20)
    assert left(tmp_path / "out") == ["in/a.txt", "in/deep/b.txt"]
    (tmp_path / "out" / "in" / "a.txt").write_bytes(b"mine")
    unpack(path, tmp_path / "out", 1 << 20)
    assert (tmp_path / "out" / "in" / "a.txt").read_bytes() == b"mine"


@pytest.mark.parametrize("name", ["../a.txt", "/a.txt", "in/../../a.txt", "C:\\a.txt", "..\\a.txt"])
@pytest.mark.parametrize("pack", [zipped, taped])
def test_names_outside_the_folder(tmp_path, pack, name):
    path = pack(tmp_path / "a.packed", {"in/good.txt": b"a", name: b"b"})
    with pytest.raises(ValueError, match=r"a.packed is refused: .*lies outside the folder.*nothing was unpacked"):
        unpack(path, tmp_path / "out", 1 << 20)
    assert left(tmp_path) == ["a.packed"]


@pytest.mark.parametrize("pack", [zipped, taped])
def test_more_bytes_than_the_data_set_has(tmp_path, pack):
    path = pack(tmp_path / "a.packed", {"a": bytes(3 << 20)})
    assert path.stat().st_size < 10_000
    with pytest.raises(ValueError, match="refused: it unpacks to 3145728 bytes or more, expected at most 1048576"):
        unpack(path, tmp_path / "out", 1 << 20)
    assert left(tmp_path) == ["a.packed"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_devices(tmp_path, kind):
    path = taped(tmp_path / "a.tar.gz", {"link": b""}, kind)
    with pytest.raises(ValueError, match="link is a link or a device"):
        unpack(path, tmp_path / "out", 1 << 20)
    assert left(tmp_path) == ["a.tar.gz"]


@pytest.mark.parametrize("pack", [zipped, taped])
def test_archives_that_are_cut(tmp_path, pack):
    path = pack(tmp_path / "a.packed", {"a": os.urandom(100_000), "b": os.urandom(100_000)})
    path.write_bytes(path.read_bytes()[:120_000])
    with pytest.raises(ValueError, match="a.packed is damaged or cut short"):
        unpack(path, tmp_path / "out", 1 << 20)
    assert left(tmp_path) == ["a.packed"]


def test_archives_in_an_archive(tmp_path):
    inner = zipped(tmp_path / "bird.zip", {"bird/1.txt": b"1"}).read_bytes()
    path = zipped(tmp_path / "all.zip", {"bird.zip": inner, "ship.zip": inner.replace(b"bird", b"ship")})
    unpack(path, tmp_path / "out", 1 << 20, inner=True)
    assert left(tmp_path / "out") == ["bird/1.txt", "ship/1.txt"]
    bad = zipped(tmp_path / "bad.zip", {"bird.zip": zipped(tmp_path / "x.zip", {"../../1.txt": b""}).read_bytes()})
    with pytest.raises(ValueError, match="lies outside the folder"):
        unpack(bad, tmp_path / "other", 1 << 20, inner=True)
    assert left(tmp_path / "other") == []


def test_no_half_of_an_archive_is_left(tmp_path, monkeypatch):
    path = zipped(tmp_path / "a.zip", {"a/1": b"1", "a/2": b"2"})
    monkeypatch.setattr("os.replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space"):
        unpack(path, tmp_path / "out", 1 << 20)
    assert not any(name.startswith(TEMPORARY) for name in os.listdir(tmp_path / "out"))


def test_a_data_set_is_downloaded_checked_and_unpacked(server, tmp_path, monkeypatch):
    tiny.nmnist(tmp_path / "source")
    source = tmp_path / "source" / "nmnist" / "NMNIST"
    archives = {}
    for split, part in (("train", "Train"), ("test", "Test")):
        files = {
            f"{part}/{path.relative_to(source / part)}": path.read_bytes() for path in (source / part).rglob("*.bin")
        }
        content = zipped(tmp_path / f"{split}.zip", files).read_bytes()
        server.files[f"/{split}.zip"] = content
        archives[split] = (archive(server, f"{split}.zip", content, unpacks=part, into="NMNIST"),)
    monkeypatch.setattr(NMNIST, "archives", archives)
    root = tmp_path / "root"
    root.mkdir()
    assert NMNIST("train", root).targets.tolist() == [0, 1, 2, 3]
    assert len(server.asked) == 1
    assert len(NMNIST("test", root)) == 4
    assert NMNIST("train", root).frames([0], 3).sum() > 0
    assert len(server.asked) == 2
    damaged = root / "nmnist" / "NMNIST" / "test.zip"
    damaged.write_bytes(damaged.read_bytes()[:-9])
    with pytest.raises(ValueError, match="test.zip has the md5 .*, expected"):
        get(root / "nmnist", archives["test"][0]._replace(unpacks="Elsewhere"))
