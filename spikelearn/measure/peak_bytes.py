"""The most bytes that a block of code uses, as the machine sees it."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import torch

from spikelearn.allocator import give_back_freed_memory

Method = Literal["cuda", "resident", "high-water"]


class PeakBytes:
    """Context in which the highest use of memory is measured.

    After it ``peak_bytes`` is the highest use inside, ``rise_bytes`` by how much that is above the use at the start,
    and ``method`` how it was found: "cuda", of torch's allocator on that device; "resident", of the whole process, on
    Linux, where the kernel's mark is reset at the start; "high-water", of the whole process since it was started, where
    that cannot be: then ``rise_bytes`` is None, with the ``reason``, unless the mark rose.

    What was freed before goes back to the system first (with glibc). What an earlier block left in use, such as
    libraries that it imported, still counts towards the peak: to the byte, compare peaks of fresh processes.

    Args:
        device: whose memory; "cpu" or a "cuda" device.

    Source: proc(5), ``clear_refs`` and ``VmHWM``; getrusage(2); ``torch.cuda.max_memory_allocated``.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.method: Method = "cuda" if self.device.type == "cuda" else "high-water"
        self.peak_bytes: int | None = None
        self.rise_bytes: int | None = None
        self.reason = "the block has not ended"
        self._start = self._most = 0

    def __enter__(self) -> Self:
        gc.collect()
        self._reset()
        if self.method == "cuda":
            self._start = torch.cuda.memory_allocated(self.device)
        else:
            self._start = _status("VmRSS") if self.method == "resident" else _high_water()
        return self

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave out of the count what is used, but for the method "high-water"."""
        if self.method != "high-water":
            self._most = max(self._most, self._mark())
        try:
            yield
        finally:
            if self.method != "high-water":
                self._reset()

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.reason = ""
        if self.method == "high-water":
            self._end_high_water()
            return
        self.peak_bytes = max(self._most, self._mark())
        self.rise_bytes = self.peak_bytes - self._start

    def _reset(self) -> None:
        if self.method == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            return
        give_back_freed_memory()
        if _reset_resident_peak():
            self.method = "resident"

    def _mark(self) -> int:
        """Highest use since the last reset, bytes."""
        return torch.cuda.max_memory_allocated(self.device) if self.method == "cuda" else _status("VmHWM")

    def _end_high_water(self) -> None:
        peak = _high_water()
        if peak > self._start:
            self.peak_bytes = peak
            return
        self.reason = "the process used more before, and this system does not reset its mark: measure in a fresh one"


def _reset_resident_peak() -> bool:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        return "VmHWM" in Path("/proc/self/status").read_text()
    return False


def _status(name: str) -> int:
    """An entry of the process's status, bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


def _high_water() -> int:
    """Most resident memory since the process was started, bytes; 0 where the system does not say."""
    try:
        import resource
    except ImportError:
        return 0
    # macOS counts bytes, others KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
