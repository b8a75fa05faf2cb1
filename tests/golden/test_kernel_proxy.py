"""Kernel layer-wise networks against the authors' program: every proxy and its derivative, and blocks in turn."""

import json

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Logistic, ReLU, Tanh
from spikelearn.plasticity import KERNELS, RULES, Batch, OptimizerChoice
from spikelearn.plasticity.pairwise.proxies import Pairs
from spikelearn.synapses import Normalise
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

UNITS = {"nn_relu": ReLU(), "nn_sigmoid": Logistic(), "nn_tanh": Tanh(), "gaussian": Linear()}
#: Numbers that say how a file was made, and what it begins with.
ABOUT = {
    "official",
    "repo",
    "commit",
    "kind",
    "kernel",
    "sigma",
    "k_min",
    "k_max",
    "n_classes",
    "seed",
    "undefined_json",
}
SETTINGS = ABOUT | {"objective", "arch_json", "x", "labels", "lr", "momentum", "weight_decay", "steps"}
WEIGHT = "blocks.layer{}.synapse.{}.{}"


def of_kind(kind):
    paths = golden_files("kernel_objectives_*.npz" if kind == "objectives" else "kernel_train_*.npz")
    return pytest.mark.parametrize("path", paths)


def kernel_of(case):
    return f"gaussian:sigma={case['sigma']}" if case["kernel"] == "gaussian" else "cosine"


def proxy_of(name):
    """(proxy, negatives_only) of an objective's name, such as srs_log_contrastive_neo."""
    return name.removeprefix("srs_").removesuffix("_neo").replace("_", "-"), name.endswith("_neo")


def block(layer, neuron, *front):
    return Block(nn.Sequential(*front, layer), neuron)


def watched(monkeypatch, rule):
    """Lists of the kernels and of the ideal ones that the rule forms."""
    formed, whole = [], Pairs.of

    def of(*given):
        formed.append(whole(*given))
        return formed[-1]

    monkeypatch.setattr(Pairs, "of", of)
    return formed


@of_kind("objectives")
def test_proxies(path, monkeypatch):
    """Samples are the unit vectors, so that the currents are the weights, and their derivatives those of the weights."""
    case = load(path)
    samples, width = case["h"].shape
    unit = UNITS[case["kernel"]]
    network = Network(
        {
            "layer1": Block(nn.Linear(samples, width, bias=False), Rate(unit)),
            "layer2": Block(nn.Linear(width, case["n_classes"]), Rate(Linear())),
        }
    ).double()
    with torch.no_grad():
        network.get_parameter("blocks.layer1.synapse.weight").copy_(case["h"].T)
    batch = Batch(torch.eye(samples, dtype=torch.float64).unsqueeze(0), case["labels"])
    objectives = [key.removesuffix("_value") for key in case if key.endswith("_value")]
    compared = {"h", "labels"}

    def compare(key, found):
        assert_relative(found, torch.as_tensor(case[key], dtype=torch.float64), 1e-12, key)
        compared.add(key)

    for name in objectives:
        proxy, negatives = proxy_of(name)
        options = {"loss": "cross-entropy", "kernel": kernel_of(case), "proxy": proxy, "negatives_only": negatives}
        rule = RULES.make("kernel-proxy", options)
        training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 1.0))
        formed = watched(monkeypatch, rule)
        (update,) = rule.updates(network, batch, training.memory, training.generator)
        compare("kernel_matrix", formed[-1].kernel)
        compare("ideal_matrix", formed[-1].ideal)
        assert (rule.kernel.lowest(network.blocks["layer1"].neuron), 1.0) == (case["k_min"], case["k_max"])
        compare(f"{name}_value", torch.tensor(update.metrics["proxy_layer1"], dtype=torch.float64))
        compare(f"{name}_grad_h", -update.grads["blocks.layer1.synapse.weight"].T)
        monkeypatch.undo()
        before = network.get_parameter("blocks.layer1.synapse.weight").detach().clone()
        learn(training, batch)
        moved = network.get_parameter("blocks.layer1.synapse.weight").detach() - before
        assert_relative(moved.T, case[f"{name}_grad_h"], 1e-12, "a step goes up the proxy")
        with torch.no_grad():
            network.get_parameter("blocks.layer1.synapse.weight").copy_(case["h"].T)
    if "phi" in case:
        current = case["h"].unsqueeze(0)
        features = KERNELS.make("cosine").features(network.blocks["layer1"].neuron.activation(current))
        compare("phi", features / features.norm(dim=1, keepdim=True))
    for name in json.loads(case["undefined_json"]):
        proxy, negatives = proxy_of(name)
        options = {"kernel": kernel_of(case), "loss": "cross-entropy", "proxy": proxy, "negatives_only": negatives}
        with pytest.raises(ValueError, match="least value, but that of block 'layer1' is 0"):
            RULES.make("kernel-proxy", options).check(network)
    assert compared == set(case) - ABOUT


