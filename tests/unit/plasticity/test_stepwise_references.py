"""Rules whose weights change at every step, against NEST's synapses; the rate at which inhibition settles."""

import math
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import torch
from torch import nn

from spikelearn.network import Block, Feedforward, Network
from spikelearn.neurons import LIF
from spikelearn.plasticity import RULES, Batch, Vogels
from tests.golden.prescribed import WEIGHT, both_sides, prescribed

HERE = Path(__file__).parent / "references"
F64 = torch.float64
NAME, STEPS = "blocks.out.synapse.weight", 100
spec = spec_from_file_location("reference_trains", HERE / "trains.py")
given = module_from_spec(spec)
spec.loader.exec_module(given)


def followed(rule, start, rewards=None):
    """The weight behind every step of the reference's trains."""
    pre, post, _ = (torch.tensor(train, dtype=F64)[:, None, None] for train in given.trains())
    batch = Batch(both_sides(pre, post), torch.zeros(1, dtype=torch.int64), rewards=rewards)
    network = prescribed(torch.full((1, 1), start, dtype=F64))
    rule.check(network)
    return torch.stack([moment.weights[WEIGHT][0, 0].clone() for moment in rule.walk(network, batch)])


def at_spikes(weights):
    return weights[torch.tensor(given.trains()[0])]


def test_vogels_is_nest_s_synapse():
    constants = given.VOGELS
    tau = 1e-3 * constants["tau"]
    rule = RULES.make(
        "vogels",
        {
            "learning_rate": constants["eta"],
            "target_rate": constants["alpha"] / (2 * tau),
            "tau": tau,
            "low": constants["Wmax"],
        },
    )
    expected = torch.tensor(np.load(HERE / "nest.npz")["vogels"])
    torch.testing.assert_close(at_spikes(followed(rule, constants["weight"])), expected, rtol=1e-12, atol=0)


def test_dopamine_stdp_is_nest_s_synapse():
    """Its concentrations are per millisecond, ours per second; a step leaves the weights that the next one meets."""
    constants = given.DOPAMINE
    rule = RULES.make(
        "dopamine-stdp",
        {
            "learning_rate": 1.0,
            "a_plus": constants["A_plus"],
            "a_minus": -constants["A_minus"],
            "tau_plus": 1e-3 * constants["tau_plus"],
            "tau_minus": 1e-3 * given.TAU_MINUS,
            "tau_eligibility": 1e-3 * constants["tau_c"],
            "tau_dopamine": 1e-3 * constants["tau_n"],
            "baseline": 1e3 * constants["b"],
            "low": constants["Wmin"],
            "high": constants["Wmax"],
        },
    )
    rewards = torch.tensor(given.trains()[2], dtype=F64)[:, None]
    expected = torch.tensor(np.load(HERE / "nest.npz")["dopamine"])
    met = torch.cat([torch.tensor([given.START], dtype=F64), followed(rule, given.START, rewards)[:-1]])
    torch.testing.assert_close(at_spikes(met), expected, rtol=1e-11, atol=1e-11)


def test_inhibition_settles_at_the_target_rate():
    """Neurons under different excitation, which is frozen, all come to the rate at which the mean change is 0."""
    blocks = {"out": Block(nn.Linear(20, 3, bias=False), LIF(10e-3, r=1.0, discretisation="euler"))}
    excitatory = nn.Linear(20, 3, bias=False).requires_grad_(False)
    network = Network(blocks, feedforward={"excitation": Feedforward("inputs", "out", excitatory)}).double()
    with torch.no_grad():
        network.get_parameter(NAME).fill_(-0.01)
        network.get_parameter(NAME)[:, 10:] = 0.0
        excitatory.weight.zero_()
        excitatory.weight[:, 10:] = torch.tensor([[1.0], [1.5], [2.0]], dtype=F64)
    rule = Vogels(learning_rate=0.01, target_rate=40.0, tau=20e-3, low=-50.0)
    weight, generator, rates = network.get_parameter(NAME), torch.Generator().manual_seed(0), []
    for _ in range(14):
        inputs = (torch.rand(STEPS, 16, 20, generator=generator, dtype=F64) < 0.2).to(F64)
        moments = rule.walk(network, Batch(inputs, torch.zeros(16, dtype=torch.int64)))
        spikes, weights = zip(*((moment.record["out"].spikes, moment.weights[NAME]) for moment in moments), strict=True)
        rates.append(torch.cat(spikes).mean((0, 1)) / 1e-3)
        with torch.no_grad():
            weight.copy_(weights[-1])
    # Traces are empty as a presentation begins, of which the rest has to make up for it.
    decay = math.exp(-1 / 20)
    filled = 1 - (1 - decay**STEPS) / STEPS / (1 - decay)
    expected = 40.0 * 20 * (1 / decay - 1) / filled
    settled = torch.stack(rates[7:]).mean(0)
    assert (rates[0] > 1.5 * expected).all()
    torch.testing.assert_close(settled, torch.full_like(settled, expected), rtol=0.1, atol=0)
