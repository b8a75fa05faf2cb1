"""How long each rule's training step takes beside backpropagation's step on the same network.

A rule gets the network that it needs, and BPTT trains another copy of it, in turn in one process, under the first of
the usual losses that can read it. The figure is the median of the ratios of the rounds; a rule whose network BPTT
cannot train (its readout is fitted) gets its time alone.

    python -m benchmarks.rule_steps [--rules fa dfa ...] [--net 784-200-200-10] [--steps 25] [--batch 64] [--json FILE]
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from spikelearn.plasticity import BPTT, LOSSES, RULES, Batch, Rule
from spikelearn.runs import Settings, filled_in, merged, needs_of, settings_from
from spikelearn.training import Training, learn

#: In the order in which they are tried: the default, and those of networks that are read otherwise.
LOSSES_OF_BPTT = ("cross-entropy-rate", "cross-entropy-membrane", "cross-entropy")

RATE = 0.13  # input spikes per step, as in MNIST under Bernoulli rate coding


def settings_of(rule: str, net: str) -> Settings:
    """Settings by which ``rule`` learns MNIST on such a network."""
    values = merged({"data": "mnist", "net": net, "rule": rule}, needs_of(rule, "mnist"))
    return settings_from({**values, "net": filled_in(values["net"], net)})


def batch_for(settings: Settings, inputs: int, outputs: int, steps: int, samples: int) -> Batch:
    """Spikes as bytes [T, B, n], or images [1, B, n] where the rule learns a network of rates."""
    torch.manual_seed(0)
    images = torch.rand(samples, inputs)
    targets = torch.arange(samples) % outputs
    if settings.steps == 1:
        return Batch(images[None], targets)
    return Batch((torch.rand(steps, samples, inputs) < 2 * RATE * images).to(torch.uint8), targets)


def step_of(settings: Settings, rule: Rule, batch: Batch) -> Callable[[], object]:
    """One training step of ``rule`` on a network of these settings, as a function."""
    network = settings.network_of(batch.inputs.shape[2:])
    return partial(learn, Training.start(network, rule), batch)


def step_of_bptt(settings: Settings, batch: Batch) -> Callable[[], object] | None:
    """One step of BPTT on such a network; None where it cannot be trained so."""
    for loss in LOSSES_OF_BPTT:
        try:
            step = step_of(settings, BPTT(LOSSES.make(loss)), batch)
            step()  # a loss that does not reach every weight is refused here
        except ValueError:
            continue
        return step
    return None


def seconds_of(step: Callable[[], object]) -> float:
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def measure(rule: str, net: str, steps: int, samples: int, rounds: int) -> dict[str, object]:
    """Milliseconds of a step of ``rule`` and of BPTT on the same network, and their ratio."""
    sizes = net.split("-")
    settings = settings_of(rule, net)
    batch = batch_for(settings, int(sizes[0]), int(sizes[-1]), steps, samples)
    own, other = step_of(settings, settings.make_rule(), batch), step_of_bptt(settings, batch)
    for _ in range(3):
        own()
        if other:
            other()
    pairs = [(seconds_of(own), seconds_of(other) if other else float("nan")) for _ in range(rounds)]
    row: dict[str, object] = {"rule": rule, "steps": len(batch.inputs)}
    row["ms"] = 1e3 * statistics.median(own for own, _ in pairs)
    if other:
        row["bptt_ms"] = 1e3 * statistics.median(bptt for _, bptt in pairs)
        row["ratio"] = statistics.median(own / bptt for own, bptt in pairs)
    return row


def told(row: dict[str, object]) -> str:
    """A row as a line of a table."""
    if "reason" in row:
        return f"{row['rule']:20} {row['reason']}"
    times = f"{row['rule']:20} T = {row['steps']:3}  {row['ms']:7.1f} ms"
    return f"{times}  {row['bptt_ms']:7.1f} ms  {row['ratio']:5.2f}" if "ratio" in row else times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", nargs="+", default=None)
    parser.add_argument("--net", default="784-200-200-10")
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    for rule in given.rules or list(RULES):
        try:
            row = measure(rule, given.net, given.steps, given.batch, given.rounds)
        except ValueError as error:
            row = {"rule": rule, "reason": f"left out: {error}"}
        rows.append(row)
        print(told(row), flush=True)
    about = {"processor": platform.processor(), "threads": torch.get_num_threads(), "torch": torch.__version__}
    if given.json:
        given.json.write_text(
            json.dumps({"about": about, "net": given.net, "batch": given.batch, "rows": rows}, indent=1)
        )


if __name__ == "__main__":
    main()
