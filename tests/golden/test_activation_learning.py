"""Activation learning against the author's program: passes, gates, both updates and the statistics between layers."""

import pytest
import torch
from torch import nn

from spikelearn.network import ActivationReadout, Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.synapses import MagnitudeNorm
from spikelearn.training import Training, learn
from tests.golden.files import FOLDER, assert_relative, golden_files, load

TOLERANCE = 1e-12


def network_of(case):
    """Layers as wide as image and label; the weights of the first for the label are the rule's."""
    pixels, width = case["n_pixels"], len(case["l1_weight"])
    blocks = {"layer1": Block(nn.Linear(pixels, width, bias=False), Rate(Linear()))}
    for n in range(2, case["layers"] + 1):
        synapse = nn.Sequential(MagnitudeNorm(width, case["norm_decay"]), nn.Linear(width, width, bias=False))
        blocks[f"layer{n}"] = Block(synapse, Rate(Linear()))
    network = Network(blocks, readout=ActivationReadout(width, case["n_classes"])).double()
    with torch.no_grad():
        network.blocks["layer1"].synapse.weight.copy_(case["l1_weight"][:, :pixels])
        for n in range(2, case["layers"] + 1):
            norm, linear = network.blocks[f"layer{n}"].synapse
            linear.weight.copy_(case[f"l{n}_weight"])
            norm.mean.copy_(case[f"l{n - 1}_norm_mean"])
            norm.variance.copy_(case[f"l{n - 1}_norm_variance"])
    return network


def training_of(case, network):
    options = {"copies": case["pixels_per_class"], "feedback": bool(case["feedback"])}
    if case["feedback"]:
        options |= {"slope": 2.0 if case["few_samples_gap"] else 5.0, "unlearning": case["unlearning_factor"]}
    rule = RULES.make("activation-learning", options)
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", case["lr"]))
    training.memory["label_weights"].copy_(case["l1_weight"][:, case["n_pixels"] :])
    return training


def weights_of(case, training):
    """{number of a layer: its weights, those for the label behind the image's}."""
    found = {n: training.network.blocks[f"layer{n}"].synapse[1].weight for n in range(2, case["layers"] + 1)}
    first = training.network.blocks["layer1"].synapse.weight
    return {1: torch.cat([first, training.memory["label_weights"]], 1), **found}


class Watched:
    """What the rule's passes and gates were, and the weights before each pass."""

    def __init__(self, case, training, monkeypatch):
        self.passes, self.weights, self.gates = [], [], []
        kind = type(training.rule)
        explained, gate = kind.explained, kind.gate

        def passed(rule, *given):
            self.weights.append({n: weight.detach().clone() for n, weight in weights_of(case, training).items()})
            self.passes.append(explained(rule, *given)[0])
            return self.passes[-1], {}

        def gated(rule, *given):
            self.gates.append(gate(rule, *given))
            return self.gates[-1]

        monkeypatch.setattr(kind, "explained", passed)
        monkeypatch.setattr(kind, "gate", gated)


def check_pass(case, passed, step):
    """Inputs and outputs of every layer with the right label, and activations behind the non-linearities."""
    assert_relative(passed["layer1"][0][0], case[f"input_step{step}"], TOLERANCE, f"input_step{step}")
    for n in range(1, case["layers"] + 1):
        x, y = (part[0] for part in passed[f"layer{n}"])
        assert_relative(x, case[f"l{n}_in_step{step}"], TOLERANCE, f"l{n}_in_step{step}")
        assert_relative(y, case[f"l{n}_out_step{step}"], TOLERANCE, f"l{n}_out_step{step}")
        if f"l{n}_activation_step{step}" in case:
            sent = passed[f"layer{n + 1}"][0][0] if n < case["layers"] else y
            key = f"l{n}_activation_step{step}"
            assert_relative(sent.square().sum(1), case[key], TOLERANCE, key)


def check_feedback(case, training, watched, update, labels, step):
    """Activations of all labels, who is unlearned, how much is learned, and the weights between both updates."""
    scores, classes = update.scores, case["n_classes"]
    right = scores.gather(1, labels.unsqueeze(1))[:, 0]
    assert_relative(right, case[f"true_activation_step{step}"], TOLERANCE, f"true_activation_step{step}")
    others = torch.stack(
        [scores.gather(1, (labels + n).remainder(classes).unsqueeze(1))[:, 0] for n in range(1, classes)]
    )
    assert_relative(others, case[f"other_activations_step{step}"], TOLERANCE, f"other_activations_step{step}")
    wrong, gate = watched.gates[-1]
    assert wrong.equal(case[f"wrong_label_step{step}"].long())
    assert_relative(gate, case[f"gate_step{step}"], TOLERANCE, f"gate_step{step}")
    factor = torch.tensor(case[f"moving_factor_step{step}"], dtype=torch.float64)
    assert_relative(training.memory["gate"], factor, TOLERANCE, f"moving_factor_step{step}")
    for n, weight in watched.weights[-1].items():
        assert_relative(weight, case[f"l{n}_weight_mid{step}"], TOLERANCE, f"l{n}_weight_mid{step}")


@pytest.mark.parametrize("path", golden_files(*(p.name for p in FOLDER.glob("hebbian_activation*.npz"))))
def test_training(path, monkeypatch):
    case = load(path)
    training = training_of(case, network_of(case))
    watched = Watched(case, training, monkeypatch)
    for step, (x, labels) in enumerate(zip(case["x"], case["labels"].long(), strict=True), start=1):
        watched.passes.clear()
        update = learn(training, Batch(x.unsqueeze(0), labels))
        check_pass(case, watched.passes[0], step)
        assert len(watched.passes) == 1 + case["feedback"]
        if case["feedback"]:
            check_feedback(case, training, watched, update, labels, step)
        for n, weight in weights_of(case, training).items():
            assert_relative(weight, case[f"l{n}_weight_after{step}"], TOLERANCE, f"l{n}_weight_after{step}")
            if n > 1:
                norm = training.network.blocks[f"layer{n}"].synapse[0]
                for name, value in (("mean", norm.mean), ("variance", norm.variance)):
                    key = f"l{n - 1}_norm_{name}_after{step}"
                    assert_relative(value, case[key], TOLERANCE, key)
    assert step == case["steps"]
    decay = case["norm_decay"]
    norms = [block.synapse[0] for name, block in training.network.blocks.items() if name != "layer1"]
    assert all(norm.decay == pytest.approx(decay) for norm in norms)
    case.assert_all_read(
        "commit|official|repo|seed" + ("" if case["feedback"] else "|few_samples_gap|unlearning_factor")
    )
