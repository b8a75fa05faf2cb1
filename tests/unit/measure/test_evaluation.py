import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from spikelearn.datasets import Digits, Loader
from spikelearn.measure import correct, correct_unique, evaluate
from spikelearn.network import Block, Network, build
from spikelearn.neurons import LIF

SCORES = torch.tensor([[3.0, 1, 2], [3, 3, 1], [0, 0, 0], [1, 3, 3], [0, 1, 2]])


def test_a_tie_and_silence_are_errors_where_the_maximum_must_be_unique():
    targets = torch.tensor([0, 0, 0, 2, 1])
    assert correct(SCORES, targets) == 3
    assert correct_unique(SCORES, targets) == 1
    assert correct_unique(SCORES, torch.tensor([0, 1, 2, 1, 2])) == 2


def silent(weight):
    network = build("64-10", lambda: LIF.per_step(0.5), bias=False)
    with torch.no_grad():
        network.get_parameter("blocks.fc1.synapse.1.weight").fill_(weight)
    return network


@pytest.mark.parametrize("weight", [0.0, 5.0])
def test_both_accuracies(weight):
    """All outputs alike: class 0 wins by its number, and no one wins alone."""
    found = evaluate(silent(weight), Loader(Digits("test"), 3, 100))
    assert found.accuracy == pytest.approx((Digits("test").targets == 0).double().mean().item())
    assert found.unique_accuracy == 0.0
    assert found.samples == len(Digits("test"))
    assert set(found.rates) == {"fc1"}


def test_they_agree_where_nothing_ties():
    torch.manual_seed(0)
    network = Network({"a": Block(nn.Sequential(nn.Flatten(), nn.Linear(64, 10)), LIF.per_step(0.9))})
    network.readout = MembraneMean()
    found = evaluate(network, Loader(Digits("test"), 5, 100))
    assert found.unique_accuracy == found.accuracy


class MembraneMean(nn.Module):
    def forward(self, output):
        return output.v.mean(0)


class Counted(nn.Module):
    """A reparametrisation that counts how often it is computed, and moves a buffer each time."""

    def __init__(self):
        super().__init__()
        self.calls = 0
        self.register_buffer("moved", torch.zeros(()))

    def forward(self, weight):
        self.calls += 1
        self.moved += 1
        return weight


def test_reparametrised_weights_are_computed_once_a_batch_and_buffers_stay():
    network = build("64-10", lambda: LIF.per_step(0.5))
    counted = Counted()
    parametrize.register_parametrization(network.blocks["fc1"].synapse[1], "weight", counted)
    counted.calls = 0
    before = counted.moved.clone()
    evaluate(network, Loader(Digits("test"), 3, 100))
    assert counted.calls == 4, "360 samples in batches of 100"
    assert counted.moved.equal(before)
