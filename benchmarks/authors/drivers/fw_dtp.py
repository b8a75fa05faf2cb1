"""FW-DTP by its authors (TatsukichiShibuya/Fixed-Weight-Difference-Target-Propagation): ``models.tp_net.tp_net``.

``python -m benchmarks.authors.drivers.fw_dtp FOLDER TASK.npz``. A step is ``compute_target`` and ``update_weights`` of
the loop in ``tp_net.train``, with batch statistics behind every function. The program replaces its weights by new
tensors: what is compared is their change at a learning rate so large that rounding hides nothing. Its import of wandb,
for logging, is stood in for where that is missing.
"""

import importlib
import sys

import torch

from benchmarks.authors.drivers.of_torch import batch_of
from benchmarks.authors.drivers.serve import serve, stand_in

#: Learning rate of the comparison.
LARGE = 1e3


class FWDTP:
    """The program's network."""

    def __init__(self, arrays, settings):
        stand_in("wandb")
        sys.path.insert(0, f"{sys.argv[1]}/code")
        images, self.labels = batch_of(arrays)
        self.images, self.rate = images[0].flatten(1), settings["lr"]
        self.stepsize = settings["rule_option"]["stepsize"]
        self.names = [name for name in arrays if name.startswith("blocks.")]
        self.start = [torch.from_numpy(arrays[name]) for name in self.names]
        sizes = [self.start[0].shape[1], *map(len, self.start)]
        functions = {
            "ff1": {"type": "identity", "init": None, "act": "linear"},
            "ff2": {"type": "parameterized", "init": "orthogonal", "act": "tanh-BN"},
            "bf1": {"type": "random", "init": "uniform", "act": "tanh-BN"},
            "bf2": {"type": "difference", "init": None, "act": "linear-BN"},
            "last": "linear-BN",
        }
        network = importlib.import_module("models.tp_net").tp_net
        loss = torch.nn.CrossEntropyLoss(reduction="sum")
        self.net = network(len(self.start), 1, sizes[0], sizes[1], sizes[-1], loss, "cpu", params=functions)
        feedback = [torch.from_numpy(arrays[name]) for name in arrays if name.startswith("back_weights.")]
        for layer, weight in zip(self.net.layers[1:], feedback, strict=True):
            layer.backward_function_1.weight.copy_(weight)

    def begin(self):
        for layer, weight in zip(self.net.layers, self.start, strict=True):
            layer.forward_function_2.weight = weight.clone().requires_grad_()

    def step(self, rate=None):
        self.net.compute_target(self.images, self.labels, self.stepsize)
        self.net.update_weights(self.images, self.rate if rate is None else rate)

    def compared(self):
        self.step(LARGE)
        found = [layer.forward_function_2.weight.detach() for layer in self.net.layers]
        return {
            name: ((before - after) / LARGE).numpy()
            for name, before, after in zip(self.names, self.start, found, strict=True)
        }


if __name__ == "__main__":
    serve(FWDTP, f"torch {torch.__version__}")
