"""How the memory of one training step grows with the number of time steps.

Every point is a process of its own: it builds network and batch, learns once on a few samples to load what is loaded
once, and then measures how far the resident memory rises above what it held before the step. Inputs are not counted.

    python benchmarks/memory.py [--steps 20 50 100 200 400] [--batch 128] [--picture docs/memory.png] [--json FILE]
"""

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

import torch

from spikelearn.network import INITIALISERS, Network, TraceReadout, build
from spikelearn.neurons import LIF, CubaLIF
from spikelearn.plasticity import BPTT, IDE, RULES, STDP, TSSLBP, Batch, Desire, Rule
from spikelearn.plasticity.gradient.byte_budget import MIB, sizes_of
from spikelearn.plasticity.requires.learning import trainable_names
from spikelearn.runs import network_for
from spikelearn.training import Training, learn

BUDGET = 60.0  # MiB
RATE = 0.13  # input spikes per step

#: {case: (what it is, the power of T with which its memory should grow)}
CASES = {
    "bptt": ("784-400-10", 1.0),
    "tssl-bp": ("784-400-10", 1.0),
    "bptt-least": ("784-400-10, the least memory_budget", 0.5),
    "bptt-budget": (f"784-400-10, memory_budget={BUDGET:g}", 0.0),
    "ide": ("784-400(F400)-10", 0.0),
    "desire": ("784-400-10, 5 steps kept at once", 0.0),
    "stdp": ("784-400-10, 5 steps kept at once", 0.0),
    "ottt": ("784-400-10, step by step", 0.0),
    "ottt-online": ("784-400-10, an update at every step", 0.0),
    "sltt": ("784-400-10, step by step", 0.0),
    "s-tllr": ("784-400-10, step by step", 0.0),
    "e-prop": ("784-400-10, step by step", 0.0),
    "decolle": ("784-400-10, an update at every step", 0.0),
}
STEPWISE = {"ottt-online": {}, "decolle": {}} | {
    name: {"form": "step"} for name in ("ottt", "sltt", "s-tllr", "e-prop")
}


def network_of(case: str) -> Network:
    """A network of 784-400-10, as the published recipes have it."""
    torch.manual_seed(0)
    if case == "tssl-bp":
        readout = TraceReadout(tau_syn=3e-3)
        neuron = lambda: CubaLIF(5e-3, 3e-3, r=5.0, discretisation="euler")  # noqa: E731
        return build("784-400-10", neuron, bias=False, readout=readout)
    if case == "ide":
        return build(
            "784-400(F400)-10",
            lambda: LIF.per_step(0.95, v_threshold=2.0, reset="subtract"),
            readout="linear",
            batch_norm=True,
            spectral_feedback=True,
            init=INITIALISERS.get("unit-norm")(),
        )
    if case == "desire":
        return build("784-400-10", lambda: LIF.per_step(0.75, reset="subtract", inclusive=True), bias=False, delay=1)
    if case in STEPWISE:
        return network_for(case, "784-400-10", (784,))
    return build("784-400-10", LIF.per_step)


def rule_of(case: str, network: Network, batch: Batch) -> Rule:
    """The rule of a case, for this batch."""
    if case == "bptt-least":
        plain = BPTT()
        sizes = sizes_of(network, batch, plain.adjoint, trainable_names(network))
        return BPTT(memory_budget=1.001 * sizes.least(len(batch.inputs)) / MIB)
    if case in STEPWISE:
        return RULES.make(case, STEPWISE[case])
    made = {
        "bptt": BPTT,
        "bptt-budget": lambda: BPTT(memory_budget=BUDGET),
        "tssl-bp": TSSLBP,
        "ide": IDE,
        "desire": lambda: Desire(chunk=5),
        "stdp": lambda: STDP(chunk=5),
    }
    return made[case]()


def batch_of(case: str, steps: int, samples: int) -> Batch:
    """Images held for all steps where the recipe has them, else spikes as bytes."""
    image = torch.rand(samples, 784)
    if case in ("tssl-bp", "ide"):
        inputs = image.expand(steps, *image.shape)
    else:
        inputs = torch.empty(steps, *image.shape, dtype=torch.uint8)
        for now in inputs.unbind(0):
            now.copy_(torch.rand(image.shape) < 2.0 * RATE * image)
    return Batch(inputs, torch.arange(samples) % 10)


def measure(case: str, steps: int, samples: int) -> float:
    """MiB by which one step over ``steps`` time steps raises the resident memory."""
    network, batch = network_of(case), batch_of(case, steps, samples)
    training = Training.start(network, rule_of(case, network, batch))
    few = Batch(batch.inputs[:10, :2].contiguous(), batch.targets[:2])
    learn(Training.start(network_of(case), rule_of("bptt" if case.startswith("bptt") else case, network, few)), few)
    before = forget_peak()
    learn(training, batch)
    return peak() - before


def forget_peak() -> float:
    """Resident memory now, MiB; where the system can, the peak begins anew here."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return _status("VmRSS")
    except OSError:
        return peak()


def peak() -> float:
    """Highest resident memory, MiB."""
    if Path("/proc/self/status").exists():
        return _status("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB


def _status(key: str) -> float:
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key))
    return int(line.split()[1]) / 1024


def draw(rows: list[dict], path: Path) -> None:
    """MiB against T on logarithmic axes, a line a case; dashed: the slope that it should have."""
    from matplotlib.figure import Figure

    from spikelearn.draw.style import COLOURS, clean, save

    figure = Figure(figsize=(7.2, 4.6), layout="constrained")
    axis = figure.subplots()
    for number, (case, (about, power)) in enumerate(CASES.items()):
        own = [row for row in rows if row["case"] == case]
        if not own:
            continue
        steps, mib = [row["steps"] for row in own], [row["mib"] for row in own]
        colour = COLOURS[number % len(COLOURS)]
        axis.plot(steps, mib, "os^Dv<>pPX*h"[number] + "-", color=colour, label=f"{case} ({about})")
        expected = [mib[-1] * (t / steps[-1]) ** power for t in steps]
        axis.plot(steps, expected, "--", color=colour, linewidth=0.8)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks(steps, [str(t) for t in steps])
    axis.minorticks_off()
    axis.set_xlabel("time steps T")
    axis.set_ylabel("memory of one training step (MiB)")
    axis.set_title("dashed: growth with T, with its root, and none", loc="left", fontsize=9)
    axis.legend(fontsize=7, frameon=False)
    clean(axis)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, nargs="+", default=[20, 50, 100, 200, 400])
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--picture", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", nargs=2, metavar=("CASE", "STEPS"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(measure(given.one[0], int(given.one[1]), given.batch))
        return
    rows = []
    for case in given.cases:
        for steps in given.steps:
            command = [sys.executable, __file__, "--one", case, str(steps), "--batch", str(given.batch)]
            mib = float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            rows.append({"case": case, "steps": steps, "batch": given.batch, "mib": round(mib, 1)})
            print(f"{case:12} T = {steps:4}: {mib:7.1f} MiB", flush=True)
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))
    if given.picture:
        draw(rows, given.picture)


if __name__ == "__main__":
    main()
