"""Equilibrium propagation by its authors (Laborieux-Axel/Equilibrium-Propagation): ``model_utils.P_MLP``.

``python -m benchmarks.authors.drivers.eqprop FOLDER TASK.npz``. A step is that of ``train`` in ``model_utils.py`` with
``--thirdphase`` (nudged both ways), a squared error and Adam. Its imports of matplotlib, torchvision and Pillow, for
pictures and data, are stood in for where they are missing.
"""

import importlib
from copy import copy

import torch

from benchmarks.authors.drivers.of_torch import Descending, batch_of
from benchmarks.authors.drivers.serve import serve, stand_in


def make(arrays, settings):
    stand_in("torchvision", transforms=None, datasets=None)
    utils = importlib.import_module("model_utils")
    images, labels = batch_of(arrays)
    images, option = images[0], settings["rule_option"]
    names = [name for name in arrays if name.endswith(("weight", "bias"))]
    weights = [arrays[name] for name in names if name.endswith("weight")]
    model = utils.P_MLP([weights[0].shape[1], *map(len, weights)], activation=utils.my_sigmoid)
    criterion, optimizer = torch.nn.MSELoss(reduction="none"), torch.optim.Adam(model.parameters(), lr=settings["lr"])
    beta, free, nudged = option["beta"], option["free_steps"], option["nudged_steps"]

    def backward():
        neurons = model(images, labels, model.init_neurons(len(images), images.device), free, 0.0, criterion)
        first = copy(neurons)
        up = copy(model(images, labels, neurons, nudged, beta, criterion))
        down = copy(model(images, labels, copy(first), nudged, -beta, criterion))
        model.compute_syn_grads(images, labels, up, down, (beta, -beta), criterion)

    return Descending(dict(zip(names, model.parameters(), strict=True)), arrays, backward, optimizer.step)


if __name__ == "__main__":
    serve(make, f"torch {torch.__version__}")
