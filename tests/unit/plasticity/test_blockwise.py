"""A block that learns by itself does so as soon as it has run."""

import pytest
import torch

from spikelearn.network import build
from spikelearn.neurons import LIF
from spikelearn.plasticity import Batch, EligibilityTrace, FixedBasis, InstantTrace, PreTrace, RandomTarget, ThreeFactor
from tests.helpers import batch_for, dense, lifted, looped, only_update

F64 = torch.float64
TRACES = [EligibilityTrace, InstantTrace, PreTrace]


def deep(blocks, width=40):
    return build("-".join(["6", *[str(width)] * blocks, "3"]), lambda: LIF.per_step(0.8, reset="subtract")).to(F64)


def most_saved(network, rule, data):
    """Most bytes that autograd held at once."""
    held = [0, 0]

    class Held:
        def __init__(self, tensor):
            self.tensor = tensor
            held[0] += tensor.nbytes
            held[1] = max(held)

        def __del__(self):
            held[0] -= self.tensor.nbytes

    with torch.autograd.graph.saved_tensors_hooks(Held, lambda kept: kept.tensor):
        only_update(rule, network, data)
    return held[1]


@pytest.mark.parametrize("trace", TRACES)
def test_the_graph_of_one_block_is_kept_at_a_time(trace):
    shallow, network = deep(2), deep(7)
    for signal in (RandomTarget(), FixedBasis()):
        few, many = (most_saved(net, ThreeFactor(signal, trace()), batch_for(net)) for net in (shallow, network))
        assert few == many


@pytest.mark.filterwarnings("ignore:class vectors of")
@pytest.mark.parametrize("signal", [RandomTarget, FixedBasis])
@pytest.mark.parametrize("trace", TRACES)
def test_the_changes_are_those_of_the_whole_record(trace, signal, monkeypatch):
    """With edges that join, delays, images and steps that are left out."""
    torch.manual_seed(3)
    strings = {"6-8-8(=fc1)-5(+inputs)-3": {}, "4C3-MP2-6-3": {"input_shape": (2, 8, 8)}}
    for string, options in strings.items():
        network = lifted(build(string, lambda: LIF.per_step(0.8, reset="subtract"), delay=1, **options), 3.0)
        data = batch_for(network)
        data = Batch(data.inputs, data.targets, {"fc1": torch.ones(5, 1, dtype=F64)}, torch.tensor([12, 3, 9, 12, 5]))
        rule = ThreeFactor(signal(), trace() if trace is not PreTrace else InstantTrace())
        memory = rule.init(network, torch.Generator().manual_seed(0))
        found = only_update(rule, network, data, memory)
        with monkeypatch.context() as patch:
            patch.setattr("spikelearn.plasticity.three_factor.rule.Local", int)
            patch.setattr("spikelearn.plasticity.three_factor.engine.walk.Local", signal)
            whole = only_update(rule, network, data, memory)
        torch.testing.assert_close(found.grads, whole.grads, rtol=1e-12, atol=1e-14)
        assert found.scores.equal(whole.scores)
        assert found.loss.equal(whole.loss)
        assert (found.rates, found.metrics) == (whole.rates, whole.metrics)


def test_a_network_with_feedback_is_looked_at_as_a_whole():
    network = looped()
    with pytest.raises(ValueError, match=r"has feedback edges \(back, loop\).*use run"):
        network.layers(batch_for(network).inputs, adjoint=ThreeFactor().adjoint)
    assert set(only_update(ThreeFactor(RandomTarget(), InstantTrace()), network, batch_for(network)).grads)


def test_blocks_come_one_by_one_as_a_run_has_them():
    network = dense()
    data = batch_for(network)
    record, _ = network.run(data.inputs)
    found = {layer.name: layer.activity for layer in network.layers(data.inputs, adjoint=ThreeFactor().adjoint)}
    assert list(found) == list(record)
    for name, seen in record.items():
        assert all(one.equal(two) for one, two in zip(found[name], seen, strict=True))
