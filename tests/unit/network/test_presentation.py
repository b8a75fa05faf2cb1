"""One batch is one presentation: buffers, reparametrised weights and modes come out as they went in."""

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from spikelearn.network import Block, Feedback, Network, evaluating
from spikelearn.neurons import LIF
from spikelearn.synapses import correlate

F64 = torch.float64


def test_presentation_copies_buffers_and_shares_weights():
    network = Network(
        {
            "a": Block(nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8)), LIF.per_step(0.8)),
            "b": Block(spectral_norm(nn.Linear(8, 3)), LIF.per_step(0.8)),
        }
    )
    before = {name: value.clone() for name, value in network.named_buffers()}
    with network.presentation() as buffers:
        network.run(torch.rand(5, 4, 6))
        one = network.blocks["b"].synapse.weight
        assert network.blocks["b"].synapse.weight is one
    for name, value in network.named_buffers():
        torch.testing.assert_close(value, before[name], msg=name)
    assert set(buffers) == set(before)
    assert not buffers["blocks.a.synapse.1.running_mean"].equal(before["blocks.a.synapse.1.running_mean"])


def test_presentation_restores_after_an_error():
    network = Network({"a": Block(nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8)), LIF.per_step(0.8))})
    before = network.blocks["a"].synapse[1].running_mean.clone()

    def fail():
        with network.presentation():
            network.run(torch.rand(5, 4, 6))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    torch.testing.assert_close(network.blocks["a"].synapse[1].running_mean, before)


def test_stepped_synapses_use_running_statistics():
    network = Network({"a": Block(nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8)), LIF.per_step(0.8))})
    before = {name: value.clone() for name, value in network.named_buffers()}
    network.step(torch.rand(4, 6))
    assert network.blocks["a"].synapse[1].training
    for name, value in network.named_buffers():
        assert value.equal(before[name])


def reparametrised():
    """A feedback network whose weights are all reparametrised, in training mode."""
    torch.manual_seed(0)
    blocks = {
        "a": Block(spectral_norm(nn.Linear(6, 5)), LIF.per_step(0.8)),
        "b": Block(spectral_norm(nn.Linear(5, 3)), LIF.per_step(0.8)),
    }
    return Network(blocks, {"back": Feedback("b", "a", spectral_norm(nn.Linear(3, 5)))}).to(F64)


def test_a_presentation_changes_no_number():
    network, inputs = reparametrised().eval(), 4 * torch.rand(6, 4, 6, dtype=F64)
    outside, _ = network.run(inputs)
    with network.presentation():
        network.shapes(inputs[0])
        inside, _ = network.run(inputs)
    assert outside["b"].spikes.sum() > 0
    for name, seen in outside.items():
        torch.testing.assert_close(inside[name].v, seen.v)


def test_weights_of_a_presentation_can_be_differentiated_after_a_run_without_grad():
    network, inputs = reparametrised(), 4 * torch.rand(6, 4, 6, dtype=F64)
    with torch.no_grad(), network.presentation():
        record, _ = network.run(inputs)
        for prefix, synapse, pre, target in network.edges(record):
            found = correlate(synapse, pre, record[target].v)
            assert any(value.abs().max() > 0 for value in found.values()), prefix


def test_shapes_write_nothing():
    network = reparametrised()
    before = {name: value.clone() for name, value in network.named_buffers()}
    assert network.shapes(torch.rand(4, 6, dtype=F64)) == {"a": (5,), "b": (3,)}
    assert all(value.equal(before[name]) for name, value in network.named_buffers())


def test_evaluating_gives_every_module_its_own_mode_back():
    network = Network({"a": Block(nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5)), LIF())})
    network.blocks["a"].synapse[1].eval()
    with evaluating(network):
        assert not any(module.training for module in network.modules())
    assert network.training
    assert not network.blocks["a"].synapse[1].training


def test_stepping_needs_running_statistics():
    norm = nn.BatchNorm1d(3, track_running_stats=False)
    network = Network({"a": Block(nn.Sequential(nn.Linear(3, 3), norm), LIF())})
    with pytest.raises(ValueError, match="keeps no running statistics"):
        network.step(torch.rand(4, 3))
