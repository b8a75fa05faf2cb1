"""``WithoutSelf``: recurrent weights by which no neuron drives itself."""

import pytest
import torch
from torch import nn

from spikelearn.network import build
from spikelearn.neurons import LIF
from spikelearn.plasticity import BPTT
from spikelearn.synapses import without_self
from tests.helpers import batch_for, lifted, only_update


def test_what_stands_on_the_diagonal_has_no_effect_and_never_changes():
    network = lifted(build("6-5(F5x)-3", LIF.per_step))
    data, original = batch_for(network), "feedback.from_fc1.synapse.parametrizations.weight.original"
    plain = lifted(build("6-5(F5)-3", LIF.per_step))
    with torch.no_grad():
        for one, other in zip(network.parameters(), plain.parameters(), strict=True):
            other.copy_(one)
        plain.get_parameter("feedback.from_fc1.synapse.weight").fill_diagonal_(0.0)
    found, expected = only_update(BPTT(), network, data), only_update(BPTT(), plain, data)
    assert found.scores.equal(expected.scores)
    assert found.grads[original].diagonal().abs().max() == 0
    torch.testing.assert_close(
        found.grads[original], expected.grads["feedback.from_fc1.synapse.weight"].fill_diagonal_(0.0)
    )
    assert found.grads[original].abs().max() > 0


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="synapse has 4 inputs and 3 outputs, expected as many"):
        without_self(nn.Linear(4, 3))
