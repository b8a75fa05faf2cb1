"""The recording of a run, read back."""

import math
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from spikelearn.training.recording import RECORDED


class Seen(NamedTuple):
    """Of one block, [T, B, n]: the spikes, or the real values that it sent, and the potential before reset."""

    spikes: np.ndarray
    v: np.ndarray


class Recording:
    """Activity of a few samples: ``inputs`` [T, B, n], per block ``spikes`` and ``v`` [T, B, n] and ``threshold``.

    ``targets`` and ``predictions`` are classes [B] or [T, B], or numbers [B, n] or [T, B, n]; ``valid`` [T, B] are the
    steps that count, None where all do. ``shape`` is that of one sample's input at one step; None in the file of an
    earlier version.

    Args:
        path: the npz file that a run wrote.

    Raises:
        ValueError: no such file, or a damaged one, of which nothing is unpacked that is not as large as it should be.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ValueError(f"{path} does not exist: resume the run to write it")
        try:
            _check_heads(_heads(path))
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            self.inputs, self.targets = arrays["inputs"], arrays["targets"]
            self.predictions, self.dt = arrays["predictions"], float(arrays["dt"])
            names = [name.removeprefix("spikes.") for name in arrays if name.startswith("spikes.")]
            self.spikes = {name: arrays[f"spikes.{name}"] for name in names}
            self.v = {name: arrays[f"v.{name}"] for name in names}
            self.threshold = {name: float(arrays[f"threshold.{name}"]) for name in names}
            self.shape = tuple(arrays["shape"].tolist()) if "shape" in arrays else None
            self.valid = arrays.get("valid")
            self._check_values()
        except Exception as error:  # a zip file that is damaged raises errors of many kinds
            raise ValueError(f"{path} is damaged ({error}): delete it, and resume the run to write it again") from error

    def _check_values(self) -> None:
        sent = {f"spikes of {name}": spikes for name, spikes in self.spikes.items()}
        floats = {"inputs": self.inputs, **{f"v of {name}": v for name, v in self.v.items()}, **sent}
        floats |= {"targets": self.targets, "predictions": self.predictions}
        wrong = [name for name, array in floats.items() if not np.isfinite(array).all()]
        wrong += [name for name, spikes in sent.items() if spikes.dtype.kind == "u" and spikes.max(initial=0) > 1]
        wrong += [f"threshold of {name}" for name, value in self.threshold.items() if math.isnan(value)]
        wrong += [] if 0 < self.dt < math.inf else ["dt"]
        if self.shape is not None and math.prod(self.shape) != self.inputs.shape[2]:
            wrong.append("shape")
        if wrong:
            raise ValueError(f"{wrong[0]} has values that no network has")

    @property
    def record(self) -> dict[str, Seen]:
        """{block: what it sent, and its potentials}, as ``network.run`` returns it."""
        return {name: Seen(spikes, self.v[name]) for name, spikes in self.spikes.items()}

    def caption(self, sample: int) -> str:
        """Target and prediction of a sample."""
        words = f"sample {sample}: {self._said(sample)}"
        last = next(reversed(self.spikes))
        silent = np.isfinite(self.threshold[last]) and not self.spikes[last][:, sample].any()
        return f"{words} (no output spikes: a tie)" if silent else words

    def _said(self, sample: int) -> str:
        """What was said of a sample, beside what should have been."""
        steps, samples, _ = self.inputs.shape
        per_step = self.predictions.shape[:2] == (steps, samples) and self.predictions.ndim == (
            2 if self.predictions.dtype.kind in "iu" else 3
        )
        if not per_step:
            target, said = self.targets[sample], self.predictions[sample]
        else:
            counted = slice(None) if self.valid is None else self.valid[:, sample]
            target, said = self.targets[:, sample][counted], self.predictions[:, sample][counted]
        if said.dtype.kind in "iu":
            if said.ndim:
                return f"{(said == target).sum()} of {said.size} steps right"
            return f"class {target}, predicted {said}"
        return f"mean squared error {np.square(said - target.reshape(said.shape)).mean():.4g}"


#: An array's shape and type.
Head = tuple[tuple[int, ...], np.dtype]


def _heads(path: Path) -> dict[str, Head]:
    """What the arrays' own heads say is in the file, before anything is unpacked."""
    heads: dict[str, Head] = {}
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with zipfile.ZipFile(path) as packed:
        for member in packed.infolist():
            with packed.open(member) as file:
                shape, _, kind = readers[np.lib.format.read_magic(file)](file)
                size = file.tell() + math.prod(shape) * kind.itemsize
            name = member.filename.removesuffix(".npy")
            if member.file_size != size or name in heads:
                raise ValueError(f"{name} has {member.file_size} bytes, expected {size}, once")
            heads[name] = shape, kind
    return heads


def _check_heads(heads: dict[str, Head]) -> None:
    """Raise ValueError unless the arrays are those of a recording, and fit together."""
    steps, samples, _ = heads["inputs"][0]
    blocks = [name.removeprefix("spikes.") for name in heads if name.startswith("spikes.")]
    if not blocks or not 1 <= samples <= RECORDED:
        raise ValueError(f"it has {samples} samples of {len(blocks)} blocks, expected 1 to {RECORDED} of one or more")
    expected = {"inputs": (heads["inputs"][0], "fuib"), "dt": ((), "f")}
    expected |= {name: _answers(heads[name], steps, samples) for name in ("targets", "predictions")}
    expected |= {"valid": ((steps, samples), "b")} if "valid" in heads else {}
    expected |= {"shape": (heads["shape"][0][:1], "iu")} if "shape" in heads else {}
    for name in blocks:
        n = heads[f"spikes.{name}"][0][-1]
        expected |= {f"spikes.{name}": ((steps, samples, n), "uf"), f"v.{name}": ((steps, samples, n), "f")}
        expected[f"threshold.{name}"] = ((), "fiu")
    for name, (shape, kinds) in expected.items():
        given, kind = heads[name]
        if given != shape or kind.kind not in kinds:
            raise ValueError(f"{name} has shape {list(given)} and type {kind}, expected {list(shape)} and {kinds}")
    if more := sorted(heads.keys() - expected.keys()):
        raise ValueError(f"nothing is known of {more[0]}")


def _answers(head: Head, steps: int, samples: int) -> tuple[tuple[int, ...], str]:
    """Shape and kinds that targets or predictions like these must have: of samples, or of steps."""
    shape, kind = head
    if kind.kind == "f" and shape[-1:] and shape[-1] > 0:
        sizes = (samples, shape[-1]), (steps, samples, shape[-1]), (steps, samples)
        return next((size for size in sizes if size == shape), sizes[0]), "f"
    return (steps, samples) if len(shape) == 2 else (samples,), "iu"
