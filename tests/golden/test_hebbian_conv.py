"""Hebbian convolutions against the author's program: every layer of every update, thresholds and weights behind it."""

import json

import pytest
import torch
from torch import nn

from spikelearn.network import Block, MembraneReadout, Network, copied_buffers
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import KWinners, MeanTriangle, ReLU
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.sparsity import PRUNINGS
from spikelearn.synapses import SampleNorm
from spikelearn.training import IncomingLength, Training, learn
from tests.golden.files import FOLDER, assert_relative, golden_files, load

TOLERANCE = 1e-11


def network_of(case, shape):
    """Norm, weights and triangle of each layer, pools between them and behind the last."""
    blocks, front, channels = {}, [], shape["in_channels"]
    layers = zip(shape["channels"], shape["kernels"], shape["strides"], strict=True)
    for n, (filters, kernel, stride) in enumerate(layers, start=1):
        activation = MeanTriangle() if case["triangle"] else KWinners(int(case["winners"][n - 1]), graded=False)
        conv = nn.Conv2d(channels, filters, kernel, stride, bias=bool(case["use_threshold"]))
        blocks[f"layer{n}"] = Block(nn.Sequential(*front, SampleNorm(), conv), Rate(activation))
        front, channels = [nn.AvgPool2d(2)], filters
    blocks["pooled"] = Block(nn.AvgPool2d(2), Rate(ReLU()))
    network = Network(blocks, readout=MembraneReadout()).double()
    with torch.no_grad():
        for n, _ in enumerate(shape["channels"], start=1):
            conv = network.blocks[f"layer{n}"].synapse[-1]
            conv.weight.copy_(case[f"l{n}_weight"])
            if conv.bias is not None:
                conv.bias.zero_()
    return network


def training_of(case, network, layers):
    winners = tuple(int(k) for k in case["winners"])
    rule = RULES.make("hebbian-conv", {"update": case["rule"], "winners": winners, "graded": not case["binarised"]})
    samples, rates = case["x"].shape[1], case["lr"].tolist()  # the program sums over the batch
    factors = {"layer_factors": tuple(rate / rates[0] for rate in rates)}
    factors["bias_factor"] = case["mu_threshold"] / (samples * rates[0])
    choice = OptimizerChoice("hebbian", samples * rates[0], {"scaled": False, **factors})
    constraints = [IncomingLength(1.0)] if case["normalise_weights"] else []
    training = Training.start(network, rule, optimizer=choice, constraints=constraints)
    if case["mask_probability"]:
        training.pruning = PRUNINGS.make("random", {"sparsity": case["mask_probability"]})
        masks = {f"{prefix}weight": case[f"l{n}_mask"].bool() for n, prefix in layers}
        training.pruning.load_state_dict({"batches": case["updates"], "done": 0, "masks": masks})
    return training


@pytest.mark.parametrize("path", golden_files(*(p.name for p in FOLDER.glob("hebbian_conv*.npz"))))
def test_training(path, monkeypatch):
    case = load(path)
    shape = json.loads(case["arch_json"])
    network = network_of(case, shape)
    layers = [
        (n, f"blocks.layer{n}.synapse.{len(network.blocks[f'layer{n}'].synapse) - 1}.")
        for n in range(1, len(shape["channels"]) + 1)
    ]
    training = training_of(case, network, layers)
    seen, whole = [], type(training.rule).competition
    monkeypatch.setattr(
        type(training.rule), "competition", lambda self, layer: seen.append(whole(self, layer)) or seen[-1]
    )
    thresholds = {n: torch.zeros(filters).double() for n, filters in enumerate(shape["channels"], start=1)}
    for step, x in enumerate(case["x"], start=1):
        # The program norms an image when it reads it, and the input of every layer again.
        batch = Batch(SampleNorm()(x).unsqueeze(0), torch.zeros(len(x), dtype=torch.int64))
        with copied_buffers(network), torch.no_grad():
            output = network.run(batch.inputs)[0]["pooled"].spikes[0]
        assert_relative(output, case[f"output_step{step}"], TOLERANCE, f"output_step{step}")
        update = learn(training, batch)
        for n, prefix in layers:
            pre, r, y = (part[0] for part in seen[n - 1])
            drive = r + thresholds[n].view(-1, 1, 1)
            found = {
                "input": pre,
                "drive": drive,
                "winners": y,
                "weight_grad": len(x) * update.grads[f"{prefix}weight"],
            }
            for name, value in found.items():
                assert_relative(value, case[f"l{n}_{name}_step{step}"], TOLERANCE, f"l{n}_{name}_step{step}")
            after = f"l{n}_weight_after{step}"
            assert_relative(network.get_parameter(f"{prefix}weight"), case[after], TOLERANCE, after)
            if case["use_threshold"]:
                thresholds[n] = -network.get_parameter(f"{prefix}bias").detach().clone()
            after = f"l{n}_threshold_after{step}"
            assert_relative(thresholds[n], case[after], TOLERANCE, after)
        seen.clear()
    assert step == case["updates"]
    case.assert_all_read("commit|min_margin|official|repo|seed")
