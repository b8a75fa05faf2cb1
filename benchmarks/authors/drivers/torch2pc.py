"""Torch2PC by its author (RobertRosenbaum/Torch2PC): ``python -m benchmarks.authors.drivers.torch2pc FOLDER TASK.npz``.

``PCInfer`` of ``TorchSeq2PC.py`` in its strict form, and the optimizer's step, as the notebook has them.
"""

import importlib

import torch
from torch import nn

from benchmarks.authors.drivers.of_torch import Descending, as_precise_as, batch_of
from benchmarks.authors.drivers.serve import serve


def make(arrays, settings):
    as_precise_as(arrays)
    infer = importlib.import_module("TorchSeq2PC").PCInfer
    images, labels = batch_of(arrays)
    names = [name for name in arrays if name.endswith(("weight", "bias"))]
    shapes = [arrays[name].shape for name in names if name.endswith("weight")]
    maps = [nn.Linear(below, above) for above, below in shapes]
    model = nn.Sequential(*(nn.Sequential(each, nn.Tanh()) for each in maps[:-1]), nn.Sequential(maps[-1]))
    option, loss = settings["rule_option"], nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=settings["lr"])

    def backward():
        model.zero_grad()
        infer(model, loss, images[0].flatten(1), labels, "Strict", eta=option["eta"], n=option["iterations"])

    places = dict(zip(names, model.parameters(), strict=True))
    return Descending(places, arrays, backward, optimizer.step)


if __name__ == "__main__":
    serve(make, f"torch {torch.__version__}")
