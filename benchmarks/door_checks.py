"""What the checks at the doors cost, as a share of an epoch: batches, samples, weights, and the arrays of kernels.

    python -m benchmarks.door_checks [--fraction 0.1]

Every check is timed where it stands, in the processor time of the thread that trains; one inside another counts once.
The clock's own time (about 1 microsecond a check) is counted with them. The share should be below 1 % on MNIST and
N-MNIST; ``--fraction`` is the part of the training samples that an epoch has.
"""

import argparse
import contextlib
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from spikelearn.kernels.doors import Door
from spikelearn.loading import loader as loading
from spikelearn.network import Network
from spikelearn.plasticity import Batch
from spikelearn.runs import Settings, prepare, settings_from
from spikelearn.training import fit, learning
from spikelearn.training.fitting import Fitting

#: Where checks stand: owner, attribute, what they are called here.
CHECKS: tuple[tuple[Any, str, str], ...] = (
    (Door, "check", "arrays of kernels"),
    (Batch, "__post_init__", "batches"),
    (Network, "check_run", "inputs of a run"),
    (loading, "check_samples_finite", "samples"),
    (learning, "_check_update", "updates"),
    (learning, "refuse_not_finite", "changes and weights"),
    (Fitting, "_check_finite", "states"),
)

RUNS: dict[str, dict[str, Any]] = {
    "MNIST, currents": {"data": "mnist", "net": "784-400-10", "steps": 10, "batch": 128},
    "MNIST, rate code": {"data": "mnist", "net": "784-400-10", "steps": 10, "batch": 128, "encoder": "rate"},
    "N-MNIST": {"data": "nmnist", "net": "2x34x34-400-10", "steps": 20, "batch": 64},
}


@contextlib.contextmanager
def timed() -> Iterator[dict[str, float]]:
    """Inside, {check: seconds} of processor time."""
    spent: defaultdict[str, float] = defaultdict(float)
    inside, before = [False], [getattr(owner, name) for owner, name, _ in CHECKS]

    def clocked(check: Any, title: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            if inside[0]:
                return check(*arguments, **named)
            inside[0], started = True, time.thread_time()
            try:
                return check(*arguments, **named)
            finally:
                spent[title] += time.thread_time() - started
                inside[0] = False

        return call

    for (owner, name, title), check in zip(CHECKS, before, strict=True):
        setattr(owner, name, clocked(check, title))
    try:
        yield spent
    finally:
        for (owner, name, _), check in zip(CHECKS, before, strict=True):
            setattr(owner, name, check)


def main() -> None:
    """Print a table of shares."""
    parser = argparse.ArgumentParser(description="What the checks at the doors cost, as a share of an epoch.")
    parser.add_argument("--fraction", type=float, default=0.1, help="part of the training samples in an epoch")
    fraction = parser.parse_args().fraction
    for title, options in RUNS.items():
        settings: Settings = settings_from({"rule": "bptt", "data_fraction": fraction, "epochs": 1, **options})
        training, loaders = prepare(settings)
        fit(training, loaders["train"], epochs=1)  # kernels are compiled, recordings binned
        with timed() as spent:
            started, wall = time.thread_time(), time.perf_counter()
            fit(training, loaders["train"], epochs=1)
            whole, wall = time.thread_time() - started, time.perf_counter() - wall
        share = 100 * sum(spent.values()) / whole
        print(f"{title}: {share:.2f} % of {whole:.2f} s of processor time ({wall:.2f} s in all)")
        for name, seconds in sorted(spent.items(), key=lambda item: -item[1]):
            print(f"    {name:20} {100 * seconds / whole:5.2f} %")


if __name__ == "__main__":
    main()
