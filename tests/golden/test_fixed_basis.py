"""LLS, LLS-M and LLS-MxM against their authors' program: what each block reads, its loss and what each step leaves."""

import json

import pytest
import torch
from torch import nn

from spikelearn.network import Block, MembraneReadout, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import LeakyReLU, Linear
from spikelearn.plasticity import RULES, Batch, CrossEntropy, OptimizerChoice
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

F64 = torch.float64
TOLERANCE = 1e-11
NAMES = {"LLS": "lls", "LLS_M": "lls-m", "LLS_MxM": "lls-mxm", "LLS_MxM_reduced": "lls-mxm"}
OPTIMIZERS = {
    "SGD": lambda case: ("sgd", {"momentum": case["momentum"], "weight_decay": case["weight_decay"]}),
    "AdamWSF": lambda case: ("schedule-free-adamw", {"weight_decay": case["weight_decay"]}),
}
POOLING = {"maxpool2": lambda: nn.MaxPool2d(2), "avgpool": lambda: nn.AdaptiveAvgPool2d(2), None: nn.Identity}
#: {end of a key: parameter, by the module in a block's synapse}.
PARAMETERS = {"weight": "layer.weight", "bias": "layer.bias", "bn_weight": "norm.weight", "bn_bias": "norm.bias"}
STATISTICS = ("running_mean", "running_var")


def network_of(case):
    """Blocks of layer, batch norm and leaky rectifier; what a file pools behind a block stands before the next layer.

    A file without a readout gets one that nobody compares: no block learns from it.
    """
    blocks, front, image = {}, nn.Identity(), case["x"].ndim == 4
    for n, stage in enumerate(json.loads(case["arch_json"])):
        conv = stage["type"] == "conv"
        front = front if conv or not image else nn.Sequential(front, nn.Flatten())
        sizes = stage["in"], stage["out"]
        layer = nn.Conv2d(*sizes, stage["k"], stage["stride"], stage["pad"]) if conv else nn.Linear(*sizes)
        norm = (nn.BatchNorm2d if conv else nn.BatchNorm1d)(stage["out"], case["bn_eps"])
        blocks[f"block{n}"] = Block(in_order(front=front, layer=layer, norm=norm), Rate(LeakyReLU(case["leaky_slope"])))
        front, image = POOLING[stage.get("after")](), conv
    front = nn.Sequential(front, nn.Flatten()) if image else front
    last = nn.Linear(case["readout_weight"].shape[1], case["n_classes"]) if "readout_weight" in case else None
    readout = in_order(front=front, layer=last or nn.LazyLinear(case["n_classes"], dtype=F64))
    if last is None:
        readout(case["block0_out"][0])
    blocks["readout"] = Block(readout, Rate(Linear()))
    network = Network(blocks, readout=MembraneReadout(), input_shape=tuple(case["x"].shape[1:])).to(F64)
    with torch.no_grad():
        for key, name in parameters_of(case, network).items():
            network.get_parameter(name).copy_(case[key])
    return network


def in_order(**modules):
    synapse = nn.Sequential()
    for name, module in modules.items():
        synapse.add_module(name, module)
    return synapse


def parameters_of(case, network):
    """{key of a file: name of the parameter}."""
    known = dict(network.named_parameters())
    named = {
        f"{block}_{end}": f"blocks.{block}.synapse.{own}" for block in network.blocks for end, own in PARAMETERS.items()
    }
    return {key: name for key, name in named.items() if key in case and name in known}


def training_of(case, network):
    """The registered rule with the file's options and optimizer, and the file's first modulations."""
    options = {name: case[name] for name in ("temperature", "label_smoothing")}
    options |= {"basis": f"{case['waveform']}:lowest={case['min_f']},highest={case['max_f']}", "loss": CrossEntropy()}
    options["length"] = max(value.shape[1] for key, value in case.items() if key.endswith("_basis"))
    if case["reduced_set"]:
        options["vectors"] = case["reduced_set"]
    rule = RULES.make(NAMES[case["mode"]], options)
    name, of_it = OPTIMIZERS[case["optimizer"]](case)
    training = Training.start(network, rule, optimizer=OptimizerChoice(name, case["lr"], of_it))
    for key, value in training.memory.items():
        if key.startswith("modulation."):
            value.copy_(case[f"{key.removeprefix('modulation.')}_modulation"])
    return training


