"""Prospective configuration, incremental coding and KL energies against one program: three updates on three batches."""

import copy
import json

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import HalfTanh, Linear, Logistic, Softmax, Tanh
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.plasticity.equilibrium import predictive_rule
from spikelearn.tasks import CLASSIFY, Regress
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

WITHIN = 1e-11
ACTIVATIONS = {"tanh": Tanh(), "sigmoid": Logistic(), "softmax": Softmax(), "halftanh": HalfTanh()}
#: {energy of a file: the distribution of its hidden layers}.
DISTRIBUTIONS = {"kl_categorical": "categorical", "kl_bernoulli": "bernoulli", "kl_gaussian": "gaussian-variance"}
NAMES = {"last": "pc-prospective", "all": "pc-incremental"}
LOSSES = {"half_squared_sum": "squared-error", "ce_sum": "cross-entropy"}


def training_of(case):
    """The registered rule under the file's settings and first weights; the program sums over the batch."""
    sizes, samples = json.loads(case["arch_json"]), case["x"].shape[1]
    last, sent = len(sizes) - 1, sizes[0]
    blocks = {}
    for n in range(1, last + 1):
        size = len(case[f"l{n}_bias"])
        activation = Linear() if n == last else ACTIVATIONS[case["activation"]]
        blocks[f"l{n}"], sent = Block(nn.Linear(sent, size), Rate(activation)), size
    network = Network(blocks).to(case["x"].dtype)
    with torch.no_grad():
        for name in blocks:
            weight_of(network, name, case).copy_(case[f"{name}_weight"])
            network.get_parameter(f"blocks.{name}.synapse.bias").copy_(case[f"{name}_bias"])
    options = {
        "loss": LOSSES[case["loss_kind"]],
        "iterations": case["T"],
        "eta": case["x_lr"],
        "momentum": case["x_momentum"],
        "discount": case["x_lr_discount"],
        "node": case["node_position"],
    }
    name = NAMES[case["update_p"]]
    if case["energy"] != "gaussian":
        assert name == "pc-prospective"
        name, options["distribution"] = "pc-kl", DISTRIBUTIONS[case["energy"]]
    adam = case["optimizer"] == "Adam"
    choice = OptimizerChoice("adam", case["lr"], {"eps": 1e-8 / samples}) if adam else None
    optimizer = choice or OptimizerChoice("sgd", case["lr"] * samples)
    return Training.start(network, RULES.make(name, options), optimizer=optimizer)


def weight_of(network, name, case, tensors=None):
    """Weights of a layer (or their gradient among ``tensors``) from units that send something: not log variances."""
    key = f"blocks.{name}.synapse.weight"
    whole = network.get_parameter(key) if tensors is None else tensors[key]
    return whole[:, : case[f"{name}_weight"].shape[1]]


def batch_of(case, step):
    inputs, target = case["x"][step - 1].unsqueeze(0), case["target"][step - 1]
    classes = case["loss_kind"] == "ce_sum"
    assert not classes or bool(((target == 0) | (target == 1)).all()), "targets of a class"
    return Batch(inputs, target.argmax(1), task=CLASSIFY) if classes else Batch(inputs, target, task=Regress())


@pytest.fixture
def looks(monkeypatch):
    """All that inference yields."""
    seen, descend = [], predictive_rule.descend

    def watched(*given, **options):
        for look in descend(*given, **options):
            seen.append(look)
            yield look

    monkeypatch.setattr(predictive_rule, "descend", watched)
    return seen


@pytest.mark.parametrize("path", golden_files("pc_prospective_*.npz", "pc_kl_*.npz"))
def test_training(path, looks):
    case = load(path)
    training, samples, compared = training_of(case), case["x"].shape[1], set()
    names = list(training.network.blocks)

    def compare(key, found):
        assert_relative(found, case[key], WITHIN, key)
        compared.add(key)

    for step in range(1, case["updates"] + 1):
        longer = copy.deepcopy(training)
        longer.rule.iterations += 1
        looks.clear()
        learn(longer, batch_of(case, step))  # the last look is at the values after T moves
        moved = looks[-1].values
        looks.clear()
        update = learn(training, batch_of(case, step))
        assert len(looks) == case["T"]
        for name in names[:-1]:
            values = [look.values[name][0] for look in looks]
            compare(f"{name}_value_step{step}", torch.stack([*values, moved[name][0]]))
            slopes = torch.stack([look.slopes.values[name][0] for look in looks])
            compare(f"{name}_value_grad_step{step}", slopes)
        for name in names:
            weight = f"{name}_weight_grad_last_step{step}"
            compare(weight, samples * weight_of(training.network, name, case, update.grads))
            compare(f"{name}_weight_after{step}", weight_of(training.network, name, case))
            compare(f"{name}_bias_after{step}", training.network.get_parameter(f"blocks.{name}.synapse.bias"))
        compare(f"energy_step{step}", torch.stack([look.slopes.energy for look in looks]))
        compare(f"loss_step{step}", torch.stack([look.slopes.loss for look in looks]))
        compare(f"overall_step{step}", torch.stack([look.slopes.total for look in looks]))
        compare(f"x_lr_step{step}", torch.tensor([look.rate for look in looks], dtype=torch.float64))
    tensors = {key for key, value in case.items() if isinstance(value, torch.Tensor)}
    given = {"x", "target", *(f"{name}_{kind}" for name in names for kind in ("weight", "bias"))}
    assert compared == tensors - given
