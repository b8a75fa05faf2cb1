"""Align-zero and Align-ada against their authors' program: both runs, the changes, and what three steps leave."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, ReLU
from spikelearn.plasticity import BPTT, MSE, RULES, Batch, OptimizerChoice
from spikelearn.plasticity.alignment.base import as_it_began, from_memory
from spikelearn.synapses import scaled_by_fan_in
from spikelearn.tasks import Regress
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load
from tests.helpers import only_update

TOLERANCE = 1e-11
#: Options by which a rule is the program's, where that is not what its paper says.
OPTIONS = {"align_ada": {"slopes": "program"}, "align_zero": {}}
FILES = golden_files("align_*.npz")


def network_of(case):
    """Layers with their first weights; a norm over the batch, of every unit and place by itself, behind hidden ones."""
    assert (case["hidden_act"], case["loss"], case["batch_norm"]) == ("relu", "mse_mean", 1)
    blocks, last = {}, case["n_layers"]
    for n in range(1, last + 1):
        weight = case[f"W{n}_0"]
        outputs, inputs = weight.shape[:2]
        if weight.ndim == 4:
            stride, kernel = int(case["strides"][n - 1]), tuple(weight.shape[2:])
            layer = nn.Conv2d(inputs, outputs, kernel, stride, padding=int(case["padding"]))
        else:
            layer = nn.Linear(inputs, outputs)
        synapse = nn.Sequential()
        if n == last and case["topology"] == "conv":
            synapse.add_module("mean", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()))
        synapse.add_module("layer", scaled_by_fan_in(layer))
        if n < last:
            image = tuple(case[f"n{n}_1"].shape[1:])
            units = image[0] if len(image) == 1 else case[f"n{n}_1"][0].numel()
            norm = nn.BatchNorm1d(units, eps=case["bn_eps"], affine=False)
            synapse.add_module("norm", nn.Sequential(nn.Flatten(), norm, nn.Unflatten(1, image)))
        blocks[f"layer{n}"] = Block(synapse, Rate(Linear() if n == last else ReLU()))
    network = Network(blocks, readout=MembraneReadout(), input_shape=tuple(case["x_1"].shape[1:])).double()
    with torch.no_grad():
        for key, name in parameters_of(case).items():
            network.get_parameter(name).copy_(case[f"{key}_0"])
    return network


def parameters_of(case):
    """{key of a file without the step: name of the parameter}."""
    layers = range(1, case["n_layers"] + 1)
    weights = {f"W{n}": f"blocks.layer{n}.synapse.layer.parametrizations.weight.original" for n in layers}
    return weights | {f"b{n}": f"blocks.layer{n}.synapse.layer.bias" for n in layers}


def batch_of(case, step):
    return Batch(case[f"x_{step}"].unsqueeze(0), case[f"y_{step}"], task=Regress())


def check_run(case, network, batch, step, frozen=""):
    """Pre-activations in front of the norms and behind them, and the output, of one of the two runs."""
    before, hooks = {}, []
    for name, block in network.blocks.items():
        keep = lambda _module, _given, out, name=name: before.setdefault(name, out)  # noqa: E731
        hooks.append(block.synapse.layer.register_forward_hook(keep))
    record, _ = network.run(batch.inputs)
    for hook in hooks:
        hook.remove()
    for n, name in enumerate(network.blocks, 1):
        if name in network.outputs:
            assert_relative(record[name].v[0], case[f"out{frozen}_{step}"], TOLERANCE, f"out{frozen}_{step}")
        else:
            assert_relative(before[name], case[f"a{frozen}{n}_{step}"], TOLERANCE, f"a{frozen}{n}_{step}")
            assert_relative(record[name].v[0], case[f"n{frozen}{n}_{step}"], TOLERANCE, f"n{frozen}{n}_{step}")


@pytest.mark.parametrize("path", FILES)
def test_training(path):
    case = load(path)
    network, rule = (
        network_of(case),
        RULES.make(case["rule"].replace("_", "-"), {"loss": MSE(), **OPTIONS[case["rule"]]}),
    )
    first = batch_of(case, 1)
    one_hot = torch.eye(first.targets.shape[1], dtype=torch.float64)[case["labels_1"]]
    assert_relative(first.targets, one_hot + case["target_offset"], 1e-7, "y_1")
    exact = only_update(BPTT(MSE()), network, first).grads
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", case["lr"]))
    noise = {f"b{n}" for n in range(1, case["n_layers"])}
    for step in range(1, case["n_steps"] + 1):
        batch = batch_of(case, step)
        with network.presentation(), torch.no_grad():
            check_run(case, network, batch, step)
        initial = dict(from_memory(training.memory))
        as_it_began(
            network, initial, lambda began, step=step, batch=batch: check_run(case, began, batch, step, "_frozen")
        )
        update = learn(training, batch)
        loss = torch.tensor(case[f"loss_{step}"], dtype=torch.float64)
        assert_relative(update.loss, loss, TOLERANCE, f"loss_{step}")
        assert_relative(update.scores, case[f"out_{step}"], TOLERANCE, f"scores {step}")
        for key, name in parameters_of(case).items():
            if step == 1 and f"bp_g{key[1:]}_1" in case and key[0] == "W":
                assert_relative(exact[name], case[f"bp_g{key[1:]}_1"], TOLERANCE, f"bp_g{key[1:]}_1")
                assert_relative(update.grads[name], exact[name], 1e-14, f"{key} at the start")
            if key not in noise:
                gradient = f"g{key.removeprefix('W')}_{step}"
                assert_relative(update.grads[name], case[gradient], TOLERANCE, gradient)
                assert_relative(network.get_parameter(name), case[f"{key}_{step}"], TOLERANCE, f"{key}_{step}")
    case.assert_all_read(r"program|seed|dtype|batch|kernels|strides|padding|(g?b\d+|labels)_\d+")


@pytest.mark.parametrize("path", [p for p in FILES if p.id == "none" or "ada" in p.id])
def test_the_slopes_of_the_start_are_another_rule(path):
    """At the first step both forms are the gradient; behind it the program's differ, but in the output's weights."""
    case = load(path)
    found = {}
    for slopes in ("initial", "program"):
        network = network_of(case)
        training = Training.start(network, RULES.make("align-ada", {"loss": MSE(), "slopes": slopes}))
        with torch.no_grad():
            for key, name in parameters_of(case).items():
                network.get_parameter(name).copy_(case[f"{key}_1"])
        found[slopes] = learn(training, batch_of(case, 2)).grads
    for key, name in parameters_of(case).items():
        if key[0] == "W":
            same = key == f"W{case['n_layers']}"
            assert torch.allclose(found["initial"][name], found["program"][name], rtol=1e-12, atol=0.0) == same
