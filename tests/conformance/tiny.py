"""Tiny copies of data sets in their published formats: what is conformed to needs no download."""

import gzip
import struct

import h5py
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


def _drawn(seed, width, height, count=60, last=400_000):
    """x, y, t (microseconds), p of ``count`` events in order of time."""
    random = np.random.default_rng(seed)
    times = np.sort(random.integers(0, last, count))
    return random.integers(0, width, count), random.integers(0, height, count), times, random.integers(0, 2, count)


def dvs_gesture(root):
    """tonic's preprocessed DVS128 Gesture: numbers [N, 4] of x, y, p, t, times in milliseconds."""
    for part in ("Train", "Test"):
        folder = root / "dvs-gesture" / "DVSGesture" / f"ibmGesture{part}" / "user01_led"
        folder.mkdir(parents=True)
        for label in range(SAMPLES):
            x, y, t, p = _drawn(label, 128, 128)
            np.save(folder / f"{label}.npy", np.stack([x, y, p, t // 1000], 1).astype(np.float64))


def _aedat4(x, y, t, p, width, height):
    """Bytes of AEDAT 4 with one packet, unpacked: flat buffers written from their first byte on."""
    text = (
        '<dv version="2.0"><node name="outInfo" path="/mainloop/Recorder/outInfo/"><node name="0" path="/0/">'
        '<attr key="typeIdentifier" type="string">EVTS</attr><node name="info" path="/0/info/">'
        f'<attr key="sizeX" type="int">{width}</attr><attr key="sizeY" type="int">{height}</attr></node></node></node></dv>'
    ).encode()
    # Root, virtual table (compression and table of data left out), table, text.
    head = struct.pack("<I4s", 20, b"IOHE") + struct.pack("<6H", 10, 8, 0, 0, 4, 0)
    head += struct.pack("<iI", 12, 4) + struct.pack("<I", len(text)) + text + b"\0"
    events = np.zeros(
        len(t),
        {"names": list("txyp"), "formats": ["<i8", "<i2", "<i2", "u1"], "offsets": [0, 8, 10, 12], "itemsize": 16},
    )
    events["t"], events["x"], events["y"], events["p"] = t, x, y, p
    body = struct.pack("<I4s", 16, b"EVTS") + struct.pack("<4H", 6, 8, 4, 0) + struct.pack("<iI", 8, 4)
    body += struct.pack("<I", len(t)) + events.tobytes()
    packet = struct.pack("<I", len(body)) + body
    return b"#!AER-DAT4.0\r\n" + struct.pack("<I", len(head)) + head + struct.pack("<ii", 0, len(packet)) + packet


def cifar10_dvs(root):
    """CIFAR10-DVS's files of AEDAT 4, of every split a few numbers."""
    for label, name in enumerate(("airplane", "automobile", "bird", "cat")):
        folder = root / "cifar10-dvs" / "CIFAR10DVS" / name
        folder.mkdir(parents=True)
        for number in (7, 999):
            x, y, t, p = _drawn(label, 128, 128)
            (folder / f"cifar10_{name}_{number}.aedat4").write_bytes(_aedat4(x, y, t, p, 128, 128))


def _packed(x, y, t, p):
    """Five bytes an event, as N-MNIST and N-Caltech101 have."""
    columns = (x, y, (p << 7) | (t >> 16), (t >> 8) & 255, t & 255)
    return np.stack(columns, 1).astype(np.uint8).tobytes()


def n_caltech101(root):
    for label, name in enumerate(("accordion", "airplanes", "Faces_easy", "yin_yang")):
        folder = root / "n-caltech101" / "NCALTECH101" / "Caltech101" / name
        folder.mkdir(parents=True)
        for number in (1, 10):
            (folder / f"image_{number:04}.bin").write_bytes(_packed(*_drawn(label, 233, 173)))


def dvs_lip(root):
    kind = np.dtype([("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("p", "u1")])
    for part in ("train", "test"):
        for label, word in enumerate(("accused", "action", "allow", "young")):
            folder = root / "dvs-lip" / "DVSLip" / "DVS-Lip" / part / word
            folder.mkdir(parents=True)
            events = np.zeros(60, kind)
            events["x"], events["y"], events["t"], events["p"] = _drawn(label, 128, 128)
            np.save(folder / "0.npy", events)


def poker_dvs(root):
    for part in ("train", "test"):
        for label, name in enumerate(("cl", "he", "di", "sp")):
            folder = root / "poker-dvs" / "POKERDVS" / f"pips_{part}" / name
            folder.mkdir(parents=True)
            x, y, t, p = _drawn(label, 35, 35, last=30_000)
            np.save(folder / "0.npy", np.stack([t, x, y, p], 1))


def heidelberg(name, folder):
    """What writes the HDF5 files of SHD or SSC."""

    def write(root):
        place = root / name / folder
        place.mkdir(parents=True)
        for part in ("train", "test"):
            with h5py.File(place / f"{name}_{part}.h5", "w") as file:
                kinds = {"times": h5py.vlen_dtype(np.float16), "units": h5py.vlen_dtype(np.uint16)}
                rows = {key: file.create_dataset(f"spikes/{key}", (SAMPLES,), kind) for key, kind in kinds.items()}
                for number in range(SAMPLES):
                    x, _, t, _ = _drawn(number, 700, 1)
                    rows["times"][number], rows["units"][number] = (t / 1e6).astype(np.float16), x
                file["labels"] = np.arange(SAMPLES, dtype=np.uint8)

    return write


def n_tidigits(root):
    """N-TIDIGITS18's one file: groups of addresses and times by name; one recording of two digits among them."""
    place = root / "n-tidigits" / "NTIDIGITS18"
    place.mkdir(parents=True)
    with h5py.File(place / "n-tidigits.hdf5", "w") as file:
        for part in ("train", "test"):
            names = [f"ac-1b-{digit}" for digit in ("o", "4", "47", "9", "z")]
            file[f"{part}_labels"] = np.array(names, "S")
            for number, name in enumerate(names):
                x, _, t, _ = _drawn(number, 64, 1)
                file[f"{part}_addresses/{name}"] = x.astype(np.uint8)
                file[f"{part}_timestamps/{name}"] = t / 1e6


def cifar100(root):
    """CIFAR-100's binary version: coarse and fine label, then 3 x 32 x 32 bytes an image."""
    folder = root / "cifar100" / "cifar-100-binary"
    folder.mkdir(parents=True)
    for part in ("train", "test"):
        records = (bytes([n, 10 * n]) + bytes_of(3072) for n in range(SAMPLES))
        (folder / f"{part}.bin").write_bytes(b"".join(records))


def emnist(root):
    """The balanced part and the letters, whose labels begin with 1."""
    folder = root / "emnist" / "gzip"
    folder.mkdir(parents=True)
    for part, first in (("balanced", 0), ("letters", 1)):
        for split in ("train", "test"):
            images = struct.pack(">4I", 2051, SAMPLES, 28, 28) + bytes_of(SAMPLES, 28, 28)
            labels = struct.pack(">2I", 2049, SAMPLES) + bytes(range(first, first + SAMPLES))
            name = f"emnist-{part}-{split}"
            (folder / f"{name}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images, mtime=0))
            (folder / f"{name}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels, mtime=0))
