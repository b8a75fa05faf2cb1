"""Networks of rates with the authors' weights, trained as they trained them: one step a call of ``learn``."""

import torch
from torch import nn

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, ReLU, Tanh
from spikelearn.plasticity import Batch, BinaryCrossEntropy, CrossEntropy, OptimizerChoice
from tests.golden.files import assert_relative

ACTIVATIONS = {"tanh": Tanh, "relu": ReLU}
LOSSES = {"BCE": BinaryCrossEntropy, "CE": CrossEntropy}
OPTIMIZERS = {
    "SGD": lambda case: OptimizerChoice("sgd", case["lr"], {"momentum": case["momentum"]}),
    "NAG": lambda case: OptimizerChoice("sgd", case["lr"], {"momentum": case["momentum"], "nesterov": True}),
    "Adam": lambda case: OptimizerChoice("adam", case["lr"]),
}

#: {what the authors' files call it: the parameter's name behind that of its layer}.
PARTS = {"W": "weight", "b": "bias"}
NORM_PARTS = {"gamma": "weight", "beta": "bias"}


def network_of(case):
    """Layers with their first weights, the last one linear; what is pooled is pooled behind its activation."""
    blocks, pooled, last = {}, False, case["n_layers"]
    for n in range(1, last + 1):
        weight = case[f"W{n}_0"]
        layer = conv_of(case, weight) if weight.ndim == 4 else nn.Linear(*reversed(weight.shape))
        parts = [nn.MaxPool2d(2), nn.Flatten(), layer] if pooled else [layer]
        if f"gamma{n}_0" in case:
            parts.append(nn.BatchNorm1d(len(weight), eps=case["bn_eps"]))
        activation = Linear() if n == last else ACTIVATIONS[case["hidden_act"]]()
        blocks[f"layer{n}"] = Block(nn.Sequential(*parts), Rate(activation))
        pooled = weight.ndim == 4
    shape = case["x_1"].shape[1:] if case["W1_0"].ndim == 4 else None
    network = Network(blocks, readout=MembraneReadout(), input_shape=shape).to(case["W1_0"].dtype)
    with torch.no_grad():
        for key, name in parameters_of(case, network).items():
            network.get_parameter(name).copy_(case[f"{key}_0"])
    return network


def conv_of(case, weight):
    filters, channels, kernel, _ = weight.shape
    stride, padding = (1, 0) if case["topology"] == "conv" else map(int, case["topology"].split("_")[3:5])
    return nn.Conv2d(channels, filters, kernel, stride, padding)


def layer_of(network, n):
    """Where the weights of layer ``n`` stand."""
    synapse = network.blocks[f"layer{n}"].synapse
    place = next(i for i, part in enumerate(synapse) if isinstance(part, nn.Linear | nn.Conv2d))
    return f"blocks.layer{n}.synapse.{place}"


def parameters_of(case, network):
    """{key of a file without the step: name of the parameter}."""
    found = {}
    for n in range(1, case["n_layers"] + 1):
        found |= {f"{key}{n}": f"{layer_of(network, n)}.{part}" for key, part in PARTS.items()}
        norm = len(network.blocks[f"layer{n}"].synapse) - 1
        own = {f"{key}{n}": f"blocks.layer{n}.synapse.{norm}.{part}" for key, part in NORM_PARTS.items()}
        found |= {key: name for key, name in own.items() if f"{key}_0" in case}
    return found


def batch_of(case, step, draws=None):
    x = case[f"x_{step}"]
    inputs = x if case["W1_0"].ndim == 4 else x.flatten(1)
    return Batch(inputs.unsqueeze(0), case[f"labels_{step}"], draws=draws or {})


def gradient_key(key):
    """The file's name for the gradient of what it calls ``key``: g1 of W1, gb1 of b1, ggamma1 of gamma1."""
    return "g" + key.removeprefix("W")


def is_noise(case, key):
    """Whether a bias stands in front of a batch norm, which takes it away: its gradient is rounding."""
    return key[0] == "b" and f"gamma{key[1:]}_0" in case


def check_activity(case, network, batch, step, tolerance):
    """What the file has of a forward pass: pre-activations and activations."""
    with network.presentation(), torch.no_grad():
        record, _ = network.run(batch.inputs)
    for n in range(1, case["n_layers"] + 1):
        seen = record[f"layer{n}"]
        for key, found in ((f"a{n}_{step}", seen.v[0]), (f"h{n}_{step}", seen.spikes[0])):
            if key in case and not (key[0] == "a" and f"gamma{n}_0" in case):
                assert_relative(found, case[key], tolerance, key)


def check_changes(case, network, update, step, tolerance):
    """Loss and gradients of a step, and the parameters after it."""
    assert_relative(update.loss, torch.tensor(case[f"loss_{step}"], dtype=torch.float64), tolerance, f"loss_{step}")
    for key, name in parameters_of(case, network).items():
        if is_noise(case, key):
            continue
        gradient = f"{gradient_key(key)}_{step}"
        assert_relative(update.grads[name], case[gradient], tolerance, gradient)
        assert_relative(network.get_parameter(name), case[f"{key}_{step}"], tolerance, f"{key}_{step}")


def watched(monkeypatch, rule):
    """A list in which every (error, {block: signal}) appears that the rule's signal sends."""
    kind, seen = type(rule.signal), []
    whole = kind.send

    def send(self, error, *given):
        seen.append((error, whole(self, error, *given)))
        return seen[-1][1]

    monkeypatch.setattr(kind, "send", send)
    return seen


def watched_blocks(monkeypatch, rule):
    """{block: what it is told}, of the last update of a rule whose signal looks at every block by itself."""
    kind, told = type(rule.signal), {}
    whole = kind.teach

    def teach(self, name, *given):
        told[name] = whole(self, name, *given)
        return told[name]

    monkeypatch.setattr(kind, "teach", teach)
    return told
