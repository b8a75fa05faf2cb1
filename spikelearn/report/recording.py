"""The recording of a run, read back."""

import zipfile
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
            raise ValueError(f"{path} does not exist: the run has not ended; resume it")
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            self.inputs, self.targets = arrays["inputs"], arrays["targets"]
            self.predictions, self.dt = arrays["predictions"], float(arrays["dt"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} is damaged ({error}): delete it, and resume the run to write it again") from error
        self.spikes = {name.removeprefix("spikes."): a for name, a in arrays.items() if name.startswith("spikes.")}
        self.v = {name.removeprefix("v."): a for name, a in arrays.items() if name.startswith("v.")}
        self.threshold = {
            n.removeprefix("threshold."): float(a) for n, a in arrays.items() if n.startswith("threshold.")
        }

    @property
    def times(self) -> np.ndarray:
        """Time of every step, milliseconds."""
        return 1e3 * self.dt * np.arange(len(self.inputs))

    def caption(self, sample: int) -> str:
        """Target and prediction of a sample."""
        return f"sample {sample}: class {self.targets[sample]}, predicted {self.predictions[sample]}"
