"""IDE by its authors (pkuxmq/IDE-FSNN): ``python -m benchmarks.authors.drivers.ide FOLDER TASK.npz``.

The models ``SNNIDEFCNet`` and ``SNNIDEConvNet`` with Broyden's method, and the step of ``fashionmnist_fc.py`` and
``mnist_conv.py``: forward, cross-entropy, backward, SGD. Dropout is 0 on both sides, so that the gradients can be
compared. Broyden's module imports ``termcolor`` for coloured warnings that are not given here; where it is missing an
empty one stands in.
"""

import importlib

import torch
from torch import nn

from benchmarks.authors.drivers.of_torch import Descending, as_precise_as, batch_of
from benchmarks.authors.drivers.serve import serve, stand_in

#: Of the fields of the models' configuration, those that are the same in both scripts.
COMMON = {"num_classes": 10, "threshold": 30, "dropout": 0.0}


def model_of(first, back, settings, side):
    """The model for our first weights and the feedback's, and its two maps."""
    neuron = settings["neuron_option"]
    given = COMMON | {"time_step": settings["steps"], "vth": neuron["v_threshold"], "leaky": neuron["decay"]}
    if first.ndim == 2:
        given |= {"dim_in": first.shape[1], "dim_hidden": first.shape[0]}
        made = importlib.import_module("models.snn_ide_fc").SNNIDEFCNet({"MODEL": given, "OPTIM": {"solver": "broy"}})
        return made, made.network_x.fc, made.network_s.fc
    given |= {
        "c_in": first.shape[1], "c_hidden": first.shape[0], "h_hidden": side // 2, "w_hidden": side // 2,
        "kernel_size_x": first.shape[2], "stride_x": 2, "padding_x": first.shape[2] // 2, "pooling_x": False,
        "kernel_size_s": back.shape[2],
    }  # fmt: skip
    made = importlib.import_module("models.snn_ide_conv").SNNIDEConvNet({"MODEL": given, "OPTIM": {"solver": "broy"}})
    return made, made.network_x.conv, made.network_s.conv


def make(arrays, settings):
    as_precise_as(arrays)
    stand_in("termcolor", colored=None)
    images, labels = batch_of(arrays)
    names = [name for name in arrays if "." in name and not name.endswith("num_batches_tracked")]
    (feedback,) = (arrays[name] for name in names if name.endswith("original"))
    model, first, back = model_of(arrays[names[0]], feedback, settings, images.shape[-1])
    norm, head = model.network_x.bn, model.classifier
    inward = (first.weight, first.bias, norm.weight, norm.bias, norm.running_mean, norm.running_var)
    outward = (back.weight_w, back.weight_g, back.weight_u, back.weight_v, head.weight, head.bias)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)

    def backward():
        loss = criterion(model(images[0]), labels)
        optimizer.zero_grad()
        loss.backward()

    model.train()
    places = dict(zip(names, (*inward, *outward), strict=True))
    return Descending(places, arrays, backward, optimizer.step)


if __name__ == "__main__":
    serve(make, f"torch {torch.__version__}")
