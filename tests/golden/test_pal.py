"""Phaseless alignment learning against the authors' program: every layer's state, weights and weights back, in time."""

import json
import math

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import ACTIVATIONS
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.tasks import Regress
from spikelearn.training import Training, learn
from tests.golden.files import golden_files, load

ERRORS = {"mse": "potential", "softmax": "softmax", "rate": "rate"}
#: {key of a file: what the rule calls it}.
STATES = {"xi": "noise", "u": "v", "ub": "prospective", "r": "rate", "rhp": "high", "err": "error"}


def layers_of(case):
    return range(1, case["n_layers"] + 1)


def network_of(case):
    blocks = {
        f"layer{n}": Block(nn.Linear(*case["sizes"][n - 1 : n + 1].tolist()), Rate(ACTIVATIONS.make(name)))
        for n, name in enumerate(json.loads(case["acts_json"]), 1)
    }
    network = Network(blocks).to(case["x"].dtype)
    with torch.no_grad():
        for n in layers_of(case):
            network.blocks[f"layer{n}"].synapse.weight.copy_(case[f"W{n}_0"])
            network.blocks[f"layer{n}"].synapse.bias.copy_(case[f"b{n}_0"])
    return network


def steps_of(case):
    """The largest number of steps of which every batch is made while inputs and targets rest."""
    moved = [
        t for t in range(1, case["n_steps"]) if any(not case[key][t].equal(case[key][t - 1]) for key in ("x", "target"))
    ]
    return math.gcd(*moved, case["n_steps"])


def options_of(case, steps):
    *sigma, last = case["sigma"].tolist()
    return {
        "steps": steps,
        "sigma": sigma,
        "output_sigma": last,
        "alpha": case["alpha"],
        "beta": case["beta"],
        "error": ERRORS[case["target_type"]],
        "lr_factor": case["lr_factors"].tolist(),
        "feedback_factor": case["feedback_lr_factors"].tolist(),
        "dt": case["dt"],
        "tau": case["tau"],
        "tau_noise": case["tau_xi"],
        "tau_high": case["tau_HP"],
        "tau_low": case["tau_LO"],
        "carry": case["batch"],
    }


def watched(monkeypatch, rule, training):
    """A list of every step: the state of all layers, and weights after the step's changes."""
    seen, whole = [], type(rule).integrate

    def integrate(self, *given):
        for moment in whole(self, *given):
            yield moment
            tensors = {**dict(training.network.named_parameters()), **training.memory}
            seen.append((moment, {name: value.detach().clone() for name, value in tensors.items()}))

    monkeypatch.setattr(type(rule), "integrate", integrate)
    return seen


@pytest.mark.parametrize("path", golden_files("pal_*.npz"))
def test_states_and_weights_in_time(path, monkeypatch):
    case = load(path)
    assert (case["rule"], case["program"]) == ("pal", "latent_equilibrium_layers")
    assert case["feedback_lr_factors"][0] == 0, "the layer fed by the input has no weights on the way back"
    tolerance = 1e-11 if case["dtype"] == "float64" else 5e-6
    steps = steps_of(case)
    rule = RULES.make("pal", options_of(case, steps))
    training = Training.start(network_of(case), rule, optimizer=OptimizerChoice("sgd", case["lr"]))
    for n in layers_of(case):
        if n > 1:
            training.memory[f"back_weights.layer{n}"].copy_(case[f"Bf{n}_0"])
    seen = watched(monkeypatch, rule, training)
    noisy = [n for n in layers_of(case) if case["sigma"][n - 1]]
    for start in range(0, case["n_steps"], steps):
        drawn = {f"noise.layer{n}": case[f"w{n}"][start : start + steps].transpose(0, 1) for n in noisy}
        learn(training, Batch(case["x"][start].unsqueeze(0), case["target"][start], task=Regress(), draws=drawn))
    assert len(seen) == case["n_steps"]
    for place, time in enumerate(case["times"].tolist()):
        moment, tensors = seen[time - 1]
        for n in layers_of(case):
            found = {key: getattr(moment.layers[f"layer{n}"], name) for key, name in STATES.items()}
            found |= {"W": tensors[f"blocks.layer{n}.synapse.weight"], "b": tensors[f"blocks.layer{n}.synapse.bias"]}
            found |= {"Bf": tensors[f"back_weights.layer{n}"]} if n > 1 else {}
            for key, value in found.items():
                stored = case[f"{key}{n}_t"]
                scale = float(stored.abs().max())
                gap = float((value.detach() - stored[place]).abs().max())
                assert gap <= tolerance * scale, f"{key}{n} after {time} steps: off by {gap:.3g} of {scale:.3g}"
    case.assert_all_read(r"seed|w\d+|Bf1_.*|tau_LO")
