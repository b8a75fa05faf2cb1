"""EMSTDP by its authors (zmeidd/EMSTDP): ``python -m benchmarks.authors.drivers.emstdp FOLDER TASK.npz``.

``Network.Train`` of ``EMSTDP_python/EMSTDP_algo.py``, in NumPy and double precision, with the numbers of
``EMSTDP_main.py``; what is compared are the changes of the weights. The program asks for opt_einsum.
"""

import importlib
import sys

import numpy as np

from benchmarks.authors.drivers.serve import serve


class EMSTDP:
    """The program's network."""

    def __init__(self, arrays, settings):
        sys.path.insert(0, f"{sys.argv[1]}/EMSTDP_python")
        self.names = [name for name in arrays if name.endswith("weight")]
        self.start = [arrays[name].T.astype(float) for name in self.names]
        sizes = [weight.shape[1] for weight in self.start]
        thresholds = settings["init_option"]
        # The program counts a step in front of those that it is shown, and never shows the last one.
        self.spikes = np.concatenate([arrays["inputs"], arrays["inputs"][-1:]]).astype(float)
        self.spikes = self.spikes.reshape(*self.spikes.shape[:2], -1)
        self.labels, steps = arrays["targets"], len(self.spikes)
        self.network = importlib.import_module("EMSTDP_algo").Network(
            0, 0.0, 0, 0.0, 0, 5, 1, 0, True, 1.0, self.start[0].shape[0], sizes[:-1], sizes[-1],
            thresholds["hidden"], thresholds["output"], steps, 0.0, settings["lr"], 1.0, steps // 2 - 1, 3,
        )  # fmt: skip

    def begin(self):
        *hidden, output = self.start
        self.network.w_h, self.network.w_o = [weight.copy() for weight in hidden], output.copy()
        self.network.lm_h, self.network.lm_o = [np.ones_like(weight) for weight in hidden], np.ones_like(output)

    def step(self):
        self.network.Train(self.spikes, self.labels, len(self.labels))

    def compared(self):
        self.step()
        found = [*self.network.w_h, self.network.w_o]
        return {name: (now - start).T for name, now, start in zip(self.names, found, self.start, strict=True)}


if __name__ == "__main__":
    serve(EMSTDP, f"NumPy {np.__version__}")
