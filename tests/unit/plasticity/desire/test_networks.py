"""Desire backpropagation: networks and options that it takes, and those that it refuses."""

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from spikelearn.plasticity import Batch
from spikelearn.plasticity.targets.desire import Desire
from tests.helpers import only_update
from tests.unit.plasticity.desire.networks import F64, batch_of, network_of


def test_frozen_weights_have_no_key_and_still_pass_desires_on():
    network, data = network_of((16, 12), (12, 8), (8, 4)), batch_of((16,), 3)
    whole = only_update(Desire(), network, data)
    for name in ("b1", "b2"):
        network.blocks[name].requires_grad_(False)
    part = only_update(Desire(), network, data)
    assert set(part.grads) == {"blocks.b0.synapse.weight"}
    assert part.grads["blocks.b0.synapse.weight"].equal(whole.grads["blocks.b0.synapse.weight"])


def test_a_frozen_bias_is_allowed():
    network, data = network_of((16, 12), (12, 4)), batch_of((16,), 3)
    network.blocks["b0"].synapse.bias = nn.Parameter(0.1 * torch.ones(12, dtype=F64), requires_grad=False)
    update = only_update(Desire(dropout_hidden=0.3), network, data)
    assert set(update.grads) == {"blocks.b0.synapse.weight", "blocks.b1.synapse.weight"}


def test_pooling_and_reparametrised_weights():
    network = network_of((2, 4, 3), (36, 4), gain=2.0)
    dense = network.blocks["b1"].synapse[-1]
    network.blocks["b1"].synapse = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), parametrizations.orthogonal(dense))
    network.blocks["b1"].requires_grad_(False)
    update = only_update(Desire(), network, batch_of((2, 8, 8), 3))
    assert set(update.grads) == {"blocks.b0.synapse.weight"}
    assert update.grads["blocks.b0.synapse.weight"].any()


def test_reparametrised_dense_weights_take_the_generic_path():
    network, data = network_of((16, 12), (12, 4)), batch_of((16,), 3)
    plain = only_update(Desire(), network, data).grads["blocks.b1.synapse.weight"]

    class Same(nn.Module):
        def forward(self, weight):
            return 1.0 * weight

    nn.utils.parametrize.register_parametrization(network.blocks["b1"].synapse, "weight", Same())
    found = only_update(Desire(), network, data).grads["blocks.b1.synapse.parametrizations.weight.original"]
    torch.testing.assert_close(found, plain)


def test_no_graph_is_left():
    update = only_update(Desire(), network_of((16, 12), (12, 4)), batch_of((16,), 3))
    assert not update.scores.requires_grad
    assert not any(grad.requires_grad for grad in update.grads.values())


def test_refuses_an_image_shaped_output():
    with pytest.raises(ValueError, match=r"one output neuron a class, but block 'b0' has the shape \[4, 5, 5\]"):
        only_update(Desire(), network_of((2, 4, 3)), batch_of((2, 7, 7)))


def test_refuses_a_margin_as_long_as_the_presentation():
    with pytest.raises(ValueError, match="margin is 4 for T = 4 steps, expected a smaller one"):
        only_update(Desire(), network_of((16, 4)), batch_of((16,), steps=4))


def test_refuses_targets_without_an_output():
    with pytest.raises(ValueError, match="targets go from 7 to 7, but the network has 4 outputs"):
        only_update(Desire(), network_of((16, 4)), Batch(torch.rand(20, 1, 16, dtype=F64), torch.tensor([7])))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"margin": -1}, "margin is -1, expected a whole number of at least 0"),
        ({"threshold_output": 0.0}, "threshold_output is 0.0, expected a positive number"),
        ({"threshold_dense": 0.0}, "threshold_dense is 0.0, expected a positive number"),
        ({"threshold_conv": -0.2}, "threshold_conv is -0.2, expected a positive number"),
        ({"dropout_input": 1.0}, r"dropout_input is 1.0, expected a number in \[0, 1\)"),
        ({"dropout_hidden": -0.1}, r"dropout_hidden is -0.1, expected a number in \[0, 1\)"),
        ({"conv_rate": 0.0}, "conv_rate is 0.0, expected a positive number"),
        ({"chunk": 0}, "chunk is 0, expected a whole number of at least 1"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        Desire(**options)
