"""Predictive coding under biological constraints against two programs, from the first weights to the last step."""

import json

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Logistic, ReLU, Tanh
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

ACTIVATIONS = {"sigmoid": Logistic, "tanh": Tanh, "relu": ReLU}
TOLERANCE = 1e-11
#: What a file gives; whatever else it holds is compared.
GIVEN = {"x", "target"}


def layers_of(case):
    return range(1, len(json.loads(case["arch_json"])))


def weight_of(network, n):
    return network.get_parameter(f"blocks.layer{n}.synapse.weight")


def network_of(case, activations):
    """Layers without biases, with their first weights."""
    blocks = {
        f"layer{n}": Block(nn.Linear(*reversed(case[f"l{n}_weight"].shape), bias=False), Rate(activation))
        for n, activation in zip(layers_of(case), activations, strict=True)
    }
    network = Network(blocks).to(case["x"].dtype)
    with torch.no_grad():
        for n in layers_of(case):
            weight_of(network, n).copy_(case[f"l{n}_weight"])
    return network


def batch_of(case, update, inputs):
    target = case["target"][update]
    labels = target.argmax(1)
    assert torch.nn.functional.one_hot(labels, target.shape[1]).to(target).equal(target)
    return Batch(inputs.unsqueeze(0), labels)


def watched(monkeypatch, rule):
    """A list of all that the rule's inference goes through, of the last batch."""
    seen, whole = [], type(rule).infer

    def infer(self, *given):
        seen.clear()
        for state in whole(self, *given):
            seen.append(state)
            yield state

    monkeypatch.setattr(type(rule), "infer", infer)
    return seen


def comparer(case):
    """A function that compares what was found with a key of the file, and the set of keys that it has compared."""
    compared = set()

    def compare(key, found, within=TOLERANCE):
        assert_relative(found, case[key], within, key)
        compared.add(key)

    return compare, compared


def check_all_compared(case, compared):
    tensors = {key for key, value in case.items() if isinstance(value, torch.Tensor)}
    first = {key for key in tensors if "_step" not in key and "_after" not in key}
    assert compared == tensors - first
    assert first - GIVEN == {
        key for key in first if key[0] == "l" and key.partition("_")[2] in ("weight", "back", "error_weight")
    }


@pytest.mark.parametrize("path", golden_files("pc_alonso_*.npz"))
def test_positive_rates_and_one_way_synapses(path, monkeypatch):
    case = load(path)
    config, count = json.loads(case["config_json"]), len(layers_of(case))
    assert not config["online"], "weights that learn within the inference are not there"
    hidden = ACTIVATIONS[config["func"]]()
    network = network_of(case, [hidden] * (count - 1) + [Logistic()])
    options = {
        "feedback": "transpose" if config["true"] else "kolen-pollack" if config["kp"] else "random",
        "errors": "division" if config["div"] else "difference",
        "positive": config["pos"],
        "offset": config["bias"],
        "steps": config["n"],
        "rate_up": config["bot"],
        "rate_down": config["top"],
    }
    assert config["n"] == case["n_inference"]
    assert config["lr"] == case["lr"]
    rule = RULES.make("pc-constrained", options)
    # The program sums over the samples: Adam on the mean is the same where the number that keeps it finite is smaller.
    samples = case["x"].shape[1]
    adam = OptimizerChoice("adamw", config["lr"], {"weight_decay": config["decay"], "eps": 1e-8 / samples})
    training = Training.start(network, rule, optimizer=adam)
    learned = {} if config["true"] else {n: f"back_weights.layer{n}" for n in layers_of(case) if n > 1}
    assert training.memory.keys() == set(learned.values())
    for n, name in learned.items():
        training.memory[name].copy_(case[f"l{n}_error_weight"].T)
    seen, (compare, compared) = watched(monkeypatch, rule), comparer(case)
    for k in range(1, case["updates"] + 1):
        learn(training, batch_of(case, k - 1, case["x"][k - 1]))
        for n in layers_of(case):
            compare(f"l{n}_error_step{k}", torch.stack([state.compared[f"layer{n}"].error[0] for state in seen]))
            if n < count:
                compare(f"l{n}_value_step{k}", torch.stack([state.values[f"layer{n}"][0] for state in seen]))
            compare(f"l{n}_weight_after{k}", weight_of(network, n))
            if n > 1:
                key = f"l{n}_error_weight"
                compare(f"{key}_after{k}", training.memory[learned[n]].T if n in learned else case[key])
    check_all_compared(case, compared)


@pytest.mark.parametrize("path", golden_files("pc_relaxed_*.npz"))
def test_relaxed_constraints(path, monkeypatch):
    case = load(path)
    config, count = json.loads(case["config_json"]), len(layers_of(case))
    samples = case["x"].shape[1]
    assert (config["lr"], config["ilr"], config["n"]) == (case["lr"], case["inference_lr"], case["n_inference"])
    hidden = ACTIVATIONS[case["activation"]]()
    # Where the program puts each layer's function before its weights, the first one's is at the image.
    before = config["neural_forward"]
    activations = [hidden] * (count - 1) + [Linear()]
    network = network_of(case, [*activations[1:], Linear()] if before else activations)
    inputs = hidden(case["x"].flatten(0, 1)).view_as(case["x"]) if before else case["x"]
    # The program sums over the samples; bounds are of the sums too.
    options = {
        "feedback": "kolen-pollack" if config["back"] else "transpose",
        "slopes": config["back_nonlin"],
        "error_weights": "ascending" if config["error_weights"] else "one-to-one",
        "fixed": config["fixed"],
        "steps": config["n"],
        "rate": config["ilr"],
        "continual": config["dynamical"],
        "node": "pre" if before else "post",
        "clip_values": config["clampmu"],
        "clip_changes": config["clampW"] / samples,
        "sample_biases": samples if config["bias"] else None,
    }
    assert config["update_back"]
    assert config["update_error"]
    rule = RULES.make("pc-relaxed", options)
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", samples * config["lr"]))
    kept = {"back_weights.": "back", "error_weights.": "error_weight", "sample_bias.": "bias"}
    own = {
        f"l{name[-1]}_{key}": name for start, key in kept.items() for name in training.memory if name.startswith(start)
    }
    assert set(training.memory) == set(own.values())
    for key, name in own.items():
        training.memory[name].copy_(case[key] if key in case else torch.zeros(()))
    seen, (compare, compared) = watched(monkeypatch, rule), comparer(case)
    for k in range(1, case["updates"] + 1):
        learn(training, batch_of(case, k - 1, inputs[k - 1]))
        for n in layers_of(case):
            name = f"layer{n}"
            compare(f"l{n}_error_step{k}", torch.stack([state.errors[name][0] for state in seen]))
            if n < count:
                compare(f"l{n}_value_step{k}", torch.stack([state.values[name][0] for state in seen]))
            compare(f"l{n}_prediction_step{k}", seen[-1].means[name][0])
            compare(f"l{n}_weight_after{k}", weight_of(network, n))
        for key, name in own.items():
            compare(f"{key}_after{k}", training.memory[name])
        if f"l1_back_after{k}" in case:
            # No error crosses the first weights; the file's follow the same increment.
            change = weight_of(network, 1) - case["l1_weight"]
            compare(f"l1_back_after{k}", case["l1_back"] + change, 1e-10)
    check_all_compared(case, compared)
