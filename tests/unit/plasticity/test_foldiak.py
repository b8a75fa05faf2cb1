"""Anti-Hebbian inhibition: the bars of its paper, each of which one neuron comes to stand for."""

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, Network, build
from spikelearn.neurons import LIF
from spikelearn.plasticity import Batch, Foldiak
from spikelearn.training import Training, learn

SIZE, STEPS, RATE = 4, 25, 0.5


def bars(samples, generator):
    """Spikes [T, B, 16] of images of rows and columns, each there with probability 0.2, and which are there [B, 8]."""
    there = torch.rand(samples, 2 * SIZE, generator=generator) < 0.2
    rows = there[:, :SIZE, None].expand(samples, SIZE, SIZE)
    columns = there[:, None, SIZE:].expand(samples, SIZE, SIZE)
    image = RATE * (rows | columns).float().flatten(1)
    return (torch.rand(STEPS, samples, SIZE**2, generator=generator) < image).float(), there.float()


def learned(lateral):
    torch.manual_seed(0)
    network = build("16-8(F8x)" if lateral else "16-8", lambda: LIF.per_step(0.8))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.startswith("feedback") or parameter.ndim == 1:
                parameter.zero_()
            else:
                parameter.uniform_(0.0, 1.0).mul_(2.0 / parameter.sum(1, keepdim=True))
    generator, training = torch.Generator().manual_seed(0), Training.start(network, Foldiak(0.5, 5.0, 0.5))
    for _ in range(250):
        spikes, _ = bars(16, generator)
        learn(training, Batch(spikes, torch.zeros(16, dtype=torch.int64)))
    return network


@torch.no_grad()
def found(network):
    """The bar that each neuron answers most, the correlation of the two, and the rates."""
    spikes, there = bars(400, torch.Generator().manual_seed(1))
    rates = network.run(spikes)[0].output.spikes.mean(0)
    correlation = torch.corrcoef(torch.cat([rates.t(), there.t()]))[:8, 8:]
    return correlation.argmax(1).tolist(), correlation.amax(1), rates


def test_each_neuron_comes_to_stand_for_one_bar():
    bars_of, correlation, rates = found(learned(lateral=True))
    assert sorted(bars_of) == list(range(8))
    assert float(correlation.min()) > 0.6
    assert float((rates.mean(0) - 0.05).abs().max()) < 0.03
    alone, _, _ = found(learned(lateral=False))
    assert len(set(alone)) < 8


def test_feedback_to_another_block_is_refused():
    blocks = {"a": Block(nn.Linear(6, 4), LIF()), "b": Block(nn.Linear(4, 3), LIF())}
    network = Network(blocks, {"back": Feedback("b", "a", nn.Linear(3, 4, bias=False))})
    with pytest.raises(ValueError, match=r"feedback edge 'back' leads from 'b' to 'a'.*64-16\(F16x\), or freeze it"):
        Foldiak().check(network)
    network.feedback["back"].requires_grad_(False)
    Foldiak().check(network)


@pytest.mark.parametrize(("option", "value"), [("inhibition", -1.0), ("target_rate", 1.5), ("learning_rate", "fast")])
def test_wrong_options_are_named(option, value):
    with pytest.raises(ValueError, match=f"{option} is"):
        Foldiak(**{option: value})
