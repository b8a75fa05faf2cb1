"""The recording of a run, read back."""

import zipfile
import zlib
from pathlib import Path

import numpy as np


class Recording:
    """Activity of a few samples: ``inputs`` [T, B, n], per block ``spikes`` and ``v`` [T, B, n] and ``threshold``.

    Args:
        path: the npz file that a run wrote.

    Raises:
        ValueError: no such file, or a damaged one.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise ValueError(f"{path} does not exist: resume the run to write it")
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            self.inputs, self.targets = arrays["inputs"], arrays["targets"]
            self.predictions, self.dt = arrays["predictions"], float(arrays["dt"])
            names = [name.removeprefix("spikes.") for name in arrays if name.startswith("spikes.")]
            self.spikes = {name: arrays[f"spikes.{name}"] for name in names}
            self.v = {name: arrays[f"v.{name}"] for name in names}
            self.threshold = {name: float(arrays[f"threshold.{name}"]) for name in names}
            self._check_shapes()
        except (OSError, ValueError, KeyError, TypeError, EOFError, zlib.error, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is damaged ({error}): delete it, and resume the run to write it again") from error

    def _check_shapes(self) -> None:
        steps, samples, _ = self.inputs.shape
        for name, spikes in self.spikes.items():
            if spikes.ndim != 3 or spikes.shape[:2] != (steps, samples) or self.v[name].shape != spikes.shape:
                raise ValueError(f"block {name!r} has another shape than the inputs")
        if not self.spikes or self.targets.shape != (samples,) or self.predictions.shape != (samples,):
            raise ValueError("blocks, targets or predictions are missing")

    @property
    def times(self) -> np.ndarray:
        """Time of every step, milliseconds."""
        return 1e3 * self.dt * np.arange(len(self.inputs))

    def caption(self, sample: int) -> str:
        """Target and prediction of a sample."""
        words = f"sample {sample}: class {self.targets[sample]}, predicted {self.predictions[sample]}"
        last = next(reversed(self.spikes))
        silent = np.isfinite(self.threshold[last]) and not self.spikes[last][:, sample].any()
        return f"{words} (no output spikes: a tie)" if silent else words

    @property
    def time_label(self) -> str:
        """Label of the time axis."""
        return f"simulated time (ms), {1e3 * self.dt:g} ms a step"
