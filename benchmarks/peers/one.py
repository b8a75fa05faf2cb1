"""One candidate in a process of its own: the memory of a step, or the wait for the first; prints one line of JSON.

    python -m benchmarks.peers.one memory b snntorch --activity 0.13

``memory``: MiB by which the resident memory of the process rises above what it was before the step, at its highest;
input, weights, the last gradients, the optimizer's state and whatever is loaded or compiled once are there before.
``first``: seconds from the network that has been built to the end of its first step.
"""

import argparse
import contextlib
import ctypes
import gc
import json
import time
from pathlib import Path

import torch

from benchmarks.peers.candidates import candidate
from benchmarks.peers.libraries import Candidate
from benchmarks.peers.workloads import WORKLOADS

#: Every large block is a mapping of its own and goes back when it is freed: without this, what an earlier step
#: freed would hide what the measured one takes. Set in front of the process.
ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}


def memory_of(one: Candidate) -> float:
    """MiB that a step takes at its highest, beyond what is there before it.

    Raises:
        OSError: a system that does not count a process's peak (Linux does).
    """
    for _ in range(2):
        one.prepare()
        one.step()
    one.prepare()
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = status_mib("VmRSS")
    one.step()
    return status_mib("VmHWM") - before


def status_mib(key: str) -> float:
    """An entry of this process's status, MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) / 1024.0
    raise OSError(f"/proc/self/status has no {key}, expected Linux")


def first_step_of(one: Candidate) -> tuple[float, float]:
    """Seconds that the first step takes, and seconds of processor time in this process."""
    started, worked = time.perf_counter(), time.process_time()
    one.step()
    return time.perf_counter() - started, time.process_time() - worked


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["memory", "first"])
    parser.add_argument("workload", choices=list(WORKLOADS))
    parser.add_argument("candidate")
    parser.add_argument("--activity", type=float, required=True)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    workload = WORKLOADS[given.workload].at(steps=given.steps, batch=given.batch)
    one = candidate(given.candidate, workload, given.activity)
    if given.what == "memory":
        print(json.dumps({"mib": round(memory_of(one), 2)}))
    else:
        took, worked = first_step_of(one)
        print(json.dumps({"seconds": round(took, 3), "cpu_seconds": round(worked, 3)}))


if __name__ == "__main__":
    main()
