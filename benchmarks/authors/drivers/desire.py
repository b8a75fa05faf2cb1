"""Desire backpropagation by its authors: ``python -m benchmarks.authors.drivers.desire FOLDER TASK.npz``.

DanielGerlinghoff/desire-backpropagation, ``desire_pytorch.py``: one image at a time, forward, backward and the
optimizer's step, as its loop has them; of a batch the images one after the other. Dropout is 0 on both sides. What is
compared are the changes of each image from the task's weights, at a learning rate of 1, so that the rounding of the
sum with the weights hides nothing. Its import of torchvision, for its data, is stood in for where that is missing.
"""

import importlib
import types

import torch

from benchmarks.authors.drivers.of_torch import batch_of
from benchmarks.authors.drivers.serve import serve, stand_in


class Desire:
    """The program's network and optimizer."""

    def __init__(self, arrays, settings):
        stand_in("torchvision", datasets=None, transforms=None)
        self.program = importlib.import_module("desire_pytorch")
        self.names = [name for name in arrays if name.endswith("weight")]
        self.start = [torch.from_numpy(arrays[name]) for name in self.names]
        hyper = types.SimpleNamespace(
            tsteps=settings["steps"], lr={"conv": 1e-6, "lin": 1e-5}, dropout={"in": 0.0, "hid": 0.0},
            mempot_thres=1.0, mempot_decay=2, desire_thres={"conv": 0.20, "lin": 0.05, "out": 0.30}, error_margin=4,
            config=(("I", 1, 28), ("F",), *(("L", len(weight)) for weight in self.start)),
        )  # fmt: skip
        self.model = self.program.SnnModel(hyper)
        self.optimizer = self.program.SnnOptim(self.model, hyper)
        self.layers = [layer for layer in self.model.layers if hasattr(layer, "weights")]
        self.images, self.labels = torch.from_numpy(arrays["images"]), batch_of(arrays)[1]
        self.model.train()

    def begin(self):
        for layer, weight in zip(self.layers, self.start, strict=True):
            layer.weights.data.copy_(weight)

    def learn(self, number):
        self.model(self.images[number])
        self.model.backward(self.labels[number])
        self.optimizer.step()

    def step(self):
        for number in range(len(self.images)):
            self.learn(number)

    def compared(self):
        rate = self.optimizer.lr["lin"]
        self.optimizer.lr["lin"] = 1.0
        totals = [torch.zeros_like(weight) for weight in self.start]
        for number in range(len(self.images)):
            self.begin()
            self.learn(number)
            for total, layer, weight in zip(totals, self.layers, self.start, strict=True):
                total += layer.weights.data - weight
        self.optimizer.lr["lin"] = rate
        return {name: (-total / len(self.images)).numpy() for name, total in zip(self.names, totals, strict=True)}


if __name__ == "__main__":
    serve(Desire, f"torch {torch.__version__}")
