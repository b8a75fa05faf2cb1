"""One layer on a GPU: Linear + LIF forward and backward, 16,384 neurons, B 16, T 500, ours against its peers.

    python -m benchmarks.gpu_layer [--peers snntorch norse spikingjelly] [--rounds 7] [--json FILE]

The layer of the Open Neuromorphic benchmark. Every library runs as its own tutorials say, with the same weights and
inputs; SpikingJelly chooses the fastest of its back ends by itself. ``floor`` is the product with the weights alone, in
float32 and, by autocast, in bfloat16; ours is shown at both too, with the event lists it would choose and without
(``dense``). Medians of rounds in which all run in turn, and of the ratios round by round; the memory is the highest
that was allocated during a step above what lay there before it.

Without a GPU it says so and ends with status 2; ``--device cpu`` runs the same code at a small size, which says nothing
about GPUs.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import torch

from benchmarks.peers.candidates import available
from benchmarks.peers.libraries import PEERS, Candidate
from benchmarks.peers.measure import interleaved, paired
from benchmarks.peers.ours import Ours
from benchmarks.peers.workloads import Workload

#: Neurons, B and T, and the same where only the code is tried.
SIZES = {"cuda": (16384, 16, 500), "cpu": (64, 4, 20)}
ACTIVITY = 0.1


class OnDevice:
    """A candidate that has been moved to a device, and ends a step when the device does.

    Args:
        candidate: what is timed.
        device: "cuda" or "cpu".
        dtype: of products under autocast; None for float32 throughout.
    """

    def __init__(self, candidate: Candidate, device: str, dtype: torch.dtype | None = None) -> None:
        self.candidate, self.device, self.dtype = candidate, device, dtype
        candidate.network.to(device)
        candidate.given, candidate.targets = candidate.given.to(device), candidate.targets.to(device)
        self.peak_mib: float | None = None
        self.prepare()

    def prepare(self) -> None:
        self.candidate.prepare()
        self._wait()

    def step(self) -> None:
        with nullcontext() if self.dtype is None else torch.autocast(self.device, self.dtype):
            self.candidate.step()
        self._wait()

    def measure_memory(self) -> None:
        """One step for its memory, MiB; none where the device does not count it."""
        if self.device != "cuda":
            return
        self.candidate.network.zero_grad(set_to_none=True)
        self.prepare()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        self.step()
        self.peak_mib = (torch.cuda.max_memory_allocated() - before) / 2**20

    def _wait(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()


def candidates(workload: Workload, device: str, peers: Sequence[str]) -> dict[str, OnDevice]:
    """Ours and the floor at two precisions, then the peers; ours first."""
    made = {
        "spikelearn": OnDevice(Ours(workload, ACTIVITY, "float"), device),
        "spikelearn-dense": OnDevice(Ours(workload, ACTIVITY, "dense"), device),
        "spikelearn-dense, bfloat16": OnDevice(Ours(workload, ACTIVITY, "dense"), device, torch.bfloat16),
        "floor": OnDevice(PEERS["floor"](workload, ACTIVITY), device),
        "floor, bfloat16": OnDevice(PEERS["floor"](workload, ACTIVITY), device, torch.bfloat16),
    }
    return made | {name: OnDevice(PEERS[name](workload, ACTIVITY), device) for name in peers}


def measure(workload: Workload, device: str, peers: Sequence[str], rounds: int) -> list[dict[str, object]]:
    """A row for every candidate."""
    made = candidates(workload, device, peers)
    for candidate in made.values():
        candidate.measure_memory()
    times = interleaved(made, rounds)
    return [
        {
            "name": name,
            "ms": statistics.median(times[name]),
            "times_ours": paired(times["spikelearn-dense"], times[name]).median,
            "times_floor": paired(times["floor"], times[name]).median,
            "mib": candidate.peak_mib,
        }
        for name, candidate in made.items()
    ]


def show(rows: Sequence[dict[str, object]]) -> None:
    """The rows as a table."""
    print(f"{'':28}{'ms':>10}{'x ours (dense)':>16}{'x floor':>10}{'MiB':>10}")
    for row in rows:
        mib = "-" if row["mib"] is None else f"{row['mib']:.0f}"
        print(f"{row['name']:28}{row['ms']:10.2f}{row['times_ours']:16.2f}{row['times_floor']:10.2f}{mib:>10}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=SIZES, default="cuda")
    parser.add_argument("--neurons", type=int, help="default: 16384, on the CPU 64")
    parser.add_argument("--batch", type=int, help="B; default: 16, on the CPU 4")
    parser.add_argument("--steps", type=int, help="T; default: 500, on the CPU 20")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peers", nargs="*", default=["snntorch", "norse", "spikingjelly"])
    parser.add_argument("--json", type=Path, help="file for the rows")
    given = parser.parse_args(arguments)
    if given.device == "cuda" and not torch.cuda.is_available():
        parser.exit(
            2, f"no GPU was found (torch {torch.__version__}): run this where there is one, or try --device cpu\n"
        )
    neurons, batch, steps = SIZES[given.device]
    neurons, batch, steps = given.neurons or neurons, given.batch or batch, given.steps or steps
    peers, reasons = available(given.peers)
    for reason in reasons:
        print(reason, file=sys.stderr)
    about = f"Linear({neurons}, {neurons}) + LIF"
    workload = Workload(
        "gpu", about, f"{neurons}-{neurons}", (neurons,), steps, batch, (ACTIVITY,), 4.0, trained=False, bias=False
    )
    where = torch.cuda.get_device_name() if given.device == "cuda" else "CPU"
    print(f"{about}, B {batch}, T {steps}, forward and backward; {where}, torch {torch.__version__}")
    rows = measure(workload, given.device, peers, given.rounds)
    show(rows)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
