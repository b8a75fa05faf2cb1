"""Time for the recordings of N-MNIST that are there: binned from their files, and read from the cache on the disk.

    SPIKELEARN_DATA=DATA python benchmarks/binned_cache.py [--batch 100] [--steps 25] [--repeats 5]

Every repeat opens the data set anew, once without a cache and once with one that an earlier opening has filled; both
hand over the same tensors, which is checked. The files are in the memory of the operating system in both. The best of
the repeats counts: of processor time and of time by the clock.
"""

import argparse
import gc
import os
import tempfile
import time

import torch

from spikelearn.datasets import NMNIST
from spikelearn.datasets.binned_cache import LIMIT_VARIABLE

SPLITS = ("train", "test")


def seconds(limit: str, batch: int, steps: int) -> tuple[float, float]:
    """Processor time and time by the clock of one pass, with a cache of ``limit`` GB."""
    os.environ[LIMIT_VARIABLE] = limit
    opened = [NMNIST(split) for split in SPLITS]  # type: ignore[arg-type]
    gc.collect()
    gc.freeze()  # no search through the objects of torch, which takes a tenth of a second, falls into either
    cpu, wall = time.process_time(), time.perf_counter()
    for data in opened:
        for indices in torch.arange(len(data)).split(batch):
            data.frames(indices.tolist(), steps)
    return time.process_time() - cpu, time.perf_counter() - wall


def main() -> None:
    """Print the times and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, usual in (("--batch", 100), ("--steps", 25), ("--repeats", 5)):
        parser.add_argument(name, type=int, default=usual)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        os.environ[LIMIT_VARIABLE] = "0"
        plain = [NMNIST(split).frames(range(100), given.steps) for split in SPLITS]  # type: ignore[arg-type]
        seconds("8", given.batch, given.steps)
        kept = [NMNIST(split).frames(range(100), given.steps) for split in SPLITS]  # type: ignore[arg-type]
        assert all(torch.equal(one, other) for one, other in zip(plain, kept, strict=True))
        passes = [
            (seconds("0", given.batch, given.steps), seconds("8", given.batch, given.steps))
            for _ in range(given.repeats)
        ]
    for place, name in enumerate(("processor", "clock")):
        binned, read = (min(one[which][place] for one in passes) for which in (0, 1))
        print(f"{name}: binned {binned:.4f} s, read {read:.4f} s, {binned / read:.1f} times faster")


if __name__ == "__main__":
    main()
