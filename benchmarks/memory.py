"""How the memory of one training step grows with the number of time steps.

Every point is a process of its own: it builds network and batch, learns once on a single sample to load what is loaded
once, and then measures how far the resident memory rises above what it held before the step.

    python benchmarks/memory.py [--steps 5 10 20 50 100 200] [--picture docs/memory.png] [--json FILE]
"""

import argparse
import json
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import torch

from spikelearn.network import INITIALISERS, TraceReadout, build
from spikelearn.neurons import LIF, CubaLIF
from spikelearn.plasticity import BPTT, IDE, TSSLBP, Batch, Desire
from spikelearn.training import Training, learn

BATCH = 64
CASES = {
    "bptt": "784-400-10, surrogate gradient",
    "tssl-bp": "784-400-10",
    "ide": "784-400(F400)-10",
    "desire": "784-400-10, 5 steps kept at once",
}


def training_of(rule: str) -> Training:
    """A network of 784-400-10 and the rule, as the published recipes have them."""
    torch.manual_seed(0)
    if rule == "tssl-bp":
        readout = TraceReadout(tau_syn=3e-3)
        network = build(
            "784-400-10", lambda: CubaLIF(5e-3, 3e-3, r=5.0, discretisation="euler"), bias=False, readout=readout
        )
        return Training.start(network, TSSLBP())
    if rule == "ide":
        network = build(
            "784-400(F400)-10",
            lambda: LIF.per_step(0.95, v_threshold=2.0, reset="subtract"),
            readout="linear",
            batch_norm=True,
            spectral_feedback=True,
            init=INITIALISERS.get("unit-norm")(),
        )
        return Training.start(network, IDE())
    if rule == "desire":
        network = build("784-400-10", lambda: LIF.per_step(0.75, reset="subtract", inclusive=True), bias=False, delay=1)
        return Training.start(network, Desire(chunk=5))
    return Training.start(build("784-400-10", LIF.per_step), BPTT())


def measure(rule: str, steps: int) -> float:
    """MiB by which one step of ``rule`` over ``steps`` time steps raises the resident memory, inputs not counted."""
    training = training_of(rule)
    image = torch.rand(BATCH, 784)
    inputs = image.expand(steps, *image.shape)
    if rule == "desire":
        inputs = (torch.rand(steps, *image.shape) < 0.3 * image).float()
    targets = torch.arange(BATCH) % 10
    learn(training, Batch(inputs[:10, :2].contiguous(), targets[:2]))
    before, highest, done = resident(), 0.0, threading.Event()

    def watch() -> None:
        nonlocal highest
        while not done.is_set():
            highest = max(highest, resident())
            time.sleep(0.0005)

    watcher = threading.Thread(target=watch)
    watcher.start()
    learn(training, Batch(inputs, targets))
    done.set()
    watcher.join()
    return max(highest, resident()) - before


def resident() -> float:
    """Resident memory of this process, MiB."""
    status = Path("/proc/self/statm")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return int(status.read_text().split()[1]) * resource.getpagesize() / 2**20


def draw(rows: list[dict], path: Path) -> None:
    """MiB against T, one line a rule."""
    from matplotlib.figure import Figure

    from spikelearn.report.style import COLOURS, clean, save

    figure = Figure(figsize=(6.4, 3.8), layout="constrained")
    axis = figure.subplots()
    for number, (rule, about) in enumerate(CASES.items()):
        own = [row for row in rows if row["rule"] == rule]
        axis.plot(
            [row["steps"] for row in own],
            [row["mib"] for row in own],
            "os^D"[number] + "-",
            color=COLOURS[number],
            label=f"{rule} ({about})",
        )
    axis.set_xlabel("time steps T")
    axis.set_ylabel("memory of one training step (MiB)")
    axis.set_ylim(bottom=0)
    axis.legend(fontsize=8, frameon=False)
    clean(axis)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[5, 10, 20, 50, 100, 200])
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("RULE", "STEPS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(measure(given.one[0], int(given.one[1])))
        return
    rows = []
    for rule in CASES:
        for steps in given.steps:
            command = [sys.executable, __file__, "--one", rule, str(steps)]
            mib = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            rows.append({"rule": rule, "steps": steps, "batch": BATCH, "mib": round(mib, 1)})
            print(f"{rule:8} T = {steps:4}: {mib:7.1f} MiB", flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))
    if given.picture:
        draw(rows, given.picture)


if __name__ == "__main__":
    main()
