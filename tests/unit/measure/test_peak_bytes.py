import mmap
import platform
import subprocess
import sys

import pytest
import torch

from spikelearn.measure import PeakBytes
from spikelearn.measure import peak_bytes as module

MIB = 2**20


def touch(size):
    """Use memory that goes back to the system, as what is freed to an allocator may not."""
    with mmap.mmap(-1, size) as pages:
        pages[:: mmap.PAGESIZE] = b"1" * (size // mmap.PAGESIZE)


@pytest.mark.skipif(sys.platform != "linux", reason="the mark is reset through /proc")
def test_the_peak_of_a_block_is_its_own():
    with PeakBytes() as large:
        touch(192 * MIB)
    with PeakBytes() as small:
        touch(96 * MIB)
    assert large.method == small.method == "resident"
    for found, size in ((large, 192 * MIB), (small, 96 * MIB)):
        assert 0.9 * size < found.rise_bytes < 1.2 * size
        assert found.peak_bytes > found.rise_bytes
        assert found.reason == ""


KEPT = """
import torch
from spikelearn.allocator import keep_freed_memory
from spikelearn.measure import PeakBytes
keep_freed_memory()
for size in (1 << 24, 1 << 26, 1 << 24):
    with PeakBytes() as found:
        torch.ones(size)
    print(found.peak_bytes)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_what_an_earlier_block_freed_does_not_count():
    run = subprocess.run([sys.executable, "-c", KEPT], check=True, capture_output=True, text=True)
    small, large, again = map(int, run.stdout.split())
    assert large - small > 160 * MIB
    assert abs(again - small) < 16 * MIB


@pytest.mark.skipif(sys.platform != "linux", reason="the mark is reset through /proc")
def test_a_pause_does_not_count_and_what_was_before_it_does():
    with PeakBytes() as found:
        touch(64 * MIB)
        with found.paused():
            touch(256 * MIB)
        touch(16 * MIB)
    assert 0.9 * 64 * MIB < found.rise_bytes < 1.5 * 64 * MIB


@pytest.mark.parametrize(("marks", "peak"), [((100, 100), None), ((100, 140), 140)])
def test_without_a_reset_only_a_mark_that_rose_is_told(monkeypatch, marks, peak):
    left = list(marks)
    monkeypatch.setattr(module, "_reset_resident_peak", lambda: False)
    monkeypatch.setattr(module, "_high_water", lambda: left.pop(0))
    with PeakBytes() as found:
        pass
    assert found.method == "high-water"
    assert found.peak_bytes == peak
    assert found.rise_bytes is None
    assert ("fresh one" in found.reason) == (peak is None)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_on_a_gpu_it_is_the_allocators():
    with PeakBytes("cuda") as found:
        torch.ones(4 * MIB, device="cuda")
    assert found.rise_bytes == 16 * MIB
