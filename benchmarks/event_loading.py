"""Recordings of N-MNIST per second as training gets them, beside tonic's disk cache and SpikingJelly's frames.

    SPIKELEARN_DATA=DATA python benchmarks/event_loading.py [--batch 64] [--steps 20] [--rounds 5] [--workers 0 2]

It needs tonic and SpikingJelly (2.0.0). Every library bins the recordings once into its own files (not timed beside the
others, but told), then passes through all of them in a new order, [T, B, 2, 34, 34], library after library and round
after round in one process; the median of the rounds' ratios is told. Ours is a data set opened anew, which reads the
cache on the disk, and the same one again, which is what later epochs do. At last a network of convolutions is trained
by BPTT, and the share of the time for which it waited for its batches is told, in the epoch that reads the disk and in
the next one.
"""

import argparse
import importlib.metadata
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import torch
from torch import Tensor
from torch.utils.data import ConcatDataset, DataLoader

from spikelearn import BPTT, Loader, Training, build
from spikelearn.datasets import NMNIST, data_root
from spikelearn.plasticity import Batch
from spikelearn.training import learn

SPLITS = ("train", "test")
Passes = Callable[[], Iterator[Tensor]]


def ours(batch: int, steps: int, *, opened: bool) -> Passes:
    """Passes through our loaders; of data sets that stay open, or are opened anew for each."""
    kept = [NMNIST(split) for split in SPLITS] if opened else []  # type: ignore[arg-type]
    number = iter(range(10**9))

    def passing() -> Iterator[Tensor]:
        epoch = next(number)
        for data in kept or [NMNIST(split) for split in SPLITS]:  # type: ignore[arg-type]
            for samples in Loader(data, steps, batch, shuffle=True).epoch(epoch):
                yield samples.inputs

    return passing


def tonics(batch: int, steps: int, workers: int, folder: Path) -> Passes:
    """Passes through tonic's frames in its cache on the disk."""
    import tonic

    frames = tonic.transforms.ToFrame(sensor_size=(34, 34, 2), n_time_bins=steps)
    with mock.patch.object(tonic.datasets.NMNIST, "_check_exists", return_value=True):
        sets = [
            tonic.DiskCachedDataset(
                tonic.datasets.NMNIST(save_to=str(data_root() / "nmnist"), train=split == "train", transform=frames),
                cache_path=str(folder / f"tonic-{split}"),
            )
            for split in SPLITS
        ]
    loader = DataLoader(ConcatDataset(sets), batch, shuffle=True, num_workers=workers)

    def passing() -> Iterator[Tensor]:
        for inputs, _ in loader:
            yield inputs.transpose(0, 1)

    return passing


def spikingjellys(batch: int, steps: int, workers: int, folder: Path) -> Passes:
    """Passes through SpikingJelly's files of frames."""
    from spikingjelly.datasets.n_mnist import NMNIST as Theirs

    root = folder / "spikingjelly"
    if not root.exists():
        (root / "events_np").mkdir(parents=True)
        Theirs.create_raw_from_extracted(data_root() / "nmnist" / "NMNIST", root / "events_np")
    sets = [
        Theirs(str(root), train=split == "train", data_type="frame", frames_number=steps, split_by="time")
        for split in SPLITS
    ]
    loader = DataLoader(ConcatDataset(sets), batch, shuffle=True, num_workers=workers)

    def passing() -> Iterator[Tensor]:
        for inputs, _ in loader:
            yield inputs.transpose(0, 1)

    return passing


def seconds(passing: Passes) -> float:
    """Time by the clock of one pass."""
    started = time.perf_counter()
    count = sum(inputs.shape[1] for inputs in passing())
    assert count > 0
    return time.perf_counter() - started


def waiting(batch: int, steps: int) -> list[float]:
    """The shares of the time for which training waits for its batches, of an epoch from the disk and of the next."""
    loader = Loader(NMNIST("train"), steps, batch, shuffle=True)
    training = Training.start(build("12C5-P2-32C5-P2-10", input_shape=(2, 34, 34)), BPTT())
    shares = []
    for epoch in range(2):
        waited, started, batches = 0.0, time.perf_counter(), loader.epoch(epoch)
        while True:
            asked = time.perf_counter()
            samples = next(batches, None)
            waited += time.perf_counter() - asked
            if samples is None:
                break
            learn(training, Batch.of(samples, loader.task))
        shares.append(waited / (time.perf_counter() - started))
    return shares


def main() -> None:
    """Print recordings per second, their ratios, and the share of the time that is waited."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, usual in (("--batch", 64), ("--steps", 20), ("--rounds", 5)):
        parser.add_argument(name, type=int, default=usual)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, 2])
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    libraries = ("torch", "tonic", "spikingjelly", "h5py")
    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in libraries))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["XDG_CACHE_HOME"] = name
        made: dict[str, Passes] = {
            "spikelearn, from the disk": ours(given.batch, given.steps, opened=False),
            "spikelearn, later epochs": ours(given.batch, given.steps, opened=True),
        }
        for workers in given.workers:
            made[f"tonic, {workers} workers"] = tonics(given.batch, given.steps, workers, folder)
            made[f"spikingjelly, {workers} workers"] = spikingjellys(given.batch, given.steps, workers, folder)
        count = sum(len(NMNIST(split)) for split in SPLITS)  # type: ignore[arg-type]
        for label, passing in made.items():
            print(f"first pass of {label}: {seconds(passing):.2f} s", flush=True)
        rounds = [{label: seconds(passing) for label, passing in made.items()} for _ in range(given.rounds)]
        base = next(iter(made))
        for label in made:
            each = [one[label] for one in rounds]
            ratio = statistics.median(one[label] / one[base] for one in rounds)
            rate = count / statistics.median(each)
            spread = f"[{count / max(each):.0f}, {count / min(each):.0f}]"
            print(f"{label}: {rate:.0f} recordings/s {spread}, time x{ratio:.2f}")
        shares = waiting(given.batch, given.steps)
        print("training 12C5-P2-32C5-P2-10 waits " + ", then ".join(f"{100 * share:.2f} %" for share in shares))


if __name__ == "__main__":
    main()
