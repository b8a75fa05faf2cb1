import pytest
import torch
from torch import nn

from spikelearn.datasets import Digits
from spikelearn.loading import Loader
from spikelearn.measure import BlockActivity, activity, evaluate, loader_activity
from spikelearn.network import Block, Network, build
from spikelearn.neurons import IF, LIF, LeakyIntegrator


def network(out=IF):
    """Neurons that fire always, never, at every second step, and as the second input says."""
    synapse = nn.Linear(2, 4, bias=False)
    with torch.no_grad():
        synapse.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 0.0], [0.75, 0.0], [0.0, 2.0]]))
    return Network({"a": Block(synapse, IF()), "out": Block(nn.Linear(4, 1), out())})


def inputs():
    """The second input is on for one of two samples."""
    return torch.tensor([[1.0, 0.0], [1.0, 1.0]]).repeat(4, 1, 1)


def test_by_hand():
    found = activity(network(), inputs())["a"]
    assert found == BlockActivity(rate=(1 + 0 + 0.5 + 0.5) / 4, silent=0.25, saturated=0.25)
    assert activity(network(), inputs(), saturated=0.5)["a"].saturated == 0.75
    with pytest.raises(ValueError, match="saturated"):
        activity(network(), inputs(), saturated=2.0)


def test_a_mask_silences_and_its_factor_is_no_second_spike():
    masks = {"a": torch.tensor([[2.0, 2.0, 0.0, 0.0]]).expand(2, 4)}
    assert activity(network(), inputs(), masks)["a"] == BlockActivity(0.25, 0.75, 0.25)


def test_neurons_that_do_not_fire_have_none():
    found = activity(network(LeakyIntegrator.per_step), inputs())["out"]
    assert found.rate is None
    assert found.reason


def test_over_a_loader_it_agrees_with_the_evaluation():
    torch.manual_seed(0)
    net = build("64-32-10", LIF.per_step)
    loader = Loader(Digits("test"), 4, 100)
    before, drawn = {k: v.clone() for k, v in net.state_dict().items()}, torch.get_rng_state()
    found = loader_activity(net, loader)
    assert {name: seen.rate for name, seen in found.items()} == pytest.approx(evaluate(net, loader).rates)
    assert all(0.0 <= seen.silent <= 1.0 for seen in found.values())
    assert torch.equal(drawn, torch.get_rng_state())
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    assert net.training
