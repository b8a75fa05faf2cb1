"""Time for the recordings of N-MNIST that are there: their first reading, which fills the cache, and the second.

    SPIKELEARN_DATA=DATA python benchmarks/binned_cache.py [--batch 100] [--steps 25] [--repeats 5]

Every repeat opens the data set anew three times: without a cache; with an empty one, which it fills; and with that one
filled. All hand over the same tensors, which is checked. The files are in the memory of the operating system in all.
The best of the repeats counts: of processor time and of time by the clock.
"""

import argparse
import gc
import os
import tempfile
import time

import torch

from spikelearn.datasets import NMNIST
from spikelearn.datasets.binned_cache import LIMIT_VARIABLE, clear

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
        passes = []
        for _ in range(given.repeats):
            without = seconds("0", given.batch, given.steps)
            clear()
            passes.append((without, *(seconds("8", given.batch, given.steps) for _ in range(2))))
        kept = [NMNIST(split).frames(range(100), given.steps) for split in SPLITS]  # type: ignore[arg-type]
        assert all(torch.equal(one, other) for one, other in zip(plain, kept, strict=True))
    for place, name in enumerate(("processor", "clock")):
        without, first, second = (min(one[which][place] for one in passes) for which in range(3))
        print(
            f"{name}: without a cache {without:.4f} s, first reading {first:.4f} s, second {second:.4f} s: "
            f"{first / second:.1f} times faster than the first, {without / second:.1f} than without a cache"
        )


if __name__ == "__main__":
    main()
