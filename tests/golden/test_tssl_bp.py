"""TSSL-BP against the authors' own program: forward pass, error signals, losses, gradients, training steps."""

import json

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, TraceReadout
from spikelearn.neurons import TSSL, CubaLIF
from spikelearn.plasticity import TSSLBP, Batch, CrossEntropy, FilteredCount, OptimizerChoice, VanRossum
from spikelearn.synapses import SumPool2d
from spikelearn.traces import low_pass
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

DT = 1e-3


def type_of(path):
    return torch.float64 if path.stem.endswith("f64") else torch.float32


def tolerance(path):
    return 1e-12 if path.stem.endswith("f64") else 1e-5


def time_first(x):
    """[B, C, H, W, T] -> [T, B, C, H, W]."""
    return x.movedim(-1, 0)


def neuron(case, threshold):
    return CubaLIF(
        case["tau_m"] * DT, case["tau_s"] * DT, r=case["tau_m"], v_threshold=threshold, discretisation="euler"
    )


def network_of(case, dtype):
    """The network of a case, and the number of every block's layer in the file."""
    blocks, numbers, front = {}, {}, []
    for number, layer in enumerate(json.loads(case["arch_json"])):
        if layer["type"] == "pooling":
            front.append(SumPool2d(layer["kernel_size"], gain=1.1))
            continue
        weight = case[f"layer{number}_weight"]
        if layer["type"] == "linear":
            synapse = nn.Linear(layer["n_inputs"], layer["n_outputs"], bias=False)
            front.append(nn.Flatten())
        else:
            weight = weight.squeeze(-1)
            synapse = nn.Conv2d(
                weight.shape[1], weight.shape[0], tuple(weight.shape[2:]), layer["stride"], layer["padding"], bias=False
            )
        synapse.weight = nn.Parameter(weight.to(dtype).clone())
        blocks[f"layer{number}"] = Block(nn.Sequential(*front, synapse), neuron(case, case[f"layer{number}_threshold"]))
        numbers[f"layer{number}"] = number
        front = []
    return Network(blocks, readout=TraceReadout(tau_syn=case["tau_s"] * DT)), numbers


def loss_of(case):
    tau = case["tau_s"] * DT
    if case["loss_kind"] == "softmax":
        return CrossEntropy()
    if case["loss_kind"] == "count":
        return FilteredCount(case["desired_count"], case["undesired_count"], tau)
    pattern = "-".join(str(int(spike)) for spike in case["desired_spikes"])
    return VanRossum(tau, target_filterings={"main": 2, "raw": 1}[case["target_mode"]], pattern=pattern)


def names_of(network, numbers):
    found = {}
    for name, _ in network.named_parameters():
        found[f"layer{numbers[name.split('.')[1]]}_weight"] = name
    return found


@pytest.mark.parametrize("path", golden_files("tssl_fc*", "tssl_conv*"))
def test_network(path):
    case, dtype = load(path), type_of(path)
    network, numbers = network_of(case, dtype)
    inputs = time_first(case["input"]).to(dtype)
    record, _ = network.run(inputs)
    for name, number in numbers.items():
        spikes = time_first(case[f"layer{number}_spikes"]).to(dtype)
        assert record[name].spikes.flatten(2).equal(spikes.flatten(2)), name
        potentials = time_first(case[f"layer{number}_u"]).flatten(2)
        assert_relative(record[name].v.flatten(2), potentials, tolerance(path), f"{name} u")
    rule = TSSLBP(loss_of(case))
    rule.check(network)
    batch = Batch(inputs, case["labels"].long())
    (update,) = rule.updates(network, batch, {}, torch.Generator())
    samples = 1 if case["loss_kind"] == "softmax" else len(batch.targets)
    assert_relative(update.loss * samples, torch.tensor(case["loss"], dtype=torch.float64), tolerance(path), "loss")
    for key, name in names_of(network, numbers).items():
        expected = case[f"{key}_grad"].reshape(update.grads[name].shape)
        assert_relative(update.grads[name] * samples, expected, tolerance(path), key)