def layers_of(case, unit):
    """Layers with their first weights; each but the first sees the direction of what the one before sends."""
    sizes = json.loads(case["arch_json"])
    blocks = {}
    for n, (inputs, outputs) in enumerate(zip(sizes, sizes[1:], strict=False), start=1):
        front = [nn.Identity() if n == 1 else Normalise("length", epsilon=1e-30)]
        blocks[f"layer{n}"] = block(nn.Linear(inputs, outputs), Rate(Linear() if n == len(sizes) - 1 else unit), *front)
    network = Network(blocks).double()
    with torch.no_grad():
        for n in range(1, len(sizes)):
            for key in ("weight", "bias"):
                network.get_parameter(WEIGHT.format(n, 1, key)).copy_(case[f"l{n}_{key}"])
    return network


@of_kind("training")
def test_blocks_learn_one_after_the_other(path, monkeypatch):
    case = load(path)
    network = layers_of(case, UNITS[case["kernel"]])
    steps, parts = case["steps"], len(case["lr"])
    proxy, negatives = proxy_of(case["objective"])
    options = {"loss": "cross-entropy", "proxy": proxy, "negatives_only": negatives, "module_batches": steps}
    rule = RULES.make("kernel-proxy", options)
    how = {"momentum": case["momentum"], "weight_decay": case["weight_decay"]}
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 1.0, how))
    formed = watched(monkeypatch, rule)
    batch = Batch(case["x"].unsqueeze(0), case["labels"])
    compared = {f"l{n}_{key}" for n in range(1, parts + 1) for key in ("weight", "bias")}

    def compare(key, found):
        assert_relative(found, torch.as_tensor(case[key], dtype=torch.float64), 1e-12, key)
        compared.add(key)

    for n in range(1, parts + 1):
        for group in training.optimizer.param_groups:
            group["lr"] = float(case["lr"][n - 1])
        for k in range(1, steps + 1):
            formed.clear()
            with torch.no_grad():
                record, _ = network.run(batch.inputs)
            compare(f"part{n}_output_step{k}", record[f"layer{n}"].v[0])
            update = learn(training, batch)
            assert set(update.grads) == {WEIGHT.format(n, 1, key) for key in ("weight", "bias")}
            value = float(update.loss) if n == parts else update.metrics[f"proxy_layer{n}"]
            compare(f"part{n}_value_step{k}", torch.tensor(value, dtype=torch.float64))
            if n < parts:
                assert formed[n - 1].lowest == case["k_min"]
                compare(f"part{n}_kernel_step{k}", formed[n - 1].kernel)
            for key in ("weight", "bias"):
                compare(f"l{n}_{key}_grad_step{k}", update.grads[WEIGHT.format(n, 1, key)])
                compare(f"l{n}_{key}_after{k}", network.get_parameter(WEIGHT.format(n, 1, key)))
    assert int(training.memory["batches"]) == steps * parts
    assert compared == set(case) - SETTINGS
