"""DTP and FW-DTP against one program: networks of rates, trained from the first weights to the last step."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Standardised, Tanh
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.plasticity.targets import difference
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

ACTIVATIONS = {
    "tanh": Tanh(),
    "linear": Linear(),
    "tanh-BN": Standardised(Tanh()),
    "linear-BN": Standardised(Linear()),
}
#: What a file gives: sizes, samples, and the noise that was drawn.
GIVEN = ("sizes", "x", "y", "labels", "xi", "xiup")
NAMES = {"dtp": "dtp", "fwdtp": "fw-dtp"}


def layers_of(case):
    return range(1, case["n_layers"] + 1)


def network_of(case):
    """Layers without biases, with their first weights."""
    blocks = {}
    for n in layers_of(case):
        act = ACTIVATIONS[case["output_act" if n == case["n_layers"] else "hidden_act"]]
        blocks[f"layer{n}"] = Block(nn.Linear(*reversed(case[f"W{n}_0"].shape), bias=False), Rate(act))
    network = Network(blocks).to(case["W1_0"].dtype)
    with torch.no_grad():
        for n in layers_of(case):
            network.get_parameter(f"blocks.layer{n}.synapse.weight").copy_(case[f"W{n}_0"])
    return network


def training_of(case, network):
    """The registered rule under the file's settings and first weights on the way back."""
    options = {
        "loss": "cross-entropy",
        "stepsize": case["stepsize"],
        "feedback": ACTIVATIONS[case["feedback_act"]],
        "difference": ACTIVATIONS[case["difference_act"]],
    }
    if case["rule"] == "dtp":
        options |= {"feedback_lr": case["feedback_lr"], "feedback_steps": case["feedback_steps"]}
        options |= {"reconstruction": case["feedback_loss"].lower(), "noise": case["feedback_noise"]}
    rule = RULES.make(NAMES[case["rule"]], options)
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", case["lr"]))
    assert training.memory.keys() == {f"back_weights.layer{n}" for n in layers_of(case) if n > 1}
    for name, value in training.memory.items():
        value.copy_(case[f"G{name.removeprefix('back_weights.layer')}_0"])
    return training


def batch_of(case, step):
    """The file's samples, and the noise that its program drew."""
    draws = {}
    for n in list(layers_of(case))[1:]:
        for key, place in (("xi", "noise"), ("xiup", "above")):
            steps = [f"{key}{n}_{step}_{q + 1}" for q in range(case["feedback_steps"])]
            if steps and steps[0] in case:
                draws[f"{place}.layer{n}"] = torch.stack([case[name] for name in steps], 1)
    return Batch(case[f"x_{step}"].unsqueeze(0), case[f"labels_{step}"], draws=draws)


def watched(monkeypatch, training):
    """Lists of what the rule yields, with the way back after each, and of the targets and rates that it forms."""
    yielded, formed, whole = [], [], training.rule.updates

    def updates(*given):
        for update in whole(*given):
            yield update
            yielded.append((update, {name: value.clone() for name, value in training.memory.items()}))

    def targets_of(back, rates, *given):
        found = original(back, rates, *given)
        formed.append((dict(rates), found))
        return found

    original = difference.targets_of
    monkeypatch.setattr(training.rule, "updates", updates)
    monkeypatch.setattr(difference, "targets_of", targets_of)
    return yielded, formed


@pytest.mark.parametrize("path", golden_files("dtp_*.npz", "fwdtp_*.npz"))
def test_training(path, monkeypatch):
    case = load(path)
    network = network_of(case)
    training, exact = training_of(case, network), case["dtype"] == "float64"
    yielded, formed = watched(monkeypatch, training)
    tolerance, of_differences = (1e-11, 1e-11) if exact else (5e-6, 1e-4)
    compared = set()

    def compare(key, found, within=tolerance):
        assert_relative(found, case[key], within, key)
        compared.add(key)

    for step in range(1, case["n_steps"] + 1):
        batch = batch_of(case, step)
        drawn = training.rule.draws(network, batch, training.generator)
        assert {name: value.shape for name, value in drawn.items()} == {k: v.shape for k, v in batch.draws.items()}
        yielded.clear()
        update = learn(training, batch)
        assert len(yielded) == case["feedback_steps"] + 1
        assert [bool(wished.grads) for wished, _ in yielded] == [False] * case["feedback_steps"] + [True]
        rates, targets, last = *formed[-1], f"layer{case['n_layers']}"
        compare(f"eL_{step}", (rates[last] - targets[last]) / case["stepsize"], of_differences)
        assert update.scores.equal(rates[last])
        for n in layers_of(case):
            name = f"blocks.layer{n}.synapse.weight"
            compare(f"h{n}_{step}", rates[f"layer{n}"])
            compare(f"t{n}_{step}", targets[f"layer{n}"])
            compare(f"g{n}_{step}", update.grads[name], of_differences)
            compare(f"W{n}_{step}", network.get_parameter(name))
            for q in range(case["feedback_steps"] if n > 1 else 0):
                wished, after = yielded[q]
                compare(f"gG{n}_{step}_{q + 1}", wished.own[f"back_weights.layer{n}"], of_differences)
                compare(f"G{n}_{step}_{q + 1}", after[f"back_weights.layer{n}"])
    tensors = {key for key, value in case.items() if isinstance(value, torch.Tensor)}
    given = {key for key in tensors if key.endswith("_0") or key.partition("_")[0].rstrip("0123456789") in GIVEN}
    assert compared == tensors - given


@pytest.mark.parametrize("path", golden_files("fwdtp_*linear_feedback*.npz"))
def test_linear_feedback_sends_the_error_without_slopes(path):
    """The file's own targets, by a product of its weights on the way back."""
    case = load(path)
    for n in layers_of(case)[:-1]:
        sent = (case[f"t{n + 1}_1"] - case[f"h{n + 1}_1"]) @ case[f"G{n + 1}_0"].T
        assert_relative(case[f"t{n}_1"] - case[f"h{n}_1"], sent, 1e-12, f"t{n}_1")
