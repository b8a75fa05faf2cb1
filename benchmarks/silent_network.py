"""What denormal numbers cost: a network at rest against one whose membranes have decayed to denormal numbers.

Without flushing, v times 0.9 a step is denormal after 830 steps and by rounding never 0. The command ``spikelearn``
flushes (``torch.set_flush_denormal``); a program of one's own has to say so, before its first parallel operation.

    python benchmarks/silent_network.py [--threads 1] [--rounds 15]
"""

import argparse
import statistics
import time

import torch

from spikelearn.network import build
from spikelearn.neurons import LIF, AdaptiveLIF, CubaLIF

NEURONS = {
    "lif": lambda: LIF.per_step(0.9),
    "cuba-lif": lambda: CubaLIF.per_step(0.9, 0.9),
    "adaptive-lif": lambda: AdaptiveLIF.per_step(0.9, 0.9),
}
STATES = {"rest": 0.0, "denormal": 1e-39}


@torch.no_grad()
def measure(name: str, rounds: int) -> tuple[float, float, float]:
    """Milliseconds at rest, and the median and largest ratio of denormal to rest, round by round."""
    network = build("100-400-10", NEURONS[name], bias=False)
    inputs = torch.zeros(300, 64, 100)
    _, state = network.run(inputs[:1])
    times: dict[str, list[float]] = {kind: [] for kind in STATES}
    for _ in range(rounds + 1):
        for kind, value in STATES.items():
            start = state.mapped(lambda tensor, value=value: torch.full_like(tensor, value))
            began = time.perf_counter()
            network.run(inputs, start)
            times[kind].append(time.perf_counter() - began)
    ratios = [slow / fast for fast, slow in zip(times["rest"][1:], times["denormal"][1:], strict=True)]
    return 1e3 * statistics.median(times["rest"][1:]), statistics.median(ratios), max(ratios)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    for name in NEURONS:
        rest, ratio, worst = measure(name, given.rounds)
        print(f"{name:12} at rest {rest:6.1f} ms, denormal {ratio:.2f} times that (worst round {worst:.2f})")


if __name__ == "__main__":
    main()
