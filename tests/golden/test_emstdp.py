"""EMSTDP against the authors' own program: spikes, error spikes, membranes, weights after every update."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network
from spikelearn.neurons import IF
from spikelearn.plasticity import Batch
from spikelearn.plasticity.two_phase.emstdp import EMSTDP
from spikelearn.training import Bounds, Training, learn
from spikelearn.training.optimizers import UnitRMS
from tests.golden.files import assert_relative, golden_files, load

FEEDBACK = ("symmetric", "alignment", "direct")
FILES = golden_files("emstdp_*")


def layers(case):
    """The file's names of the layers, the output last."""
    hidden = sorted(key.removeprefix("w_") for key in case if key.startswith("w_h") and "after" not in key)
    return [*hidden, "o"]


def linear(weight):
    """[n_pre, n_post] -> a Linear."""
    synapse = nn.Linear(*weight.shape, bias=False)
    synapse.weight = nn.Parameter(weight.t().contiguous())
    return synapse


def made_of(case):
    """The network, rule and memory of a file."""
    if case["err_neuron_mode"] != 0 or case["loss_mode"] != 5:
        pytest.skip("another error neuron or loss than the one that the rule has")
    names = layers(case)
    blocks = {
        name: Block(linear(case[f"w_{name}"]), IF(case[f"thr_{name}"], inclusive=True), delay=min(place, 1))
        for place, name in enumerate(names)
    }
    rule = EMSTDP(
        FEEDBACK[case["feedback_mode"]],
        float(case["epsilon"]),
        case["scale"],
        gate=bool(case["derivative_gate"]),
        hidden_ratio=case["hthr_ratio"],
    )
    network, memory = Network(blocks), {}
    drawn = rule.init(network, torch.Generator())
    if rule.feedback != "symmetric":
        # The error into a hidden layer comes through the matrix of the next one.
        memory = {f"back_weights.{a}": case[f"fb_{b}"].t().contiguous() for a, b in zip(names, names[1:], strict=False)}
    assert {key: value.shape for key, value in memory.items()} == {key: value.shape for key, value in drawn.items()}
    return network, rule, memory


def batches(case):
    """The steps of every presentation but the last one, whose slot the authors' program never delivers."""
    return [Batch(inputs[:-1], case["labels"].long()) for inputs in case["input"]]


@pytest.mark.parametrize("path", FILES)
def test_error_thresholds(path):
    case = load(path)
    network, rule, _ = made_of(case)
    assert rule.error_thresholds(network) == pytest.approx([case[f"ethr_{n}"] for n in layers(case)], rel=1e-15)


@pytest.mark.parametrize("path", FILES)
def test_trajectory_and_updates(path):
    case = load(path)
    network, rule, memory = made_of(case)
    optimizer = UnitRMS(network.parameters(), lr=case["lr"])
    bounds = Bounds(-case["clip"], case["clip"])
    training = Training(network, rule, memory, optimizer, constraints=(bounds,))
    for number, batch in enumerate(batches(case)):
        compare_trajectory(case, f"step{number}", network, rule, memory, batch)
        update = learn(training, batch)
        assert update.scores.argmax(1).equal(case["pred"][number].long())
        for name in layers(case):
            weight = network.get_parameter(f"blocks.{name}.synapse.weight")
            assert_relative(weight.t(), case[f"w_{name}_after{number + 1}"], 1e-12, f"w_{name}")
            square = optimizer.state[weight]["square"]
            assert_relative(square.t(), case[f"rms_{name}_after{number + 1}"], 1e-12, f"rms_{name}")


def compare_trajectory(case, prefix, network, rule, memory, batch):
    """Step t of the file is ours of t - 1."""
    free, state = rule.free_phase(network, batch)
    moments = list(rule.corrected_phase(network, batch, memory, free, state))
    steps = len(free.output.spikes)
    assert (steps, steps + len(moments)) == (case["twin"], case["T"] - 1)
    for name in layers(case):
        expected = {part: case[f"{prefix}_{part}_{name}"] for part in ("spikes", "err_spikes", "err_mem", "U")}
        spikes = torch.cat([free[name].spikes, torch.stack([m.record[name].spikes for m in moments])])
        assert spikes.equal(expected["spikes"][1:].to(spikes.dtype)), f"{prefix} spikes of {name}"
        errors = torch.stack([m.errors[name] for m in moments])
        assert errors.equal(expected["err_spikes"][steps + 1 :].to(errors.dtype)), f"{prefix} error spikes of {name}"
        assert expected["err_spikes"][: steps + 1].abs().max() == 0
        charges = torch.stack([m.charges[name] for m in moments])
        assert_relative(charges, expected["err_mem"][steps + 1 :], 1e-12, f"{prefix} err_mem_{name}")
        after_reset = free[name].v * (1.0 - free[name].spikes)
        potentials = torch.cat([after_reset, torch.stack([m.state.neurons[name].v for m in moments])])
        assert_relative(potentials, expected["U"][1:], 1e-12, f"{prefix} U_{name}")
