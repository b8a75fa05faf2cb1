import errno
import os
import subprocess
import sys
import time

import pytest

from spikelearn.files import LEFT_BEHIND, TEMPORARY, _machine, append, digest_of, naming, replacing, write_atomically


def test_writes_whole(tmp_path):
    path = tmp_path / "new" / "a.bin"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [p.name for p in path.parent.iterdir()] == ["a.bin"]


def test_an_error_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")

    def write_half():
        with replacing(path) as temporary:
            temporary.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


KILLED = """
import os, signal, sys
from pathlib import Path
from spikelearn.files import replacing
with replacing(Path(sys.argv[1])) as temporary:
    temporary.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_writer_left_is_swept_by_the_next(tmp_path):
    path = tmp_path / "a.nir"
    subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(TEMPORARY)
    write_atomically(tmp_path / "b.txt", b"other")
    assert [p.name for p in tmp_path.iterdir()] == ["b.txt"]


def test_what_may_still_be_written_is_not_swept(tmp_path):
    names = {
        "alive": f"{TEMPORARY}{_machine()}.{os.getpid()}.x.nir",
        "elsewhere": f"{TEMPORARY}{_machine()}x.{2**22}.x.nir",
        "unknown": f"{TEMPORARY}abc.nir",
        "somebody's": "part-of-a-thesis",
    }
    for name in names.values():
        (tmp_path / name).write_bytes(b"half")
    with replacing(tmp_path / "c.txt") as temporary:
        write_atomically(tmp_path / "b.txt", b"other")
        assert temporary.exists()
    assert {p.name for p in tmp_path.iterdir()} == {*names.values(), "b.txt", "c.txt"}
    long_ago = time.time() - LEFT_BEHIND - 60
    for name in names.values():
        os.utime(tmp_path / name, (long_ago, long_ago))
    write_atomically(tmp_path / "b.txt", b"other")
    assert {p.name for p in tmp_path.iterdir()} == {names["somebody's"], "b.txt", "c.txt"}


@pytest.mark.parametrize("words", ["No space left on device", None])
def test_a_full_disk_names_the_file(tmp_path, words):
    path = tmp_path / "a.bin"
    error = (
        OSError(f"Can't write data (errno = 28, error message = '{words}')") if words else OSError(errno.ENOSPC, "x")
    )
    with pytest.raises(OSError, match="No space left on device") as found, naming(path):
        raise error
    assert (found.value.filename, found.value.errno) == (str(path), errno.ENOSPC)
    with pytest.raises(OSError, match="another thing"), naming(path):
        raise OSError("another thing")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device that is always full")
def test_a_line_on_a_full_disk_names_the_file(tmp_path):
    path = tmp_path / "a.jsonl"
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left on device") as found:
        append(path, b"line\n")
    assert found.value.filename == str(path)


def test_digests(tmp_path):
    assert digest_of(tmp_path / "none") is None
    (tmp_path / "a").write_bytes(b"")
    assert digest_of(tmp_path / "a") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