@pytest.mark.parametrize("path", golden_files("tssl_fc*kernel*", "tssl_conv*kernel*"))
def test_target(path):
    """The official double filtering of the target is the named default, the paper's single one an option."""
    case, dtype = load(path), type_of(path)
    if case["loss_kind"] != "kernel":
        pytest.skip(f"{path.name} has no kernel loss")
    expected = time_first(case["target_psp"]).flatten(2)
    found = loss_of(case).target(case["labels"].long(), torch.zeros(expected.shape, dtype=dtype))
    assert_relative(found, expected, tolerance(path))


@pytest.mark.parametrize("path", golden_files("tssl_neuron*"))
def test_neuron(path):
    """The filter of the current is undone on both sides, to meet the authors' neuron, which has none."""
    case, dtype = load(path), type_of(path)
    model = neuron(case, case["threshold"])
    current, upstream = time_first(case["current"]).to(dtype), time_first(case["upstream_grad"]).to(dtype)
    shifted = torch.cat([torch.zeros_like(current[:1]), current[:-1]])
    raw = ((current - model.decay_syn * shifted) / model.gain_syn).requires_grad_()
    spikes, u, _ = TSSL().sequence(model, model.initial_state(raw[0]), raw)
    assert spikes.equal(time_first(case["spikes"]).to(dtype))
    assert_relative(u, time_first(case["u"]), tolerance(path), "u")
    low = low_pass(spikes, model.decay_syn)
    assert_relative(low, time_first(case["a"]), tolerance(path), "a")
    (found,) = torch.autograd.grad(low, raw, upstream)
    later = torch.cat([found[1:], torch.zeros_like(found[:1])])
    h = (found - model.decay_syn * later) / model.gain_syn
    assert_relative(h, time_first(case["current_grad"]), tolerance(path), "h")


@pytest.mark.parametrize("path", golden_files("tssl_*train*"))
def test_training_steps(path):
    """The rule's own defaults: AdamW, total norm clipped to 1, weights in -4..4, sum over the batch."""
    case, dtype = load(path), type_of(path)
    network, numbers = network_of(case, dtype)
    rule = TSSLBP(loss_of(case))
    default = rule.default_optimizer
    training = Training.start(
        network,
        rule,
        optimizer=OptimizerChoice(default.name, case["train_lr"], {"weight_decay": case["train_weight_decay"]}),
    )
    batch = Batch(time_first(case["input"]).to(dtype), case["labels"].long())
    for step, loss in enumerate(case["train_losses"].tolist(), start=1):
        update = learn(training, batch)
        found = torch.cat([g.flatten() for g in update.grads.values()]).norm() * len(batch.targets)
        assert_relative(found, case["train_grad_norms"][step - 1], tolerance(path), f"norm {step}")
        assert_relative(
            update.loss * len(batch.targets), torch.tensor(loss, dtype=torch.float64), tolerance(path), f"loss {step}"
        )
        for key, name in names_of(network, numbers).items():
            expected = case[f"{key}_after{step}"].reshape(network.get_parameter(name).shape)
            assert_relative(network.get_parameter(name).detach(), expected, tolerance(path), f"{key} after {step}")


@pytest.mark.parametrize("path", golden_files("tssl_hand*"))
def test_pencil(path):
    case, dtype = load(path), type_of(path)
    synapse = nn.Linear(1, 1, bias=False)
    synapse.weight = nn.Parameter(case["weight"].to(dtype))
    network = Network({"out": Block(synapse, neuron(case, 1.0))}, readout=TraceReadout(tau_syn=case["tau_s"] * DT))
    loss = VanRossum(case["tau_s"] * DT, target_filterings=1, pattern="0-1-0-1")
    inputs = time_first(case["input"]).to(dtype).flatten(2)
    (update,) = TSSLBP(loss).updates(network, Batch(inputs, torch.tensor([0])), {}, torch.Generator())
    assert float(update.loss) == pytest.approx(case["loss"], rel=1e-6)
    assert_relative(update.grads["blocks.out.synapse.weight"], case["weight_grad"], tolerance(path))
