"""How long each rule's training step takes beside backpropagation's step on the same network.

A rule gets the network that it needs, and BPTT trains another copy of it, in turn in one process, under the first of
the usual losses that can read it. The figure is the median of the ratios of the rounds; a rule whose network BPTT
cannot train (its readout is fitted) gets its time alone. ``processor`` is the same ratio of processor time, which other
work on the machine disturbs less; ``kernels`` the share of the rule's time in compiled kernels; ``products`` its
synaptic products that are not 0, forward and in learning, over those of BPTT.

    python -m benchmarks.rule_steps [--rules fa dfa ...] [--net 784-200-200-10] [--steps 25] [--batch 64] [--json FILE]
"""

import argparse
import json
import math
import platform
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from unittest import mock

import torch

from spikelearn.kernels.doors import Door
from spikelearn.measure import forward_operations, learning_operations
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


def bptt_for(settings: Settings, batch: Batch) -> BPTT | None:
    """BPTT with a loss by which such a network can be trained; None where there is none."""
    for loss in LOSSES_OF_BPTT:
        rule = BPTT(LOSSES.make(loss))
        try:
            step_of(settings, rule, batch)()  # a loss that does not reach every weight is refused here
        except ValueError:
            continue
        return rule
    return None


def seconds_of(step: Callable[[], object]) -> tuple[float, float]:
    """Seconds of a step by the clock, and of the processor."""
    start, begun = time.perf_counter(), time.process_time()
    step()
    return time.perf_counter() - start, time.process_time() - begun


def share_in_kernels(step: Callable[[], object]) -> float:
    """The share of a step's time that passes in compiled kernels."""
    spent, plain = [0.0], Door.__call__

    def timed(door: Door, *arguments: object) -> object:
        start = time.perf_counter()
        result = plain(door, *arguments)
        spent[0] += time.perf_counter() - start
        return result

    with mock.patch.object(Door, "__call__", timed):
        whole, _ = seconds_of(step)
    return spent[0] / whole


def products_of(settings: Settings, rule: Rule, batch: Batch) -> float | None:
    """Synaptic products of a step that are not 0, forward and in learning, a sample; None where they have no count."""
    network, generator = settings.network_of(batch.inputs.shape[2:]), torch.Generator().manual_seed(0)
    counts = (
        forward_operations(network, batch.inputs).total,
        learning_operations(network, rule, batch, rule.init(network, generator), generator).total,
    )
    found = [count.acs + count.macs for count in counts if count is not None]
    return sum(found) if len(found) == len(counts) else None


def measure(rule: str, net: str, steps: int, samples: int, rounds: int) -> dict[str, object]:
    """Milliseconds of a step of ``rule`` and of BPTT on the same network, and their ratio."""
    sizes = net.split("-")
    settings = settings_of(rule, net)
    batch = batch_for(settings, int(sizes[0]), int(sizes[-1]), steps, samples)
    own, reference = step_of(settings, settings.make_rule(), batch), bptt_for(settings, batch)
    other = step_of(settings, reference, batch) if reference else None
    for _ in range(3):
        own()
        if other:
            other()
    pairs = [(seconds_of(own), seconds_of(other) if other else (math.nan, math.nan)) for _ in range(rounds)]
    row: dict[str, object] = {"rule": rule, "steps": len(batch.inputs)}
    row["ms"] = 1e3 * statistics.median(mine[0] for mine, _ in pairs)
    row["kernels"] = share_in_kernels(own)
    if other and reference:
        row["bptt_ms"] = 1e3 * statistics.median(bptt[0] for _, bptt in pairs)
        row["ratio"], row["processor"] = (statistics.median(m[n] / b[n] for m, b in pairs) for n in (0, 1))
        products = [products_of(settings, each, batch) for each in (settings.make_rule(), reference)]
        if products[0] is not None and products[1]:
            row["products"] = products[0] / products[1]
    return row


def told(row: dict[str, object]) -> str:
    """A row as a line of a table."""
    if "reason" in row:
        return f"{row['rule']:20} {row['reason']}"
    times = f"{row['rule']:20} T = {row['steps']:3}  {row['ms']:7.1f} ms  kernels {row['kernels']:4.0%}"
    if "ratio" not in row:
        return times
    products = f"  products {row['products']:5.2f}" if "products" in row else ""
    return f"{times}  bptt {row['bptt_ms']:7.1f} ms  {row['ratio']:5.2f}  processor {row['processor']:5.2f}{products}"


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
