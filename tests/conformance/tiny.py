"""Tiny copies of data sets in their published formats: what is conformed to needs no download."""

import gzip
import struct

import numpy as np

from spikelearn.datasets.cifar10 import FOLDER

SAMPLES = 4


def bytes_of(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8).tobytes()


def idx(name):
    """What writes grey images of 28 x 28 pixels in the IDX format of MNIST."""

    def write(root):
        folder = root / name
        folder.mkdir(parents=True)
        for part in ("train", "t10k"):
            images = struct.pack(">4I", 2051, SAMPLES, 28, 28) + bytes_of(SAMPLES, 28, 28)
            labels = struct.pack(">2I", 2049, SAMPLES) + bytes(range(SAMPLES))
            (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images, mtime=0))
            (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels, mtime=0))

    return write


def cifar10(root):
    """CIFAR-10's binary version, a label and 3 x 32 x 32 bytes an image."""
    folder = root / "cifar10" / FOLDER
    folder.mkdir(parents=True)
    for number, name in enumerate((*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin")):
        records = (bytes([n]) + bytes([number]) + bytes_of(3071) for n in range(SAMPLES))
        (folder / name).write_bytes(b"".join(records))


def nmnist(root):
    """N-MNIST's five bytes an event, over the published 0.3 s, with the row that marks an overflow of the counter."""
    for part in ("Train", "Test"):
        for digit in range(SAMPLES):
            folder = root / "nmnist" / "NMNIST" / part / str(digit)
            folder.mkdir(parents=True)
            random = np.random.default_rng(digit)
            times = np.sort(random.integers(0, 300_000, 40))
            events = zip(*random.integers(0, 34, (2, 40)), random.integers(0, 2, 40), times, strict=True)
            packed = (bytes([x, y, (p << 7) | (t >> 16), (t >> 8) & 255, t & 255]) for x, y, p, t in events)
            (folder / "00001.bin").write_bytes(b"".join(packed))
