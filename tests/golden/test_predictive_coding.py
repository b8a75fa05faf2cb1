"""Predictive coding against Torch2PC: fixed predictions, strict and exact, after every number of iterations."""

import json

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, ReLU, Tanh
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.plasticity.equilibrium import pc
from spikelearn.tasks import CLASSIFY, Regress
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

WITHIN = 1e-11
FORMS = {"FixedPred": "fixed-pred", "Strict": "strict", "Exact": "exact"}
LOSSES = {"ce_mean": "cross-entropy", "mse_mean": "mse", "halfmse_sum": "squared-error"}
ACTIVATIONS = {"tanh": Tanh(), "relu": ReLU()}
LAYERS = {
    "linear": nn.Linear,
    "conv": lambda before, after, size, stride, padding: nn.Conv2d(before, after, size, stride, padding),
    "maxpool": lambda: nn.MaxPool2d(2),
    "flatten": nn.Flatten,
}


def block_of(ops):
    """A block of the program; its largest of four neurons is that of their currents, as the activations rise."""
    names = [kind for kind, *_ in ops]
    assert "avgpool" not in names or not set(names) & ACTIVATIONS.keys(), "the mean of outputs is not that of currents"
    acts = [ACTIVATIONS[name] for name in names if name in ACTIVATIONS]
    layers = [LAYERS[kind](*sizes) for kind, *sizes in ops if kind not in ACTIVATIONS]
    return Block(nn.Sequential(*layers), Rate(acts[0] if acts else Linear()))


def network_of(case):
    ops = json.loads(case["arch_json"])
    network = Network({f"l{n}": block_of(each) for n, each in enumerate(ops, start=1)}).to(case["x"].dtype)
    with torch.no_grad():
        for name in network.blocks:
            for key, parameter in network.blocks[name].synapse.named_parameters():
                parameter.copy_(case[f"{name}_{key.rpartition('.')[2]}"])
    return network


def updated(case, iterations):
    """The update of the registered rule after a number of iterations, as training takes it."""
    mean = case["loss_kind"].endswith("mean")
    samples = len(case["x"])
    options = {"form": FORMS[case["algorithm"]], "loss": LOSSES[case["loss_kind"]]}
    options["nudging"] = 1.0 / samples if mean else 1.0
    if case["algorithm"] != "Exact":
        options |= {"eta": case["eta"], "iterations": iterations}
    if case["algorithm"] == "Strict":
        options["presynaptic"] = "moved"
    network = network_of(case)
    before = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    task, targets = (CLASSIFY, case["labels"]) if "labels" in case else (Regress(), case["target"])
    training = Training.start(network, RULES.make("pc", options), optimizer=OptimizerChoice("sgd", 0.5))
    update = learn(training, Batch(case["x"].unsqueeze(0), targets, task=task))
    changes = {}
    for name, parameter in network.named_parameters():
        block, key = name.split(".")[1], name.rpartition(".")[2]
        # A program that descends the sum over the samples has no mean.
        changes[f"{block}_{key}_grad"] = (before[name] - parameter.detach()) / 0.5 * (1 if mean else samples)
    return update, changes


@pytest.fixture
def energies(monkeypatch):
    """The energies that rules make, each with the slopes at every look, in order, and the values there."""
    made = []

    class Watched(pc.PredictiveEnergy):
        def __init__(self, *given, **options):
            super().__init__(*given, **options)
            self.looks, self.exact = [], None
            made.append(self)

        def slopes(self, values):
            found = super().slopes(values)
            self.looks.append((values, found))
            return found

        def backpropagated(self):
            self.exact = super().backpropagated()
            return self.exact

    monkeypatch.setattr(pc, "PredictiveEnergy", Watched)
    return made


def beliefs_and_errors(case, energy, name):
    """Values after each iteration and errors before it, as the program has them: prediction less belief."""
    forward = energy.forward[name].value[0]
    if energy.exact is not None:
        error = energy.exact.errors[name][0]
        return (forward - error).unsqueeze(0), error.unsqueeze(0)
    # The last block's values stay at what the network made of the inputs.
    values = [given.get(name, forward.unsqueeze(0))[0] for given, _ in energy.looks]
    errors = [slopes.errors[name][0] for _, slopes in energy.looks]
    return torch.stack(values[1:]), torch.stack(errors[:-1])


@pytest.mark.parametrize("path", golden_files("pc_torch2pc_*.npz"))
def test_torch2pc(path, energies):
    case = load(path)
    names, exact = list(network_of(case).blocks), case["algorithm"] == "Exact"
    mean, compared = case["loss_kind"].endswith("mean"), set()

    def compare(key, found):
        assert_relative(found, case[key], WITHIN, key)
        compared.add(key)

    found = [updated(case, count) for count in range(1, (1 if exact else case["n"]) + 1)]
    for key in found[0][1]:
        compare(key, torch.stack([changes[key] for _, changes in found]))
        if exact or (case["algorithm"] == "FixedPred" and case["eta"] == 1.0 and case["n"] >= len(names)):
            assert_relative(found[-1][1][key], case[f"{key}_bp"], 1e-12, f"{key}_bp")
    updated(case, case["n"] + 1)  # the last look is at the values after n moves
    energy = energies[-1]
    for name in names:
        compare(f"{name}_forward", energy.forward[name].value[0])
        beliefs, errors = beliefs_and_errors(case, energy, name)
        compare(f"{name}_belief", beliefs)
        compare(f"{name}_error", errors)
    assert_relative(energy.output_loss.slope(energy.forward[names[-1]].value)[0], case["output_grad"], WITHIN)
    assert float(found[0][0].loss) * (1 if mean else len(case["x"])) == pytest.approx(case["loss"], rel=WITHIN)
    given = {key for key in case if key in ("x", "labels", "target") or key.endswith(("_weight", "_bias", "_bp"))}
    # The program's values of the inputs have no effect on any gradient, and the rule has none.
    given |= {"l0_belief", "l0_error"}
    tensors = {key for key, value in case.items() if isinstance(value, torch.Tensor)}
    assert compared == tensors - given - {"output_grad"}
