"""EventProp against the authors' simulator: spike times, errors and gradients, and central differences of its loss."""

import math

import pytest
import torch
from torch import nn

from spikelearn.network import Block, FirstSpikeReadout, Network
from spikelearn.neurons import CubaLIF
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.plasticity.losses import TimeToFirstSpike
from spikelearn.training import Training, learn
from tests.golden.files import assert_relative, golden_files, load

TOLERANCE = 1e-11
#: Central differences of the authors' simulator agree with its own gradients to 1e-8.
DIFFERENCES = 1e-6
LAYERS = ("hidden", "output")
#: Long after the last spike that arrives: every spike of the simulator is in the window.
TAIL = 1.0


def step_of(case):
    """Seconds a step, such that no input fires twice in one."""
    dt = 1e-3
    place = torch.stack([case["input_sample"], case["input_source"].long()])
    while len(torch.cat([place, (case["input_time"] / dt).long().unsqueeze(0)]).unique(dim=1).T) < place.shape[1]:
        dt /= 2
    return dt


def inputs_of(case, dt):
    step = (case["input_time"] / dt).long()
    inputs = torch.zeros(int(step.max()) + 1, case["B"], case["n_in"], dtype=torch.float64)
    inputs[step, case["input_sample"], case["input_source"].long()] = step + 1 - case["input_time"] / dt
    return inputs


def network_of(case, dt):
    """The neurons whose current jumps by the weight itself."""
    neuron = {"r": 1.0 / (1.0 - math.exp(-dt / case["tau_syn"])), "v_threshold": case["v_th"], "dt": dt}
    blocks = {
        name: Block(
            nn.Linear(*case[f"w_{name}"].shape, bias=False), CubaLIF(case["tau_mem"], case["tau_syn"], **neuron)
        )
        for name in LAYERS
    }
    network = Network(blocks, readout=FirstSpikeReadout(dt)).double()
    with torch.no_grad():
        for name in LAYERS:
            network.get_parameter(f"blocks.{name}.synapse.weight").copy_(case[f"w_{name}"].T)
    return network


def assert_list(case, name, spikes, values):
    """Spikes in a file's order: by sample, then by time."""
    there = spikes.sizes > 0
    sample = there.nonzero()[:, 0]
    assert sample.equal(case[f"{name}_sample"])
    assert spikes.sources[there].equal(case[f"{name}_source"].long())
    for key, value in {"time": spikes.times, **values}.items():
        assert_relative(value[there], case[f"{name}_{key}"], TOLERANCE, f"{name}_{key}")


@pytest.mark.parametrize("path", golden_files("eventprop_*.npz"))
def test_times_errors_and_gradients(path):
    case = load(path)
    assert case["rule"] == "eventprop"
    dt = step_of(case)
    network = network_of(case, dt)
    loss = TimeToFirstSpike(case["tau0"], case["tau1"], case["alpha"])
    rule = RULES.make("eventprop", {"loss": loss, "tail": TAIL})
    batch = Batch(inputs_of(case, dt), case["labels"])
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 1.0))
    runs = rule.present(network, batch.inputs, {})
    update = learn(training, batch)

    assert_relative(update.loss, case["loss"].mean(), TOLERANCE, "loss")
    assert_relative(loss.each(update.scores, batch.targets), case["loss"], TOLERANCE, "loss of each sample")
    first = case["first_spike_times"]
    assert update.scores.isinf().equal(first.isinf())
    assert_relative(-update.scores[first.isfinite()], first[first.isfinite()], TOLERANCE, "first_spike_times")
    for name in LAYERS:
        key = f"blocks.{name}.synapse.weight"
        assert_relative(update.grads[key].T, case[f"grad_w_{name}"], TOLERANCE, key)
        assert_relative(update.grads[key].T, case[f"grad_w_{name}_finite_difference"], DIFFERENCES, key)
        assert network.get_parameter(key).equal(before[key] - update.grads[key])

    shown = rule.errors(batch, update.scores, runs["output"].fired)[1]
    back = rule.carried_back(runs, shown)
    assert_list(case, "input", runs["hidden"].spikes, {"error": back["hidden"].errors})
    currents = runs["hidden"].fired.currents.flatten(1).gather(1, runs["output"].places)
    assert_list(case, "hidden", runs["output"].spikes, {"error": back["output"].errors, "current": currents})
    fired = runs["output"].fired
    assert_list(case, "output", *listed(fired.times, {"error": shown, "current": fired.currents}))
    above = torch.cat([run.fired.currents[run.fired.times.isfinite()] for run in runs.values()]) - case["v_th"]
    assert float(above.min()) == pytest.approx(case["min_I_minus_threshold"], rel=1e-9)
    case.assert_all_read("seed|n_hidden|n_out")


def listed(times, values):
    """Spikes of the output in the order of time, and what belongs to them."""
    from spikelearn.plasticity.gradient.event_times import in_order

    spikes, places = in_order(times, math.inf)
    return spikes, {key: value.flatten(1).gather(1, places) for key, value in values.items()}
