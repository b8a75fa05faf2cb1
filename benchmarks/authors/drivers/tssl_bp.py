"""TSSL-BP by its authors (stonezwr/TSSL-BP): ``python -m benchmarks.authors.drivers.tssl_bp FOLDER TASK.npz``.

The network is made from the program's own kind of description, and a step is the body of the loop in its ``main.py``:
forward, kernel loss, backward, clipping of the norm, AdamW, weights held in -4 to 4; its reports are left out. The
program asks for a CUDA device: ``.cuda()`` returns what it is called on. Its gradients are sums over the batch.
"""

import importlib

import torch

from benchmarks.authors.drivers.of_torch import Descending, batch_of, without_cuda
from benchmarks.authors.drivers.serve import serve


def layers_of(arrays, names):
    """The program's description of the network: convolutions are pooled by 2, dense layers follow them."""
    layers = {}
    for number, name in enumerate(names):
        shape = arrays[name].shape
        if len(shape) == 4:
            layers[f"conv_{number}"] = {
                "type": "conv", "in_channels": shape[1], "out_channels": shape[0], "kernel_size": shape[2],
                "threshold": 1,
            }  # fmt: skip
            layers[f"pooling_{number}"] = {"type": "pooling", "kernel_size": 2, "threshold": 1}
        else:
            layers[f"linear_{number}"] = {
                "type": "linear", "n_inputs": shape[1], "n_outputs": shape[0], "threshold": 1
            }  # fmt: skip
    return layers


def make(arrays, settings):
    without_cuda()
    cnns, losses, constants = (importlib.import_module(name) for name in ("cnns", "functions.loss_f", "global_v"))
    steps, neuron = settings["steps"], settings["neuron_option"]
    config = {
        "n_steps": steps, "tau_m": round(1e3 * neuron["tau_mem"]), "tau_s": round(1e3 * neuron["tau_syn"]),
        "model": "LIF", "rule": "TSSLBP", "n_class": 10,
    }  # fmt: skip
    constants.init(steps, config["tau_s"])
    images, labels = batch_of(arrays)
    names = [name for name in arrays if name.endswith("weight")]
    network = cnns.Network(config, layers_of(arrays, names), list(images.shape[2:]))
    error = losses.SpikeLoss(config)
    optimizer = torch.optim.AdamW(network.get_parameters(), lr=5e-4, betas=(0.9, 0.999))
    wished = torch.tensor([0, 1, 1, 1, 1]).repeat(steps // 5).view(1, 1, 1, 1, steps)
    wished = losses.psp(wished, config).view(1, 1, 1, steps)

    def backward():
        shown = images[0].unsqueeze(-1).repeat(1, 1, 1, 1, steps)
        targets = torch.zeros(len(labels), 10, 1, 1, steps)
        outputs = network.forward(shown, 0, True)
        for number in range(len(labels)):
            targets[number, labels[number], ...] = wished
        loss = error.spike_kernel(outputs, targets, config)
        optimizer.zero_grad()
        loss.backward()

    def update():
        torch.nn.utils.clip_grad_norm_(network.get_parameters(), 1)
        optimizer.step()
        network.weight_clipper()

    places = dict(zip(names, network.get_parameters(), strict=True))
    return Descending(places, arrays, backward, update, 1.0 / len(labels))


if __name__ == "__main__":
    serve(make, f"torch {torch.__version__}")
