"""SoftHebb by its authors (NeuromorphicComputing/SoftHebb): ``hebblinear.HebbSoftLinear``, one layer without biases.

``python -m benchmarks.authors.drivers.softhebb FOLDER TASK.npz``. A step is ``forward`` in training and ``update``;
what is compared is the change of the weights. The program asks for einops and tabulate.
"""

import importlib

import torch

from benchmarks.authors.drivers.of_torch import batch_of
from benchmarks.authors.drivers.serve import serve, stand_in


class SoftHebb:
    """The program's layer."""

    def __init__(self, arrays, settings):
        stand_in("tabulate", tabulate=None)
        (self.name,) = (name for name in arrays if name.startswith("blocks."))
        self.start = torch.from_numpy(arrays[self.name])
        rates = {
            "adaptive": True, "lr": settings["lr"], "power_lr": settings["optimizer_option"]["power"], "nb_epochs": 1,
            "ratio": 1, "speed": 1, "div": 1, "decay": "constant",
        }  # fmt: skip
        neurons, inputs = self.start.shape
        self.layer = importlib.import_module("hebblinear").HebbSoftLinear(
            inputs, neurons, 2, "normal", 1.0, 0.0, rates, 0.1, t_invert=settings["rule_option"]["t_inv"]
        )
        self.images = batch_of(arrays)[0][0].flatten(1)
        self.layer.train(True)

    def begin(self):
        self.layer.weight.copy_(self.start)
        self.layer.was_update = True
        self.layer.update_lr()

    def step(self):
        self.layer(self.images)
        self.layer.update()

    def compared(self):
        self.step()
        return {self.name: (self.layer.weight - self.start).numpy()}


if __name__ == "__main__":
    serve(SoftHebb, f"torch {torch.__version__}")
