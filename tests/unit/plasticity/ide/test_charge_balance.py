"""IDE: rates of a simulation by charge balance."""

import pytest
import torch
import torch.nn.functional as F

from spikelearn.network import Block, Feedback, Network
from spikelearn.neurons import IF, LIF
from spikelearn.plasticity import IDE, Batch
from spikelearn.plasticity.equilibrium.ide import sources
from spikelearn.traces import weighted_rate
from tests.unit.plasticity.ide.networks import (
    F64,
    NEURONS,
    TARGETS,
    V,
    decay_of,
    equilibrium,
    linear,
    one_block,
    still,
    two_blocks,
    two_sources,
    update_of,
)


@pytest.mark.parametrize("steps", [1, 2, 7, 40])
@pytest.mark.parametrize(
    "neuron",
    [
        *NEURONS.values(),
        lambda: LIF(10e-3, r=9.0, v_threshold=V, reset="subtract"),
        lambda: IF(V, r=1.5, reset="subtract"),
    ],
    ids=["if", "lif", "lif of a time constant", "if of a resistance"],
)
def test_charge_balance(neuron, steps):
    """V sum lambda^(T-1-t) s[t] = sum lambda^(T-1-t) g I[t] - u[T-1], u after the reset, in every block."""
    blocks = {"a": Block(linear(6, 8), neuron()), "b": Block(linear(8, 5), neuron(), delay=1)}
    edges = {"near": Feedback("a", "a", linear(8, 8, lift=0.0)), "far": Feedback("b", "a", linear(5, 8, lift=-0.3))}
    network = Network(blocks, edges)
    record, _ = network.run(torch.rand(steps, 4, 6, dtype=F64))
    for name, seen in record.items():
        current = torch.stack([network.blocks[name].synapse(pre) for pre in seen.pre])
        for edge_name, edge in network.feedback.items():
            if edge.target == name:
                current = current + torch.stack([edge.synapse(met) for met in record.feedback[edge_name]])
        model = network.blocks[name].neuron
        powers = model.decay_mem ** torch.arange(steps - 1, -1, -1, dtype=F64).view(-1, 1, 1)
        left = seen.v[-1] - model.v_threshold * seen.spikes[-1]
        right = (powers * model.gain_mem * current).sum(0) - left
        torch.testing.assert_close(V * (powers * seen.spikes).sum(0), right, rtol=0, atol=1e-12)
        assert steps < 7 or 0 < seen.spikes.mean() < 1


def test_the_rate_of_an_if_neuron_approaches_the_equilibrium_as_one_over_t():
    network, x = two_blocks("if"), torch.rand(4, 6, dtype=F64)
    with torch.no_grad():
        limit = equilibrium(network, x)["b"]
    assert limit.min() > 0.05
    assert limit.max() < 0.95
    errors = {}
    for steps in (10, 40, 160, 640):
        rates = IDE().simulate(network, still(x, steps).inputs, {}).rates
        errors[steps] = float((rates["b"] - limit).abs().max())
    assert all(steps * error < 5.0 for steps, error in errors.items()), errors
    assert errors[640] < errors[10] / 20


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("make", [one_block, two_blocks, two_sources])
@pytest.mark.parametrize("events", [False, True])
def test_simulated_rates_are_those_of_a_run(neuron, make, events):
    network = make(neuron)
    masks = {"a.synapse": 2.0 * torch.rand(4, 8, dtype=F64).round()}
    x = torch.rand(4, 6, dtype=F64)
    inputs = (torch.rand(9, 4, 6) < 0.5).to(F64) if events else x.expand(9, 4, 6)
    record, _ = network.run(inputs, masks=masks)
    simulated = IDE().simulate(network, inputs, masks)
    assert list(simulated.rates) == sources(network)
    for name, rate in simulated.rates.items():
        torch.testing.assert_close(rate, weighted_rate(record[name].spikes, decay_of(neuron)))
        assert not rate.requires_grad
    for name, fired in simulated.fired.items():
        assert fired == pytest.approx(record[name].spikes.mean().item())
    update = update_of(IDE(dropout=0.0), network, Batch(inputs, TARGETS, masks))
    torch.testing.assert_close(update.scores, network.scores(record).detach())
    torch.testing.assert_close(update.loss, F.cross_entropy(network.scores(record), TARGETS).detach())
    assert update.rates == pytest.approx(simulated.fired)
