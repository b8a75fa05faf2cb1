"""How much longer a training takes where other programs keep the cores busy, by how its threads wait for each other.

    python -m benchmarks.busy                             # every workload, quiet and beside six busy processes
    python -m benchmarks.busy --variants ours spins=1000 spins=20000 passive openmp one
    python -m benchmarks.busy --run make demo             # any command, beside the same load

Variants are timed in turn, each quiet and loaded, so that what else happens on the machine meets all of them. The load
ends by itself after its time, and when this program is killed.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

from spikelearn.threads import SAID, VARIABLES

#: (network, input shape, T, batch, training steps).
WORKLOADS = {
    "digits": ("64-400-10", (1, 8, 8), 25, 64, 70),
    "mnist": ("784-400-10", (1, 28, 28), 25, 128, 40),
    "conv": ("16C5-P2-32C3-P2-10", (1, 28, 28), 10, 32, 30),
}

#: What is set in the environment; ``spins=N`` besides. GNU OpenMP by itself looks 300,000 times.
VARIANTS = {
    "ours": {},
    "openmp": {"GOMP_SPINCOUNT": "300000"},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "one": {"OMP_NUM_THREADS": "1"},
}

#: The most busy processes, and the most seconds for which they last.
MOST, LONGEST = 32, 1800.0

BUSY = """
import os, sys, time
os.nice(int(sys.argv[1]))
parent, until = os.getppid(), time.monotonic() + float(sys.argv[2])
while time.monotonic() < until and os.getppid() == parent:
    sum(range(50_000))
"""


@contextmanager
def load(count: int, niceness: int, seconds: float) -> Iterator[None]:
    """Inside, ``count`` processes keep a core busy each."""
    command = [sys.executable, "-c", BUSY, str(niceness), str(min(seconds, LONGEST))]
    busy = [subprocess.Popen(command) for _ in range(min(count, MOST))]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def environment(variant: str) -> dict[str, str]:
    """This one's, without what it says about threads, and with what the variant says."""
    name, _, number = variant.partition("=")
    own = {"GOMP_SPINCOUNT": str(int(number))} if name == "spins" else VARIANTS[variant]
    return {key: value for key, value in os.environ.items() if key not in (*SAID, *VARIABLES)} | own


def seconds_of(workload: str, variant: str) -> float:
    """Seconds of the workload's training steps in a process of its own, without its start."""
    command = [sys.executable, "-m", "benchmarks.busy", "--one", workload]
    done = subprocess.run(command, env=environment(variant), capture_output=True, text=True, check=True)
    return float(done.stdout)


def one(workload: str) -> float:
    """Seconds of the training steps here; the first ones compile."""
    import torch

    from spikelearn import BPTT, Batch, Training, build, learn

    net, shape, n_steps, batch, count = WORKLOADS[workload]
    training = Training.start(build(net, input_shape=shape), BPTT())
    inputs = (torch.rand(n_steps, batch, *shape) < 0.1).float()
    taught = Batch(inputs, torch.arange(batch) % 10)
    for _ in range(5):
        learn(training, taught)
    started = time.perf_counter()
    for _ in range(count):
        learn(training, taught)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--variants", nargs="+", default=["ours", "openmp", "passive", "one"], metavar="NAME")
    parser.add_argument("--load", type=int, default=6, help="busy processes")
    parser.add_argument("--nice", type=int, default=5, help="their niceness")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--run", nargs=argparse.REMAINDER, metavar="COMMAND", help="time a command beside the load")
    parser.add_argument("--one", choices=list(WORKLOADS), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(one(given.one))
        return
    for variant in given.variants:
        if variant not in VARIANTS and not (variant.startswith("spins=") and variant[6:].isdecimal()):
            parser.error(f"unknown variant {variant!r}, expected one of {', '.join(VARIANTS)} or spins=N")
    if given.run:
        started = time.monotonic()
        with load(given.load, given.nice, LONGEST):
            code = subprocess.run(given.run, env=environment("ours")).returncode
        print(f"{' '.join(given.run)}: {time.monotonic() - started:.0f} s beside {given.load} busy processes")
        sys.exit(code)
    compare(given)


def compare(given: argparse.Namespace) -> None:
    """Time the variants in turn, and print the medians."""
    found: dict[tuple[str, str, bool], list[float]] = {}
    for _ in range(given.rounds):
        for workload in given.workloads:
            for variant in given.variants:
                found.setdefault((workload, variant, False), []).append(seconds_of(workload, variant))
                with load(given.load, given.nice, 600.0):
                    found.setdefault((workload, variant, True), []).append(seconds_of(workload, variant))
    print(f"seconds, median of {given.rounds} rounds; beside {given.load} busy processes of niceness {given.nice}")
    print(f"{'workload':10} {'variant':12} {'quiet':>8} {'loaded':>8} {'times':>7}   quiet, from and to")
    for workload in given.workloads:
        for variant in given.variants:
            quiet, loaded = (found[workload, variant, busy] for busy in (False, True))
            ratio = median(loaded) / median(quiet)
            print(
                f"{workload:10} {variant:12} {median(quiet):8.2f} {median(loaded):8.2f} {ratio:7.1f}   "
                f"{min(quiet):.2f} to {max(quiet):.2f}"
            )


if __name__ == "__main__":
    main()
