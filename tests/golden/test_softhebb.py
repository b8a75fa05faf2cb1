"""SoftHebb against the authors' program: single layers, convolutions and two blocks, from first weights to last step."""

import json

import pytest
import torch
from torch import nn

from spikelearn.network import Block, MembraneReadout, Network, copied_buffers
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, MeanTriangle
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

POOLS = {"max": nn.MaxPool2d, "avg": nn.AvgPool2d}
EPSILON = {"float64": 1e-12, "float32": 3e-6}


def listed(value, place):
    """A number of the file for a layer, of one that may be the same for all."""
    return value[place] if isinstance(value, torch.Tensor) else value


def pools(case):
    made = [POOLS[kind](*how) for kind, *how in json.loads(case.get("pools_json", "[]"))]
    return made or [None]


def network_of(case):
    """The file's layers, each behind a batch norm where it has one, and what is pooled behind the last."""
    blocks, front = {}, []
    for n in range(1, case["n_layers"] + 1):
        weight = case[f"W{n}_0"]
        filters, *inputs = weight.shape
        if weight.ndim == 2:
            layer, neuron = nn.Linear(*inputs, filters, bias=bool(case["use_bias"])), Rate(Linear())
        else:
            padding = {"padding": int(listed(case["padding"], n - 1)), "padding_mode": case["padding_mode"]}
            layer, neuron = nn.Conv2d(inputs[0], filters, inputs[1], bias=False, **padding), Rate(Linear())
        if case["topology"] == "conv_blocks":
            front.append(nn.BatchNorm2d(inputs[0], eps=case["bn_eps"], affine=False))
            neuron = Rate(MeanTriangle(float(case["triangle_power"][n - 1])))
        blocks[f"layer{n}"] = Block(nn.Sequential(*front, layer), neuron)
        front = [pool for pool in [pools(case)[n - 1]] if pool]
    if front:
        blocks["pooled"] = Block(front[0], Rate(Linear()))
    network = Network(blocks, readout=MembraneReadout()).to(case["W1_0"].dtype)
    with torch.no_grad():
        for n, module in layers_of(network):
            module.weight.copy_(case[f"W{n}_0"])
            if module.bias is not None:
                module.bias.copy_(case[f"bias{n}_0"])
    return network


def layers_of(network):
    blocks = [name for name in network.blocks if name != "pooled"]
    return [(n, network.blocks[name].synapse[-1]) for n, name in enumerate(blocks, start=1)]


def training_of(case, network):
    t_inv = tuple(case[f"t_inv{n}"] for n in range(1, case["n_layers"] + 1))
    rule = RULES.make("softhebb", {"t_inv": t_inv, "losers": "opposed" if case["kind"] == "krotov" else "hebbian"})
    rates = [listed(case["lr"], n) for n in range(case["n_layers"])]
    options = {"power": case["lr_power"], "layer_factors": tuple(float(rate / rates[0]) for rate in rates)}
    options["bias_factor"] = case.get("lr_bias1", 1.0)
    assert case["max_normalised"]
    assert (case["lebesgue_p"], bool(case["adaptive"])) == (2, case["lr_power"] > 0)
    return Training.start(network, rule, optimizer=OptimizerChoice("hebbian", float(rates[0]), options))


def watched(rule, monkeypatch):
    """(x, u, s) of every layer that competes, in order."""
    seen, whole = [], type(rule).competition
    monkeypatch.setattr(type(rule), "competition", lambda self, layer: seen.append(whole(self, layer)) or seen[-1])
    return seen


def check_layer(case, training, update, n, step, tolerance):
    """Changes, rates and weights of a layer; the rates are those of the weights before the step."""
    network = training.network
    module, prefix = (
        dict(layers_of(network))[n],
        f"blocks.layer{n}.synapse.{len(network.blocks[f'layer{n}'].synapse) - 1}.",
    )
    raw = -case["batch"] * update.grads[prefix + "weight"]
    assert_relative(raw, case[f"dWraw{n}_{step}"], tolerance, f"dWraw{n}_{step}")
    assert_relative(raw / raw.abs().max(), case[f"dW{n}_{step}"], tolerance, f"dW{n}_{step}")
    before = case[f"W{n}_{step - 1}"]
    (group,) = training.optimizer.param_groups
    rates = training.optimizer.rates(before, group, n - 1).flatten().expand(len(before))
    assert_relative(rates, case[f"lr{n}_{step}"], tolerance, f"lr{n}_{step}")
    assert_relative((raw * before).flatten(1).sum(1), case[f"wdw{n}_{step}"], 10 * tolerance, f"wdw{n}_{step}")
    assert_relative(module.weight, case[f"W{n}_{step}"], tolerance, f"W{n}_{step}")
    if case["use_bias"]:
        raw = -case["batch"] * update.grads[prefix + "bias"]
        assert_relative(raw, case[f"dbraw{n}_{step}"], tolerance, f"dbraw{n}_{step}")
        assert_relative(raw / raw.abs().max(), case[f"db{n}_{step}"], tolerance, f"db{n}_{step}")
        assert_relative(module.bias, case[f"bias{n}_{step}"], tolerance, f"bias{n}_{step}")


@pytest.mark.parametrize("path", golden_files("softhebb_*.npz"))
def test_training(path, monkeypatch):
    case = load(path)
    network, tolerance = network_of(case), EPSILON[case["dtype"]]
    training = training_of(case, network)
    seen = watched(training.rule, monkeypatch)
    for step in range(1, case["n_steps"] + 1):
        batch = Batch(case[f"x_{step}"].unsqueeze(0), torch.zeros(case["batch"], dtype=torch.int64))
        with copied_buffers(network), torch.no_grad():
            record = dict(network.run(batch.inputs)[0])
        update = learn(training, batch)
        for n, _ in layers_of(network):
            x, u, s = (part[0] for part in seen[n - 1])
            if f"in{n}_{step}" in case:
                assert_relative(x, case[f"in{n}_{step}"], tolerance, f"in{n}_{step}")
            assert_relative(u, case[f"u{n}_{step}"], tolerance, f"u{n}_{step}")
            assert_relative(s, case[f"s{n}_{step}"], tolerance, f"s{n}_{step}")
            check_layer(case, training, update, n, step, tolerance)
            if f"out{n}_{step}" in case:
                pool = network.blocks[f"layer{n + 1}"].synapse[0] if n < case["n_layers"] else nn.Identity()
                out = record["pooled" if n == case["n_layers"] else f"layer{n}"].spikes[0]
                assert_relative(pool(out), case[f"out{n}_{step}"], tolerance, f"out{n}_{step}")
        seen.clear()
    for n in range(1, case["n_layers"] + 1):
        if f"bn_mean{n}_final" in case:
            (norm,) = (m for m in network.blocks[f"layer{n}"].synapse if isinstance(m, nn.BatchNorm2d))
            assert_relative(norm.running_mean, case[f"bn_mean{n}_final"], tolerance, f"bn_mean{n}_final")
            assert_relative(norm.running_var, case[f"bn_var{n}_final"], tolerance, f"bn_var{n}_final")
    assert case["rule"] == "softhebb"
    if network.blocks["layer1"].synapse[-1].weight.ndim == 4:
        for n, layer in layers_of(network):
            side = int(listed(case["kernel"], n - 1))
            assert (layer.kernel_size, layer.stride) == ((side, side), (case["stride"],) * 2)
    case.assert_all_read("program|seed")