def watched(monkeypatch, rule):
    """Lists in which appears what the rule's signal reads of a block, and what it tells it."""
    kind, read, told = type(rule.signal), [], []
    for name, seen in (("read", read), ("teach", told)):
        whole = getattr(kind, name)

        def watch(*given, whole=whole, seen=seen, **named):
            seen.append(whole(*given, **named))
            return seen[-1]

        monkeypatch.setattr(kind, name, watch)
    return read, told


def check_activity(case, network, batch, step):
    with network.presentation(), torch.no_grad():
        record, _ = network.run(batch.inputs)
        for name, seen in record.items():
            if f"{name}_in" in case:
                met = network.blocks[name].synapse.front(seen.pre[0])
                assert_relative(met, case[f"{name}_in"][step], TOLERANCE, f"{name} in")
            if f"{name}_out" in case:
                assert_relative(seen.spikes[0], case[f"{name}_out"][step], TOLERANCE, f"{name} out")


def check_told(case, names, read, told, step):
    """What every block read, its loss, and the signal at what it sent."""
    for name, reading, taught in zip(names, read, told, strict=True):
        found = {"latent": reading.latent, "latent_normalised": reading.direction, "logits": reading.logits}
        found |= {"loss": taught.loss, "out_grad": taught.spikes[0]}
        for key, value in found.items():
            assert_relative(value, case[f"{name}_{key}"][step], TOLERANCE, f"{name} {key} of {step}")


def check_update(case, training, update, step):
    """Gradients, parameters, modulations and running statistics after the step."""
    network, compared = training.network, set()
    named = {
        key: (update.grads[name], network.get_parameter(name)) for key, name in parameters_of(case, network).items()
    }
    for key, value in training.memory.items():
        if key.startswith("modulation."):
            named[f"{key.removeprefix('modulation.')}_modulation"] = (update.own[key], value)
    for key, (grad, after) in named.items():
        for end, value in (("grad", grad), ("after", after)):
            if f"{key}_{end}" in case:
                assert_relative(value, case[f"{key}_{end}"][step], TOLERANCE, f"{key} {end} of {step}")
                compared.add(f"{key}_{end}")
    for name in (name for name in network.blocks if name != "readout"):
        for own in STATISTICS:
            value = network.get_buffer(f"blocks.{name}.synapse.norm.{own}")
            assert_relative(value, case[f"{name}_bn_{own}"][step], TOLERANCE, f"{name} {own} of {step}")
    assert compared == {key for key in case if key.endswith(("_grad", "_after")) and not key.endswith("_out_grad")}


@pytest.mark.filterwarnings("ignore:class vectors of")
@pytest.mark.parametrize("path", golden_files("lls_*.npz"))
def test_what_the_program_computes(path, monkeypatch):
    case = load(path)
    network = network_of(case)
    training = training_of(case, network)
    names = [name for name in network.blocks if name != "readout"]
    for name in names:
        assert_relative(training.memory[f"basis.{name}"], case[f"{name}_basis"], TOLERANCE, f"basis of {name}")
    read, told = watched(monkeypatch, training.rule)
    batch = Batch(case["x"].unsqueeze(0), case["labels"])
    for step in range(case["steps"]):
        check_activity(case, network, batch, step)
        update = learn(training, batch)
        check_told(case, names, read, told, step)
        if "readout_loss" in case:
            assert_relative(update.loss, case["readout_loss"][step], TOLERANCE, "loss of the readout")
            assert_relative(update.scores, case["readout_out"][step], TOLERANCE, "scores")
        check_update(case, training, update, step)
        read.clear()
        told.clear()
