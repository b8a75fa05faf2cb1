"""Desire backpropagation against the authors' own program: spikes, traces, desires, updates, images in sequence."""

import json

import pytest
import torch
from torch import nn

from spikelearn.loading.encoders import RegularRate
from spikelearn.measure import correct_unique
from spikelearn.network import Block, Network
from spikelearn.neurons import LIF
from spikelearn.neurons.silent_leak_lif import SilentLeakLIF
from spikelearn.plasticity import Batch, OptimizerChoice
from spikelearn.plasticity.targets.desire import Desire, count_spikes, spike_trace
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

CASES = golden_files("desire_fc*", "desire_conv*")


def type_of(path):
    return torch.float64 if path.stem.endswith("f64") else torch.float32


def tolerance(path):
    return 1e-12 if path.stem.endswith("f64") else 1e-5


def network_of(case, dtype):
    """The network of a case; blocks are named by the layer's number in the file."""
    blocks, front, channels = {}, [], 0
    for number, (kind, *sizes) in enumerate(json.loads(case["config_json"])):
        if kind == "I":
            channels = sizes[0]
        if kind == "F":
            front.append(nn.Flatten())
        if kind not in "CL":
            continue
        weight = case[f"layer{number}_weights_0"].to(dtype)
        decay = case["decay_factor"]
        if kind == "L":
            synapse = nn.Linear(weight.shape[1], sizes[0], bias=False)
            neuron = LIF.per_step(decay, v_threshold=case["threshold"], reset="subtract", inclusive=True)
        else:
            synapse, channels = nn.Conv2d(channels, sizes[0], sizes[1], bias=False), sizes[0]
            neuron = SilentLeakLIF(decay, v_threshold=case["threshold"])
        synapse.weight = nn.Parameter(weight.clone())
        whole = nn.Sequential(*front, synapse) if front else synapse
        blocks[f"layer{number}"] = Block(whole, neuron, delay=1 if blocks else 0)
        front = []
    return Network(blocks)


def rule_of(case, chunk=20):
    return Desire(
        case["error_margin"],
        threshold_output=case["desire_thres_out"],
        threshold_dense=case["desire_thres_lin"],
        threshold_conv=case["desire_thres_conv"],
        conv_rate=case["lr_conv"] / case["lr_lin"],
        chunk=chunk,
    )


def batch_of(case, image, dtype):
    """The recorded input spikes (masked ones are lost, and would be masked again) and masks of an image."""
    masks, layers = {}, json.loads(case["config_json"])
    for number, (kind, *_) in enumerate(layers[:-1]):
        chance = {"I": case["dropout_input"], "L": case["dropout_hidden"]}.get(kind, 0.0)
        if case["training"] and chance:
            mask = case[f"layer{number}_dropout_mask_{image}"].to(dtype).unsqueeze(0)
            masks["inputs" if kind == "I" else f"layer{number}"] = mask / (1.0 - chance)
    inputs = (case[f"layer0_spikes_{image}"][: case["T"]] != 0).to(dtype).unsqueeze(1)
    return Batch(inputs, torch.tensor([case[f"label_{image}"]]), masks)


def images(case):
    return range(1, case["n_images"] + 1)


def follow(case, network, image, data, limit):
    """Present one image, and compare what the network did with what the file says."""
    record, state = network.run(data.inputs, masks=data.masks)
    for name, seen in record.items():
        slots = case[f"{name}_spikes_{image}"]
        assert not slots[0].any()
        assert_relative(seen.spikes[:, 0], slots[1:].to(seen.spikes), 1e-15, f"{name} spikes of image {image}")
        sent = case.get(f"{name}_dropout_mask_{image}", torch.tensor(True)).expand(slots.shape[1:])
        u = state.neurons[name].v[0]
        assert_relative(u[sent], case[f"{name}_mempot_final_{image}"].to(u)[sent], limit, f"{name} potential")
        if case["training"] and seen.spikes.ndim == 3:
            trace = spike_trace(seen.pre, case["decay_factor"]).flatten(2)[:, 0]
            assert_relative(trace, case[f"{name}_traces_{image}"][1:], limit, f"{name} trace of image {image}")
    scores = record.output.spikes.sum(0)
    assert scores[0].int().equal(case[f"output_counts_{image}"])
    assert correct_unique(scores, data.targets) == case[f"correct_{image}"]
    return record


@pytest.mark.parametrize("chunk", [20, 7])
@pytest.mark.parametrize("path", CASES)
def test_spikes_desires_and_weights_image_after_image(path, chunk):
    case, dtype, limit = load(path), type_of(path), tolerance(path)
    network, rule = network_of(case, dtype), rule_of(case, chunk)
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", case["lr_lin"]))
    for image in images(case):
        data = batch_of(case, image, dtype)
        record = follow(case, network, image, data, limit)
        if not case["training"]:
            continue
        wishes = rule.desires(network, count_spikes([record], data.masks), data.targets, case["T"], data.masks)
        for name, wish in wishes.items():
            assert wish.desire(dtype)[0].to(torch.int8).equal(case[f"{name}_desire_{image}"]), f"{name}, {image}"
            assert wish.up[0].equal(case[f"{name}_desire_up_{image}"]), f"{name}, {image}"
        before = {name: network.get_parameter(name).detach().clone() for name, _ in network.named_parameters()}
        learn(training, data)
        for name, old in before.items():
            layer = name.split(".")[1]
            new = network.get_parameter(name).detach()
            assert_relative(new - old, case[f"{layer}_dweights_{image}"], limit, f"{layer} change of image {image}")
            assert_relative(new, case[f"{layer}_weights_{image}"], limit, f"{layer} weights after image {image}")


@pytest.mark.parametrize("path", CASES)
def test_regular_rate_is_the_published_input(path):
    """With levels so fine that the floating-point sums of the program and whole numbers agree."""
    case = load(path)
    for image in images(case):
        pixels = case[f"image_{image}"].double().unsqueeze(0)
        spikes = RegularRate(levels=2**24, threshold=case["threshold"])(
            pixels, case["T"], torch.tensor([0]), (0, "train", 0)
        )[:, 0]
        slots = case[f"layer0_spikes_{image}"]
        kept = case[f"layer0_dropout_mask_{image}"] if case["training"] else torch.ones_like(slots[0], dtype=torch.bool)
        assert (spikes != 0)[:, kept].equal((slots[: case["T"]] != 0)[:, kept])
        assert not slots[case["T"]].any()
