"""IDE: batch statistics by hand."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, Network
from spikelearn.plasticity import IDE, Batch
from spikelearn.plasticity.equilibrium.ide import mean_input
from spikelearn.traces import weighted_rate
from tests.unit.plasticity.ide.networks import (
    F64,
    NEURONS,
    AtEquilibrium,
    V,
    decay_of,
    equilibrium,
    head,
    linear,
    loss_at,
    mapped,
    update_of,
)


def normalised(neuron="lif", blocks=1):
    """Batch norm behind every block's weights, with its own scale and shift."""

    def synapse(inputs, outputs):
        made = nn.Sequential(nn.Linear(inputs, outputs, dtype=F64), nn.BatchNorm1d(outputs, dtype=F64))
        with torch.no_grad():
            made[1].weight.copy_(0.4 + 0.2 * torch.rand(outputs, dtype=F64))
            made[1].bias.copy_(0.5 + 0.2 * torch.rand(outputs, dtype=F64))
        return made

    made = {"a": Block(synapse(6, 8), NEURONS[neuron]())}
    if blocks == 2:
        made["b"] = Block(synapse(8, 5), NEURONS[neuron]())
    last, size = list(made)[-1], 8 if blocks == 1 else 5
    return Network(made, {"loop": Feedback(last, "a", linear(size, 8, bias=False))}, head(size, decay_of(neuron)))


def simulated_by_hand(current, weight, decay):
    """Rates of one block with its own feedback: current [T, B, n], one step late loop."""
    u, spikes, record = torch.zeros_like(current[0]), torch.zeros_like(current[0]), []
    for now in current:
        u = decay * u + now + spikes @ weight.T
        spikes = (u >= V).to(F64)
        u = u - V * spikes
        record.append(spikes)
    return weighted_rate(torch.stack(record), decay)


@pytest.mark.parametrize(("masked", "size"), [(False, 3.0), (True, 3.0), (False, 2e-4)])
def test_event_input_is_normalised_by_the_statistics_of_its_weighted_mean(masked, size):
    """Every step with mean and unbiased variance + 1e-8 over the batch of f(sum lambda^(T-1-t) x / sum lambda^t).

    Where the input is small the 1e-8 is what counts, not the 1e-5 of the norm.
    """
    network = normalised("lif")
    inputs = size * (torch.rand(12, 5, 6) < 0.4).to(F64)
    masks = {"inputs": 2.0 * (torch.rand(5, 6) < 0.7).to(F64)} if masked else {}
    weights = 0.9 ** torch.arange(11, -1, -1, dtype=F64)
    seen = inputs * masks["inputs"] if masked else inputs
    mean = (weights.view(-1, 1, 1) * seen).sum(0) / weights.sum()
    torch.testing.assert_close(mean_input(network, seen), mean)
    dense, norm = network.blocks["a"].synapse
    with torch.no_grad():
        through = dense(mean)
        centre = through.sum(0) / 5
        variance = (through - centre).square().sum(0) / 4 + 1e-8
        current = norm.weight * (dense(seen) - centre) / variance.sqrt() + norm.bias
        expected = simulated_by_hand(current, network.feedback["loop"].synapse.weight, 0.9)
    assert 0 < expected.mean() < 1
    found = IDE().simulate(network, inputs, masks).rates["a"]
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    record, _ = network.run(inputs, masks=masks)
    assert not torch.allclose(weighted_rate(record["a"].spikes, 0.9), expected), (
        "the norm of all steps would do as well"
    )


def statistics(network, block, x):
    """Mean and unbiased variance of what arrives at the norm of a block."""
    through = network.blocks[block].synapse[0](x).detach()
    return through.mean(0), through.var(0)


@pytest.mark.parametrize("updates", [1, 2])
@pytest.mark.parametrize("events", [False, True])
def test_running_statistics_move_once_by_the_mean_input_or_twice_as_the_program_does(updates, events):
    network = normalised("lif")
    inputs = (torch.rand(7, 5, 6) < 0.5).to(F64) if events else torch.rand(5, 6, dtype=F64).expand(7, 5, 6)
    targets = torch.tensor([0, 1, 2, 1, 0])
    with torch.no_grad():
        network.blocks["a"].synapse[1].running_mean.fill_(0.3)
    mean, variance = statistics(network, "a", mean_input(network, inputs))
    update = update_of(IDE(dropout=0.0, input_norm_updates=updates), network, Batch(inputs, targets))
    share = 0.19 if updates == 2 and not events else 0.1
    root = "blocks.a.synapse.1."
    torch.testing.assert_close(update.buffers[root + "running_mean"], (1 - share) * 0.3 + share * mean)
    torch.testing.assert_close(update.buffers[root + "running_var"], (1 - share) * 1.0 + share * variance)
    assert network.get_buffer(root + "running_mean").tolist() == [0.3] * 8
    assert network.blocks["a"].synapse[1].training


def test_a_still_image_is_normalised_by_the_batch():
    network, x = normalised("lif"), torch.rand(5, 6, dtype=F64)
    dense, norm = network.blocks["a"].synapse
    with torch.no_grad():
        through = dense(x)
        variance = (through - through.mean(0)).square().mean(0) + norm.eps
        current = norm.weight * (through - through.mean(0)) / variance.sqrt() + norm.bias
        expected = simulated_by_hand(current.expand(9, 5, 8), network.feedback["loop"].synapse.weight, 0.9)
    for updates in (1, 2):
        rule = IDE(input_norm_updates=updates)
        with network.presentation():
            found = rule.simulate(network, x.expand(9, 5, 6), {}).rates["a"]
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_deeper_blocks_step_with_running_statistics_and_move_them_once():
    """Their norm sees the rates of the blocks before, at the simulated rate of the source."""
    network, x = normalised("lif", blocks=2), torch.rand(5, 6, dtype=F64)
    targets = torch.tensor([0, 1, 2, 1, 0])
    update = update_of(IDE(dropout=0.0), network, Batch(x.expand(9, 5, 6), targets))
    with torch.no_grad(), network.presentation():
        rates = IDE().simulate(network, x.expand(9, 5, 6), {}).rates
        below = network.rate_map(rates, x)["a"]
    mean, variance = statistics(network, "b", below)
    torch.testing.assert_close(update.buffers["blocks.b.synapse.1.running_mean"], 0.1 * mean)
    torch.testing.assert_close(update.buffers["blocks.b.synapse.1.running_var"], 0.9 + 0.1 * variance)


def test_gradients_through_batch_statistics_are_those_of_the_unrolled_map():
    network, x = normalised("lif"), torch.rand(5, 6, dtype=F64)
    targets = torch.tensor([0, 1, 2, 1, 0])
    update = update_of(AtEquilibrium(dropout=0.0, iterations=300), network, Batch(x.expand(3, 5, 6), targets))
    rates = {name: rate.detach() for name, rate in equilibrium(network, x).items()}
    for _ in range(50):
        rates = mapped(network, rates, x)
    expected = torch.autograd.grad(loss_at(network, rates, targets), list(network.parameters()))
    for (name, grad), wanted in zip(update.grads.items(), expected, strict=True):
        # A bias in front of a batch norm has no gradient at all.
        torch.testing.assert_close(grad, wanted, rtol=1e-9, atol=1e-12, msg=name)
