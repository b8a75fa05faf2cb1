"""Equilibrium propagation against its authors' program: every state, gradient and weight of dense and conv networks."""

import json
import re

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, RateReadout
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import HardSigmoid, Linear, Logistic, Tanh
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.plasticity.equilibrium.energies.hopfield import Hopfield
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

ACTIVATIONS = {
    "mysig": Logistic(4.0, 0.5),
    "hard_sigmoid": HardSigmoid(),
    "ctrd_hard_sig": HardSigmoid(-0.5, 0.5),
    "my_hard_sig": HardSigmoid(gain=0.5),
    "tanh": Tanh(),
}
POOLS = {"m": [nn.MaxPool2d(2)], "a": [nn.AvgPool2d(2)], "i": []}
LOSSES = {"mse": "squared-error", "ce": "cross-entropy"}
WITHIN = 1e-10


def synapses_of(case, arch):
    """Synapses with weights, in order: all of a dense network, or convolutions with their pools behind them."""
    dense = [nn.Linear(a, b) for a, b in zip(arch, arch[1:], strict=False)] if isinstance(arch, list) else []
    if dense:
        return dense
    found = []
    shapes = zip(arch["channels"], arch["channels"][1:], strict=False)
    made = zip(shapes, arch["kernels"], arch["strides"], arch["paddings"], arch["pools"], strict=True)
    for (below, own), kernel, stride, padding, pool in made:
        found.append(nn.Sequential(nn.Conv2d(below, own, kernel, stride, padding), *POOLS[pool]))
    sizes = [case[f"l{len(found) + 1}_weight"].shape[1], *arch["fc"]]
    return found + [nn.Sequential(nn.Flatten(), nn.Linear(a, b)) for a, b in zip(sizes, sizes[1:], strict=False)]


def network_of(case):
    """The file's network, {name in the file: name of the parameter}."""
    arch = json.loads(case["arch_json"])
    synapses = synapses_of(case, arch)
    readout = RateReadout(synapses.pop()[-1]) if case["softmax_readout"] else None
    act = ACTIVATIONS[case["activation"]]
    linear_output = case["loss_kind"] == "ce" and readout is None
    blocks = {
        f"l{n}": Block(synapse, Rate(Linear() if linear_output and n == len(synapses) else act))
        for n, synapse in enumerate(synapses, start=1)
    }
    network = Network(blocks, readout=readout).to(torch.float64)
    names = {}
    for name, parameter in network.named_parameters():
        kind = name.rpartition(".")[2]
        layer = name.split(".")[1] if name.startswith("blocks.") else f"l{len(blocks) + 1}"
        names[f"{layer}_{kind}"] = name
        with torch.no_grad():
            parameter.copy_(case[f"{layer}_{kind}"])
    return network, names


def layer_of(name):
    """The number of the block in a tensor's name."""
    return int(re.search(r"\.l(\d+)\.", name)[1])


def training_of(case, network, nudging, **options):
    learned = case["model"] == "VF_MLP"
    options = {
        "loss": LOSSES[case["loss_kind"]],
        "beta": case["beta"],
        "free_steps": case["T1"],
        "nudged_steps": case["T2"],
        "nudging": nudging,
        "presynaptic": "nudged" if learned and nudging == "symmetric" else "free",
        "feedback": "learned" if learned else "transpose",
        **options,
    }
    decay = case.get("cep_weight_decay", 0.0) if options.get("continual") else 0.0
    lr = case.get("cep_lr" if options.get("continual") else "train_lr", 0.1)
    choice = OptimizerChoice("sgd", lr, {"weight_decay": decay})
    training = Training.start(network, RULES.make("eqprop", options), optimizer=choice)
    for name, value in training.memory.items():
        value.copy_(case[f"l{layer_of(name) - 1}_back"].T)
    return training


def batch_of(case):
    return Batch(case["x"].unsqueeze(0), case["labels"])


@pytest.fixture
def moved(monkeypatch):
    """The values behind every step that any energy takes."""
    seen, step = [], Hopfield.step

    def recorded(self, values):
        seen.append(step(self, values))
        return seen[-1]

    monkeypatch.setattr(Hopfield, "step", recorded)
    return seen


class Compared:
    """What a test has compared with a file."""

    def __init__(self, case):
        self.case, self.keys = case, set()

    def __call__(self, key, found):
        assert_relative(torch.as_tensor(found), torch.as_tensor(self.case[key]), WITHIN, key)
        self.keys.add(key)


def compare_phases(compare, case, network, moved, symmetric):
    """The values of all steps: the free phase from zero, then what nudges make of its last ones."""
    free, nudged = case["T1"], case["T2"]
    assert len(moved) == free + nudged * (2 if symmetric else 1)
    for name in network.blocks:
        path = [values[name][0] for values in moved]
        compare(f"{name}_free", torch.stack([torch.zeros_like(path[0]), *path[:free]]))
        compare(f"{name}_nudged_pos", torch.stack([path[free - 1], *path[free : free + nudged]]))
        if symmetric:
            compare(f"{name}_nudged_neg", torch.stack([path[free - 1], *path[free + nudged :]]))


def compare_grads(compare, update, names, kind):
    for key, name in names.items():
        compare(f"grad_{kind}_{key}", update.grads[name])
    for name, change in update.own.items():
        compare(f"grad_{kind}_l{layer_of(name) - 1}_back", change.T)


@pytest.mark.parametrize("path", golden_files("eqprop_*.npz"))
def test_phases_gradients_and_weights(path, moved):
    case, compare = load(path), Compared(load(path))
    for nudging, kind in (("one-sided", "onesided"), ("symmetric", "symmetric")):
        network, names = network_of(case)
        training = training_of(case, network, nudging)
        moved.clear()
        update = learn(training, batch_of(case))
        compare_phases(compare, case, network, moved, nudging == "symmetric")
        compare_grads(compare, update, names, kind)
        if "free_logits" in case:
            compare("free_logits", update.scores)
        # The file's number is a difference of nearly equal states.
        assert update.metrics["residual_free"] == pytest.approx(case["free_residual"], rel=1e-3, abs=1e-15)
    compare.keys.add("free_residual")
    for step in range(1, case.get("train_steps", 0) + 1):
        if step > 1:
            learn(training, batch_of(case))
        for key, name in names.items():
            compare(f"{key}_after{step}", network.get_parameter(name))
    if case.get("cep"):
        compare_continual(compare, case, moved)
    tensors = {key for key, value in case.items() if isinstance(value, torch.Tensor)}
    given = {key for key in tensors if re.fullmatch(r"x|labels|l\d+_(weight|bias|back)", key)}
    assert compare.keys == (tensors - given) | {"free_residual"}


def compare_continual(compare, case, moved):
    """Weights behind every nudged step."""
    network, names = network_of(case)
    decay = case["cep_lr"] * case["cep_weight_decay"]
    training = training_of(case, network, "one-sided", continual=True, decay=decay)
    after, whole = [], training.rule.updates

    def updates(*given):
        for update in whole(*given):
            yield update
            after.append({key: network.get_parameter(name).detach().clone() for key, name in names.items()})

    training.rule.updates = updates
    moved.clear()
    learn(training, batch_of(case))
    assert len(after) == case["T2"]
    assert len(moved) == case["T1"] + case["T2"]
    for step in range(1, case["T2"] + 1):
        for key in names:
            compare(f"{key}_cep_after{step}", after[step - 1][key])
        for name in network.blocks:
            compare(f"{name}_cep_step{step}", moved[case["T1"] + step - 1][name][0])
